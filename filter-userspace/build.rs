//! Puts the eBPF object where `kernel` embeds it from, with its digest and toolchain for `interdict --version`.
//!
//! How the object is found or built is in xtask's library, so that `cargo build` and `cargo xtask build` cannot differ.

use std::{
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use ebpf_object::{Layout, PREBUILT};

fn main() -> ExitCode {
    match embed() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("cargo::error={error}");
            ExitCode::FAILURE
        }
    }
}

fn embed() -> Result<(), Box<dyn Error>> {
    let manifest = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or("CARGO_MANIFEST_DIR is not set")?);
    let layout = Layout::new(manifest.parent().unwrap_or(Path::new("..")));
    for path in layout.watched() {
        println!("cargo::rerun-if-changed={}", path.display());
    }
    println!("cargo::rerun-if-env-changed={PREBUILT}");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    let object = ebpf_object::ensure(&layout)?;
    fs::copy(&object.path, out.join("interdict.bpf.o"))?;
    println!("cargo::rustc-env=INTERDICT_OBJECT_SHA256={}", object.sha256);
    println!("cargo::rustc-env=INTERDICT_OBJECT_TOOLCHAIN={}", object.toolchain);
    Ok(())
}
