//! What is known of an interface without attaching to it, from the `ip` and `ethtool` commands: `/sys` shows another
//! network namespace than the one this process is in, when it was entered with `nsenter --net`.

use std::process::Command;

use nix::net::if_::if_nametoindex;
use serde_json::Value;

use super::Check;

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

/// Largest MTU with which every frame of common drivers is in one buffer.
const ONE_BUFFER: u64 = 3500;

/// Every check of one interface.
pub(super) fn checks(name: &str) -> Vec<Check> {
    let check = format!("interface {name}");
    if if_nametoindex(name).is_err() {
        return vec![Check::problem(&check, "does not exist in this network namespace", "see `ip link`")];
    }
    let mut checks = vec![driver(name, &check)];
    match link(name) {
        None => checks
            .push(Check::note(&check, "the `ip` command is not there, so MTU and XDP state are not known")),
        Some(link) => {
            checks.extend(holder(name, &check, &link));
            checks.extend(mtu(&check, &link));
        }
    }
    checks.extend(vlan_offload(name, &check));
    checks
}

fn link(name: &str) -> Option<Value> {
    let links: Value =
        serde_json::from_str(&output("ip", &["-j", "-d", "link", "show", "dev", name])?).ok()?;
    links.get(0).cloned()
}

fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn driver(name: &str, check: &str) -> Check {
    let text = output("ethtool", &["-i", name]).unwrap_or_default();
    let Some(driver) = text.lines().find_map(|line| line.strip_prefix("driver: ")) else {
        return Check::note(check, "its driver is not known (no `ethtool`); `run` says which mode it got");
    };
    if NATIVE.contains(&driver) {
        return Check::fine(check, format!("driver {driver} has XDP in driver mode"));
    }
    Check::note(
        check,
        format!("driver {driver} is not known to have XDP in driver mode; `run` says which mode it got"),
    )
}

/// An XDP program that is there already: ours from an agent before, or somebody else's.
fn holder(name: &str, check: &str, link: &Value) -> Option<Check> {
    let program = link.get("xdp")?.get("prog")?;
    let id = program.get("id").and_then(Value::as_u64)?;
    let title = program.get("name").and_then(Value::as_str).unwrap_or("?");
    let check = format!("{check}, xdp");
    if title == "interdict" {
        return Some(Check::note(&check, format!("the filter is attached (program {id})")));
    }
    let finding = format!("another XDP program is attached (id {id}, \"{title}\")");
    let remedy = format!("detach it: ip link set dev {name} xdp off, or end the process that holds it");
    Some(Check::problem(&check, finding, remedy))
}

fn mtu(check: &str, link: &Value) -> Option<Check> {
    let mtu = link.get("mtu")?.as_u64().filter(|mtu| *mtu > ONE_BUFFER)?;
    Some(Check::warning(
        &format!("{check}, mtu"),
        format!(
            "{mtu}: frames span several buffers; questions beyond the first pass with reason multi-buffer"
        ),
        "lower the MTU of interfaces that carry DNS to 1500 if that reason is ever counted",
    ))
}

/// The card may take VLAN tags off before the program sees the frame: then tagged queries are filtered as untagged ones.
fn vlan_offload(name: &str, check: &str) -> Option<Check> {
    let text = output("ethtool", &["-k", name])?;
    let on = text.lines().any(|line| line.trim().starts_with("rx-vlan-offload: on"));
    let finding = "rx-vlan-offload is on: tags that the card takes off are not seen; the queries inside are filtered \
                   all the same";
    on.then(|| Check::note(&format!("{check}, vlan"), finding))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_interface_is_a_problem() {
        assert!(checks("no-such-if")[0].is_problem());
    }

    #[test]
    fn who_holds_an_interface() {
        let ours = serde_json::json!({ "xdp": { "prog": { "id": 7, "name": "interdict" } } });
        assert!(!holder("x", "x", &ours).unwrap().is_problem());
        let other = serde_json::json!({ "xdp": { "prog": { "id": 7, "name": "xdpdump" } } });
        assert!(holder("x", "x", &other).unwrap().is_problem());
        assert!(holder("x", "x", &serde_json::json!({ "mtu": 1500 })).is_none());
    }
}
