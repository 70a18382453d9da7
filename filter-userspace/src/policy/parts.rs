//! The names of one part of an order (its own, or one list's), brought into the tree: all of them at first, later only
//! what changed.

use std::iter;
use std::ops::Range;
use std::sync::Arc;
use std::thread;

use filter_common::abi::HashKey;

use super::batch::{Batch, TOGETHER, side_by_side};
use super::guard::{Allowed, Fault, Guard, Refusal};
use super::node::Mark;
use super::nodes::{Collision, Nodes};
use super::rows::Terms;
use super::rule::{Cover, Part};
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

/// One name that a part lists, with its number there.
#[derive(Clone, Copy, Debug)]
struct Seen {
    mark: Mark,
    number: u32,
    cover: Cover,
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

    /// How many names it lists.
    fn len(&self) -> usize {
        self.list.as_ref().map_or(self.order.names.len(), |(_, list)| list.len())
    }

    /// The name with this number, in the order of the file.
    fn listed(&self, number: usize) -> Option<Listed<'_>> {
        let order = &*self.order;
        let whole = Allowed { public_suffix: order.allow_public_suffix, protected: order.allow_protected };
        if let Some((_, list)) = &self.list {
            let rule = list.get(number)?;
            let cover = rule.coverage.unwrap_or(order.coverage).into();
            return Some(Listed { name: rule.name, cover, line: rule.line, allowed: whole });
        }
        let listed = order.names.get(number)?;
        Some(Listed {
            name: listed.name.borrow(),
            cover: listed.coverage.into(),
            line: listed.line,
            allowed: Allowed {
                public_suffix: whole.public_suffix || listed.allow_public_suffix,
                protected: whole.protected || listed.allow_protected,
            },
        })
    }

    fn names(&self, numbers: Range<usize>) -> impl Iterator<Item = (usize, Listed<'_>)> {
        numbers.filter_map(|number| Some((number, self.listed(number)?)))
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
            nodes.reserve(terms.len());
            let prepare = |numbers: Range<usize>| {
                let (mut batch, mut faults) = (Batch::with_room(numbers.len()), Vec::new());
                for (_, listed) in terms.names(numbers) {
                    match refuse(guard, &terms, &listed) {
                        Some(reason) => faults.push(fault(&terms, &listed, reason)),
                        None => batch.push(listed.name.hashes(key), listed.cover),
                    }
                }
                (batch, faults)
            };
            side_by_side(terms.len(), prepare, |(batch, refused)| {
                faults.extend(refused);
                nodes.add(&batch, part)
            })?;
        }
    }
    Ok(Entered { terms, faults })
}

/// Takes every name of the part out of the tree.
pub(super) fn leave(nodes: &mut Nodes, key: &HashKey, part: Part, terms: &Terms) {
    let prepare = |numbers| {
        let marks = terms.names(numbers).map(|(_, listed)| listed.name.hash(key).into());
        let mut marks: Vec<Mark> = marks.collect();
        marks.sort_unstable_by_key(Mark::order);
        marks
    };
    let done = side_by_side(terms.len(), prepare, |marks| {
        nodes.remove(&marks, part);
        Ok(())
    });
    debug_assert!(done.is_ok(), "leaving cannot collide");
}

/// Makes the part's names in the tree those of the new terms, at the cost of what differs: both lists are sorted by
/// their names' marks and compared, and the tree is asked for nothing that is in both.
fn change(
    nodes: &mut Nodes,
    key: &HashKey,
    guard: &Guard,
    part: Part,
    (before, now): (&Terms, &Terms),
    faults: &mut Vec<Fault>,
) -> Result<(), Collision> {
    let accepted = |listed: &Listed<'_>| refuse(guard, now, listed).map(|reason| fault(now, listed, reason));
    let (was, (is, refused)) = thread::scope(|scope| {
        let was = || seen(before, key, |_| None).0;
        if before.len() <= TOGETHER {
            return (was(), seen(now, key, accepted));
        }
        let was = scope.spawn(was);
        let is = seen(now, key, accepted);
        (was.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), is)
    });
    faults.extend(refused);
    let is_settled = before.is_guarded_as(now);
    let mut was = was.chunk_by(same_name).filter_map(named).peekable();
    let (mut gone, mut differing) = (Vec::new(), Vec::new());
    for found in is.chunk_by(same_name).filter_map(named) {
        gone.extend(iter::from_fn(|| was.next_if(|was| was.mark < found.mark)).map(|was| was.mark));
        let was = was.next_if(|was| was.mark == found.mark).map(|was| was.cover);
        // what the guard let pass, it lets pass again, so what was listed is there
        let present = if is_settled { was } else { nodes.cover(found.mark, part) };
        if present != Some(found.cover) {
            differing.push(found);
        }
    }
    gone.extend(was.map(|was| was.mark));
    for marks in gone.chunks(TOGETHER) {
        nodes.remove(marks, part);
    }
    for Seen { number, cover, .. } in differing {
        let Some(listed) = now.listed(number as usize) else { continue };
        nodes.put(listed.name.hashes(key), part, cover)?;
    }
    Ok(())
}

/// Every name that is not refused, sorted by mark, and the faults of the others.
fn seen(
    terms: &Terms,
    key: &HashKey,
    refused: impl Fn(&Listed<'_>) -> Option<Fault>,
) -> (Vec<Seen>, Vec<Fault>) {
    let (mut seen, mut faults) = (Vec::with_capacity(terms.len()), Vec::new());
    for (number, listed) in terms.names(0..terms.len()) {
        match refused(&listed) {
            Some(fault) => faults.push(fault),
            None => seen.push(Seen {
                mark: listed.name.hash(key).into(),
                number: u32::try_from(number).unwrap_or(u32::MAX),
                cover: listed.cover,
            }),
        }
    }
    seen.sort_unstable_by_key(|seen| seen.mark);
    (seen, faults)
}

fn same_name(a: &Seen, b: &Seen) -> bool {
    a.mark == b.mark
}

/// One name that is listed several times covers what all of them do.
fn named(seen: &[Seen]) -> Option<Seen> {
    let first = seen.first()?;
    Some(seen.iter().fold(*first, |all, one| Seen { cover: all.cover.with(one.cover), ..all }))
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
