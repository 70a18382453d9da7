//! `cargo xtask bench`: the measurements of package `tests`.

use anyhow::Result;
use clap::Args;

use crate::{program, setup};

/// Measure what the filter costs, beside what others cost: nanoseconds a packet, loading, queries a second. Needs root
/// and a quiet machine.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Passed on to the measurements: `--full`, `--only packets|load|end-to-end`, `--json`, `--write-docs` and more
    /// (`cargo xtask bench -- --help`).
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    program::run_as_root("bench", setup::Purpose::Test, &arguments.rest)
}
