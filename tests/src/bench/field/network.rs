//! Two namespaces and a veth pair for each contender between them.

use std::process::Command;
use std::time::Duration;

use anyhow::Context;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;

use super::contender::Contender;
use crate::harness::lab::offload_off;
use crate::harness::netns::Namespace;
use crate::harness::shell;

/// The processor of the servers.
pub(super) const SERVER_CPU: usize = 1;
/// The processor of the generator.
pub(super) const CLIENT_CPU: usize = 0;

/// The namespaces.
pub(super) struct Network {
    pub(super) server: Namespace,
    pub(super) client: Namespace,
}

impl Network {
    pub(super) fn new(contenders: &[Contender]) -> anyhow::Result<Network> {
        let network = Network { server: Namespace::new("bsrv")?, client: Namespace::new("bcli")? };
        let (server, client) = (&network.server, &network.client);
        for contender in contenders {
            let (inner, outer) = (contender.interface(), contender.peer());
            let pair = format!(
                "{inner} netns {} type veth peer name {outer} netns {}",
                server.name(),
                client.name()
            );
            shell::ip(&format!("link add {pair}"))?;
            server.ip(&format!("address add {}/24 dev {inner}", contender.address()))?;
            client.ip(&format!("address add {}/24 dev {outer}", contender.client()))?;
            server.ip(&format!("link set {inner} up"))?;
            client.ip(&format!("link set {outer} up"))?;
            // an XDP program must see whole checksums, as on a network card
            offload_off(client, &outer)?;
            offload_off(server, &inner)?;
        }
        for contender in contenders {
            // so that the first burst need not ask for the address
            let mac = mac(server, &contender.interface())?;
            client.ip(&format!(
                "neigh replace {} lladdr {mac} dev {} nud permanent",
                contender.address(),
                contender.peer()
            ))?;
        }
        Ok(network)
    }

    /// Lets the server's end poll in a thread on the servers' processor, so that an XDP program there has the processor
    /// that the other contenders have, and not the generator's.
    pub(super) fn on_own_cpu(&self, contender: Contender) -> anyhow::Result<OwnCpu<'_>> {
        let own = OwnCpu { network: self, interface: contender.interface() };
        own.set("1")?;
        let prefix = format!("napi/{}-", own.interface);
        let found = shell::until(Duration::from_secs(2), || !threads(&prefix).is_empty());
        anyhow::ensure!(found, "the kernel started no thread {prefix}*; threaded NAPI needs kernel 5.12");
        let mut cpu = CpuSet::new();
        cpu.set(SERVER_CPU)?;
        for thread in threads(&prefix) {
            sched_setaffinity(Pid::from_raw(thread), &cpu).context("move the polling thread")?;
        }
        Ok(own)
    }
}

/// An interface that polls in a thread until this is dropped.
pub(super) struct OwnCpu<'a> {
    network: &'a Network,
    interface: String,
}

impl OwnCpu<'_> {
    fn set(&self, value: &str) -> anyhow::Result<()> {
        // /sys shows the interfaces of the namespace that mounted it: `ip netns exec` mounts it anew
        let mut command = Command::new("ip");
        let script = format!("echo {value} > /sys/class/net/{}/threaded", self.interface);
        command.args(["netns", "exec", self.network.server.name(), "sh", "-c", &script]);
        shell::run(&mut command, Duration::from_secs(5))?.success("threaded NAPI")?;
        Ok(())
    }
}

impl Drop for OwnCpu<'_> {
    fn drop(&mut self) {
        self.set("0").ok();
    }
}

fn mac(namespace: &Namespace, interface: &str) -> anyhow::Result<String> {
    let text = namespace.ip(&format!("link show dev {interface}"))?;
    let mut words = text.split_whitespace().skip_while(|word| *word != "link/ether");
    words.nth(1).map(str::to_owned).with_context(|| format!("{interface} has no MAC address"))
}

/// Kernel threads whose name begins so (the kernel cuts it to 15 octets).
fn threads(prefix: &str) -> Vec<i32> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let numbers = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    numbers
        .filter(|number| {
            std::fs::read_to_string(format!("/proc/{number}/comm")).is_ok_and(|name| name.starts_with(prefix))
        })
        .collect()
}
