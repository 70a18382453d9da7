//! The eBPF object: with what it is built, how, and where it lies. `cargo xtask` and filter-userspace/build.rs share it.
//!
//! It installs nothing and knows nothing of what the program does; `cargo xtask setup` chooses the toolchain.

mod compile;
mod digest;
mod layout;
mod record;
mod toolchain;

use std::{io, path::PathBuf};

pub use layout::Layout;
pub use record::Object;
pub use toolchain::{Toolchain, Way};

/// The environment variable that names a finished object, for those who package it and have no LLVM.
pub const PREBUILT: &str = "INTERDICT_BPF_OBJECT";

#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    #[error("{path}: {error}")]
    Io { path: PathBuf, error: io::Error },
    #[error(
        "{PREBUILT} names {path}, which cannot be read: {error}; build that object, or unset the variable"
    )]
    Prebuilt { path: PathBuf, error: io::Error },
    #[error(
        "{path} is not the toolchain file that cargo xtask setup writes: {error}; delete it and run cargo xtask setup"
    )]
    Toolchain { path: PathBuf, error: toml::de::Error },
    #[error("{path} cannot be written as TOML: {error}")]
    Encode { path: PathBuf, error: toml::ser::Error },
    #[error("{tool} of the {way} toolchain does not run: {reason}; run cargo xtask setup again")]
    Tool { tool: PathBuf, way: Way, reason: String },
    #[error("the eBPF program does not build: {0}; the compiler's messages are above")]
    Build(String),
    #[error(
        "no toolchain is chosen for the eBPF program, and no object in {folder} was built from these sources; \
         run cargo xtask setup, or set {PREBUILT} to a finished object"
    )]
    NoToolchain { folder: PathBuf },
}

/// The object built from the sources as they are now: the one named by [`PREBUILT`], the one already built, or a new one.
pub fn ensure(layout: &Layout) -> Result<Object, ObjectError> {
    if let Some(path) = layout.prebuilt() {
        return record::prebuilt(path);
    }
    let toolchain = Toolchain::chosen(layout)?;
    let sources = digest::sources(layout, toolchain.as_ref())?;
    if let Some(object) = record::current(layout, &sources) {
        return Ok(object);
    }
    let Some(toolchain) = toolchain else {
        return Err(ObjectError::NoToolchain { folder: layout.folder() });
    };
    let version = toolchain.version()?;
    let output = compile::compile(layout, &toolchain)?;
    record::keep(layout, &output, &sources, version)
}

/// What the compiler warns of in the program; cargo keeps it, so that asking again costs nothing. A finished object has
/// no warnings.
pub fn warnings(layout: &Layout) -> Result<String, ObjectError> {
    if layout.prebuilt().is_some() {
        return Ok(String::new());
    }
    match Toolchain::chosen(layout)? {
        Some(toolchain) => compile::messages(layout, &toolchain),
        None => Err(ObjectError::NoToolchain { folder: layout.folder() }),
    }
}

/// An error of the operating system, with the path it is about.
fn at(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> ObjectError {
    move |error| ObjectError::Io { path: path.into(), error }
}
