//! `cargo xtask bench`: makes ready, then lets the measurements of package `tests` run as root.

use anyhow::Result;
use clap::Args;

use crate::{build, command, privilege, setup, workspace};

/// Measure: nanoseconds a packet, verified instructions, loading and memory. Needs root and a quiet machine.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Passed on to the measurements.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    setup::ready_for(setup::Purpose::Demo)?;
    let layout = workspace::layout();
    build::object(&layout)?;
    build::binary(&layout)?;
    let bench = build::program(&layout, "bench")?;
    let mut bench = privilege::as_root(&bench.to_string_lossy())?;
    command::run(bench.args(&arguments.rest).env("INTERDICT_BIN", build::interdict(&layout)))
}
