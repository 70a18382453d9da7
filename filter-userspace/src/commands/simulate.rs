//! `interdict simulate`: every frame of a capture through the real program, attached nowhere, and beside it through the
//! host's engine, which must say the same.

mod capture;
mod question;

use std::net::IpAddr;
use std::sync::Arc;

use filter_common::abi::{ACTION_BADVERS, Settings};
use filter_common::host::{self, Room, Run};
use filter_common::verdict::{ANSWERED, RESET, VERDICTS};
use filter_common::{DropReason, PassReason, Verdict};
use jiff::Timestamp;
use serde::Serialize;

use super::exit::{Exit, Failure, OrExit};
use super::print::Output;
use super::{Outcome, inputs};
use crate::agent::{self, kernel_exit};
use crate::args::SimulateArgs;
use crate::config::{Config, Overrides};
use crate::kernel::{Datapath, KernelError, LEAST_FRAME, Observation, Observer};
use crate::policy::{Compiler, HostPolicy, Snapshot};
use crate::region::RegionTable;
use capture::{Frame, Reader, Writer};

/// One line of output.
#[derive(Debug, Serialize)]
struct Line {
    frame: u64,
    verdict: &'static str,
    reason: Option<&'static str>,
    name: Option<String>,
    region: Option<String>,
    order: Option<String>,
    rcode: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    host_differs: bool,
}

pub(super) fn run(args: &SimulateArgs, output: &Output) -> Outcome {
    let over =
        Overrides { orders: args.orders.clone(), regions: args.regions.clone(), ..Overrides::default() };
    let config = inputs::config(args.config.as_deref(), over)?;
    let mut reader = Reader::open(&args.file).or_exit(Exit::BadInput)?;
    let mut writer = args.write.as_deref().map(Writer::create).transpose().or_exit(Exit::Failed)?;
    let mut simulation = Simulation::start(&config, args.orders.is_some())?;
    let (mut frames, mut differ) = (0u64, 0u64);
    while let Some(frame) = reader.next().or_exit(Exit::BadInput)? {
        frames = frames.saturating_add(1);
        let (line, left) = simulation.frame(frames, &frame).map_err(|error| {
            let exit = kernel_exit(&error);
            Failure::new(exit, anyhow::Error::new(error).context(format!("frame {frames}")))
        })?;
        differ = differ.saturating_add(u64::from(line.host_differs));
        output.line(serde_json::to_string(&line)?);
        if let (Some(writer), Some(octets)) = (&mut writer, left) {
            writer.write(frame.timestamp, &octets).or_exit(Exit::Failed)?;
        }
    }
    if let Some(writer) = writer {
        writer.finish().or_exit(Exit::Failed)?;
    }
    if differ == 0 {
        return Ok(Exit::Ok);
    }
    eprintln!("interdict: the host's engine disagrees with the kernel on {differ} of {frames} frames");
    Ok(Exit::Problems)
}

/// The loaded program, its policy, and the same policy on the host.
struct Simulation {
    // holds the program
    _datapath: Datapath,
    observer: Observer,
    snapshot: Snapshot,
    settings: Settings,
    regions: Arc<RegionTable>,
    services: Vec<IpAddr>,
}

impl Simulation {
    fn start(config: &Config, orders_named: bool) -> Result<Simulation, Failure> {
        let (book, regions) = inputs::policy_files(config, orders_named)?;
        let input = agent::policy_input(&book, &regions, config, Timestamp::now());
        let key = Arc::new(agent::hash_key().or_exit(Exit::Failed)?);
        let mut compiler = Compiler::new(*key);
        let (snapshot, faults) = compiler.compile(&input).or_exit(Exit::BadInput)?;
        for fault in faults {
            tracing::warn!("{fault}");
        }
        let options = agent::load_options(config, key).map_err(kernel_failure)?;
        let settings = options.settings;
        let mut datapath = Datapath::load(&options).map_err(kernel_failure)?;
        datapath.publish(&snapshot).map_err(kernel_failure)?;
        let observer = datapath.observer().map_err(kernel_failure)?;
        Ok(Simulation {
            _datapath: datapath,
            observer,
            snapshot,
            settings,
            regions: Arc::clone(regions.table()),
            services: config.service_addresses.clone(),
        })
    }

    /// A frame's line, and its octets as they leave (`None`: it does not).
    fn frame(&mut self, number: u64, frame: &Frame) -> Result<(Line, Option<Vec<u8>>), KernelError> {
        let policy = HostPolicy::new(&self.snapshot).with_services(&self.services);
        let asks = question::read(&frame.octets, &policy, &self.settings);
        let message = asks.as_ref().map(|asks| asks.message);
        let mut line = Line {
            frame: number,
            verdict: "pass",
            reason: Some(PassReason::Truncated.label()),
            region: asks.as_ref().and_then(|asks| self.regions.lookup(asks.client)).map(str::to_owned),
            name: asks.and_then(|asks| asks.name),
            order: None,
            rcode: None,
            host_differs: false,
        };
        if frame.octets.len() < LEAST_FRAME {
            // shorter than an Ethernet header, which the kernel does not run
            return Ok((line, Some(frame.octets.clone())));
        }
        let seen = self.observer.observe(&frame.octets)?;
        let host = host::run(&frame.octets, &policy, &self.snapshot.actions, &self.settings, Room::Tail);
        let counter = seen.counters.iter().copied().find(|counter| *counter < VERDICTS);
        (line.verdict, line.reason) = meaning(counter);
        line.order = seen.hits.and_then(|slot| self.snapshot.hits.get(slot)).map(|hit| hit.orders.join(","));
        if line.verdict == "answer" {
            line.rcode = message.and_then(|message| rcode(&seen.data, message, &host));
        }
        line.host_differs = differs(&seen, counter, &host);
        let left = (line.verdict != "drop").then_some(seen.data);
        Ok((line, left))
    }
}

fn kernel_failure(error: KernelError) -> Failure {
    Failure::new(kernel_exit(&error), error)
}

/// Verdict and reason of a counter.
fn meaning(counter: Option<usize>) -> (&'static str, Option<&'static str>) {
    match counter {
        Some(ANSWERED) => ("answer", None),
        Some(RESET) => ("reset", None),
        Some(counter) => {
            let pass = PassReason::ALL.iter().find(|reason| reason.counter() == counter);
            let drop = DropReason::ALL.iter().find(|reason| reason.counter() == counter);
            match (pass, drop) {
                (Some(reason), _) => ("pass", Some(reason.label())),
                (None, Some(reason)) => ("drop", Some(reason.label())),
                (None, None) => ("pass", None),
            }
        }
        None => ("pass", None),
    }
}

/// Whether the host's engine says something else than the kernel: another counter, another slot, other octets. Of a
/// frame in several buffers the host sees more than the kernel.
fn differs(seen: &Observation, counter: Option<usize>, host: &Run) -> bool {
    if counter == Some(PassReason::MultiBuffer.counter()) {
        return false;
    }
    let hits = Some(host.outcome.hit().hits).filter(|slot| *slot != 0);
    counter != Some(host.verdict.counter()) || seen.hits != hits || seen.data != host.octets
}

/// The response's RCODE by its name.
fn rcode(answer: &[u8], message: usize, host: &Run) -> Option<String> {
    if host.verdict == Verdict::Answer(ACTION_BADVERS) {
        // its upper bits are in the OPT record (RFC 6891 section 6.1.3)
        return Some("BADVERS".to_owned());
    }
    let rcode = answer.get(message.checked_add(3)?)? & 0x0f;
    Some(match rcode {
        0 => "NOERROR".to_owned(),
        1 => "FORMERR".to_owned(),
        2 => "SERVFAIL".to_owned(),
        3 => "NXDOMAIN".to_owned(),
        4 => "NOTIMP".to_owned(),
        5 => "REFUSED".to_owned(),
        other => format!("RCODE{other}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_has_a_meaning() {
        for reason in PassReason::ALL {
            assert_eq!(meaning(Some(reason.counter())), ("pass", Some(reason.label())));
        }
        for reason in DropReason::ALL {
            assert_eq!(meaning(Some(reason.counter())), ("drop", Some(reason.label())));
        }
        assert_eq!(meaning(Some(ANSWERED)), ("answer", None));
        assert_eq!(meaning(Some(RESET)), ("reset", None));
    }

    #[test]
    fn a_line_has_the_agreed_keys() {
        let line = Line {
            frame: 1,
            verdict: "answer",
            reason: None,
            name: Some("www.example.com".into()),
            region: Some("IT".into()),
            order: Some("X".into()),
            rcode: Some("NXDOMAIN".into()),
            host_differs: false,
        };
        assert_eq!(
            serde_json::to_string(&line).unwrap(),
            r#"{"frame":1,"verdict":"answer","reason":null,"name":"www.example.com","region":"IT","order":"X","rcode":"NXDOMAIN"}"#
        );
    }
}
