//! For which clients an order is: everybody, or regions and prefixes.

use std::collections::BTreeSet;
use std::fmt;

use ipnet::IpNet;
use serde::de::{Error as _, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer, Serialize};

/// Characters of the longest region word.
const MAX_WORD: usize = 32;

/// What an order does to clients whose region is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unknown {
    /// The order applies.
    Block,
    /// It does not.
    #[default]
    Allow,
}

/// For which clients an order is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Everybody, clients of an unknown region included.
    Global,
    /// Clients in one of the regions or prefixes.
    Part {
        /// Region words. A country's code holds its subdivisions: `US` applies to `US-CA`.
        regions: BTreeSet<String>,
        /// Client prefixes.
        prefixes: BTreeSet<IpNet>,
        /// Whether clients of an unknown region are included.
        unknown: Unknown,
    },
}

impl Scope {
    /// Whether the order applies to a client of this region (`None`: unknown), prefixes aside.
    #[must_use]
    pub fn holds_region(&self, region: Option<&str>) -> bool {
        match (self, region) {
            (Scope::Global, _) => true,
            (Scope::Part { unknown, .. }, None) => *unknown == Unknown::Block,
            (Scope::Part { regions, .. }, Some(region)) => {
                regions.contains(region)
                    || country_of(region).is_some_and(|country| regions.contains(country))
            }
        }
    }

    /// Whether a scope's word holds a region: its own, or the country's of a subdivision.
    #[must_use]
    pub fn word_holds(word: &str, region: &str) -> bool {
        word == region || country_of(region) == Some(word)
    }

    /// The prefixes of its own.
    pub fn prefixes(&self) -> impl Iterator<Item = &IpNet> {
        let prefixes = match self {
            Scope::Global => None,
            Scope::Part { prefixes, .. } => Some(prefixes),
        };
        prefixes.into_iter().flatten()
    }
}

/// The country of an ISO 3166-2 subdivision.
fn country_of(region: &str) -> Option<&str> {
    let (country, _) = region.split_once('-')?;
    (country.len() == 2 && country.bytes().all(|octet| octet.is_ascii_uppercase())).then_some(country)
}

/// Whether the text can be a region's word: 1 to 32 letters, digits, `-`, `_` and `.`, and not `unknown`.
#[must_use]
pub fn is_region_word(text: &str) -> bool {
    (1..=MAX_WORD).contains(&text.len())
        && text != "unknown"
        && text.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"-_.".contains(&octet))
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Part {
    #[serde(default)]
    regions: BTreeSet<String>,
    #[serde(default)]
    prefixes: Vec<Prefix>,
    #[serde(default)]
    unknown: Unknown,
}

/// A prefix, or an address for the prefix of it alone.
struct Prefix(IpNet);

impl<'de> Deserialize<'de> for Prefix {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Prefix, D::Error> {
        let text = String::deserialize(deserializer)?;
        crate::region::parse_prefix(&text).map(Prefix).map_err(D::Error::custom)
    }
}

impl TryFrom<Part> for Scope {
    type Error = String;

    fn try_from(part: Part) -> Result<Scope, String> {
        if let Some(word) = part.regions.iter().find(|word| !is_region_word(word)) {
            return Err(format!(
                "region `{word}` cannot be read; expected an ISO 3166 code or a word of letters, digits and `-_.` \
                 (clients of no region are set by `unknown`); correct it"
            ));
        }
        if part.regions.is_empty() && part.prefixes.is_empty() {
            return Err(
                "the scope is empty; expected regions or prefixes; name some, or write scope = \"global\""
                    .into(),
            );
        }
        let prefixes = part.prefixes.into_iter().map(|Prefix(prefix)| prefix).collect();
        Ok(Scope::Part { regions: part.regions, prefixes, unknown: part.unknown })
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Scope, D::Error> {
        struct Scopes;
        impl<'de> Visitor<'de> for Scopes {
            type Value = Scope;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"global\" or a table such as { regions = [\"IT\"], unknown = \"allow\" }")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Scope, E> {
                match text {
                    "global" => Ok(Scope::Global),
                    _ => Err(E::custom(format!(
                        "scope `{text}` is unknown; expected \"global\" or a table; write such as {{ regions = [\"IT\"] }}"
                    ))),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Scope, A::Error> {
                let part = Part::deserialize(MapAccessDeserializer::new(map))?;
                Scope::try_from(part).map_err(A::Error::custom)
            }
        }
        deserializer.deserialize_any(Scopes)
    }
}
