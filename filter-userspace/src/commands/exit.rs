//! Exit codes, and how an error gets one. A code is part of the command line's contract: scripts and systemd read it.

use std::process::ExitCode;

/// What the process ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Ok = 0,
    /// The operation failed.
    Failed = 1,
    /// A check found problems, or something was done only in part.
    Problems = 3,
    /// An interface is taken or missing, or there is no BPF file system.
    Unavailable = 69,
    /// The kernel's verifier refused the program.
    Refused = 70,
    /// The agent does not run: trying again may help.
    Temporary = 75,
    /// A permission is missing.
    NotPermitted = 77,
    /// A configuration, order or region file is bad.
    BadInput = 78,
}

impl Exit {
    /// The code that a peer sent as a number; an unknown one counts as failed.
    #[must_use]
    pub fn from_code(code: u8) -> Exit {
        use Exit::{BadInput, Failed, NotPermitted, Ok, Problems, Refused, Temporary, Unavailable};
        [Ok, Problems, Unavailable, Refused, Temporary, NotPermitted, BadInput]
            .into_iter()
            .find(|exit| *exit as u8 == code)
            .unwrap_or(Failed)
    }
}

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
        format!("{:#}", self.error)
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
    fn codes_are_the_contract() {
        let codes = [0u8, 1, 3, 69, 70, 75, 77, 78];
        for code in codes {
            assert_eq!(Exit::from_code(code) as u8, code);
        }
        assert_eq!(Exit::from_code(42), Exit::Failed);
    }

    #[test]
    fn a_chain_is_one_line() {
        let failure = Failure::new(Exit::BadInput, anyhow::anyhow!("inner").context("outer"));
        assert_eq!(failure.chain(), "outer: inner");
    }
}
