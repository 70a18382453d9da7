//! The loaded program with everything that belongs to it.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use aya::Ebpf;
use aya::maps::{Map, MapData};
use filter_common::abi::{SETTING_EVENTS, Settings};

use super::attach::{self, AttachMode};
use super::attachment::{Attached, Attachment};
use super::counters::{Bank, Meters};
use super::error::KernelError;
use super::events::Events;
use super::facts::{self, Facts};
use super::image::PolicyImage;
use super::load::{self, LoadOptions, Loaded, program_of, take_map};
use super::log::ProgramLines;
use super::pin::PinDir;
use super::pool;
use super::publish::{Published, Publisher};
use super::testrun::{Observer, Runner, TestRun};
use crate::policy::Snapshot;

/// The loaded program. Dropping it unloads it, unless a pinned link still holds it on an interface.
pub struct Datapath {
    ebpf: Ebpf,
    runner: Runner,
    publisher: Publisher,
    meters: Meters,
    /// Octets of the maps whose descriptors aya's typed readers hide.
    read_memory: Vec<(&'static str, u64)>,
    events: Option<Events>,
    lines: Option<ProgramLines>,
    attached: Attached,
    settings: Settings,
    object_sha256: String,
    took: Duration,
}

impl Datapath {
    /// Loads the program, with no policy in force: every packet passes until the first publish.
    ///
    /// # Errors
    /// When a capability is missing, the object does not fit this binary, the verifier refuses the program or memory
    /// for the maps is lacking.
    pub fn load(options: &LoadOptions) -> Result<Datapath, KernelError> {
        let Loaded { mut ebpf, flags, took } = load::load(options)?;
        let program =
            program_of(&mut ebpf)?.fd().map_err(|error| KernelError::Load { reason: error.to_string() })?;
        let program =
            program.as_fd().try_clone_to_owned().map_err(KernelError::call("sharing the program"))?;
        let (used, attached) = (Arc::new(AtomicU32::new(0)), Attached::default());
        let (counters, hits) = (take_map(&mut ebpf, "COUNTERS")?, take_map(&mut ebpf, "HITS")?);
        let memory = |name, map: &MapData| (name, facts::memory(map.fd().as_fd()));
        let events = take_map(&mut ebpf, "EVENTS")?;
        let read_memory =
            vec![memory("COUNTERS", &counters), memory("HITS", &hits), memory("EVENTS", &events)];
        Ok(Datapath {
            runner: Runner::new(program),
            publisher: Publisher::new(&mut ebpf, options, flags, Arc::clone(&used))?,
            meters: Meters::new(counters, hits, used, Arc::clone(&attached))?,
            read_memory,
            events: Some(Events::new(events)?),
            lines: ProgramLines::new(&mut ebpf)?,
            attached,
            settings: options.settings,
            object_sha256: options.object.sha256(),
            took,
            ebpf,
        })
    }

    /// Puts the program on the interface, or in the place of ours that an agent before left there.
    ///
    /// # Errors
    /// When the interface is missing, held by another program, or takes the program in none of the modes asked for.
    pub fn attach(
        &mut self,
        interface: &str,
        mode: AttachMode,
        pins: &PinDir,
    ) -> Result<Attachment, KernelError> {
        attach::attach(self.runner.program(), interface, mode, pins, &self.attached)
    }

    /// Makes the policy the one in force: see [`Publisher::publish`].
    ///
    /// # Errors
    /// As for [`Publisher::publish`].
    pub fn publish(&mut self, snapshot: &Snapshot) -> Result<Published, KernelError> {
        self.publisher.publish(&PolicyImage::from(snapshot))
    }

    /// The writer of the policy, for images that come from elsewhere than a snapshot.
    pub fn publisher(&mut self) -> &mut Publisher {
        &mut self.publisher
    }

    /// The counters of every attached interface: see [`Meters`].
    ///
    /// # Errors
    /// The kernel's.
    pub fn counters(&self) -> Result<Vec<Bank>, KernelError> {
        self.meters.counters()
    }

    /// The counters of the decisions: see [`Meters`].
    ///
    /// # Errors
    /// The kernel's.
    pub fn hits(&self) -> Result<Vec<u64>, KernelError> {
        self.meters.hits()
    }

    /// A reader of the counters that can be used beside a publish.
    #[must_use]
    pub fn meters(&self) -> Meters {
        self.meters.clone()
    }

    /// Runs the program on one frame.
    ///
    /// # Errors
    /// When the kernel does not take the frame.
    pub fn test_run(&self, frame: &[u8]) -> Result<TestRun, KernelError> {
        self.runner.run(frame)
    }

    /// A runner that can be used beside a publish.
    #[must_use]
    pub fn runner(&self) -> Runner {
        self.runner.clone()
    }

    /// Runs frames one by one and says what moved. Takes the events.
    ///
    /// # Errors
    /// When the events were taken already.
    pub fn observer(&mut self) -> Result<Observer, KernelError> {
        let events = self.events.take().ok_or(KernelError::Taken { what: "events" })?;
        let sampled = self.settings.flags & SETTING_EVENTS != 0 && self.settings.sample_mask == 0;
        Observer::new(self.runner.clone(), self.meters.clone(), events, sampled)
    }

    /// The sampled hits; the first caller has them.
    pub fn take_events(&mut self) -> Option<Events> {
        self.events.take()
    }

    /// The program's log lines; the first caller has them.
    pub fn take_lines(&mut self) -> Option<ProgramLines> {
        self.lines.take()
    }

    /// Fills the pool of the benchmark's object: as many frames as [`LoadOptions::pool`], a power of two, each of at
    /// least 64 and at most 512 octets.
    ///
    /// # Errors
    /// When this is not that object, or the kernel's.
    pub fn set_pool(&mut self, frames: &[Vec<u8>]) -> Result<(), KernelError> {
        pool::fill(&mut self.ebpf, frames)
    }

    /// What is loaded.
    ///
    /// # Errors
    /// The kernel's.
    pub fn facts(&mut self) -> Result<Facts, KernelError> {
        let program = program_of(&mut self.ebpf)?;
        let info = program.info().map_err(|error| KernelError::Load { reason: error.to_string() })?;
        let left = self.ebpf.maps().filter_map(|(name, map)| Some((name, data_of(map)?)));
        let maps = left.chain(self.publisher.maps());
        let mut memory: Vec<(String, u64)> =
            maps.map(|(name, map)| (name.to_owned(), facts::memory(map.fd().as_fd()))).collect();
        let pages = self.publisher.page_memory();
        memory.extend(pages.map(|(name, octets)| (name.to_owned(), octets)));
        memory.extend(self.read_memory.iter().map(|(name, octets)| ((*name).to_owned(), *octets)));
        Ok(Facts::new(&info, self.took, self.object_sha256.clone(), memory))
    }
}

/// The descriptor of a map that was left with aya.
fn data_of(map: &Map) -> Option<&MapData> {
    match map {
        Map::Array(map) | Map::HashMap(map) | Map::PerCpuArray(map) | Map::RingBuf(map) => Some(map),
        _ => None,
    }
}
