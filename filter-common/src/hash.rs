//! The names' keyed hash: three multilinear sums over the words of a name, from the root towards its leftmost label.
//!
//! Each sum is `k0 + sum(k_i * half_i) mod 2^64` over 32-bit halves, and its upper 32 bits are taken (Lemire and Kaser,
//! "Strongly universal string hashing is fast", 2014): for two names fixed before the key is drawn, each collides with
//! probability 2^-32, and the three together with 2^-96. Two make the key of the map, the third the check bits.
//!
//! A label becomes its whole 8-octet words, then one word with the octets that are left and, in its topmost octet, the
//! label's size. That last word is never zero, so the words of a name determine the name.

use crate::abi::HashKey;
use crate::octets::Octets;

/// A secret key's rows, wherever they are kept.
pub trait KeyRows {
    /// Six multipliers of row `row` (modulo the number of rows).
    fn row(&self, row: usize) -> [u64; 6];
}

impl KeyRows for HashKey {
    #[inline(always)]
    fn row(&self, row: usize) -> [u64; 6] {
        let [a, b, c, d, e, f, ..] = self.rows.get(row % crate::abi::KEY_ROWS).copied().unwrap_or([0; 8]);
        [a, b, c, d, e, f]
    }
}

/// Running sums over the words of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameHash {
    sums: [u64; 3],
    /// Row of the next word.
    row: usize,
}

impl NameHash {
    /// The root's.
    #[inline(always)]
    pub fn start<K: KeyRows + ?Sized>(key: &K) -> NameHash {
        let [a, b, c, ..] = key.row(0);
        NameHash { sums: [a, b, c], row: 1 }
    }

    /// Takes in the next word.
    #[inline(always)]
    #[must_use]
    pub fn word<K: KeyRows + ?Sized>(self, key: &K, word: u64) -> NameHash {
        let [a, b, c, d, e, f] = key.row(self.row);
        let (low, high) = (word & 0xffff_ffff, word >> 32);
        let [x, y, z] = self.sums;
        NameHash {
            sums: [
                x.wrapping_add(a.wrapping_mul(low)).wrapping_add(b.wrapping_mul(high)),
                y.wrapping_add(c.wrapping_mul(low)).wrapping_add(d.wrapping_mul(high)),
                z.wrapping_add(e.wrapping_mul(low)).wrapping_add(f.wrapping_mul(high)),
            ],
            row: self.row.wrapping_add(1),
        }
    }

    /// The join of the paths through a label.
    #[inline(always)]
    pub(crate) fn settled<O: Octets + ?Sized>(self, octets: &O) -> NameHash {
        NameHash { row: octets.settle(self.row), ..self }
    }

    /// The key of `NAMES` and `CHANGES`.
    #[inline(always)]
    #[must_use]
    pub fn key(self) -> u64 {
        let [x, y, _] = self.sums;
        x >> 32 | y & 0xffff_ffff_0000_0000
    }

    /// The check bits of the value.
    #[inline(always)]
    #[must_use]
    pub fn check(self) -> u32 {
        let [_, _, z] = self.sums;
        (z >> 32) as u32
    }
}

/// A-Z to a-z in eight octets at once (RFC 4343), every other octet as it is.
#[inline(always)]
#[must_use]
pub fn fold(word: u64) -> u64 {
    let low = word & 0x7f7f_7f7f_7f7f_7f7f;
    let from_a = low.wrapping_add(0x3f3f_3f3f_3f3f_3f3f);
    let above_z = low.wrapping_add(0x2525_2525_2525_2525);
    word | (from_a & !above_z & !word & 0x8080_8080_8080_8080) >> 2
}

/// A word without its first `before` (0..=8) octets, the others moved to where it starts.
#[inline(always)]
#[must_use]
pub const fn tail(word: u64, before: usize) -> u64 {
    // twice half of it, for a shift by 64 would be none
    let half = (before as u32).wrapping_mul(4) & 63;
    word >> half >> half
}

/// The hash of a name below the one that `hash` stands for: one more label, of 1..=63 octets. For userspace: the
/// program takes the same words from the packet.
#[must_use]
pub fn label<K: KeyRows + ?Sized>(mut hash: NameHash, key: &K, label: &[u8]) -> NameHash {
    let (words, rest) = label.as_chunks::<8>();
    for word in words {
        hash = hash.word(key, fold(u64::from_le_bytes(*word)));
    }
    let mut last = [0u8; 8];
    for (octet, from) in last.iter_mut().zip(rest) {
        *octet = *from;
    }
    hash.word(key, fold(u64::from_le_bytes(last)) | (label.len() as u64) << 56)
}
