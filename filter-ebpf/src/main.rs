//! The XDP program: lends the filter a packet, counts its verdict and carries it out. It decides nothing.
#![no_std]
#![no_main]
#![feature(asm_experimental_arch)]

mod count;
mod maps;
mod packet;
mod room;

use aya_ebpf::bindings::xdp_action::{XDP_DROP, XDP_PASS, XDP_TX};
use aya_ebpf::macros::xdp;
use aya_ebpf::programs::XdpContext;
use filter_common::abi::Settings;
use filter_common::{DropReason, Hit, Outcome, PassReason, Policy, Verdict, answer, filter};

use crate::maps::{MapPolicy, Working};
use crate::packet::PacketView;

#[xdp(frags)]
pub fn interdict(context: XdpContext) -> u32 {
    let settings = maps::settings();
    // SAFETY: a read of the context.
    let ifindex = unsafe { (*context.ctx).ingress_ifindex };
    let Some(working) = Working::new() else { return XDP_PASS };
    let Some(policy) = MapPolicy::in_force() else {
        count::record(ifindex, Verdict::Pass(PassReason::NoPolicy), &Hit::default(), 0, &settings);
        return XDP_PASS;
    };
    let Some(view) = PacketView::new(&context, working) else {
        count::record(ifindex, Verdict::Pass(PassReason::Truncated), &Hit::default(), 0, &settings);
        return XDP_PASS;
    };
    let outcome = filter(&view, &policy, &settings);
    let (verdict, action) = carry_out(&context, &view, working, &policy, &settings, &outcome);
    count::record(ifindex, verdict, &outcome.hit, policy.generation().number, &settings);
    action
}

/// Does what the verdict says, and says what was done: a write that fails half-way is a drop.
#[inline(always)]
fn carry_out(
    context: &XdpContext,
    view: &PacketView,
    working: Working,
    policy: &MapPolicy,
    settings: &Settings,
    outcome: &Outcome,
) -> (Verdict, u32) {
    const FAILED: (Verdict, u32) = (Verdict::Drop(DropReason::WriteFailed), XDP_DROP);
    match outcome.verdict {
        Verdict::Pass(reason) => (Verdict::Pass(reason), XDP_PASS),
        Verdict::Drop(reason) => (Verdict::Drop(reason), XDP_DROP),
        Verdict::Answer(number) => {
            let Some(action) = policy.action(number) else { return FAILED };
            let Some(plan) = answer::plan(view, &outcome.query, &action, settings) else { return FAILED };
            match room::respond(context, working, plan, view.length(), &action) {
                Some(()) => (outcome.verdict, XDP_TX),
                None => FAILED,
            }
        }
        Verdict::Reset => match answer::reset(view, &outcome.query).and_then(|to| room::cut(context, to, view.length())) {
            Some(()) => (Verdict::Reset, XDP_PASS),
            None => FAILED,
        },
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 4] = *b"GPL\0";
