//! The names of one part of an order (its own, or one list's), brought into the tree: all of them at first, later only
//! what changed.

use std::sync::Arc;

use filter_common::abi::HashKey;

use super::guard::{Allowed, Fault, Guard, Refusal};
use super::nodes::{Collision, Nodes};
use super::rows::Terms;
use super::rule::{Cover, Part};
use super::table::KeyMap;
use crate::names::NameRef;
use crate::order::ActionKind;

/// Which part of which order: the order's id, and the list's path unless it is the order's own names.
pub(super) type PartId = (Arc<str>, Option<Arc<str>>);

/// A part that is in the tree.
#[derive(Clone, Debug)]
pub(super) struct Entered {
    pub(super) terms: Terms,
    pub(super) faults: Vec<Fault>,
}

/// One name of a part, with what is said about it.
#[derive(Clone, Copy, Debug)]
struct Listed<'a> {
    name: NameRef<'a>,
    cover: Cover,
    line: u32,
    allowed: Allowed,
}

impl Terms {
    pub(super) fn id(&self) -> PartId {
        (Arc::clone(&self.order.id), self.list.as_ref().map(|(path, _)| Arc::clone(path)))
    }

    /// Whether the names, and what the guard says of them, are the same.
    pub(super) fn lists_as(&self, other: &Terms) -> bool {
        let (a, b) = (&*self.order, &*other.order);
        let same_list = match (&self.list, &other.list) {
            (None, None) => true,
            (Some((_, list)), Some((_, other))) => Arc::ptr_eq(list, other),
            _ => false,
        };
        if same_list && Arc::ptr_eq(&self.order, &other.order) {
            return true;
        }
        self.is_exception() == other.is_exception()
            && a.allow_public_suffix == b.allow_public_suffix
            && a.allow_protected == b.allow_protected
            && a.confidential == b.confidential
            && match (&self.list, &other.list) {
                (None, None) => a.path == b.path && a.names == b.names,
                (Some((_, list)), Some((_, other))) => {
                    a.coverage == b.coverage && (Arc::ptr_eq(list, other) || list.digest() == other.digest())
                }
                _ => false,
            }
    }

    /// Whether a name that the guard let pass then passes now: a list's names say nothing about themselves.
    fn is_guarded_as(&self, other: &Terms) -> bool {
        let (a, b) = (&*self.order, &*other.order);
        self.list.is_some()
            && self.is_exception() == other.is_exception()
            && a.allow_public_suffix == b.allow_public_suffix
            && a.allow_protected == b.allow_protected
    }

    /// An exception blocks nothing, so there is nothing to guard.
    fn is_exception(&self) -> bool {
        self.order.action.kind == ActionKind::Passthru
    }

    fn path(&self) -> Arc<str> {
        match &self.list {
            Some((path, _)) => Arc::clone(path),
            None => self.order.path.as_str().into(),
        }
    }

    fn names(&self) -> impl Iterator<Item = Listed<'_>> {
        let order = &*self.order;
        let whole = Allowed { public_suffix: order.allow_public_suffix, protected: order.allow_protected };
        let own = if self.list.is_none() { order.names.as_slice() } else { &[] };
        let own = own.iter().map(move |listed| Listed {
            name: listed.name.borrow(),
            cover: listed.coverage.into(),
            line: listed.line,
            allowed: Allowed {
                public_suffix: whole.public_suffix || listed.allow_public_suffix,
                protected: whole.protected || listed.allow_protected,
            },
        });
        let list = self.list.iter().flat_map(|(_, list)| list.rules()).map(move |rule| Listed {
            name: rule.name,
            cover: rule.coverage.unwrap_or(order.coverage).into(),
            line: rule.line,
            allowed: whole,
        });
        own.chain(list)
    }
}

/// Brings the part's names into the tree; `before` is what of it is there.
///
/// # Errors
/// When two names have one key; the tree is then of no use.
pub(super) fn enter(
    nodes: &mut Nodes,
    key: &HashKey,
    guard: &Guard,
    part: Part,
    terms: Terms,
    before: Option<&Terms>,
) -> Result<Entered, Collision> {
    let mut faults = line_faults(&terms);
    match before {
        Some(before) => change(nodes, key, guard, part, (before, &terms), &mut faults)?,
        None => {
            for listed in terms.names() {
                match refuse(guard, &terms, &listed) {
                    Some(reason) => faults.push(fault(&terms, &listed, reason)),
                    None => nodes.add(listed.name.hashes(key), part, listed.cover)?,
                }
            }
        }
    }
    Ok(Entered { terms, faults })
}

/// Takes every name of the part out of the tree.
pub(super) fn leave(nodes: &mut Nodes, key: &HashKey, part: Part, terms: &Terms) {
    for listed in terms.names() {
        nodes.remove(listed.name.hash(key), part);
    }
}

/// Makes the part's names in the tree those of the new terms.
fn change(
    nodes: &mut Nodes,
    key: &HashKey,
    guard: &Guard,
    part: Part,
    (before, now): (&Terms, &Terms),
    faults: &mut Vec<Fault>,
) -> Result<(), Collision> {
    let is_settled = before.is_guarded_as(now);
    let mut accepted = KeyMap::<Cover>::default();
    let mut differing = Vec::new();
    for listed in now.names() {
        let hash = listed.name.hash(key);
        let present = nodes.cover(hash, part);
        // what the guard let pass, it lets pass again
        let refused = if is_settled && present.is_some() { None } else { refuse(guard, now, &listed) };
        if let Some(reason) = refused {
            faults.push(fault(now, &listed, reason));
            continue;
        }
        let cover = accepted.entry(hash.key()).or_insert(listed.cover);
        *cover = cover.with(listed.cover);
        if present != Some(listed.cover) {
            differing.push((listed.name, hash.key()));
        }
    }
    for listed in before.names() {
        let hash = listed.name.hash(key);
        if !accepted.contains_key(&hash.key()) {
            nodes.remove(hash, part);
        }
    }
    for (name, last) in differing {
        if let Some(cover) = accepted.get(&last) {
            nodes.put(name.hashes(key), part, *cover)?;
        }
    }
    Ok(())
}

fn refuse(guard: &Guard, terms: &Terms, listed: &Listed<'_>) -> Option<Refusal> {
    if terms.is_exception() { None } else { guard.refuse(listed.name, listed.allowed) }
}

fn fault(terms: &Terms, listed: &Listed<'_>, reason: Refusal) -> Fault {
    let is_shown = !terms.order.confidential;
    Fault {
        order: Arc::clone(&terms.order.id),
        path: terms.path(),
        line: listed.line,
        name: is_shown.then(|| listed.name.to_name()),
        reason: if is_shown { reason } else { reason.anonymous() },
    }
}

fn line_faults(terms: &Terms) -> Vec<Fault> {
    let path = terms.path();
    let lines = terms.list.iter().flat_map(|(_, list)| list.faults());
    let faults = lines.map(|line| Fault {
        order: Arc::clone(&terms.order.id),
        path: Arc::clone(&path),
        line: line.line,
        name: None,
        reason: line.reason.clone().into(),
    });
    faults.collect()
}
