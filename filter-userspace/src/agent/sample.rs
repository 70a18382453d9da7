//! Sampled hits and the program's own lines into the log. A hit shows the listed name, never the client and never what
//! was asked below the name; a confidential order's names are not shown.

use std::collections::HashMap;
use std::sync::Arc;

use filter_common::abi::{Event, HashKey};

use super::Agent;
use super::book::Book;
use crate::kernel::{Datapath, Events, ProgramLines};
use crate::policy::Hit;
use crate::qtype;

/// Hits that are logged one by one from one look; of more, only the number is said.
const MOST: usize = 100;
/// Lists above this are not searched for the name of a hit.
const LONG_LIST: usize = 100_000;
/// More than the ring buffer has room for between two looks.
const ROOM: usize = 8192;
/// Test-run's interface index: the agent's own self-test.
const LOOPBACK: u32 = 1;

/// What the program has to say.
pub(super) struct Samples {
    events: Option<Events>,
    lines: Option<ProgramLines>,
    /// Listed names by hash key; `None`: not to be shown.
    names: HashMap<u64, Option<Arc<str>>>,
}

impl std::fmt::Debug for Samples {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Samples").field("names", &self.names.len()).finish_non_exhaustive()
    }
}

impl Samples {
    /// Takes both streams of the loaded program.
    pub(super) fn of(datapath: &mut Datapath) -> Samples {
        Samples { events: datapath.take_events(), lines: datapath.take_lines(), names: HashMap::new() }
    }

    /// Logs the program's lines and takes the hits.
    fn drain(&mut self) -> Vec<Event> {
        if let Some(lines) = &mut self.lines {
            lines.flush();
        }
        self.events.as_mut().map(|events| events.drain(ROOM)).unwrap_or_default()
    }

    /// A new policy may mean other names.
    pub(super) fn forget(&mut self) {
        self.names.clear();
    }

    fn name(&mut self, event: &Event, hit: &Hit, book: &Book, key: &HashKey) -> Option<Arc<str>> {
        self.names.entry(event.key).or_insert_with(|| find(event.key, hit, book, key)).clone()
    }
}

/// The listed name with this key, among the names of the orders that were hit.
fn find(key: u64, hit: &Hit, book: &Book, hash_key: &HashKey) -> Option<Arc<str>> {
    let held = || hit.orders.iter().filter_map(|id| book.find(id)?.1.held.as_ref());
    if held().any(|held| held.order.confidential) {
        return None;
    }
    for held in held() {
        let own = held.order.names.iter().map(|name| name.name.borrow());
        if let Some(name) = own.into_iter().find(|name| name.hash(hash_key).key() == key) {
            return Some(name.to_string().into());
        }
        let lists = held.lists.iter().filter_map(|path| book.list(path)?.list.as_ref());
        for list in lists.filter(|list| list.len() <= LONG_LIST) {
            if let Some(rule) = list.rules().find(|rule| rule.name.hash(hash_key).key() == key) {
                return Some(rule.name.to_string().into());
            }
        }
    }
    None
}

impl Agent {
    /// Logs what the program has said since the last look.
    pub(super) fn log_samples(&mut self) {
        let mut events = self.samples.drain();
        events.retain(|event| event.ifindex != LOOPBACK || self.links.name_of(LOOPBACK).is_some());
        for event in events.iter().take(MOST) {
            self.log_hit(event);
        }
        if let Some(more) = events.len().checked_sub(MOST).filter(|more| *more > 0) {
            tracing::info!(more, "further sampled hits are not logged one by one");
        }
    }

    fn log_hit(&mut self, event: &Event) {
        let Some(snapshot) = &self.policy.snapshot else { return };
        let Some(hit) = snapshot.hits.get(event.hits) else { return };
        let name = self.samples.name(event, hit, &self.book, snapshot.hash_key());
        let orders = hit.orders.join(",");
        let interface = self.links.name_of(event.ifindex).unwrap_or("-");
        tracing::info!(
            name = name.as_deref().unwrap_or("(not shown)"),
            order = orders,
            region = &*hit.region,
            action = hit.action,
            mode = hit.mode.label(),
            r#type = qtype::name(event.qtype),
            interface,
            generation = event.generation,
            "hit"
        );
    }
}
