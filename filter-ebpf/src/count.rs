//! Every exit is counted once, in one match of the verdict; a rule that applied has a counter of its own.

use filter_common::Hit;
use filter_common::abi::{Event, SETTING_EVENTS, Settings};
use filter_common::verdict::{EVENTS_LOST, Verdict};

use crate::maps;
use crate::packet::settle;

/// Counts a verdict and the rule it came from, and samples the rule into the ring buffer.
#[inline(always)]
pub fn record(ifindex: u32, verdict: Verdict, hit: Option<Hit>, generation: u64, settings: &Settings) {
    let counter = verdict.counter();
    maps::count(ifindex, counter);
    let Some(hit) = hit else { return };
    if settle(hit.hits as usize, generation) == 0 {
        return;
    }
    let Some(value) = maps::count_hit(hit.hits) else { return };
    if settings.flags & SETTING_EVENTS == 0 || value & u64::from(settings.sample_mask) != 0 {
        return;
    }
    let event = Event {
        generation,
        key: hit.key,
        region: hit.region,
        hits: hit.hits,
        ifindex,
        qtype: hit.qtype,
        counter: counter as u16,
    };
    if !maps::emit(&event) {
        maps::count(ifindex, EVENTS_LOST);
    }
}
