//! The listed names and the names above them, as a tree of hash keys.
//!
//! It owns which name holds which rules, and which values the program must see for it. Changing one name touches that
//! name, the names above it that come or go with it, and, when the name has others below it, those that inherit from it.
//! It keeps no name: two names of one key are told apart by their check bits and the name above them.

use filter_common::abi::{HashKey, NameValue};
use filter_common::hash::NameHash;

use super::base::Base;
use super::batch::Batch;
use super::index::Index;
use super::node::{Mark, NONE, Node, Touched};
use super::rule::{Cover, EMPTY, ListId, Part, Rule, RuleLists, Sets};

const ROOT: u32 = 0;

/// Two names of the policy have the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Collision;

/// The tree.
#[derive(Clone, Debug)]
pub(super) struct Nodes {
    nodes: Vec<Node>,
    free: Vec<u32>,
    index: Index,
    lists: RuleLists,
    sets: Sets,
    listed: usize,
    touched: Touched,
}

impl Nodes {
    /// Nothing listed.
    pub(super) fn new(key: &HashKey) -> Nodes {
        let start = NameHash::start(key);
        Nodes {
            nodes: vec![Node::new(start.into(), NONE)],
            free: Vec::new(),
            index: Index::new(),
            lists: RuleLists::new(),
            sets: Sets::new(),
            listed: 0,
            touched: Touched::default(),
        }
    }

    /// Room for so many names more.
    pub(super) fn reserve(&mut self, names: usize) {
        self.index.reserve(names);
        self.nodes.reserve(names);
    }

    /// Makes the part's rule at each name of the batch cover this too.
    ///
    /// # Errors
    /// When a name, or one above it, has the key of another; the tree is then of no use.
    pub(super) fn add(&mut self, batch: &Batch, part: Part) -> Result<(), Collision> {
        for (marks, cover) in batch.names() {
            let place = self.reach(marks.iter().copied())?;
            let own = self.lists.add(self.node(place).own, Rule { part, cover });
            self.set_own(place, own);
        }
        Ok(())
    }

    /// Makes the part's rule at the name cover exactly this.
    ///
    /// # Errors
    /// As [`Nodes::add`].
    pub(super) fn put(
        &mut self,
        name: impl Iterator<Item = NameHash>,
        part: Part,
        cover: Cover,
    ) -> Result<(), Collision> {
        let place = self.reach(name.map(Mark::from))?;
        let own = self.lists.set(self.node(place).own, part, Some(cover));
        self.set_own(place, own);
        Ok(())
    }

    /// Takes the part's rule away from each name that has one.
    pub(super) fn remove(&mut self, names: &[Mark], part: Part) {
        for name in names {
            let Some(place) = self.find(*name) else { continue };
            let own = self.lists.set(self.node(place).own, part, None);
            self.set_own(place, own);
            self.prune(place);
        }
    }

    /// What the part's rule at the name covers.
    pub(super) fn cover(&self, name: Mark, part: Part) -> Option<Cover> {
        self.lists.cover(self.node(self.find(name)?).own, part)
    }

    /// The sets in use.
    pub(super) fn sets(&self) -> &Sets {
        &self.sets
    }

    /// The sets in use.
    pub(super) fn sets_mut(&mut self) -> &mut Sets {
        &mut self.sets
    }

    /// Set of the root name.
    pub(super) fn root(&self) -> u32 {
        self.node(ROOT).set
    }

    /// Names that hold rules.
    pub(super) fn listed(&self) -> usize {
        self.listed
    }

    /// Names that hold rules or have such below them, the root left out.
    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    /// Names whose value may have changed since the last call.
    pub(super) fn take_touched(&mut self) -> Touched {
        std::mem::take(&mut self.touched)
    }

    /// The value of a name; `None` when nothing is listed at or below it.
    pub(super) fn value(&self, name: Mark) -> Option<NameValue> {
        let node = self.node(self.index.get(name.key)?);
        (node.check == name.check).then(|| node.value())
    }

    /// Every name with its value.
    pub(super) fn base(&self) -> Base {
        let listed = |place: u32| self.nodes.get(place as usize).filter(|node| node.parent != NONE);
        let places = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        Base::build(places, self.listed, self.len(), |place| {
            listed(place).map(|node| (node.key, node.value()))
        })
    }

    /// A place comes from the index or from a link, so it is there.
    fn node(&self, place: u32) -> &Node {
        self.nodes.get(place as usize).unwrap_or(&Node::VOID)
    }

    fn edit(&mut self, place: u32, change: impl FnOnce(&mut Node)) {
        if let Some(node) = self.nodes.get_mut(place as usize) {
            change(node);
        }
    }

    fn find(&self, name: Mark) -> Option<u32> {
        if name == self.node(ROOT).mark() {
            return Some(ROOT);
        }
        let place = self.index.get(name.key)?;
        (self.node(place).check == name.check).then_some(place)
    }

    /// The node of the name; it and those above it are made when missing.
    fn reach(&mut self, name: impl Iterator<Item = Mark>) -> Result<u32, Collision> {
        let mut place = ROOT;
        for mark in name {
            place = match self.index.get(mark.key) {
                None => self.make(mark, place),
                Some(found) => {
                    let node = self.node(found);
                    if node.check != mark.check || node.parent != place {
                        return Err(Collision);
                    }
                    found
                }
            };
        }
        Ok(place)
    }

    fn make(&mut self, mark: Mark, parent: u32) -> u32 {
        let above = *self.node(parent);
        let inherited = self.lists.inherit(above.inherited, above.own);
        let node = Node { inherited, next: above.child, ..Node::new(mark, parent) };
        let place = match self.free.pop() {
            Some(place) => {
                self.edit(place, |old| *old = node);
                place
            }
            None => {
                self.nodes.push(node);
                u32::try_from(self.nodes.len().saturating_sub(1)).unwrap_or(NONE)
            }
        };
        self.edit(above.child, |sibling| sibling.previous = place);
        self.edit(parent, |above| above.child = place);
        if above.child == NONE {
            self.touch(parent);
        }
        self.index.insert(node.key, place);
        self.touch(place);
        place
    }

    fn touch(&mut self, place: u32) {
        if place != ROOT {
            self.touched.push(self.node(place).mark());
        }
    }

    fn set_own(&mut self, place: u32, own: ListId) {
        let node = *self.node(place);
        if node.own == own {
            return;
        }
        self.listed = self.listed.saturating_add(usize::from(node.own == EMPTY));
        self.listed = self.listed.saturating_sub(usize::from(own == EMPTY));
        self.edit(place, |node| node.own = own);
        self.renumber(place);
        if node.child == NONE {
            return;
        }
        let before = self.lists.inherit(node.inherited, node.own);
        if before != self.lists.inherit(node.inherited, own) {
            self.pass_down(place);
        }
    }

    /// Gives the node the number of the set it now holds.
    fn renumber(&mut self, place: u32) {
        let node = *self.node(place);
        let set = self.sets.enter(&self.lists, node.own, node.inherited);
        self.sets.leave(node.set);
        if set != node.set {
            self.edit(place, |node| node.set = set);
        }
        // a number can change its meaning, never its value in the table
        self.touch(place);
    }

    /// Tells the names below what they inherit.
    fn pass_down(&mut self, top: u32) {
        let mut waiting = vec![top];
        while let Some(place) = waiting.pop() {
            let node = *self.node(place);
            let inherited = self.lists.inherit(node.inherited, node.own);
            let mut child = node.child;
            while child != NONE {
                let below = *self.node(child);
                if below.inherited != inherited {
                    self.edit(child, |below| below.inherited = inherited);
                    if below.own != EMPTY {
                        self.renumber(child);
                    }
                    waiting.push(child);
                }
                child = below.next;
            }
        }
    }

    /// Removes the node, and those above it, that hold nothing and have nothing below.
    fn prune(&mut self, mut place: u32) {
        loop {
            let node = *self.node(place);
            if place == ROOT || node.own != EMPTY || node.child != NONE {
                return;
            }
            self.edit(node.previous, |sibling| sibling.next = node.next);
            self.edit(node.next, |sibling| sibling.previous = node.previous);
            if node.previous == NONE {
                self.edit(node.parent, |above| above.child = node.next);
            }
            self.index.remove(node.key);
            self.free.push(place);
            self.touch(place);
            self.touch(node.parent);
            // one without a name above it is no name
            self.edit(place, |node| node.parent = NONE);
            place = node.parent;
        }
    }
}
