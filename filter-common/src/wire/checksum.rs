//! The Internet checksum (RFC 1071) as a running sum of 32-bit halves of little-endian words.
//!
//! A ones'-complement sum does not depend on octet order (RFC 1071 section 2(B)), so words are added as they lie and
//! the result is stored as it is.

/// Adds the two halves of a word to a sum. `sum` stays below 2^64 for far more words than a frame has.
#[inline(always)]
#[must_use]
pub const fn add(sum: u64, word: u64) -> u64 {
    sum.wrapping_add(word & 0xffff_ffff).wrapping_add(word >> 32)
}

/// The complement of the sum folded to 16 bits, in network order as a number.
#[inline(always)]
#[must_use]
pub const fn finish(sum: u64) -> u16 {
    let sum = (sum & 0xffff_ffff).wrapping_add(sum >> 32);
    let sum = (sum & 0xffff).wrapping_add(sum >> 16);
    let sum = (sum & 0xffff).wrapping_add(sum >> 16);
    let sum = (sum & 0xffff).wrapping_add(sum >> 16);
    (!(sum as u16)).swap_bytes()
}
