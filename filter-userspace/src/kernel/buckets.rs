//! A large policy's names in buckets of a cache line (`filter_common::bucket`): which name goes where.
//!
//! Every name goes into its first bucket while that has room, else into its second, else one that is there moves on to
//! its other bucket (cuckoo hashing with two choices and five places, Dietzfelbinger and Weidling 2007). What finds no
//! place, or has a set that a bucket cannot hold, is left over for the overlay.

use filter_common::abi::NameValue;
use filter_common::bucket::{BUCKET_MAX_SET, BUCKET_NAMES, Bucket, Place};

/// Names a bucket holds on average, times ten: 80 % full, 16 octets a name.
const FILL_TENTHS: usize = 40;
/// Names that may be moved on to make room for one.
const MAX_MOVES: usize = 256;
/// A place without a name.
const EMPTY: u32 = u32::MAX;

/// Names in buckets.
pub(super) struct Buckets {
    /// The buckets; there is always one.
    pub buckets: Vec<Bucket>,
    /// Names that are in none.
    pub rest: Vec<(u64, NameValue)>,
}

impl Buckets {
    /// Puts the names into as few buckets as are wanted.
    pub(super) fn build(names: &[(u64, NameValue)]) -> Buckets {
        let count = (names.len() * 10).div_ceil(FILL_TENTHS).max(1);
        let mut builder = Builder {
            names,
            count: u32::try_from(count).unwrap_or(u32::MAX),
            places: vec![[EMPTY; BUCKET_NAMES]; count],
            turn: 0,
        };
        let numbers = (0u32..).zip(names);
        let rest = numbers.filter(|(number, (_, value))| !fits(*value) || !builder.insert(*number));
        let rest = rest.map(|(_, name)| *name).collect();
        Buckets { buckets: builder.finish(), rest }
    }
}

/// Whether a bucket can hold the value: its set is not too high, and its word is not that of no name.
fn fits(value: NameValue) -> bool {
    let (set, deeper) = parts(value);
    set <= BUCKET_MAX_SET && (set != 0 || deeper)
}

/// The set, and whether anything is listed below.
fn parts(value: NameValue) -> (u32, bool) {
    (u32::try_from(value >> 33).unwrap_or(u32::MAX), value >> 32 & 1 != 0)
}

fn place((key, value): (u64, NameValue)) -> Place {
    let [a, b, c, d, ..] = value.to_le_bytes();
    Place::new(key, u32::from_le_bytes([a, b, c, d]))
}

struct Builder<'a> {
    names: &'a [(u64, NameValue)],
    count: u32,
    /// Numbers of the names in each bucket.
    places: Vec<[u32; BUCKET_NAMES]>,
    /// Which place the next name that is moved on has: goes round.
    turn: usize,
}

impl Builder<'_> {
    fn insert(&mut self, number: u32) -> bool {
        let Some((first, second)) = self.both(number) else { return false };
        if self.put(first, number) || self.put(second, number) {
            return true;
        }
        self.move_on(first, number)
    }

    /// The buckets of a name.
    fn both(&self, number: u32) -> Option<(u32, u32)> {
        let place = place(*self.names.get(number as usize)?);
        Some((place.first(self.count), place.second(self.count)))
    }

    fn put(&mut self, bucket: u32, number: u32) -> bool {
        let free = self
            .places
            .get_mut(bucket as usize)
            .and_then(|places| places.iter_mut().find(|at| **at == EMPTY));
        free.map(|at| *at = number).is_some()
    }

    /// Takes the place of a name in a full bucket, which moves on to its other bucket, and so on. When no end is found,
    /// every name goes back to where it was.
    fn move_on(&mut self, mut bucket: u32, mut number: u32) -> bool {
        let mut moved = Vec::new();
        for _ in 0..MAX_MOVES {
            self.turn = (self.turn + 1) % BUCKET_NAMES;
            let at = self.places.get_mut(bucket as usize).and_then(|places| places.get_mut(self.turn));
            let Some(at) = at else { break };
            let evicted = std::mem::replace(at, number);
            moved.push((bucket, self.turn, evicted));
            let Some((first, second)) = self.both(evicted) else { break };
            let other = if first == bucket { second } else { first };
            if self.put(other, evicted) {
                return true;
            }
            (bucket, number) = (other, evicted);
        }
        for (bucket, turn, evicted) in moved.into_iter().rev() {
            if let Some(at) = self.places.get_mut(bucket as usize).and_then(|places| places.get_mut(turn)) {
                *at = evicted;
            }
        }
        false
    }

    fn finish(self) -> Vec<Bucket> {
        let mut buckets = vec![Bucket::default(); self.places.len()];
        for (index, numbers) in (0u32..).zip(&self.places) {
            for (at, number) in numbers.iter().enumerate() {
                let Some(name) = self.names.get(*number as usize) else { continue };
                let place = place(*name);
                let (set, deeper) = parts(name.1);
                if let Some(bucket) = buckets.get_mut(index as usize) {
                    (bucket.words[at], bucket.checks[at]) = place.entry(set, deeper);
                }
                let first = place.first(self.count);
                if first != index
                    && let Some(bucket) = buckets.get_mut(first as usize)
                {
                    bucket.elsewhere |= place.class();
                }
            }
        }
        buckets
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use filter_common::abi::name_value;
    use proptest::prelude::*;

    /// What the program finds.
    fn find(built: &Buckets, key: u64, check: u32) -> u64 {
        let place = Place::new(key, check);
        let count = built.buckets.len() as u32;
        let first = &built.buckets[place.first(count) as usize];
        let mut found = place.find(first);
        if found == 0 && first.elsewhere & place.class() != 0 {
            found = place.find(&built.buckets[place.second(count) as usize]);
        }
        found
    }

    fn check_all(names: &[(u64, NameValue)]) -> Buckets {
        let built = Buckets::build(names);
        let rest: std::collections::HashMap<u64, NameValue> = built.rest.iter().copied().collect();
        for (key, value) in names {
            let found = find(&built, *key, *value as u32);
            if rest.contains_key(key) {
                assert_eq!(found, 0);
            } else {
                assert_eq!(found, value >> 32);
            }
        }
        built
    }

    fn random(count: u64, seed: u64) -> Vec<(u64, NameValue)> {
        let mix = |number: u64| {
            (number ^ seed)
                .wrapping_mul(0xbf58_476d_1ce4_e5b9)
                .rotate_left(31)
                .wrapping_mul(0x94d0_49bb_1331_11eb)
        };
        (0..count)
            .map(|number| {
                (mix(number), name_value(mix(!number) as u32, 1 + number as u32 % 7, number % 3 == 0))
            })
            .collect()
    }

    proptest! {
        #[test]
        fn every_name_is_found_and_no_other(count in 0u64..3000, seed: u64) {
            let names = random(count, seed);
            let built = check_all(&names);
            for (key, value) in random(1000, !seed) {
                prop_assert_eq!(find(&built, key, value as u32), 0);
            }
        }
    }

    #[test]
    fn almost_nothing_is_left_over() {
        let built = check_all(&random(200_000, 1));
        assert_eq!(built.rest.len(), 0);
        assert_eq!(built.buckets.len(), 50_000);
    }

    #[test]
    fn what_a_bucket_cannot_hold_is_left_over() {
        let high = (7, name_value(1, BUCKET_MAX_SET + 1, false));
        // eleven names make three buckets; a key that has two of them
        let both = |key: &u64| Place::new(*key, 0).first(3) != Place::new(*key, 0).second(3);
        let key = (1u64..).map(|key| key << 40).find(both).unwrap_or_default();
        let same: Vec<(u64, NameValue)> = (0..11).map(|check| (key, name_value(check, 1, false))).collect();
        assert_eq!(Buckets::build(&[high]).rest, [high]);
        let built = Buckets::build(&same);
        assert_eq!(
            built.rest.len(),
            1,
            "two buckets hold ten names of one key: {} buckets",
            built.buckets.len()
        );
    }
}
