//! Lists: octets of one source to rules, pure, line by line.
//!
//! It owns the formats, one file each, and the faults of single lines. It refuses to know where the octets came from,
//! which order they belong to and whether a name may be blocked at all.

mod plain;
mod position;

use std::fmt;

use crate::names::{self, Coverage, NameError, NameRef};

pub use position::{Lines, Position, key_position, rephrase, toml_error};

/// A line that could not be used. It never stops the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineFault {
    /// Line, from 1.
    pub line: u32,
    /// Why.
    pub reason: LineError,
}

/// Why a line could not be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// Not a name.
    #[error("{0}")]
    Name(#[from] NameError),
    /// More than one word.
    #[error("the line has more than one word; expected one name")]
    Words,
    /// A URL with more than a host.
    #[error("the URL names a page, not a host; a DNS filter cannot block single pages")]
    Page,
    /// Octets that are not UTF-8.
    #[error("the line is not UTF-8; expected UTF-8 text")]
    Encoding,
    /// Beyond what one list may hold.
    #[error("the list is above 4 GiB; split it")]
    Size,
}

impl fmt::Display for LineFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.reason)
    }
}

/// One rule of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListedName<'a> {
    /// The name.
    pub name: NameRef<'a>,
    /// What the line says that it covers; `None` leaves it to the order.
    pub coverage: Option<Coverage>,
    /// Line, from 1.
    pub line: u32,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    start: u32,
    line: u32,
    size: u8,
    coverage: Option<Coverage>,
}

/// The rules of one list, the names in one allocation.
#[derive(Clone, Default)]
pub struct List {
    digest: [u8; 32],
    lines: u32,
    addresses: u32,
    octets: Vec<u8>,
    entries: Vec<Entry>,
    faults: Vec<LineFault>,
}

impl List {
    /// Reads one name a line (see `plain.rs` for the grammar). Total: what cannot be used is a fault.
    #[must_use]
    pub fn plain(octets: &[u8]) -> List {
        plain::parse(octets)
    }

    /// The rules, in the list's order.
    pub fn rules(&self) -> impl Iterator<Item = ListedName<'_>> {
        self.entries.iter().map(|entry| self.rule(entry))
    }

    /// The rule with this number, in the list's order.
    #[must_use]
    pub fn get(&self, number: usize) -> Option<ListedName<'_>> {
        self.entries.get(number).map(|entry| self.rule(entry))
    }

    fn rule(&self, entry: &Entry) -> ListedName<'_> {
        let start = usize::try_from(entry.start).unwrap_or(usize::MAX);
        let end = start.saturating_add(usize::from(entry.size));
        let name = NameRef::from_wire(self.octets.get(start..end).unwrap_or_default());
        ListedName { name, coverage: entry.coverage, line: entry.line }
    }

    /// How many rules it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it has no rule.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Lines that could not be used.
    #[must_use]
    pub fn faults(&self) -> &[LineFault] {
        &self.faults
    }

    /// Lines that hold an address or a prefix, which a DNS filter skips.
    #[must_use]
    pub fn addresses(&self) -> u32 {
        self.addresses
    }

    /// Lines of the text.
    #[must_use]
    pub fn lines(&self) -> u32 {
        self.lines
    }

    /// SHA-256 of its octets.
    #[must_use]
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    fn with_room(octets: usize) -> List {
        List { octets: Vec::with_capacity(octets), ..List::default() }
    }

    fn with_digest(self, digest: [u8; 32]) -> List {
        List { digest, ..self }
    }

    /// The list with the lines of another one behind its own.
    fn followed_by(mut self, other: List) -> List {
        let start = self.octets.len();
        self.octets.extend(other.octets);
        self.entries.reserve(other.entries.len());
        for entry in other.entries {
            let line = entry.line.saturating_add(self.lines);
            match u32::try_from(start).ok().and_then(|start| entry.start.checked_add(start)) {
                Some(start) => self.entries.push(Entry { start, line, ..entry }),
                None => self.refuse(line, LineError::Size),
            }
        }
        let faults = other.faults.into_iter();
        let line = |fault: LineFault| LineFault { line: fault.line.saturating_add(self.lines), ..fault };
        self.faults.extend(faults.map(line));
        self.addresses = self.addresses.saturating_add(other.addresses);
        self.lines = self.lines.saturating_add(other.lines);
        self
    }

    /// Takes in the name at the start of the text, if it is one as most are; how many octets it takes, else 0.
    fn add_plain(&mut self, text: &[u8], line: u32) -> usize {
        let start = self.octets.len();
        let taken = names::plain_into(text, &mut self.octets);
        if taken.is_some() {
            self.enter(start, None, line);
        }
        taken.unwrap_or(0)
    }

    /// Takes the name in, or counts it among the faults and addresses.
    fn add(&mut self, text: &str, coverage: Option<Coverage>, line: u32) {
        let start = self.octets.len();
        match names::parse_into(text, &mut self.octets) {
            Ok(()) => self.enter(start, coverage, line),
            Err(NameError::Address) => self.addresses = self.addresses.saturating_add(1),
            Err(error) => self.refuse(line, error.into()),
        }
    }

    fn enter(&mut self, start: usize, coverage: Option<Coverage>, line: u32) {
        let size = u8::try_from(self.octets.len().saturating_sub(start));
        match (u32::try_from(start), size) {
            (Ok(start), Ok(size)) => self.entries.push(Entry { start, line, size, coverage }),
            _ => self.refuse(line, LineError::Size),
        }
    }

    fn refuse(&mut self, line: u32, reason: LineError) {
        self.faults.push(LineFault { line, reason });
    }
}

impl fmt::Debug for List {
    /// Counts only: a list may be confidential.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("List")
            .field("rules", &self.entries.len())
            .field("faults", &self.faults.len())
            .field("addresses", &self.addresses)
            .finish_non_exhaustive()
    }
}
