//! One run of cargo over filter-ebpf, free of everything that an outer cargo would pass on.

use std::{
    env,
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    process::Command,
};

use crate::{Layout, ObjectError, Toolchain};

/// opt-level, lto and codegen-units are pinned in filter-ebpf/Cargo.toml; the verifier accepts no other.
pub(crate) const ARGUMENTS: &[&str] =
    &["build", "--release", "-Zbuild-std=core", "--target=bpfel-unknown-none"];

/// BTF describes the maps to the kernel, and needs the debug information to be made from. Version 2 of the instruction set
/// has all comparisons (Linux 4.14). Version 3 has 32-bit arithmetic too, which is 5 % faster, but costs the verifier of
/// Linux 6.1 a third more instructions.
pub(crate) const FLAGS: &[&str] =
    &["--cfg=bpf_target_arch=\"x86_64\"", "-Cdebuginfo=2", "-Ctarget-cpu=v2", "-Clink-arg=--btf"];

/// Compiles the program and returns where cargo left it.
pub(crate) fn compile(layout: &Layout, toolchain: &Toolchain) -> Result<PathBuf, ObjectError> {
    let status = command(layout, toolchain).status();
    match status {
        Ok(status) if status.success() => Ok(layout.folder().join("bpfel-unknown-none/release/interdict")),
        Ok(status) => Err(ObjectError::Build(format!("cargo ended with {status}"))),
        Err(error) => Err(ObjectError::Build(format!("cargo does not start: {error}"))),
    }
}

/// What the compiler prints, anew or as cargo remembers it.
pub(crate) fn messages(layout: &Layout, toolchain: &Toolchain) -> Result<String, ObjectError> {
    let output = command(layout, toolchain).output();
    let output = output.map_err(|error| ObjectError::Build(format!("cargo does not start: {error}")))?;
    Ok(String::from_utf8_lossy(&output.stderr).into_owned())
}

fn command(layout: &Layout, toolchain: &Toolchain) -> Command {
    let cargo = toolchain.cargo.clone().map(OsString::from).or_else(|| env::var_os("CARGO"));
    let mut command = Command::new(cargo.unwrap_or_else(|| "cargo".into()));
    for (name, _) in env::vars_os().filter(|(name, _)| inherited(name)) {
        command.env_remove(name);
    }
    command
        .args(ARGUMENTS)
        .arg("--quiet")
        .arg("--manifest-path")
        .arg(layout.manifest())
        .arg("--target-dir")
        .arg(layout.folder())
        .env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\u{1f}"))
        .env("RUSTC", &toolchain.rustc)
        // Debian's compiler is a stable one, and so is the cargo that drives it.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("PATH", path_with(toolchain.linker.parent()));
    command
}

/// Whether a variable belongs to the outer cargo's build: it would turn this one into a build of the wrong kind.
fn inherited(name: &OsStr) -> bool {
    const KEPT: [&str; 5] = ["CARGO_HOME", "CARGO_HTTP", "CARGO_NET", "CARGO_REGISTR", "CARGO_TERM"];
    let Some(name) = name.to_str() else { return false };
    let of_cargo = name.starts_with("CARGO") && !KEPT.iter().any(|kept| name.starts_with(kept));
    let of_rustc = name.starts_with("RUSTC") || name.starts_with("RUSTDOC") || name == "RUSTFLAGS";
    // The loader's path leads to the outer toolchain's libLLVM, the make variables to its job server.
    of_cargo || of_rustc || ["RUSTUP_TOOLCHAIN", "LD_LIBRARY_PATH", "MAKEFLAGS", "MFLAGS"].contains(&name)
}

/// PATH with the linker's folder in front: rustc looks for `bpf-linker` there.
fn path_with(folder: Option<&Path>) -> OsString {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = folder.map(Path::to_owned).into_iter().chain(env::split_paths(&path));
    env::join_paths(folders).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outer_build_stays_outside() {
        for name in [
            "CARGO_ENCODED_RUSTFLAGS",
            "RUSTC_WORKSPACE_WRAPPER",
            "CARGO_TARGET_DIR",
            "LD_LIBRARY_PATH",
            "CARGO",
        ] {
            assert!(inherited(OsStr::new(name)), "{name}");
        }
        for name in
            ["PATH", "HOME", "CARGO_HOME", "CARGO_HTTP_PROXY", "CARGO_REGISTRIES_X_INDEX", "RUSTUP_HOME"]
        {
            assert!(!inherited(OsStr::new(name)), "{name}");
        }
    }
}
