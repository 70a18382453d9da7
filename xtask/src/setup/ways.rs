//! The ways to a compiler for the eBPF program: what each needs, and whether it is there.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use ebpf_object::{Layout, Toolchain, Way};

use super::{linker, packages};
use crate::command;

/// Carries LLVM 22, like Debian's compiler.
const NIGHTLY: &str = "nightly-2026-04-20";

const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

/// In the order in which they are tried where neither compiler is there.
pub(super) const ALL: [Way; 2] = [Way::Rustup, Way::Debian];

/// The toolchain, after installing what is missing of it.
pub(super) fn install(way: Way, layout: &Layout) -> Result<Toolchain> {
    if compiler(way).is_err() {
        match way {
            Way::Rustup => add_nightly(layout)?,
            Way::Debian => packages::install(layout, packages::COMPILER.iter().copied())?,
        }
    }
    let rustc = compiler(way)?;
    let linker = linker::install(layout)?;
    // A nightly's sources may need the nightly's cargo; Debian has none, and the stable one drives its compiler well.
    let cargo = match way {
        Way::Rustup => Some(rustc.with_file_name("cargo")),
        Way::Debian => None,
    };
    Ok(Toolchain { way, rustc, linker, cargo })
}

/// A compiler that runs, has the sources of its core library, and carries the linker's LLVM.
pub(super) fn compiler(way: Way) -> Result<PathBuf> {
    let rustc = match way {
        Way::Rustup => {
            let mut which = Command::new("rustup");
            which.args(["which", "--toolchain", NIGHTLY, "rustc"]).env("RUSTUP_AUTO_INSTALL", "0");
            PathBuf::from(command::output(&mut which)?.trim())
        }
        Way::Debian => DEBIAN_RUSTC.into(),
    };
    let facts = command::output(rustc_command(&rustc).args(["--version", "--verbose"]))?;
    let llvm = facts.lines().find_map(|line| line.strip_prefix("LLVM version: ")).unwrap_or("unknown");
    if !llvm.starts_with(&format!("{}.", linker::LLVM)) {
        bail!("{} carries LLVM {llvm}, bpf-linker needs {}", rustc.display(), linker::LLVM);
    }
    let sysroot = command::output(rustc_command(&rustc).args(["--print", "sysroot"]))?;
    let sources = Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library/core");
    if !sources.is_dir() {
        bail!("{} has no sources of its core library at {}", rustc.display(), sources.display());
    }
    Ok(rustc)
}

/// The compiler without the library path that `cargo run` sets for its own.
fn rustc_command(rustc: &Path) -> Command {
    let mut command = Command::new(rustc);
    command.env_remove("LD_LIBRARY_PATH");
    command
}

fn add_nightly(layout: &Layout) -> Result<()> {
    command::output(Command::new("rustup").arg("--version")).context("there is no rustup")?;
    println!("setup: rustup adds {NIGHTLY} with rust-src");
    let mut rustup = Command::new("rustup");
    rustup.args([
        "toolchain",
        "install",
        NIGHTLY,
        "--profile",
        "minimal",
        "--component",
        "rust-src",
        "--no-self-update",
    ]);
    command::logged(&mut rustup, &layout.target().join("setup/rustup.log"), Duration::from_secs(300))
        .context("rustup cannot add it")
}
