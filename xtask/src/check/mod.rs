//! `cargo xtask check`: formatting, lints, the house's own rules, and the documents.

mod compiler;
mod docs;
mod house;
mod sources;

use std::time::Instant;

use anyhow::{Result, bail};
use clap::Args;
use ebpf_object::Layout;

use crate::{setup, tally::Tally, workspace};

/// Check formatting, clippy, the house's own rules and the documents; changes nothing.
#[derive(Args)]
pub(crate) struct Arguments {}

pub(crate) fn run(_: &Arguments) -> Result<()> {
    setup::ready_for(setup::Purpose::Build)?;
    let tally = all(&workspace::layout())?;
    println!("{} passed, {} failed", tally.passed, tally.failed);
    if tally.failed > 0 {
        bail!("some checks failed");
    }
    Ok(())
}

/// What a check found wrong, one line each; nothing where all is well.
type Findings = Result<Vec<String>>;

struct Check {
    name: &'static str,
    run: fn(&Layout) -> Findings,
}

const CHECKS: &[Check] = &[
    Check { name: "formatting", run: compiler::formatting },
    Check { name: "clippy", run: compiler::clippy },
    Check { name: "clippy, no panics and short functions", run: compiler::strict_clippy },
    Check { name: "clippy, filter-common alone", run: compiler::clippy_of_the_engine },
    Check { name: "warnings of the eBPF program", run: compiler::warnings_of_the_program },
    Check { name: "house rules", run: house::findings },
    Check { name: "documents", run: docs::findings },
];

/// Every check, also after one that fails.
pub(crate) fn all(layout: &Layout) -> Result<Tally> {
    let mut tally = Tally::default();
    for check in CHECKS {
        let start = Instant::now();
        let findings = (check.run)(layout).unwrap_or_else(|error| vec![format!("{error:#}")]);
        let failed = !findings.is_empty();
        let outcome = if failed { "FAILED" } else { "ok" };
        println!("check: {}: {outcome} ({:.1} s)", check.name, start.elapsed().as_secs_f32());
        for finding in &findings {
            println!("  {finding}");
        }
        tally.add(Tally { passed: u64::from(!failed), failed: u64::from(failed), ignored: 0 });
    }
    Ok(tally)
}
