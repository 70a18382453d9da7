//! The names of a large policy: a sieve that says what may be listed, and buckets of one cache line that say what is.
//!
//! A bucket holds five listed names by 48 + 32 bits of their keyed hash, each with its set of rules. A name lies in one of
//! two buckets; its first bucket has, for 32 classes of names, a bit that says whether a name of the class lies in its
//! second. A lookup compares at most ten names by 80 bits each: a name that nobody listed is taken for a listed one with
//! probability below 10 * 2^-80, however many are listed.
//!
//! The sieve has a word of 64 bits for each bucket, with two bits for a name that is listed and two others for a name
//! that has listed ones below it (a Bloom filter of one word). The walk from the root stops where nothing is below, so
//! most names that are not listed cost two or three words of the sieve, which stays in the cache when the buckets do not,
//! and no bucket. When the sieve is wrong, as for one name in forty, a lookup is made in vain, and nothing else.

/// Names of a bucket.
pub const BUCKET_NAMES: usize = 5;
/// The highest set that a bucket can hold: 16 bits.
pub const BUCKET_MAX_SET: u32 = 0xffff;

/// Words in a line of a sieve.
pub const SIEVE_WORDS: u32 = 8;
/// Buckets for each line of a sieve. The number of buckets is a multiple of it.
pub const SIEVE_BUCKETS: u32 = SIEVE_WORDS;

/// A bucket: 64 octets, one cache line.
#[repr(C, align(64))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Bucket {
    /// 48 bits of a name's mixed key and 16 bits of its set; 0: no name.
    pub words: [u64; BUCKET_NAMES],
    /// The names' check bits.
    pub checks: [u32; BUCKET_NAMES],
    /// A bit for each class of names of which one lies in its second bucket.
    pub elsewhere: u32,
}

const _: () = assert!(size_of::<Bucket>() == 64);

/// Where a name may lie, and how it is known there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    mixed: u64,
    check: u64,
}

impl Place {
    /// Of a name by its key and check bits (32 of them). The key is mixed, for the sums it comes from are linear in the name.
    #[inline(always)]
    #[must_use]
    pub const fn new(key: u64, check: u64) -> Place {
        let product = key.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Place { mixed: product ^ product >> 32, check }
    }

    /// Its first bucket, of `buckets`.
    #[inline(always)]
    #[must_use]
    pub const fn first(self, buckets: u32) -> u32 {
        scale(self.mixed >> 32, buckets)
    }

    /// Its second bucket; it may be the first again.
    #[inline(always)]
    #[must_use]
    pub const fn second(self, buckets: u32) -> u32 {
        scale(self.mixed >> 8 & 0xffff_ffff, buckets)
    }

    /// The bit of its class in [`Bucket::elsewhere`].
    #[inline(always)]
    #[must_use]
    pub const fn class(self) -> u32 {
        1 << (self.mixed & 31)
    }

    /// Its word in a bucket, and its check bits. `set` must be from 1 to [`BUCKET_MAX_SET`]: a word of 0 would be no name.
    #[must_use]
    pub const fn entry(self, set: u32) -> (u64, u32) {
        (self.mixed << 16 | set as u64 & 0xffff, (self.check & 0xffff_ffff) as u32)
    }

    /// Whether the sieve's word of its first bucket allows that it is listed.
    #[inline(always)]
    #[must_use]
    pub const fn may_be_listed(self, word: u64) -> bool {
        word >> (self.mixed & 63) & word >> (self.mixed >> 6 & 63) & 1 != 0
    }

    /// 1 when that word allows that a name below it is listed, else 0.
    #[inline(always)]
    #[must_use]
    pub const fn may_be_deeper(self, word: u64) -> u64 {
        word >> (self.mixed >> 12 & 63) & word >> (self.mixed >> 18 & 63) & 1
    }

    /// Its bits in that word, listed and deeper.
    #[must_use]
    pub const fn sieve_bits(self, is_listed: bool, is_deeper: bool) -> u64 {
        let listed = 1 << (self.mixed & 63) | 1 << (self.mixed >> 6 & 63);
        let deeper = 1 << (self.mixed >> 12 & 63) | 1 << (self.mixed >> 18 & 63);
        (if is_listed { listed } else { 0 }) | (if is_deeper { deeper } else { 0 })
    }

    /// The name's set, 0 when it is not in the bucket. No branch, for the verifier would follow both ways of each.
    #[inline(always)]
    #[must_use]
    pub fn find(self, bucket: &Bucket) -> u64 {
        let wanted = self.mixed << 16;
        let mut found = 0u64;
        for (word, check) in bucket.words.iter().zip(&bucket.checks) {
            let differs = (word ^ wanted) >> 16 | (*check as u64 ^ self.check);
            // all ones when nothing differs: `differs` is below 2^48
            found |= word & (differs.wrapping_sub(1) >> 48);
        }
        found
    }
}

/// `number` (below 2^32) in proportion, as a number below `to`.
#[inline(always)]
const fn scale(number: u64, to: u32) -> u32 {
    (number.wrapping_mul(to as u64) >> 32) as u32
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec;

    use super::*;

    #[test]
    fn a_name_is_found_in_every_place_and_no_other_is() {
        for at in 0..BUCKET_NAMES {
            let place = Place::new(0x0123_4567_89ab_cdef, 0xdead_beef);
            let mut bucket = Bucket::default();
            let (word, check) = place.entry(BUCKET_MAX_SET);
            if let (Some(to), Some(to_check)) = (bucket.words.get_mut(at), bucket.checks.get_mut(at)) {
                (*to, *to_check) = (word, check);
            }
            assert_eq!(place.find(&bucket), u64::from(BUCKET_MAX_SET));
            for other in [(0x0123_4567_89ab_cdee, 0xdead_beef), (0x0123_4567_89ab_cdef, 0xdead_beee)] {
                assert_eq!(Place::new(other.0, other.1).find(&bucket), 0);
            }
            assert_eq!(place.find(&Bucket::default()), 0);
        }
    }

    #[test]
    fn an_empty_bucket_holds_no_name_even_when_all_bits_are_zero() {
        assert_eq!(Place::new(0, 0).find(&Bucket::default()), 0);
    }

    #[test]
    fn places_are_even() {
        for buckets in [1u32, 3, 1000, 209_716] {
            let mut first = vec![0u32; buckets as usize];
            let mut second = first.clone();
            for key in 0..buckets * 8 {
                let place = Place::new(u64::from(key) << 20, u64::from(key));
                for (counts, at) in [(&mut first, place.first(buckets)), (&mut second, place.second(buckets))]
                {
                    if let Some(count) = counts.get_mut(at as usize) {
                        *count = count.saturating_add(1);
                    }
                }
            }
            for counts in [first, second] {
                assert_eq!(counts.iter().sum::<u32>(), buckets * 8);
                assert!(counts.iter().all(|count| *count < 40), "{buckets} buckets");
            }
        }
    }
}
