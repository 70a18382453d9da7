//! What happens to a query, and why: decided by the filter itself on a frame made for it, then read back from the rules.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use etherparse::PacketBuilder;
use filter_common::abi::{CLIENT_ANSWERED, CLIENT_REGION, SETTING_SERVICES, Settings};
use filter_common::hash::NameHash;
use filter_common::host::Frame;
use filter_common::{Hit, Outcome, Policy, Verdict, filter};
use jiff::Timestamp;
use jiff::civil::Date;

use super::clients::UNKNOWN;
use super::host::HostPolicy;
use super::rows::{Terms, applies, is_for_type, rank};
use super::rule::{Cover, Rule};
use super::snapshot::Snapshot;
use crate::names::{Coverage, Name, NameRef};
use crate::order::{Action, Order};

/// Destinations of the frame: the second when the first is the client itself.
const SERVICES_V4: [Ipv4Addr; 2] = [Ipv4Addr::new(192, 0, 2, 53), Ipv4Addr::new(192, 0, 2, 54)];
const SERVICES_V6: [Ipv6Addr; 2] =
    [Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x53), Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x54)];
/// Source of the frame of a client that is only a region.
const CLIENT: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Client {
    /// A client with this address.
    Address(IpAddr),
    /// A client in this region, outside the orders' own prefixes; `unknown` for none.
    Region(String),
}

/// Why nothing can be explained.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExplainError {
    /// Nobody is in the region.
    #[error("no prefix has the region {0}; expected one of {1}; name one of them, or a client's address")]
    Region(String, String),
    /// The frame could not be built.
    #[error("a query for {0} cannot be built; expected a name that fits a frame; report this")]
    Frame(Name),
}

/// What happens to a query, and why.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The name asked for.
    pub name: Name,
    /// The type asked for.
    pub qtype: u16,
    /// The client's region; `unknown` for none.
    pub region: String,
    /// What is done.
    pub verdict: Verdict,
    /// RCODE of the header when the query is answered.
    pub rcode: Option<u16>,
    /// The rule that decides; `None` when the query passes because none applies.
    pub matched: Option<Matched>,
    /// Every rule in force that covers the name, whoever it is for; the longest name first, the winner first there.
    pub covering: Vec<Covering>,
}

impl Explanation {
    /// The verdict's word.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self.verdict {
            Verdict::Pass(_) => "pass",
            Verdict::Drop(_) => "drop",
            Verdict::Answer(_) => "answer",
            Verdict::Reset => "reset",
        }
    }

    /// The reason's word, for what passes or is dropped.
    #[must_use]
    pub const fn reason(&self) -> Option<&'static str> {
        match self.verdict {
            Verdict::Pass(reason) => Some(reason.label()),
            Verdict::Drop(reason) => Some(reason.label()),
            Verdict::Answer(_) | Verdict::Reset => None,
        }
    }
}

/// The rule that decides.
#[derive(Clone, Debug)]
pub struct Matched {
    /// The rule.
    pub rule: Covering,
    /// What its order asks for.
    pub action: Action,
    /// Its counter; 0: it is not counted.
    pub hits: u32,
    /// Ids of every order that is credited with the hit, sorted.
    pub orders: Arc<[Arc<str>]>,
}

/// A rule in force that covers the name.
#[derive(Clone, Debug)]
pub struct Covering {
    /// The order.
    pub order: Arc<Order>,
    /// The list of the order that holds the name; `None`: the order's own file.
    pub list: Option<Arc<str>>,
    /// Line in the list or the order file; 0: unknown.
    pub line: u32,
    /// The listed name.
    pub name: Name,
    /// What the rule covers.
    pub coverage: Coverage,
    /// When the name was added to the order.
    pub added: Option<Date>,
    /// Since when the order is in force; `None`: always.
    pub since: Option<Timestamp>,
    /// Whether it applies to the client and the type.
    pub applies: bool,
}

/// Says what happens to a query of the name and type from the client.
///
/// # Errors
/// When nobody is in the region.
pub fn explain(
    snapshot: &Snapshot,
    name: &Name,
    client: &Client,
    qtype: u16,
    settings: &Settings,
) -> Result<Explanation, ExplainError> {
    let (policy, address) = match client {
        Client::Address(address) => (HostPolicy::new(snapshot), address.to_canonical()),
        Client::Region(region) => {
            let word = word_of(snapshot, region)?;
            (HostPolicy::new(snapshot).with_client(word), CLIENT.into())
        }
    };
    let octets = query(name, qtype, address, settings).ok_or_else(|| ExplainError::Frame(name.clone()))?;
    // explained as if it reached the service, wherever that is
    let settings = Settings { flags: settings.flags & !SETTING_SERVICES, ..*settings };
    let outcome = filter(&Frame::new(&octets), &policy, &settings);
    let region = client_word(&policy, address) & CLIENT_REGION;
    let covering = covering(snapshot, name, region, qtype);
    let matched = match outcome {
        Outcome::Matched(judged) => matched(snapshot, &judged.hit, &covering),
        Outcome::Unmatched(_) => None,
    };
    Ok(Explanation {
        name: name.clone(),
        qtype,
        region: match client {
            Client::Address(address) => snapshot.regions.lookup(*address).unwrap_or(UNKNOWN).to_owned(),
            Client::Region(region) => region.clone(),
        },
        verdict: outcome.verdict(),
        rcode: match outcome.verdict() {
            Verdict::Answer(action) => snapshot.actions.get(action as usize).map(|action| action.rcode),
            Verdict::Pass(_) | Verdict::Drop(_) | Verdict::Reset => None,
        },
        matched,
        covering,
    })
}

/// The word of a client that is only known to be in a region: outside of the orders' own prefixes, if there are such.
fn word_of(snapshot: &Snapshot, region: &str) -> Result<u32, ExplainError> {
    let (policy, regions) = (HostPolicy::new(snapshot), &snapshot.regions);
    let prefixes = regions.iter().filter(|(_, word)| ***word == *region);
    let ends = prefixes.flat_map(|(prefix, _)| [prefix.network(), prefix.broadcast()]);
    let inside = ends.filter(|address| regions.lookup(*address) == Some(region));
    let numbers = inside.map(|address| client_word(&policy, address) & CLIENT_REGION);
    let orders = |number: &u32| snapshot.clients.get(*number as usize).map(|client| client.orders.len());
    let number = if region == UNKNOWN { Some(0) } else { numbers.min_by_key(orders) };
    number.map(|number| number | CLIENT_ANSWERED).ok_or_else(|| {
        let words: Vec<&str> = regions.words().iter().map(|word| &**word).chain([UNKNOWN]).collect();
        ExplainError::Region(region.to_owned(), words.join(", "))
    })
}

fn client_word(policy: &HostPolicy<'_>, address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(address) => policy.client_v4(u32::from_le_bytes(address.octets())),
        IpAddr::V6(address) => {
            let bits = u128::from_le_bytes(address.octets());
            policy.client_v6(bits as u64, (bits >> 64) as u64)
        }
    }
}

/// A frame with the query.
fn query(name: &Name, qtype: u16, client: IpAddr, settings: &Settings) -> Option<Vec<u8>> {
    let [port, ..] = settings.ports;
    let builder = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
    let builder = match client {
        IpAddr::V4(client) => {
            let service = SERVICES_V4.into_iter().find(|service| *service != client)?;
            builder.ipv4(client.octets(), service.octets(), 64)
        }
        IpAddr::V6(client) => {
            let service = SERVICES_V6.into_iter().find(|service| *service != client)?;
            builder.ipv6(client.octets(), service.octets(), 64)
        }
    }
    .udp(53_000, port);
    let mut message = vec![0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1];
    message.extend_from_slice(name.borrow().wire());
    message.push(0);
    message.extend_from_slice(&qtype.to_be_bytes());
    message.extend_from_slice(&[0, 1]);
    // an OPT record: root, type 41, payload size 1232
    message.extend_from_slice(&[0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]);
    let mut frame = Vec::with_capacity(builder.size(message.len()));
    builder.write(&mut frame, &message).ok()?;
    Some(frame)
}

/// Every rule in force that covers the name.
fn covering(snapshot: &Snapshot, name: &Name, region: u32, qtype: u16) -> Vec<Covering> {
    let mut hashes: Vec<NameHash> = name.borrow().hashes(snapshot.hash_key()).collect();
    hashes.reverse();
    let root = (NameRef::ROOT, snapshot.root);
    let holders = name.borrow().suffixes().zip(hashes);
    let holders = holders.map(|(suffix, hash)| (suffix, set_of(snapshot, hash))).chain(std::iter::once(root));
    let mut all = Vec::new();
    for (suffix, set) in holders {
        let cover = if suffix == name.borrow() { Cover::AT } else { Cover::BELOW };
        let rules = snapshot.sets.get(set as usize).map(|set| Arc::clone(&set.own)).unwrap_or_default();
        let rules = rules.iter().filter(|rule| rule.cover.holds(cover));
        let mut here: Vec<Covering> =
            rules.filter_map(|rule| described(snapshot, suffix, *rule, region, qtype)).collect();
        here.sort_by_cached_key(|rule| (!rule.applies, rank(&rule.order)));
        all.extend(here);
    }
    all
}

fn set_of(snapshot: &Snapshot, hash: NameHash) -> u32 {
    let value = snapshot.names.get(hash.key(), hash.check());
    u32::try_from(value.unwrap_or(0) >> 33).unwrap_or(0)
}

fn described(
    snapshot: &Snapshot,
    name: NameRef<'_>,
    rule: Rule,
    region: u32,
    qtype: u16,
) -> Option<Covering> {
    let terms = snapshot.terms.get(rule.part as usize)?.as_ref()?;
    let order = &terms.order;
    let client = snapshot.clients.get(region as usize)?;
    let (line, added) = entry(terms, name);
    Some(Covering {
        order: Arc::clone(order),
        list: terms.list.as_ref().map(|(path, _)| Arc::clone(path)),
        line,
        name: name.to_name(),
        coverage: rule.cover.coverage(),
        added,
        since: order.begins(),
        applies: applies(order, client) && is_for_type(order, Some(qtype)),
    })
}

/// Where the part holds the name, and since when.
fn entry(terms: &Terms, name: NameRef<'_>) -> (u32, Option<Date>) {
    let found = match &terms.list {
        Some((_, list)) => list.rules().find(|rule| rule.name == name).map(|rule| (rule.line, None)),
        None => {
            let mut names = terms.order.names.iter();
            names.find(|listed| listed.name.borrow() == name).map(|listed| (listed.line, listed.added))
        }
    };
    found.unwrap_or((0, None))
}

/// The rule behind a match: the first that applies at the name whose key the filter found.
fn matched(snapshot: &Snapshot, hit: &Hit, covering: &[Covering]) -> Option<Matched> {
    let key = snapshot.hash_key();
    let is_it = |rule: &&Covering| {
        let found = if rule.name == Name::ROOT { 0 } else { rule.name.hash(key).key() };
        rule.applies && found == hit.key
    };
    let rule = covering.iter().find(is_it)?;
    let mut orders: Vec<Arc<str>> =
        covering.iter().filter(|rule| rule.applies).map(|rule| Arc::clone(&rule.order.id)).collect();
    orders.sort_unstable();
    orders.dedup();
    Some(Matched {
        rule: rule.clone(),
        action: rule.order.action.clone(),
        hits: hit.hits,
        orders: orders.into(),
    })
}
