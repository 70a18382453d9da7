//! An array map in two banks, one for each generation: the idle one is brought up to date by writing what differs.

use std::os::fd::AsFd;

use aya::Pod;
use aya::maps::MapData;

use super::batch;
use super::error::KernelError;

/// Rows of `T`: bank 0 starts at 0, bank 1 at `size`.
pub(super) struct Banks<T> {
    name: &'static str,
    map: MapData,
    size: u32,
    /// What each bank holds, as far as it was ever written; `None`: not known, after a write that failed.
    held: [Option<Vec<T>>; 2],
}

impl<T: Pod + PartialEq> Banks<T> {
    pub(super) fn new(name: &'static str, map: MapData, size: u32) -> Banks<T> {
        Banks { name, map, size, held: [Some(Vec::new()), Some(Vec::new())] }
    }

    pub(super) fn map(&self) -> &MapData {
        &self.map
    }

    /// Index of the bank's first row.
    pub(super) fn start(&self, bank: usize) -> u32 {
        if bank == 0 { 0 } else { self.size }
    }

    /// Makes the bank begin with `rows`. What is behind them is never looked at.
    pub(super) fn write(&mut self, bank: usize, rows: &[T]) -> Result<(), KernelError> {
        let start = self.start(bank);
        let Some(place) = self.held.get_mut(bank) else { return Ok(()) };
        let mut held = place.take().unwrap_or_default();
        let (keys, values) = differing(start, &held, rows);
        batch::update(self.map.fd().as_fd(), &keys, &values).map_err(KernelError::call(format!(
            "writing {} rows of {}",
            keys.len(),
            self.name
        )))?;
        let known = held.len().min(rows.len());
        held.splice(..known, rows.iter().copied());
        *place = Some(held);
        Ok(())
    }
}

/// The rows that are not held yet, with their indices.
fn differing<T: Pod + PartialEq>(start: u32, held: &[T], rows: &[T]) -> (Vec<u32>, Vec<T>) {
    let changed = rows.iter().enumerate().filter(|(row, value)| held.get(*row) != Some(value));
    changed.map(|(row, value)| (start.saturating_add(u32::try_from(row).unwrap_or(u32::MAX)), *value)).unzip()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_written() {
        assert_eq!(differing(100, &[1u32, 2, 3], &[1, 5, 3, 4]), (vec![101, 103], vec![5, 4]));
        assert_eq!(differing(0, &[], &[7u32]), (vec![0], vec![7]));
        assert_eq!(differing(0, &[7u32, 8], &[7]), (vec![], vec![]));
    }
}
