//! Runs a frame through both sides of the kernel boundary: the filter on the host, and the XDP program by test-run.

mod host;
mod kernel;

pub use host::{FIRST_BUFFER, Host};
pub use kernel::Kernel;

use filter_common::verdict::{ANSWERED, ANSWERS_CUT, EVENTS_LOST, RESET};
use filter_common::{DropReason, PassReason};

use crate::hex;

/// XDP action: dropped.
pub const XDP_DROP: u32 = 1;
/// XDP action: to the network stack.
pub const XDP_PASS: u32 = 2;
/// XDP action: back out of the interface.
pub const XDP_TX: u32 = 3;

/// What came of a frame.
#[derive(Clone, PartialEq, Eq)]
pub struct Ran {
    /// The XDP action.
    pub action: u32,
    /// The counter of the verdict.
    pub counter: usize,
    /// The counter of the rule in `HITS`; 0: none moved.
    pub hits: u32,
    /// The frame afterwards.
    pub frame: Vec<u8>,
}

impl std::fmt::Debug for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let action = match self.action {
            XDP_DROP => "drop",
            XDP_PASS => "pass",
            XDP_TX => "tx",
            _ => "?",
        };
        write!(f, "{action} {} hits {} {}", counter_name(self.counter), self.hits, hex::show(&self.frame))
    }
}

/// What a counter counts, for people.
#[must_use]
pub fn counter_name(counter: usize) -> String {
    let passes = PassReason::ALL.iter().map(|reason| (reason.counter(), format!("pass {}", reason.label())));
    let drops = DropReason::ALL.iter().map(|reason| (reason.counter(), format!("drop {}", reason.label())));
    let others =
        [(ANSWERED, "answer"), (RESET, "reset"), (ANSWERS_CUT, "answers cut"), (EVENTS_LOST, "events lost")];
    let others = others.map(|(counter, name)| (counter, name.to_owned()));
    let mut all = passes.chain(drops).chain(others);
    all.find(|(known, _)| *known == counter).map_or_else(|| format!("counter {counter}"), |(_, name)| name)
}
