//! The capabilities that loading, attaching and publishing need, so that a missing one is named before the kernel says
//! only "operation not permitted".

use std::fs;

use super::error::KernelError;

/// Number and name, as linux/capability.h has them.
type Capability = (u32, &'static str);
const NET_ADMIN: Capability = (12, "CAP_NET_ADMIN");
const SYS_ADMIN: Capability = (21, "CAP_SYS_ADMIN");
/// Without it the verifier forbids packet pointers at a variable offset, of which the program is full.
const PERFMON: Capability = (38, "CAP_PERFMON");
const BPF: Capability = (39, "CAP_BPF");

/// That this thread may load and attach the program.
///
/// # Errors
/// [`KernelError::Capability`] with the names of those it lacks.
pub fn require() -> Result<(), KernelError> {
    let status = fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
    // an unreadable status lets the kernel decide
    let missing = effective(&status).map(missing).unwrap_or_default();
    if missing.is_empty() { Ok(()) } else { Err(KernelError::Capability { missing: missing.join(", ") }) }
}

/// The effective set in /proc/PID/status.
fn effective(status: &str) -> Option<u64> {
    let set = status.lines().find_map(|line| line.strip_prefix("CapEff:"))?;
    u64::from_str_radix(set.trim(), 16).ok()
}

fn missing(set: u64) -> Vec<&'static str> {
    let has = |(number, _): Capability| set >> number & 1 == 1;
    // CAP_SYS_ADMIN stands in for CAP_BPF and CAP_PERFMON, which were once part of it
    let wanted = [(BPF, has(SYS_ADMIN)), (NET_ADMIN, false), (PERFMON, has(SYS_ADMIN))];
    wanted.into_iter().filter(|(one, implied)| !has(*one) && !implied).map(|((_, name), _)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_capabilities_are_named() {
        assert_eq!(missing(0), ["CAP_BPF", "CAP_NET_ADMIN", "CAP_PERFMON"]);
        assert_eq!(missing(1 << 39 | 1 << 12), ["CAP_PERFMON"]);
        assert_eq!(missing(1 << 21), ["CAP_NET_ADMIN"]);
        assert_eq!(missing(1 << 39 | 1 << 12 | 1 << 38), [""; 0]);
    }

    #[test]
    fn the_effective_set_is_read() {
        let status = "Name:\tx\nCapPrm:\tffff\nCapEff:\t0000000000001000\n";
        assert_eq!(effective(status), Some(1 << 12));
        assert_eq!(effective("Name:\tx\n"), None);
    }
}
