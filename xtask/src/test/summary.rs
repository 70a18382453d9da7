//! The table at the end of `cargo xtask test`.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::tally::Tally;

/// What was run, how it went and how long it took.
#[derive(Default)]
pub(super) struct Summary {
    rows: Vec<Row>,
    tests: Tally,
}

struct Row {
    name: &'static str,
    outcome: Outcome,
    detail: String,
    took: Duration,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Outcome {
    Passed,
    Failed,
    Skipped,
}

impl Summary {
    /// Runs one part. A part that fails does not stop the next.
    pub(super) fn step(&mut self, name: &'static str, part: impl FnOnce() -> Result<Tally>) {
        println!("\n== {name}");
        let start = Instant::now();
        let (outcome, tally, detail) = match part() {
            Ok(tally) => {
                let outcome = if tally.failed == 0 { Outcome::Passed } else { Outcome::Failed };
                (
                    outcome,
                    tally,
                    format!("{} passed, {} failed, {} skipped", tally.passed, tally.failed, tally.ignored),
                )
            }
            Err(error) => {
                eprintln!("error: {error:#}");
                let first = format!("{error:#}").lines().next().unwrap_or_default().to_owned();
                (Outcome::Failed, Tally { failed: 1, ..Tally::default() }, first)
            }
        };
        self.tests.add(tally);
        self.rows.push(Row { name, outcome, detail, took: start.elapsed() });
    }

    /// Says that a part did not run, and why.
    pub(super) fn skip(&mut self, name: &'static str, reason: &str) {
        println!("\n== {name}\nSKIPPED: {reason}");
        self.rows.push(Row {
            name,
            outcome: Outcome::Skipped,
            detail: reason.to_owned(),
            took: Duration::ZERO,
        });
    }

    pub(super) fn failed(&self) -> bool {
        self.rows.iter().any(|row| row.outcome == Outcome::Failed)
    }

    pub(super) fn print(&self, whole: Duration) {
        println!("\n== summary");
        for row in &self.rows {
            let outcome = match row.outcome {
                Outcome::Passed => "ok",
                Outcome::Failed => "FAILED",
                Outcome::Skipped => "skipped",
            };
            println!("{:<12} {outcome:<8} {:>6.1} s  {}", row.name, row.took.as_secs_f32(), row.detail);
        }
        println!("{:<12} {:<8} {:>6.1} s", "all", "", whole.as_secs_f32());
        println!(
            "{} passed, {} failed, {} skipped",
            self.tests.passed, self.tests.failed, self.tests.ignored
        );
    }
}
