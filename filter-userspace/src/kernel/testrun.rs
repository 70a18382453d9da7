//! The loaded program on frames of our own, attached nowhere (BPF_PROG_TEST_RUN).
//!
//! The kernel runs it as if the frame had come in on the loopback interface. A frame beyond what one page holds becomes
//! a multi-buffer frame.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use aya_obj::generated::bpf_cmd;
use filter_common::abi::{COUNTERS, Event};
use filter_common::verdict::VERDICTS;

use super::counters::Meters;
use super::error::KernelError;
use super::events::Events;
use super::sys;

/// Octets of the shortest frame that the kernel runs: an Ethernet header.
pub const LEAST: usize = 14;
/// Octets by which a frame may grow: more than the longest answer adds.
const GROWTH: usize = 1024;

/// What one run did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestRun {
    /// The XDP action: 0 aborted, 1 drop, 2 pass, 3 transmit, 4 redirect.
    pub action: u32,
    /// The frame as the program left it.
    pub data: Vec<u8>,
}

/// Runs the program. Clones run the same one; runs may go on at once.
#[derive(Clone)]
pub struct Runner {
    program: Arc<OwnedFd>,
}

impl Runner {
    pub(super) fn new(program: OwnedFd) -> Runner {
        Runner { program: Arc::new(program) }
    }

    pub(super) fn program(&self) -> BorrowedFd<'_> {
        self.program.as_fd()
    }

    /// Runs the program on the frame once.
    ///
    /// # Errors
    /// When the frame is too short or too long for the kernel.
    pub fn run(&self, frame: &[u8]) -> Result<TestRun, KernelError> {
        let mut data = vec![0; frame.len().saturating_add(GROWTH)];
        let (action, size, _) = self.call(frame, &mut data, 1)?;
        data.truncate(size);
        Ok(TestRun { action, data })
    }

    /// Runs the program on the frame `times` times in a row; the mean time of a run, as the kernel measures it. The
    /// frame is put back before each run only as far as its length goes: what the program wrote stays.
    ///
    /// # Errors
    /// As for [`Runner::run`].
    pub fn time(&self, frame: &[u8], times: u32) -> Result<Duration, KernelError> {
        let mut data = vec![0; frame.len().saturating_add(GROWTH)];
        self.call(frame, &mut data, times).map(|(_, _, took)| took)
    }

    /// XDP action, octets of the frame that came out, mean time of a run.
    fn call(&self, frame: &[u8], out: &mut [u8], times: u32) -> Result<(u32, usize, Duration), KernelError> {
        if frame.len() < LEAST {
            return Err(KernelError::ShortFrame { octets: frame.len(), least: LEAST });
        }
        let size = |octets: usize| u32::try_from(octets).unwrap_or(u32::MAX);
        loop {
            let mut attr = sys::attributes();
            attr.test.prog_fd = sys::number(self.program.as_fd());
            attr.test.data_in = frame.as_ptr().expose_provenance() as u64;
            attr.test.data_size_in = size(frame.len());
            attr.test.data_out = out.as_mut_ptr().expose_provenance() as u64;
            attr.test.data_size_out = size(out.len());
            attr.test.repeat = times;
            // SAFETY: the kernel reads `data_size_in` octets of `frame` and writes at most `data_size_out` of `out`;
            // both outlive the call.
            match unsafe { sys::bpf(bpf_cmd::BPF_PROG_TEST_RUN, &mut attr) } {
                // a signal ends a long series of runs
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    let call = format!("running the program on a frame of {} octets", frame.len());
                    return Err(KernelError::Call { call, source: error });
                }
                Ok(_) => {}
            }
            // SAFETY: the command uses this view of the union, which holds integers only.
            let test = unsafe { attr.test };
            let took = Duration::from_nanos(u64::from(test.duration));
            return Ok((test.retval, usize::try_from(test.data_size_out).unwrap_or(0), took));
        }
    }
}

/// What the program did with one frame, as its counters tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// The XDP action.
    pub action: u32,
    /// The frame as the program left it.
    pub data: Vec<u8>,
    /// The verdicts' counters that moved, lowest first: one, and whatever is counted beside it.
    pub counters: Vec<usize>,
    /// The slot of HITS that moved.
    pub hits: Option<u32>,
    /// The hit as an event, when the settings sample every one.
    pub event: Option<Event>,
}

impl Observation {
    /// The counter of the frame's verdict.
    #[must_use]
    pub fn verdict(&self) -> Option<usize> {
        self.counters.iter().copied().find(|counter| *counter < VERDICTS)
    }
}

/// Runs frames one by one and says what moved. Nothing else may run the program meanwhile: neither another runner nor
/// an interface whose index is 1 modulo the number of banks.
pub struct Observer {
    runner: Runner,
    meters: Meters,
    events: Events,
    /// Every hit comes as an event, so that HITS need not be searched.
    sampled: bool,
    counters: [u64; COUNTERS],
    hits: Vec<u64>,
}

impl Observer {
    pub(super) fn new(
        runner: Runner,
        meters: Meters,
        mut events: Events,
        sampled: bool,
    ) -> Result<Observer, KernelError> {
        events.last();
        let counters = meters.test_run_counters()?;
        let hits = if sampled { Vec::new() } else { meters.hits()? };
        Ok(Observer { runner, meters, events, sampled, counters, hits })
    }

    /// Runs one frame.
    ///
    /// # Errors
    /// As for [`Runner::run`].
    pub fn observe(&mut self, frame: &[u8]) -> Result<Observation, KernelError> {
        let TestRun { action, data } = self.runner.run(frame)?;
        let after = self.meters.test_run_counters()?;
        let counters = moved(&self.counters, &after).collect();
        self.counters = after;
        let event = self.events.last();
        let hits = if self.sampled { event.map(|event| event.hits) } else { self.moved_hit()? };
        Ok(Observation { action, data, counters, hits, event })
    }

    fn moved_hit(&mut self) -> Result<Option<u32>, KernelError> {
        let after = self.meters.hits()?;
        self.hits.resize(after.len(), 0);
        let slot = moved(&self.hits, &after).next().and_then(|slot| u32::try_from(slot).ok());
        self.hits = after;
        Ok(slot)
    }
}

fn moved(before: &[u64], after: &[u64]) -> impl Iterator<Item = usize> {
    before
        .iter()
        .zip(after)
        .enumerate()
        .filter(|(_, (before, after))| before != after)
        .map(|(index, _)| index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moved_is_found() {
        assert_eq!(moved(&[1, 2, 3, 4], &[1, 3, 3, 5]).collect::<Vec<_>>(), [1, 3]);
    }
}
