//! The immutable base of a policy's names, in buckets of a cache line (`filter_common::bucket`): which name goes where.
//!
//! Every name goes into its first bucket while that has room, else into its second, else one that is there moves on to
//! its other bucket (cuckoo hashing with two choices and five places, Dietzfelbinger and Weidling 2007). What finds no
//! place, or has a set that a bucket cannot hold, is kept beside them. The buckets are what the kernel gets, octet for
//! octet; this module knows no map.

use std::hint::black_box;
use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread;

use filter_common::abi::NameValue;
use filter_common::bucket::{BUCKET_MAX_SET, BUCKET_NAMES, Bucket, Place};

use super::table::NameMap;

/// Names a bucket holds on average, times ten: 80 % full, 16 octets a name.
const FILL_TENTHS: usize = 40;
/// Names that may be moved on to make room for one.
const MAX_MOVES: usize = 256;
/// Names from which on several threads share the work, and how many do at most.
const SHARED_FROM: u32 = 1 << 16;
const MAX_THREADS: usize = 8;
/// Names without a place that are looked at together.
const TOGETHER: usize = 64;
/// A place without a name.
const EMPTY: u32 = u32::MAX;

/// Names in buckets.
#[derive(Clone, Debug)]
pub struct Base {
    buckets: Vec<Bucket>,
    rest: Arc<NameMap>,
    len: usize,
}

impl Default for Base {
    fn default() -> Base {
        Base { buckets: vec![Bucket::default()], rest: Arc::default(), len: 0 }
    }
}

impl FromIterator<(u64, NameValue)> for Base {
    fn from_iter<I: IntoIterator<Item = (u64, NameValue)>>(names: I) -> Base {
        let names: Vec<(u64, NameValue)> = names.into_iter().collect();
        let count = u32::try_from(names.len()).unwrap_or(u32::MAX);
        Base::build(count, names.len(), |number| names.get(number as usize).copied())
    }
}

impl Base {
    /// Puts the names with these numbers, `len` of them, into as few buckets as are wanted. `name` says which key and
    /// value a number has, if it has one.
    pub(super) fn build<F>(numbers: u32, len: usize, name: F) -> Base
    where
        F: Fn(u32) -> Option<(u64, NameValue)> + Sync,
    {
        let count = len.saturating_mul(10).div_ceil(FILL_TENTHS).max(1);
        let mut builder = Builder {
            name,
            count: u32::try_from(count).unwrap_or(u32::MAX),
            buckets: vec![Bucket::default(); count],
            numbers: vec![[EMPTY; BUCKET_NAMES]; count],
            turn: 0,
        };
        let mut rest = NameMap::default();
        for numbers in builder.first_choices(numbers).chunks(TOGETHER) {
            builder.look_ahead(numbers);
            for number in numbers {
                if !builder.insert(*number) {
                    rest.extend((builder.name)(*number));
                }
            }
        }
        Base { buckets: builder.buckets, rest: Arc::new(rest), len }
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

    /// The value of the name with this key and these check bits.
    #[must_use]
    pub fn get(&self, key: u64, check: u32) -> Option<NameValue> {
        let place = Place::new(key, check);
        let count = u32::try_from(self.buckets.len()).unwrap_or(u32::MAX);
        let first = self.buckets.get(place.first(count) as usize)?;
        let mut found = place.find(first);
        if found == 0 && first.elsewhere & place.class() != 0 {
            found = self.buckets.get(place.second(count) as usize).map_or(0, |second| place.find(second));
        }
        if found != 0 {
            return Some(u64::from(check) | found << 32);
        }
        self.rest.get(&key).copied().filter(|value| check_of(*value) == check)
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

/// Whether a bucket can hold the value: its set is not too high, and its word is not that of no name.
fn fits(value: NameValue) -> bool {
    let (set, deeper) = parts(value);
    set <= BUCKET_MAX_SET && (set != 0 || deeper)
}

/// The set, and whether anything is listed below.
fn parts(value: NameValue) -> (u32, bool) {
    (u32::try_from(value >> 33).unwrap_or(u32::MAX), value >> 32 & 1 != 0)
}

fn check_of(value: NameValue) -> u32 {
    let [a, b, c, d, ..] = value.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

/// How many threads share so much work.
fn threads(numbers: u32) -> usize {
    let most = if numbers < SHARED_FROM { 1 } else { MAX_THREADS };
    thread::available_parallelism().map_or(1, NonZero::get).min(most)
}

struct Builder<F> {
    name: F,
    count: u32,
    buckets: Vec<Bucket>,
    /// Numbers of the names in each bucket.
    numbers: Vec<[u32; BUCKET_NAMES]>,
    /// Which place the next name that is moved on has: goes round.
    turn: usize,
}

/// The buckets of one thread, from `start` on.
struct Share<'a> {
    start: u32,
    buckets: &'a mut [Bucket],
    numbers: &'a mut [[u32; BUCKET_NAMES]],
}

impl Share<'_> {
    /// Puts every name whose first bucket is here into it while it has room; the numbers of the others.
    fn fill(&mut self, all: u32, count: u32, name: impl Fn(u32) -> Option<(u64, NameValue)>) -> Vec<u32> {
        let mut left = Vec::new();
        for number in 0..all {
            let Some((key, value)) = name(number) else { continue };
            let place = Place::new(key, check_of(value));
            let at = place.first(count).wrapping_sub(self.start) as usize;
            let (Some(bucket), Some(numbers)) = (self.buckets.get_mut(at), self.numbers.get_mut(at)) else {
                continue;
            };
            if !fits(value) || !put(bucket, numbers, place, value, number) {
                left.push(number);
            }
        }
        left
    }
}

/// Puts the name into the bucket, if that has room.
fn put(
    bucket: &mut Bucket,
    numbers: &mut [u32; BUCKET_NAMES],
    place: Place,
    value: NameValue,
    number: u32,
) -> bool {
    let Some(at) = bucket.words.iter().position(|word| *word == 0) else { return false };
    let (set, deeper) = parts(value);
    (bucket.words[at], bucket.checks[at]) = place.entry(set, deeper);
    numbers[at] = number;
    true
}

impl<F: Fn(u32) -> Option<(u64, NameValue)> + Sync> Builder<F> {
    /// Gives every name its first bucket, as long as there is room; the numbers of the names without a place yet.
    fn first_choices(&mut self, all: u32) -> Vec<u32> {
        let (name, count) = (&self.name, self.count);
        let share = self.buckets.len().div_ceil(threads(all)).max(1);
        let shares = self.buckets.chunks_mut(share).zip(self.numbers.chunks_mut(share));
        let starts = (0..count).step_by(share);
        thread::scope(|scope| {
            let fills: Vec<_> = starts
                .zip(shares)
                .map(|(start, (buckets, numbers))| {
                    let mut share = Share { start, buckets, numbers };
                    move || share.fill(all, count, name)
                })
                .collect();
            in_threads(scope, fills).into_iter().flatten().collect()
        })
    }

    /// Looks at the second buckets of all of them, so that the processor fetches them side by side and finds them in its
    /// cache when they are filled one by one.
    fn look_ahead(&self, numbers: &[u32]) {
        let places = numbers.iter().filter_map(|number| self.place(*number));
        let seen = places.fold(0, |seen, (place, _)| {
            let at = place.second(self.count) as usize;
            let held = self.numbers.get(at).map_or(0, |held| held[0]);
            seen ^ held ^ self.buckets.get(at).map_or(0, |bucket| bucket.elsewhere)
        });
        black_box(seen);
    }

    /// Finds a place for a name whose first bucket is full.
    fn insert(&mut self, number: u32) -> bool {
        let Some((place, value)) = self.place(number) else { return false };
        let (first, second) = (place.first(self.count), place.second(self.count));
        fits(value) && (self.put(second, number) || self.move_on(first, number))
    }

    fn place(&self, number: u32) -> Option<(Place, NameValue)> {
        let (key, value) = (self.name)(number)?;
        Some((Place::new(key, check_of(value)), value))
    }

    fn put(&mut self, bucket: u32, number: u32) -> bool {
        let free = self.numbers.get(bucket as usize).and_then(|at| at.iter().position(|held| *held == EMPTY));
        free.is_some_and(|at| self.write(bucket, at, number))
    }

    /// Puts the name there, whatever is there. A bit of `elsewhere` stays when its name moves back to its first bucket:
    /// that costs a look at the second, and no answer.
    fn write(&mut self, bucket: u32, at: usize, number: u32) -> bool {
        let Some((place, value)) = self.place(number) else { return false };
        let (set, deeper) = parts(value);
        let index = bucket as usize;
        let (Some(to), Some(numbers)) = (self.buckets.get_mut(index), self.numbers.get_mut(index)) else {
            return false;
        };
        (to.words[at], to.checks[at]) = place.entry(set, deeper);
        numbers[at] = number;
        let first = place.first(self.count);
        if first != bucket
            && let Some(first) = self.buckets.get_mut(first as usize)
        {
            first.elsewhere |= place.class();
        }
        true
    }

    /// Takes the place of a name in a full bucket, which moves on to its other bucket, and so on. When no end is found,
    /// every name goes back to where it was.
    fn move_on(&mut self, mut bucket: u32, mut number: u32) -> bool {
        let mut moved = Vec::new();
        for _ in 0..MAX_MOVES {
            self.turn = (self.turn + 1) % BUCKET_NAMES;
            let at = self.turn;
            let Some(evicted) = self.numbers.get(bucket as usize).map(|numbers| numbers[at]) else { break };
            let Some((place, _)) = self.place(evicted) else { break };
            self.write(bucket, at, number);
            moved.push((bucket, at, evicted));
            let first = place.first(self.count);
            let other = if first == bucket { place.second(self.count) } else { first };
            if self.put(other, evicted) {
                return true;
            }
            (bucket, number) = (other, evicted);
        }
        for (bucket, at, evicted) in moved.into_iter().rev() {
            self.write(bucket, at, evicted);
        }
        false
    }
}

/// Runs them all, the last one on this thread, and gives their results in order. A panic of one is a panic here: its
/// names must not be missing.
fn in_threads<'scope, T, W>(scope: &'scope thread::Scope<'scope, '_>, mut work: Vec<W>) -> Vec<T>
where
    T: Send + 'scope,
    W: FnOnce() -> T + Send + 'scope,
{
    let last = work.pop();
    let running: Vec<_> = work.into_iter().map(|work| scope.spawn(work)).collect();
    let last = last.map(|work| work());
    let ended = running.into_iter().map(|one| one.join().unwrap_or_else(|panic| resume_unwind(panic)));
    ended.chain(last).collect()
}
#[cfg(test)]
mod tests {
    use super::*;
    use filter_common::abi::name_value;
    use proptest::prelude::*;

    fn built(names: &[(u64, NameValue)]) -> Base {
        names.iter().copied().collect()
    }

    /// Builds it, and checks what it says of every name, in the buckets alone too.
    fn check_all(names: &[(u64, NameValue)]) -> Base {
        let built = built(names);
        let bare = Base { rest: Arc::default(), ..built.clone() };
        for (key, value) in names {
            assert_eq!(built.get(*key, check_of(*value)), Some(*value));
            let expected = (!built.rest.contains_key(key)).then_some(*value);
            assert_eq!(bare.get(*key, check_of(*value)), expected);
        }
        assert_eq!(built.len(), names.len());
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
                prop_assert_eq!(built.get(key, check_of(value)), None);
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
        assert_eq!(check_all(&[high]).rest.iter().collect::<Vec<_>>(), [(&high.0, &high.1)]);
        let built = built(&same);
        let found = same.iter().filter(|(_, value)| built.get(key, check_of(*value)) == Some(*value)).count();
        assert_eq!((built.buckets.len(), built.rest.len(), found), (3, 1, 11));
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
        let base = Base::build(100_000, 66_666, name);
        for (number, (key, value)) in (0u32..).zip(&names) {
            let expected = (!number.is_multiple_of(3)).then_some(*value);
            assert_eq!(base.get(*key, check_of(*value)), expected);
        }
    }
}
