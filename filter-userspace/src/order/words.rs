//! The closed vocabularies and checked words of the order file.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

/// Characters of the longest identifier.
const MAX_ID: usize = 64;
/// Octets of the longest free line.
const MAX_LINE: usize = 1024;

/// An order's identifier: 1 to 64 of `A-Z a-z 0-9 . _ : / -`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OrderId(Arc<str>);

impl OrderId {
    /// Checks an identifier.
    ///
    /// # Errors
    /// What an identifier looks like.
    pub fn parse(text: &str) -> Result<OrderId, String> {
        let known = |octet: u8| octet.is_ascii_alphanumeric() || b"._:/-".contains(&octet);
        if (1..=MAX_ID).contains(&text.len()) && text.bytes().all(known) {
            return Ok(OrderId(text.into()));
        }
        Err(format!(
            "id `{text}` is not an identifier; expected 1 to {MAX_ID} letters, digits and `._:/-`; rename the order"
        ))
    }

    /// The identifier.
    #[must_use]
    pub fn into_inner(self) -> Arc<str> {
        self.0
    }
}

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for OrderId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<OrderId, D::Error> {
        OrderId::parse(&Cow::<str>::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// What kind of instrument an order is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OrderType {
    /// A court's.
    CourtOrder,
    /// A regulator's or ministry's.
    Administrative,
    /// A sanction.
    Sanction,
    /// The police's or a prosecutor's.
    LawEnforcement,
    /// A voluntary code that the operator has joined.
    VoluntaryCode,
    /// The operator's own.
    Internal,
}

impl OrderType {
    /// The word in order files, JSON and reports.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            OrderType::CourtOrder => "court-order",
            OrderType::Administrative => "administrative",
            OrderType::Sanction => "sanction",
            OrderType::LawEnforcement => "law-enforcement",
            OrderType::VoluntaryCode => "voluntary-code",
            OrderType::Internal => "internal",
        }
    }

    /// Whether the operator obeys itself and no authority.
    #[must_use]
    pub const fn is_own_choice(self) -> bool {
        matches!(self, OrderType::VoluntaryCode | OrderType::Internal)
    }
}

/// The authority's word about the order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Provisional, to be obeyed.
    Interim,
    /// Final.
    #[default]
    Final,
    /// Appealed, still to be obeyed.
    Appealed,
    /// Upheld on appeal.
    Upheld,
    /// Not to be obeyed for now.
    Suspended,
    /// Withdrawn.
    Lifted,
    /// Declared void.
    Annulled,
    /// Past its end.
    Expired,
}

impl Status {
    /// The word in order files and JSON.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Status::Interim => "interim",
            Status::Final => "final",
            Status::Appealed => "appealed",
            Status::Upheld => "upheld",
            Status::Suspended => "suspended",
            Status::Lifted => "lifted",
            Status::Annulled => "annulled",
            Status::Expired => "expired",
        }
    }

    /// Whether the order is to be obeyed, dates aside.
    #[must_use]
    pub const fn is_binding(self) -> bool {
        match self {
            Status::Interim | Status::Final | Status::Appealed | Status::Upheld => true,
            Status::Suspended | Status::Lifted | Status::Annulled | Status::Expired => false,
        }
    }
}

/// Where an order is published.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FilteringDb {
    /// The database.
    #[serde(deserialize_with = "line")]
    pub db: String,
    /// The order's identifier in it.
    #[serde(deserialize_with = "line")]
    pub id: String,
}

/// A line of text without control characters.
pub(super) fn line<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.len() > MAX_LINE {
        return Err(D::Error::custom(format!(
            "the text has {} octets; expected at most {MAX_LINE}; shorten it",
            text.len()
        )));
    }
    if text.chars().any(char::is_control) {
        return Err(D::Error::custom(
            "the text has a control character; expected one line of text; remove it",
        ));
    }
    Ok(text)
}

/// A line of text; an empty one is none.
pub(super) fn some_line<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    line(deserializer).map(|text| Some(text).filter(|text| !text.is_empty()))
}

/// An ISO 3166 country code.
pub(super) fn country<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    checked(deserializer, "country", "an ISO 3166 code of two capital letters such as \"IT\"", |text| {
        text.len() == 2 && text.bytes().all(|octet| octet.is_ascii_uppercase())
    })
}

/// An amount of money: currency code and number.
pub(super) fn money<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    checked(deserializer, "fine-per-day", "a currency and an amount such as \"EUR 10000\"", |text| {
        text.split_once(' ').is_some_and(|(currency, amount)| {
            currency.len() == 3
                && currency.bytes().all(|octet| octet.is_ascii_uppercase())
                && amount.starts_with(|c: char| c.is_ascii_digit())
                && amount.bytes().all(|octet| octet.is_ascii_digit() || octet == b'.')
        })
    })
}

/// How to reach somebody.
pub(super) fn contact<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    checked(deserializer, "contact", "a mailto:, https: or tel: URI", |text| {
        ["mailto:", "https://", "tel:"]
            .iter()
            .any(|scheme| text.starts_with(scheme) && text.len() > scheme.len())
    })
}

fn checked<'de, D: Deserializer<'de>>(
    deserializer: D,
    key: &str,
    expected: &str,
    good: impl Fn(&str) -> bool,
) -> Result<Option<String>, D::Error> {
    match some_line(deserializer)? {
        Some(text) if !good(&text) => {
            Err(D::Error::custom(format!("{key} `{text}` cannot be read; expected {expected}; correct it")))
        }
        text => Ok(text),
    }
}
