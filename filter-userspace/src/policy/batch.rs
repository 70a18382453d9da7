//! Names in batches on their way into or out of the tree: prepared on one thread, worked on by another.

use std::ops::Range;
use std::sync::mpsc::sync_channel;
use std::thread;

use filter_common::hash::NameHash;

use super::node::Mark;
use super::nodes::Collision;
use super::rule::Cover;

/// Names that are worked on together.
pub(super) const TOGETHER: usize = 4096;
/// Batches that may wait to be worked on.
const WAITING: usize = 4;

/// Names on their way into the tree: the marks of each and of those above it, root first.
#[derive(Debug, Default)]
pub(super) struct Batch {
    marks: Vec<Mark>,
    names: Vec<(usize, Cover)>,
}

impl Batch {
    /// One more name.
    pub(super) fn push(&mut self, hashes: impl Iterator<Item = NameHash>, cover: Cover) {
        self.marks.extend(hashes.map(Mark::from));
        self.names.push((self.marks.len(), cover));
    }

    /// The marks of each, and what its rule covers.
    pub(super) fn names(&self) -> impl Iterator<Item = (&[Mark], Cover)> {
        let mut start = 0;
        self.names.iter().map(move |(end, cover)| {
            let marks = self.marks.get(start..*end).unwrap_or_default();
            start = *end;
            (marks, *cover)
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
