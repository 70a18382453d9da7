//! The filter on the host, with the program's part (what a verdict becomes) done by `filter_common::host`.

use filter_common::filter::{Located, locate};
use filter_common::host::{self, Frame, Room};
use filter_common::{Outcome, PassReason, Verdict};

use interdict::policy::HostServices;

use super::{Ran, XDP_DROP, XDP_PASS, XDP_TX};
use crate::policy::Compiled;
use crate::scenario::Settings;

/// Octets of the first buffer of a frame in a test-run: a page less XDP's headroom and `skb_shared_info`.
pub const FIRST_BUFFER: usize = 4096 - 256 - 320;

/// The host's side of a run.
pub struct Host<'a> {
    policy: &'a Compiled,
    settings: Settings,
}

impl<'a> Host<'a> {
    /// The filter with this policy.
    #[must_use]
    pub fn new(settings: &Settings, policy: &'a Compiled) -> Host<'a> {
        Host { policy, settings: settings.clone() }
    }

    /// Runs a frame, with room for a longer answer behind it as test-run has.
    #[must_use]
    pub fn run(&self, frame: &[u8]) -> Ran {
        self.run_with(frame, Room::Tail)
    }

    /// Runs a frame, with room for a longer answer where it is said to be.
    #[must_use]
    pub fn run_with(&self, frame: &[u8], room: Room) -> Ran {
        let Some(policy) = self.policy.host(&self.settings.services) else {
            let services = HostServices::new(&self.settings.services);
            let in_buffers = Frame::in_buffers(frame, FIRST_BUFFER);
            let reason = match locate(&in_buffers, &services, &self.settings.abi()) {
                Located::Passed(reason) => reason,
                Located::Judge(_) => PassReason::NoPolicy,
            };
            let verdict = Verdict::Pass(reason);
            return Ran { action: XDP_PASS, counter: verdict.counter(), hits: 0, frame: frame.to_vec() };
        };
        let actions = self.policy.actions();
        let in_buffers = Frame::in_buffers(frame, FIRST_BUFFER);
        let run = host::run_frame(in_buffers, &policy, actions, &self.settings.abi(), room);
        let action = match run.verdict {
            Verdict::Pass(_) | Verdict::Reset => XDP_PASS,
            Verdict::Drop(_) => XDP_DROP,
            Verdict::Answer(_) => XDP_TX,
        };
        Ran { action, counter: run.verdict.counter(), hits: hits(&run.outcome), frame: run.octets }
    }
}

/// The counter of the rule that applied; 0: none did.
fn hits(outcome: &Outcome) -> u32 {
    match outcome {
        Outcome::Unmatched(_) => 0,
        Outcome::Matched(matched) => matched.hit.hits,
    }
}
