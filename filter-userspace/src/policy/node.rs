//! One name of the tree, by its key, and its links.

use filter_common::abi::{NameValue, name_value};
use filter_common::hash::NameHash;

use super::rule::{EMPTY, ListId};

/// A link to no node.
pub(super) const NONE: u32 = u32::MAX;

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

    pub(super) fn new(hash: NameHash, parent: u32) -> Node {
        Node { key: hash.key(), check: hash.check(), parent, ..Node::VOID }
    }

    pub(super) fn value(&self) -> NameValue {
        name_value(self.check, self.set, self.child != NONE)
    }
}
