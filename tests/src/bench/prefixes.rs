//! Region tables that look like those made from routing tables, and clients from within them.

use std::collections::HashSet;
use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::Context;
use interdict::region::RegionTable;
use ipnet::IpNet;

use crate::random::Random;

/// The region of the orders.
pub(super) const BLOCKED: &str = "IT";

/// A region table and its prefixes in both families.
pub(super) struct Prefixes {
    /// The table as the agent reads it.
    pub(super) table: RegionTable,
    /// Prefixes of the blocked region and of the others, IPv4 and IPv6: `[family][is blocked]`.
    lists: [[Vec<IpNet>; 2]; 2],
}

impl Prefixes {
    /// So many prefixes in each family, of so many regions; one prefix in five is of the blocked region.
    ///
    /// # Errors
    /// When the table is refused.
    pub(super) fn new(count: usize, regions: usize) -> anyhow::Result<Prefixes> {
        let mut random = Random::new(4242);
        let mut text = String::from("prefix,region\n");
        let mut lists: [[Vec<IpNet>; 2]; 2] = Default::default();
        for (family, list) in lists.iter_mut().enumerate() {
            let mut seen = HashSet::new();
            while seen.len() < count {
                let prefix = if family == 0 { v4(&mut random) } else { v6(&mut random) };
                if !seen.insert(prefix) {
                    continue;
                }
                let is_blocked = seen.len() % 5 == 1;
                let _infallible = match is_blocked {
                    true => writeln!(text, "{prefix},{BLOCKED}"),
                    false => writeln!(text, "{prefix},region-{}", random.below(regions.max(2) - 1)),
                };
                list[usize::from(is_blocked)].push(prefix);
            }
        }
        Ok(Prefixes {
            table: RegionTable::parse(&text, "regions.csv").context("the benchmark's regions")?,
            lists,
        })
    }

    /// An address inside of a prefix of the blocked region, or one of another region (or of none).
    #[must_use]
    pub(super) fn client(&self, is_v6: bool, is_blocked: bool, random: &mut Random) -> IpAddr {
        let list = &self.lists[usize::from(is_v6)][usize::from(is_blocked)];
        loop {
            let prefix = match list.len() {
                0 if is_v6 => IpNet::from(IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1))),
                0 => IpNet::from(IpAddr::V4(Ipv4Addr::new(172, 16, 0, 1))),
                count => list[random.below(count)],
            };
            let address = inside(prefix, random);
            // another prefix may lie inside of this one
            if (self.table.lookup(address) == Some(BLOCKED)) == is_blocked {
                return address;
            }
        }
    }
}

/// Lengths as in a routing table: most are /24.
fn v4(random: &mut Random) -> IpNet {
    let length = [24, 24, 24, 24, 24, 24, 23, 22, 22, 21, 20, 19, 18, 16][random.below(14)];
    // without 127, from which no client asks
    let first = *random.one_of(&[1, 128]) + random.below(96) as u32;
    let bits = first << 24 | random.number() as u32 >> 8;
    net(IpAddr::V4(Ipv4Addr::from(bits)), length)
}

fn v6(random: &mut Random) -> IpNet {
    let length = [48, 48, 48, 48, 48, 44, 40, 36, 32, 32, 32, 29][random.below(12)];
    let bits =
        0x2000_u128 << 112 | u128::from(random.number()) << 61 >> 3 | u128::from(random.number()) << 48 >> 16;
    net(IpAddr::V6(Ipv6Addr::from(bits)), length)
}

fn net(address: IpAddr, length: u8) -> IpNet {
    IpNet::new(address, length).unwrap_or_else(|_| IpNet::from(address)).trunc()
}

fn inside(prefix: IpNet, random: &mut Random) -> IpAddr {
    match prefix {
        IpNet::V4(prefix) => {
            let host = (random.number() as u32).checked_shr(prefix.prefix_len().into()).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from(prefix.network().to_bits() | host))
        }
        IpNet::V6(prefix) => {
            let host = u128::from(random.number()) << 64 | u128::from(random.number());
            let host = host.checked_shr(prefix.prefix_len().into()).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from(prefix.network().to_bits() | host))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_where_they_are_said_to_be() {
        let mut random = Random::new(3);
        for count in [1, 2_000] {
            let prefixes = Prefixes::new(count, 50).unwrap();
            assert_eq!(prefixes.table.len(), 2 * count);
            for is_v6 in [false, true] {
                for is_blocked in [false, true] {
                    let client = prefixes.client(is_v6, is_blocked, &mut random);
                    assert_eq!(client.is_ipv6(), is_v6);
                    assert_eq!(prefixes.table.lookup(client) == Some(BLOCKED), is_blocked, "{client}");
                }
            }
        }
    }
}
