//! XDP links and pins by bpf(2). aya's `Xdp::attach` falls back to netlink without a word when the kernel says EINVAL;
//! what it then attached has no pin, dies with nobody, and is left behind on error. So links are made here.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use aya_obj::generated::{bpf_attach_type, bpf_cmd, bpf_link_info, bpf_link_type};

use super::sys;

/// What the kernel says of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LinkState {
    /// Whether it is an XDP link.
    pub xdp: bool,
    /// The program's id.
    pub program: u32,
    /// The interface's index; 0 when the interface is gone.
    pub ifindex: u32,
}

/// Attaches the program to the interface by a new link (BPF_LINK_CREATE).
pub(super) fn create(program: BorrowedFd<'_>, ifindex: u32, flags: u32) -> io::Result<OwnedFd> {
    let mut attr = sys::attributes();
    attr.link_create.__bindgen_anon_1.prog_fd = sys::number(program);
    attr.link_create.__bindgen_anon_2.target_ifindex = ifindex;
    attr.link_create.attach_type = bpf_attach_type::BPF_XDP as u32;
    attr.link_create.flags = flags;
    // SAFETY: no addresses; the command returns a new descriptor.
    unsafe { sys::bpf_fd(bpf_cmd::BPF_LINK_CREATE, &mut attr) }
}

/// Puts the program in the place of the link's, between two packets (BPF_LINK_UPDATE).
pub(super) fn update(link: BorrowedFd<'_>, program: BorrowedFd<'_>) -> io::Result<()> {
    let mut attr = sys::attributes();
    attr.link_update.link_fd = sys::number(link);
    attr.link_update.__bindgen_anon_1.new_prog_fd = sys::number(program);
    // SAFETY: no addresses.
    unsafe { sys::bpf(bpf_cmd::BPF_LINK_UPDATE, &mut attr) }.map(drop)
}

/// Detaches the link from its interface whoever else holds it (BPF_LINK_DETACH).
pub(super) fn detach(link: BorrowedFd<'_>) -> io::Result<()> {
    let mut attr = sys::attributes();
    attr.link_detach.link_fd = sys::number(link);
    // SAFETY: no addresses.
    unsafe { sys::bpf(bpf_cmd::BPF_LINK_DETACH, &mut attr) }.map(drop)
}

/// What the link is and where.
pub(super) fn state(link: BorrowedFd<'_>) -> io::Result<LinkState> {
    // SAFETY: a structure and unions of integers, of which all zeros is a value.
    let mut info: bpf_link_info = unsafe { std::mem::zeroed() };
    let mut attr = sys::attributes();
    attr.info.bpf_fd = sys::number(link);
    attr.info.info_len = u32::try_from(size_of::<bpf_link_info>()).unwrap_or(0);
    attr.info.info = (&raw mut info).expose_provenance() as u64;
    // SAFETY: `info` has `info_len` octets and outlives the call, which writes no more than that.
    unsafe { sys::bpf(bpf_cmd::BPF_OBJ_GET_INFO_BY_FD, &mut attr)? };
    // SAFETY: an integer in every view of the union.
    let ifindex = unsafe { info.__bindgen_anon_1.xdp.ifindex };
    let xdp = info.type_ == bpf_link_type::BPF_LINK_TYPE_XDP as u32;
    Ok(LinkState { xdp, program: info.prog_id, ifindex })
}

/// Pins the object that the descriptor stands for.
pub(super) fn pin(fd: BorrowedFd<'_>, path: &Path) -> io::Result<()> {
    let path = sys::c_path(path)?;
    let mut attr = sys::attributes();
    attr.__bindgen_anon_4.pathname = path.as_ptr().expose_provenance() as u64;
    attr.__bindgen_anon_4.bpf_fd = sys::number(fd);
    // SAFETY: `path` is a C string that outlives the call, which only reads it.
    unsafe { sys::bpf(bpf_cmd::BPF_OBJ_PIN, &mut attr) }.map(drop)
}

/// A pinned link.
///
/// # Errors
/// The kernel's, or EINVAL when something else is pinned there.
pub(super) fn open(path: &Path) -> io::Result<(OwnedFd, LinkState)> {
    let path = sys::c_path(path)?;
    let mut attr = sys::attributes();
    attr.__bindgen_anon_4.pathname = path.as_ptr().expose_provenance() as u64;
    // SAFETY: as for `pin`; the command returns a new descriptor.
    let fd = unsafe { sys::bpf_fd(bpf_cmd::BPF_OBJ_GET, &mut attr)? };
    let state = state(fd.as_fd())?;
    if state.xdp { Ok((fd, state)) } else { Err(io::Error::from_raw_os_error(libc::EINVAL)) }
}
