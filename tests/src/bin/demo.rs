//! `cargo xtask demo`: the story of one court order, told on this machine's own kernel.
//!
//! This process only watches over the one that tells it, so that every network namespace goes away however that ends.

use std::process::{Command, ExitCode};

use anyhow::Context;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::unistd::Pid;
use tests::harness::netns;
use tests::story;

/// Tells the second process what it is.
const TELL: &str = "--tell";

fn main() -> ExitCode {
    let told = std::env::args().nth(1).is_some_and(|argument| argument == TELL);
    let done = if told { story::tell() } else { watch() };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn watch() -> anyhow::Result<ExitCode> {
    anyhow::ensure!(
        nix::unistd::geteuid().is_root(),
        "the demo makes network namespaces and needs root; run it with sudo"
    );
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGINT);
    signals.add(Signal::SIGTERM);
    signals.add(Signal::SIGHUP);
    signals.thread_block()?;
    let mut teller = Command::new(std::env::current_exe()?).arg(TELL).spawn().context("start the demo")?;
    let process = teller.id();
    std::thread::spawn(move || {
        if signals.wait().is_ok() {
            eprintln!("\ninterrupted: cleaning up");
            kill(Pid::from_raw(process.cast_signed()), Signal::SIGKILL).ok();
        }
    });
    let status = teller.wait()?;
    netns::remove_all_of(process);
    netns::remove_leftovers();
    story::remove_files_of(process);
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(130);
    Ok(ExitCode::from(code))
}
