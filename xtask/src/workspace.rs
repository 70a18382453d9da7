//! Where the repository is, and cargo as this run of xtask was started by.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use ebpf_object::Layout;

/// The repository: cargo says where xtask's manifest is when it runs it, and has said so when it built it.
pub(crate) fn layout() -> Layout {
    let manifest =
        env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    Layout::new(manifest.parent().unwrap_or(Path::new(".")))
}

/// The same cargo that runs us, in the repository's folder.
pub(crate) fn cargo(layout: &Layout) -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(layout.root());
    cargo
}

/// Whether a machine and not a person reads along: then nothing may be skipped.
pub(crate) fn unattended() -> bool {
    env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false" && value != "0")
}

/// Where cargo puts what it builds for the host.
pub(crate) fn output(layout: &Layout) -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| layout.target(), |folder| layout.root().join(folder))
}
