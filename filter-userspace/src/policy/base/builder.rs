//! Which name goes where: into its first bucket while that has room, else into its second, else one that is there moves on
//! to its other bucket (cuckoo hashing with two choices and five places, Dietzfelbinger and Weidling 2007). What finds no
//! place, or has a set that a bucket cannot hold, is left over.

use std::hint::black_box;
use std::num::NonZero;
use std::panic::resume_unwind;
use std::thread;

use filter_common::abi::NameValue;
use filter_common::bucket::{BUCKET_NAMES, Bucket, Place, SIEVE_BUCKETS};

use super::{Line, check_of, fits, set_of};
use crate::policy::table::NameMap;

/// Names that may be moved on to make room for one.
const MAX_MOVES: usize = 256;
/// Names from which on several threads share the work, and how many do at most.
const SHARED_FROM: u32 = 1 << 16;
const MAX_THREADS: usize = 8;
/// Names without a place that are looked at together.
const TOGETHER: usize = 64;
/// A place without a name.
const EMPTY: u32 = u32::MAX;

/// How many threads share so much work.
fn threads(numbers: u32) -> usize {
    let most = if numbers < SHARED_FROM { 1 } else { MAX_THREADS };
    thread::available_parallelism().map_or(1, NonZero::get).min(most)
}

pub(super) struct Builder<F> {
    name: F,
    count: u32,
    sieve: Vec<Line>,
    buckets: Vec<Bucket>,
    /// Numbers of the names in each bucket.
    numbers: Vec<[u32; BUCKET_NAMES]>,
    /// Which place the next name that is moved on has: goes round.
    turn: usize,
}

/// The buckets of one thread, from `start` on.
struct Share<'a> {
    start: u32,
    sieve: &'a mut [Line],
    buckets: &'a mut [Bucket],
    numbers: &'a mut [[u32; BUCKET_NAMES]],
}

impl Share<'_> {
    /// Tells the sieve of every name whose first bucket is here, and puts the listed ones into it while it has room; the
    /// numbers of the others.
    fn fill(&mut self, all: u32, count: u32, name: impl Fn(u32) -> Option<(u64, NameValue)>) -> Vec<u32> {
        let mut left = Vec::new();
        for number in 0..all {
            let Some((key, value)) = name(number) else { continue };
            let place = Place::new(key, check_of(value).into());
            let at = place.first(count).wrapping_sub(self.start) as usize;
            let (Some(bucket), Some(numbers)) = (self.buckets.get_mut(at), self.numbers.get_mut(at)) else {
                continue;
            };
            if let Some(word) = self.sieve.as_flattened_mut().get_mut(at) {
                *word |= place.sieve_bits(set_of(value) != 0, value >> 32 & 1 != 0);
            }
            if set_of(value) != 0 && !(fits(value) && put(bucket, numbers, place, value, number)) {
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
    (bucket.words[at], bucket.checks[at]) = place.entry(set_of(value));
    numbers[at] = number;
    true
}

impl<F: Fn(u32) -> Option<(u64, NameValue)> + Sync> Builder<F> {
    /// With `count` buckets, a multiple of [`SIEVE_BUCKETS`].
    pub(super) fn new(name: F, count: usize) -> Builder<F> {
        Builder {
            name,
            count: u32::try_from(count).unwrap_or(u32::MAX),
            sieve: vec![Line::default(); count / SIEVE_BUCKETS as usize],
            buckets: vec![Bucket::default(); count],
            numbers: vec![[EMPTY; BUCKET_NAMES]; count],
            turn: 0,
        }
    }

    /// The sieve, the buckets, and the listed names that are in none.
    pub(super) fn build(mut self, numbers: u32) -> (Vec<Line>, Vec<Bucket>, NameMap) {
        let mut rest = NameMap::default();
        for numbers in self.first_choices(numbers).chunks(TOGETHER) {
            self.look_ahead(numbers);
            for number in numbers {
                if !self.insert(*number) {
                    rest.extend((self.name)(*number));
                }
            }
        }
        (self.sieve, self.buckets, rest)
    }

    /// Gives every name its first bucket, as long as there is room; the numbers of the names without a place yet.
    fn first_choices(&mut self, all: u32) -> Vec<u32> {
        let (name, count) = (&self.name, self.count);
        let lines = self.sieve.len().div_ceil(threads(all)).max(1);
        let share = lines.saturating_mul(SIEVE_BUCKETS as usize);
        let shares = self.buckets.chunks_mut(share).zip(self.numbers.chunks_mut(share));
        let shares = shares.zip(self.sieve.chunks_mut(lines));
        let starts = (0..count).step_by(share);
        thread::scope(|scope| {
            let fills: Vec<_> = starts
                .zip(shares)
                .map(|(start, ((buckets, numbers), sieve))| {
                    let mut share = Share { start, sieve, buckets, numbers };
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
        Some((Place::new(key, check_of(value).into()), value))
    }

    fn put(&mut self, bucket: u32, number: u32) -> bool {
        let free = self.numbers.get(bucket as usize).and_then(|at| at.iter().position(|held| *held == EMPTY));
        free.is_some_and(|at| self.write(bucket, at, number))
    }

    /// Puts the name there, whatever is there. A bit of `elsewhere` stays when its name moves back to its first bucket:
    /// that costs a look at the second, and no answer.
    fn write(&mut self, bucket: u32, at: usize, number: u32) -> bool {
        let Some((place, value)) = self.place(number) else { return false };
        let index = bucket as usize;
        let (Some(to), Some(numbers)) = (self.buckets.get_mut(index), self.numbers.get_mut(index)) else {
            return false;
        };
        (to.words[at], to.checks[at]) = place.entry(set_of(value));
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
