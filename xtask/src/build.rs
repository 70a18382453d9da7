//! `cargo xtask build`: the eBPF object, then the release binary around it.

use std::{path::PathBuf, time::Instant};

use anyhow::Result;
use clap::Args;
use ebpf_object::{Layout, Object};

use crate::{command, setup, workspace};

/// Build the eBPF object, then `interdict` around it, in release mode.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Build the eBPF object only.
    #[arg(long)]
    object: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    setup::ready_for(setup::Purpose::Build)?;
    let layout = workspace::layout();
    object(&layout)?;
    if !arguments.object {
        binary(&layout)?;
    }
    Ok(())
}

/// The object, and a line about it.
pub(crate) fn object(layout: &Layout) -> Result<Object> {
    let start = Instant::now();
    let object = ebpf_object::ensure(layout)?;
    let path = object.path.strip_prefix(layout.root()).unwrap_or(&object.path);
    println!(
        "build: {}, {} octets, sha256 {}, {}, {:.1} s",
        path.display(),
        object.size,
        object.sha256,
        object.toolchain,
        start.elapsed().as_secs_f32()
    );
    Ok(object)
}

/// The release binary.
pub(crate) fn binary(layout: &Layout) -> Result<()> {
    command::run(workspace::cargo(layout).args([
        "build",
        "--quiet",
        "--release",
        "--package",
        "filter-userspace",
    ]))?;
    println!("build: {}", interdict(layout).display());
    Ok(())
}

/// Where it is.
pub(crate) fn interdict(layout: &Layout) -> PathBuf {
    workspace::output(layout).join("release/interdict")
}
