//! Exit codes. A code is part of the command line's contract: scripts and systemd read it, and replies carry it.

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
}
