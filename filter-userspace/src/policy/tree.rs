//! The region tree (`filter_common::region`) from prefixes: they are flattened to starts in ascending order, and those
//! become lines.
//!
//! The lines are what the kernel gets, octet for octet; this module knows no map.

use filter_common::abi::{CLIENT_DIGIT, CLIENT_LINE, LINE_NUMBER, LINE_SLICES};
use filter_common::region::{self, LINE_ENTRIES, Line, Lines, ROOT_LINES, ROOT_WORDS};
use ipnet::{Ipv4Net, Ipv6Net};

/// Bits of the root's index and of a start.
const DIGIT: u32 = 16;
/// Bits that choose one of several lines, at most: 16 MiB of lines.
const MAX_SLICES: u32 = 18;

/// A region tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegionTree {
    lines: Vec<Line>,
    v4: u32,
}

/// What holds from an address on, the address as 128 bits from the topmost on.
type Start = (u128, u32);

impl RegionTree {
    /// Of the longest prefixes that cover an address; where none does, `unknown` holds. The words have neither of the flags
    /// that only lines use.
    #[must_use]
    pub fn new(v4: &[(Ipv4Net, u32)], v6: &[(Ipv6Net, u32)], unknown: u32) -> RegionTree {
        let v4 = v4.iter().map(|(prefix, word)| Range {
            start: u128::from(prefix.network().to_bits()) << 96,
            length: prefix.prefix_len(),
            word: *word,
        });
        let v6 = v6.iter().map(|(prefix, word)| Range {
            start: prefix.network().to_bits(),
            length: prefix.prefix_len(),
            word: *word,
        });
        let mut tree = RegionTree { lines: vec![Line::default(); ROOT_LINES as usize], v4: unknown };
        let entries = tree.entries(&flat(v6.collect(), unknown), unknown, 0);
        tree.fill_root(&entries);
        tree.v4 = match flat(v4.collect(), unknown).as_slice() {
            [] => unknown,
            [(0, word)] => *word,
            starts => tree.slices(starts, unknown, 0),
        };
        tree
    }

    /// Its lines, the root first.
    #[must_use]
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// The word of all IPv4 addresses.
    #[must_use]
    pub fn v4(&self) -> u32 {
        self.v4
    }

    /// The word of an IPv4 address.
    #[must_use]
    pub fn client_v4(&self, address: u32) -> u32 {
        region::client(self, self.v4, u64::from(address) << 32, 0)
    }

    /// The word of an IPv6 address.
    #[must_use]
    pub fn client_v6(&self, address: u128) -> u32 {
        let half = |half: u128| u64::try_from(half & u128::from(u64::MAX)).unwrap_or(0);
        let (high, low) = (half(address >> 64), half(address));
        region::client(self, self.root(high >> 48), high, low)
    }

    fn fill_root(&mut self, entries: &[(u16, u32)]) {
        let ends = entries.iter().skip(1).map(|(start, _)| u32::from(*start)).chain([1 << DIGIT]);
        for ((start, word), end) in entries.iter().zip(ends) {
            for digit in u32::from(*start)..end {
                let (line, at) = place(digit);
                if let Some(line) = self.lines.get_mut(line) {
                    set(line, at, *word);
                }
            }
        }
    }

    /// What holds from which number on, for the 16 bits behind the first `before` of addresses that agree in those. The starts
    /// that no 16 bits alone can tell apart become lines about the bits behind them.
    fn entries(&mut self, starts: &[Start], inherited: u32, before: u32) -> Vec<(u16, u32)> {
        let digit = |start: u128| digit(start, before, DIGIT);
        let behind = before.saturating_add(DIGIT);
        let (mut entries, mut word) = (vec![(0, inherited)], inherited);
        for group in starts.chunk_by(|one, other| digit(one.0) == digit(other.0)) {
            let (Some((first, first_word)), Some((_, last_word))) = (group.first(), group.last()) else {
                continue;
            };
            let is_whole = group.len() == 1 && first.checked_shl(behind).unwrap_or(0) == 0;
            let held = if is_whole { *first_word } else { self.slices(group, word, behind) | CLIENT_DIGIT };
            push(&mut entries, digit(*first), held);
            word = *last_word;
            if let Some(next) = digit(*first).checked_add(1).filter(|_| !is_whole) {
                push(&mut entries, next, word);
            }
        }
        entries
    }

    /// Lines about what comes behind the first `before` bits of addresses that agree in those; the word that leads to them.
    fn slices(&mut self, starts: &[Start], mut inherited: u32, before: u32) -> u32 {
        let digits =
            starts.chunk_by(|one, other| digit(one.0, before, DIGIT) == digit(other.0, before, DIGIT));
        // IPv4 has one such place, and 32 bits, of which those behind the first 16 count here too
        let count = if before == 0 { starts.len() } else { digits.count() };
        let bits = slice_bits(count);
        let first = self.lines.len();
        self.lines.resize(first.saturating_add(1 << bits), Line::default());
        let mut rest = starts;
        for (slice, number) in (0u32..1 << bits).zip(first..) {
            let is_here = |start: &Start| slice_of(start.0, before, bits) == slice;
            let (here, others) = rest.split_at(rest.partition_point(is_here));
            let entries = self.entries(here, inherited, before.saturating_add(bits));
            let line = self.line(entries);
            if let Some(place) = self.lines.get_mut(number) {
                *place = line;
            }
            inherited = here.last().map_or(inherited, |(_, word)| *word);
            rest = others;
        }
        leading_to(first) | bits << LINE_SLICES
    }

    /// The line of a slice; when it has more starts than that, those are in lines of their own, which this one leads to.
    fn line(&mut self, mut entries: Vec<(u16, u32)>) -> Line {
        while entries.len() > LINE_ENTRIES {
            let above = entries.chunks(LINE_ENTRIES).map(|chunk| {
                self.lines.push(filled(chunk));
                let start = chunk.first().map_or(0, |(start, _)| *start);
                (start, leading_to(self.lines.len().saturating_sub(1)))
            });
            entries = above.collect();
        }
        filled(&entries)
    }
}

impl Lines for RegionTree {
    fn root(&self, digit: u64) -> u32 {
        let (line, at) = place(u32::try_from(digit).unwrap_or(u32::MAX));
        self.lines.get(line).map_or(0, |line| get(line, at))
    }

    fn word(&self, line: u32, digit: u64) -> u32 {
        let line = self.lines.get(line as usize);
        line.and_then(|line| line.words.get(line.index(digit))).copied().unwrap_or(0)
    }
}

/// How many bits choose a line: so many that one has five starts when they lie evenly.
fn slice_bits(starts: usize) -> u32 {
    (starts / (LINE_ENTRIES / 2)).next_power_of_two().trailing_zeros().min(MAX_SLICES)
}

/// The `bits` (at most 16) bits behind the first `before`.
fn digit(start: u128, before: u32, bits: u32) -> u16 {
    u16::try_from(slice_of(start, before, bits)).unwrap_or(u16::MAX)
}

/// The `bits` (at most 31) bits behind the first `before`, 0 where there are none.
fn slice_of(start: u128, before: u32, bits: u32) -> u32 {
    let topmost = start.checked_shl(before).unwrap_or(0);
    u32::try_from(topmost.checked_shr(128u32.saturating_sub(bits)).unwrap_or(0)).unwrap_or(u32::MAX)
}

/// The word that leads to a line. A tree with more lines than there are numbers is refused when it is published.
fn leading_to(line: usize) -> u32 {
    CLIENT_LINE | u32::try_from(line).unwrap_or(u32::MAX) & LINE_NUMBER
}

fn filled(entries: &[(u16, u32)]) -> Line {
    let last = entries.last().map_or(0, |(_, word)| *word);
    let mut line = Line { words: [last; LINE_ENTRIES], starts: [u16::MAX; LINE_ENTRIES], spare: [0; 2] };
    for ((start, word), entry) in line.starts.iter_mut().zip(&mut line.words).zip(entries) {
        (*start, *word) = *entry;
    }
    line
}

/// A prefix, its address as 128 bits from the topmost on.
#[derive(Clone, Copy)]
struct Range {
    start: u128,
    length: u8,
    word: u32,
}

impl Range {
    fn end(&self) -> u128 {
        self.start | u128::MAX.checked_shr(self.length.into()).unwrap_or(0)
    }
}

/// What holds from which address on, without two of the same in a row.
fn flat(mut ranges: Vec<Range>, unknown: u32) -> Vec<Start> {
    // an enclosing prefix comes before those inside it
    ranges.sort_unstable_by_key(|range| (range.start, range.length));
    let mut starts = Vec::with_capacity(ranges.len().saturating_mul(2));
    let mut around: Vec<Range> = Vec::new();
    let close = |starts: &mut Vec<Start>, around: &mut Vec<Range>, ended: Range| {
        let word = around.last().map_or(unknown, |outer| outer.word);
        if let Some(next) = ended.end().checked_add(1) {
            push(starts, next, word);
        }
    };
    for range in ranges {
        while let Some(ended) = around.pop_if(|outer| outer.end() < range.start) {
            close(&mut starts, &mut around, ended);
        }
        push(&mut starts, range.start, range.word);
        around.push(range);
    }
    while let Some(ended) = around.pop() {
        close(&mut starts, &mut around, ended);
    }
    starts
}

/// Says that `word` holds from `start` on, where something else held.
fn push<S: PartialEq>(starts: &mut Vec<(S, u32)>, start: S, word: u32) {
    starts.pop_if(|(last, _)| *last == start);
    if starts.last().is_none_or(|(_, last)| *last != word) {
        starts.push((start, word));
    }
}

/// The line of a root's word, and which of its words it is.
fn place(digit: u32) -> (usize, usize) {
    ((digit / ROOT_WORDS) as usize, (digit % ROOT_WORDS) as usize)
}

/// A line of a root is sixteen words instead; here they are in a line's fields.
fn get(line: &Line, at: usize) -> u32 {
    if let Some(word) = line.words.get(at) {
        return *word;
    }
    let halves: Vec<u16> = line.starts.iter().chain(&line.spare).copied().collect();
    match halves.get(at.saturating_sub(LINE_ENTRIES).saturating_mul(2)..) {
        Some([low, high, ..]) => u32::from(*low) | u32::from(*high) << 16,
        _ => 0,
    }
}

fn set(line: &mut Line, at: usize, word: u32) {
    if let Some(place) = line.words.get_mut(at) {
        *place = word;
        return;
    }
    let [a, b, c, d] = word.to_le_bytes();
    let halves = [u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d])];
    let from = at.saturating_sub(LINE_ENTRIES).saturating_mul(2);
    for (place, half) in line.starts.iter_mut().chain(&mut line.spare).skip(from).zip(halves) {
        *place = half;
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use proptest::prelude::*;

    use super::*;

    fn v4(text: &str) -> Ipv4Net {
        text.parse().expect("a prefix")
    }

    fn v6(text: &str) -> Ipv6Net {
        text.parse().expect("a prefix")
    }

    #[test]
    fn without_prefixes_there_are_only_roots() {
        let tree = RegionTree::new(&[], &[], 7);
        assert_eq!((tree.lines().len(), tree.v4()), (ROOT_LINES as usize, 7));
        assert_eq!((tree.client_v4(0), tree.client_v4(u32::MAX)), (7, 7));
        assert_eq!((tree.client_v6(0), tree.client_v6(u128::MAX)), (7, 7));
    }

    #[test]
    fn a_prefix_of_every_length_ends_where_it_should() {
        for length in 0..=32 {
            let net = Ipv4Net::new(Ipv4Addr::new(203, 0, 113, 77), length).expect("a length").trunc();
            let tree = RegionTree::new(&[(net, 1)], &[], 0);
            let (first, last) = (net.network().to_bits(), net.broadcast().to_bits());
            assert_eq!((tree.client_v4(first), tree.client_v4(last)), (1, 1), "{net}");
            let outside = [first.checked_sub(1), last.checked_add(1)];
            assert!(outside.iter().flatten().all(|address| tree.client_v4(*address) == 0), "{net}");
        }
        for length in 0..=128 {
            let address: Ipv6Addr = "2001:db8:1234:5678:9abc:def0:1122:3344".parse().expect("an address");
            let net = Ipv6Net::new(address, length).expect("a length").trunc();
            let tree = RegionTree::new(&[], &[(net, 1)], 0);
            let (first, last) = (net.network().to_bits(), net.broadcast().to_bits());
            assert_eq!((tree.client_v6(first), tree.client_v6(last)), (1, 1), "{net}");
            let outside = [first.checked_sub(1), last.checked_add(1)];
            assert!(outside.iter().flatten().all(|address| tree.client_v6(*address) == 0), "{net}");
        }
    }

    #[test]
    fn a_slice_with_more_starts_than_a_line_has_lines_of_its_own() {
        // 300 addresses in a row, and one far away: 60 slices, of which two have nearly all the starts
        let addresses = (0u32..300).chain([0xffff]);
        let prefixes: Vec<(Ipv4Net, u32)> = addresses
            .clone()
            .map(|low| (Ipv4Net::new(Ipv4Addr::from(0xc000_0000 | low), 32).expect("a prefix"), 1 + low % 2))
            .collect();
        let tree = RegionTree::new(&prefixes, &[], 0);
        for low in 0u32..1 << 16 {
            let expected = if low < 300 || low == 0xffff { 1 + low % 2 } else { 0 };
            assert_eq!(tree.client_v4(0xc000_0000 | low), expected, "{low:#x}");
        }
    }

    #[test]
    fn the_fullest_digit_is_found_in() {
        let prefixes: Vec<(Ipv4Net, u32)> = (0u32..1 << 16)
            .map(|low| (Ipv4Net::new(Ipv4Addr::from(0xc000_0000 | low), 32).expect("a prefix"), 1 + low % 2))
            .collect();
        let tree = RegionTree::new(&prefixes, &[], 0);
        for low in 0u32..1 << 16 {
            assert_eq!(tree.client_v4(0xc000_0000 | low), 1 + low % 2, "{low:#x}");
        }
        assert_eq!((tree.client_v4(0xbfff_ffff), tree.client_v4(0xc001_0000)), (0, 0));
    }

    #[test]
    fn the_longest_prefix_counts() {
        let nets = [("192.0.2.0/24", 1), ("192.0.2.128/25", 2), ("192.0.2.255/32", 3), ("0.0.0.0/0", 4)];
        let tree = RegionTree::new(&nets.map(|(net, word)| (v4(net), word)), &[(v6("2001:db8::/32"), 5)], 9);
        for (address, expected) in
            [("192.0.2.127", 1), ("192.0.2.128", 2), ("192.0.2.254", 2), ("192.0.2.255", 3), ("192.0.3.0", 4)]
        {
            let bits = address.parse::<Ipv4Addr>().expect("an address").to_bits();
            assert_eq!(tree.client_v4(bits), expected, "{address}");
        }
        assert_eq!(tree.client_v6(v6("2001:db8:ffff::/48").network().to_bits()), 5);
        assert_eq!(tree.client_v6(v6("2001:db9::/48").network().to_bits()), 9);
    }

    proptest! {
        #[test]
        fn agrees_with_its_definition(
            entries in proptest::collection::vec((0u128..64, 0u32..9, 110u8..=128, 0u32..4), 0..48),
            asked in 0u128..64,
            step in 0u32..9,
        ) {
            // addresses that differ at the end of one digit and at the start of the next
            let address = |bits: u128, step: u32| 0x2001_u128 << 112 | bits << (step * 2);
            let nets: Vec<(Ipv6Net, u32)> = entries
                .iter()
                .map(|(bits, step, length, word)| {
                    (Ipv6Net::new(Ipv6Addr::from(address(*bits, *step)), *length).expect("a prefix").trunc(), *word)
                })
                .collect();
            let mut one_each: std::collections::BTreeMap<Ipv6Net, u32> = std::collections::BTreeMap::new();
            one_each.extend(nets);
            let nets: Vec<(Ipv6Net, u32)> = one_each.into_iter().collect();
            let asked = address(asked, step);
            let covering = nets.iter().filter(|(net, _)| net.contains(&Ipv6Addr::from(asked)));
            let expected = covering.max_by_key(|(net, _)| net.prefix_len()).map_or(8, |(_, word)| *word);
            prop_assert_eq!(RegionTree::new(&[], &nets, 8).client_v6(asked), expected);
        }
    }
}
