//! The rules that one name holds, interned: most names hold the same few lists of rules.

use std::collections::HashMap;
use std::sync::Arc;

use crate::names::Coverage;

/// Number of one source of rules inside one order: its own names, or one of its lists.
pub(super) type Part = u32;

/// What a rule covers, as two bits, so that a name listed twice covers both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Cover(u8);

impl Cover {
    /// The name itself.
    pub(super) const AT: Cover = Cover(1);
    /// What is below it.
    pub(super) const BELOW: Cover = Cover(2);

    /// Whether it covers all that `other` does.
    pub(super) fn holds(self, other: Cover) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both together.
    pub(super) fn with(self, other: Cover) -> Cover {
        Cover(self.0 | other.0)
    }

    /// Back to the word for it.
    pub(super) fn coverage(self) -> Coverage {
        match self {
            Cover::AT => Coverage::Exact,
            Cover::BELOW => Coverage::Below,
            _ => Coverage::Suffix,
        }
    }
}

impl From<Coverage> for Cover {
    fn from(coverage: Coverage) -> Cover {
        match coverage {
            Coverage::Exact => Cover::AT,
            Coverage::Suffix => Cover::AT.with(Cover::BELOW),
            Coverage::Below => Cover::BELOW,
        }
    }
}

/// One part's rule at a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Rule {
    /// Whose.
    pub(super) part: Part,
    /// What it covers.
    pub(super) cover: Cover,
}

/// Number of an interned list of rules; 0 is the empty one.
pub(super) type ListId = u32;
/// The empty list of rules.
pub(super) const EMPTY: ListId = 0;

/// Interned lists of rules, each sorted by part.
#[derive(Clone, Debug)]
pub(super) struct RuleLists {
    empty: Arc<[Rule]>,
    lists: Vec<Arc<[Rule]>>,
    ids: HashMap<Arc<[Rule]>, ListId>,
    inherits: HashMap<(ListId, ListId), ListId>,
    /// The last edit: a list of a million names asks for the same one each time.
    last: Option<(ListId, Rule, ListId)>,
}

impl RuleLists {
    pub(super) fn new() -> RuleLists {
        let empty: Arc<[Rule]> = Arc::from([]);
        let ids = HashMap::from([(Arc::clone(&empty), EMPTY)]);
        RuleLists { lists: vec![Arc::clone(&empty)], empty, ids, inherits: HashMap::new(), last: None }
    }

    pub(super) fn get(&self, id: ListId) -> &Arc<[Rule]> {
        self.lists.get(id as usize).unwrap_or(&self.empty)
    }

    /// The list in which the rule's part covers what it did and what the rule does.
    pub(super) fn add(&mut self, id: ListId, rule: Rule) -> ListId {
        if let Some((from, last, to)) = self.last
            && from == id
            && last == rule
        {
            return to;
        }
        let before = self.cover(id, rule.part);
        let cover = before.map_or(rule.cover, |cover| cover.with(rule.cover));
        let to = self.set(id, rule.part, Some(cover));
        self.last = Some((id, rule, to));
        to
    }

    /// The list in which the part covers exactly this, or nothing.
    pub(super) fn set(&mut self, id: ListId, part: Part, cover: Option<Cover>) -> ListId {
        if self.cover(id, part) == cover {
            return id;
        }
        let mut rules: Vec<Rule> = self.get(id).iter().copied().filter(|rule| rule.part != part).collect();
        if let Some(cover) = cover {
            let place = rules.partition_point(|rule| rule.part < part);
            rules.insert(place, Rule { part, cover });
        }
        self.intern(rules)
    }

    /// What names below a name inherit: what it inherits and its own rules that reach below it.
    pub(super) fn inherit(&mut self, inherited: ListId, own: ListId) -> ListId {
        if own == EMPTY {
            return inherited;
        }
        if let Some(known) = self.inherits.get(&(inherited, own)) {
            return *known;
        }
        let reaching = self.get(own).iter().filter(|rule| rule.cover.holds(Cover::BELOW));
        let mut rules: Vec<Rule> =
            reaching.map(|rule| Rule { part: rule.part, cover: Cover::BELOW }).collect();
        rules.extend(self.get(inherited).iter());
        rules.sort_unstable();
        rules.dedup();
        let id = self.intern(rules);
        self.inherits.insert((inherited, own), id);
        id
    }

    /// What the part covers in the list.
    pub(super) fn cover(&self, id: ListId, part: Part) -> Option<Cover> {
        self.get(id).iter().find(|rule| rule.part == part).map(|rule| rule.cover)
    }

    fn intern(&mut self, rules: Vec<Rule>) -> ListId {
        let rules: Arc<[Rule]> = rules.into();
        if let Some(id) = self.ids.get(&rules) {
            return *id;
        }
        let id = u32::try_from(self.lists.len()).unwrap_or(u32::MAX);
        self.lists.push(Arc::clone(&rules));
        self.ids.insert(rules, id);
        id
    }
}

/// What a set number stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SetRules {
    /// The rules at the name.
    pub(super) own: Arc<[Rule]>,
    /// The rules of names above it that reach it: they are credited, and decide where its own do not apply.
    pub(super) inherited: Arc<[Rule]>,
}

/// Sets in use: each distinct pair of own and inherited rules has a number from 1.
#[derive(Clone, Debug)]
pub(super) struct Sets {
    rules: Vec<SetRules>,
    pairs: Vec<(ListId, ListId)>,
    uses: Vec<u32>,
    free: Vec<u32>,
    numbers: HashMap<(ListId, ListId), u32>,
    fresh: Vec<u32>,
    last: Option<((ListId, ListId), u32)>,
}

impl Sets {
    pub(super) fn new() -> Sets {
        let none = SetRules { own: Arc::from([]), inherited: Arc::from([]) };
        Sets {
            rules: vec![none],
            pairs: vec![(EMPTY, EMPTY)],
            uses: vec![1],
            free: Vec::new(),
            numbers: HashMap::new(),
            fresh: Vec::new(),
            last: None,
        }
    }

    /// What each number stands for; that of a number out of use is stale.
    pub(super) fn rules(&self) -> &[SetRules] {
        &self.rules
    }

    /// Numbers that got a meaning since the last call.
    pub(super) fn take_fresh(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.fresh)
    }

    /// The number of the pair, with one use more. No own rules: 0.
    pub(super) fn enter(&mut self, lists: &RuleLists, own: ListId, inherited: ListId) -> u32 {
        if own == EMPTY {
            return 0;
        }
        let pair = (own, inherited);
        let number = match self.last {
            Some((last, number)) if last == pair => number,
            _ => self.numbers.get(&pair).copied().unwrap_or_else(|| self.make(lists, pair)),
        };
        self.last = Some((pair, number));
        if let Some(uses) = self.uses.get_mut(number as usize) {
            *uses = uses.saturating_add(1);
        }
        number
    }

    /// One use less; without any, the number is free for another meaning.
    pub(super) fn leave(&mut self, number: u32) {
        let place = number as usize;
        let (Some(uses), Some(pair)) = (self.uses.get_mut(place), self.pairs.get(place)) else { return };
        if number == 0 {
            return;
        }
        *uses = uses.saturating_sub(1);
        if *uses == 0 {
            self.numbers.remove(pair);
            self.free.push(number);
            self.last = None;
        }
    }

    fn make(&mut self, lists: &RuleLists, pair: (ListId, ListId)) -> u32 {
        let rules = SetRules { own: Arc::clone(lists.get(pair.0)), inherited: Arc::clone(lists.get(pair.1)) };
        let number = match self.free.pop() {
            Some(number) => number,
            None => {
                self.rules.push(rules.clone());
                self.pairs.push(pair);
                self.uses.push(0);
                u32::try_from(self.rules.len().saturating_sub(1)).unwrap_or(u32::MAX)
            }
        };
        let place = number as usize;
        if let (Some(old), Some(old_pair)) = (self.rules.get_mut(place), self.pairs.get_mut(place)) {
            *old = rules;
            *old_pair = pair;
        }
        self.numbers.insert(pair, number);
        self.fresh.push(number);
        number
    }
}
