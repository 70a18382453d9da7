//! A name as people write it to a name as DNS carries it, and every reason why it is none.

use filter_common::abi::MAX_RULE_LABELS;
use idna::AsciiDenyList;
use idna::uts46::{DnsLength, Hyphens, Uts46};

/// Octets of the longest name on the wire, its root label included (RFC 1035 section 2.3.4).
const MAX_OCTETS: usize = 255;
/// Octets of the longest label.
const MAX_LABEL: usize = 63;

/// Why a text is not a name that a rule can hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing, or dots alone.
    #[error("the name is empty; expected labels separated by dots")]
    Empty,
    /// Two dots in a row, or one in front.
    #[error("the name has an empty label; expected one dot between labels")]
    EmptyLabel,
    /// A label above 63 octets.
    #[error("a label has {0} octets; expected at most 63")]
    LongLabel(usize),
    /// More octets than a message can carry.
    #[error("the name has {0} octets on the wire; expected at most 255")]
    LongName(usize),
    /// More labels than the program walks.
    #[error("the name has {0} labels; expected at most {max}", max = MAX_RULE_LABELS)]
    Labels(usize),
    /// An address or a prefix.
    #[error("it is an address, not a name; a DNS filter cannot block addresses")]
    Address,
    /// The last label is a number, as of a mistyped address.
    #[error("the last label is a number; expected a name, whose last label has a letter")]
    Number,
    /// An octet that no host name has.
    #[error("the name has the character {0:?}; expected letters, digits, `-` and `_`")]
    Character(char),
    /// Not ASCII, and not convertible (UTS 46).
    #[error("the name is not a valid internationalized name; expected one that UTS 46 converts to ASCII")]
    Idna,
}

/// Reads the name at the start of the text, when it is one as most are: ASCII, no final dot, and a line's end behind it.
/// Its octets are appended to `wire`; how many octets of text it takes, the line's end left out. `None` says nothing but
/// that [`parse_into`] must be asked, and leaves `wire` as it is.
pub(crate) fn plain_into(text: &[u8], wire: &mut Vec<u8>) -> Option<usize> {
    let mut name = [0u8; MAX_OCTETS];
    // where the size of the label goes that is being read
    let (mut start, mut labels, mut is_number) = (0usize, 1usize, true);
    let mut taken = 0usize;
    let end = loop {
        let octet = text.get(taken).copied().unwrap_or(b'\n');
        let at = taken.wrapping_add(1);
        let kind = KINDS[usize::from(octet)];
        if kind >= DASH {
            *name.get_mut(at)? = kind;
            is_number &= octet.is_ascii_digit();
        } else {
            let size = taken.wrapping_sub(start);
            if size == 0 || size > MAX_LABEL {
                return None;
            }
            *name.get_mut(start)? = u8::try_from(size).ok()?;
            if kind == OTHER {
                let is_end =
                    octet == b'\n' || (octet == b'\r' && text.get(at).is_none_or(|next| *next == b'\n'));
                break is_end.then_some(at)?;
            }
            (start, labels, is_number) = (at, labels.wrapping_add(1), true);
        }
        taken = at;
    };
    // the root label counts among the octets too
    if is_number || labels > MAX_RULE_LABELS || end >= MAX_OCTETS {
        return None;
    }
    wire.extend_from_slice(name.get(..end)?);
    Some(taken)
}

/// What an octet of a plain name is: itself in lower case, [`DOT`], or [`OTHER`].
const KINDS: [u8; 256] = {
    let mut kinds = [OTHER; 256];
    let mut octet = 0u8;
    while octet < 128 {
        kinds[octet as usize] = match octet {
            b'.' => DOT,
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'_' | DASH => octet.to_ascii_lowercase(),
            _ => OTHER,
        };
        octet += 1;
    }
    kinds
};
const OTHER: u8 = 0;
const DOT: u8 = 1;
/// The least octet of a label.
const DASH: u8 = b'-';

/// Appends the name's octets to `wire`; on an error `wire` is as it was.
///
/// # Errors
/// As [`super::Name::parse`].
pub(crate) fn parse_into(text: &str, wire: &mut Vec<u8>) -> Result<(), NameError> {
    let start = wire.len();
    let outcome = if text.is_ascii() {
        ascii_into(text, wire)
    } else {
        let ascii = Uts46::new()
            .to_ascii(text.as_bytes(), AsciiDenyList::EMPTY, Hyphens::Allow, DnsLength::Ignore)
            .map_err(|_| NameError::Idna)?;
        ascii_into(&ascii, wire)
    };
    if outcome.is_err() {
        wire.truncate(start);
    }
    outcome
}

fn ascii_into(text: &str, wire: &mut Vec<u8>) -> Result<(), NameError> {
    if text == "." {
        return Ok(());
    }
    let start = wire.len();
    let text = text.strip_suffix('.').unwrap_or(text);
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    let mut labels = 0usize;
    for label in text.split('.') {
        label_into(label, text, wire)?;
        labels += 1;
    }
    let octets = wire.len().saturating_sub(start).saturating_add(1);
    if octets > MAX_OCTETS {
        return Err(NameError::LongName(octets));
    }
    if labels > MAX_RULE_LABELS {
        return Err(NameError::Labels(labels));
    }
    if text.rsplit('.').next().is_some_and(|last| last.bytes().all(|octet| octet.is_ascii_digit())) {
        return Err(if is_address(text) { NameError::Address } else { NameError::Number });
    }
    Ok(())
}

fn label_into(label: &str, text: &str, wire: &mut Vec<u8>) -> Result<(), NameError> {
    if label.is_empty() {
        return Err(if text.bytes().all(|octet| octet == b'.') {
            NameError::Empty
        } else {
            NameError::EmptyLabel
        });
    }
    let known = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_');
    if let Some(other) = label.chars().find(|c| !u8::try_from(*c).is_ok_and(known)) {
        return Err(if is_address(text) { NameError::Address } else { NameError::Character(other) });
    }
    let size = match u8::try_from(label.len()) {
        Ok(size) if label.len() <= MAX_LABEL => size,
        _ => return Err(NameError::LongLabel(label.len())),
    };
    wire.push(size);
    wire.extend(label.bytes().map(|octet| octet.to_ascii_lowercase()));
    Ok(())
}

/// Whether the text is an IPv4 or IPv6 address or prefix.
pub(crate) fn is_address(text: &str) -> bool {
    text.parse::<std::net::IpAddr>().is_ok() || text.parse::<ipnet::IpNet>().is_ok()
}
