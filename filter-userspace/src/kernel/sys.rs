//! bpf(2) itself, for the calls that aya 0.14 does not wrap. Nothing here knows what a map is for.

use std::ffi::CString;
use std::io;
use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use aya_obj::generated::{bpf_attr, bpf_cmd};

/// A zeroed attribute block. The kernel demands that what a command does not use is zero.
pub(super) fn attributes() -> bpf_attr {
    // SAFETY: a union of C structures of integers, of which all zeros is a value.
    unsafe { mem::zeroed() }
}

/// The file descriptor as bpf(2) wants it in its attributes.
pub(super) fn number(fd: BorrowedFd<'_>) -> u32 {
    fd.as_raw_fd().cast_unsigned()
}

/// Calls bpf(2).
///
/// # Safety
/// Every address in `attr` that `cmd` reads or writes must be valid for that, for as many octets as `attr` and the
/// objects it names say.
pub(super) unsafe fn bpf(cmd: bpf_cmd, attr: &mut bpf_attr) -> io::Result<i64> {
    let size = size_of::<bpf_attr>();
    // SAFETY: `attr` is a whole block of `size` octets that the kernel may read and write; the caller answers for the
    // addresses in it.
    let result = unsafe { libc::syscall(libc::SYS_bpf, cmd as libc::c_long, &raw mut *attr, size) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// Calls bpf(2) with a command that makes a file descriptor.
///
/// # Safety
/// As [`bpf`]; and `cmd` must be one that returns a new file descriptor.
pub(super) unsafe fn bpf_fd(cmd: bpf_cmd, attr: &mut bpf_attr) -> io::Result<OwnedFd> {
    // SAFETY: the caller's duty.
    let fd = unsafe { bpf(cmd, attr)? };
    let fd = RawFd::try_from(fd).map_err(|_| io::Error::from_raw_os_error(libc::EBADF))?;
    // SAFETY: the kernel has just made it for us and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// A path as C has it.
pub(super) fn c_path(path: &Path) -> io::Result<CString> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))
}

/// The kernel's release, as `uname -r` has it.
pub(super) fn release() -> String {
    std::fs::read_to_string("/proc/sys/kernel/osrelease")
        .map_or_else(|_| "unknown".to_owned(), |release| release.trim().to_owned())
}
