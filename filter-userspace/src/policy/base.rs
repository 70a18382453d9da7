//! The immutable base of a policy's names: a sieve and buckets of a cache line (`filter_common::bucket`).
//!
//! The sieve and the buckets are what the kernel gets, octet for octet; this module knows no map.

use std::sync::Arc;

use filter_common::abi::NameValue;
use filter_common::bucket::{BUCKET_MAX_SET, Bucket, Place, SIEVE_BUCKETS, SIEVE_WORDS};

use self::builder::Builder;
use super::table::NameMap;

mod builder;

/// Names a bucket holds on average, times ten: 80 % full, 16 octets a name.
const FILL_TENTHS: u64 = 40;
/// A line of the sieve.
type Line = [u64; SIEVE_WORDS as usize];

/// Names in buckets.
#[derive(Clone, Debug)]
pub struct Base {
    sieve: Vec<Line>,
    buckets: Vec<Bucket>,
    rest: Arc<NameMap>,
    len: usize,
}

impl Default for Base {
    fn default() -> Base {
        Base {
            sieve: vec![Line::default()],
            buckets: vec![Bucket::default(); SIEVE_BUCKETS as usize],
            rest: Arc::default(),
            len: 0,
        }
    }
}

impl FromIterator<(u64, NameValue)> for Base {
    fn from_iter<I: IntoIterator<Item = (u64, NameValue)>>(names: I) -> Base {
        let names: Vec<(u64, NameValue)> = names.into_iter().collect();
        let count = u32::try_from(names.len()).unwrap_or(u32::MAX);
        let listed = names.iter().filter(|(_, value)| set_of(*value) != 0).count();
        Base::build(count, listed, names.len(), |number| names.get(number as usize).copied())
    }
}

impl Base {
    /// Puts the names with these numbers into as few buckets as are wanted: `len` of them, of which `listed` have a set.
    /// `name` says which key and value a number has, if it has one.
    pub(super) fn build<F>(numbers: u32, listed: usize, len: usize, name: F) -> Base
    where
        F: Fn(u32) -> Option<(u64, NameValue)> + Sync,
    {
        let count = Base::buckets_for(u64::try_from(listed).unwrap_or(u64::MAX));
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let (sieve, buckets, rest) = Builder::new(name, count).build(numbers);
        Base { sieve, buckets, rest: Arc::new(rest), len }
    }

    /// How many buckets so many listed names get.
    #[must_use]
    pub fn buckets_for(names: u64) -> u64 {
        names.saturating_mul(10).div_ceil(FILL_TENTHS).max(1).next_multiple_of(SIEVE_BUCKETS.into())
    }

    /// The sieve before the buckets; there is always a line.
    #[must_use]
    pub fn sieve(&self) -> &[Line] {
        &self.sieve
    }

    /// The buckets; there is always one.
    #[must_use]
    pub fn buckets(&self) -> &[Bucket] {
        &self.buckets
    }

    /// The names that are in none.
    #[must_use]
    pub fn rest(&self) -> &Arc<NameMap> {
        &self.rest
    }

    /// The value of the name with this key and these check bits, as the program sees it: that something is listed below
    /// may be said of a name that has nothing there.
    #[must_use]
    pub fn get(&self, key: u64, check: u32) -> Option<NameValue> {
        if let Some(value) = self.rest.get(&key).filter(|value| check_of(**value) == check) {
            return Some(*value);
        }
        let place = Place::new(key, check.into());
        let count = u32::try_from(self.buckets.len()).unwrap_or(u32::MAX);
        let first = place.first(count) as usize;
        let word = self.sieve.as_flattened().get(first).copied().unwrap_or(0);
        let set = if place.may_be_listed(word) { self.set(place, first, count) } else { 0 };
        let value = u64::from(check) | place.may_be_deeper(word) << 32 | set << 33;
        (value >> 32 != 0).then_some(value)
    }

    fn set(&self, place: Place, first: usize, count: u32) -> u64 {
        let Some(first) = self.buckets.get(first) else { return 0 };
        match place.find(first) {
            0 if first.elsewhere & place.class() != 0 => {
                self.buckets.get(place.second(count) as usize).map_or(0, |second| place.find(second))
            }
            found => found,
        }
    }

    /// How many names it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// Whether a bucket can hold the value: it has a set, and that is not too high.
fn fits(value: NameValue) -> bool {
    (1..=BUCKET_MAX_SET).contains(&set_of(value))
}

fn set_of(value: NameValue) -> u32 {
    u32::try_from(value >> 33).unwrap_or(u32::MAX)
}

fn check_of(value: NameValue) -> u32 {
    let [a, b, c, d, ..] = value.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::*;
    use filter_common::abi::name_value;
    use proptest::prelude::*;

    fn built(names: &[(u64, NameValue)]) -> Base {
        names.iter().copied().collect()
    }

    /// Whether it says the same set, and that something is below where something is.
    fn says(base: &Base, key: u64, value: NameValue) -> bool {
        let found = base.get(key, check_of(value)).unwrap_or(check_of(value).into());
        found | 1 << 32 == value | 1 << 32 && found & value == value
    }

    /// Builds it, and checks what it says of every name, in the buckets alone too.
    fn check_all(names: &[(u64, NameValue)]) -> Base {
        let built = built(names);
        let bare = Base { rest: Arc::default(), ..built.clone() };
        for (key, value) in names {
            assert!(says(&built, *key, *value), "{key:#x}");
            let left = built.rest.contains_key(key);
            assert_eq!(says(&bare, *key, *value), !left, "{key:#x}");
        }
        assert_eq!(built.len(), names.len());
        built
    }

    /// One name in eight holds no set, but has something below it.
    fn random(count: u64, seed: u64) -> Vec<(u64, NameValue)> {
        let mix = |number: u64| {
            (number ^ seed)
                .wrapping_mul(0xbf58_476d_1ce4_e5b9)
                .rotate_left(31)
                .wrapping_mul(0x94d0_49bb_1331_11eb)
        };
        (0..count)
            .map(|number| {
                (mix(number), name_value(mix(!number) as u32, number as u32 % 8, number % 24 % 8 == 0))
            })
            .collect()
    }

    proptest! {
        #[test]
        fn every_name_is_found_and_no_other(count in 0u64..3000, seed: u64) {
            let names = random(count, seed);
            let built = check_all(&names);
            for (key, value) in random(1000, !seed) {
                prop_assert_eq!(built.get(key, check_of(value)).unwrap_or(0) >> 33, 0);
            }
        }
    }

    #[test]
    fn the_sieve_is_seldom_wrong() {
        let built = built(&random(200_000, 1));
        let count = u32::try_from(built.buckets.len()).unwrap();
        let wrong = random(100_000, !1).into_iter().filter(|(key, value)| {
            let place = Place::new(*key, check_of(*value).into());
            let word = built.sieve.as_flattened()[place.first(count) as usize];
            place.may_be_listed(word) || place.may_be_deeper(word) == 1
        });
        let wrong = wrong.count();
        // 4 names a word set 8 of its bits, and an eighth of them 2 more
        assert!((1_000..6_000).contains(&wrong), "{wrong} of 100,000");
    }

    #[test]
    fn almost_nothing_is_left_over() {
        let built = check_all(&random(200_000, 1));
        assert_eq!(built.rest.len(), 0);
        // for those that hold a set
        assert_eq!(built.buckets.len(), 43_752);
    }

    #[test]
    fn what_a_bucket_cannot_hold_is_left_over() {
        let high = (7, name_value(1, BUCKET_MAX_SET + 1, false));
        // eleven names make eight buckets; a key that has two of them
        let both = |key: &u64| Place::new(*key, 0).first(8) != Place::new(*key, 0).second(8);
        let key = (1u64..).map(|key| key << 40).find(both).unwrap_or_default();
        let same: Vec<(u64, NameValue)> = (0..11).map(|check| (key, name_value(check, 1, false))).collect();
        assert_eq!(check_all(&[high]).rest.iter().collect::<Vec<_>>(), [(&high.0, &high.1)]);
        let built = built(&same);
        let found = same.iter().filter(|(_, value)| says(&built, key, *value)).count();
        assert_eq!((built.buckets.len(), built.rest.len(), found), (8, 1, 11));
    }

    #[test]
    fn nothing_listed_is_nothing_found() {
        let empty = Base::default();
        assert!(empty.is_empty() && empty.get(0, 0).is_none() && built(&[]).get(7, 7).is_none());
    }

    #[test]
    fn numbers_without_a_name_are_left_out() {
        let names = random(100_000, 3);
        let name = |number: u32| names.get(number as usize).copied().filter(|_| !number.is_multiple_of(3));
        let base = Base::build(100_000, 58_333, 66_666, name);
        for (number, (key, value)) in (0u32..).zip(&names) {
            let set = base.get(*key, check_of(*value)).unwrap_or(0) >> 33;
            assert_eq!(set, if number.is_multiple_of(3) { 0 } else { value >> 33 });
        }
    }
}
