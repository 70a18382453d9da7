//! Domain names of rules: validated, lower case, in wire order, and hashed as the program hashes a QNAME.
//!
//! It owns the way from a name as people write it to a name as DNS carries it. It refuses to know lists, wildcards,
//! URLs and public suffixes.

mod parse;

use std::fmt;

use filter_common::abi::{HashKey, MAX_RULE_LABELS};
use filter_common::hash::{self, NameHash};

pub use parse::NameError;
pub(crate) use parse::{is_address, parse_into, plain_into};

/// A name of a rule: labels of lower-case letters, digits, `-` and `_`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name {
    /// Size octet and octets of each label, leftmost first; the root label is left out.
    wire: Vec<u8>,
}

/// A borrowed [`Name`], for lists that keep many names in one allocation.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct NameRef<'a> {
    wire: &'a [u8],
}

/// What a rule covers of the name it holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Coverage {
    /// The name alone.
    Exact,
    /// The name and all below it.
    #[default]
    Suffix,
    /// Only what is below it.
    Below,
}

impl Coverage {
    /// The word in order files, JSON and tables.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Coverage::Exact => "exact",
            Coverage::Suffix => "suffix",
            Coverage::Below => "below",
        }
    }
}

impl Name {
    /// The root, which holds no label.
    pub const ROOT: Name = Name { wire: Vec::new() };

    /// Reads a name as people write it: any case, a final dot or none, IDNA U-labels or A-labels.
    ///
    /// # Errors
    /// When the text is not a name that a rule can hold; `.` is the root.
    pub fn parse(text: &str) -> Result<Name, NameError> {
        let mut wire = Vec::with_capacity(text.len().saturating_add(1));
        parse_into(text, &mut wire)?;
        Ok(Name { wire })
    }

    /// Borrows it.
    #[must_use]
    pub fn borrow(&self) -> NameRef<'_> {
        NameRef { wire: &self.wire }
    }

    /// Its labels, leftmost first.
    pub fn labels(&self) -> impl Iterator<Item = &[u8]> {
        self.borrow().labels()
    }

    /// Its hash under `key`.
    #[must_use]
    pub fn hash(&self, key: &HashKey) -> NameHash {
        self.borrow().hash(key)
    }
}

impl<'a> NameRef<'a> {
    /// The root, which holds no label.
    pub const ROOT: NameRef<'static> = NameRef { wire: &[] };

    /// A name from octets that [`parse_into`] wrote.
    pub(crate) fn from_wire(wire: &'a [u8]) -> NameRef<'a> {
        NameRef { wire }
    }

    /// A copy that owns its octets.
    #[must_use]
    pub fn to_name(self) -> Name {
        Name { wire: self.wire.to_vec() }
    }

    /// Size octet and octets of each label, leftmost first, without the root label.
    #[must_use]
    pub fn wire(self) -> &'a [u8] {
        self.wire
    }

    /// Its labels, leftmost first.
    pub fn labels(self) -> impl Iterator<Item = &'a [u8]> {
        self.suffixes().map(|suffix| label_at(suffix.wire, 0))
    }

    /// The name itself, then each name above it, without the root.
    pub fn suffixes(self) -> impl Iterator<Item = NameRef<'a>> {
        let mut rest = self.wire;
        std::iter::from_fn(move || {
            let suffix = rest;
            let size = usize::from(*suffix.first()?);
            rest = suffix.get(size.saturating_add(1)..).unwrap_or_default();
            Some(NameRef { wire: suffix })
        })
    }

    /// The name with its leftmost label taken off; nothing for the root.
    #[must_use]
    pub fn parent(self) -> Option<NameRef<'a>> {
        let size = usize::from(*self.wire.first()?);
        Some(NameRef { wire: self.wire.get(size.saturating_add(1)..).unwrap_or_default() })
    }

    /// How many labels it has.
    #[must_use]
    pub fn label_count(self) -> usize {
        self.suffixes().count()
    }

    /// The hash of each name above it and of the name itself, root first and without the root's.
    pub fn hashes(self, key: &HashKey) -> impl Iterator<Item = NameHash> {
        let mut starts = [0u8; MAX_RULE_LABELS];
        let mut labels = 0usize;
        let mut at = 0usize;
        while let (Some(size), Some(start)) = (self.wire.get(at), starts.get_mut(labels)) {
            // a name has at most 254 octets
            *start = u8::try_from(at).unwrap_or(u8::MAX);
            labels = labels.saturating_add(1);
            at = at.saturating_add(usize::from(*size)).saturating_add(1);
        }
        let mut hash = NameHash::start(key);
        (0..labels).rev().map(move |label| {
            let start = starts.get(label).copied().map_or(0, usize::from);
            hash = hash::label(hash, key, label_at(self.wire, start));
            hash
        })
    }

    /// Its hash under `key`.
    #[must_use]
    pub fn hash(self, key: &HashKey) -> NameHash {
        self.hashes(key).last().unwrap_or_else(|| NameHash::start(key))
    }
}

/// The label whose size octet is at `start`.
fn label_at(wire: &[u8], start: usize) -> &[u8] {
    let Some((size, rest)) = wire.get(start..).and_then(<[u8]>::split_first) else { return &[] };
    rest.get(..usize::from(*size)).unwrap_or_default()
}

impl fmt::Display for NameRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.wire.is_empty() {
            return f.write_str(".");
        }
        for (place, label) in self.labels().enumerate() {
            if place > 0 {
                f.write_str(".")?;
            }
            f.write_str(std::str::from_utf8(label).unwrap_or("?"))?;
        }
        Ok(())
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.borrow().fmt(f)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({self})")
    }
}

impl fmt::Debug for NameRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NameRef({self})")
    }
}

impl<'de> serde::Deserialize<'de> for Name {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Name, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Name::parse(&text)
            .map_err(|error| serde::de::Error::custom(format!("name `{text}` is refused: {error}")))
    }
}

impl serde::Serialize for Name {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl std::str::FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Name, NameError> {
        Name::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use filter_common::abi::KEY_ROWS;
    use proptest::prelude::*;

    use super::*;

    fn key() -> HashKey {
        let mut state = 7u64;
        let mut rows = [[0u64; 8]; KEY_ROWS];
        for number in rows.iter_mut().flatten() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *number = state ^ state >> 29;
        }
        HashKey { rows }
    }

    #[test]
    fn names_fold_and_convert() {
        for (text, expected) in [
            ("KickassTorrents.TO", "kickasstorrents.to"),
            ("example.com.", "example.com"),
            ("Bücher.example", "xn--bcher-kva.example"),
            ("Bücher。example", "xn--bcher-kva.example"),
            ("_sip._tcp.example", "_sip._tcp.example"),
            ("r3---sn-x.example", "r3---sn-x.example"),
            ("straße.example", "xn--strae-oqa.example"),
            ("ab_ü.example", "xn--ab_-joa.example"),
            ("localhost", "localhost"),
            (".", "."),
        ] {
            assert_eq!(Name::parse(text).map(|name| name.to_string()).as_deref(), Ok(expected), "{text}");
        }
        assert_eq!(Name::parse("."), Ok(Name::ROOT));
    }

    #[test]
    fn wrong_names_are_refused_with_the_reason() {
        let label = "a".repeat(64);
        let long = format!("{0}.{0}.{0}.{0}.ab", "a".repeat(62));
        let deep = "a.".repeat(35);
        for (text, expected) in [
            ("", NameError::Empty),
            ("..", NameError::Empty),
            ("a..b.example", NameError::EmptyLabel),
            (".example", NameError::EmptyLabel),
            (label.as_str(), NameError::LongLabel(64)),
            (long.as_str(), NameError::LongName(256)),
            (deep.as_str(), NameError::Labels(35)),
            ("203.0.113.5", NameError::Address),
            ("2001:db8::/32", NameError::Address),
            ("2001:db8::1", NameError::Address),
            ("192.0.2.0/24", NameError::Address),
            ("203.0.113.256", NameError::Number),
            ("*.example", NameError::Character('*')),
            ("a b.example", NameError::Character(' ')),
            ("example.com/path", NameError::Character('/')),
            ("\u{200d}.example", NameError::Idna),
        ] {
            assert_eq!(Name::parse(text), Err(expected), "{text}");
        }
    }

    #[test]
    fn the_longest_name_is_accepted() {
        let text = format!("{0}.{0}.{0}.{1}", "a".repeat(63), "b".repeat(61));
        assert_eq!(Name::parse(&text).map(|name| name.wire.len()), Ok(254));
        assert_eq!(plain_into(text.as_bytes(), &mut Vec::new()), Some(253));
        assert_eq!(plain_into(format!("{text}b").as_bytes(), &mut Vec::new()), None);
    }

    #[test]
    fn plain_names_are_read_at_once() {
        for (text, expected) in [
            ("Example.COM\nmore", Some("example.com")),
            ("_x-1.example\r\n", Some("_x-1.example")),
            ("localhost", Some("localhost")),
            ("a.example\r", Some("a.example")),
            ("a.example.", None),
            (".example", None),
            ("a..example", None),
            ("192.0.2.1", None),
            ("a.1", None),
            ("a.example b", None),
            ("a.example\rb", None),
            ("ä.example", None),
            ("*.example", None),
            ("", None),
        ] {
            let mut wire = Vec::new();
            let taken = plain_into(text.as_bytes(), &mut wire);
            assert_eq!(taken, expected.map(str::len), "{text:?}");
            let expected = expected.map(|name| Name::parse(name).expect("a name").wire);
            assert_eq!(wire, expected.unwrap_or_default(), "{text:?}");
        }
        let deep = format!("{}b", "a.".repeat(33));
        assert!(plain_into(deep.as_bytes(), &mut Vec::new()).is_some());
        assert_eq!(plain_into(format!("a.{deep}").as_bytes(), &mut Vec::new()), None);
    }

    #[test]
    fn suffixes_go_up_to_the_top_level() {
        let name = Name::parse("www.example.com").expect("a name");
        let suffixes: Vec<String> = name.borrow().suffixes().map(|suffix| suffix.to_string()).collect();
        assert_eq!(suffixes, ["www.example.com", "example.com", "com"]);
        assert_eq!(name.borrow().label_count(), 3);
        assert_eq!(Name::ROOT.borrow().suffixes().count(), 0);
        assert_eq!(Name::ROOT.borrow().parent(), None);
    }

    #[test]
    fn hashes_run_from_the_root() {
        let key = key();
        let name = Name::parse("www.example.com").expect("a name");
        let hashes: Vec<NameHash> = name.borrow().hashes(&key).collect();
        let above = Name::parse("example.com").expect("a name");
        assert_eq!(hashes.len(), 3);
        assert_eq!(hashes[1], above.hash(&key));
        assert_eq!(hashes[2], name.hash(&key));
        assert_eq!(Name::ROOT.hash(&key), NameHash::start(&key));
    }

    proptest! {
        #[test]
        fn parsing_is_total(text in "\\PC{0,80}") {
            let _ = Name::parse(&text);
        }

        #[test]
        fn what_is_printed_parses_to_the_same(text in "[a-zA-Z0-9_-]{1,20}(\\.[a-zA-Z0-9_-]{1,20}){0,8}\\.[a-z]{2,8}") {
            let name = Name::parse(&text).expect("a plain name");
            prop_assert_eq!(Name::parse(&name.to_string()), Ok(name.clone()));
            prop_assert_eq!(name.to_string(), text.to_ascii_lowercase());
        }

        #[test]
        fn plain_names_are_read_as_others_are(
            text in "([a-zA-Z0-9_-]{0,3}\\.?){0,6}[.a-z0-9]{0,4}|[a.]{60,70}|([a-z]{50,64}\\.){3,5}|[0-9.]{1,9}|\\PC{0,9}",
            end in "|\r?\n?.?",
        ) {
            let (mut plain, mut wire) = (vec![7], vec![7]);
            let taken = plain_into(format!("{text}{end}").as_bytes(), &mut plain);
            match taken {
                None => prop_assert_eq!(plain, [7]),
                Some(taken) => {
                    let line = format!("{text}{end}");
                    prop_assert!(["", "\r", "\n", "\r\n"].iter().any(|end| line[taken..].starts_with(end)));
                    prop_assert_eq!(parse_into(&line[..taken], &mut wire), Ok(()));
                    prop_assert_eq!(plain, wire);
                    prop_assert!(!line[..taken].contains(['\r', '\n']));
                }
            }
        }

        #[test]
        fn case_changes_nothing(text in "[a-zA-Z]{1,20}\\.[a-zA-Z]{2,8}") {
            let key = key();
            let upper = Name::parse(&text.to_ascii_uppercase()).expect("a plain name");
            let lower = Name::parse(&text.to_ascii_lowercase()).expect("a plain name");
            prop_assert_eq!(upper.hash(&key), lower.hash(&key));
        }
    }
}
