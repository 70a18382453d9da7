//! Names that must not be blocked by mistake: public suffixes, single labels, the root, and protected names.
//!
//! A refusal names the order, the file and the line, and never stops the rest. An exception (passthru) blocks nothing,
//! so nothing is refused to it.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use crate::list::LineError;
use crate::names::{Name, NameRef};

/// Something of an order that is not in the policy, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The order.
    pub order: Arc<str>,
    /// The file: the order's, or one of its lists.
    pub path: Arc<str>,
    /// Line, from 1; 0 when it is no single line's.
    pub line: u32,
    /// The name; `None` for a line without one, and for confidential orders.
    pub name: Option<Name>,
    /// Why.
    pub reason: Refusal,
}

/// Why a name or a line is not in the policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The root.
    #[error("it is the root of all names; expected a name; set allow-public-suffix if the order means it")]
    Root,
    /// A top-level name.
    #[error("it is a single label; expected a name below one; set allow-public-suffix if the order means it")]
    SingleLabel,
    /// Others register names directly below it.
    #[error(
        "it is a public suffix; expected a name registered below it; set allow-public-suffix if the order means it"
    )]
    PublicSuffix,
    /// It is protected, or something below it is.
    #[error(
        "it is at or above the protected name {0}; expected another name; set allow-protected if the order means it"
    )]
    AboveProtected(Name),
    /// It is below a protected name.
    #[error(
        "it is below the protected name {0}; expected another name; set allow-protected if the order means it"
    )]
    BelowProtected(Name),
    /// It has to do with a protected name, of a list that must not be shown.
    #[error(
        "it is at, above or below a protected name; expected another name; set allow-protected if the order means it"
    )]
    Protected,
    /// A list's line that cannot be used.
    #[error("{0}")]
    Line(#[from] LineError),
    /// A list that the order names was not given.
    #[error("the list cannot be read; expected a file of one name a line; put it there")]
    NoList,
    /// The scope names a region that no client is in.
    #[error(
        "no prefix has the region {0}; expected a region of the region table; correct the scope or the table"
    )]
    Region(String),
}

impl Refusal {
    /// A stable word for JSON and metrics.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Refusal::Root => "root",
            Refusal::SingleLabel => "single-label",
            Refusal::PublicSuffix => "public-suffix",
            Refusal::AboveProtected(_) | Refusal::BelowProtected(_) | Refusal::Protected => "protected",
            Refusal::Line(_) => "line",
            Refusal::NoList => "no-list",
            Refusal::Region(_) => "region",
        }
    }
}

impl Refusal {
    /// The same without a name in it.
    pub(super) fn anonymous(self) -> Refusal {
        match self {
            Refusal::AboveProtected(_) | Refusal::BelowProtected(_) => Refusal::Protected,
            other => other,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        write!(f, ": order {}: ", self.order)?;
        if let Some(name) = &self.name {
            write!(f, "{name} is refused: ")?;
        }
        write!(f, "{}", self.reason)
    }
}

/// What the order, or a name of it, means although the guard would refuse it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Allowed {
    pub(super) public_suffix: bool,
    pub(super) protected: bool,
}

/// The guard, with the operator's protected names.
#[derive(Clone, Debug, Default)]
pub(super) struct Guard {
    names: Vec<Name>,
    at: HashSet<Name>,
    above: HashSet<Name>,
    sieve_at: Sieve,
    sieve_above: Sieve,
}

/// Tells at little cost, for nearly every name, that it is none of a few.
#[derive(Clone, Debug, Default)]
struct Sieve([u64; 16]);

impl Sieve {
    fn of(names: &HashSet<Name>) -> Sieve {
        let mut sieve = Sieve::default();
        for name in names {
            let (word, bit) = Sieve::place(name.borrow());
            if let Some(word) = sieve.0.get_mut(word) {
                *word |= bit;
            }
        }
        sieve
    }

    fn may_hold(&self, name: NameRef<'_>) -> bool {
        let (word, bit) = Sieve::place(name);
        self.0.get(word).is_some_and(|word| word & bit != 0)
    }

    /// By the size of the name, of its first label, and that label's first octet.
    fn place(name: NameRef<'_>) -> (usize, u64) {
        let (size, first) = match name.wire() {
            [size, first, ..] => (usize::from(*size), u32::from(*first)),
            _ => (0, 0),
        };
        (name.wire().len().wrapping_add(size.wrapping_mul(3)) % 16, 1 << (first % 64))
    }
}

impl Guard {
    pub(super) fn new(names: &[Name]) -> Guard {
        let at: HashSet<Name> = names.iter().cloned().collect();
        let above = names.iter().flat_map(|name| name.borrow().suffixes().skip(1).map(NameRef::to_name));
        let above: HashSet<Name> = above.collect();
        let (sieve_at, sieve_above) = (Sieve::of(&at), Sieve::of(&above));
        Guard { names: names.to_vec(), at, above, sieve_at, sieve_above }
    }

    /// The protected names, as they were given.
    pub(super) fn names(&self) -> &[Name] {
        &self.names
    }

    /// Why the name must not be blocked, if it must not.
    pub(super) fn refuse(&self, name: NameRef<'_>, allowed: Allowed) -> Option<Refusal> {
        let suffix = if allowed.public_suffix { None } else { public_suffix(name) };
        let protected = || if allowed.protected { None } else { self.protected(name) };
        suffix.or_else(protected)
    }

    fn protected(&self, name: NameRef<'_>) -> Option<Refusal> {
        let is_below = || name.suffixes().any(|suffix| self.sieve_at.may_hold(suffix));
        if self.names.is_empty() || !(name == NameRef::ROOT || self.sieve_above.may_hold(name) || is_below())
        {
            return None;
        }
        let own = name.to_name();
        if self.at.contains(&own) {
            return Some(Refusal::AboveProtected(own));
        }
        if own == Name::ROOT || self.above.contains(&own) {
            let below =
                |protected: &&Name| own == Name::ROOT || protected.borrow().suffixes().any(|up| up == name);
            let first = self.names.iter().find(below);
            return first.map(|protected| Refusal::AboveProtected(protected.clone()));
        }
        let mut above = name.suffixes().skip(1).map(NameRef::to_name);
        above.find(|above| self.at.contains(above)).map(Refusal::BelowProtected)
    }
}

fn public_suffix(name: NameRef<'_>) -> Option<Refusal> {
    match name.label_count() {
        0 => return Some(Refusal::Root),
        1 => return Some(Refusal::SingleLabel),
        _ => {}
    }
    // one label more in front, so that the name below a wildcard rule (`*.kawasaki.jp`) is seen too
    let mut text = [0u8; 258];
    let text = dotted(name, &mut text)?;
    let suffix = psl::suffix(text)?;
    let own = text.len().saturating_sub(2);
    (suffix.as_bytes().len() >= own).then_some(Refusal::PublicSuffix)
}

/// The name with dots, behind one label of our own.
fn dotted<'a>(name: NameRef<'_>, text: &'a mut [u8; 258]) -> Option<&'a [u8]> {
    let mut end = 1;
    *text.first_mut()? = b'x';
    for label in name.labels() {
        *text.get_mut(end)? = b'.';
        let start = end.checked_add(1)?;
        end = start.checked_add(label.len())?;
        text.get_mut(start..end)?.copy_from_slice(label);
    }
    text.get(..end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(text: &str) -> Name {
        Name::parse(text).expect("a name")
    }

    fn refusal(guard: &Guard, text: &str) -> Option<&'static str> {
        guard.refuse(name(text).borrow(), Allowed::default()).map(|refusal| refusal.label())
    }

    #[test]
    fn suffixes_and_single_labels_are_refused() {
        let guard = Guard::new(&[]);
        for (text, expected) in [
            (".", Some("root")),
            ("localhost", Some("single-label")),
            ("to", Some("single-label")),
            ("co.uk", Some("public-suffix")),
            ("github.io", Some("public-suffix")),
            // only `*.ck` is listed
            ("anything.ck", Some("public-suffix")),
            ("kawasaki.jp", Some("public-suffix")),
            // an exception of the list
            ("www.ck", None),
            ("kickasstorrents.to", None),
            ("example.co.uk", None),
            ("a.b.invalid", None),
        ] {
            assert_eq!(refusal(&guard, text), expected, "{text}");
        }
        let allowed = Allowed { public_suffix: true, protected: false };
        for text in [".", "localhost", "co.uk"] {
            assert_eq!(guard.refuse(name(text).borrow(), allowed), None, "{text}");
        }
    }

    #[test]
    fn protected_names_are_protected_at_above_and_below() {
        let guard = Guard::new(&[name("www.google.com"), name("example.org")]);
        for (text, expected) in [
            ("www.google.com", Some(Refusal::AboveProtected(name("www.google.com")))),
            ("google.com", Some(Refusal::AboveProtected(name("www.google.com")))),
            ("drive.www.google.com", Some(Refusal::BelowProtected(name("www.google.com")))),
            ("mail.google.com", None),
            ("oogle.com", None),
            ("a.b.example.org", Some(Refusal::BelowProtected(name("example.org")))),
            ("xexample.org", None),
        ] {
            assert_eq!(guard.refuse(name(text).borrow(), Allowed::default()), expected, "{text}");
        }
        let allowed = Allowed { public_suffix: false, protected: true };
        assert_eq!(guard.refuse(name("google.com").borrow(), allowed), None);
        let root = Allowed { public_suffix: true, protected: false };
        assert!(guard.refuse(Name::ROOT.borrow(), root).is_some());
    }

    #[test]
    fn a_fault_says_where_what_and_why() {
        let fault = Fault {
            order: "X-1".into(),
            path: "x.toml".into(),
            line: 7,
            name: Some(name("co.uk")),
            reason: Refusal::PublicSuffix,
        };
        assert!(
            fault
                .to_string()
                .starts_with("x.toml:7: order X-1: co.uk is refused: it is a public suffix; expected")
        );
    }

    proptest! {
        #[test]
        fn protection_agrees_with_its_definition(
            protected in "[ab]\\.[ab]{1,2}\\.(com|org)",
            asked in "([ab]\\.){0,2}[ab]{1,2}\\.(com|org)",
        ) {
            let guard = Guard::new(&[name(&protected)]);
            let above = protected == asked || protected.ends_with(&format!(".{asked}"));
            let below = asked.ends_with(&format!(".{protected}"));
            let refused = guard.refuse(name(&asked).borrow(), Allowed { public_suffix: true, protected: false });
            prop_assert_eq!(refused.is_some(), above || below);
        }
    }
}
