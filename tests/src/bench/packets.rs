//! Nanoseconds a packet, by BPF_PROG_TEST_RUN of the benchmark's program (filter-ebpf/src/bin/bench.rs).
//!
//! Cost of a kind of packet = the run that puts a frame in place and filters it, less the run that only puts it in place,
//! over the same frames; of packets that are not DNS, for which no table is read, the run that filters one and the same
//! packet, less the empty program. Each of them is loaded several times, because the kernel places the machine code anew each time
//! and that alone moves a figure; everything is measured in turn, on one processor, and the median is taken.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use filter_common::abi::{BENCH_CONTROL, BENCH_DIRECT, BENCH_EMPTY, BENCH_FILTER, BENCH_LOOKUP, BENCH_SHIFT};
use interdict::kernel::{Datapath, Limits, LoadOptions, Object, Runner};

use super::arguments::{Arguments, Part};
use super::cpu;
use super::figure::{Figure, median};
use super::plan::{Measurement, plan};
use super::policy::Policy;
use super::pool::{self, Kind};
use super::progress::say;

/// The processor that everything runs on.
const CPU: usize = 1;

/// How much is measured.
#[derive(Clone, Copy)]
struct Effort {
    loads: usize,
    rounds: usize,
    frames: usize,
    passes: usize,
}

impl Effort {
    fn of(arguments: &Arguments) -> Effort {
        let (loads, rounds) = if arguments.full { (5, 2) } else { (3, 1) };
        Effort {
            loads: arguments.loads.unwrap_or(loads),
            rounds: arguments.rounds.unwrap_or(rounds),
            frames: arguments.frames.next_power_of_two(),
            passes: 2,
        }
    }
}

/// What one run of the program does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Empty = BENCH_EMPTY as isize,
    Control = BENCH_CONTROL as isize,
    Lookup = BENCH_LOOKUP as isize,
    Filter = BENCH_FILTER as isize,
    Direct = BENCH_DIRECT as isize,
}

/// A loaded program.
struct Program {
    datapath: Datapath,
    runner: Runner,
}

/// Measures.
///
/// # Errors
/// When a program cannot be loaded, or does something else than its kind of packet asks for.
pub(super) fn measure(arguments: &Arguments) -> anyhow::Result<Vec<Figure>> {
    let effort = Effort::of(arguments);
    let mut figures = Vec::new();
    let mut empty = Vec::new();
    for measurement in plan(arguments) {
        say(format!("packets: {}", measurement.words()));
        let policy = Policy::new(measurement.size)?;
        let restored = cpu::pin(CPU)?;
        let done = one_policy(&arguments.object, &policy, &measurement, effort, &mut empty, &mut figures);
        restored.restore();
        done?;
    }
    figures.insert(0, Figure::new(Part::Packets, "E: empty program", "", "ns", empty));
    Ok(figures)
}

/// What the verifier and the compiler say of the product's own program, with everything at its default.
///
/// # Errors
/// When it cannot be loaded.
pub(super) fn product() -> anyhow::Result<String> {
    let key = crate::policy::hash_key(&mut crate::random::Random::new(7));
    let mut datapath = Datapath::load(&LoadOptions::new(Arc::new(key))?).context("load the program")?;
    let facts = datapath.facts()?;
    let verified = facts.verified_instructions.map_or_else(|| "?".to_owned(), |count| count.to_string());
    let digest = facts.object_sha256.get(..12).unwrap_or_default();
    Ok(format!(
        "program {digest}: {verified} verified instructions, {} octets of machine code",
        facts.machine_code
    ))
}

/// What was sampled of one kind of packet.
struct Series {
    kind: Kind,
    is_v6: bool,
    frames: Vec<Vec<u8>>,
    control: Vec<f64>,
    filter: Vec<f64>,
}

fn one_policy(
    object: &Path,
    policy: &Policy,
    measurement: &Measurement,
    effort: Effort,
    empty: &mut Vec<f64>,
    figures: &mut Vec<Figure>,
) -> anyhow::Result<()> {
    let mut all = Vec::new();
    for (kind, is_v6) in &measurement.kinds {
        let frames = pool::frames(*kind, *is_v6, policy, effort.frames)?;
        all.push(Series { kind: *kind, is_v6: *is_v6, frames, control: Vec::new(), filter: Vec::new() });
    }
    let mut lookup = Vec::new();
    for load in 0..effort.loads {
        let program = |way| Program::load(object, way, policy, effort.frames);
        let mut control = program(Way::Control)?;
        let (mut filter, direct) = (program(Way::Filter)?, program(Way::Direct)?);
        let (none, mut one) = (program(Way::Empty)?, program(Way::Lookup)?);
        for _ in 0..effort.rounds {
            for series in &mut all {
                let nothing = none.time(&series.frames, effort)?;
                empty.push(nothing);
                if series.kind.is_direct() {
                    series.control.push(nothing);
                    direct.check(series)?;
                    series.filter.push(direct.time(&series.frames, effort)?);
                    continue;
                }
                control.datapath.set_pool(&series.frames)?;
                series.control.push(control.time(&series.frames, effort)?);
                filter.datapath.set_pool(&series.frames)?;
                if load == 0 {
                    filter.check(series)?;
                }
                series.filter.push(filter.time(&series.frames, effort)?);
            }
            if let Some(series) = all.first().filter(|_| policy.size.names > 0) {
                one.datapath.set_pool(&series.frames)?;
                lookup.push(one.time(&series.frames, effort)?);
            }
        }
    }
    if let Some(series) = all.first().filter(|_| !lookup.is_empty()) {
        let base = median(&series.control);
        let samples = lookup.iter().map(|sample| sample - base).collect();
        figures.push(Figure::new(Part::Packets, "floor: one lookup", &measurement.words(), "ns", samples));
    }
    figures.extend(all.iter().flat_map(|series| series.figures(measurement)));
    Ok(())
}

impl Series {
    fn figures(&self, measurement: &Measurement) -> [Figure; 2] {
        let base = median(&self.control);
        let with = format!("{}, {}", if self.is_v6 { "IPv6" } else { "IPv4" }, measurement.words());
        let cost = self.filter.iter().map(|sample| sample - base).collect();
        let control = format!("control of: {}", self.kind.label());
        [
            Figure::new(Part::Packets, self.kind.label(), &with, "ns", cost),
            Figure::new(Part::Packets, &control, &with, "ns", self.control.clone()),
        ]
    }
}

impl Program {
    fn load(object: &Path, way: Way, policy: &Policy, frames: usize) -> anyhow::Result<Program> {
        let words = || format!("{}; cargo xtask build --object makes it", object.display());
        let mut options = LoadOptions::new(Arc::new(*policy.snapshot.hash_key()))?;
        options.object = Object::read(object).with_context(words)?;
        options.settings.flags |= (way as u32) << BENCH_SHIFT;
        options.pool = u32::try_from(frames)?;
        options.limits = limits(policy)?;
        let mut datapath = Datapath::load(&options).context("load the benchmark's program")?;
        if matches!(way, Way::Filter | Way::Direct | Way::Lookup) {
            datapath.publish(&policy.snapshot).context("publish the benchmark's policy")?;
        }
        let runner = datapath.runner();
        Ok(Program { datapath, runner })
    }

    /// Nanoseconds of a run.
    fn time(&self, frames: &[Vec<u8>], effort: Effort) -> anyhow::Result<f64> {
        let first = frames.first().context("a pool without frames")?;
        let runs = u32::try_from(effort.frames * effort.passes)?;
        Ok(self.runner.time(first, runs)?.as_nanos() as f64)
    }

    /// Whether the filter does with these frames what it should, or the figure would mean something else.
    fn check(&self, series: &Series) -> anyhow::Result<()> {
        let first = series.frames.first().context("a pool without frames")?;
        for _ in 0..256 {
            let action = self.runner.run(first)?.action;
            if action != series.kind.action() {
                let (label, expected) = (series.kind.label(), series.kind.action());
                bail!(
                    "{label}: the program returns action {action}, expected {expected}; the figure would mean nothing"
                );
            }
        }
        Ok(())
    }
}

fn limits(policy: &Policy) -> anyhow::Result<Limits> {
    let snapshot = &policy.snapshot;
    let least = Limits::default();
    Ok(Limits {
        prefixes: least.prefixes.max(u32::try_from(policy.size.prefixes + 1)?),
        decisions: least.decisions.max(u32::try_from(snapshot.decisions.len())?),
        actions: least.actions.max(u32::try_from(snapshot.actions.len())?),
        hits: least.hits.max(snapshot.decisions.iter().map(|decision| decision.hits + 1).max().unwrap_or(1)),
        ..least
    })
}
