//! `cargo xtask setup`: installs what is missing, and chooses the toolchain of the eBPF program.

mod linker;
mod packages;
mod ways;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use ebpf_object::{Layout, PREBUILT, Toolchain, Way};

use crate::workspace;

/// Install what is missing and choose the toolchain of the eBPF program; does nothing where nothing is missing.
#[derive(Args)]
pub(crate) struct Arguments {
    /// What the machine is to be made ready for; each includes those before it.
    #[arg(long = "for", value_enum, default_value_t = Purpose::Test)]
    purpose: Purpose,
    /// Use this toolchain and no other.
    #[arg(long, value_enum)]
    toolchain: Option<Wanted>,
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, ValueEnum)]
pub(crate) enum Purpose {
    Build,
    Demo,
    Test,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Wanted {
    /// A dated nightly of rustup with its rust-src component.
    Rustup,
    /// Debian's packages rustc-web and rust-web-src.
    Debian,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let layout = workspace::layout();
    let wanted = arguments.toolchain.map(|wanted| match wanted {
        Wanted::Rustup => Way::Rustup,
        Wanted::Debian => Way::Debian,
    });
    prepare(&layout, arguments.purpose, wanted)
}

/// Makes the machine ready for a purpose; what other subcommands do first.
pub(crate) fn ready_for(purpose: Purpose) -> Result<()> {
    prepare(&workspace::layout(), purpose, None)
}

fn prepare(layout: &Layout, purpose: Purpose, wanted: Option<Way>) -> Result<()> {
    let mut packages = packages::HOST.to_vec();
    if purpose >= Purpose::Demo {
        packages.extend(packages::DEMO);
    }
    if purpose >= Purpose::Test {
        packages.extend(packages::TEST);
    }
    packages::install(layout, packages)?;
    if let Some(object) = layout.prebuilt() {
        println!("setup: {PREBUILT} names {}: no toolchain is needed", object.display());
        return Ok(());
    }
    let toolchain = choose(layout, wanted)?;
    toolchain.choose(layout)?;
    println!("setup: ready; the eBPF program is compiled by {}", toolchain.version()?);
    Ok(())
}

/// The way chosen before, else one whose compiler is there, else the first by which one can be installed.
fn choose(layout: &Layout, wanted: Option<Way>) -> Result<Toolchain> {
    let before = Toolchain::chosen(layout).ok().flatten().map(|kept| kept.way);
    let mut ways = ways::ALL.to_vec();
    ways.retain(|way| wanted.is_none_or(|wanted| wanted == *way));
    ways.sort_by_key(|way| (before != Some(*way), ways::compiler(*way).is_err()));
    let mut reasons = Vec::new();
    for way in ways {
        match ways::install(way, layout) {
            Ok(toolchain) => return Ok(toolchain),
            Err(error) => {
                println!("setup: not by {way}");
                reasons.push(format!("  {way}: {error:#}"));
            }
        }
    }
    bail!(
        "no toolchain for the eBPF program can be had:\n{}\nremedies: add a rustup nightly with rust-src and LLVM 22, use \
         Debian 12, or set {PREBUILT} to an object built elsewhere",
        reasons.join("\n")
    )
}
