//! The boundary between the XDP program and the agent: every map's key and value, the settings and the events.
//!
//! Integers and octet arrays only, padding written out, sizes asserted. A change of any layout is a new
//! [`ABI_VERSION`]. This module knows no rule and makes no decision.

/// Number of this layout. It names the pin directory; a test holds it to the sizes and offsets below.
pub const ABI_VERSION: u32 = 3;

/// UDP and TCP ports that the filter can watch at once.
pub const MAX_PORTS: usize = 4;
/// Labels of the longest rule, and so the depth of a walk from the root (an `ip6.arpa` name has 34).
pub const MAX_RULE_LABELS: usize = 34;
/// Query types that rules of one policy may name.
pub const MAX_TYPES: usize = 8;
/// Rows of the hash key: one for the start and one for each word of the deepest name that is looked up
/// (255 octets hold at most 31 whole words, and each of the 34 labels ends in a word of its own).
pub const KEY_ROWS: usize = 128;
/// Banks of counters: an interface counts in bank `ifindex % COUNTER_BANKS`.
pub const COUNTER_BANKS: u32 = 256;
/// Counters of a bank; [`crate::verdict`] says which is which.
pub const COUNTERS: usize = 64;
/// Octets of an [`Action`]'s records.
pub const MAX_RECORDS: usize = 248;

/// What stays as it is while the program is attached: a global that is set when it is loaded.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// DNS ports in host order; 0 is an unused place.
    pub ports: [u16; MAX_PORTS],
    /// The `SETTING_` bits.
    pub flags: u32,
    /// A hit is reported as an event when its counter's value has none of these bits set
    /// (`0`: every hit; `u32::MAX`: none worth the name).
    pub sample_mask: u32,
}

/// First fragments to a DNS port pass (else they are dropped).
pub const SETTING_FRAGMENTS_PASS: u32 = 1;
/// A compressed QNAME is dropped (else it is answered with FORMERR).
pub const SETTING_POINTER_DROP: u32 = 1 << 1;
/// A listed name over TCP passes (else its segment becomes a reset).
pub const SETTING_TCP_PASS: u32 = 1 << 2;
/// Answers carry RA=1.
pub const SETTING_RA: u32 = 1 << 3;
/// Only destinations in the map `SERVICES` are filtered.
pub const SETTING_SERVICES: u32 = 1 << 4;
/// Hits are sampled into the ring buffer `EVENTS`.
pub const SETTING_EVENTS: u32 = 1 << 5;

/// In the benchmark's object, the bits of [`Settings::flags`] from this one on say what a run does.
pub const BENCH_SHIFT: u32 = 24;
/// Nothing.
pub const BENCH_EMPTY: u32 = 1;
/// Puts the frame in place.
pub const BENCH_CONTROL: u32 = 2;
/// That, and looks one name up.
pub const BENCH_LOOKUP: u32 = 3;
/// Puts the frame in place and filters it.
pub const BENCH_FILTER: u32 = 4;
/// Filters the packet that it is given.
pub const BENCH_DIRECT: u32 = 6;
/// Turns every query round as it came, on an interface: nothing that answers can be faster.
pub const BENCH_CEILING: u32 = 5;

impl Settings {
    /// Port 53, RA set, nothing optional.
    pub const DEFAULT: Settings = Settings { ports: [53, 0, 0, 0], flags: SETTING_RA, sample_mask: u32::MAX };
}

/// `ACTIVE` before anything was published: every query passes with [`crate::PassReason::NoPolicy`].
pub const NO_GENERATION: u32 = u32::MAX;

/// One generation of the policy: where its parts are. `ACTIVE[0]` is the index of the one in force.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Generation {
    /// Number of the generation, from 1.
    pub number: u64,
    /// [`MODE_ENFORCE`] or [`MODE_OBSERVE`].
    pub mode: u32,
    /// First slot of `NAMES` with the base of its names: the sieve, then the buckets.
    pub names: u32,
    /// Slot of `CHANGES` that holds the names changed since the base was built.
    pub changes: u32,
    /// How many names that slot holds; 0: it is not looked at.
    pub changed: u32,
    /// First slot of `REGIONS` with its region tree.
    pub regions: u32,
    /// What the region tree says of IPv4 addresses: a word about all of them, or which line says more.
    pub regions_v4: u32,
    /// Set of rules that hold the root name; 0: none.
    pub root: u32,
    /// Index of the first of its `DECISIONS`.
    pub decisions: u32,
    /// Regions a row of decisions has, "unknown" (0) included.
    pub regions_count: u32,
    /// Index of the first of its `ACTIONS`.
    pub actions: u32,
    /// Type classes a cell of decisions has: 1 + the types below that are in use.
    pub types_count: u32,
    /// Buckets of its base of names: a multiple of [`crate::bucket::SIEVE_BUCKETS`].
    pub buckets: u32,
    /// Query types with a class of their own: `types[i]` has class `i + 1`; 0 is an unused place, class 0 all others.
    pub types: [u16; MAX_TYPES],
}

/// Verdicts are carried out.
pub const MODE_ENFORCE: u32 = 0;
/// Everything passes; what would have happened is counted.
pub const MODE_OBSERVE: u32 = 1;

/// Value of `CHANGES`, and of a name wherever it is kept: the low 32 bits are the name's check bits; then comes one bit that says whether
/// anything is listed below the name, and 31 bits with its set of rules (0: none). No value is 0: that is "not there".
pub type NameValue = u64;

/// A [`NameValue`] from its parts. `set` must be below 2^31.
#[must_use]
pub const fn name_value(check: u32, set: u32, deeper: bool) -> NameValue {
    let deeper = deeper || (check == 0 && set == 0);
    check as u64 | (deeper as u64) << 32 | (set as u64) << 33
}

/// A word about an address: its region number, or which line of the region tree says more, and the flags below.
pub const CLIENT_REGION: u32 = 0x0fff_ffff;
/// The address may be answered.
pub const CLIENT_ANSWERED: u32 = 1 << 31;
/// The address is a forwarder whose EDNS client subnet decides the region.
pub const CLIENT_FORWARDER: u32 = 1 << 30;
/// The word is not about an address yet: the number is that of a [`crate::region::Line`].
pub const CLIENT_LINE: u32 = 1 << 29;
/// The line is about the next 16 bits of the address.
pub const CLIENT_DIGIT: u32 = 1 << 28;
/// Of a word that leads to lines: the number of the first.
pub const LINE_NUMBER: u32 = 0x007f_ffff;
/// Of a word that leads to lines: where the five bits start that say how many bits of the address choose one of them, from
/// the first's number on.
pub const LINE_SLICES: u32 = 23;

/// Elements of a page, the inner map of `NAMES` and `REGIONS`: 64 octets each, 1 MiB a page. All pages are of one size,
/// for then the kernel looks elements up without a call.
pub const PAGE_ELEMENTS: u32 = 1 << PAGE_SHIFT;
/// Element `n` of a table is element `n % PAGE_ELEMENTS` of the page in its slot `n >> PAGE_SHIFT`.
pub const PAGE_SHIFT: u32 = 14;

/// What a set of rules says for one region and type class. The decision for `set`, whether the QNAME is `below` the
/// name that holds the set, `region` and `class` is at
/// `decisions + (((set * 2 + below) * regions_count) + region) * types_count + class`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Decision {
    /// Offset of its action from [`Generation::actions`]; 0: no rule applies.
    pub action: u32,
    /// Its counter in `HITS`; 0: none.
    pub hits: u32,
}

/// The number of an [`Action`] that each generation has at the same place.
pub const ACTION_NONE: u32 = 0;
/// Answers a compressed QNAME: FORMERR.
pub const ACTION_FORMERR: u32 = 1;
/// Answers an EDNS version above 0: BADVERS.
pub const ACTION_BADVERS: u32 = 2;
/// The first action of the policy's own.
pub const ACTION_FIRST: u32 = 3;

/// [`Action::kind`]: the query is answered.
pub const KIND_ANSWER: u16 = 1;
/// The query is dropped.
pub const KIND_DROP: u16 = 2;
/// The query passes, and nothing else is looked at.
pub const KIND_PASSTHRU: u16 = 3;

/// [`Action::section`]: the record before the OPT is in the answer section and owned by the QNAME.
pub const SECTION_ANSWER: u16 = 1;
/// The record before the OPT is in the authority section and owned by the matched name.
pub const SECTION_AUTHORITY: u16 = 2;

/// What is done with a query, and the octets of its answer.
///
/// `records` holds, without a gap: `record` octets of one resource record (its first two octets are replaced by the
/// pointer to its owner), then `opt` octets of an OPT record that ends in an EDE option whose EXTRA-TEXT is the last
/// `text` octets. `record` is 0 or at least 16; `opt` is 11 (no EDE) or at least 17.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Action {
    /// A `KIND_` number.
    pub kind: u16,
    /// RCODE of the header, 0..=15.
    pub rcode: u16,
    /// Octets of the resource record.
    pub record: u16,
    /// A `SECTION_` number; 0 when there is no record.
    pub section: u16,
    /// Octets of the OPT record with its EDE.
    pub opt: u16,
    /// Octets of EXTRA-TEXT at its end.
    pub text: u16,
    /// Padding.
    pub reserved: [u16; 2],
    /// The records.
    pub records: [u8; MAX_RECORDS],
    /// Room for reads of whole words beyond the last record.
    pub spill: [u8; 24],
}

impl Action {
    /// An action of which nothing is set.
    pub const ZERO: Action = Action {
        kind: 0,
        rcode: 0,
        record: 0,
        section: 0,
        opt: 0,
        text: 0,
        reserved: [0; 2],
        records: [0; MAX_RECORDS],
        spill: [0; 24],
    };
}

/// The secret key of the names' hash: row 0 starts the three sums, row `i` weighs word `i` (see [`crate::hash`]).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashKey {
    /// Six multipliers a row, and two numbers that round the row up to a cache line.
    pub rows: [[u64; 8]; KEY_ROWS],
}

/// One bank of counters.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counters {
    /// See [`crate::verdict`] for the indices.
    pub values: [u64; COUNTERS],
}

/// A sampled hit. It holds neither the client's address nor the QNAME: `key` is the listed name's.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Event {
    /// Number of the generation that decided.
    pub generation: u64,
    /// Hash key of the listed name that decided.
    pub key: u64,
    /// Region number of the client in that generation.
    pub region: u32,
    /// Counter in `HITS`.
    pub hits: u32,
    /// The interface.
    pub ifindex: u32,
    /// Query type.
    pub qtype: u16,
    /// Counter index of the verdict.
    pub counter: u16,
}

/// Key of `SERVICES`: an IPv6 address, or an IPv4 address as `::ffff:a.b.c.d`, in network order.
pub type ServiceKey = [u8; 16];

const _: () = {
    assert!(size_of::<Settings>() == 16);
    assert!(size_of::<Generation>() == 72);
    assert!(size_of::<Decision>() == 8);
    assert!(size_of::<Action>() == 288);
    assert!(size_of::<HashKey>() == 8192);
    assert!(size_of::<Counters>() == 512);
    assert!(size_of::<Event>() == 32);
};

#[cfg(feature = "user")]
mod user {
    use crate::bucket::Bucket;
    use crate::region::Line;

    use super::{Action, Counters, Decision, Event, Generation, HashKey, Settings};

    // SAFETY: integers and arrays of integers in C layout without implicit padding (sizes asserted above), so every
    // octet is initialised and every bit pattern is a value.
    unsafe impl aya::Pod for Settings {}
    // SAFETY: as for Settings.
    unsafe impl aya::Pod for Generation {}
    // SAFETY: as for Settings.
    unsafe impl aya::Pod for Decision {}
    // SAFETY: as for Settings.
    unsafe impl aya::Pod for Action {}
    // SAFETY: as for Settings.
    unsafe impl aya::Pod for HashKey {}
    // SAFETY: as for Settings.
    unsafe impl aya::Pod for Counters {}
    // SAFETY: as for Settings.
    unsafe impl aya::Pod for Event {}
    // SAFETY: as for Settings.
    unsafe impl aya::Pod for Bucket {}
    // SAFETY: as for Settings; its module asserts its size.
    unsafe impl aya::Pod for Line {}
}
