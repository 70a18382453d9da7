//! The only place that reads or writes packet memory.
//!
//! The verifier accepts a variable offset when it is masked and added in one place that LLVM cannot take apart, and
//! when the bound is computed from that very pointer: both are written in assembly here (`born`), and only the
//! comparison with the packet's end is Rust.

use core::arch::asm;

use aya_ebpf::helpers::generated::bpf_xdp_get_buff_len;
use aya_ebpf::programs::XdpContext;
use filter_common::octets::MAX_OFFSET;
use filter_common::{Octets, OctetsMut, Scratch};

use crate::maps::Working;

/// The first buffer of a frame, and working memory beside it.
pub struct PacketView<'a> {
    context: &'a XdpContext,
    start: usize,
    end: usize,
    /// Octets of the frame: a number of which the verifier knows nothing.
    fog: u64,
    working: Working,
}

/// Octets of an Ethernet header: no frame is shorter.
const MIN_FRAME: usize = 14;

/// A pointer `offset` octets into memory of `MASK` + 1 octets.
#[inline(always)]
pub fn born<const MASK: usize>(base: usize, offset: usize) -> usize {
    let mut pointer = base;
    // SAFETY: arithmetic on two registers; the result is only used as the callers say.
    unsafe {
        asm!("{o} &= {m}", "{p} += {o}", p = inout(reg) pointer, o = inout(reg) offset => _, m = const MASK,
             options(pure, nomem, nostack));
    }
    pointer
}

/// The same number, of which the verifier knows nothing afterwards.
#[inline(always)]
pub fn settle(number: usize, fog: u64) -> usize {
    let mut number = number;
    // not `pure`, or LLVM would make one of two that are alike, and what the verifier learned of the first would stay
    // SAFETY: the same register twice exclusive-ored with the same number.
    unsafe {
        asm!("{n} ^= {f}", "{n} ^= {f}", n = inout(reg) number, f = in(reg) fog, options(nomem, nostack));
    }
    number
}

impl<'a> PacketView<'a> {
    /// The frame of this run, or `None` when it is shorter than an Ethernet header.
    #[inline(always)]
    pub fn new(context: &'a XdpContext, working: Working) -> Option<PacketView<'a>> {
        let (start, end) = (context.data(), context.data_end());
        if start + MIN_FRAME > end {
            return None;
        }
        // SAFETY: the frame has at least 14 octets.
        let fog = unsafe { *(start as *const u64) };
        Some(PacketView { context, start, end, fog, working })
    }

    /// Octets of the frame in all its buffers.
    #[inline(always)]
    pub fn length(&self) -> usize {
        // SAFETY: the helper only reads the context.
        unsafe { bpf_xdp_get_buff_len(self.context.ctx) as usize }
    }

    /// A pointer to a `T` at an offset, when the first buffer holds it whole.
    #[inline(always)]
    fn pointer<T>(&self, offset: usize) -> Option<usize> {
        let pointer = born::<MAX_OFFSET>(self.start, offset);
        let mut past = pointer;
        // LLVM would turn `p + 1 > end` into `p >= end`, from which the verifier learns nothing
        // SAFETY: arithmetic on a register.
        unsafe {
            asm!("{p} += {n}", p = inout(reg) past, n = const size_of::<T>(), options(pure, nomem, nostack));
        }
        if past > self.end { None } else { Some(pointer) }
    }

    #[inline(always)]
    fn read<T: Copy>(&self, base: usize, field: usize) -> Option<T> {
        let pointer = self.pointer::<T>(base.wrapping_add(field))?;
        // SAFETY: `pointer` checked that the packet holds a T there; BPF loads need no alignment on packet memory, and
        // `read_unaligned` would become one load an octet.
        Some(unsafe { *(pointer as *const T) })
    }

    #[inline(always)]
    fn write<T: Copy>(&self, base: usize, field: usize, value: T) -> Option<()> {
        let pointer = self.pointer::<T>(base.wrapping_add(field))?;
        // SAFETY: as for read; XDP may write its packet, and nothing else holds a reference into it.
        unsafe { *(pointer as *mut T) = value };
        Some(())
    }
}

impl Octets for PacketView<'_> {
    #[inline(always)]
    fn u8_at(&self, base: usize, field: usize) -> Option<u8> {
        self.read(base, field)
    }
    #[inline(always)]
    fn u16_at(&self, base: usize, field: usize) -> Option<u16> {
        self.read::<u16>(base, field).map(u16::from_be)
    }
    #[inline(always)]
    fn u32_at(&self, base: usize, field: usize) -> Option<u32> {
        self.read::<u32>(base, field).map(u32::from_le)
    }
    #[inline(always)]
    fn u64_at(&self, base: usize, field: usize) -> Option<u64> {
        self.read::<u64>(base, field).map(u64::from_le)
    }
    #[inline(always)]
    fn holds(&self, end: usize) -> bool {
        end <= self.end - self.start || end <= self.length()
    }
    #[inline(always)]
    fn is_multi_buffer(&self) -> bool {
        self.length() > self.end - self.start
    }
    #[inline(always)]
    fn settle(&self, number: usize) -> usize {
        settle(number, self.fog)
    }
}

impl OctetsMut for PacketView<'_> {
    #[inline(always)]
    fn set_u8(&self, base: usize, field: usize, value: u8) -> Option<()> {
        self.write(base, field, value)
    }
    #[inline(always)]
    fn set_u16(&self, base: usize, field: usize, value: u16) -> Option<()> {
        self.write(base, field, value.to_be())
    }
    #[inline(always)]
    fn set_u32(&self, base: usize, field: usize, value: u32) -> Option<()> {
        self.write(base, field, value.to_le())
    }
    #[inline(always)]
    fn set_u64(&self, base: usize, field: usize, value: u64) -> Option<()> {
        self.write(base, field, value.to_le())
    }
}

impl Scratch for PacketView<'_> {
    #[inline(always)]
    fn put(&self, slot: usize, value: u64) {
        self.working.put(slot, value);
    }
    #[inline(always)]
    fn get(&self, slot: usize) -> u64 {
        self.working.get(slot)
    }
}
