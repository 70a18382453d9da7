//! What the machine offers: kernel, BPF features, privileges, the BPF file system and the interfaces. Reads `/proc` and
//! `/sys`; loads nothing.

use std::path::Path;

use nix::sys::statfs::{BPF_FS_MAGIC, statfs};

use super::Check;

/// Oldest kernel the program is tested on.
const TESTED: (u32, u32) = (6, 1);
/// Oldest kernel with XDP programs for multi-buffer frames, which the program is.
const NEEDED: (u32, u32) = (5, 18);

/// Capabilities the agent needs, and their bits (capabilities(7)).
const CAPABILITIES: [(&str, u32); 3] = [("CAP_NET_ADMIN", 12), ("CAP_PERFMON", 38), ("CAP_BPF", 39)];

/// Every check of this file.
pub(super) fn checks(pin_root: &Path) -> Vec<Check> {
    vec![kernel(), btf(), jit(), capabilities(), bpf_file_system(pin_root)]
}

fn kernel() -> Check {
    let release = read("/proc/sys/kernel/osrelease");
    match version(&release) {
        None => Check::warning(
            "kernel",
            format!("release {release:?} is not understood"),
            "see the supported kernels",
        ),
        Some(found) if found < NEEDED => Check::problem(
            "kernel",
            format!("{release}, expected {}.{} or later", NEEDED.0, NEEDED.1),
            "upgrade the kernel",
        ),
        Some(found) if found < TESTED => Check::warning(
            "kernel",
            format!("{release} is older than {}.{}, the oldest that is tested", TESTED.0, TESTED.1),
            "upgrade the kernel, or trust the check \"program\" below",
        ),
        Some(_) => Check::fine("kernel", release),
    }
}

/// Major and minor number of a release such as `6.1.0-56-cloud-amd64`.
fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

fn btf() -> Check {
    if Path::new("/sys/kernel/btf/vmlinux").exists() {
        return Check::fine("btf", "/sys/kernel/btf/vmlinux is there");
    }
    Check::warning("btf", "the kernel has no BTF", "use a kernel with CONFIG_DEBUG_INFO_BTF=y")
}

fn jit() -> Check {
    match read("/proc/sys/net/core/bpf_jit_enable").as_str() {
        "1" | "2" => Check::fine("jit", "the BPF JIT compiler is on"),
        "0" => Check::problem(
            "jit",
            "the BPF JIT compiler is off: every packet is interpreted",
            "sysctl -w net.core.bpf_jit_enable=1",
        ),
        _ => Check::note(
            "jit",
            "whether the BPF JIT compiler is on cannot be read outside the first network namespace",
        ),
    }
}

fn capabilities() -> Check {
    let missing = missing_capabilities(&read("/proc/self/status"));
    if missing.is_empty() {
        return Check::fine("capabilities", "CAP_NET_ADMIN, CAP_PERFMON and CAP_BPF");
    }
    Check::problem(
        "capabilities",
        format!("{} missing", missing.join(", ")),
        "run as root, or with these capabilities",
    )
}

fn missing_capabilities(status: &str) -> Vec<&'static str> {
    let effective = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))
        .and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok())
        .unwrap_or(0);
    CAPABILITIES.iter().filter(|(_, bit)| effective >> bit & 1 == 0).map(|(name, _)| *name).collect()
}

fn bpf_file_system(pin_root: &Path) -> Check {
    // the directory itself is made by `run`; what holds it must be there
    let existing = pin_root.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
    match statfs(existing) {
        Ok(found) if found.filesystem_type() == BPF_FS_MAGIC => {
            Check::fine("bpffs", format!("{} is on a BPF file system", existing.display()))
        }
        Ok(_) => Check::problem(
            "bpffs",
            format!("{} is not on a BPF file system, so links cannot be pinned", pin_root.display()),
            "mount -t bpf bpf /sys/fs/bpf",
        ),
        Err(error) => {
            Check::warning("bpffs", format!("{}: {error}", existing.display()), "run doctor as root")
        }
    }
}

fn read(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(path).map(|text| text.trim_end().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases() {
        assert_eq!(version("6.1.0-56-cloud-amd64"), Some((6, 1)));
        assert_eq!(version("6.18.3"), Some((6, 18)));
        assert_eq!(version("odd"), None);
    }

    #[test]
    fn capability_bits() {
        assert_eq!(missing_capabilities("CapEff:\t000001ffffffffff"), [""; 0]);
        assert_eq!(missing_capabilities("CapEff:\t0000008000001000"), ["CAP_PERFMON"]);
        assert_eq!(missing_capabilities("").len(), 3);
    }
}
