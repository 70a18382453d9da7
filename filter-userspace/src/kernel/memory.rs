//! The memory of an array map, written directly: a copy of a whole table costs less than one system call an element.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;

use aya::Pod;

/// The first octets of an array map that was made with BPF_F_MMAPABLE and whose elements are a multiple of eight octets long.
pub(super) struct Memory {
    start: *mut u8,
    length: usize,
}

impl Memory {
    /// Maps them, for writing.
    ///
    /// # Errors
    /// When the kernel does not map it: it is no such map, shorter, or frozen.
    pub(super) fn of(map: BorrowedFd<'_>, length: usize) -> io::Result<Memory> {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        // all pages at once: a fault for each costs as much as its copy
        let flags = libc::MAP_SHARED | libc::MAP_POPULATE;
        // SAFETY: a new mapping of the descriptor, at an address that the kernel chooses.
        let start = unsafe { libc::mmap(ptr::null_mut(), length, protection, flags, map.as_raw_fd(), 0) };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(Memory { start: start.cast(), length })
    }

    /// Copies `elements` to `at` octets from the start.
    ///
    /// # Errors
    /// When they do not fit.
    pub(super) fn copy<T: Pod>(&self, at: usize, elements: &[T]) -> io::Result<()> {
        let length = size_of_val(elements);
        if at.checked_add(length).is_none_or(|end| end > self.length) {
            return Err(io::Error::from_raw_os_error(libc::E2BIG));
        }
        // SAFETY: the octets lie within the mapping (checked above), and nothing else in this process knows of it.
        unsafe { ptr::copy_nonoverlapping(elements.as_ptr().cast::<u8>(), self.start.add(at), length) };
        Ok(())
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: the mapping made by `of`, once.
        let unmapped = unsafe { libc::munmap(self.start.cast(), self.length) };
        debug_assert_eq!(unmapped, 0, "the mapping is ours");
    }
}
