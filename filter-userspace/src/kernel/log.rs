//! The program's own log lines (a tail that cannot be resized, say) into the agent's log.
//!
//! aya-log writes to the `log` crate; the agent's subscriber takes that in (tracing-subscriber's `tracing-log`), so that
//! the lines come out as tracing events. The subscriber must be in place before the object is loaded.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use aya::Ebpf;
use aya_log::EbpfLogger;

use super::error::KernelError;

/// The program's log lines, when the object can log at all.
pub struct ProgramLines {
    readable: OwnedFd,
    flush: Box<dyn FnMut() + Send>,
}

impl ProgramLines {
    pub(super) fn new(ebpf: &mut Ebpf) -> Result<Option<ProgramLines>, KernelError> {
        let mut logger = match EbpfLogger::init(ebpf) {
            Ok(logger) => logger,
            // the object was built without log lines
            Err(aya_log::Error::MapNotFound) => return Ok(None),
            Err(error) => {
                return Err(KernelError::call("opening AYA_LOGS")(io::Error::other(error.to_string())));
            }
        };
        let readable = logger.as_fd().try_clone_to_owned().map_err(KernelError::call("opening AYA_LOGS"))?;
        Ok(Some(ProgramLines { readable, flush: Box::new(move || logger.flush()) }))
    }

    /// Logs what is there, without waiting.
    pub fn flush(&mut self) {
        (self.flush)();
    }
}

/// Readable when there is something to log.
impl AsFd for ProgramLines {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.readable.as_fd()
    }
}

/// For tokio's `AsyncFd`.
impl AsRawFd for ProgramLines {
    fn as_raw_fd(&self) -> RawFd {
        self.readable.as_raw_fd()
    }
}
