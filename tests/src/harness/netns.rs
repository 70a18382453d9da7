//! Network namespaces that go when they are dropped.

use std::fs::File;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Context;
use nix::sched::{CloneFlags, setns};

use super::shell;

/// What every name begins with; then come the process number of the run and a count.
const PREFIX: &str = "idt";
/// Where `ip netns` keeps them.
const FOLDER: &str = "/run/netns";

static COUNT: AtomicU32 = AtomicU32::new(0);

/// A network namespace.
#[derive(Debug)]
pub struct Namespace {
    name: String,
}

impl Namespace {
    /// Makes one, loopback up and IPv6 addresses usable at once.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new(role: &str) -> anyhow::Result<Namespace> {
        remove_leftovers();
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let namespace = Namespace { name: format!("{PREFIX}{}-{count}-{role}", std::process::id()) };
        shell::ip(&format!("netns add {}", namespace.name))?;
        namespace.ip("link set lo up")?;
        for setting in ["all/accept_dad=0", "default/accept_dad=0", "default/router_solicitations=0"] {
            let (key, value) = setting.split_once('=').unwrap_or((setting, ""));
            namespace.set(&format!("/proc/sys/net/ipv6/conf/{key}"), value)?;
        }
        Ok(namespace)
    }

    /// Its name for `ip netns`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs `ip` in it.
    ///
    /// # Errors
    /// When it fails.
    pub fn ip(&self, arguments: &str) -> anyhow::Result<String> {
        shell::ip(&format!("-n {} {arguments}", self.name))
    }

    /// A program in it. The kernel ends it with this process.
    ///
    /// `nsenter` and not `ip netns exec`: the latter mounts a new sysfs, and with it hides the BPF file system.
    #[must_use]
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net={}", self.path().display()));
        command.args(["setpriv", "--pdeathsig", "KILL", "--"]).arg(program);
        command
    }

    /// Writes a file as it is seen in it: `/proc/sys/net`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn set(&self, path: &str, value: &str) -> anyhow::Result<()> {
        self.enter(|| std::fs::write(path, value))?.with_context(|| path.to_owned())
    }

    /// Runs something on a thread of its own inside it.
    ///
    /// # Errors
    /// When the thread cannot enter.
    ///
    /// # Panics
    /// When `work` does.
    pub fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> anyhow::Result<T> {
        let file = File::open(self.path()).with_context(|| self.name.clone())?;
        std::thread::scope(|scope| {
            let thread = scope.spawn(move || {
                setns(file, CloneFlags::CLONE_NEWNET)?;
                anyhow::Ok(work())
            });
            match thread.join() {
                Ok(done) => done,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }

    fn path(&self) -> PathBuf {
        PathBuf::from(FOLDER).join(&self.name)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        remove(&self.name);
    }
}

fn remove(name: &str) {
    shell::ip(&format!("netns delete {name}")).ok();
}

/// Removes the namespaces, folders and pins of runs that are no more.
pub fn remove_leftovers() {
    let is_gone = |process: u32| !PathBuf::from(format!("/proc/{process}")).exists();
    for (name, process) in existing() {
        if is_gone(process) {
            remove(&name);
        }
    }
    super::agent::remove_sites(is_gone);
}

/// Removes the namespaces of a run of this process number.
pub fn remove_all_of(process: u32) {
    for (name, _) in existing().into_iter().filter(|(_, owner)| *owner == process) {
        remove(&name);
    }
}

fn existing() -> Vec<(String, u32)> {
    let Ok(entries) = std::fs::read_dir(FOLDER) else { return Vec::new() };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names
        .filter_map(|name| {
            let process = name.strip_prefix(PREFIX)?.split('-').next()?.parse().ok()?;
            Some((name, process))
        })
        .collect()
}
