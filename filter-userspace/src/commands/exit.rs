//! How an error gets its exit code.

use std::process::ExitCode;

pub use crate::control::exit::Exit;
use crate::error_chain;

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// An error chain and the code that the process ends with for it.
#[derive(Debug)]
pub struct Failure {
    /// The code.
    pub exit: Exit,
    /// The chain, printed once by `main`.
    pub error: anyhow::Error,
}

impl Failure {
    /// A failure with a code of its own.
    pub fn new(exit: Exit, error: impl Into<anyhow::Error>) -> Failure {
        Failure { exit, error: error.into() }
    }

    /// The whole chain on one line.
    #[must_use]
    pub fn chain(&self) -> String {
        error_chain::chain(self.error.as_ref())
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Failure {
        Failure::new(Exit::Failed, error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Failure {
        Failure::new(Exit::Failed, error)
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Failure {
        Failure::new(Exit::Failed, error)
    }
}

/// Gives an error its exit code.
pub trait OrExit<T> {
    /// The error of `self` with this code.
    ///
    /// # Errors
    /// When `self` is one.
    fn or_exit(self, exit: Exit) -> Result<T, Failure>;
}

impl<T, E: Into<anyhow::Error>> OrExit<T> for Result<T, E> {
    fn or_exit(self, exit: Exit) -> Result<T, Failure> {
        self.map_err(|error| Failure::new(exit, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_is_one_line() {
        let failure = Failure::new(Exit::BadInput, anyhow::anyhow!("inner").context("outer"));
        assert_eq!(failure.chain(), "outer: inner");
    }
}
