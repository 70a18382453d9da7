//! The tables of a generation: pages of 64-octet elements, which hold the base of the names and the region tree.

use aya_ebpf::bindings::BPF_F_MMAPABLE;
use aya_ebpf::btf_maps::{Array, ArrayOfMaps};
use aya_ebpf::macros::btf_map;
use filter_common::abi::{PAGE_ELEMENTS, PAGE_SHIFT};
use filter_common::bucket::{Bucket, Place, SIEVE_BUCKETS, SIEVE_WORDS};
use filter_common::region::{self, Line, Lines, ROOT_WORDS};

use crate::packet::{born, settle};

/// Slot -> page of the names of a policy when it was last built whole, in buckets. Frozen. The agent sets the size.
#[btf_map]
static NAMES: ArrayOfMaps<Page, 2> = ArrayOfMaps::new();
/// Slot -> page of a region tree. Frozen. The agent sets the size.
#[btf_map]
static REGIONS: ArrayOfMaps<Page, 2> = ArrayOfMaps::new();
/// Elements of a cache line, which the agent writes as memory. To the kernel an element is eight numbers: 6.1 takes the
/// agent's maps, which come without BTF, for unlike one whose BTF says that its value is a struct (`bpf_map_meta_equal`
/// compares `timer_off`, which then is another errno).
type Page = Array<[u64; 8], { PAGE_ELEMENTS as usize }, { BPF_F_MMAPABLE as usize }>;

/// What the base says of a name: the upper half of its value, 0 when nothing is listed at or below it.
#[inline(always)]
pub(super) fn listed(names: u32, buckets: u32, place: Place) -> u64 {
    let first = place.first(buckets);
    let Some(line) = element(&NAMES, names, first / SIEVE_WORDS) else { return 0 };
    let at = born::<{ size_of::<Line>() - 8 }>(line as usize, (first as usize) << 3);
    // SAFETY: the masked offset is that of a whole word of the element.
    let word = unsafe { *(at as *const u64) };
    let deeper = place.may_be_deeper(word);
    if !place.may_be_listed(word) {
        return deeper;
    }
    let bucket_at = |number: u32| bucket(names, (buckets / SIEVE_BUCKETS).wrapping_add(number));
    let Some(bucket) = bucket_at(first) else { return 0 };
    let fog = u64::from(buckets);
    let mut found = settle(place.find(bucket) as usize, fog);
    if found == 0 && bucket.elsewhere & place.class() != 0 {
        let second = bucket_at(place.second(buckets));
        found = second.map_or(0, |bucket| place.find(bucket)) as usize;
    }
    (settle(found, fog) as u64) << 1 | deeper
}

/// A bucket of the names whose first page is in this slot.
#[inline(always)]
fn bucket(first: u32, number: u32) -> Option<&'static Bucket> {
    let element = element(&NAMES, first, number)?;
    // SAFETY: a bucket is 64 octets that may have any value.
    Some(unsafe { &*element.cast() })
}

/// An element of the table whose first page is in this slot.
#[inline(always)]
fn element(pages: &'static ArrayOfMaps<Page, 2>, first: u32, number: u32) -> Option<*const [u64; 8]> {
    let element =
        pages.get_value(first.wrapping_add(number >> PAGE_SHIFT), &(number & (PAGE_ELEMENTS - 1)))?;
    Some(core::ptr::from_ref(element))
}

/// The region tree whose first page is in this slot.
pub(super) struct Tree(pub(super) u32);

impl Lines for Tree {
    #[inline(always)]
    fn root(&self, digit: u64) -> u32 {
        let Some(words) = element(&REGIONS, self.0, digit as u32 / ROOT_WORDS) else { return 0 };
        let at = born::<{ size_of::<Line>() - 4 }>(words as usize, (digit as usize) << 2);
        // SAFETY: the masked offset is that of a whole word of the element.
        unsafe { *(at as *const u32) }
    }

    #[inline(always)]
    fn word(&self, line: u32, digit: u64) -> u32 {
        let Some(element) = element(&REGIONS, self.0, line) else { return 0 };
        // SAFETY: a line is 64 octets that may have any value.
        let index = unsafe { &*element.cast::<Line>() }.index(digit);
        let at = born::<{ size_of::<Line>() - 4 }>(element as usize, index << 2);
        // SAFETY: as for `root`; a line begins with its words.
        unsafe { *(at as *const u32) }
    }
}

/// The `CLIENT_` word of an address. A function of its own, which the verifier follows once and not at every call.
#[unsafe(no_mangle)]
#[inline(never)]
pub(super) extern "C" fn client_word(first: u32, word: u32, high: u64, low: u64) -> u32 {
    region::client(&Tree(first), word, high, low)
}
