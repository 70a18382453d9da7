//! bpf-linker: the one on PATH if it is the right one, else built from its source against LLVM.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use ebpf_object::Layout;

use super::packages;
use crate::{command, workspace};

const VERSION: &str = "0.13.0";

/// The LLVM that the compilers of both ways carry: bpf-linker must read their bitcode.
pub(super) const LLVM: &str = "22";

/// Where Debian puts it.
const LLVM_PREFIX: &str = "/usr/lib/llvm-22";

/// The linker that is there already, if any.
fn present(layout: &Layout) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = [layout.tools().join("bin")].into_iter().chain(env::split_paths(&path).collect::<Vec<_>>());
    folders.map(|folder| folder.join("bpf-linker")).find(|linker| right_version(linker))
}

fn right_version(linker: &Path) -> bool {
    linker.is_file()
        && command::output(Command::new(linker).arg("--version"))
            .is_ok_and(|version| version.trim() == format!("bpf-linker {VERSION}"))
}

/// The linker, built now if it is not there.
pub(super) fn install(layout: &Layout) -> Result<PathBuf> {
    if let Some(linker) = present(layout) {
        return Ok(linker);
    }
    let prefix = llvm(layout)?;
    println!("setup: building bpf-linker {VERSION} against LLVM {LLVM}; takes a minute");
    let mut cargo = workspace::cargo(layout);
    cargo
        .args([
            "install",
            "--locked",
            "--force",
            "--no-default-features",
            "--features",
            &format!("llvm-{LLVM}"),
            "--root",
        ])
        .arg(layout.tools())
        .arg(format!("bpf-linker@{VERSION}"))
        // Without it the build does not find libLLVM.
        .env("LLVM_PREFIX", prefix);
    command::logged(&mut cargo, &layout.target().join("setup/bpf-linker.log"), Duration::from_secs(1200))
        .context("bpf-linker does not build")?;
    present(layout).with_context(|| format!("bpf-linker {VERSION} was built but does not run"))
}

/// LLVM's folder: the one that the caller names, else that of Debian's packages.
fn llvm(layout: &Layout) -> Result<PathBuf> {
    if let Some(prefix) = env::var_os("LLVM_PREFIX") {
        return Ok(prefix.into());
    }
    packages::install(layout, packages::HOST.iter().chain(packages::LLVM).copied())?;
    if !Path::new(LLVM_PREFIX).is_dir() {
        bail!("LLVM {LLVM} is not in {LLVM_PREFIX}; name its folder in LLVM_PREFIX");
    }
    Ok(LLVM_PREFIX.into())
}
