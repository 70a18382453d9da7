//! One run of `cargo test`: compiled first, as oneself, then run, as root if so wanted.

use std::{env::consts, ffi::OsString, process::Stdio};

use anyhow::{Context, Result};
use ebpf_object::Layout;

use crate::{
    command, privilege,
    tally::{self, Tally},
    workspace,
};

/// Compiles quietly, then runs every test even if one fails. As root, if so wanted, without compiling as root.
pub(super) fn cargo_test(
    layout: &Layout,
    arguments: &[&str],
    environment: &[(&str, OsString)],
    as_root: bool,
) -> Result<Tally> {
    let selection = arguments.iter().take_while(|argument| **argument != "--");
    command::run(workspace::cargo(layout).args(["test", "--quiet", "--no-run"]).args(selection))?;
    let mut cargo = workspace::cargo(layout);
    cargo.args(["test", "--no-fail-fast"]).args(arguments).envs(environment.iter().cloned());
    if as_root && !privilege::is_root() {
        let runner = format!("CARGO_TARGET_{}_UNKNOWN_LINUX_GNU_RUNNER", consts::ARCH.to_uppercase());
        cargo.env(runner, "sudo --non-interactive --preserve-env");
    }
    cargo.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = cargo.spawn().with_context(|| format!("{} does not start", command::line(&cargo)))?;
    let mut tally = child.stdout.take().map(tally::follow).unwrap_or_default();
    if !child.wait()?.success() {
        // A test program that crashed has no closing line.
        tally.failed = tally.failed.max(1);
    }
    Ok(tally)
}
