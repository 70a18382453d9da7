//! Who we are, and how a command is run as root.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    process::{Command, Stdio},
};

use anyhow::{Result, bail};

/// The owner of our own process.
pub(crate) fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// Whether root's rights can be had without a question.
pub(crate) fn can_be_root() -> bool {
    is_root() || passwordless_sudo()
}

/// A command that runs as root: at once, or through sudo where that asks nothing.
pub(crate) fn as_root(program: &str) -> Result<Command> {
    if is_root() {
        return Ok(Command::new(program));
    }
    if passwordless_sudo() {
        let mut command = Command::new("sudo");
        command.args(["--non-interactive", "--preserve-env", program]);
        return Ok(command);
    }
    bail!("{program} must run as root, and sudo would ask for a password; run this as root")
}

fn passwordless_sudo() -> bool {
    let mut probe = Command::new("sudo");
    probe
        .args(["--non-interactive", "true"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    probe.status().is_ok_and(|status| status.success())
}
