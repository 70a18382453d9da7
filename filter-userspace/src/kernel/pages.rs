//! Tables of 64-octet elements in the kernel: pages of one size, made, filled and frozen, and the slots that lead to them.
//!
//! An outer map has room for two tables, so that one can be made while the other is in force.

use std::num::NonZero;
use std::os::fd::AsFd;
use std::panic::resume_unwind;
use std::thread;

use aya::Pod;
use aya::maps::MapData;
use aya_obj::generated::bpf_map_type::BPF_MAP_TYPE_ARRAY;
use filter_common::abi::PAGE_ELEMENTS;

use super::error::KernelError;
use super::inner::create;
use super::memory::Memory;
use super::outer::Slots;
use super::{batch, facts};

/// Octets of an element.
const ELEMENT: usize = 64;
/// How many wait for the kernel at once: each update of an outer map waits for a grace period, and those that wait at
/// once wait for the same one.
const WAITING: usize = 32;

/// An outer map with room for two tables.
pub(super) struct Tables {
    pub slots: Slots,
    /// Slots of one table.
    room: u32,
    flags: u32,
}

/// A table in its slots.
#[derive(Clone, Copy)]
pub(super) struct Table {
    first: u32,
    pages: u32,
    /// Octets that the kernel accounts to its pages.
    pub memory: u64,
}

/// Pages of so many elements.
pub(super) fn pages(elements: u64) -> u32 {
    u32::try_from(elements.div_ceil(PAGE_ELEMENTS.into())).unwrap_or(u32::MAX).max(1)
}

impl Tables {
    /// In an outer map of `2 * room` slots.
    pub(super) fn new(slots: Slots, room: u32, flags: u32) -> Tables {
        Tables { slots, room, flags }
    }

    /// The first slot of one of the two tables.
    pub(super) fn first(&self, side: usize) -> u32 {
        if side == 0 { 0 } else { self.room }
    }

    /// Makes one of the two tables, which no generation in force uses, of one run of elements after another. It must have
    /// room: the limits see to that.
    pub(super) fn put<A: Pod + Sync, B: Pod + Sync>(
        &self,
        side: usize,
        one: &[A],
        other: &[B],
    ) -> Result<Table, KernelError> {
        let chunks = chunks(one, other);
        let name = self.slots.name.to_ascii_lowercase();
        let most = thread::available_parallelism().map_or(1, NonZero::get);
        let pages = in_threads(&chunks, most, |(one, other)| page(&name, one, other, self.flags))?;
        let first = self.first(side);
        let numbered: Vec<(u32, &MapData)> = (first..).zip(&pages).collect();
        in_threads(&numbered, WAITING, |(slot, page)| self.slots.set(*slot, page))?;
        Ok(Table {
            first,
            pages: u32::try_from(pages.len()).unwrap_or(u32::MAX),
            memory: pages.iter().map(|page| facts::memory(page.fd().as_fd())).sum(),
        })
    }

    /// Empties the slots of a table that no generation in force uses.
    pub(super) fn clear(&self, table: Table) -> Result<(), KernelError> {
        let slots: Vec<u32> = (table.first..table.first.saturating_add(table.pages)).collect();
        in_threads(&slots, WAITING, |slot| self.slots.clear(*slot)).map(drop)
    }
}

/// What the pages of two runs of elements hold.
fn chunks<'a, A, B>(one: &'a [A], other: &'a [B]) -> Vec<(&'a [A], &'a [B])> {
    let (page, before) = (PAGE_ELEMENTS as usize, one.len());
    let chunk = |start: usize| {
        let end = start.saturating_add(page);
        let one = one.get(start.min(before)..end.min(before));
        let (start, end) = (start.saturating_sub(before), end.saturating_sub(before).min(other.len()));
        (one.unwrap_or_default(), other.get(start..end).unwrap_or_default())
    };
    (0..before.saturating_add(other.len())).step_by(page).map(chunk).collect()
}

/// A frozen page that begins with these elements.
fn page<A: Pod, B: Pod>(name: &str, one: &[A], other: &[B], flags: u32) -> Result<MapData, KernelError> {
    let page = create(name, BPF_MAP_TYPE_ARRAY, size_of::<u32>(), ELEMENT, PAGE_ELEMENTS as usize, flags)?;
    let (length, all) = (size_of_val(one), size_of_val(one).saturating_add(size_of_val(other)));
    let filled = Memory::of(page.fd().as_fd(), all)
        .and_then(|memory| memory.copy(0, one).and_then(|()| memory.copy(length, other)));
    filled.map_err(KernelError::call(format!("filling a page of {name} with {all} octets")))?;
    batch::freeze(page.fd().as_fd()).map_err(KernelError::call(format!("freezing a page of {name}")))?;
    Ok(page)
}

/// Does the work for all of them, at most so many at once, and gives the results in order, or the first failure.
fn in_threads<T, R, W>(all: &[T], most: usize, work: W) -> Result<Vec<R>, KernelError>
where
    T: Sync,
    R: Send,
    W: Fn(&T) -> Result<R, KernelError> + Sync,
{
    let share = |share: &[T]| share.iter().map(&work).collect::<Result<Vec<R>, KernelError>>();
    let shares: Vec<&[T]> = all.chunks(all.len().div_ceil(most.max(1)).max(1)).collect();
    let Some((last, others)) = shares.split_last() else { return Ok(Vec::new()) };
    let done: Vec<_> = thread::scope(|scope| {
        let mut running = Vec::with_capacity(others.len());
        for other in others.iter().copied() {
            // what no thread can be had for is done here
            running.push(thread::Builder::new().spawn_scoped(scope, move || share(other)).map_err(|_| other));
        }
        let last = share(last);
        let ended = running.into_iter().map(|one| match one {
            Ok(one) => one.join().unwrap_or_else(|panic| resume_unwind(panic)),
            Err(other) => share(other),
        });
        ended.chain([last]).collect()
    });
    Ok(done.into_iter().collect::<Result<Vec<Vec<R>>, KernelError>>()?.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_has_its_page() {
        let page = PAGE_ELEMENTS as usize;
        for (one, other) in
            [(0, 1), (1, 0), (1, page - 1), (1, page), (page, 1), (page + 3, 2 * page), (2 * page, 0)]
        {
            let (ones, others) = (vec![1u8; one], vec![2u8; other]);
            let chunks = chunks(&ones, &others);
            assert_eq!(chunks.len(), (one + other).div_ceil(page));
            let (last, full) = chunks.split_last().expect("a page");
            assert!(full.iter().all(|(one, other)| one.len() + other.len() == page));
            assert!(last.0.len() + last.1.len() <= page);
            let joined: Vec<u8> = chunks.iter().flat_map(|(one, other)| [*one, *other].concat()).collect();
            assert_eq!(joined, [ones.clone(), others.clone()].concat());
        }
    }
}
