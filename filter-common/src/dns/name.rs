//! The QNAME: one walk over its labels, then its words, label by label from the root.

use crate::abi::MAX_RULE_LABELS;
use crate::hash::{fold, tail};
use crate::octets::{LABELS, Octets, Scratch};

/// Labels a name of 255 octets can have.
pub const MAX_LABELS: usize = 127;
/// Octets of a name, its root label included (RFC 1035 section 2.3.4).
pub const MAX_NAME: usize = 255;
/// Largest label; a larger first octet is another label type.
pub const MAX_LABEL: usize = 63;

/// [`Walk::kind`] when there is no octet: above every octet.
pub const UNREADABLE: usize = 0x100;

/// How the walk over a name ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Walk {
    /// Labels whose offsets are in the scratch.
    pub labels: usize,
    /// Offset of the octet that ended it.
    pub last: usize,
    /// That octet: 0 is the root label, [`UNREADABLE`] one that the frame's first buffer does not hold.
    pub kind: usize,
}

/// Notes the offset of each label from `first` on, until one that is no plain label. It ends, for each step goes
/// forward and there are at most [`MAX_LABELS`] + 1 of them.
#[inline(always)]
pub fn walk<O: Octets + Scratch + ?Sized>(octets: &O, first: usize) -> Walk {
    let (mut last, mut labels, mut kind) = (first, 0usize, 0usize);
    let mut cursor = octets.cursor(first);
    for _ in 0..MAX_LABELS + 1 {
        kind = octets.octet(cursor).map_or(UNREADABLE, usize::from);
        if kind == 0 || kind > MAX_LABEL {
            break;
        }
        octets.put(LABELS.wrapping_add(labels), last as u64);
        labels = labels.wrapping_add(1);
        // not settled here: that would be half of what a label costs
        last = last.wrapping_add(kind).wrapping_add(1);
        cursor = octets.step(cursor, kind);
    }
    Walk { labels: octets.settle(labels), last: octets.settle(last), kind: octets.settle(kind) }
}

/// Whole words of a name of 255 octets, and the last word of each label of the deepest rule: the words that a walk from
/// the root takes in at most.
pub const MAX_WORDS: usize = (MAX_NAME - 1 - MAX_RULE_LABELS) / 8 + MAX_RULE_LABELS;

/// Where in a label the hash stands: `rest` of its `size` octets are still to be taken in, from `next` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    size: usize,
    next: usize,
    rest: usize,
}

impl Position {
    /// The start of the label whose size octet is at `at`.
    #[inline(always)]
    pub fn label<O: Octets + ?Sized>(octets: &O, at: usize) -> Option<Position> {
        let size = octets.settle(octets.u8_at(at, 0)? as usize & MAX_LABEL);
        Some(Position { size, next: octets.settle(at.wrapping_add(1)), rest: size })
    }

    /// Whether the next word is the label's last: 1, else 0.
    #[inline(always)]
    fn last(&self) -> usize {
        self.rest.wrapping_sub(8) >> (usize::BITS - 1)
    }

    /// Whether the next word is the label's last.
    #[inline(always)]
    pub fn is_last<O: Octets + ?Sized>(&self, octets: &O) -> bool {
        !octets.is_zero(self.last())
    }

    /// The next word. The last one is read as the eight octets that end with the label: there is always a header before
    /// it, and what is not the label's own is shifted out. No branch: the verifier would follow both ways at each word.
    #[inline(always)]
    pub fn word<O: Octets + ?Sized>(&self, octets: &O) -> Option<u64> {
        let last = self.last();
        let before = 8usize.wrapping_sub(self.rest).wrapping_mul(last);
        let word = fold(octets.u64_at(self.next, before.wrapping_neg())?);
        Some(tail(word, before) | (self.size.wrapping_mul(last) as u64) << 56)
    }

    /// The position after a word that was not the last.
    #[inline(always)]
    #[must_use]
    pub fn after_word<O: Octets + ?Sized>(self, octets: &O) -> Position {
        let (next, rest) = (self.next.wrapping_add(8), self.rest.wrapping_sub(8));
        Position { size: self.size, next: octets.settle(next), rest: octets.settle(rest) }
    }
}
