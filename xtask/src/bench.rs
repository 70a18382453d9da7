//! `cargo xtask bench`: the measurements of package `tests`.

use anyhow::Result;
use clap::Args;

use crate::program;

/// Measure: nanoseconds a packet, verified instructions, loading and memory. Needs root and a quiet machine.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Passed on to the measurements.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    program::run_as_root("bench", &arguments.rest)
}
