//! `cargo xtask bench`: nanoseconds a packet, loading and updating, and queries a second beside other programs.
//!
//! `packets` runs the program on pools of frames; `names`, `prefixes`, `policy` and `pool` make what it runs on. What
//! was measured is a list of `figure`s, whatever the part; `target` says what was aimed at, `report` shows both.

mod arguments;
mod cpu;
mod figure;
mod names;
mod packets;
mod plan;
mod policy;
mod pool;
mod prefixes;
mod progress;

use std::process::ExitCode;

use clap::Parser;

use self::arguments::{Arguments, Part};

/// Measures and reports.
///
/// # Errors
/// When something cannot be measured.
pub fn run() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let mut figures = Vec::new();
    if arguments.wants(Part::Packets) {
        figures.extend(packets::measure(&arguments)?);
    }
    for figure in &figures {
        println!("{:<40} {:<40} {} {}", figure.what, figure.with, figure.shown(), figure.unit);
    }
    Ok(ExitCode::SUCCESS)
}

/// Ends the process with a word on how to ask when the arguments are wrong.
pub fn check_arguments() {
    Arguments::parse();
}

/// Removes the folders that a measuring process left.
pub fn remove_files_of(process: u32) {
    let prefix = format!("interdict-bench{process}-");
    let Ok(entries) = std::fs::read_dir(std::env::temp_dir()) else { return };
    for entry in entries.filter_map(Result::ok) {
        if entry.file_name().to_string_lossy().starts_with(&prefix) {
            std::fs::remove_dir_all(entry.path()).ok();
        }
    }
}
