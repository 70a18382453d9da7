//! Who wins: the decision of every set of rules, for the name itself and what is below it, in each region and for each
//! class of query types.
//!
//! At one name: the operator's own exceptions first, then priority, then the earlier order, then the id. A hit is
//! counted for every order that covers the name there, so the set knows the rules of the names above it too.

use std::cmp::Reverse;
use std::sync::Arc;

use filter_common::abi::Decision;
use jiff::Timestamp;

use super::clients::{Client, Clients, UNKNOWN};
use super::hits::{Hit, HitTable};
use super::rule::{Cover, Part, Rule, SetRules};
use super::snapshot::Mode;
use super::template::Templates;
use crate::list::List;
use crate::order::{ActionKind, Order, OrderType, Scope};

/// What a part's order says, as far as decisions and explanations need it.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    /// The order.
    pub(super) order: Arc<Order>,
    /// The list, when the part is one.
    pub(super) list: Option<(Arc<str>, Arc<List>)>,
}

impl Terms {
    /// Whether decisions would come out the same.
    pub(super) fn decides_as(&self, other: &Terms) -> bool {
        let (a, b) = (&*self.order, &*other.order);
        Arc::ptr_eq(&self.order, &other.order)
            || (a.id == b.id
                && a.order_type == b.order_type
                && a.priority == b.priority
                && a.date() == b.date()
                && a.scope == b.scope
                && a.action == b.action)
    }
}

/// Rank at one name: the least wins.
pub(super) type Rank = (bool, Reverse<i32>, bool, Option<Timestamp>, Arc<str>);

/// The order's rank.
pub(super) fn rank(order: &Order) -> Rank {
    let is_exception = order.order_type == OrderType::Internal && order.action.kind == ActionKind::Passthru;
    let date = order.date();
    (!is_exception, Reverse(order.priority), date.is_none(), date, Arc::clone(&order.id))
}

/// One part, worked out for every region and class.
#[derive(Clone, Debug)]
struct Worked {
    id: Arc<str>,
    rank: usize,
    kind: ActionKind,
    /// By region number.
    regions: Vec<bool>,
    /// By class: the action's number, 0 where the order is not for it.
    actions: Vec<u32>,
}

/// Everything that decisions depend on besides the sets.
#[derive(Clone, Debug)]
pub(super) struct Court {
    mode: Mode,
    classes: usize,
    words: Vec<Arc<str>>,
    worked: Vec<Option<Worked>>,
}

impl Court {
    /// Works out every part for every region and class. `types` have the classes from 1 on.
    pub(super) fn new(
        terms: &[Option<Terms>],
        clients: &Clients,
        types: &[u16],
        mode: Mode,
        templates: &mut Templates,
    ) -> Court {
        let mut ranks: Vec<Rank> = terms.iter().flatten().map(|terms| rank(&terms.order)).collect();
        ranks.sort_unstable();
        ranks.dedup();
        let classes: Vec<Option<u16>> =
            std::iter::once(None).chain(types.iter().copied().map(Some)).collect();
        let worked = terms.iter().map(|terms| {
            let order = &terms.as_ref()?.order;
            Some(Worked {
                id: Arc::clone(&order.id),
                rank: ranks.binary_search(&rank(order)).unwrap_or(usize::MAX),
                kind: order.action.kind,
                regions: clients.numbers.iter().map(|client| applies(order, client)).collect(),
                actions: classes.iter().map(|class| action(order, *class, templates)).collect(),
            })
        });
        let worked = worked.collect();
        let words =
            clients.numbers.iter().map(|client| client.region.clone().unwrap_or_else(|| UNKNOWN.into()));
        Court { mode, classes: classes.len(), words: words.collect(), worked }
    }

    /// Cells that one set takes: at and below, each region, each class.
    pub(super) fn stride(&self) -> usize {
        self.words.len().saturating_mul(self.classes).saturating_mul(2)
    }

    /// Decides the cells of one set, in the order of [`Decision`]'s formula.
    pub(super) fn decide(&self, set: &SetRules, cells: &mut [Decision], hits: &mut HitTable) {
        let mut places = cells.iter_mut();
        for cover in [Cover::AT, Cover::BELOW] {
            for region in 0..self.words.len() {
                for (class, place) in (0..self.classes).zip(&mut places) {
                    *place = self.cell(set, cover, region, class, hits);
                }
            }
        }
    }

    fn cell(
        &self,
        set: &SetRules,
        cover: Cover,
        region: usize,
        class: usize,
        hits: &mut HitTable,
    ) -> Decision {
        let Some((winner, action)) = self.winner(set, cover, region, class) else {
            return Decision::default();
        };
        let Some(word) = self.words.get(region) else { return Decision::default() };
        let covering = self.covering(set, cover, region, class);
        let mut orders: Vec<Arc<str>> = covering.map(|(worked, _)| Arc::clone(&worked.id)).collect();
        orders.sort_unstable();
        orders.dedup();
        let hit = Hit {
            orders: orders.into(),
            region: Arc::clone(word),
            action: winner.kind.label(),
            mode: self.mode,
        };
        Decision { action, hits: hits.slot(hit) }
    }

    fn winner(&self, set: &SetRules, cover: Cover, region: usize, class: usize) -> Option<(&Worked, u32)> {
        let own = set.own.iter().filter(|rule| rule.cover.holds(cover));
        own.filter_map(|rule| self.applying(rule.part, region, class)).min_by_key(|(worked, _)| worked.rank)
    }

    /// Every rule that covers a name there, those of the names above included.
    fn covering<'a>(
        &'a self,
        set: &'a SetRules,
        cover: Cover,
        region: usize,
        class: usize,
    ) -> impl Iterator<Item = (&'a Worked, u32)> {
        covering(set, cover).filter_map(move |rule| self.applying(rule.part, region, class))
    }

    fn applying(&self, part: Part, region: usize, class: usize) -> Option<(&Worked, u32)> {
        let worked = self.worked.get(part as usize)?.as_ref()?;
        let action = *worked.actions.get(class)?;
        (action != 0 && *worked.regions.get(region)?).then_some((worked, action))
    }
}

/// The rules of a set that cover its name, or what is below it; those that it inherits cover both.
pub(super) fn covering(set: &SetRules, cover: Cover) -> impl Iterator<Item = &Rule> {
    set.own.iter().filter(move |rule| rule.cover.holds(cover)).chain(set.inherited.iter())
}

/// Whether the order is for these clients.
pub(super) fn applies(order: &Order, client: &Client) -> bool {
    let by_prefix = matches!(order.scope, Scope::Part { .. }) && client.orders.contains(&order.id);
    by_prefix || order.scope.holds_region(client.region.as_deref())
}

/// Whether the order is for a query type; `None`: one that no order names.
pub(super) fn is_for_type(order: &Order, qtype: Option<u16>) -> bool {
    let types = &order.action.types;
    types.is_empty() || qtype.is_some_and(|qtype| types.contains(&qtype))
}

/// The action's number for a class; 0 when the order is not for it.
fn action(order: &Order, class: Option<u16>, templates: &mut Templates) -> u32 {
    if is_for_type(order, class) { templates.number(&order.action, class) } else { 0 }
}
