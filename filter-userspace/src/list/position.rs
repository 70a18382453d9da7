//! Where in a text something stands, as people count: lines and columns from 1.

use std::fmt;
use std::ops::Range;

/// A place in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl Position {
    /// The first character.
    pub const START: Position = Position { line: 1, column: 1 };

    /// The place of the octet at `offset`.
    #[must_use]
    pub fn of(text: &str, offset: usize) -> Position {
        let mut end = offset.min(text.len());
        while !text.is_char_boundary(end) {
            end = end.saturating_sub(1);
        }
        let before = text.get(..end).unwrap_or_default();
        let lines = before.bytes().filter(|octet| *octet == b'\n').count();
        let columns = before.rsplit('\n').next().unwrap_or_default().chars().count();
        Position { line: from_one(lines), column: from_one(columns) }
    }
}

fn from_one(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX).saturating_add(1)
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// Lines of a text, for many look-ups of offsets that only grow.
#[derive(Clone, Debug)]
pub struct Lines {
    starts: Vec<usize>,
}

impl Lines {
    /// Finds the lines of a text.
    #[must_use]
    pub fn of(text: &str) -> Lines {
        let ends = text.bytes().enumerate().filter(|(_, octet)| *octet == b'\n');
        Lines { starts: std::iter::once(0).chain(ends.map(|(offset, _)| offset.saturating_add(1))).collect() }
    }

    /// The line, from 1, of the octet at `offset`.
    #[must_use]
    pub fn line(&self, offset: usize) -> u32 {
        u32::try_from(self.starts.partition_point(|start| *start <= offset)).unwrap_or(u32::MAX)
    }
}

/// Where a TOML error stands and what it says, in our order of words: fact; expectation; remedy.
#[must_use]
pub fn toml_error(text: &str, error: &toml::de::Error) -> (Position, String) {
    let span = error.span().unwrap_or(Range { start: 0, end: 0 });
    (Position::of(text, span.start), rephrase(error.message()))
}

/// Where the key stands: at the start of a line in TOML, in quotes in JSON; else the start of the file.
#[must_use]
pub fn key_position(text: &str, key: &str) -> Position {
    let mut offset = 0usize;
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim_start_matches([' ', '\t', '[', '{', '"']);
        let rest = trimmed.strip_prefix(key);
        if rest.is_some_and(|rest| rest.starts_with([' ', '=', '"', ']', '.', ':'])) {
            return Position::of(text, offset.saturating_add(line.len()).saturating_sub(trimmed.len()));
        }
        offset = offset.saturating_add(line.len());
    }
    Position::START
}

/// Turns a decoder's sentence into ours, when it is one of the usual ones.
#[must_use]
pub fn rephrase(message: &str) -> String {
    let message = message.trim().replace('\n', " ");
    if let Some(rest) = message.strip_prefix("unknown field ") {
        let rest = rest.replacen(", expected", "; expected", 1);
        return format!("unknown key {rest}; remove it or correct its spelling");
    }
    if let Some(rest) = message.strip_prefix("unknown variant ") {
        let rest = rest.replacen(", expected", "; expected", 1);
        return format!("unknown word {rest}; use one of these");
    }
    if let Some(rest) = message.strip_prefix("missing field ") {
        return format!("the key {rest} is missing; expected a value for it; add it");
    }
    for (theirs, ours) in
        [("invalid type: ", "wrong kind of value"), ("invalid value: ", "value out of range")]
    {
        if let Some(rest) = message.strip_prefix(theirs) {
            let rest = rest.replacen(", expected", "; expected", 1);
            return format!("{ours}: {}; change it to that", plain_numbers(&rest));
        }
    }
    message
}

/// Rust's names of number types, in words.
fn plain_numbers(message: &str) -> String {
    let known = [
        ("expected u16", "expected a whole number from 0 to 65535"),
        ("expected u32", "expected a whole number from 0 to 4294967295"),
        ("expected i32", "expected a whole number"),
    ];
    let found = known.iter().find(|(theirs, _)| message.ends_with(theirs));
    found.map_or_else(|| message.to_owned(), |(theirs, ours)| message.replace(theirs, ours))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn positions_count_from_one_in_characters() {
        let text = "ab\nüx\n";
        assert_eq!(Position::of(text, 0), Position::START);
        assert_eq!(Position::of(text, 5), Position { line: 2, column: 2 });
        assert_eq!(Position::of(text, 4), Position { line: 2, column: 1 });
        assert_eq!(Position::of(text, 99), Position { line: 3, column: 1 });
    }

    proptest! {
        #[test]
        fn lines_agree_with_positions(text in "[a\\n]{0,40}", offset in 0usize..40) {
            let offset = offset.min(text.len());
            prop_assert_eq!(Lines::of(&text).line(offset), Position::of(&text, offset).line);
        }
    }
}
