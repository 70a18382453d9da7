//! What the machine offers: kernel, BPF features, privileges, the BPF file system and the interfaces. Reads `/proc` and
//! `/sys`; loads nothing.

use std::path::Path;
use std::process::Command;

use nix::sys::statfs::{BPF_FS_MAGIC, statfs};

use super::Check;

/// Oldest kernel the program is tested on.
const TESTED: (u32, u32) = (6, 1);
/// Oldest kernel with XDP programs for multi-buffer frames, which the program is.
const NEEDED: (u32, u32) = (5, 18);

/// Capabilities the agent needs, and their bits (capabilities(7)).
const CAPABILITIES: [(&str, u32); 3] = [("CAP_NET_ADMIN", 12), ("CAP_PERFMON", 38), ("CAP_BPF", 39)];

/// Drivers with XDP in driver mode, as of Linux 6.12.
const NATIVE: &[&str] = &[
    "atlantic",
    "bnxt_en",
    "cpsw",
    "ena",
    "enetc",
    "fec",
    "fm10k",
    "gve",
    "hv_netvsc",
    "i40e",
    "ice",
    "idpf",
    "igb",
    "igc",
    "ixgbe",
    "ixgbevf",
    "mana",
    "mlx4_core",
    "mlx4_en",
    "mlx5_core",
    "mvneta",
    "mvpp2",
    "nfp",
    "octeontx2",
    "qede",
    "sfc",
    "stmmac",
    "thunderx",
    "tsnep",
    "veth",
    "virtio_net",
    "vmxnet3",
    "xen-netfront",
];

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
        _ => Check::warning("jit", "whether the BPF JIT compiler is on cannot be read", "run doctor as root"),
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

/// What is known of an interface without attaching to it.
pub(super) fn interface(name: &str) -> Vec<Check> {
    let dir = Path::new("/sys/class/net").join(name);
    let check = format!("interface {name}");
    if !dir.exists() {
        return vec![Check::problem(&check, "does not exist in this network namespace", "see `ip link`")];
    }
    let driver = driver(name, &dir);
    let mode = if NATIVE.contains(&driver.as_str()) {
        "has XDP in driver mode"
    } else {
        "is not known to have XDP in driver mode; `run` says which mode it got"
    };
    let mut checks = vec![Check::fine(&check, format!("driver {driver} {mode}"))];
    checks.extend(holder(name, &check));
    let mtu: u32 = read(dir.join("mtu")).parse().unwrap_or(0);
    if mtu > 3500 {
        checks.push(Check::warning(
            &format!("{check}, mtu"),
            format!("{mtu}: frames span several buffers; questions beyond the first buffer pass with reason multi-buffer"),
            "lower the MTU of interfaces that carry DNS to 1500 if that reason is ever counted",
        ));
    }
    checks.extend(vlan_offload(name, &check));
    checks
}

/// An XDP program that is there already: ours from an agent before, or somebody else's.
fn holder(name: &str, check: &str) -> Option<Check> {
    let output = Command::new("ip").args(["-j", "link", "show", "dev", name]).output().ok()?;
    let links: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
    let program = links.get(0)?.get("xdp")?.get("prog")?;
    let id = program.get("id").and_then(serde_json::Value::as_u64)?;
    let title = program.get("name").and_then(serde_json::Value::as_str).unwrap_or("?");
    let check = format!("{check}, xdp");
    Some(if title == "interdict" {
        Check::note(&check, format!("the filter is attached (program {id})"))
    } else {
        let finding = format!("another XDP program is attached (id {id}, \"{title}\")");
        Check::problem(
            &check,
            finding,
            format!("detach it: ip link set dev {name} xdp off, or end the process that holds it"),
        )
    })
}

/// The driver's name; a veth has no device of its own.
fn driver(name: &str, dir: &Path) -> String {
    let link = std::fs::read_link(dir.join("device/driver")).ok();
    let device = link.as_deref().and_then(Path::file_name).map(|file| file.to_string_lossy().into_owned());
    device.unwrap_or_else(|| {
        let output = Command::new("ip").args(["-j", "-d", "link", "show", "dev", name]).output();
        let links: Option<serde_json::Value> =
            output.ok().and_then(|output| serde_json::from_slice(&output.stdout).ok());
        let kind = links.as_ref().and_then(|links| links.get(0)?.get("linkinfo")?.get("info_kind")?.as_str());
        kind.unwrap_or("virtual").to_owned()
    })
}

/// The card may take VLAN tags off before the program sees the frame: then tagged queries are filtered as untagged ones.
fn vlan_offload(name: &str, check: &str) -> Option<Check> {
    let output = Command::new("ethtool").args(["-k", name]).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let on = text.lines().any(|line| line.trim().starts_with("rx-vlan-offload: on"));
    on.then(|| {
        Check::note(
            &format!("{check}, vlan"),
            "rx-vlan-offload is on: tags that the card takes off are not seen; the queries inside are filtered all the same",
        )
    })
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

    #[test]
    fn a_missing_interface_is_a_problem() {
        assert!(interface("no-such-if")[0].is_problem());
    }
}
