//! The pause after a flip: packets in flight may still read the generation before, so nothing of it may be written or
//! freed until they are done. The pause runs on a thread of its own while the agent goes on; the next publish waits for
//! what is left of it.

use std::thread::{self, JoinHandle};

use super::error::KernelError;

/// A pause that may be running.
#[derive(Default)]
pub(super) struct Grace {
    running: Option<JoinHandle<Result<(), KernelError>>>,
    owed: bool,
}

impl Grace {
    /// Starts the pause: `pause` returns when no packet reads the old generation any more (and it has let go of what
    /// only the old one used).
    pub(super) fn start(&mut self, pause: impl FnOnce() -> Result<(), KernelError> + Send + 'static) {
        // without a thread the pause is owed, and the next publish makes it
        self.owed = true;
        self.running = thread::Builder::new().name("grace".to_owned()).spawn(pause).ok();
    }

    /// Waits for the pause to end; one that failed is made up for by `pause`.
    pub(super) fn wait(
        &mut self,
        pause: impl FnOnce() -> Result<(), KernelError>,
    ) -> Result<(), KernelError> {
        if !self.owed {
            return Ok(());
        }
        let ended = self.running.take().map(JoinHandle::join);
        if !matches!(ended, Some(Ok(Ok(())))) {
            pause()?;
        }
        self.owed = false;
        Ok(())
    }
}

impl Drop for Grace {
    fn drop(&mut self) {
        // nothing is left to protect, but a thread should not outlive what started it
        let _ended = self.running.take().map(JoinHandle::join);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    fn failure() -> Result<(), KernelError> {
        Err(KernelError::OtherKey)
    }

    #[test]
    fn waiting_waits() {
        let done = Arc::new(AtomicU32::new(0));
        let (mut grace, inside) = (Grace::default(), Arc::clone(&done));
        grace.start(move || {
            thread::sleep(Duration::from_millis(20));
            inside.store(1, Ordering::SeqCst);
            Ok(())
        });
        grace.wait(failure).unwrap();
        assert_eq!(done.load(Ordering::SeqCst), 1);
        grace.wait(failure).unwrap();
    }

    #[test]
    fn a_failed_pause_is_made_up_for() {
        let mut grace = Grace::default();
        grace.start(failure);
        grace.wait(failure).unwrap_err();
        grace.wait(|| Ok(())).unwrap();
        grace.wait(failure).unwrap();
    }
}
