//! What test programs print: which lines are worth reading, and what their closing lines add up to.

use std::io::{BufRead, BufReader, Read};

/// Tests that ran.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) ignored: u64,
}

impl Tally {
    /// Reads `test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; ...`.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
        let count = |word: &str| {
            let part = counts.split("; ").find_map(|part| part.strip_suffix(word))?;
            part.trim().parse().ok()
        };
        Some(Self { passed: count("passed")?, failed: count("failed")?, ignored: count("ignored")? })
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }
}

/// Hands over line by line to the end, whatever octets they hold.
pub(crate) fn lines(from: impl Read, mut each: impl FnMut(&str)) {
    let mut reader = BufReader::new(from);
    let mut octets = Vec::new();
    while reader.read_until(b'\n', &mut octets).is_ok_and(|read| read > 0) {
        each(String::from_utf8_lossy(&octets).trim_end());
        octets.clear();
    }
}

/// Prints what is worth reading of a test program's output, and counts.
pub(crate) fn follow(from: impl Read) -> Tally {
    let mut sum = Tally::default();
    lines(from, |line| {
        let tally = Tally::parse(line);
        sum.add(tally.unwrap_or_default());
        if worth_reading(line, tally) {
            println!("{line}");
        }
    });
    sum
}

/// Not the tests that passed, nor the closing line of a program that has none.
pub(crate) fn worth_reading(line: &str, tally: Option<Tally>) -> bool {
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

    #[test]
    fn a_serial_line_ends_its_lines_with_carriage_returns() {
        let mut seen = Vec::new();
        lines(&b"one\r\n\xfftwo\r\nthree"[..], |line| seen.push(line.to_owned()));
        assert_eq!(seen, ["one", "\u{fffd}two", "three"]);
    }
}
