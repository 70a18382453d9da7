//! Regions: client address to region, by the operator's own table of prefixes. Pure.
//!
//! It owns the CSV file and the rule that the longest prefix wins. It refuses to know orders and what a region is for.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use crate::order::is_region_word;

/// Why a region file is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}:{line}: {what}")]
pub struct RegionError {
    /// The file.
    pub path: String,
    /// Line, from 1.
    pub line: u32,
    /// Subject and fact; what was expected; remedy.
    pub what: String,
}

/// The region of an address, and which line says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found<'a> {
    /// The region's word.
    pub region: &'a str,
    /// The prefix that decided.
    pub prefix: IpNet,
    /// Its line, from 1.
    pub line: u32,
}

#[derive(Clone, Debug)]
struct Entry {
    region: Arc<str>,
    line: u32,
}

/// The operator's prefixes.
#[derive(Clone, Debug, Default)]
pub struct RegionTable {
    entries: HashMap<IpNet, Entry>,
    /// Lengths in use, longest first, of IPv4 and of IPv6.
    lengths: [Vec<u8>; 2],
    words: BTreeSet<Arc<str>>,
}

impl RegionTable {
    /// Reads `prefix,region` lines; `#` comments, blank lines and the header `prefix,region` are allowed.
    ///
    /// # Errors
    /// The first line that cannot be used: a wrong table must not decide whose law applies to whom.
    pub fn parse(text: &str, path: &str) -> Result<RegionTable, RegionError> {
        let mut table = RegionTable::default();
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for (number, line) in (1u32..).zip(text.lines()) {
            let line = line.split('#').next().unwrap_or_default().trim();
            if line.is_empty() || (number == 1 && is_header(line)) {
                continue;
            }
            table.read_line(line, number).map_err(|what| RegionError {
                path: path.to_owned(),
                line: number,
                what,
            })?;
        }
        table.measure();
        Ok(table)
    }

    /// The region of an address: the longest prefix wins. An IPv4-mapped IPv6 address counts as IPv4.
    #[must_use]
    pub fn find(&self, address: IpAddr) -> Option<Found<'_>> {
        let address = address.to_canonical();
        let [v4, v6] = &self.lengths;
        let lengths = if address.is_ipv4() { v4 } else { v6 };
        lengths.iter().find_map(|length| {
            let prefix = IpNet::new(address, *length).ok()?.trunc();
            let entry = self.entries.get(&prefix)?;
            Some(Found { region: &entry.region, prefix, line: entry.line })
        })
    }

    /// The region's word of an address.
    #[must_use]
    pub fn lookup(&self, address: IpAddr) -> Option<&str> {
        self.find(address).map(|found| found.region)
    }

    /// Every prefix with its region's word, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (IpNet, &Arc<str>)> {
        self.entries.iter().map(|(prefix, entry)| (*prefix, &entry.region))
    }

    /// The region of exactly this prefix.
    #[must_use]
    pub fn region_of(&self, prefix: IpNet) -> Option<&Arc<str>> {
        self.entries.get(&prefix).map(|entry| &entry.region)
    }

    /// The regions' words.
    #[must_use]
    pub fn words(&self) -> &BTreeSet<Arc<str>> {
        &self.words
    }

    /// How many prefixes it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it has no prefix.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn read_line(&mut self, line: &str, number: u32) -> Result<(), String> {
        let Some((prefix, region)) = line.split_once(',') else {
            return Err(format!("the line `{line}` has no comma; expected prefix,region; correct it"));
        };
        let prefix = parse_prefix(unquoted(prefix))?;
        let region = unquoted(region);
        if !is_region_word(region) {
            return Err(format!(
                "region `{region}` cannot be read; expected an ISO 3166 code or a word of 1 to 32 letters, digits and \
                 `-_.`, and not `unknown`; correct it"
            ));
        }
        if let Some(other) = self.entries.get(&prefix) {
            if &*other.region == region {
                return Ok(());
            }
            return Err(format!(
                "prefix {prefix} is {region} here and {} in line {}; expected one region a prefix; remove one",
                other.region, other.line
            ));
        }
        let region = self.word(region);
        self.entries.insert(prefix, Entry { region, line: number });
        Ok(())
    }

    fn word(&mut self, region: &str) -> Arc<str> {
        if let Some(known) = self.words.get(region) {
            return Arc::clone(known);
        }
        let word: Arc<str> = region.into();
        self.words.insert(Arc::clone(&word));
        word
    }

    fn measure(&mut self) {
        let mut sets = [BTreeSet::new(), BTreeSet::new()];
        for prefix in self.entries.keys() {
            let [v4, v6] = &mut sets;
            let _new = if prefix.addr().is_ipv4() { v4 } else { v6 }.insert(prefix.prefix_len());
        }
        self.lengths = sets.map(|set| set.into_iter().rev().collect());
    }
}

fn is_header(line: &str) -> bool {
    line.split(',').next().is_some_and(|first| unquoted(first).eq_ignore_ascii_case("prefix"))
}

fn unquoted(field: &str) -> &str {
    let field = field.trim();
    field.strip_prefix('"').and_then(|field| field.strip_suffix('"')).unwrap_or(field)
}

/// Reads a prefix; an address is the prefix of it alone.
///
/// # Errors
/// Subject and fact; what was expected; remedy.
pub fn parse_prefix(text: &str) -> Result<IpNet, String> {
    let prefix = match (text.parse::<IpNet>(), text.parse::<IpAddr>()) {
        (Ok(prefix), _) => prefix,
        (_, Ok(address)) => IpNet::from(address),
        _ => {
            return Err(format!(
                "`{text}` is not a prefix; expected such as 192.0.2.0/24 or 2001:db8::/32; correct it"
            ));
        }
    };
    if prefix != prefix.trunc() {
        return Err(format!(
            "prefix {prefix} has bits beyond its length; expected {}; correct the address or the length",
            prefix.trunc()
        ));
    }
    Ok(prefix)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TABLE: &str = "prefix,region\n# Italy\n192.0.2.0/24,IT\n192.0.2.128/25, DE # half of it\n\n\
                         2001:db8::/32,\"IT\"\n2001:db8:1::/48,pop-milan\n198.51.100.7,US-CA\n";

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn the_longest_prefix_wins() {
        let table = RegionTable::parse(TABLE, "regions.csv").expect("a table");
        for (client, expected) in [
            ("192.0.2.1", Some(("IT", 3))),
            ("192.0.2.129", Some(("DE", 4))),
            ("::ffff:192.0.2.129", Some(("DE", 4))),
            ("198.51.100.7", Some(("US-CA", 8))),
            ("198.51.100.8", None),
            ("2001:db8::1", Some(("IT", 6))),
            ("2001:db8:1::1", Some(("pop-milan", 7))),
            ("2001:db9::1", None),
        ] {
            let found = table.find(address(client)).map(|found| (found.region, found.line));
            assert_eq!(found, expected, "{client}");
        }
        assert_eq!(table.len(), 5);
        assert_eq!(table.words().len(), 4);
    }

    #[test]
    fn errors_name_file_line_expectation_and_remedy() {
        for (text, line, start) in [
            ("192.0.2.0/24,IT\n192.0.2.0/24,DE\n", 2, "prefix 192.0.2.0/24 is DE here and IT in line 1"),
            ("192.0.2.0/24\n", 1, "the line `192.0.2.0/24` has no comma"),
            ("192.0.2.1/24,IT\n", 1, "prefix 192.0.2.1/24 has bits beyond its length; expected 192.0.2.0/24"),
            ("192.0.2.0/33,IT\n", 1, "`192.0.2.0/33` is not a prefix"),
            ("\n192.0.2.0/24,Italy and more\n", 2, "region `Italy and more` cannot be read"),
            ("192.0.2.0/24,unknown\n", 1, "region `unknown` cannot be read"),
            ("192.0.2.0/24,\n", 1, "region `` cannot be read"),
        ] {
            let error = RegionTable::parse(text, "regions.csv").expect_err(text);
            assert_eq!(error.line, line, "{text}");
            assert!(error.to_string().starts_with(&format!("regions.csv:{line}: {start}")), "{error}");
            assert!(error.what.matches("; ").count() >= 2, "{error}");
        }
    }

    #[test]
    fn the_same_line_twice_is_no_error() {
        let table = RegionTable::parse("192.0.2.0/24,IT\n192.0.2.0/24,IT\n", "regions.csv");
        assert_eq!(table.map(|table| table.len()), Ok(1));
    }

    proptest! {
        #[test]
        fn parsing_is_total(text in "\\PC{0,60}(\n\\PC{0,60}){0,3}") {
            let _ = RegionTable::parse(&text, "x");
        }

        #[test]
        fn agrees_with_a_plain_search(
            prefixes in proptest::collection::vec((any::<u32>(), 0u8..=32, 0usize..4), 0..12),
            client in any::<u32>(),
        ) {
            let words = ["IT", "DE", "FR", "US"];
            let mut seen = HashMap::new();
            for (bits, length, word) in prefixes {
                // few distinct bits, so that prefixes nest
                let bits = bits & 0xc000_0003;
                let prefix = IpNet::new(std::net::Ipv4Addr::from(bits).into(), length).expect("a prefix").trunc();
                seen.entry(prefix).or_insert(words[word]);
            }
            let text: String = seen.iter().map(|(prefix, word)| format!("{prefix},{word}\n")).collect();
            let table = RegionTable::parse(&text, "x").expect("a table");
            let client = IpAddr::from(std::net::Ipv4Addr::from(client & 0xc000_0003));
            let best = seen.iter().filter(|(prefix, _)| prefix.contains(&client)).max_by_key(|(prefix, _)| prefix.prefix_len());
            prop_assert_eq!(table.lookup(client), best.map(|(_, word)| *word));
        }
    }
}
