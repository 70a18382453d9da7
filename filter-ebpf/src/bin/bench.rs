//! The benchmark's program, never attached: puts a frame of a pool into the packet, another one each run, and then does
//! as much as the settings say. `cargo xtask bench` takes the time of each way and subtracts.
//!
//! Test-run gives one packet for all its runs, and an answer would leave no query behind: hence the pool.
#![no_std]
#![no_main]

use aya_ebpf::bindings::xdp_action::{XDP_ABORTED, XDP_PASS, XDP_TX};
use aya_ebpf::helpers::generated::bpf_xdp_adjust_tail;
use aya_ebpf::macros::{map, xdp};
use aya_ebpf::maps::Array;
use aya_ebpf::programs::XdpContext;
use filter_common::abi::{
    BENCH_CEILING, BENCH_CONTROL, BENCH_DIRECT, BENCH_EMPTY, BENCH_FILTER, BENCH_LOOKUP, BENCH_SHIFT,
};
use filter_common::policy::Policy;
use filter_common::{Octets, OctetsMut};
use filter_ebpf::maps::{self, MapPolicy, Working};
use filter_ebpf::packet::{PacketView, born};

/// Octets of the longest frame in the pool; its length follows.
const FRAME: usize = 512;

/// Number -> frame. Written by the benchmark, which also sets the size: a power of two.
#[map]
static POOL: Array<[u8; FRAME + 8]> = Array::with_max_entries(1, 0);
/// 0 -> the run's number, 1 -> frames of the pool less one, 2 -> always 0.
#[map]
static RUN: Array<u64> = Array::with_max_entries(3, 0);

#[xdp(frags)]
#[inline(always)]
pub fn interdict(context: XdpContext) -> u32 {
    let way = maps::settings().flags >> BENCH_SHIFT;
    if way == BENCH_EMPTY {
        return XDP_PASS;
    }
    if way == BENCH_CEILING {
        return turn_round(&context).unwrap_or(XDP_PASS);
    }
    let mut number = 0;
    if way != BENCH_DIRECT {
        number = match next() {
            Some(number) if put(&context, number).is_some() => number,
            _ => return XDP_ABORTED,
        };
    }
    match way {
        BENCH_CONTROL => XDP_PASS,
        BENCH_LOOKUP => lookup(number),
        BENCH_FILTER | BENCH_DIRECT => filter_ebpf::run(&context),
        _ => XDP_ABORTED,
    }
}

/// Makes a response of a query in IPv4 and UDP without looking into it; `None` for other packets.
#[inline(always)]
fn turn_round(context: &XdpContext) -> Option<u32> {
    let view = PacketView::new(context, Working::new()?)?;
    let is_ours =
        view.u16_at(0, 12)? == 0x0800 && view.u16_at(0, 22)? & 0xff == 17 && view.u16_at(0, 36)? == 53;
    if !is_ours {
        return None;
    }
    let (to, to_end) = (view.u32_at(0, 0)?, view.u16_at(0, 4)?);
    let (from, from_end) = (view.u32_at(0, 6)?, view.u16_at(0, 10)?);
    view.set_u32(0, 0, from)?;
    view.set_u16(0, 4, from_end)?;
    view.set_u32(0, 6, to)?;
    view.set_u16(0, 10, to_end)?;
    let (client, server) = (view.u32_at(0, 26)?, view.u32_at(0, 30)?);
    view.set_u32(0, 26, server)?;
    view.set_u32(0, 30, client)?;
    let port = view.u16_at(0, 34)?;
    view.set_u16(0, 34, 53)?;
    view.set_u16(0, 36, port)?;
    // no checksum, as IPv4 allows
    view.set_u16(0, 40, 0)?;
    view.set_u16(0, 44, view.u16_at(0, 44)? | 0x8000)?;
    Some(XDP_TX)
}

/// The next frame's number: a step that visits every frame of the pool, far from the one before.
#[inline(always)]
fn next() -> Option<u32> {
    let run = RUN.get_ptr_mut(0)?;
    let mask = *RUN.get(1)?;
    // SAFETY: a pointer into the map; one run goes on at a time.
    let number = unsafe {
        *run = (*run).wrapping_add(0x9e37_79b9);
        *run
    };
    Some((number & mask) as u32)
}

/// Writes a frame of the pool over the packet.
#[inline(always)]
fn put(context: &XdpContext, number: u32) -> Option<()> {
    let frame = POOL.get_ptr(number)? as usize;
    // SAFETY: within the element.
    let length = unsafe { *((frame + FRAME) as *const u64) } as usize;
    let working = Working::new()?;
    let present = PacketView::new(context, working)?.length();
    // SAFETY: the helper changes the context; the view is made anew.
    if present != length
        && unsafe { bpf_xdp_adjust_tail(context.ctx, length.wrapping_sub(present) as i32) } != 0
    {
        return None;
    }
    let view = PacketView::new(context, working)?;
    let (mut at, mut all) = (0usize, 0u64);
    for _ in 0..FRAME / 8 {
        if at + 8 > length {
            break;
        }
        all ^= word(frame, at);
        view.set_u64(at, 0, word(frame, at))?;
        at = view.settle(at + 8);
    }
    let last = length.wrapping_sub(8);
    view.set_u64(last, 0, word(frame, last))?;
    wait_for(all)
}

/// Makes the next run wait until this one's frame is there: what the pool costs is then in the control too, and what the
/// filter costs begins with a packet in the nearest cache.
#[inline(always)]
fn wait_for(all: u64) -> Option<()> {
    let zero = *RUN.get(2)?;
    // SAFETY: a pointer into the map; one run goes on at a time.
    unsafe { *RUN.get_ptr_mut(0)? += all & zero };
    Some(())
}

#[inline(always)]
fn word(frame: usize, at: usize) -> u64 {
    // SAFETY: 511 + 8 octets are within the element.
    unsafe { *(born::<{ FRAME - 1 }>(frame, at) as *const u64) }
}

/// One lookup of a name that is not listed, as a floor.
#[inline(always)]
fn lookup(number: u32) -> u32 {
    let Some(policy) = MapPolicy::in_force() else { return XDP_ABORTED };
    let key = u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    if policy.name(key, 0) == 0 { XDP_PASS } else { XDP_ABORTED }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 4] = *b"GPL\0";
