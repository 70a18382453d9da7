//! Makes the frame as long as its answer.
//!
//! Behind the frame there may be no room (veth in driver mode gives a frame just its own octets), in front of it XDP
//! has 256 octets. When neither serves, the answer is cut to the frame.

use aya_ebpf::helpers::generated::{bpf_xdp_adjust_head, bpf_xdp_adjust_tail};
use aya_ebpf::programs::XdpContext;
use aya_log_ebpf::error;
use filter_common::answer::{self, MIN_MOVE, Plan};
use filter_common::verdict::ANSWERS_CUT;

use crate::maps::{self, MapAction, Working};
use crate::packet::PacketView;

/// Writes the planned answer. `None`: the frame is no longer the query, and must be dropped.
#[inline(always)]
pub fn respond(
    context: &XdpContext,
    working: Working,
    plan: Plan,
    length: usize,
    action: &MapAction,
) -> Option<()> {
    let plan = make(context, working, plan, length)?;
    let view = PacketView::new(context, working)?;
    answer::write(&view, &plan.settled(&view), action)
}

/// Gives the frame of `length` octets the plan's length, or a plan that fits.
#[inline(always)]
fn make(context: &XdpContext, working: Working, plan: Plan, length: usize) -> Option<Plan> {
    if adjust_tail(context, plan.length(), length) {
        return Some(plan);
    }
    let by = plan.length().wrapping_sub(length);
    let front = if by < MIN_MOVE { MIN_MOVE } else { by };
    // SAFETY: the helper changes the context; every pointer into the packet is made anew below.
    if unsafe { bpf_xdp_adjust_head(context.ctx, -(front as i32)) } == 0 {
        let view = PacketView::new(context, working)?;
        answer::forward(&view, plan.question, filter_common::Octets::settle(&view, front & 0xff))?;
        if front != by && !adjust_tail(context, plan.length(), length.wrapping_add(front)) {
            return None;
        }
        return Some(plan);
    }
    error!(context, "no room for an answer of {} octets in a frame of {}: cut", plan.length(), length);
    // SAFETY: a read of the context.
    maps::count(unsafe { (*context.ctx).ingress_ifindex }, ANSWERS_CUT);
    let plan = plan.cut(length);
    if adjust_tail(context, plan.length(), length) { Some(plan) } else { None }
}

/// Moves the frame's end; false when it could not be moved.
#[inline(always)]
fn adjust_tail(context: &XdpContext, to: usize, from: usize) -> bool {
    // SAFETY: the helper changes the context; no pointer into the packet is used afterwards.
    to == from || unsafe { bpf_xdp_adjust_tail(context.ctx, to.wrapping_sub(from) as i32) } == 0
}

/// Cuts the frame to `to` octets.
#[inline(always)]
pub fn cut(context: &XdpContext, to: usize, from: usize) -> Option<()> {
    adjust_tail(context, to, from).then_some(())
}
