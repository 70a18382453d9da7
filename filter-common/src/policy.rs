//! What the filter asks of a policy, and how the longest covering name that applies to the client is found.

use crate::abi::{
    ACTION_NONE, CLIENT_REGION, Decision, Generation, MAX_RULE_LABELS, SETTING_SERVICES, Settings,
};
use crate::dns::{edns, edns::Edns, name, question::Question};
use crate::hash::{KeyRows, NameHash};
use crate::octets::{HOLDER_KEYS, HOLDERS, LABELS, Octets, SUBNET, Scratch};
use crate::wire::Datagram;

/// A published generation: the maps in the kernel, or the same tables on the host.
pub trait Policy: KeyRows {
    /// The generation's record.
    fn generation(&self) -> &Generation;
    /// The value of a name whose check bits agree; 0: the name is not there and nothing is below it.
    fn name(&self, key: u64, check: u32) -> u64;
    /// The `CLIENT_` word of an IPv4 address, whose first octet is the lowest of `address`.
    fn client_v4(&self, address: u32) -> u32;
    /// The `CLIENT_` word of an IPv6 address: its first and last eight octets, the first octet the lowest.
    fn client_v6(&self, high: u64, low: u64) -> u32;
    /// The decision of a cell, counted from the generation's first.
    fn decision(&self, cell: u32) -> Decision;
    /// The kind of one of the generation's actions.
    fn action_kind(&self, action: u32) -> u16;
}

/// The service addresses, which are no part of a policy: they are known before there is one.
pub trait Services {
    /// Whether an address is one of them (an IPv4 address as `::ffff:a.b.c.d`).
    fn serves(&self, high: u64, low: u64) -> bool;
}

impl Settings {
    /// Whether a port is one of the DNS ports. All are compared, so that one branch is enough.
    #[inline(always)]
    #[must_use]
    pub const fn has_port(&self, port: u16) -> bool {
        let [a, b, c, d] = self.ports;
        port != 0 && ((port == a) | (port == b) | (port == c) | (port == d))
    }
}

/// The two halves of an IPv4 address as `::ffff:a.b.c.d`, read little-endian.
#[inline(always)]
#[must_use]
pub const fn mapped(address: u32) -> (u64, u64) {
    (0, (address as u64) << 32 | 0xffff_0000)
}

/// Whether the destination is one that the filter serves; every one is, unless there are service addresses.
#[inline(always)]
pub(crate) fn is_served<O, S>(
    octets: &O,
    services: &S,
    settings: &Settings,
    ip: usize,
    is_v6: bool,
) -> Option<bool>
where
    O: Octets + ?Sized,
    S: Services + ?Sized,
{
    if settings.flags & SETTING_SERVICES == 0 {
        return Some(true);
    }
    let (high, low) =
        if is_v6 { (octets.u64_at(ip, 24)?, octets.u64_at(ip, 32)?) } else { mapped(octets.u32_at(ip, 16)?) };
    Some(services.serves(high, low))
}

/// The `CLIENT_` word of the packet's source.
#[inline(always)]
pub(crate) fn client<O, P>(octets: &O, policy: &P, datagram: &Datagram) -> Option<usize>
where
    O: Octets + ?Sized,
    P: Policy + ?Sized,
{
    let word = if datagram.is_v6(octets) {
        policy.client_v6(octets.u64_at(datagram.ip, 8)?, octets.u64_at(datagram.ip, 16)?)
    } else {
        policy.client_v4(octets.u32_at(datagram.ip, 12)?)
    };
    Some(octets.settle(word as usize))
}

/// The `CLIENT_` word of the client subnet that a forwarder sent, or its `own` when the subnet says nothing (RFC 7871
/// section 7.1.2: SOURCE PREFIX-LENGTH 0). `None`: the option is malformed or of another family.
#[inline(always)]
pub(crate) fn subnet_client<O, P>(octets: &O, policy: &P, edns: &Edns, own: usize) -> Option<usize>
where
    O: Octets + Scratch + ?Sized,
    P: Policy + ?Sized,
{
    let family = octets.u16_at(edns.subnet_at, 0)?;
    let bits = octets.u8_at(edns.subnet_at, 2)? as usize;
    let size = octets.settle(edns.subnet.wrapping_sub(edns::OPTION + edns::SUBNET_ADDRESS));
    if size != bits.wrapping_add(7) >> 3 {
        return None;
    }
    // the address's octets that are sent, the last of them topmost in the saved word
    let sent = octets.get(SUBNET) >> (64usize.wrapping_sub(size << 3) & 63);
    let client = match family {
        1 | 2 if size == 0 => own,
        1 if size <= 4 => policy.client_v4(sent as u32) as usize,
        2 if size <= 8 => policy.client_v6(sent, 0) as usize,
        2 => policy.client_v6(octets.u64_at(edns.subnet_at, edns::SUBNET_ADDRESS)?, sent) as usize,
        _ => return None,
    };
    Some(octets.settle(client))
}

/// Walks the QNAME's suffixes from the root, notes those that hold rules, and returns how many do. It stops at the
/// first that has nothing listed at or below it, so a name that is not listed costs two or three words of the sieve. When
/// the sieve is wrong it goes on, at most to the end of the words that the deepest rule can have.
#[inline(always)]
pub(crate) fn holders<O, P>(octets: &O, policy: &P, question: &Question) -> Option<usize>
where
    O: Octets + Scratch + ?Sized,
    P: Policy + ?Sized,
{
    let mut left = question.labels;
    let root = policy.generation().root;
    note(octets, 0, root as u64, left, question.end.wrapping_sub(5), 0);
    // 1 when the root holds rules: its set is below 2^31
    let mut count = octets.settle((root.wrapping_neg() >> 31) as usize);
    let mut hash = NameHash::start(policy);
    let (mut at, mut position) = match next_label(octets, &mut left) {
        Some(label) => label,
        None => return Some(count),
    };
    for _ in 0..name::MAX_WORDS {
        octets.meet();
        hash = hash.word(policy, position.word(octets)?).settled(octets);
        if !position.is_last(octets) {
            position = position.after_word(octets);
            continue;
        }
        let key = hash.key();
        let value = octets.settle(policy.name(key, hash.check()) as usize) as u64;
        if value >> 33 != 0 {
            note(octets, count, value >> 33, left, at, key);
            count = count.wrapping_add(1);
        }
        count = octets.settle(count);
        if value & 1 << 32 == 0 {
            break;
        }
        match next_label(octets, &mut left) {
            Some(label) => (at, position) = label,
            None => break,
        }
    }
    Some(count)
}

/// The label before the last one that was taken; `None`: there is none.
#[inline(always)]
fn next_label<O: Octets + Scratch + ?Sized>(octets: &O, left: &mut usize) -> Option<(usize, name::Position)> {
    if octets.is_zero(*left) {
        return None;
    }
    *left = octets.settle(left.wrapping_sub(1));
    let at = octets.settle(octets.get(LABELS.wrapping_add(*left)) as usize);
    Some((at, name::Position::label(octets, at)?))
}

/// Notes that the suffix at `at` holds rules; `left` labels of the QNAME are below it.
#[inline(always)]
fn note<O: Scratch + ?Sized>(octets: &O, index: usize, set: u64, left: usize, at: usize, key: u64) {
    let below = (left != 0) as u64;
    octets.put(HOLDERS.wrapping_add(index), (at as u64) << 32 | set << 1 | below);
    octets.put(HOLDER_KEYS.wrapping_add(index), key);
}

/// The rule that applies: what to do, and the name that says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Applied {
    /// [`ACTION_NONE`] when no rule applies.
    pub action: u32,
    pub hits: u32,
    /// Offset of the name inside the QNAME.
    pub suffix: usize,
    /// Its hash key.
    pub key: u64,
}

/// The deepest name and each of its suffixes down to the root may hold rules.
const MAX_HOLDERS: usize = MAX_RULE_LABELS + 1;

/// The longest of the noted names that has a rule for the region and the query type.
#[inline(always)]
pub(crate) fn decide<O, P>(octets: &O, policy: &P, mut count: usize, client: u32, qtype: u16) -> Applied
where
    O: Octets + Scratch + ?Sized,
    P: Policy + ?Sized,
{
    let generation = policy.generation();
    let region = client & CLIENT_REGION;
    let class = class(&generation.types, qtype);
    let mut applied = Applied::default();
    for _ in 0..MAX_HOLDERS {
        octets.meet();
        if octets.is_zero(count) {
            break;
        }
        count = octets.settle(count.wrapping_sub(1));
        let holder = octets.get(HOLDERS.wrapping_add(count));
        let row = (holder as u32).wrapping_mul(generation.regions_count).wrapping_add(region);
        let decision = policy.decision(row.wrapping_mul(generation.types_count).wrapping_add(class));
        if decision.action != ACTION_NONE {
            let key = octets.get(HOLDER_KEYS.wrapping_add(count));
            let suffix = (holder >> 32) as usize;
            applied = Applied { action: decision.action, hits: decision.hits, suffix, key };
            break;
        }
    }
    Applied {
        action: octets.settle(applied.action as usize) as u32,
        hits: octets.settle(applied.hits as usize) as u32,
        suffix: octets.settle(applied.suffix),
        key: octets.settle(applied.key as usize) as u64,
    }
}

/// The class of a query type. An unused place is 0, and so is its class when type 0 is asked.
#[inline(always)]
fn class(types: &[u16; crate::abi::MAX_TYPES], qtype: u16) -> u32 {
    let mut class = 0u32;
    let mut number = 0u32;
    for own in types {
        number = number.wrapping_add(1);
        // arithmetic instead of branches: the verifier would follow each
        let same = (u32::from(own ^ qtype).wrapping_sub(1) >> 31) & (u32::from(*own != 0));
        class |= number.wrapping_mul(same);
    }
    class
}
