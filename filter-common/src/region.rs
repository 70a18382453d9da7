//! Where clients are: a tree over the bits of an address, in lines of 64 octets.
//!
//! A word (see [`crate::abi::CLIENT_REGION`]) says what holds for an address, or which lines say more. The next bits of the
//! address choose one of them, as many bits as leave five starts in a line when they lie evenly. A line is ten ascending
//! starts, numbers of 16 bits; the last that is not greater than the address's next 16 bits says what holds there, as a
//! word again: for all of the addresses from there on, or lines about the bits behind those 16. Where there are more
//! starts than a line holds, its words lead to other lines about the same bits.
//!
//! IPv4 begins with such a word, so nearly every IPv4 address costs one cache line. IPv6, of which an eighth is in use,
//! begins with a root: 65,536 words for the first 16 bits, in [`ROOT_LINES`] lines.

use crate::abi::{CLIENT_DIGIT, CLIENT_LINE, LINE_NUMBER, LINE_SLICES};

/// Starts in a line.
pub const LINE_ENTRIES: usize = 10;
/// Lines of the root.
pub const ROOT_LINES: u32 = (1 << 16) / ROOT_WORDS;
/// Words in a line of the root.
pub const ROOT_WORDS: u32 = 16;
/// Lines on the longest way: after the first 16 bits seven times 16, and five lines for each (`10^5` is more than 65,536).
pub const MAX_LINES: usize = 35;

/// Ten starts and what holds from each of them on. Places that are not needed repeat the last entry's word, with the
/// start 0xffff.
#[repr(C, align(64))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Line {
    /// What holds.
    pub words: [u32; LINE_ENTRIES],
    /// From which digit on; the first is not looked at, for what lies before it is in another line.
    pub starts: [u16; LINE_ENTRIES],
    /// Nothing.
    pub spare: [u16; 2],
}

const _: () = assert!(size_of::<Line>() == 64);

impl Line {
    /// Which entry holds for the digit: how many starts but the first are not greater. No branch, for the verifier would
    /// follow both ways of each.
    #[inline(always)]
    #[must_use]
    pub fn index(&self, digit: u64) -> usize {
        let [_, starts @ ..] = &self.starts;
        starts.iter().fold(0, |index, start| {
            index.wrapping_add((u64::from(*start).wrapping_sub(digit).wrapping_sub(1) >> 63) as usize)
        })
    }
}

/// A region tree, wherever its lines are. Numbers of lines count from the tree's start; the root's are the first.
pub trait Lines {
    /// A word of the root.
    fn root(&self, digit: u64) -> u32;
    /// What a line says of the next 16 bits.
    fn word(&self, line: u32, digit: u64) -> u32;
}

/// The `CLIENT_` word of an address, which has the word `word` so far: `high` and `low` are the bits of the address that
/// come after those that led to it, the first the topmost.
#[inline(always)]
pub fn client<L: Lines + ?Sized>(lines: &L, mut word: u32, mut high: u64, mut low: u64) -> u32 {
    for _ in 0..MAX_LINES {
        if word & CLIENT_LINE == 0 {
            break;
        }
        // 16, or 0 when the line is about the same bits: arithmetic, for the verifier would follow both ways each time
        (high, low) = shift(high, low, (word & CLIENT_DIGIT) >> 24);
        let slices = word >> LINE_SLICES & 31;
        let slice = high >> 1 >> 63u32.wrapping_sub(slices);
        (high, low) = shift(high, low, slices);
        word = lines.word((word & LINE_NUMBER).wrapping_add(slice as u32), high >> 48);
    }
    word
}

/// Without the topmost `by` (below 64) bits.
#[inline(always)]
const fn shift(high: u64, low: u64, by: u32) -> (u64, u64) {
    // twice, for a shift by 64 would be none
    (high << by | low >> 1 >> 63u32.wrapping_sub(by), low << by)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_holds_from_each_start_on() {
        let (a, z) = (0, u16::MAX);
        let line = Line { starts: [a, 7, 8, 0x8000, z, z, z, z, z, z], ..Line::default() };
        for (digit, expected) in
            [(0, 0), (6, 0), (7, 1), (8, 2), (9, 2), (0x7fff, 2), (0x8000, 3), (0xfffe, 3)]
        {
            assert_eq!(line.index(digit), expected, "{digit:#x}");
        }
        assert_eq!(line.index(0xffff), LINE_ENTRIES - 1);
    }
}
