//! On which processor this thread runs.

use anyhow::Context;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// The processors that a thread had before it was pinned.
#[must_use]
pub(super) struct Before(CpuSet);

/// Keeps this thread, and those that it starts from now on, on one processor; on the last one, when there are fewer.
///
/// # Errors
/// When the kernel refuses.
pub(super) fn pin(cpu: usize) -> anyhow::Result<Before> {
    let me = Pid::from_raw(0);
    let before = sched_getaffinity(me).context("read the processors of this thread")?;
    let mine = (0..=cpu).rev().find(|cpu| before.is_set(*cpu).unwrap_or(false)).unwrap_or(0);
    let mut one = CpuSet::new();
    one.set(mine)?;
    sched_setaffinity(me, &one).with_context(|| format!("keep this thread on processor {mine}"))?;
    Ok(Before(before))
}

impl Before {
    /// Lets the thread run where it could before.
    pub(super) fn restore(self) {
        sched_setaffinity(Pid::from_raw(0), &self.0).ok();
    }
}
