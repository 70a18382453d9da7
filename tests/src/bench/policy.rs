//! The policies that are measured: a court order with most of the names, answered, and one whose names are dropped.

use std::sync::Arc;

use anyhow::Context;
use interdict::list::List;
use interdict::order::{Format, Order};
use interdict::policy::{Compiler, ListInput, OrderInput, PolicyInput, Snapshot};
use interdict::region::RegionTable;

use super::names::{DEEPEST, Names};
use super::prefixes::{BLOCKED, Prefixes};
use crate::policy::hash_key;
use crate::random::Random;

/// One name in ten is dropped, the rest is answered.
const DROPPED: usize = 10;

/// How large a policy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    /// Names.
    pub(super) names: usize,
    /// Prefixes in each family.
    pub(super) prefixes: usize,
    /// Orders that share the answered names.
    pub(super) orders: usize,
    /// Regions of the prefixes.
    pub(super) regions: usize,
}

/// A policy with what it was made from.
pub(super) struct Policy {
    /// Its size.
    pub(super) size: Size,
    /// Its names.
    pub(super) names: Names,
    /// Its regions.
    pub(super) prefixes: Prefixes,
    /// What is published.
    pub(super) snapshot: Snapshot,
}

impl Policy {
    /// Makes one.
    ///
    /// # Errors
    /// When it does not compile.
    pub(super) fn new(size: Size) -> anyhow::Result<Policy> {
        let names = Names::listed(size.names);
        let prefixes = Prefixes::new(size.prefixes, size.regions)?;
        let mut input = input(orders(&names, size.orders)?)?;
        input.regions = Arc::new(prefixes.table.clone());
        let (snapshot, faults) = Compiler::new(hash_key(&mut Random::new(7))).compile(&input)?;
        anyhow::ensure!(faults.is_empty(), "the compiler refused names: {:?}", faults.first());
        Ok(Policy { size, names, prefixes, snapshot })
    }

    /// One of the names that are answered, or of those that are dropped.
    #[must_use]
    pub(super) fn listed(&self, is_dropped: bool, random: &mut Random) -> &str {
        let dropped = self.names.len() / DROPPED;
        let index = if is_dropped {
            random.below(dropped)
        } else {
            dropped + random.below(self.names.len() - dropped)
        };
        self.names.get(index)
    }
}

/// These orders, one prefix in the region of the orders, and the rest at its default.
///
/// # Errors
/// Never: what is written here is well-formed.
pub(super) fn input(orders: Vec<OrderInput>) -> anyhow::Result<PolicyInput> {
    Ok(PolicyInput {
        orders,
        regions: Arc::new(RegionTable::parse(&format!("192.0.2.0/24,{BLOCKED}\n"), "regions.csv")?),
        client_prefixes: Vec::new(),
        forwarders: Vec::new(),
        protected_names: Vec::new(),
        mode: interdict::policy::Mode::Enforce,
        soa: interdict::policy::Soa::default(),
        now: "2026-01-01T00:00:00Z".parse()?,
    })
}

fn orders(names: &Names, count: usize) -> anyhow::Result<Vec<OrderInput>> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let dropped = names.len() / DROPPED;
    let mut orders = vec![order(0, "drop", names.lines(0, dropped), "")?];
    let share = (names.len() - dropped).div_ceil(count.max(1));
    for number in 0..count {
        let from = dropped + number * share;
        let deepest = if number == 0 { DEEPEST } else { "" };
        orders.push(order(number + 1, "nxdomain", names.lines(from, from + share), deepest)?);
    }
    Ok(orders)
}

fn order(number: usize, kind: &str, names: &str, one: &str) -> anyhow::Result<OrderInput> {
    let list = List::plain(names.as_bytes());
    anyhow::ensure!(list.faults().is_empty(), "the list has a fault: {:?}", list.faults().first());
    let path: Arc<str> = format!("list-{number}.txt").into();
    Ok(OrderInput {
        order: Arc::new(parsed(number, kind, one)?),
        lists: vec![ListInput { path, list: Some(Arc::new(list)) }],
    })
}

/// An order as its file says it, with a list and perhaps one name of its own.
///
/// # Errors
/// When it is wrong.
pub(super) fn parsed(number: usize, kind: &str, one: &str) -> anyhow::Result<Order> {
    let text = order_text(number, kind, one);
    Order::parse(&text, &format!("order-{number}.toml"), Format::Toml).context("the benchmark's order")
}

/// The file of an order.
#[must_use]
pub(super) fn order_text(number: usize, kind: &str, one: &str) -> String {
    let own = if one.is_empty() { String::new() } else { format!("[[names]]\nname = \"{one}\"\n") };
    let action = match kind {
        "drop" => "{ kind = \"drop\" }".to_owned(),
        kind => format!(
            "{{ kind = \"{kind}\", ede = 16, ttl = 60, text = \"Court order {}\" }}",
            order_id(number)
        ),
    };
    format!(
        "[order]\nid = \"{}\"\ntype = \"court-order\"\nauthority = \"Court of Milan\"\ncountry = \"IT\"\n\
         status = \"final\"\nscope = {{ regions = [\"{BLOCKED}\"], unknown = \"allow\" }}\naction = {action}\n\
         match = \"suffix\"\nlists = [\"list-{number}.txt\"]\n{own}",
        order_id(number)
    )
}

/// The id of an order.
#[must_use]
pub(super) fn order_id(number: usize) -> String {
    format!("IT-EX-{number:04}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_has_its_size() {
        let policy = Policy::new(Size { names: 1_000, prefixes: 100, orders: 3, regions: 20 }).unwrap();
        // the deepest name too
        assert_eq!(policy.snapshot.listed, 1_001);
        assert_eq!(policy.snapshot.prefixes_v4.len(), 100);
        assert_eq!(policy.snapshot.prefixes_v6.len(), 100);
        assert!(
            Policy::new(Size { names: 0, prefixes: 1, orders: 1, regions: 2 })
                .unwrap()
                .snapshot
                .names
                .is_empty()
        );
    }
}
