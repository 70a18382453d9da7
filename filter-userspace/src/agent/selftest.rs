//! After every publish and every few minutes the agent asks itself: names of the orders in force, and one that nobody lists, are run through
//! the loaded program, and its verdict and octets must be the host engine's.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use etherparse::PacketBuilder;
use filter_common::Verdict;
use filter_common::abi::{Action, Settings};
use filter_common::host::{self, Room};

use super::Agent;
use crate::kernel::{KernelError, Runner};
use crate::names::NameRef;
use crate::policy::HostPolicy;

/// How often the self-test comes round without a publish.
const EVERY: Duration = Duration::from_secs(300);
/// Names of one order that are tried.
const SAMPLES: usize = 3;
/// Orders that are tried after one publish.
const ORDERS: usize = 64;
/// A name that no list holds.
const CANARY: &[u8] = b"\x1cinterdict-selftest-unlisted-\x07invalid\0";
/// Source and destination of a self-test query when nothing says where the order's clients are (RFC 5737).
const CLIENT: [u8; 4] = [192, 0, 2, 1];
const SERVICE_V4: [u8; 4] = [198, 51, 100, 53];
const SERVICE_V6: [u8; 16] = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0x53];

/// XDP actions.
const DROP: u32 = 1;
const PASS: u32 = 2;
const TRANSMIT: u32 = 3;

/// What one name's run showed.
struct Tried {
    /// The slot of HITS that the run moved.
    hits: u32,
    wrong: Option<String>,
}

impl Agent {
    /// Tries sampled names of the orders in force; the failures are logged and counted.
    pub(super) fn self_test(&mut self) {
        self.tested = Instant::now();
        let Some(snapshot) = self.policy.snapshot.clone() else { return };
        let runner = self.datapath.runner();
        let settings = self.config.settings();
        let policy = HostPolicy::new(&snapshot).with_services(&self.config.service_addresses);
        for (order, query) in self.queries() {
            let tried = match attempt(&runner, &policy, &snapshot.actions, &settings, &query) {
                Ok(tried) => tried,
                Err(error) => {
                    tracing::warn!(%error, "the self-test could not be run");
                    return;
                }
            };
            if tried.hits != 0 {
                let count = self.selftest_hits.entry(tried.hits).or_default();
                *count = count.saturating_add(1);
            }
            if let Some(wrong) = tried.wrong {
                self.tally.selftest_failures = self.tally.selftest_failures.saturating_add(1);
                tracing::error!(order, generation = self.policy.number, "self-test failed: {wrong}");
                let record = [
                    ("order", order.into()),
                    ("generation", self.policy.number.into()),
                    ("wrong", wrong.into()),
                ];
                self.journal.record("selftest-failure", record);
            }
        }
    }

    /// The self-test that comes round without a publish.
    pub(super) fn regular_self_test(&mut self) {
        if self.tested.elapsed() >= EVERY {
            self.self_test();
        }
    }

    /// Queries to try, with the order they are for.
    fn queries(&self) -> Vec<(String, Vec<u8>)> {
        let services = &self.config.service_addresses;
        let mut queries: Vec<_> =
            query(CANARY, None, services).map(|frame| ("-".to_owned(), frame)).into_iter().collect();
        for held in
            self.book.held().filter(|held| self.policy.since.contains_key(&held.order.id)).take(ORDERS)
        {
            let order = &held.order;
            let client = self
                .client_of(order.scope.prefixes().next().map(|prefix| prefix.network()), |region| {
                    order.scope.holds_region(Some(region))
                });
            let own = order.names.iter().map(|name| name.name.borrow());
            let lists: Vec<_> =
                held.lists.iter().filter_map(|path| self.book.list(path)?.list.as_ref()).collect();
            let listed = lists.iter().flat_map(|list| list.rules().map(|rule| rule.name));
            for name in own.chain(listed).take(SAMPLES) {
                queries
                    .extend(query(&wire(name), client, services).map(|frame| (order.id.to_string(), frame)));
            }
        }
        queries
    }

    /// An address that the order applies to, if one is known.
    fn client_of(&self, prefix: Option<IpAddr>, applies: impl Fn(&str) -> bool) -> Option<IpAddr> {
        prefix.or_else(|| {
            let mut table = self.regions.table().iter();
            table.find(|(_, region)| applies(region)).map(|(prefix, _)| prefix.network())
        })
    }
}

fn wire(name: NameRef<'_>) -> Vec<u8> {
    let mut wire = name.wire().to_vec();
    wire.push(0);
    wire
}

/// A query for type A from the client to the service, or where a service is assumed.
fn query(qname: &[u8], client: Option<IpAddr>, services: &[IpAddr]) -> Option<Vec<u8>> {
    let ethernet = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
    let packet = match client.unwrap_or(CLIENT.into()) {
        IpAddr::V6(client) => {
            let service = services.iter().find_map(|service| match service {
                IpAddr::V6(service) => Some(service.octets()),
                IpAddr::V4(_) => None,
            });
            ethernet.ipv6(client.octets(), service.unwrap_or(SERVICE_V6), 64)
        }
        IpAddr::V4(client) => {
            let service = services.iter().find_map(|service| match service {
                IpAddr::V4(service) => Some(service.octets()),
                IpAddr::V6(_) => None,
            });
            ethernet.ipv4(client.octets(), service.unwrap_or(SERVICE_V4), 64)
        }
    };
    let mut message = vec![0x1d, 0x0c, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    message.extend_from_slice(qname);
    message.extend_from_slice(&[0, 1, 0, 1]);
    let packet = packet.udp(40_053, 53);
    let mut frame = Vec::with_capacity(packet.size(message.len()));
    packet.write(&mut frame, &message).ok()?;
    Some(frame)
}

fn attempt(
    runner: &Runner,
    policy: &HostPolicy<'_>,
    actions: &[Action],
    settings: &Settings,
    frame: &[u8],
) -> Result<Tried, KernelError> {
    let host = host::run(frame, policy, actions, settings, Room::Tail);
    let kernel = runner.run(frame)?;
    let expected = xdp_action(host.verdict);
    let wrong = if kernel.action != expected {
        Some(format!(
            "the program's XDP action is {}, expected {expected} ({:?})",
            kernel.action, host.verdict
        ))
    } else if kernel.data != host.octets {
        Some(format!("the program's answer differs from the expected one ({:?})", host.verdict))
    } else {
        None
    };
    Ok(Tried { hits: host.outcome.hit().hits, wrong })
}

/// What the program returns for a verdict.
fn xdp_action(verdict: Verdict) -> u32 {
    match verdict {
        Verdict::Pass(_) | Verdict::Reset => PASS,
        Verdict::Drop(_) => DROP,
        Verdict::Answer(_) => TRANSMIT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_frames() {
        for client in [None, Some("192.0.2.7".parse().unwrap()), Some("2001:db8::7".parse().unwrap())] {
            let frame = query(CANARY, client, &[]).unwrap();
            let sliced = etherparse::SlicedPacket::from_ethernet(&frame).unwrap();
            assert!(matches!(sliced.transport, Some(etherparse::TransportSlice::Udp(_))));
        }
    }
}
