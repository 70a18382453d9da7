//! The names of a policy by hash key: a base that many snapshots share, and what has changed since.
//!
//! It owns the shape that makes one name cheap to add or lift in a policy of a million: the base is immutable and shared,
//! the changes are few. It knows keys and values, not names.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use filter_common::abi::NameValue;

use super::base::Base;

/// Hashes a key that is a keyed hash already: one bijective mix, so that bucket and tag bits are both good, also when the
/// keys were told apart by the product's topmost octet before.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, octets: &[u8]) {
        for octet in octets {
            self.write_u64(u64::from(*octet));
        }
    }

    fn write_u64(&mut self, key: u64) {
        let mixed = (self.0 ^ key).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = (mixed ^ mixed >> 32).rotate_right(8);
    }
}

/// A map from a name's key.
pub type KeyMap<V> = HashMap<u64, V, BuildHasherDefault<KeyHasher>>;
/// A map from a name's key to the value the program finds there.
pub type NameMap = KeyMap<NameValue>;

/// Every name of a snapshot: `changes` override `base`.
#[derive(Clone, Debug, Default)]
pub struct NameTable {
    base: Arc<Base>,
    changes: Arc<NameMap>,
    live: usize,
}

impl NameTable {
    /// A table; `live` of its names hold a set or have something below them.
    pub(super) fn new(base: Arc<Base>, changes: Arc<NameMap>, live: usize) -> NameTable {
        NameTable { base, changes, live }
    }

    /// What the map `NAMES` holds. Snapshots whose bases are one `Arc` (`Arc::ptr_eq`) need it written once.
    #[must_use]
    pub fn base(&self) -> &Arc<Base> {
        &self.base
    }

    /// What the map `CHANGES` holds. A lifted name is here with set 0 and nothing below.
    #[must_use]
    pub fn changes(&self) -> &Arc<NameMap> {
        &self.changes
    }

    /// The value in force of the name with this key and these check bits.
    #[must_use]
    pub fn get(&self, key: u64, check: u32) -> Option<NameValue> {
        match self.changes.get(&key) {
            Some(value) => Some(*value).filter(|value| *value as u32 == check),
            None => self.base.get(key, check),
        }
    }

    /// Names with a set of their own or something below them.
    #[must_use]
    pub fn len(&self) -> usize {
        self.live
    }

    /// Whether no name is listed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.live == 0
    }
}
