//! How long a list takes from its file to the kernel, what it needs there, and how fast one name follows.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use interdict::kernel::{Datapath, Limits, LoadOptions, Runner};
use interdict::list::List;
use interdict::policy::{Compiler, ListInput, OrderInput, PolicyInput, Snapshot};

use super::arguments::{Arguments, Part};
use super::figure::{Figure, count};
use super::names::Names;
use super::progress::say;
use super::{live, policy};
use crate::frame::query;
use crate::policy::hash_key;
use crate::random::Random;
use crate::run::{XDP_PASS, XDP_TX};

/// How long policies are published while packets are judged.
const TRAFFIC: Duration = Duration::from_secs(2);

/// Measures.
///
/// # Errors
/// When a list cannot be compiled or published, or a packet was misjudged.
pub(super) fn measure(arguments: &Arguments) -> anyhow::Result<Vec<Figure>> {
    let mut figures = Vec::new();
    let large = arguments.names.unwrap_or(1_000_000);
    let sizes = if arguments.full { vec![1_000, large, 10_000_000] } else { vec![large] };
    for size in sizes {
        let rounds = if size > large { 3 } else { arguments.rounds.unwrap_or(5) };
        from_text(size, rounds, &mut figures)?;
    }
    let changes = if arguments.full { 50 } else { 20 };
    say(format!("load: one name in and out of {} names, {changes} times", count(large)));
    one_name(large, changes, &mut figures)?;
    live::measure(large, changes, &mut figures)?;
    Ok(figures)
}

/// The seconds of one start.
struct Took {
    read: f64,
    parse: f64,
    compile: f64,
    publish: f64,
}

fn from_text(size: usize, rounds: usize, figures: &mut Vec<Figure>) -> anyhow::Result<()> {
    say(format!("load: {} names from a text file, {rounds} times", count(size)));
    let folder = super::folder()?;
    let path = folder.path().join("list.txt");
    std::fs::write(&path, Names::listed(size).text()).context("write the list")?;
    let mut took = Vec::new();
    let mut octets = 0.0;
    for _ in 0..rounds {
        let (once, memory) = load_once(&path)?;
        took.push(once);
        octets = memory as f64 / size as f64;
    }
    let with = format!("{} names", count(size));
    let mut add = |what: &str, of: &dyn Fn(&Took) -> f64| {
        let samples = took.iter().map(of).collect();
        figures.push(Figure::new(Part::Load, what, &with, "s", samples));
    };
    add("text to enforced", &|took| took.read + took.parse + took.compile + took.publish);
    add("read the file", &|took| took.read);
    add("parse the list", &|took| took.parse);
    add("compile", &|took| took.compile);
    add("publish a snapshot", &|took| took.publish);
    figures.push(Figure::new(Part::Load, "kernel memory of the names", &with, "octets/name", vec![octets]));
    Ok(())
}

/// From the file to the kernel, and the octets that the names need there.
fn load_once(path: &Path) -> anyhow::Result<(Took, u64)> {
    let mut compiler = Compiler::new(hash_key(&mut Random::new(7)));
    let mut datapath = load(hash_key(&mut Random::new(7)))?;
    let before = names_memory(&mut datapath)?;
    let start = Instant::now();
    let text = std::fs::read(path).context("read the list")?;
    let read = start.elapsed();
    let list = List::plain(&text);
    let parse = start.elapsed() - read;
    let order = policy::parsed(1, "nxdomain", "")?;
    let lists = vec![ListInput { path: "list-1.txt".into(), list: Some(Arc::new(list)) }];
    let (snapshot, faults) =
        compiler.compile(&policy::input(vec![OrderInput { order: Arc::new(order), lists }])?)?;
    let compile = start.elapsed() - parse - read;
    datapath.publish(&snapshot)?;
    let publish = start.elapsed() - compile - parse - read;
    anyhow::ensure!(faults.is_empty(), "the compiler refused names: {:?}", faults.first());
    let memory = names_memory(&mut datapath)?.saturating_sub(before);
    let seconds = |took: Duration| took.as_secs_f64();
    let took = Took {
        read: seconds(read),
        parse: seconds(parse),
        compile: seconds(compile),
        publish: seconds(publish),
    };
    Ok((took, memory))
}

fn load(key: filter_common::abi::HashKey) -> anyhow::Result<Datapath> {
    let mut options = LoadOptions::new(Arc::new(key))?;
    options.limits = Limits { changes: 4096, ..Limits::default() };
    Datapath::load(&options).context("load the program")
}

/// Octets of every map, less those whose size does not depend on the names.
fn names_memory(datapath: &mut Datapath) -> anyhow::Result<u64> {
    Ok(datapath.facts()?.map_memory())
}

/// A live policy of one large list and an order of single names.
struct LivePolicy {
    compiler: Compiler,
    datapath: Datapath,
    input: PolicyInput,
}

impl LivePolicy {
    fn new(size: usize) -> anyhow::Result<LivePolicy> {
        let key = hash_key(&mut Random::new(7));
        let list = Arc::new(List::plain(Names::listed(size).text().as_bytes()));
        let lists = vec![ListInput { path: "list-1.txt".into(), list: Some(list) }];
        let large = OrderInput { order: Arc::new(policy::parsed(1, "nxdomain", "")?), lists };
        let single = OrderInput { order: Arc::new(policy::parsed(2, "nxdomain", "")?), lists: Vec::new() };
        let input = policy::input(vec![large, single])?;
        let mut live = LivePolicy { compiler: Compiler::new(key), datapath: load(key)?, input };
        live.enforce("")?;
        Ok(live)
    }

    fn compile(&mut self, name: &str) -> anyhow::Result<Snapshot> {
        if let Some(single) = self.input.orders.get_mut(1) {
            single.order = Arc::new(policy::parsed(2, "nxdomain", name)?);
        }
        Ok(self.compiler.compile(&self.input)?.0)
    }

    /// The single names become this one; `""`: none.
    fn enforce(&mut self, name: &str) -> anyhow::Result<()> {
        let snapshot = self.compile(name)?;
        self.datapath.publish(&snapshot)?;
        Ok(())
    }
}

fn one_name(size: usize, changes: usize, figures: &mut Vec<Figure>) -> anyhow::Result<()> {
    let mut live = LivePolicy::new(size)?;
    let with = format!("{} names", count(size));
    let (mut block, mut lift) = (Vec::new(), Vec::new());
    for number in 0..changes {
        // the pause that must lie between two changes is not a part of either
        std::thread::sleep(Duration::from_millis(60));
        let start = Instant::now();
        live.enforce(&format!("mirror-{number}.example.net"))?;
        block.push(start.elapsed().as_secs_f64() * 1e3);
        std::thread::sleep(Duration::from_millis(60));
        let start = Instant::now();
        live.enforce("")?;
        lift.push(start.elapsed().as_secs_f64() * 1e3);
    }
    figures.push(Figure::new(Part::Load, "one name blocked, library", &with, "ms", block));
    figures.push(Figure::new(Part::Load, "one name lifted, library", &with, "ms", lift));
    say("load: publishing while packets are judged");
    under_traffic(&mut live, &with, figures)
}

/// Publishes as often as it can while another thread runs packets whose verdict every one of these policies agrees on.
fn under_traffic(live: &mut LivePolicy, with: &str, figures: &mut Vec<Figure>) -> anyhow::Result<()> {
    let (stop, judged) = (AtomicBool::new(false), AtomicU64::new(0));
    let runner = live.datapath.runner();
    let mut flips = Vec::new();
    let outcome = std::thread::scope(|scope| {
        let hammer = scope.spawn(|| hammer(&runner, &stop, &judged));
        let published = (|| {
            let start = Instant::now();
            while start.elapsed() < TRAFFIC {
                let begin = Instant::now();
                live.enforce(&format!("mirror-{}.example.net", flips.len()))?;
                flips.push(begin.elapsed().as_secs_f64() * 1e3);
            }
            anyhow::Ok(())
        })();
        stop.store(true, Ordering::Relaxed);
        let hammered = hammer.join().unwrap_or_else(|_| bail!("the packets' thread ended early"));
        published.and(hammered)
    });
    outcome.context("publishing under traffic")?;
    let judged = judged.load(Ordering::Relaxed) as f64;
    figures.push(Figure::new(Part::Load, "publish under traffic, one after the other", with, "ms", flips));
    figures.push(Figure::new(
        Part::Load,
        "packets judged meanwhile, none wrongly",
        with,
        "packets",
        vec![judged],
    ));
    Ok(())
}

fn hammer(runner: &Runner, stop: &AtomicBool, judged: &AtomicU64) -> anyhow::Result<()> {
    let listed = Names::listed(1);
    let expected = [(query(listed.get(0)).build(), XDP_TX), (query("www.example.org").build(), XDP_PASS)];
    while !stop.load(Ordering::Relaxed) {
        for (frame, action) in &expected {
            let found = runner.run(frame)?.action;
            anyhow::ensure!(found == *action, "a packet was misjudged: action {found}, expected {action}");
            judged.fetch_add(1, Ordering::Relaxed);
        }
    }
    Ok(())
}
