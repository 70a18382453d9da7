//! Lends the filter a packet, counts its verdict and carries it out. It decides nothing.
//!
//! Everything is inlined into one program: [`run`] is the product's, and the benchmark's measures the same code.
#![no_std]
#![feature(asm_experimental_arch)]

mod count;
pub mod maps;
pub mod packet;
mod room;

use aya_ebpf::bindings::xdp_action::{XDP_DROP, XDP_PASS, XDP_TX};
use aya_ebpf::programs::XdpContext;
use filter_common::abi::Settings;
use filter_common::filter::{Located, judge, locate};
use filter_common::{DropReason, Match, Outcome, PassReason, Policy, Verdict, answer};

use crate::maps::{MapPolicy, MapServices, Working};
use crate::packet::PacketView;

/// One packet, from its arrival to the XDP action. What is not DNS is done with before a policy is looked at.
#[inline(always)]
pub fn run(context: &XdpContext) -> u32 {
    let settings = &maps::settings();
    // SAFETY: a read of the context.
    let ifindex = unsafe { (*context.ctx).ingress_ifindex };
    let pass = |reason| {
        count::record(ifindex, Verdict::Pass(reason), None, 0, settings);
        XDP_PASS
    };
    let Some(view) = PacketView::new(context, ()) else { return pass(PassReason::Truncated) };
    let located = match locate(&view, &MapServices, settings) {
        Located::Passed(reason) => return pass(reason),
        Located::Judge(located) => located,
    };
    let Some(working) = Working::new() else { return XDP_PASS };
    let view = view.with(working);
    let Some(policy) = MapPolicy::in_force() else { return pass(PassReason::NoPolicy) };
    let number = policy.generation().number;
    match judge(&view, &policy, settings, located) {
        Outcome::Unmatched(verdict) => {
            count::record(ifindex, verdict, None, number, settings);
            if let Verdict::Drop(_) = verdict { XDP_DROP } else { XDP_PASS }
        }
        Outcome::Matched(matched) => {
            let (verdict, action) = carry_out(context, &view, working, &policy, settings, &matched);
            count::record(ifindex, verdict, Some(matched.hit), number, settings);
            action
        }
    }
}

/// Does what the verdict says, and says what was done: a write that fails half-way is a drop.
#[inline(always)]
fn carry_out(
    context: &XdpContext,
    view: &PacketView<Working>,
    working: Working,
    policy: &MapPolicy,
    settings: &Settings,
    matched: &Match,
) -> (Verdict, u32) {
    let done = match matched.verdict {
        Verdict::Pass(_) => return (matched.verdict, XDP_PASS),
        Verdict::Drop(_) => return (matched.verdict, XDP_DROP),
        Verdict::Answer(number) => policy
            .action(number)
            .and_then(|action| Some((answer::plan(view, &matched.query, &action, settings)?, action)))
            .and_then(|(plan, action)| room::respond(context, working, plan, view.length(), &action))
            .map(|()| XDP_TX),
        Verdict::Reset => answer::reset(view, &matched.query)
            .and_then(|length| room::cut(context, length, view.length()))
            .map(|()| XDP_PASS),
    };
    match done {
        Some(action) => (matched.verdict, action),
        None => (Verdict::Drop(DropReason::WriteFailed), XDP_DROP),
    }
}
