//! Host and kernel on the same frames: the same XDP action, the same counters, the same octets.

mod mutate;

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use anyhow::Context;

use self::mutate::mutated;
use crate::policy::Compiled;
use crate::random::Random;
use crate::run::{Host, Kernel, Ran, counter_name};
use crate::scenario::{self, Settings};

/// What a run came to.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The seed, which repeats the run.
    pub seed: u64,
    /// Frames run on both sides.
    pub frames: u64,
    /// Frames by the counter that moved.
    pub verdicts: BTreeMap<usize, u64>,
    /// Frames on which the two sides differ.
    pub differ: u64,
    /// The first of them.
    pub examples: Vec<String>,
    /// How long it took.
    pub took: Duration,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (frames, differ, seconds) = (self.frames, self.differ, self.took.as_secs_f64());
        writeln!(f, "parity: seed {}, {frames} frames in {seconds:.1} s, {differ} differ", self.seed)?;
        for (counter, count) in &self.verdicts {
            writeln!(f, "  {count:>9} {}", counter_name(*counter))?;
        }
        for example in &self.examples {
            writeln!(f, "{example}")?;
        }
        Ok(())
    }
}

impl Report {
    fn add(&mut self, what: &str, frame: &[u8], host: &Ran, kernel: &Ran) {
        self.frames += 1;
        *self.verdicts.entry(host.counter).or_default() += 1;
        if host == kernel {
            return;
        }
        self.differ += 1;
        if self.examples.len() < 5 {
            let frame = crate::hex::show(frame);
            self.examples.push(format!("{what}\n  frame  {frame}\n  host   {host:?}\n  kernel {kernel:?}"));
        }
    }
}

/// Runs one frame on both sides and adds it to the report.
///
/// # Errors
/// When the kernel cannot run it.
pub fn compare(
    report: &mut Report,
    what: &str,
    host: &Host<'_>,
    kernel: &mut Kernel,
    frame: &[u8],
) -> anyhow::Result<()> {
    let kernel = kernel.run(frame)?;
    report.add(what, frame, &host.run(frame), &kernel);
    Ok(())
}

/// Runs `count` frames, random and mutated from the scenarios' packets, spread over every pair of settings and policy
/// that the scenarios use.
///
/// # Errors
/// When the scenarios cannot be read or the kernel refuses something.
pub fn run(count: u64, seed: u64) -> anyhow::Result<Report> {
    let cases = scenario::all()?;
    let seeds: Vec<Vec<u8>> =
        cases.iter().map(|case| case.frame.build()).filter(|frame| frame.len() >= 14).collect();
    let mut pairs: BTreeMap<(Settings, String), u64> = BTreeMap::new();
    for case in &cases {
        *pairs.entry((case.settings.clone(), case.policy.clone())).or_default() += 1;
    }
    let (start, mut report) = (Instant::now(), Report { seed, ..Report::default() });
    let mut random = Random::new(seed);
    let share = count.div_ceil(pairs.len() as u64);
    for (settings, policy) in pairs.keys() {
        let policy = Compiled::read(policy)?;
        let host = Host::new(settings, &policy);
        let mut kernel = Kernel::load(settings, &policy).with_context(|| policy.name().to_owned())?;
        for _ in 0..share {
            let frame = mutated(&mut random, &seeds);
            compare(&mut report, policy.name(), &host, &mut kernel, &frame)?;
        }
    }
    report.took = start.elapsed();
    Ok(report)
}
