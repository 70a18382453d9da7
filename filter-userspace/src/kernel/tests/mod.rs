//! Against the running kernel. Without root they skip and say so; with INTERDICT_REQUIRE_PRIVILEGE set they fail instead.

mod attach;
mod load;
mod observe;
mod publish;
mod regions;
mod stress;

use std::path::Path;
use std::sync::Arc;

use filter_common::abi::{
    ACTION_FIRST, Action, CLIENT_ANSWERED, Decision, HashKey, KEY_ROWS, KIND_ANSWER, KIND_DROP, MODE_ENFORCE,
    SECTION_ANSWER, name_value,
};
use filter_common::hash::{self, NameHash};
use ipnet::{Ipv4Net, Ipv6Net};

use super::{Datapath, LoadOptions, Object, PolicyImage};
use crate::policy::{Base, NameMap};

/// What the loading of the program needs, or `None` (said aloud) when this machine cannot.
fn options() -> Option<LoadOptions> {
    let refusal = match super::require_capabilities() {
        Err(error) => error,
        Ok(()) => {
            let object = match std::env::var_os("INTERDICT_BPF_OBJECT") {
                Some(path) => Object::read(Path::new(&path)),
                None => Object::embedded(),
            };
            match object {
                Ok(object) => return Some(LoadOptions { object, ..blank() }),
                Err(error) => error,
            }
        }
    };
    assert!(std::env::var_os("INTERDICT_REQUIRE_PRIVILEGE").is_none(), "{refusal}");
    eprintln!("skipped: {refusal}");
    None
}

fn blank() -> LoadOptions {
    LoadOptions {
        object: Object::default(),
        settings: filter_common::abi::Settings::DEFAULT,
        limits: super::Limits::default(),
        hash_key: key(),
        services: Vec::new(),
        program_log: super::ProgramLog::default(),
        verifier_words: false,
        first_generation: 1,
        pool: 1,
    }
}

/// A key that is no secret.
fn key() -> Arc<HashKey> {
    let mut rows = [[0u64; 8]; KEY_ROWS];
    let mut state = 1u64;
    for number in rows.iter_mut().flatten() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *number = state ^ state >> 29;
    }
    Arc::new(HashKey { rows })
}

/// Regions of the tests' policies: unknown, and the one of 192.0.2.0/24 and 2001:db8::/32.
const REGIONS: u32 = 2;

/// A policy made by hand.
struct Policy {
    key: Arc<HashKey>,
    base: Arc<Base>,
    changes: Arc<NameMap>,
    decisions: Vec<Decision>,
    actions: Vec<Action>,
    prefixes_v4: Arc<Vec<(Ipv4Net, u32)>>,
    prefixes_v6: Arc<Vec<(Ipv6Net, u32)>>,
}

impl Policy {
    /// No name; `sets` sets, of which none has a decision yet.
    fn new(sets: usize) -> Policy {
        let region = 1 | CLIENT_ANSWERED;
        Policy {
            key: key(),
            base: Arc::default(),
            changes: Arc::default(),
            decisions: vec![Decision::default(); sets * 2 * REGIONS as usize],
            actions: vec![Action::ZERO; ACTION_FIRST as usize],
            prefixes_v4: Arc::new(vec![("192.0.2.0/24".parse().unwrap(), region)]),
            prefixes_v6: Arc::new(vec![("2001:db8::/32".parse().unwrap(), region)]),
        }
    }

    fn image(&self) -> PolicyImage<'_> {
        PolicyImage {
            mode: MODE_ENFORCE,
            base: &self.base,
            changes: &self.changes,
            names: self.base.len(),
            root: 0,
            decisions: &self.decisions,
            regions_count: REGIONS,
            types: &[],
            actions: &self.actions,
            prefixes_v4: &self.prefixes_v4,
            prefixes_v6: &self.prefixes_v6,
            unknown: CLIENT_ANSWERED,
            hash_key: &self.key,
        }
    }

    /// The set decides so in the known region, for the name and below it.
    fn decide(&mut self, set: u32, action: u32, hits: u32) {
        for below in 0..2 {
            let cell = ((set * 2 + below) * REGIONS + 1) as usize;
            self.decisions[cell] = Decision { action, hits };
        }
    }

    /// One more action; its number.
    fn action(&mut self, action: Action) -> u32 {
        self.actions.push(action);
        u32::try_from(self.actions.len()).unwrap() - 1
    }

    /// Entries for the name with this set and for the names above it.
    fn list(&self, names: &mut NameMap, name: &str, set: u32) {
        let mut at = NameHash::start(&*self.key);
        let labels: Vec<_> = name.split('.').rev().collect();
        for (depth, label) in labels.iter().enumerate() {
            at = hash::label(at, &*self.key, label.as_bytes());
            let last = depth + 1 == labels.len();
            let above = names.get(&at.key()).map_or(0, |value| u32::try_from(value >> 33).unwrap());
            let value =
                if last { name_value(at.check(), set, false) } else { name_value(at.check(), above, true) };
            names.insert(at.key(), value);
        }
    }
}

/// Drops the query.
fn drop_action() -> Action {
    Action { kind: KIND_DROP, ..Action::ZERO }
}

/// Answers with one A record whose address is `number`.
fn numbered(number: u32) -> Action {
    let mut action =
        Action { kind: KIND_ANSWER, record: 16, section: SECTION_ANSWER, opt: 11, ..Action::ZERO };
    let record = [0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4];
    action.records[..12].copy_from_slice(&record);
    action.records[12..16].copy_from_slice(&number.to_be_bytes());
    action.records[16..27].copy_from_slice(&[0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]);
    action
}

/// A query for the name's A record, from 192.0.2.7 to 198.51.100.53.
fn query(name: &str) -> Vec<u8> {
    let mut message = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        message.push(u8::try_from(label.len()).unwrap());
        message.extend_from_slice(label.as_bytes());
    }
    message.extend_from_slice(&[0, 0, 1, 0, 1]);
    let mut frame = Vec::new();
    etherparse::PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2])
        .ipv4([192, 0, 2, 7], [198, 51, 100, 53], 64)
        .udp(40_000, 53)
        .write(&mut frame, &message)
        .unwrap();
    frame
}

/// The address in an answer to [`query`], when it is one.
fn answered(frame: &[u8], query: &[u8]) -> Option<u32> {
    // the answer section follows the question, which is as long as the query's
    let record = frame.get(query.len()..query.len() + 16)?;
    (frame.get(44)? & 0x80 != 0).then(|| u32::from_be_bytes(record[12..].try_into().unwrap()))
}

fn loaded() -> Option<Datapath> {
    Some(Datapath::load(&options()?).unwrap())
}
