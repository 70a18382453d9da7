//! The region tree in the kernel, among thousands of prefixes of every length.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::*;

/// Prefixes of each IP version.
const PREFIXES: usize = 3_000;

/// A number that looks random.
fn mix(number: u64) -> u64 {
    let number = number.wrapping_mul(0xbf58_476d_1ce4_e5b9).rotate_left(29);
    (number ^ number >> 31).wrapping_mul(0x94d0_49bb_1331_11eb)
}

/// Many lie close together: they differ in a few bits at the end of what they share.
fn prefix(number: u64, is_v6: bool) -> IpNet {
    let (bits, more) = (mix(number), mix(!number));
    let length = |least: u64, most: u64| u8::try_from(least + more % (most - least + 1)).unwrap();
    let net = if is_v6 {
        let bits = 0x2001_0db8_u128 << 96 | u128::from(bits & 0xf00f_000f_0003) << 48 | u128::from(more & 7);
        IpNet::new(Ipv6Addr::from(bits).into(), length(16, 128))
    } else {
        let bits = 0xc000_0000 | u32::try_from(bits & 0x0303_0f1f).unwrap();
        IpNet::new(Ipv4Addr::from(bits).into(), length(6, 32))
    };
    net.unwrap().trunc()
}

fn query_from(address: IpAddr) -> Vec<u8> {
    let message = &query("blocked.example.org")[42..];
    let mut frame = Vec::new();
    let ethernet = etherparse::PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
    let packet = match address {
        IpAddr::V4(address) => ethernet.ipv4(address.octets(), [198, 51, 100, 53], 64),
        IpAddr::V6(address) => ethernet.ipv6(address.octets(), Ipv6Addr::LOCALHOST.octets(), 64),
    };
    packet.udp(40_000, 53).write(&mut frame, message).unwrap();
    frame
}

/// The address, and those before and behind it.
fn around(net: IpNet) -> Vec<IpAddr> {
    match net {
        IpNet::V4(net) => {
            let (first, last) = (net.network().to_bits(), net.broadcast().to_bits());
            let all = [first.checked_sub(1), Some(first), Some(last), last.checked_add(1)];
            all.into_iter().flatten().map(|bits| Ipv4Addr::from(bits).into()).collect()
        }
        IpNet::V6(net) => {
            let (first, last) = (net.network().to_bits(), net.broadcast().to_bits());
            let all = [first.checked_sub(1), Some(first), Some(last), last.checked_add(1)];
            all.into_iter().flatten().map(|bits| Ipv6Addr::from(bits).into()).collect()
        }
    }
}

#[test]
fn the_longest_prefix_says_which_region_a_client_is_in() {
    let Some(mut datapath) = loaded() else { return };
    let mut policy = Policy::new(2);
    let dropped = policy.action(drop_action());
    policy.decide(1, dropped, 1);
    let mut names = NameMap::default();
    policy.list(&mut names, "blocked.example.org", 1);
    policy.base = Arc::new(names.into_iter().collect());
    let mut all = std::collections::BTreeMap::new();
    for number in 0..2 * PREFIXES as u64 {
        all.insert(prefix(number, number % 2 == 1), u32::try_from(mix(number + 7) & 1).unwrap());
    }
    let word = |region: &u32| region | CLIENT_ANSWERED;
    let v4 = all.iter().filter_map(|(net, region)| Some((v4_of(net)?, word(region)))).collect();
    let v6 = all.iter().filter_map(|(net, region)| Some((v6_of(net)?, word(region)))).collect();
    (policy.prefixes_v4, policy.prefixes_v6) = (Arc::new(v4), Arc::new(v6));
    datapath.publisher().publish(&policy.image()).unwrap();
    for net in all.keys().step_by(5) {
        for address in around(*net) {
            let covering = all.iter().filter(|(net, _)| net.contains(&address));
            let longest = covering.max_by_key(|(net, _)| net.prefix_len());
            let expected = if longest.is_some_and(|(_, region)| *region == 1) { 1 } else { 2 };
            let run = datapath.test_run(&query_from(address)).unwrap();
            assert_eq!(run.action, expected, "{address}, in {longest:?}");
        }
    }
}

fn v4_of(net: &IpNet) -> Option<Ipv4Net> {
    match net {
        IpNet::V4(net) => Some(*net),
        IpNet::V6(_) => None,
    }
}

fn v6_of(net: &IpNet) -> Option<Ipv6Net> {
    match net {
        IpNet::V6(net) => Some(*net),
        IpNet::V4(_) => None,
    }
}

/// However they lie: the tree has room for as many as the limit says.
#[test]
fn the_limit_on_prefixes_is_also_that_of_their_tree() {
    let Some(mut options) = options() else { return };
    options.limits = crate::kernel::Limits { prefixes: 500, ..crate::kernel::Limits::default() };
    let mut datapath = Datapath::load(&options).unwrap();
    let mut policy = Policy::new(2);
    // each alone at every 16 bits: a line for all but the first of them
    let far = |number: u128| {
        let bits = 0x2001_u128 << 112 | (0..7).map(|digit| (number & 0xffff) << (digit * 16)).sum::<u128>();
        Ipv6Net::new(Ipv6Addr::from(bits), 128).unwrap()
    };
    let host = |number: u32| Ipv4Net::new(Ipv4Addr::from(number * 0x007f_0000 + 1), 32).unwrap();
    policy.prefixes_v4 = Arc::new((1..=500).map(|number| (host(number), 1)).collect());
    policy.prefixes_v6 = Arc::new((1..=500).map(|number| (far(number * 777), 1)).collect());
    datapath.publisher().publish(&policy.image()).unwrap();
    policy.prefixes_v4 = Arc::new((1..=501).map(|number| (host(number), 1)).collect());
    let error = datapath.publisher().publish(&policy.image()).unwrap_err();
    assert!(error.to_string().contains("limits.prefixes is 500"), "{error}");
    assert_eq!(datapath.publisher().number(), 1);
}
