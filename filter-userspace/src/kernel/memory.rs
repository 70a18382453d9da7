//! The memory of an array map, written directly: a copy of a whole table costs less than one system call an element.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;

use aya::Pod;

/// Copies `elements` to the start of an array map that was made with BPF_F_MMAPABLE and whose elements are `T`s, a
/// multiple of eight octets long.
///
/// # Errors
/// When the kernel does not map it: it is no such map, shorter, or frozen.
pub(super) fn copy<T: Pod>(map: BorrowedFd<'_>, elements: &[T]) -> io::Result<()> {
    let length = size_of_val(elements);
    if length == 0 || !size_of::<T>().is_multiple_of(8) {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    }
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a new mapping of the descriptor, at an address that the kernel chooses.
    let memory =
        unsafe { libc::mmap(ptr::null_mut(), length, protection, libc::MAP_SHARED, map.as_raw_fd(), 0) };
    if memory == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel maps no more than the array has, rounded up to pages; `length` octets were asked for and given,
    // and nothing else in this process knows of them.
    unsafe { ptr::copy_nonoverlapping(elements.as_ptr().cast::<u8>(), memory.cast::<u8>(), length) };
    // SAFETY: the mapping made above, once.
    if unsafe { libc::munmap(memory, length) } == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
