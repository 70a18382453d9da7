//! The plain format: one name a line.
//!
//! ```text
//! # a comment; blank lines are allowed
//! example.com              the order decides what is covered
//! .example.com             the name and all below it
//! *.example.com            only what is below it
//! hxxp://example[.]com/    defanged, or the root page of a URL
//! ```
//! A byte order mark, CRLF and a missing last line feed are accepted. Addresses and prefixes are skipped and counted.

use std::borrow::Cow;
use std::iter;
use std::num::NonZero;
use std::panic::resume_unwind;
use std::thread;

use sha2::{Digest, Sha256};

use super::{LineError, List};
use crate::names::{Coverage, is_address};

/// Octets from which on a list is read by several threads, each of which has as much at least.
const SHARED_FROM: usize = 1 << 20;

/// Reads the octets of a list.
pub(super) fn parse(octets: &[u8]) -> List {
    let text = octets.strip_prefix(b"\xef\xbb\xbf").unwrap_or(octets);
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    thread::scope(|scope| {
        let digest = || Sha256::digest(octets).into();
        if text.len() < SHARED_FROM {
            return read(text).with_digest(digest());
        }
        let digest = scope.spawn(digest);
        let parts: Vec<_> = parts(text).map(|part| scope.spawn(move || read(part))).collect();
        let parts = parts.into_iter().map(|part| part.join().unwrap_or_else(|panic| resume_unwind(panic)));
        let whole = parts.reduce(List::followed_by).unwrap_or_default();
        whole.with_digest(digest.join().unwrap_or_else(|panic| resume_unwind(panic)))
    })
}

/// The text in about as many parts as there are processors, cut at the ends of lines.
fn parts(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let share = (text.len() / threads).max(SHARED_FROM);
    let mut rest = Some(text);
    iter::from_fn(move || {
        let text = rest.take()?;
        let more = text.get(share..).unwrap_or_default();
        let Some(end) = more.iter().position(|octet| *octet == b'\n') else { return Some(text) };
        let (part, next) = text.split_at_checked(share.saturating_add(end))?;
        rest = next.get(1..);
        Some(part)
    })
}

/// Reads lines; the last one has no line feed behind it.
fn read(text: &[u8]) -> List {
    let mut list = List::with_room(text.len());
    let mut rest = if text.is_empty() { None } else { Some(text) };
    while let Some(text) = rest {
        list.lines = list.lines.saturating_add(1);
        let number = list.lines;
        let taken = list.add_plain(text, number);
        let behind = text.get(taken..).unwrap_or_default();
        let end = behind.iter().position(|octet| *octet == b'\n');
        if taken == 0 {
            let line = end.map_or(behind, |end| behind.get(..end).unwrap_or_default());
            match std::str::from_utf8(line) {
                Ok(line) => read_line(&mut list, line, number),
                Err(_) => list.refuse(number, LineError::Encoding),
            }
        }
        rest = end.and_then(|end| behind.get(end.saturating_add(1)..));
    }
    list
}

fn read_line(list: &mut List, line: &str, number: u32) {
    let line = without_comment(line).trim();
    if line.is_empty() {
        return;
    }
    if line.contains(char::is_whitespace) {
        return list.refuse(number, LineError::Words);
    }
    let line = refanged(line);
    let Some(host) = host(&line) else {
        return list.refuse(number, LineError::Page);
    };
    if let Some(name) = host.strip_prefix("*.") {
        list.add(name, Some(Coverage::Below), number);
    } else if let Some(name) = host.strip_prefix('.').filter(|name| !name.is_empty()) {
        list.add(name, Some(Coverage::Suffix), number);
    } else {
        list.add(host, None, number);
    }
}

/// A comment starts the line or follows white space.
fn without_comment(line: &str) -> &str {
    let mut before = ' ';
    for (place, character) in line.char_indices() {
        if character == '#' && before.is_whitespace() {
            return line.get(..place).unwrap_or_default();
        }
        before = character;
    }
    line
}

/// Undoes the usual ways to make a name unclickable.
fn refanged(line: &str) -> Cow<'_, str> {
    if line.contains(['[', '(']) {
        Cow::Owned(line.replace("[.]", ".").replace("(.)", ".").replace("[:]", ":"))
    } else {
        Cow::Borrowed(line)
    }
}

/// What is left without scheme and root path; `None` when the URL names more than a host.
fn host(line: &str) -> Option<&str> {
    let Some((scheme, rest)) = line.split_once("://") else {
        return match line.strip_suffix('/') {
            Some(rest) => Some(rest),
            None if line.contains(['/', '?']) && !is_address(line) => None,
            None => Some(line),
        };
    };
    if !["http", "https", "hxxp", "hxxps"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return Some(line);
    }
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if rest.contains(['/', '?', '#', '@']) { None } else { Some(rest) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::names::NameError;

    fn rules(list: &List) -> Vec<(String, Option<Coverage>, u32)> {
        list.rules().map(|rule| (rule.name.to_string(), rule.coverage, rule.line)).collect()
    }

    #[test]
    fn the_sample_reads_as_expected() {
        let list = parse(include_bytes!("../../tests/fixtures/lists/plain.txt"));
        assert_eq!(
            rules(&list),
            [
                ("kickasstorrents.to".to_owned(), None, 2),
                ("limetorrents.pro".to_owned(), Some(Coverage::Suffix), 3),
                ("ilcorsaronero.pro".to_owned(), Some(Coverage::Below), 4),
                ("xn--bcher-kva.example".to_owned(), None, 5),
                ("defanged.example".to_owned(), None, 6),
                // these two are names; the guard refuses them
                ("localhost".to_owned(), None, 8),
                ("co.uk".to_owned(), None, 9),
            ]
        );
        let faults: Vec<(u32, LineError)> =
            list.faults().iter().map(|f| (f.line, f.reason.clone())).collect();
        assert_eq!(faults, [(10, LineError::Name(NameError::EmptyLabel)), (13, LineError::Words)]);
        assert_eq!(list.addresses(), 2);
        assert_eq!(list.lines(), 13);
    }

    #[test]
    fn lines_in_many_shapes() {
        for (line, expected) in [
            ("Example.COM # why", Some(("example.com", None))),
            ("\u{feff}example.com\r", Some(("example.com", None))),
            ("https://example.com/", Some(("example.com", None))),
            ("hxxps[:]//example[.]com", Some(("example.com", None))),
            ("example.com/", Some(("example.com", None))),
            ("*.example.com.", Some(("example.com", Some(Coverage::Below)))),
            ("https://example.com/page", None),
            ("https://user@example.com", None),
            ("example.com/page", None),
            ("ftp://example.com", None),
            ("example.com:8080", None),
            ("*.*.example.com", None),
            ("foo*.example.com", None),
            ("||example.com^", None),
        ] {
            let list = parse(line.as_bytes());
            let found = rules(&list).pop();
            assert_eq!(
                found.as_ref().map(|(name, coverage, _)| (name.as_str(), *coverage)),
                expected,
                "{line}: {:?}",
                list.faults()
            );
            assert_eq!(list.faults().len(), usize::from(expected.is_none()), "{line}");
        }
    }

    #[test]
    fn octets_that_are_not_text_stop_only_their_line() {
        let list = parse(b"a.example\n\xff\xfe\nb.example");
        assert_eq!(list.len(), 2);
        assert_eq!(list.faults().len(), 1);
        assert_eq!(list.faults()[0].line, 2);
    }

    #[test]
    fn an_empty_list_is_empty() {
        assert!(parse(b"").is_empty());
        assert!(parse(b"\n\n# nothing\n").is_empty());
    }

    #[test]
    fn a_long_list_in_parts_is_one_list() {
        let mut text = String::new();
        for number in 0..150_000 {
            text.push_str(match number % 7 {
                0 => "\n",
                1 => "# a comment\n",
                2 => "no name\n",
                3 => "192.0.2.1\n",
                4 => "*.Below.example\r\n",
                _ => "a-name.example\r\n",
            });
        }
        assert!(text.len() > 2 * SHARED_FROM / 2 && parts(text.as_bytes()).count() >= 1);
        let (whole, parts) = (read(text.trim_end_matches('\n').as_bytes()), parse(text.as_bytes()));
        assert!(whole.rules().eq(parts.rules()));
        assert_eq!((whole.faults(), whole.addresses()), (parts.faults(), parts.addresses()));
        assert_eq!((whole.lines(), parts.lines()), (150_000, 150_000));
        assert_eq!(parts.digest()[..], Sha256::digest(text.as_bytes())[..]);
    }

    proptest! {
        #[test]
        fn parts_are_cut_at_the_ends_of_lines(lines in proptest::collection::vec("[a-z.\r]{0,9}", 1..40), cut in 0usize..40) {
            let text = lines.join("\n");
            let cut = lines[..cut.min(lines.len())].join("\n");
            let (first, second) = if cut.is_empty() { ("", text.as_str()) } else { (cut.as_str(), text[cut.len()..].trim_start_matches('\n')) };
            prop_assume!(!cut.is_empty() && cut.len() < text.len() && text[cut.len()..].strip_prefix('\n') == Some(second) && !second.is_empty());
            let (whole, parts) = (read(text.as_bytes()), read(first.as_bytes()).followed_by(read(second.as_bytes())));
            prop_assert!(whole.rules().eq(parts.rules()));
            prop_assert_eq!(whole.faults(), parts.faults());
            prop_assert_eq!(whole.lines(), parts.lines());
        }

        #[test]
        fn parsing_is_total(octets in proptest::collection::vec(any::<u8>(), 0..400)) {
            let list = parse(&octets);
            prop_assert!(list.len() + list.faults().len() <= octets.len() + 1);
        }

        #[test]
        fn every_line_is_accounted_for(lines in proptest::collection::vec("[a-z.#*/ 0-9-]{0,20}", 0..20)) {
            let list = parse(lines.join("\n").as_bytes());
            let used = list.len() + list.faults().len() + list.addresses() as usize;
            prop_assert!(used <= lines.len());
        }
    }
}
