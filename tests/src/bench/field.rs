//! End to end: queries a second over a veth pair, beside other programs that block the same names.
//!
//! Every contender has a veth pair of its own between two namespaces and listens all the time; they are driven in turn.
//! Servers have one thread on processor 1, the generator runs on processor 0. `contender` is who takes part, `setting`
//! their configuration, `network` the namespaces, `generator` what asks, `questions` what is asked.

mod attached;
mod cdb;
mod contender;
mod generator;
mod network;
mod questions;
mod setting;

use std::time::{Duration, Instant};

use anyhow::Context;
use filter_common::abi::BENCH_EMPTY;

use self::attached::Attached;
use self::contender::Contender;
use self::generator::{Burst, Generator};
use self::network::Network;
use self::questions::{Questions, Sort};
use super::arguments::{Arguments, Part};
use super::figure::{Figure, count};
use super::names::Names;
use super::progress::say;
use crate::harness::find_program;

/// One column of the result: what is asked, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Heat {
    sort: Sort,
    generator: Generator,
    is_own_cpu: bool,
}

impl Heat {
    const fn new(sort: Sort, generator: Generator, is_own_cpu: bool) -> Heat {
        Heat { sort, generator, is_own_cpu }
    }

    fn words(self) -> String {
        let cpu = if self.is_own_cpu { ", XDP on its own CPU" } else { "" };
        format!("{}, {}{cpu}", self.sort.label(), self.generator.label())
    }
}

/// Measures.
///
/// # Errors
/// When a contender does not start, or blocks or answers what it should not.
pub(super) fn measure(arguments: &Arguments) -> anyhow::Result<Vec<Figure>> {
    let size = arguments.names.unwrap_or(if arguments.full { 1_000_000 } else { 100_000 });
    let contenders = wanted(arguments);
    let folder = super::folder()?;
    say(format!("end to end: {} names for {} contenders", count(size), contenders.len()));
    let names = Names::listed(size);
    let questions = Questions::write(folder.path(), &names)?;
    let network = Network::new(&contenders)?;
    let mut ears =
        Ears { program: Attached::load(&arguments.object, BENCH_EMPTY)?, contenders: contenders.clone() };
    ears.open(&network)?;
    let (field, mut figures) =
        setting::start(arguments, folder.path(), &network, &contenders, &names, &questions)?;
    let results = rounds_of(arguments, &network, &mut ears, &questions)?;
    drop(field);
    let with = |heat: Heat| format!("{}, {} names", heat.words(), count(size));
    figures.extend(results.into_iter().map(|(contender, heat, samples)| {
        Figure::new(Part::EndToEnd, contender.label(), &with(heat), "kq/s", samples)
    }));
    Ok(figures)
}

/// Samples of everybody in every heat, round by round.
fn rounds_of(
    arguments: &Arguments,
    network: &Network,
    ears: &mut Ears,
    questions: &Questions,
) -> anyhow::Result<Vec<(Contender, Heat, Vec<f64>)>> {
    let rounds = arguments.rounds.unwrap_or(if arguments.full { 3 } else { 2 });
    let limit = Duration::from_secs(if arguments.full { 900 } else { 60 });
    let start = Instant::now();
    let mut results: Vec<(Contender, Heat, Vec<f64>)> = Vec::new();
    for round in 0..rounds {
        say(format!("end to end: round {} of {rounds}", round + 1));
        for heat in heats(arguments.full) {
            match heat.generator {
                Generator::Flood => ears.program.take_off()?,
                Generator::Sockets => ears.open(network)?,
            }
            let is_there = |contender: &&Contender| takes_part(**contender, heat, arguments.full);
            let taking_part = ears.contenders.iter().filter(is_there);
            for contender in taking_part.copied() {
                let burst = drive(network, contender, heat, questions)
                    .with_context(|| format!("{}: {}", contender.label(), heat.words()))?;
                match results.iter_mut().find(|(who, what, _)| (*who, *what) == (contender, heat)) {
                    Some((_, _, samples)) => samples.push(burst.answered),
                    None => results.push((contender, heat, vec![burst.answered])),
                }
            }
        }
        if start.elapsed() > limit {
            say("end to end: the time is over");
            break;
        }
    }
    Ok(results)
}

/// Programs on the client's side that pass everything: without one, a veth pair keeps what the other side's XDP program
/// sends until something else comes. kxdpgun brings its own.
struct Ears {
    program: Attached,
    contenders: Vec<Contender>,
}

impl Ears {
    fn open(&mut self, network: &Network) -> anyhow::Result<()> {
        if self.program.is_off() {
            for contender in &self.contenders {
                // kxdpgun leaves its own behind
                network.client.ip(&format!("link set dev {} xdp off", contender.peer()))?;
                self.program.put_on(&network.client, &contender.peer())?;
            }
        }
        Ok(())
    }
}

/// Those that are asked for and installed.
fn wanted(arguments: &Arguments) -> Vec<Contender> {
    let is_wanted = |contender: &Contender| match arguments.contenders.as_slice() {
        [] => arguments.full || contender.is_of_everyday(),
        some => some.iter().any(|word| word == contender.word()),
    };
    let is_there = |contender: &Contender| {
        let is_there = find_program(contender.program()).is_some();
        if !is_there {
            say(format!(
                "end to end: without {}: {} is not installed",
                contender.label(),
                contender.program()
            ));
        }
        is_there
    };
    Contender::ALL.into_iter().filter(is_wanted).filter(is_there).collect()
}

/// In everyday use, clean names are asked only of those that pass them on.
fn takes_part(contender: Contender, heat: Heat, is_full: bool) -> bool {
    contender.runs(heat.sort, heat.is_own_cpu) && (is_full || heat.sort != Sort::Clean || contender.is_xdp())
}

fn heats(is_full: bool) -> Vec<Heat> {
    let mut heats = vec![
        Heat::new(Sort::Blocked, Generator::Flood, true),
        Heat::new(Sort::Blocked, Generator::Flood, false),
        Heat::new(Sort::Clean, Generator::Flood, false),
    ];
    if is_full {
        heats.push(Heat::new(Sort::Mix, Generator::Flood, false));
        heats.extend(
            [Sort::Blocked, Sort::Clean, Sort::Mix].map(|sort| Heat::new(sort, Generator::Sockets, false)),
        );
    }
    heats
}

fn drive(
    network: &Network,
    contender: Contender,
    heat: Heat,
    questions: &Questions,
) -> anyhow::Result<Burst> {
    let own = if heat.is_own_cpu { Some(network.on_own_cpu(contender)?) } else { None };
    let burst = heat.generator.drive(network, contender, questions.file(heat.sort), heat.is_own_cpu)?;
    drop(own);
    // a server that answers something else would be fast at the wrong thing
    let expected = match heat.sort {
        Sort::Blocked => burst.nxdomain,
        Sort::Clean => burst.noerror,
        Sort::Mix => burst.nxdomain.min(burst.noerror) * 2.0,
    };
    let least = if heat.sort == Sort::Mix { 0.5 } else { 0.98 };
    if burst.answered > 1.0 && contender.is_judged() && expected < least {
        anyhow::bail!("of its answers {:.0} % have the right RCODE: {}", expected * 100.0, burst.words);
    }
    Ok(burst)
}
