//! The QNAME: one walk over its labels, then its suffixes from the root, a hash of each.

use crate::hash::{KeyRows, NameHash, fold, last_word};
use crate::octets::{LABELS, Octets, Scratch};

/// Labels a name of 255 octets can have.
pub const MAX_LABELS: usize = 127;
/// Octets of a name, its root label included (RFC 1035 section 2.3.4).
pub const MAX_NAME: usize = 255;
/// Largest label; a larger first octet is another label type.
pub const MAX_LABEL: usize = 63;
/// Words of the largest label that are whole.
const MAX_WORDS: usize = MAX_LABEL / 8;

/// How the walk over a name ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Walk {
    /// Labels whose offsets are in the scratch.
    pub labels: usize,
    /// Offset of the octet that ended it.
    pub last: usize,
    /// That octet: 0 is the root label.
    pub kind: usize,
}

/// Notes the offset of each label from `first` on, until one that is no plain label. It ends, for each step goes
/// forward and there are at most [`MAX_LABELS`] + 1 of them.
#[inline(always)]
pub fn walk<O: Octets + Scratch + ?Sized>(octets: &O, first: usize) -> Option<Walk> {
    let (mut last, mut labels, mut kind) = (first, 0usize, 0usize);
    for _ in 0..=MAX_LABELS {
        kind = octets.u8_at(last, 0)? as usize;
        if kind == 0 || kind > MAX_LABEL {
            break;
        }
        octets.put(LABELS.wrapping_add(labels), last as u64);
        labels = labels.wrapping_add(1);
        last = octets.settle(last.wrapping_add(kind).wrapping_add(1));
    }
    Some(Walk { labels: octets.settle(labels), last, kind: octets.settle(kind) })
}

/// The hash of the name one label below: the label whose size octet is at `at`.
#[inline(always)]
pub fn take_label<O, K>(octets: &O, key: &K, mut hash: NameHash, at: usize) -> Option<NameHash>
where
    O: Octets + ?Sized,
    K: KeyRows + ?Sized,
{
    let size = octets.u8_at(at, 0)? as usize & MAX_LABEL;
    let end = at.wrapping_add(1).wrapping_add(size);
    let (mut next, mut left) = (at.wrapping_add(1), size);
    for _ in 0..MAX_WORDS {
        if left < 8 {
            break;
        }
        hash = hash.word(key, fold(octets.u64_at(next, 0)?));
        next = next.wrapping_add(8);
        left = left.wrapping_sub(8);
    }
    // eight octets that end with the label: the header before it is long enough, and what is not its own is cut off
    let tail = octets.u64_at(end.wrapping_sub(8), 0)?;
    Some(hash.word(key, last_word(tail, size)).settled(octets))
}
