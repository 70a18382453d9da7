//! Orders, lists and regions to a snapshot.
//!
//! A [`Compiler`] keeps what it compiled last: the tree of names, who decides, the regions. The next compile compares
//! every part (an order's own names, or one of its lists) with what it was, and changes only the names that differ, so
//! that adding one name to a policy of a million costs about as much as the order's own file, not the million. The names
//! of a snapshot are then a shared base and the changes since; the base is made anew when the changes are many.
//! Decisions are made anew when an order's terms, the regions or the mode change; else only those of new sets of rules.
//! Hit slots keep their meaning as long as the compiler lives.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use filter_common::abi::{HashKey, name_value};

use super::base::Base;
use super::guard::{Fault, Guard};
use super::hits::HitTable;
use super::input::{self, CompileError, OrderInput, PolicyInput};
use super::node::Touched;
use super::nodes::Nodes;
use super::parts::{self, Entered, PartId};
use super::rows::Terms;
use super::rule::{Part, SetRules};
use super::ruling::Ruling;
use super::snapshot::Snapshot;
use super::table::{NameMap, NameTable};
use crate::names::Name;

/// Changes above which the names get a new base.
const REBASE_ABOVE: usize = 32_768;

/// Compiles policies, each from the last.
#[derive(Clone, Debug)]
pub struct Compiler {
    key: Arc<HashKey>,
    rebase_above: usize,
    nodes: Nodes,
    guard: Guard,
    entered: Vec<Option<Entered>>,
    numbers: HashMap<PartId, Part>,
    free: Vec<Part>,
    base: Arc<Base>,
    changes: Arc<NameMap>,
    sets: Arc<Vec<SetRules>>,
    hits: Arc<HitTable>,
    ruling: Option<Ruling>,
}

impl Compiler {
    /// A compiler for names hashed with this key.
    #[must_use]
    pub fn new(key: HashKey) -> Compiler {
        Compiler {
            nodes: Nodes::new(&key),
            key: Arc::new(key),
            rebase_above: REBASE_ABOVE,
            guard: Guard::new(&[]),
            entered: Vec::new(),
            numbers: HashMap::new(),
            free: Vec::new(),
            base: Arc::default(),
            changes: Arc::default(),
            sets: Arc::default(),
            hits: Arc::default(),
            ruling: None,
        }
    }

    /// A compiler with another key that keeps the meaning of the hit slots.
    #[must_use]
    pub fn with_key(&self, key: HashKey) -> Compiler {
        let rebase_above = self.rebase_above;
        Compiler { hits: Arc::clone(&self.hits), rebase_above, ..Compiler::new(key) }
    }

    /// Makes a new base when more names than this have changed; a map `CHANGES` holds so many.
    #[must_use]
    pub fn rebase_above(mut self, changes: usize) -> Compiler {
        self.rebase_above = changes;
        self
    }

    /// Compiles. The faults say which names and lists of the orders in force are not in the snapshot, and why.
    ///
    /// # Errors
    /// When there is no such policy; the last snapshot stays good. After [`CompileError::Collision`] the next compile
    /// starts from nothing, and fails again unless the names change: take [`Compiler::with_key`].
    pub fn compile(&mut self, input: &PolicyInput) -> Result<(Snapshot, Vec<Fault>), CompileError> {
        let outcome = self.compile_from_last(input);
        if outcome.as_ref().is_err_and(|error| *error == CompileError::Collision) {
            // the tree holds half of a change
            *self = self.with_key(*self.key);
        }
        outcome
    }

    fn compile_from_last(&mut self, input: &PolicyInput) -> Result<(Snapshot, Vec<Fault>), CompileError> {
        let orders: Vec<&OrderInput> =
            input.orders.iter().filter(|order| order.order.in_force(input.now)).collect();
        input::check_ids(&orders)?;
        input.soa.check().map_err(CompileError::Soa)?;
        let types = input::types(&orders)?;
        let wanted = input::parts(&orders);
        self.renew_guard(&input.protected_names);
        self.drop_parts(&wanted);
        for terms in wanted {
            self.enter_part(terms)?;
        }
        let ruling = self.decide(input, &orders, types);
        self.renew_names();
        let mut faults = input::faults(&orders, &input.regions);
        faults.extend(self.entered.iter().flatten().flat_map(|part| part.faults.iter().cloned()));
        let snapshot = self.snapshot(&ruling);
        self.ruling = Some(ruling);
        Ok((snapshot, faults))
    }

    /// The next compile makes a new base whatever has changed.
    pub fn rebase(&mut self) {
        self.base = Arc::new(self.nodes.base());
        self.changes = Arc::default();
    }

    fn renew_guard(&mut self, protected: &[Name]) {
        if self.guard.names() == protected {
            return;
        }
        self.guard = Guard::new(protected);
        let all: Vec<PartId> = self.numbers.keys().cloned().collect();
        for id in all {
            self.drop_part(&id);
        }
    }

    fn drop_parts(&mut self, wanted: &[Terms]) {
        let wanted: BTreeSet<PartId> = wanted.iter().map(Terms::id).collect();
        let gone: Vec<PartId> = self.numbers.keys().filter(|id| !wanted.contains(*id)).cloned().collect();
        if gone.len() == self.numbers.len() {
            return self.clear();
        }
        for id in gone {
            self.drop_part(&id);
        }
    }

    /// Forgets every part at once.
    fn clear(&mut self) {
        self.nodes = Nodes::new(&self.key);
        self.numbers.clear();
        self.entered.clear();
        self.free.clear();
        self.base = Arc::default();
        self.changes = Arc::default();
        self.sets = Arc::default();
    }

    fn drop_part(&mut self, id: &PartId) {
        let Some(part) = self.numbers.remove(id) else { return };
        if let Some(entered) = self.entered.get_mut(part as usize).and_then(Option::take) {
            parts::leave(&mut self.nodes, &self.key, part, &entered.terms);
        }
        self.free.push(part);
    }

    fn enter_part(&mut self, terms: Terms) -> Result<(), CompileError> {
        let part = self.part_number(terms.id());
        let Some(place) = self.entered.get_mut(part as usize) else { return Ok(()) };
        match place {
            Some(before) if before.terms.lists_as(&terms) => before.terms = terms,
            _ => {
                let before = place.as_ref().map(|entered| &entered.terms);
                let entered = parts::enter(&mut self.nodes, &self.key, &self.guard, part, terms, before)?;
                *place = Some(entered);
            }
        }
        Ok(())
    }

    fn part_number(&mut self, id: PartId) -> Part {
        if let Some(part) = self.numbers.get(&id) {
            return *part;
        }
        let part = self.free.pop().unwrap_or_else(|| {
            self.entered.push(None);
            Part::try_from(self.entered.len().saturating_sub(1)).unwrap_or(Part::MAX)
        });
        self.numbers.insert(id, part);
        part
    }

    /// Renews the decisions: all of them when somebody else decides, else those of new sets.
    fn decide(&mut self, input: &PolicyInput, orders: &[&OrderInput], types: Vec<u16>) -> Ruling {
        let fresh = self.nodes.sets_mut().take_fresh();
        if !fresh.is_empty() || self.sets.is_empty() {
            self.sets = Arc::new(self.nodes.sets().rules().to_vec());
        }
        let terms = self.entered.iter().map(|part| part.as_ref().map(|part| part.terms.clone()));
        let terms = Arc::new(terms.collect::<Vec<Option<Terms>>>());
        let prefixes = input::prefixes(input, orders);
        let (mut ruling, stale) = match self.ruling.take() {
            Some(ruling) if ruling.stands(input, &prefixes, &terms, &types) => {
                (ruling.with_terms(terms), fresh)
            }
            before => {
                let all = 0..u32::try_from(self.sets.len()).unwrap_or(u32::MAX);
                (Ruling::new(input, prefixes, terms, types, before), all.collect())
            }
        };
        ruling.decide(&self.sets, &stale, &mut self.hits);
        ruling
    }

    /// Renews the names: the base when much has changed, else the changes.
    fn renew_names(&mut self) {
        let touched = match self.nodes.take_touched() {
            Touched::Few(touched) => touched,
            Touched::Many => return self.rebase(),
        };
        if touched.is_empty() {
            return;
        }
        if self.changes.len().saturating_add(touched.len()) > self.rebase_above || self.base.is_empty() {
            return self.rebase();
        }
        let changes = Arc::make_mut(&mut self.changes);
        for name in touched {
            let value = match (self.nodes.value(name), self.base.get(name.key, name.check)) {
                // the base may say that something is below where nothing is: that costs the program a look, no answer
                (Some(now), Some(base)) if now | base == base && now >> 33 == base >> 33 => None,
                (Some(now), _) => Some(now),
                // lifted: the name's check bits, no set, nothing below
                (None, Some(base)) if base >> 33 != 0 => Some(name_value(name.check, 0, false)),
                (None, _) => None,
            };
            match value {
                Some(value) => changes.insert(name.key, value),
                None => changes.remove(&name.key),
            };
        }
    }

    fn snapshot(&self, ruling: &Ruling) -> Snapshot {
        let clients = &ruling.clients;
        Snapshot {
            number: 0,
            mode: ruling.mode,
            names: NameTable::new(Arc::clone(&self.base), Arc::clone(&self.changes), self.nodes.len()),
            listed: self.nodes.listed(),
            root: self.nodes.root(),
            decisions: ruling.decisions.clone(),
            regions_count: u32::try_from(clients.numbers.len()).unwrap_or(u32::MAX),
            types: ruling.types.clone(),
            actions: ruling.actions.clone(),
            prefixes_v4: Arc::clone(&clients.v4),
            prefixes_v6: Arc::clone(&clients.v6),
            unknown: clients.unknown,
            regions: Arc::clone(clients.regions()),
            hits: Arc::clone(&self.hits),
            key: Arc::clone(&self.key),
            sets: Arc::clone(&self.sets),
            clients: Arc::clone(&clients.numbers),
            index: Arc::clone(&clients.index),
            terms: Arc::clone(&ruling.terms),
        }
    }
}
