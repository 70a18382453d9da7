//! A policy in plain tables, and the frames to ask it with.

use std::collections::HashMap;

use filter_common::abi::{
    ACTION_FIRST, Action, CLIENT_ANSWERED, Decision, Generation, HashKey, KEY_ROWS, KIND_ANSWER, KIND_DROP,
    KIND_PASSTHRU, SECTION_AUTHORITY, name_value,
};
use filter_common::hash::{self, KeyRows, NameHash};
use filter_common::policy::{Policy, Services};

/// What a rule covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Covers {
    Exact,
    Suffix,
    Below,
}

/// A rule of the table: labels from the leftmost, what it covers, the region it is for, its action.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) labels: Vec<Vec<u8>>,
    pub(crate) covers: Covers,
    pub(crate) region: u32,
    pub(crate) action: u32,
}

/// Regions that the table knows: 0 is unknown.
pub(crate) const REGIONS: u32 = 3;
/// Region 1 is 192.0.2.0/24, region 2 is 198.51.100.0/24.
pub(crate) const CLIENTS: [[u8; 4]; 3] = [[203, 0, 113, 9], [192, 0, 2, 9], [198, 51, 100, 9]];
pub(crate) const RESOLVER: [u8; 4] = [203, 0, 113, 1];

pub(crate) struct Table {
    key: HashKey,
    names: HashMap<u64, u64>,
    decisions: Vec<Decision>,
    pub(crate) actions: Vec<Action>,
    generation: Generation,
}

pub(crate) fn hash_key(seed: u64) -> HashKey {
    let mut state = seed;
    let mut rows = [[0u64; 8]; KEY_ROWS];
    for number in rows.iter_mut().flatten() {
        // splitmix64
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        *number = mixed ^ mixed >> 31;
    }
    HashKey { rows }
}

impl Table {
    pub(crate) fn new(seed: u64, rules: &[Rule]) -> Table {
        let key = hash_key(seed);
        let mut nodes: HashMap<Vec<Vec<u8>>, Vec<&Rule>> = HashMap::new();
        for rule in rules {
            let folded: Vec<Vec<u8>> = rule.labels.iter().map(|label| label.to_ascii_lowercase()).collect();
            for from in 0..folded.len() {
                nodes.entry(folded[from..].to_vec()).or_default();
            }
            nodes.entry(folded).or_default().push(rule);
        }
        let mut decisions = vec![Decision::default(); 2 * REGIONS as usize];
        let mut names = HashMap::new();
        let mut root = 0;
        for (name, rules) in &nodes {
            let deeper = nodes.keys().any(|other| other.len() > name.len() && other.ends_with(name));
            let set = if rules.is_empty() { 0 } else { decisions.len() as u32 / (2 * REGIONS) };
            for below in [false, true].into_iter().filter(|_| set != 0) {
                for region in 0..REGIONS {
                    let rule = rules.iter().find(|rule| {
                        rule.region == region
                            && (rule.covers == Covers::Suffix || (rule.covers == Covers::Below) == below)
                    });
                    let action = rule.map_or(0, |rule| rule.action);
                    decisions.push(Decision { action, hits: u32::from(action != 0) });
                }
            }
            if name.is_empty() {
                root = set;
                continue;
            }
            let hash =
                name.iter().rev().fold(NameHash::start(&key), |hash, label| hash::label(hash, &key, label));
            names.insert(hash.key(), name_value(hash.check(), set, deeper));
        }
        let generation =
            Generation { number: 1, root, regions_count: REGIONS, types_count: 1, ..Generation::default() };
        Table { key, names, decisions, actions: actions(), generation }
    }
}

/// FORMERR, BADVERS, then NXDOMAIN, REFUSED, drop and passthru.
fn actions() -> Vec<Action> {
    let opt = |extended: u8, ede: Option<(u16, &str)>| {
        let mut octets = vec![0, 0, 41, 0x04, 0xd0, extended, 0, 0, 0, 0, 0];
        if let Some((code, text)) = ede {
            let length = text.len() as u16;
            octets[9..11].copy_from_slice(&(length + 6).to_be_bytes());
            octets.extend([0, 15]);
            octets.extend((length + 2).to_be_bytes());
            octets.extend(code.to_be_bytes());
            octets.extend(text.as_bytes());
        }
        octets
    };
    let answer = |rcode: u16, record: &[u8], opt: &[u8], text: usize| {
        let mut action = Action {
            kind: KIND_ANSWER,
            rcode,
            record: record.len() as u16,
            opt: opt.len() as u16,
            ..Action::ZERO
        };
        action.text = text as u16;
        action.section = if record.is_empty() { 0 } else { SECTION_AUTHORITY };
        for (to, from) in action.records.iter_mut().zip(record.iter().chain(opt)) {
            *to = *from;
        }
        action
    };
    let mut soa = vec![0xc0, 0x0c, 0, 6, 0, 1, 0, 0, 0, 60, 0, 22, 0, 0];
    for number in [1u32, 3600, 600, 86400, 60] {
        soa.extend(number.to_be_bytes());
    }
    let text = "Court order IT-EX-0001";
    vec![
        Action::ZERO,
        answer(1, &[], &opt(0, None), 0),
        answer(0, &[], &opt(1, None), 0),
        answer(3, &soa, &opt(0, Some((16, text))), text.len()),
        answer(5, &[], &opt(0, Some((16, text))), text.len()),
        Action { kind: KIND_DROP, ..Action::ZERO },
        Action { kind: KIND_PASSTHRU, ..Action::ZERO },
    ]
}
pub(crate) const NXDOMAIN: u32 = ACTION_FIRST;
pub(crate) const REFUSED: u32 = ACTION_FIRST + 1;
pub(crate) const DROP: u32 = ACTION_FIRST + 2;
pub(crate) const PASSTHRU: u32 = ACTION_FIRST + 3;

impl KeyRows for Table {
    fn row(&self, row: usize) -> [u64; 6] {
        self.key.row(row)
    }
}

impl Policy for Table {
    fn generation(&self) -> &Generation {
        &self.generation
    }
    fn name(&self, key: u64, check: u32) -> u64 {
        self.names.get(&key).copied().filter(|value| *value as u32 == check).unwrap_or(0)
    }
    fn client_v4(&self, address: u32) -> u32 {
        let region = match address.to_le_bytes() {
            [192, 0, 2, _] => 1,
            [198, 51, 100, _] => 2,
            _ => 0,
        };
        region | CLIENT_ANSWERED
    }
    fn client_v6(&self, _: u64, _: u64) -> u32 {
        CLIENT_ANSWERED
    }
    fn decision(&self, cell: u32) -> Decision {
        self.decisions.get(cell as usize).copied().unwrap_or_default()
    }
    fn action_kind(&self, action: u32) -> u16 {
        self.actions[action as usize].kind
    }
}

impl Services for Table {
    fn serves(&self, _: u64, _: u64) -> bool {
        true
    }
}

pub(crate) fn labels(name: &str) -> Vec<Vec<u8>> {
    name.split('.').filter(|label| !label.is_empty()).map(|label| label.as_bytes().to_vec()).collect()
}

pub(crate) fn wire_name(labels: &[Vec<u8>]) -> Vec<u8> {
    let mut octets: Vec<u8> =
        labels.iter().flat_map(|label| [vec![label.len() as u8], label.clone()].concat()).collect();
    octets.push(0);
    octets
}

/// A query message: ID 0x1234, RD, one question of class IN, and an OPT record with these options.
pub(crate) fn query(labels: &[Vec<u8>], qtype: u16, options: Option<&[u8]>) -> Vec<u8> {
    let mut message = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, u8::from(options.is_some())];
    message.extend(wire_name(labels));
    message.extend(qtype.to_be_bytes());
    message.extend([0, 1]);
    if let Some(options) = options {
        message.extend([0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0]);
        message.extend((options.len() as u16).to_be_bytes());
        message.extend(options);
    }
    message
}

/// An Ethernet frame with an IPv4 packet with a datagram from port 4096 to 53.
pub(crate) fn frame(source: [u8; 4], message: &[u8]) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0];
    frame.extend((message.len() as u16 + 28).to_be_bytes());
    frame.extend([0, 7, 0, 0, 50, 17, 0, 0]);
    frame.extend(source);
    frame.extend(RESOLVER);
    frame.extend([0x10, 0, 0, 53]);
    frame.extend((message.len() as u16 + 8).to_be_bytes());
    frame.extend([0, 0]);
    frame.extend(message);
    frame
}
