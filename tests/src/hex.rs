//! Octets as hex digits, in scenario files and in messages of failing tests.

use std::fmt;

use serde::Deserialize;

/// Octets written as hex digits, in any number of words; `00*40` means forty zero octets.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Octets(pub Vec<u8>);

impl TryFrom<String> for Octets {
    type Error = String;

    fn try_from(text: String) -> Result<Octets, String> {
        let mut octets = Vec::new();
        for word in text.split_whitespace() {
            let (digits, times) = word.split_once('*').unwrap_or((word, "1"));
            let times: usize = times.parse().map_err(|e| format!("octets {word:?}: {e}"))?;
            octets.extend(parse(digits)?.repeat(times));
        }
        Ok(Octets(octets))
    }
}

impl fmt::Debug for Octets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&show(&self.0))
    }
}

/// Octets from hex digits.
///
/// # Errors
/// When there is something else than pairs of hex digits, white space and colons.
pub fn parse(text: &str) -> Result<Vec<u8>, String> {
    let digits: Vec<u8> = text
        .chars()
        .filter(|c| !c.is_whitespace() && *c != ':')
        .map(|c| {
            c.to_digit(16).map(|d| d as u8).ok_or_else(|| format!("octets {text:?}: {c:?} is no hex digit"))
        })
        .collect::<Result<_, _>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(format!("octets {text:?}: an odd number of hex digits"));
    }
    Ok(pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

/// Octets as hex digits.
#[must_use]
pub fn show(octets: &[u8]) -> String {
    octets.iter().map(|o| format!("{o:02x}")).collect()
}
