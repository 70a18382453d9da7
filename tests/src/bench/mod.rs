//! `cargo xtask bench`: nanoseconds a packet, loading and updating, and queries a second beside other programs.
//!
//! `packets` runs the program on pools of frames; `names`, `prefixes`, `policy` and `pool` make what it runs on. What
//! was measured is a list of `figure`s, whatever the part; `target` says what was aimed at, `report` shows both.

mod arguments;
mod cpu;
mod field;
mod figure;
mod live;
mod load;
mod machine;
mod names;
mod packets;
mod page;
mod picture;
mod plan;
mod policy;
mod pool;
mod prefixes;
mod progress;
mod report;
mod target;

use std::process::ExitCode;

use clap::Parser;

use self::arguments::{Arguments, Part};
use self::machine::Machine;
use self::report::Report;

/// What the name of every folder begins with; then comes the process number.
const FOLDER: &str = "interdict-bench";

/// Measures and reports.
///
/// # Errors
/// When something cannot be measured.
pub fn run() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let mut machine = Machine::now(&arguments.root);
    machine.program = packets::product()?;
    let mut figures = Vec::new();
    if arguments.wants(Part::Packets) {
        figures.extend(packets::measure(&arguments)?);
    }
    if arguments.wants(Part::Load) {
        figures.extend(load::measure(&arguments)?);
    }
    if arguments.wants(Part::EndToEnd) {
        figures.extend(field::measure(&arguments)?);
    }
    machine.end();
    let targets = target::targets(&figures);
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--write-docs").collect();
    if arguments.write_docs {
        page::write(&arguments.root, &machine, &words, &figures)?;
    }
    let report = Report { schema: "interdict/bench/v1", machine, arguments: words, targets, figures };
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{}", report.text());
    }
    Ok(ExitCode::SUCCESS)
}

/// Ends the process with a word on how to ask when the arguments are wrong.
pub fn check_arguments() {
    Arguments::parse();
}

/// A folder for files of the measurements.
fn folder() -> anyhow::Result<tempfile::TempDir> {
    let prefix = format!("{FOLDER}{}-", std::process::id());
    Ok(tempfile::Builder::new().prefix(&prefix).tempdir()?)
}

/// Removes the folders that a measuring process left.
pub fn remove_files_of(process: u32) {
    let prefix = format!("{FOLDER}{process}-");
    let Ok(entries) = std::fs::read_dir(std::env::temp_dir()) else { return };
    for entry in entries.filter_map(Result::ok) {
        if entry.file_name().to_string_lossy().starts_with(&prefix) {
            std::fs::remove_dir_all(entry.path()).ok();
        }
    }
}
