//! Why the agent cannot start or go on.

use std::io;

use super::book::BookError;
use super::regions::RegionsError;
use super::scrape::ScrapeError;
use super::setup::SetupError;
use crate::control::exit::Exit;
use crate::control::server::ServeError;
use crate::kernel::{FailureKind, KernelError};
use crate::policy::CompileError;

/// An error of the agent.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    #[error(transparent)]
    Setup(#[from] SetupError),
    #[error("no interface to filter; pass --interface IF, or set interfaces in the configuration")]
    NoInterface,
    #[error("{0}")]
    Orders(String),
    #[error(transparent)]
    Book(#[from] BookError),
    #[error(transparent)]
    Regions(#[from] RegionsError),
    #[error(transparent)]
    Compile(#[from] CompileError),
    #[error(transparent)]
    Kernel(#[from] KernelError),
    #[error(transparent)]
    Serve(#[from] ServeError),
    #[error(transparent)]
    Scrape(#[from] ScrapeError),
    #[error("no random octets for the secret key: {0}")]
    Random(#[source] io::Error),
    #[error("signals cannot be received: {0}")]
    Signals(#[source] io::Error),
}

impl AgentError {
    /// What the process ends with.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            AgentError::NoInterface
            | AgentError::Setup(_)
            | AgentError::Orders(_)
            | AgentError::Book(
                BookError::Order(_)
                | BookError::Twice { .. }
                | BookError::Encoding { .. }
                | BookError::List { .. },
            )
            | AgentError::Regions(_)
            | AgentError::Compile(_) => Exit::BadInput,
            AgentError::Book(BookError::Io(..)) => Exit::Failed,
            AgentError::Kernel(error) => kernel_exit(error),
            AgentError::Serve(ServeError::Io(_, error))
                if error.kind() == io::ErrorKind::PermissionDenied =>
            {
                Exit::NotPermitted
            }
            AgentError::Serve(_) | AgentError::Scrape(_) => Exit::Unavailable,
            AgentError::Random(_) | AgentError::Signals(_) => Exit::Failed,
        }
    }
}

/// The exit code for a failure of the kernel's.
#[must_use]
pub fn kernel_exit(error: &KernelError) -> Exit {
    match error.kind() {
        FailureKind::Unavailable => Exit::Unavailable,
        FailureKind::Refused => Exit::Refused,
        FailureKind::NotPermitted => Exit::NotPermitted,
        FailureKind::Limit => Exit::BadInput,
        FailureKind::Failed => Exit::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error_chain::chain;

    #[test]
    fn causes_are_said_once() {
        let cause = || io::Error::from_raw_os_error(30);
        let error = AgentError::Book(BookError::Io("x.toml".into(), cause()));
        assert_eq!(chain(&error), "x.toml: Read-only file system (os error 30)");
        assert_eq!(error.exit(), Exit::Failed);
        let error = AgentError::Kernel(KernelError::Call { call: "reading X".into(), source: cause() });
        assert_eq!(chain(&error), "reading X failed: Read-only file system (os error 30)");
    }
}
