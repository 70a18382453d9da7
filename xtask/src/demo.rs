//! `cargo xtask demo`: the story of package `tests`.

use anyhow::Result;
use clap::Args;

use crate::{program, setup};

/// Show the product at work in its own network namespaces: needs root, changes nothing that it does not undo.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Passed on to the story.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    program::run_as_root("demo", setup::Purpose::Demo, &arguments.rest)
}
