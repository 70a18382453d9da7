//! Where each name is in the tree, by hash key: many small maps, so that names which are worked on in the order of
//! their shards find theirs in the processor's cache. The shards follow the order of the base's buckets.

use filter_common::bucket::Place;

use super::node::Mark;
use super::table::KeyMap;

/// How many maps; each holds some thousand names of a policy of a million.
pub(super) const SHARDS: usize = 256;

/// The maps.
#[derive(Clone, Debug)]
pub(super) struct Index {
    shards: Vec<KeyMap<u32>>,
    len: usize,
}

/// The shard of a key.
fn shard(key: u64) -> u32 {
    Place::new(key, 0).first(SHARDS as u32)
}

impl Mark {
    /// Its shard: names in this order are quickest to work on.
    pub(super) fn order(&self) -> u32 {
        shard(self.key)
    }
}

impl Index {
    pub(super) fn new() -> Index {
        Index { shards: vec![KeyMap::default(); SHARDS], len: 0 }
    }

    /// Room for so many names more, spread evenly.
    pub(super) fn reserve(&mut self, names: usize) {
        for shard in &mut self.shards {
            shard.reserve(names.div_ceil(SHARDS));
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn get(&self, key: u64) -> Option<u32> {
        self.shards.get(shard(key) as usize)?.get(&key).copied()
    }

    pub(super) fn insert(&mut self, key: u64, place: u32) {
        if let Some(shard) = self.shards.get_mut(shard(key) as usize) {
            self.len = self.len.saturating_add(usize::from(shard.insert(key, place).is_none()));
        }
    }

    pub(super) fn remove(&mut self, key: u64) {
        if let Some(shard) = self.shards.get_mut(shard(key) as usize) {
            self.len = self.len.saturating_sub(usize::from(shard.remove(&key).is_some()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_in_is_found_until_it_is_taken_out() {
        let mut index = Index::new();
        index.reserve(1000);
        let key = |place: u32| u64::from(place).wrapping_mul(0xd134_2543_de82_ef95);
        for place in 0..1000 {
            index.insert(key(place), place + 1);
            index.insert(key(place), place);
        }
        assert_eq!(index.len(), 1000);
        assert!((0..1000).all(|place| index.get(key(place)) == Some(place)));
        assert!(index.shards.iter().all(|shard| shard.len() < 20), "keys are spread evenly");
        for place in 0..500 {
            index.remove(key(place));
            index.remove(key(place));
        }
        assert_eq!(index.len(), 500);
        assert!((0..1000).all(|place| index.get(key(place)).is_some() == (place >= 500)));
    }
}
