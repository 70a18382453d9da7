//! One name of the tree, by its key, and its links; and which names changed.

use filter_common::abi::{NameValue, name_value};
use filter_common::hash::NameHash;

use super::rule::{EMPTY, ListId};

/// Names above which it is not kept any more which ones changed.
const MANY: usize = if cfg!(test) { 1 << 13 } else { 1 << 17 };

/// A link to no node.
pub(super) const NONE: u32 = u32::MAX;

/// A name's hash, as far as the tree keeps it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mark {
    pub(super) key: u64,
    pub(super) check: u32,
}

impl From<NameHash> for Mark {
    fn from(hash: NameHash) -> Mark {
        Mark { key: hash.key(), check: hash.check() }
    }
}

/// One name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    pub(super) key: u64,
    pub(super) check: u32,
    pub(super) own: ListId,
    pub(super) inherited: ListId,
    pub(super) set: u32,
    pub(super) parent: u32,
    pub(super) child: u32,
    pub(super) next: u32,
    pub(super) previous: u32,
}

impl Node {
    pub(super) const VOID: Node = Node {
        key: 0,
        check: 0,
        own: EMPTY,
        inherited: EMPTY,
        set: 0,
        parent: NONE,
        child: NONE,
        next: NONE,
        previous: NONE,
    };

    pub(super) fn new(mark: Mark, parent: u32) -> Node {
        Node { key: mark.key, check: mark.check, parent, ..Node::VOID }
    }

    pub(super) fn mark(&self) -> Mark {
        Mark { key: self.key, check: self.check }
    }

    pub(super) fn value(&self) -> NameValue {
        name_value(self.check, self.set, self.child != NONE)
    }
}

/// Which names may have another value than before.
#[derive(Clone, Debug)]
pub(super) enum Touched {
    /// These.
    Few(Vec<Mark>),
    /// Too many to keep.
    Many,
}

impl Default for Touched {
    fn default() -> Touched {
        Touched::Few(Vec::new())
    }
}

impl Touched {
    /// One more name.
    pub(super) fn push(&mut self, name: Mark) {
        match self {
            Touched::Few(names) if names.len() < MANY => names.push(name),
            many => *many = Touched::Many,
        }
    }
}
