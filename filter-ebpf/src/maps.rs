//! Every map, and the policy in them. Only here and in `maps/` is map memory read or written.

use aya_ebpf::btf_maps::{ArrayOfMaps, HashMap as InnerHash};
use aya_ebpf::macros::{btf_map, map};
use aya_ebpf::maps::{Array, HashMap, PerCpuArray, RingBuf};
use filter_common::abi::{
    Action, COUNTER_BANKS, Counters, Decision, Event, Generation, HashKey, NameValue, ServiceKey, Settings,
};
use filter_common::answer::Template;
use filter_common::bucket::Place;
use filter_common::hash::KeyRows;
use filter_common::octets::SCRATCH_SLOTS;
use filter_common::policy::{Policy, Services};
use filter_common::region::Lines;

use self::tables::{Tree, client_word};
use crate::packet::{born, settle};

mod tables;

/// Set by the agent when it loads the program.
#[unsafe(no_mangle)]
static SETTINGS: Settings = Settings::DEFAULT;

/// 0 -> index of the generation in force, or `NO_GENERATION`. Written by the agent to publish, read once a packet.
#[map]
static ACTIVE: Array<u32> = Array::with_max_entries(1, 0);
/// Index -> generation. The agent writes the one that is not in force.
#[map]
static GENERATIONS: Array<Generation> = Array::with_max_entries(2, 0);
/// Slot -> names that changed since, hash key -> value; they go before. Made when the program is loaded; the agent
/// writes the one that is not in force.
#[btf_map]
static CHANGES: ArrayOfMaps<InnerHash<u64, NameValue, 1>, 2> = ArrayOfMaps::new();
/// Cell -> decision, one half for each generation. The agent sets the size and writes the half that is not in force.
#[map]
static DECISIONS: Array<Decision> = Array::with_max_entries(2, 0);
/// Number -> action, one half for each generation, as [`DECISIONS`].
#[map]
static ACTIONS: Array<Action> = Array::with_max_entries(2, 0);
/// 0 -> the secret key of the names' hash. Written when the program is loaded.
#[map]
static HASH_KEY: Array<HashKey> = Array::with_max_entries(1, 0);
/// Service address -> anything. Written when the program is loaded.
#[map]
static SERVICES: HashMap<ServiceKey, u32> = HashMap::with_max_entries(1024, 0);
/// `ifindex % COUNTER_BANKS` -> counters, one copy a CPU. Written here, read by the agent.
#[map]
static COUNTERS: PerCpuArray<Counters> = PerCpuArray::with_max_entries(COUNTER_BANKS, 0);
/// Counter of a decision -> hits, one copy a CPU. The agent sets the size.
#[map]
static HITS: PerCpuArray<u64> = PerCpuArray::with_max_entries(1, 0);
/// Sampled hits for the agent.
#[map]
static EVENTS: RingBuf = RingBuf::with_byte_size(256 * 1024, 0);
/// Working memory of one run.
#[map]
static WORKING: PerCpuArray<[u64; SCRATCH_SLOTS]> = PerCpuArray::with_max_entries(1, 0);

/// The settings, which the verifier knows because their map is read-only.
#[inline(always)]
pub fn settings() -> Settings {
    // SAFETY: a static of this crate; volatile because the loader puts another value there.
    unsafe { core::ptr::read_volatile(&raw const SETTINGS) }
}

/// This CPU's working memory.
#[derive(Clone, Copy)]
pub struct Working(usize);

impl Working {
    const MASK: usize = (SCRATCH_SLOTS - 1) * 8;

    /// `None` never happens: the map has one element.
    #[inline(always)]
    pub fn new() -> Option<Working> {
        WORKING.get_ptr_mut(0).map(|pointer| Working(pointer as usize))
    }

    #[inline(always)]
    pub fn put(self, slot: usize, value: u64) {
        // SAFETY: the masked offset lies within the element; no other run uses this CPU's copy meanwhile.
        unsafe { *(born::<{ Working::MASK }>(self.0, slot << 3) as *mut u64) = value }
    }

    #[inline(always)]
    pub fn get(self, slot: usize) -> u64 {
        // SAFETY: as for put.
        unsafe { *(born::<{ Working::MASK }>(self.0, slot << 3) as *const u64) }
    }
}

/// The generation in force when the packet came.
#[derive(Clone, Copy)]
pub struct MapPolicy {
    generation: &'static Generation,
    key: usize,
}

impl MapPolicy {
    /// `None` before the first publish.
    #[inline(always)]
    pub fn in_force() -> Option<MapPolicy> {
        // SAFETY: a pointer into the map; volatile because the agent writes it at any time.
        let active = unsafe { core::ptr::read_volatile(ACTIVE.get_ptr(0)?) };
        let generation = GENERATIONS.get(active)?;
        let key = HASH_KEY.get_ptr(0)? as usize;
        Some(MapPolicy { generation, key })
    }

    /// One of the generation's actions.
    #[inline(always)]
    pub fn action(&self, action: u32) -> Option<MapAction> {
        ACTIONS.get_ptr(self.generation.actions.wrapping_add(action)).map(MapAction)
    }
}

impl KeyRows for MapPolicy {
    #[inline(always)]
    fn row(&self, row: usize) -> [u64; 6] {
        const MASK: usize = size_of::<HashKey>() - 64;
        let row = born::<MASK>(self.key, row << 6) as *const u64;
        // SAFETY: the masked offset is that of a whole row of eight numbers.
        unsafe { [*row, *row.add(1), *row.add(2), *row.add(3), *row.add(4), *row.add(5)] }
    }
}

impl Policy for MapPolicy {
    #[inline(always)]
    fn generation(&self) -> &Generation {
        self.generation
    }

    #[inline(always)]
    fn name(&self, key: u64, check: u32) -> u64 {
        if self.generation.changed != 0 {
            let value = settle(changed(self.generation.changes, key), key) as u64;
            if value != 0 {
                return if value as u32 == check { value } else { 0 };
            }
        }
        let Generation { names, buckets, .. } = *self.generation;
        // settled, or the compiler would compare 32 bits, for which this machine has no instruction: ten more that wait for memory
        let place = Place::new(key, settle(check as usize, key) as u64);
        tables::listed(names, buckets, place) << 32 | u64::from(check)
    }

    #[inline(always)]
    fn client_v4(&self, address: u32) -> u32 {
        let Generation { regions, regions_v4, .. } = *self.generation;
        client_word(regions, regions_v4, u64::from(address.swap_bytes()) << 32, 0)
    }

    #[inline(always)]
    fn client_v6(&self, high: u64, low: u64) -> u32 {
        let (regions, high) = (self.generation.regions, high.swap_bytes());
        client_word(regions, Tree(regions).root(high >> 48), high, low.swap_bytes())
    }

    #[inline(always)]
    fn decision(&self, cell: u32) -> Decision {
        DECISIONS.get(self.generation.decisions.wrapping_add(cell)).copied().unwrap_or_default()
    }

    #[inline(always)]
    fn action_kind(&self, action: u32) -> u16 {
        ACTIONS.get(self.generation.actions.wrapping_add(action)).map_or(0, |action| action.kind)
    }
}

/// The service addresses in their map.
pub struct MapServices;

impl Services for MapServices {
    #[inline(always)]
    fn serves(&self, high: u64, low: u64) -> bool {
        let address = u128::from(high) | u128::from(low) << 64;
        SERVICES.get_ptr(&address.to_le_bytes()).is_some()
    }
}

/// The value of a changed name; 0: it has not changed (no value is 0).
#[inline(always)]
fn changed(slot: u32, key: u64) -> usize {
    // SAFETY: elements are only written while no generation in force refers to the map, so none is reused under us.
    let value = CHANGES.get(slot).and_then(|names| unsafe { names.get(&key) });
    value.copied().unwrap_or(0) as usize
}

/// An action in the map.
#[derive(Clone, Copy)]
pub struct MapAction(*const Action);

impl MapAction {
    #[inline(always)]
    fn field(self) -> &'static Action {
        // SAFETY: from a lookup that found it; the agent does not write actions of a generation in force.
        unsafe { &*self.0 }
    }
}

impl Template for MapAction {
    #[inline(always)]
    fn rcode(&self) -> u16 {
        self.field().rcode
    }
    #[inline(always)]
    fn record(&self) -> usize {
        self.field().record as usize & 0xff
    }
    #[inline(always)]
    fn section(&self) -> u16 {
        self.field().section
    }
    #[inline(always)]
    fn opt(&self) -> usize {
        self.field().opt as usize & 0xff
    }
    #[inline(always)]
    fn text(&self) -> usize {
        self.field().text as usize & 0xff
    }
    #[inline(always)]
    fn word(&self, offset: usize) -> u64 {
        // `spill` makes room for a word at the highest offset
        let word =
            born::<0xff>(self.0 as usize + core::mem::offset_of!(Action, records), offset) as *const u64;
        // SAFETY: 255 + 8 octets from the records on are within the action; map memory may be read unaligned.
        unsafe { u64::from_le(*word) }
    }
}

/// Adds one to a counter of the interface's bank.
#[inline(always)]
pub fn count(ifindex: u32, counter: usize) {
    const MASK: usize = size_of::<Counters>() - 8;
    if let Some(bank) = COUNTERS.get_ptr_mut(ifindex % COUNTER_BANKS) {
        // SAFETY: the masked offset lies within the bank; this CPU's copy is not written by another.
        unsafe { *(born::<MASK>(bank as usize, counter << 3) as *mut u64) += 1 }
    }
}

/// Adds one to a decision's counter and returns its new value.
#[inline(always)]
pub fn count_hit(hits: u32) -> Option<u64> {
    let counter = HITS.get_ptr_mut(hits)?;
    // SAFETY: this CPU's copy is not written by another.
    unsafe {
        *counter += 1;
        Some(*counter)
    }
}

/// Hands an event to the agent; false when the ring buffer is full.
#[inline(always)]
pub fn emit(event: &Event) -> bool {
    /// The agent polls: a wake-up costs microseconds.
    const NO_WAKEUP: u64 = aya_ebpf::bindings::BPF_RB_NO_WAKEUP as u64;
    EVENTS.output::<Event>(event, NO_WAKEUP).is_ok()
}
