//! What a policy is made from, and what can be said about it before anything is compiled.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use filter_common::abi::MAX_TYPES;
use ipnet::IpNet;
use jiff::Timestamp;

use super::clients::Prefixes;
use super::guard::{Fault, Refusal};
use super::nodes::Collision;
use super::rows::Terms;
use super::snapshot::Mode;
use super::template::Soa;
use crate::list::List;
use crate::names::Name;
use crate::order::{ActionKind, Order, Scope};
use crate::region::RegionTable;

/// Query types of the two addresses.
const ADDRESS_TYPES: [u16; 2] = [1, 28];

/// Why no snapshot can be compiled. The last one stays good.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// Two names have the same hash key: take [`super::Compiler::with_key`].
    #[error(
        "two names have the same hash key; expected distinct keys; restart the agent, which draws a new secret key"
    )]
    Collision,
    /// The orders name more query types than a policy may.
    #[error("the orders name {0} query types; expected at most {max}; use fewer in `types`", max = MAX_TYPES)]
    Types(usize),
    /// Two orders in force have one id.
    #[error("{path}: order {id} is in {other} too; expected one order an id; rename or remove one")]
    SameId {
        /// The id.
        id: Arc<str>,
        /// The second file.
        path: String,
        /// The first file.
        other: String,
    },
    /// MNAME and RNAME are too long.
    #[error("{0}")]
    Soa(String),
}

impl From<Collision> for CompileError {
    fn from(_: Collision) -> CompileError {
        CompileError::Collision
    }
}

/// One list of an order.
#[derive(Clone, Debug)]
pub struct ListInput {
    /// Its path, for messages; it tells the lists of one order apart.
    pub path: Arc<str>,
    /// Its last good version; `None`: it could never be read.
    pub list: Option<Arc<List>>,
}

/// One order with its lists.
#[derive(Clone, Debug)]
pub struct OrderInput {
    /// The order.
    pub order: Arc<Order>,
    /// Its lists.
    pub lists: Vec<ListInput>,
}

/// Everything that a policy is made from.
#[derive(Clone, Debug)]
pub struct PolicyInput {
    /// All orders; those not in force at `now` are left out.
    pub orders: Vec<OrderInput>,
    /// The region table. The same `Arc` is known to be unchanged.
    pub regions: Arc<RegionTable>,
    /// Clients that may be answered; empty: all.
    pub client_prefixes: Vec<IpNet>,
    /// Forwarders whose EDNS client subnet decides the region.
    pub forwarders: Vec<IpNet>,
    /// Names that no order blocks unless it says so.
    pub protected_names: Vec<Name>,
    /// Enforce or observe.
    pub mode: Mode,
    /// Who answers.
    pub soa: Soa,
    /// The time it is compiled for.
    pub now: Timestamp,
}

pub(super) fn check_ids(orders: &[&OrderInput]) -> Result<(), CompileError> {
    let mut seen: HashMap<&str, &Order> = HashMap::new();
    for input in orders {
        if let Some(first) = seen.insert(&input.order.id, &input.order) {
            return Err(CompileError::SameId {
                id: Arc::clone(&input.order.id),
                path: input.order.path.clone(),
                other: first.path.clone(),
            });
        }
    }
    Ok(())
}

/// The query types with a class of their own.
pub(super) fn types(orders: &[&OrderInput]) -> Result<Vec<u16>, CompileError> {
    let mut types = BTreeSet::new();
    for input in orders {
        let action = &input.order.action;
        types.extend(action.types.iter().copied());
        if action.kind == ActionKind::Address {
            types.extend(ADDRESS_TYPES);
        }
    }
    if types.len() > MAX_TYPES {
        return Err(CompileError::Types(types.len()));
    }
    Ok(types.into_iter().collect())
}

/// Every part of the orders, each once.
pub(super) fn parts(orders: &[&OrderInput]) -> Vec<Terms> {
    let mut parts = Vec::new();
    for input in orders {
        parts.push(Terms { order: Arc::clone(&input.order), list: None });
        let mut paths = BTreeSet::new();
        for ListInput { path, list } in &input.lists {
            if let Some(list) = list
                && paths.insert(path)
            {
                let list = Some((Arc::clone(path), Arc::clone(list)));
                parts.push(Terms { order: Arc::clone(&input.order), list });
            }
        }
    }
    parts
}

pub(super) fn prefixes(input: &PolicyInput, orders: &[&OrderInput]) -> Prefixes {
    let scopes = orders.iter().filter(|input| input.order.scope.prefixes().next().is_some());
    Prefixes {
        regions: Arc::clone(&input.regions),
        held: held(&input.regions, orders),
        scopes: scopes
            .map(|input| (Arc::clone(&input.order.id), input.order.scope.prefixes().copied().collect()))
            .collect(),
        clients: input.client_prefixes.clone(),
        forwarders: input.forwarders.clone(),
    }
}

/// The regions of the table that some order holds.
fn held(regions: &RegionTable, orders: &[&OrderInput]) -> BTreeSet<Arc<str>> {
    let mut words: HashSet<&str> = HashSet::new();
    for input in orders {
        match &input.order.scope {
            Scope::Global => return regions.words().clone(),
            Scope::Part { regions, .. } => words.extend(regions.iter().map(String::as_str)),
        }
    }
    let is_held = |region: &&Arc<str>| words.iter().any(|word| Scope::word_holds(word, region));
    regions.words().iter().filter(is_held).cloned().collect()
}

/// What is wrong with whole orders: lists that are missing, regions that nobody is in.
pub(super) fn faults(orders: &[&OrderInput], regions: &RegionTable) -> Vec<Fault> {
    let mut faults = Vec::new();
    for input in orders {
        let order = &input.order;
        let fault = |path: &str, reason| Fault {
            order: Arc::clone(&order.id),
            path: path.into(),
            line: 0,
            name: None,
            reason,
        };
        let missing = input.lists.iter().filter(|list| list.list.is_none());
        faults.extend(missing.map(|list| fault(&list.path, Refusal::NoList)));
        if let Scope::Part { regions: words, .. } = &order.scope {
            let absent = words
                .iter()
                .filter(|word| !regions.words().iter().any(|known| Scope::word_holds(word, known)));
            faults.extend(absent.map(|word| fault(&order.path, Refusal::Region(word.clone()))));
        }
    }
    faults
}
