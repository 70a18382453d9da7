//! `interdict generate man|completions DIR`: what packages ship beside the binary.

use std::path::Path;

use anyhow::Context;
use clap::CommandFactory;
use clap_complete::Shell;

use super::Outcome;
use super::exit::Exit;
use crate::args::{Cli, GenerateKind};

pub(super) fn run(kind: GenerateKind, dir: &Path) -> Outcome {
    std::fs::create_dir_all(dir).with_context(|| dir.display().to_string())?;
    let mut command = Cli::command();
    match kind {
        GenerateKind::Man => {
            clap_mangen::generate_to(command, dir).with_context(|| dir.display().to_string())?
        }
        GenerateKind::Completions => {
            for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
                clap_complete::generate_to(shell, &mut command, "interdict", dir)
                    .with_context(|| dir.display().to_string())?;
            }
        }
    }
    Ok(Exit::Ok)
}
