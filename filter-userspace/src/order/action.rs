//! What an order asks for when one of its names is queried.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer};

use super::words::OrderType;

/// Octets of the longest EXTRA-TEXT.
pub const MAX_TEXT: usize = 64;
/// The longest TTL in seconds: how long an unblock may take.
pub const MAX_TTL: u32 = 86_400;
/// TTL unless the order says otherwise.
const DEFAULT_TTL: u32 = 60;
/// EDE of an authority's order (RFC 8914 section 4.17).
const EDE_CENSORED: u16 = 16;
/// EDE of the operator's own choice (RFC 8914 section 4.16).
const EDE_BLOCKED: u16 = 15;
/// EDE of an answer with an address of ours (RFC 8914 section 4.5).
const EDE_FORGED: u16 = 4;

/// What is done with a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActionKind {
    /// The name does not exist.
    Nxdomain,
    /// The name has no data of the type.
    Nodata,
    /// Refused.
    Refused,
    /// An address of the operator's own.
    Address,
    /// Dropped: a last resort (RFC 8906).
    Drop,
    /// Left alone.
    Passthru,
}

impl ActionKind {
    /// The word in order files, JSON and metrics.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            ActionKind::Nxdomain => "nxdomain",
            ActionKind::Nodata => "nodata",
            ActionKind::Refused => "refused",
            ActionKind::Address => "address",
            ActionKind::Drop => "drop",
            ActionKind::Passthru => "passthru",
        }
    }

    const fn is_answer(self) -> bool {
        match self {
            ActionKind::Nxdomain | ActionKind::Nodata | ActionKind::Refused | ActionKind::Address => true,
            ActionKind::Drop | ActionKind::Passthru => false,
        }
    }
}

/// What an order asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Action {
    /// What is done.
    pub kind: ActionKind,
    /// INFO-CODE of the extended DNS error; `None` for drop and passthru.
    pub ede: Option<u16>,
    /// TTL of the answer in seconds.
    pub ttl: u32,
    /// EXTRA-TEXT of the extended DNS error, at most 64 octets.
    pub text: String,
    /// The address for A queries.
    pub a: Option<Ipv4Addr>,
    /// The address for AAAA queries.
    pub aaaa: Option<Ipv6Addr>,
    /// The query types it is for; empty: all.
    pub types: BTreeSet<u16>,
}

/// The `action` table.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct ActionTable {
    kind: ActionKind,
    ede: Option<u16>,
    ttl: Option<u32>,
    text: Option<String>,
    a: Option<Ipv4Addr>,
    aaaa: Option<Ipv6Addr>,
    #[serde(default)]
    types: BTreeSet<QueryType>,
}

impl ActionTable {
    /// What an order gets that says nothing.
    pub(super) fn nxdomain() -> ActionTable {
        let types = BTreeSet::new();
        ActionTable {
            kind: ActionKind::Nxdomain,
            ede: None,
            ttl: None,
            text: None,
            a: None,
            aaaa: None,
            types,
        }
    }

    /// Checks the keys against each other and fills in what was left out.
    pub(super) fn check(self, order_type: OrderType) -> Result<Action, String> {
        let label = self.kind.label();
        let answers = self.kind.is_answer();
        if !answers && (self.ede.is_some() || self.ttl.is_some() || self.text.is_some()) {
            return Err(format!("action {label} answers nothing; expected no ede, ttl or text; remove them"));
        }
        let has_address = self.a.is_some() || self.aaaa.is_some();
        if (self.kind == ActionKind::Address) != has_address {
            return Err(if has_address {
                format!("action {label} has an address; expected one with kind \"address\" only; remove it")
            } else {
                "action address has no address; expected `a`, `aaaa` or both; add one".to_owned()
            });
        }
        let ttl = self.ttl.unwrap_or(DEFAULT_TTL);
        if !(1..=MAX_TTL).contains(&ttl) {
            return Err(format!("ttl is {ttl}; expected 1 to {MAX_TTL} seconds; correct it"));
        }
        let text = self.text.unwrap_or_default();
        if text.len() > MAX_TEXT || text.chars().any(char::is_control) {
            return Err(format!(
                "text has {} octets or a control character; expected one line of at most {MAX_TEXT} octets; shorten it",
                text.len()
            ));
        }
        let ede = answers.then(|| self.ede.unwrap_or_else(|| default_ede(self.kind, order_type)));
        let types = self.types.into_iter().map(|QueryType(number)| number).collect();
        Ok(Action { kind: self.kind, ede, ttl, text, a: self.a, aaaa: self.aaaa, types })
    }
}

fn default_ede(kind: ActionKind, order_type: OrderType) -> u16 {
    match kind {
        ActionKind::Address => EDE_FORGED,
        _ if order_type.is_own_choice() => EDE_BLOCKED,
        _ => EDE_CENSORED,
    }
}

/// A query type: its mnemonic, `TYPE65`, or its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct QueryType(u16);

impl QueryType {
    fn parse(text: &str) -> Option<QueryType> {
        let number = crate::qtype::parse(text).ok()?;
        (number != 0).then_some(QueryType(number))
    }
}

impl<'de> Deserialize<'de> for QueryType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<QueryType, D::Error> {
        struct Types;
        impl Visitor<'_> for Types {
            type Value = QueryType;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a query type such as \"A\", \"HTTPS\", \"TYPE65\" or 65")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<QueryType, E> {
                QueryType::parse(text).ok_or_else(|| {
                    E::custom(format!(
                        "`{text}` is no query type; expected such as \"A\" or \"TYPE65\"; correct it"
                    ))
                })
            }

            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<QueryType, E> {
                match u16::try_from(number) {
                    Ok(number) if number != 0 => Ok(QueryType(number)),
                    _ => {
                        Err(E::custom(format!("{number} is no query type; expected 1 to 65535; correct it")))
                    }
                }
            }

            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<QueryType, E> {
                self.visit_i64(i64::try_from(number).unwrap_or(0))
            }
        }
        deserializer.deserialize_any(Types).map_err(D::Error::custom)
    }
}
