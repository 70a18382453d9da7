//! One run of `cargo test`: shows what matters of it as it comes, and counts.

use std::{
    ffi::OsString,
    io::{BufRead, BufReader},
    process::{ChildStdout, Stdio},
};

use anyhow::{Context, Result};
use ebpf_object::Layout;

use crate::{command, privilege, workspace};

/// What cargo's closing lines add up to.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Tally {
    pub(super) passed: u64,
    pub(super) failed: u64,
    pub(super) ignored: u64,
}

impl Tally {
    /// Reads `test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; ...`.
    fn parse(line: &str) -> Option<Self> {
        let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
        let count = |word: &str| {
            let part = counts.split("; ").find_map(|part| part.strip_suffix(word))?;
            part.trim().parse().ok()
        };
        Some(Self { passed: count("passed")?, failed: count("failed")?, ignored: count("ignored")? })
    }

    pub(super) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }
}

/// Compiles quietly, then runs every test even if one fails. As root, if so wanted, without compiling as root.
pub(super) fn cargo_test(
    layout: &Layout,
    arguments: &[&str],
    environment: &[(&str, OsString)],
    as_root: bool,
) -> Result<Tally> {
    let selection = arguments.iter().take_while(|argument| **argument != "--");
    command::run(workspace::cargo(layout).args(["test", "--quiet", "--no-run"]).args(selection))?;
    let mut cargo = workspace::cargo(layout);
    cargo.args(["test", "--no-fail-fast"]).args(arguments).envs(environment.iter().cloned());
    if as_root && !privilege::is_root() {
        let target =
            format!("CARGO_TARGET_{}_UNKNOWN_LINUX_GNU_RUNNER", std::env::consts::ARCH.to_uppercase());
        cargo.env(target, "sudo --non-interactive --preserve-env");
    }
    cargo.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = cargo.spawn().with_context(|| format!("{} does not start", command::line(&cargo)))?;
    let mut tally = child.stdout.take().map(follow).unwrap_or_default();
    let status = child.wait()?;
    if !status.success() {
        // A test binary that crashed has no closing line.
        tally.failed = tally.failed.max(1);
    }
    Ok(tally)
}

/// Passes on what is worth reading.
fn follow(stdout: ChildStdout) -> Tally {
    let mut sum = Tally::default();
    for line in BufReader::new(stdout).lines().map_while(Result::ok) {
        let tally = Tally::parse(&line);
        sum.add(tally.unwrap_or_default());
        if worth_reading(&line, tally) {
            println!("{line}");
        }
    }
    sum
}

/// Not the tests that passed, nor the closing line of a binary that has none.
fn worth_reading(line: &str, tally: Option<Tally>) -> bool {
    let passed = line.starts_with("test ") && line.ends_with(" ... ok");
    let opening = line.starts_with("running ") && (line.ends_with(" tests") || line.ends_with(" test"));
    !(passed || opening || line.is_empty() || tally == Some(Tally::default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_are_counted() {
        let line = "test result: FAILED. 12 passed; 1 failed; 2 ignored; 0 measured; 3 filtered out; finished in 0.01s";
        assert_eq!(Tally::parse(line), Some(Tally { passed: 12, failed: 1, ignored: 2 }));
        assert_eq!(Tally::parse("test a::result ... ok"), None);
    }

    #[test]
    fn failures_are_shown_and_successes_are_not() {
        assert!(!worth_reading("test a::b ... ok", None));
        assert!(!worth_reading("running 3 tests", None));
        assert!(worth_reading("test a::b ... FAILED", None));
        assert!(worth_reading("thread 'a::b' panicked at src/lib.rs:1:1:", None));
    }
}
