//! `cargo xtask demo`: makes ready, then lets the story of package `tests` run as root.

use anyhow::Result;
use clap::Args;

use crate::{build, command, privilege, setup, workspace};

/// Show the product at work in its own network namespaces: needs root, changes nothing that it does not undo.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Passed on to the story.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    setup::ready_for(setup::Purpose::Demo)?;
    let layout = workspace::layout();
    build::object(&layout)?;
    build::binary(&layout)?;
    let story = build::program(&layout, "demo")?;
    let mut story = privilege::as_root(&story.to_string_lossy())?;
    command::run(story.args(&arguments.rest).env("INTERDICT_BIN", build::interdict(&layout)))
}
