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

/// The first buffer of a frame, with working memory beside it (`M`) or without.
pub struct PacketView<'a, M> {
    context: &'a XdpContext,
    start: usize,
    end: usize,
    /// Octets of the frame: a number of which the verifier knows nothing.
    fog: u64,
    working: M,
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

/// Where a `T` at this pointer would end.
#[inline(always)]
fn past<T>(pointer: usize) -> usize {
    let mut past = pointer;
    // LLVM would turn `p + 1 > end` into `p >= end`, from which the verifier learns nothing
    // SAFETY: arithmetic on a register.
    unsafe {
        asm!("{p} += {n}", p = inout(reg) past, n = const size_of::<T>(), options(pure, nomem, nostack));
    }
    past
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

/// Twenty jumps to where the program goes on anyway, which the kernel takes out again (`opt_remove_nops`). The verifier
/// compares a path with those it has kept, and in a loop it keeps one only after twenty jumps or a hundred instructions
/// (`is_state_visited`).
#[inline(always)]
fn meet() {
    // SAFETY: nothing is done.
    unsafe { asm!(".rept 20", "goto +0", ".endr", options(nomem, nostack)) }
}

impl<'a, M> PacketView<'a, M> {
    /// The frame of this run, or `None` when it is shorter than an Ethernet header.
    #[inline(always)]
    pub fn new(context: &'a XdpContext, working: M) -> Option<PacketView<'a, M>> {
        let (start, end) = (context.data(), context.data_end());
        if start + MIN_FRAME > end {
            return None;
        }
        // SAFETY: the frame has at least 14 octets.
        let fog = unsafe { *(start as *const u64) };
        Some(PacketView { context, start, end, fog, working })
    }

    /// The same with working memory.
    #[inline(always)]
    pub fn with(self, working: Working) -> PacketView<'a, Working> {
        let PacketView { context, start, end, fog, working: _ } = self;
        PacketView { context, start, end, fog, working }
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
        if past::<T>(pointer) > self.end { None } else { Some(pointer) }
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

impl<M> Octets for PacketView<'_, M> {
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
    fn words_at<const N: usize>(&self, base: usize, field: usize) -> Option<[u32; N]> {
        self.read::<[u32; N]>(base, field)
    }
    type Cursor = usize;
    #[inline(always)]
    fn cursor(&self, base: usize) -> usize {
        born::<MAX_OFFSET>(self.start, base)
    }
    #[inline(always)]
    fn octet(&self, cursor: usize) -> Option<u8> {
        if past::<u8>(cursor) > self.end {
            return None;
        }
        // SAFETY: the octet lies before the packet's end, and the cursor not before its start.
        Some(unsafe { *(cursor as *const u8) })
    }
    #[inline(always)]
    fn step(&self, cursor: usize, by: usize) -> usize {
        let mut cursor = cursor;
        // the verifier knows how large a number an octet is, and so how far 128 of them lead: no mask is needed
        // SAFETY: arithmetic on registers.
        unsafe {
            asm!("{p} += {b}", "{p} += 1", p = inout(reg) cursor, b = in(reg) by, options(nomem, nostack))
        }
        cursor
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
    #[inline(always)]
    fn meet(&self) {
        meet();
    }
}

impl<M> OctetsMut for PacketView<'_, M> {
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

impl Scratch for PacketView<'_, Working> {
    #[inline(always)]
    fn put(&self, slot: usize, value: u64) {
        self.working.put(slot, value);
    }
    #[inline(always)]
    fn get(&self, slot: usize) -> u64 {
        self.working.get(slot)
    }
}
