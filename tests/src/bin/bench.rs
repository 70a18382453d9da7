//! `cargo xtask bench`: what the filter costs, beside what the machine cannot do without and what others cost.
//!
//! This process only watches over the one that measures, so that every network namespace goes away however that ends.

use std::process::{Command, ExitCode};

use anyhow::Context;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::unistd::Pid;
use tests::bench;
use tests::harness::{agent, netns};

/// Tells the second process what it is.
const MEASURE: &str = "INTERDICT_BENCH_MEASURE";

fn main() -> ExitCode {
    let done = if std::env::var_os(MEASURE).is_some() { bench::run() } else { watch() };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn watch() -> anyhow::Result<ExitCode> {
    bench::check_arguments();
    anyhow::ensure!(
        nix::unistd::geteuid().is_root(),
        "the measurements load programs and make network namespaces and need root; run them with sudo"
    );
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGINT);
    signals.add(Signal::SIGTERM);
    signals.add(Signal::SIGHUP);
    signals.thread_block()?;
    let mut command = Command::new(std::env::current_exe()?);
    let mut child =
        command.args(std::env::args_os().skip(1)).env(MEASURE, "1").spawn().context("start measuring")?;
    let process = child.id();
    std::thread::spawn(move || {
        if signals.wait().is_ok() {
            eprintln!("\ninterrupted: cleaning up");
            kill(Pid::from_raw(process.cast_signed()), Signal::SIGKILL).ok();
        }
    });
    let status = child.wait()?;
    netns::remove_all_of(process);
    netns::remove_leftovers();
    agent::remove_sites(|owner| owner == process);
    bench::remove_files_of(process);
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(130);
    Ok(ExitCode::from(code))
}
