//! Names in batches on their way into or out of the tree: prepared on one thread, worked on by another.

use std::ops::Range;
use std::sync::mpsc::sync_channel;
use std::thread;

use filter_common::abi::MAX_RULE_LABELS;
use filter_common::hash::NameHash;

use super::index::SHARDS;
use super::node::Mark;
use super::nodes::Collision;
use super::rule::Cover;

/// Names that are worked on together.
pub(super) const TOGETHER: usize = if cfg!(test) { 1 << 10 } else { 1 << 16 };
/// Names from which on they are told apart by their places.
const SHARED_FROM: usize = if cfg!(test) { 1 << 8 } else { 1 << 14 };
/// Batches that may wait to be worked on.
const WAITING: usize = 1;

/// Names on their way into the tree, each in the share of its place in the index, so that those which are worked on one
/// after the other are near each other there.
#[derive(Debug)]
pub(super) struct Batch {
    shares: Vec<Share>,
}

/// The marks of each name and of those above it, root first; how many they are, and what the name's rule covers.
#[derive(Clone, Debug, Default)]
struct Share {
    marks: Vec<Mark>,
    names: Vec<(u8, Cover)>,
}

impl Batch {
    /// With room for so many names.
    pub(super) fn with_room(names: usize) -> Batch {
        let shares = if names < SHARED_FROM { 1 } else { SHARDS };
        Batch { shares: vec![Share::default(); shares] }
    }

    /// One more name.
    pub(super) fn push(&mut self, hashes: impl Iterator<Item = NameHash>, cover: Cover) {
        let mut marks = [Mark::default(); MAX_RULE_LABELS];
        let mut labels = 0u8;
        for (mark, hash) in marks.iter_mut().zip(hashes) {
            *mark = hash.into();
            labels = labels.saturating_add(1);
        }
        let marks = marks.get(..usize::from(labels)).unwrap_or_default();
        let order = if self.shares.len() == 1 { 0 } else { marks.last().map_or(0, Mark::order) };
        if let Some(share) = self.shares.get_mut(order as usize) {
            share.marks.extend_from_slice(marks);
            share.names.push((labels, cover));
        }
    }

    /// The marks of each, and what its rule covers.
    pub(super) fn names(&self) -> impl Iterator<Item = (&[Mark], Cover)> {
        self.shares.iter().flat_map(|share| {
            let mut marks = share.marks.as_slice();
            share.names.iter().map(move |(labels, cover)| {
                let (name, rest) = marks.split_at_checked(usize::from(*labels)).unwrap_or_default();
                marks = rest;
                (name, *cover)
            })
        })
    }
}

/// Works on batches of so many names in order, `take` on this thread, `prepare` on another one when they are many.
pub(super) fn side_by_side<T: Send>(
    names: usize,
    prepare: impl Fn(Range<usize>) -> T + Send,
    mut take: impl FnMut(T) -> Result<(), Collision>,
) -> Result<(), Collision> {
    let batches = (0..names).step_by(TOGETHER).map(|start| start..start.saturating_add(TOGETHER).min(names));
    if names <= TOGETHER {
        return batches.map(prepare).try_for_each(take);
    }
    thread::scope(|scope| {
        let (sender, prepared) = sync_channel(WAITING);
        // it ends early when nobody takes any more
        scope.spawn(move || batches.map(prepare).try_for_each(|batch| sender.send(batch)));
        prepared.into_iter().try_for_each(&mut take)
    })
}
