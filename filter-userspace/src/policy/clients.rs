//! Region numbers: which clients the decisions can tell apart, and the prefixes that say so.
//!
//! A region that no order holds needs no number of its own: no rule applies there, so all such regions share one. A table
//! of the whole world with orders of one country has three numbers, and three decisions for each set.
//!
//! A region number is a region's word together with the set of orders whose own prefixes hold the address. So every
//! prefix of the region table, of an order's scope, of the clients and of the forwarders becomes an entry whose value
//! says what all of them say there: the kernel's longest match is then right for each.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use filter_common::abi::{CLIENT_ANSWERED, CLIENT_FORWARDER};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::region::RegionTable;

/// The word of clients that no prefix of the region table covers.
pub(super) const UNKNOWN: &str = "unknown";

/// The word of all regions that no order holds; no region has it (`is_region_word`).
const ELSEWHERE: &str = "*";

/// What a region number stands for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Client {
    /// The region's word, or [`ELSEWHERE`]; `None`: unknown.
    pub(super) region: Option<Arc<str>>,
    /// Ids of the orders whose own prefixes hold the address, sorted.
    pub(super) orders: Vec<Arc<str>>,
}

/// What they are made from.
#[derive(Clone, Debug)]
pub(super) struct Prefixes {
    pub(super) regions: Arc<RegionTable>,
    /// The regions that some order holds.
    pub(super) held: BTreeSet<Arc<str>>,
    /// The orders with prefixes of their own.
    pub(super) scopes: Vec<(Arc<str>, Vec<IpNet>)>,
    pub(super) clients: Vec<IpNet>,
    pub(super) forwarders: Vec<IpNet>,
}

impl PartialEq for Prefixes {
    fn eq(&self, other: &Prefixes) -> bool {
        Arc::ptr_eq(&self.regions, &other.regions)
            && self.held == other.held
            && self.scopes == other.scopes
            && self.clients == other.clients
            && self.forwarders == other.forwarders
    }
}

impl Prefixes {
    /// What decisions can tell of the client: its region only where an order is for it or for its address.
    fn told_apart(&self, client: &Client, elsewhere: &Arc<str>) -> Client {
        let is_told = |region: &Arc<str>| !client.orders.is_empty() || self.held.contains(region);
        let region = client.region.as_ref().map(|region| if is_told(region) { region } else { elsewhere });
        Client { region: region.cloned(), orders: client.orders.clone() }
    }
}

/// The prefixes with their words, and what the numbers in those stand for.
#[derive(Clone, Debug)]
pub(super) struct Clients {
    from: Prefixes,
    /// The IPv4 prefixes.
    pub(super) v4: Arc<Vec<(Ipv4Net, u32)>>,
    /// The IPv6 prefixes.
    pub(super) v6: Arc<Vec<(Ipv6Net, u32)>>,
    /// Both, for the host.
    pub(super) index: Arc<Index>,
    /// The word of an address that no entry covers.
    pub(super) unknown: u32,
    /// By region number.
    pub(super) numbers: Arc<Vec<Client>>,
}

/// What the tables say about exactly one prefix.
#[derive(Clone, Debug, Default)]
struct Said {
    region: Option<Arc<str>>,
    orders: Vec<Arc<str>>,
    is_client: bool,
    is_forwarder: bool,
}

/// The prefixes as the host searches them: for each length in use, longest first, the prefixes of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Index {
    v4: Vec<(u8, HashMap<u32, u32>)>,
    v6: Vec<(u8, HashMap<u128, u32>)>,
}

impl Index {
    fn new(v4: &[(Ipv4Net, u32)], v6: &[(Ipv6Net, u32)]) -> Index {
        let (mut by_v4, mut by_v6) = (BTreeMap::new(), BTreeMap::new());
        for (prefix, word) in v4 {
            let prefixes: &mut HashMap<u32, u32> = by_v4.entry(prefix.prefix_len()).or_default();
            prefixes.insert(prefix.network().to_bits(), *word);
        }
        for (prefix, word) in v6 {
            let prefixes: &mut HashMap<u128, u32> = by_v6.entry(prefix.prefix_len()).or_default();
            prefixes.insert(prefix.network().to_bits(), *word);
        }
        Index { v4: by_v4.into_iter().rev().collect(), v6: by_v6.into_iter().rev().collect() }
    }

    /// The word of the longest prefix that covers the address.
    pub(super) fn find_v4(&self, address: u32) -> Option<u32> {
        let masked =
            |length: u8| address & u32::MAX.checked_shl(32u32.saturating_sub(length.into())).unwrap_or(0);
        self.v4.iter().find_map(|(length, prefixes)| prefixes.get(&masked(*length)).copied())
    }

    /// The word of the longest prefix that covers the address.
    pub(super) fn find_v6(&self, address: u128) -> Option<u32> {
        let masked =
            |length: u8| address & u128::MAX.checked_shl(128u32.saturating_sub(length.into())).unwrap_or(0);
        self.v6.iter().find_map(|(length, prefixes)| prefixes.get(&masked(*length)).copied())
    }
}

/// What holds inside a prefix.
#[derive(Clone, Debug)]
struct Inside {
    prefix: IpNet,
    client: Client,
    flags: u32,
    word: u32,
}

impl Clients {
    /// Numbers the regions. Prefixes that come out the same keep the `Arc` of `before`.
    pub(super) fn number(from: Prefixes, before: Option<&Clients>) -> Clients {
        let mut numbers = vec![Client::default()];
        let mut known = HashMap::from([(Client::default(), 0u32)]);
        let elsewhere: Arc<str> = ELSEWHERE.into();
        let answered = if from.clients.is_empty() { CLIENT_ANSWERED } else { 0 };
        let mut said: Vec<(IpNet, Said)> = said(&from).into_iter().collect();
        // an enclosing prefix comes before those inside it
        said.sort_unstable_by_key(|(prefix, _)| (prefix.addr(), prefix.prefix_len()));
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        let mut around: Vec<Inside> = Vec::new();
        for (prefix, said) in said {
            while around.last().is_some_and(|outer| !outer.prefix.contains(&prefix)) {
                around.pop();
            }
            let outer = around.last();
            let (client, flags) = inside(outer, said, answered);
            let told = from.told_apart(&client, &elsewhere);
            let number = *known.entry(told.clone()).or_insert_with(|| {
                numbers.push(told);
                u32::try_from(numbers.len().saturating_sub(1)).unwrap_or(0)
            });
            let word = number | flags;
            // what only repeats its surroundings needs no entry
            if word != outer.map_or(answered, |outer| outer.word) {
                match prefix {
                    IpNet::V4(prefix) => v4.push((prefix, word)),
                    IpNet::V6(prefix) => v6.push((prefix, word)),
                }
            }
            around.push(Inside { prefix, client, flags, word });
        }
        Clients {
            index: keep(before.map(|before| &before.index), Index::new(&v4, &v6)),
            v4: keep(before.map(|before| &before.v4), v4),
            v6: keep(before.map(|before| &before.v6), v6),
            unknown: answered,
            numbers: Arc::new(numbers),
            from,
        }
    }

    /// The region table that they are from.
    pub(super) fn regions(&self) -> &Arc<RegionTable> {
        &self.from.regions
    }

    /// Whether these were made from the same tables.
    pub(super) fn are_from(&self, from: &Prefixes) -> bool {
        self.from == *from
    }
}

fn keep<T: PartialEq>(before: Option<&Arc<T>>, now: T) -> Arc<T> {
    match before {
        Some(before) if **before == now => Arc::clone(before),
        _ => Arc::new(now),
    }
}

fn said(from: &Prefixes) -> HashMap<IpNet, Said> {
    let mut said: HashMap<IpNet, Said> = HashMap::new();
    for (prefix, region) in from.regions.iter() {
        said.entry(prefix).or_default().region = Some(Arc::clone(region));
    }
    for (id, prefixes) in &from.scopes {
        for prefix in prefixes {
            said.entry(*prefix).or_default().orders.push(Arc::clone(id));
        }
    }
    for prefix in &from.clients {
        said.entry(*prefix).or_default().is_client = true;
    }
    for prefix in &from.forwarders {
        said.entry(*prefix).or_default().is_forwarder = true;
    }
    said
}

/// What holds inside a prefix: what holds around it, and what is said about it.
fn inside(outer: Option<&Inside>, said: Said, answered: u32) -> (Client, u32) {
    let (mut client, mut flags) =
        outer.map_or((Client::default(), answered), |outer| (outer.client.clone(), outer.flags));
    if said.region.is_some() {
        client.region = said.region;
    }
    client.orders.extend(said.orders);
    client.orders.sort_unstable();
    client.orders.dedup();
    if said.is_client {
        flags |= CLIENT_ANSWERED;
    }
    if said.is_forwarder {
        flags |= CLIENT_FORWARDER;
    }
    (client, flags)
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use filter_common::abi::CLIENT_REGION;
    use proptest::prelude::*;

    use super::*;

    fn find(clients: &Clients, address: IpAddr) -> u32 {
        let found = match address {
            IpAddr::V4(address) => clients.index.find_v4(address.to_bits()),
            IpAddr::V6(address) => clients.index.find_v6(address.to_bits()),
        };
        found.unwrap_or(clients.unknown)
    }

    fn told(client: &Client) -> &str {
        client.region.as_deref().unwrap_or(UNKNOWN)
    }

    fn prefix(text: &str) -> IpNet {
        text.parse().expect("a prefix")
    }

    fn word(clients: &Clients, address: &str) -> (String, Vec<String>, bool, bool) {
        let word = find(clients, address.parse().expect("an address"));
        let client = &clients.numbers[(word & CLIENT_REGION) as usize];
        (
            told(client).to_owned(),
            client.orders.iter().map(|id| id.to_string()).collect(),
            word & CLIENT_ANSWERED != 0,
            word & CLIENT_FORWARDER != 0,
        )
    }

    fn said(
        region: &str,
        orders: &[&str],
        answered: bool,
        forwarder: bool,
    ) -> (String, Vec<String>, bool, bool) {
        (region.to_owned(), orders.iter().map(|id| (*id).to_owned()).collect(), answered, forwarder)
    }

    /// Of this table, every region held by an order.
    fn held(regions: &RegionTable) -> BTreeSet<Arc<str>> {
        regions.words().clone()
    }

    fn regions(text: &str) -> Arc<RegionTable> {
        Arc::new(RegionTable::parse(text, "regions.csv").expect("a table"))
    }

    #[test]
    fn every_table_has_its_say_at_every_prefix() {
        let regions = regions("192.0.2.0/24,IT\n192.0.2.128/25,DE\n2001:db8::/32,IT\n");
        let from = Prefixes {
            held: held(&regions),
            regions,
            scopes: vec![("X".into(), vec![prefix("192.0.2.192/26"), prefix("198.51.100.0/24")])],
            clients: vec![prefix("192.0.2.0/24"), prefix("2001:db8::/48")],
            forwarders: vec![prefix("192.0.2.193/32")],
        };
        let clients = Clients::number(from, None);
        for (address, expected) in [
            ("192.0.2.1", said("IT", &[], true, false)),
            ("192.0.2.129", said("DE", &[], true, false)),
            ("192.0.2.192", said("DE", &["X"], true, false)),
            ("192.0.2.193", said("DE", &["X"], true, true)),
            ("198.51.100.1", said("unknown", &["X"], false, false)),
            ("203.0.113.1", said("unknown", &[], false, false)),
            ("2001:db8::1", said("IT", &[], true, false)),
            ("2001:db8:1::1", said("IT", &[], false, false)),
            ("2001:db9::1", said("unknown", &[], false, false)),
        ] {
            assert_eq!(word(&clients, address), expected, "{address}");
        }
        assert_eq!(told(&clients.numbers[0]), UNKNOWN);
    }

    #[test]
    fn without_client_prefixes_everybody_is_answered() {
        let regions = regions("192.0.2.0/24,IT\n192.0.2.0/25,IT\n");
        let held = held(&regions);
        let from = Prefixes { regions, held, scopes: vec![], clients: vec![], forwarders: vec![] };
        let clients = Clients::number(from.clone(), None);
        assert_eq!(word(&clients, "192.0.2.1"), said("IT", &[], true, false));
        assert_eq!(word(&clients, "203.0.113.1"), said("unknown", &[], true, false));
        assert_eq!(clients.v4.len(), 1, "the half of one region needs no entry of its own");
        let again = Clients::number(from, Some(&clients));
        assert!(Arc::ptr_eq(&again.v4, &clients.v4));
    }

    #[test]
    fn regions_that_no_order_holds_share_a_number() {
        let regions = regions("192.0.2.0/24,IT\n192.0.2.128/25,DE\n198.51.100.0/24,FR\n203.0.113.0/24,DE\n");
        let of = |held: &[&str]| Prefixes {
            regions: Arc::clone(&regions),
            held: held.iter().map(|word| Arc::from(*word)).collect(),
            scopes: vec![],
            clients: vec![],
            forwarders: vec![],
        };
        let clients = Clients::number(of(&["IT"]), None);
        let words: Vec<&str> = clients.numbers.iter().map(told).collect();
        assert_eq!(words.len(), 3, "{words:?}");
        for (address, expected) in [
            ("192.0.2.1", "IT"),
            ("192.0.2.129", ELSEWHERE),
            ("198.51.100.1", ELSEWHERE),
            ("192.0.3.1", UNKNOWN),
        ] {
            assert_eq!(word(&clients, address), said(expected, &[], true, false), "{address}");
        }
        let with_fr = Clients::number(of(&["FR", "IT"]), Some(&clients));
        assert!(!with_fr.are_from(&of(&["IT"])));
        assert_eq!(word(&with_fr, "198.51.100.1"), said("FR", &[], true, false));
        assert_eq!(word(&with_fr, "203.0.113.1"), said(ELSEWHERE, &[], true, false));
    }

    proptest! {
        #[test]
        fn agrees_with_asking_each_table(
            entries in proptest::collection::vec((0u32..16, 28u8..=32, 0usize..5), 0..24),
            low in 0u32..16,
        ) {
            let mut table = HashMap::new();
            let (mut scope, mut client, mut forwarder) = (Vec::new(), Vec::new(), Vec::new());
            for (bits, length, kind) in entries {
                let net = IpNet::new(std::net::Ipv4Addr::from(0xc000_0200 | bits).into(), length).expect("a prefix").trunc();
                match kind {
                    0 => { table.entry(net).or_insert("IT"); }
                    1 => { table.entry(net).or_insert("DE"); }
                    2 => scope.push(net),
                    3 => client.push(net),
                    _ => forwarder.push(net),
                }
            }
            let text: String = table.iter().map(|(prefix, region)| format!("{prefix},{region}\n")).collect();
            let regions = regions(&text);
            let address = IpAddr::from(std::net::Ipv4Addr::from(0xc000_0200 | low));
            let holds = |prefixes: &[IpNet]| prefixes.iter().any(|prefix| prefix.contains(&address));
            let expected = said(
                regions.lookup(address).unwrap_or(UNKNOWN),
                if holds(&scope) { &["X"] } else { &[] },
                client.is_empty() || holds(&client),
                holds(&forwarder),
            );
            let held = held(&regions);
            let from = Prefixes { regions, held, scopes: vec![("X".into(), scope)], clients: client, forwarders: forwarder };
            prop_assert_eq!(word(&Clients::number(from, None), &address.to_string()), expected);
        }
    }
}
