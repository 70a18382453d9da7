//! What can go wrong between us and the kernel, in words that say what to do about it.

use std::io;
use std::path::PathBuf;

use filter_common::abi::COUNTER_BANKS;
use thiserror::Error;

use super::attach::Mode;
use super::holder::Holder;

/// What sort of failure an error is: the command line's exit codes follow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// Something outside us is taken or not there: an interface, bpffs, the pin directory.
    Unavailable,
    /// The verifier refused the program.
    Refused,
    /// A capability or a permission is missing.
    NotPermitted,
    /// A limit of the configuration is too small.
    Limit,
    /// Anything else.
    Failed,
}

/// An error of `kernel`.
#[derive(Debug, Error)]
pub enum KernelError {
    /// Capabilities are missing.
    #[error(
        "{missing} missing: loading the program needs CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON; run as root or grant them (systemd: AmbientCapabilities=)"
    )]
    Capability {
        /// Names of the missing ones.
        missing: String,
    },
    /// No object was built into this binary.
    #[error(
        "this binary holds no eBPF object; build it with `cargo xtask build`, or name one with INTERDICT_BPF_OBJECT"
    )]
    NoObject,
    /// The object cannot be read.
    #[error("cannot read the eBPF object {}", path.display())]
    ReadObject {
        /// Its path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The object is no eBPF object.
    #[error("the eBPF object cannot be parsed: {reason}")]
    ParseObject {
        /// Why.
        reason: String,
    },
    /// The object and this binary do not belong together.
    #[error(
        "the eBPF object does not fit this binary: {what}, expected {expected}; build both from one source with `cargo xtask build`"
    )]
    Layout {
        /// What the object has.
        what: String,
        /// What it should have.
        expected: String,
    },
    /// The verifier refused the program.
    #[error("the kernel's verifier refused the program (kernel {release}){}", said(log))]
    Refused {
        /// Kernel release.
        release: String,
        /// The kernel's error and the last lines of the verifier's log, when they were asked for: without, the error
        /// that is left says nothing (see `load`).
        log: Vec<String>,
    },
    /// aya could not load the object.
    #[error("cannot load the eBPF object: {reason}")]
    Load {
        /// aya's chain of errors.
        reason: String,
    },
    /// A call of bpf(2) or about it failed.
    #[error("{call} failed")]
    Call {
        /// What was called, and on what.
        call: String,
        /// The kernel's error.
        source: io::Error,
    },
    /// No such interface.
    #[error("interface {interface} does not exist; `ip link` lists those there are")]
    NoInterface {
        /// Its name.
        interface: String,
    },
    /// Another program holds the interface.
    #[error("interface {interface} already has an XDP program ({holder}); {}", holder.remedy(interface))]
    Busy {
        /// Its name.
        interface: String,
        /// Who holds it.
        holder: Holder,
    },
    /// The interface does not take the program in this mode.
    #[error("interface {interface} refuses XDP in {mode} mode: {}", refusal(source, *mode))]
    Attach {
        /// Its name.
        interface: String,
        /// The mode that was tried.
        mode: Mode,
        /// The kernel's error.
        source: io::Error,
    },
    /// A pinned link of ours is in another mode than asked for.
    #[error(
        "interface {interface} is attached in {found} mode and {asked} mode was asked for; `interdict detach` first: the change leaves a gap"
    )]
    OtherMode {
        /// Its name.
        interface: String,
        /// The link's mode.
        found: Mode,
        /// The mode asked for.
        asked: Mode,
    },
    /// A pinned link of ours belongs to another interface than its name says.
    #[error("{} holds interface index {found}, but {interface} now has index {expected}: interfaces were renamed; `interdict detach` first", path.display())]
    MovedPin {
        /// The pin.
        path: PathBuf,
        /// Name of the interface.
        interface: String,
        /// Index the link is on.
        found: u32,
        /// Index of the interface of that name.
        expected: u32,
    },
    /// Two interfaces would share a bank of counters.
    #[error(
        "interface {interface} (index {index}) would share counters with interface index {other}: indices must differ modulo {COUNTER_BANKS}; create one of them anew"
    )]
    SharedCounters {
        /// Name of the interface.
        interface: String,
        /// Its index.
        index: u32,
        /// The attached one's index.
        other: u32,
    },
    /// No BPF file system where pins should go.
    #[error("{} is not on a BPF file system ({reason}); `mount -t bpf bpf /sys/fs/bpf`, or set the pin directory to one (`ip netns exec` hides it: use nsenter --net)", path.display())]
    NoBpfFs {
        /// The pin directory.
        path: PathBuf,
        /// What is there, or why it could not be mounted.
        reason: String,
    },
    /// Another process holds the pin directory.
    #[error("{} is held by another agent; stop it, or give this one another pin directory", path.display())]
    Claimed {
        /// The pin directory.
        path: PathBuf,
    },
    /// The pin directory or something in it cannot be used.
    #[error("cannot {verb} {}", path.display())]
    Pin {
        /// What was tried.
        verb: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The policy needs more room than a limit gives.
    #[error("the policy needs {needed} {what} and limits.{key} is {limit}; raise it and restart the agent")]
    Limit {
        /// What is too many.
        what: &'static str,
        /// How many the policy needs.
        needed: usize,
        /// The limit.
        limit: usize,
        /// Its key in the configuration.
        key: &'static str,
    },
    /// The policy contradicts itself.
    #[error("the policy cannot be published: {what}")]
    Inconsistent {
        /// How.
        what: String,
    },
    /// The snapshot was compiled with another hash key than the program was loaded with.
    #[error("the policy was compiled with another hash key than the program's; compile it again")]
    OtherKey,
    /// Somebody else writes the maps.
    #[error(
        "{what} holds {found} where {expected} was written: another process writes the maps; stop it and restart the agent"
    )]
    OtherWriter {
        /// Which map.
        what: &'static str,
        /// What it holds.
        found: String,
        /// What we wrote.
        expected: String,
    },
    /// A frame that test-run cannot take.
    #[error("a frame of {octets} octets cannot be run: test-run takes {least} octets or more")]
    ShortFrame {
        /// Its size.
        octets: usize,
        /// The least there must be.
        least: usize,
    },
    /// Events were taken already.
    #[error("the {what} were taken already: there is one reader")]
    Taken {
        /// Of what.
        what: &'static str,
    },
}

impl KernelError {
    /// What sort of failure it is.
    #[must_use]
    pub fn kind(&self) -> FailureKind {
        match self {
            KernelError::NoInterface { .. }
            | KernelError::Busy { .. }
            | KernelError::Attach { .. }
            | KernelError::OtherMode { .. }
            | KernelError::MovedPin { .. }
            | KernelError::SharedCounters { .. }
            | KernelError::NoBpfFs { .. }
            | KernelError::Claimed { .. } => FailureKind::Unavailable,
            KernelError::Refused { .. } => FailureKind::Refused,
            KernelError::Capability { .. } => FailureKind::NotPermitted,
            KernelError::Pin { source, .. } | KernelError::Call { source, .. } if is_permission(source) => {
                FailureKind::NotPermitted
            }
            KernelError::Limit { .. } => FailureKind::Limit,
            KernelError::NoObject
            | KernelError::ReadObject { .. }
            | KernelError::ParseObject { .. }
            | KernelError::Layout { .. }
            | KernelError::Load { .. }
            | KernelError::Call { .. }
            | KernelError::Pin { .. }
            | KernelError::Inconsistent { .. }
            | KernelError::OtherKey
            | KernelError::OtherWriter { .. }
            | KernelError::ShortFrame { .. }
            | KernelError::Taken { .. } => FailureKind::Failed,
        }
    }

    /// For `map_err`: the failure of a call.
    pub(super) fn call(call: impl Into<String>) -> impl FnOnce(io::Error) -> KernelError {
        let call = call.into();
        move |source| KernelError::Call { call, source }
    }
}

fn is_permission(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied
}

fn said(log: &[String]) -> String {
    if log.is_empty() {
        return "; `interdict doctor` shows its words".to_owned();
    }
    format!(": {}", log.join(" | "))
}

/// What an errno of BPF_LINK_CREATE for XDP means: the kernel's own words go to nobody on this call.
fn refusal(error: &io::Error, mode: Mode) -> String {
    let words = match error.raw_os_error() {
        Some(libc::EOPNOTSUPP | 524) => "the driver does not support it",
        Some(libc::ERANGE) => "its MTU is too large for the driver; lower the MTU",
        Some(libc::EINVAL) => {
            "the driver refuses its settings (MTU, LRO, queues or features); lower the MTU or turn LRO off"
        }
        Some(libc::ENOMEM | libc::ENOSPC) => "the driver lacks memory or queues for it",
        Some(libc::ENETDOWN) => "it is down",
        _ => return error.to_string(),
    };
    let remedy = if mode == Mode::Driver { ", or use skb mode" } else { "" };
    format!("{words}{remedy} ({error})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_say_what_to_do() {
        let error = KernelError::Attach {
            interface: "eth0".to_owned(),
            mode: Mode::Driver,
            source: io::Error::from_raw_os_error(libc::ERANGE),
        };
        let text = error.to_string();
        assert!(
            text.starts_with("interface eth0 refuses XDP in driver mode: its MTU is too large"),
            "{text}"
        );
        assert!(text.contains("skb mode"), "{text}");
        assert_eq!(error.kind(), FailureKind::Unavailable);
        let error = KernelError::Limit { what: "actions", needed: 5000, limit: 4096, key: "actions" };
        assert_eq!(
            error.to_string(),
            "the policy needs 5000 actions and limits.actions is 4096; raise it and restart the agent"
        );
    }

    #[test]
    fn a_missing_permission_is_told_from_other_failures() {
        let call =
            |errno| KernelError::Call { call: "x".to_owned(), source: io::Error::from_raw_os_error(errno) };
        assert_eq!(call(libc::EPERM).kind(), FailureKind::NotPermitted);
        assert_eq!(call(libc::ENOMEM).kind(), FailureKind::Failed);
    }
}
