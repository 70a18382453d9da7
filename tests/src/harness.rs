//! Network namespaces, a real agent, real resolvers and real clients for the tests and the demo.
//!
//! Everything made here is removed when its value is dropped, also while a test panics; what a killed run left behind is
//! removed by the next one. Nothing outside the namespaces is touched.

pub mod agent;
pub mod client;
pub mod flood;
pub mod lab;
pub mod netns;
pub mod polling;
pub mod resolver;
pub mod responder;
pub mod servers;
pub mod shell;
pub mod wire;

use std::path::{Path, PathBuf};

/// When it is set, a test that lacks a privilege or a program fails instead of skipping.
pub const REQUIRE: &str = "INTERDICT_REQUIRE_PRIVILEGE";

/// Whether this process may make namespaces and load programs. Says so when not.
///
/// # Panics
/// When it may not and [`REQUIRE`] is set.
#[must_use]
pub fn is_privileged(test: &str) -> bool {
    have(test, nix::unistd::geteuid().is_root(), "root")
}

/// Whether a test has what it needs. Says so when not.
///
/// # Panics
/// When it has not and [`REQUIRE`] is set.
#[must_use]
pub fn have(test: &str, is_there: bool, what: &str) -> bool {
    if !is_there {
        assert!(std::env::var_os(REQUIRE).is_none(), "{test}: needs {what}, and {REQUIRE} is set");
        eprintln!("{test}: skipped, it needs {what}");
    }
    is_there
}

/// Where a program is, in `PATH` or among the system's.
#[must_use]
pub fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(system).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// The agent's binary: `INTERDICT_BIN`, else the one beside this test's own folder.
///
/// # Errors
/// When there is none.
pub fn agent_binary() -> anyhow::Result<PathBuf> {
    if let Some(path) = std::env::var_os("INTERDICT_BIN") {
        return Ok(path.into());
    }
    let own = std::env::current_exe()?;
    let found =
        own.ancestors().skip(1).take(3).map(|folder| folder.join("interdict")).find(|file| file.is_file());
    found.ok_or_else(|| {
        anyhow::anyhow!("there is no interdict beside {}: build it, or set INTERDICT_BIN", own.display())
    })
}

/// Writes a file in a folder, which is made when it is missing.
pub(crate) fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    Ok(std::fs::write(path, text)?)
}
