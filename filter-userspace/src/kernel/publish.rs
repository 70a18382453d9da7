//! Making a policy the one in force: the idle generation is filled, frozen and checked, then one word is flipped.
//!
//! A packet reads that word once and takes everything else from the generation it names, so it is judged by the old
//! policy or by the new one, never by a mixture and never by none. Whatever fails before the flip leaves the old policy
//! in force, and what was half written is written anew by the next publish. It knows no order and no list.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering, fence};
use std::time::{Duration, Instant, SystemTime};

use aya::Ebpf;
use aya::maps::{Array, Map, MapData};
use filter_common::abi::{Action, Decision, Generation, HashKey, NO_GENERATION};
use ipnet::{Ipv4Net, Ipv6Net};

use super::bank::Banks;
use super::error::KernelError;
use super::grace::Grace;
use super::image::{PolicyImage, within};
use super::inner;
use super::load::{Limits, LoadOptions, map_error, take_map};
use super::object::InnerFlags;
use super::outer::Outer;
use super::overlay::Overlay;
use super::pages::Table;
use super::stored::{self, Stored};
use crate::policy::{NameMap, RegionTree};

/// What a publish did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// Number of the generation now in force.
    pub number: u64,
    /// Whether all names were written.
    pub full: bool,
    /// How many names are listed.
    pub names: usize,
    /// How many of them are in the overlay, the lifted included.
    pub changed: usize,
    /// How long it took, until the kernel had it in force.
    pub took: Duration,
    /// When it came into force.
    pub at: SystemTime,
}

/// The one writer of the policy's maps.
pub struct Publisher {
    limits: Limits,
    hash_key: Arc<HashKey>,
    active: Array<MapData, u32>,
    generations: Array<MapData, Generation>,
    outer: Arc<Outer>,
    overlays: [Overlay; 2],
    names: [Option<Stored>; 2],
    regions: [Option<Regions>; 2],
    decisions: Banks<Decision>,
    actions: Banks<Action>,
    in_force: Option<InForce>,
    next: u64,
    grace: Grace,
    hits: Arc<AtomicU32>,
}

/// What the slots of REGIONS hold.
struct Regions {
    v4: Arc<Vec<(Ipv4Net, u32)>>,
    v6: Arc<Vec<(Ipv6Net, u32)>>,
    unknown: u32,
    v4_word: u32,
    table: Table,
}

#[derive(Clone, Copy)]
struct InForce {
    index: usize,
    number: u64,
    sides: Sides,
}

/// Which of the two tables of names and of regions a generation uses.
#[derive(Clone, Copy)]
struct Sides {
    names: usize,
    regions: usize,
}

impl Publisher {
    /// The maps of a freshly loaded object, with empty maps in every slot.
    pub(super) fn new(
        ebpf: &mut Ebpf,
        options: &LoadOptions,
        flags: InnerFlags,
        hits: Arc<AtomicU32>,
    ) -> Result<Publisher, KernelError> {
        let limits = options.limits;
        let room = usize::try_from(limits.changes).unwrap_or(usize::MAX);
        let overlay = || Overlay::new(inner::hash("changes", room, flags.changes)?);
        let overlays = [overlay()?, overlay()?];
        let outer = Outer::new(ebpf, &limits, flags, &overlays)?;
        let failed = |error| map_error("opening ACTIVE and GENERATIONS", error);
        Ok(Publisher {
            limits,
            hash_key: Arc::clone(&options.hash_key),
            active: Array::try_from(Map::Array(take_map(ebpf, "ACTIVE")?)).map_err(failed)?,
            generations: Array::try_from(Map::Array(take_map(ebpf, "GENERATIONS")?)).map_err(failed)?,
            outer: Arc::new(outer),
            overlays,
            names: [None, None],
            regions: [None, None],
            decisions: Banks::new("DECISIONS", take_map(ebpf, "DECISIONS")?, limits.decisions),
            actions: Banks::new("ACTIONS", take_map(ebpf, "ACTIONS")?, limits.actions),
            in_force: None,
            next: options.first_generation.max(1),
            grace: Grace::default(),
            hits,
        })
    }

    /// Number of the generation in force; 0: none yet.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.in_force.map_or(0, |in_force| in_force.number)
    }

    /// Makes the policy the one in force. Waits for the pause after the last publish, when that is not over yet.
    ///
    /// # Errors
    /// When it passes a limit or the kernel refuses something; the policy before is in force then.
    pub fn publish(&mut self, image: &PolicyImage<'_>) -> Result<Published, KernelError> {
        let started = Instant::now();
        image.check(&self.limits, &self.hash_key)?;
        let outer = &self.outer;
        self.grace.wait(|| outer.pause())?;
        self.check_active(self.in_force.map_or(NO_GENERATION, |in_force| word(in_force.index)))?;
        let idle = self.in_force.map_or(0, |in_force| 1 - in_force.index);
        let (record, names, sides) = self.fill(idle, image)?;
        self.flip(idle, record, sides)?;
        let (took, at) = (started.elapsed(), SystemTime::now());
        self.settle(image, sides);
        self.check_active(word(idle))?;
        Ok(Published {
            number: record.number,
            full: names.full,
            names: image.names,
            changed: names.overlay.len(),
            took,
            at,
        })
    }

    /// Fills the idle generation's maps.
    fn fill(
        &mut self,
        idle: usize,
        image: &PolicyImage<'_>,
    ) -> Result<(Generation, Names, Sides), KernelError> {
        let mut record = image.record(self.next);
        let names = self.fill_names(image)?;
        record.names = self.outer.names.first(names.side);
        record.buckets = names.buckets;
        record.changes = word(idle);
        record.changed = u32::try_from(names.overlay.len()).unwrap_or(u32::MAX);
        if let Some(overlay) = self.overlays.get_mut(idle).filter(|_| !names.overlay.is_empty()) {
            overlay.write(&names.overlay)?;
        }
        let regions = self.fill_regions(image)?;
        record.regions = self.outer.regions.first(regions);
        record.regions_v4 =
            self.regions.get(regions).and_then(Option::as_ref).map_or(0, |regions| regions.v4_word);
        self.decisions.write(idle, image.decisions)?;
        record.decisions = self.decisions.start(idle);
        self.actions.write(idle, image.actions)?;
        record.actions = self.actions.start(idle);
        let sides = Sides { names: names.side, regions };
        Ok((record, names, sides))
    }

    /// The side of NAMES that the image will use and what is laid over it.
    fn fill_names(&mut self, image: &PolicyImage<'_>) -> Result<Names, KernelError> {
        let overlay = stored::overlay(image);
        within("changed names", overlay.len(), self.limits.changes, "changes")?;
        let current = self.in_force.map(|in_force| in_force.sides.names);
        let stored = current.and_then(|side| self.names.get(side)?.as_ref().map(|stored| (side, stored)));
        if let Some((side, stored)) = stored.filter(|(_, stored)| stored.holds(image)) {
            return Ok(Names { side, buckets: stored.buckets(), overlay, full: false });
        }
        let side = current.map_or(0, |side| 1 - side);
        // of a publish that failed half-way
        if let Some(left) = self.names.get_mut(side).and_then(mem::take) {
            self.outer.names.clear(left.table)?;
        }
        let stored = Stored::build(image, &self.outer.names, side)?;
        let buckets = stored.buckets();
        if let Some(place) = self.names.get_mut(side) {
            *place = Some(stored);
        }
        Ok(Names { side, buckets, overlay, full: true })
    }

    /// The side of REGIONS that the image will use.
    fn fill_regions(&mut self, image: &PolicyImage<'_>) -> Result<usize, KernelError> {
        let current = self.in_force.map(|in_force| in_force.sides.regions);
        let held =
            current.filter(|side| matches!(self.regions.get(*side), Some(Some(held)) if held.same(image)));
        if let Some(side) = held {
            return Ok(side);
        }
        let side = current.map_or(0, |side| 1 - side);
        if let Some(left) = self.regions.get_mut(side).and_then(mem::take) {
            self.outer.regions.clear(left.table)?;
        }
        let tree = RegionTree::new(image.prefixes_v4, image.prefixes_v6, image.unknown);
        self.limits.check_tree(tree.lines().len())?;
        let table = self.outer.regions.put(side, tree.lines(), &[0u64; 0])?;
        let (v4, v6) = (Arc::clone(image.prefixes_v4), Arc::clone(image.prefixes_v6));
        if let Some(place) = self.regions.get_mut(side) {
            *place = Some(Regions { v4, v6, unknown: image.unknown, v4_word: tree.v4(), table });
        }
        Ok(side)
    }

    /// Writes the record, reads it back, and puts the generation in force.
    fn flip(&mut self, idle: usize, record: Generation, sides: Sides) -> Result<(), KernelError> {
        let failed = |error| map_error("writing GENERATIONS", error);
        self.generations.set(word(idle), record, 0).map_err(failed)?;
        let found = self.generations.get(&word(idle), 0).map_err(failed)?;
        if found != record {
            let (found, expected) = (format!("{found:?}"), format!("{record:?}"));
            return Err(KernelError::OtherWriter { what: "GENERATIONS", found, expected });
        }
        // the maps' contents come before the word that leads to them, on processors that reorder stores too
        fence(Ordering::SeqCst);
        self.active.set(0, word(idle), 0).map_err(|error| map_error("writing ACTIVE", error))?;
        self.in_force = Some(InForce { index: idle, number: record.number, sides });
        self.next = record.number.saturating_add(1);
        Ok(())
    }

    fn check_active(&self, expected: u32) -> Result<(), KernelError> {
        let found = self.active.get(&0, 0).map_err(|error| map_error("reading ACTIVE", error))?;
        if found == expected {
            return Ok(());
        }
        let (found, expected) = (found.to_string(), expected.to_string());
        Err(KernelError::OtherWriter { what: "ACTIVE", found, expected })
    }

    /// Starts the pause, and lets go after it of what only the old generation used.
    fn settle(&mut self, image: &PolicyImage<'_>, sides: Sides) {
        let most = image.decisions.iter().map(|decision| decision.hits).max().unwrap_or(0);
        self.hits.fetch_max(most.saturating_add(1), Ordering::Relaxed);
        let names = self.names.get_mut(1 - sides.names).and_then(mem::take);
        let regions = self.regions.get_mut(1 - sides.regions).and_then(mem::take);
        let outer = Arc::clone(&self.outer);
        self.grace.start(move || {
            outer.pause()?;
            if let Some(stored) = names {
                outer.names.clear(stored.table)?;
            }
            regions.map_or(Ok(()), |regions| outer.regions.clear(regions.table))
        });
    }

    /// Octets that the kernel accounts to the pages, which have no descriptor once they are in their slots.
    pub(super) fn page_memory(&self) -> [(&'static str, u64); 2] {
        let names = self.names.iter().flatten().map(|stored| stored.table.memory).sum();
        let regions = self.regions.iter().flatten().map(|regions| regions.table.memory).sum();
        [("NAMES", names), ("REGIONS", regions)]
    }

    /// Every map it owns, with its name.
    pub(super) fn maps(&self) -> Vec<(&'static str, &MapData)> {
        let mut maps = self.outer.maps();
        maps.extend([("DECISIONS", self.decisions.map()), ("ACTIONS", self.actions.map())]);
        maps.extend(self.overlays.iter().map(|overlay| ("CHANGES", overlay.map())));
        maps
    }
}

/// Where the names of the generation to come are.
struct Names {
    side: usize,
    buckets: u32,
    overlay: Arc<NameMap>,
    full: bool,
}

impl Regions {
    fn same(&self, image: &PolicyImage<'_>) -> bool {
        let v4 = Arc::ptr_eq(&self.v4, image.prefixes_v4) || self.v4 == *image.prefixes_v4;
        let v6 = Arc::ptr_eq(&self.v6, image.prefixes_v6) || self.v6 == *image.prefixes_v6;
        v4 && v6 && self.unknown == image.unknown
    }
}

fn word(index: usize) -> u32 {
    u32::from(index != 0)
}
