//! How the filter reads and writes a frame: bounded accesses by offset, which the kernel's verifier can follow and a
//! slice on the host can serve.
//!
//! Every offset is `base + field` (wrapping: a field may lie before its base), as an RFC draws a header. Offsets stay below
//! [`MAX_OFFSET`]; `None` means that the octets are not there (or, in a multi-buffer frame, not in the first buffer).

/// Highest offset that is ever read: beyond 14 + 4 * 4 + 40 + 8 * 2048 octets of headers and a whole question.
pub const MAX_OFFSET: usize = 0x7fff;

/// A frame that can be read.
pub trait Octets {
    /// One octet.
    fn u8_at(&self, base: usize, field: usize) -> Option<u8>;
    /// Two octets in network order.
    fn u16_at(&self, base: usize, field: usize) -> Option<u16>;
    /// Four octets as a little-endian number: the first octet is the lowest.
    fn u32_at(&self, base: usize, field: usize) -> Option<u32>;
    /// Eight octets as a little-endian number.
    fn u64_at(&self, base: usize, field: usize) -> Option<u64>;
    /// `N` times four octets, asked for once.
    fn words_at<const N: usize>(&self, base: usize, field: usize) -> Option<[u32; N]>;
    /// A place to read octets from one by one.
    type Cursor: Copy;
    /// A cursor before the octet at `base`.
    fn cursor(&self, base: usize) -> Self::Cursor;
    /// The octet behind the cursor.
    fn octet(&self, cursor: Self::Cursor) -> Option<u8>;
    /// A cursor an octet and `by` (below 256) further on, at most 128 times.
    fn step(&self, cursor: Self::Cursor, by: usize) -> Self::Cursor;
    /// Whether the frame, all buffers of it, has at least `end` octets.
    fn holds(&self, end: usize) -> bool;
    /// Whether a part of the frame lies beyond what can be read.
    fn is_multi_buffer(&self) -> bool;
    /// The same number, of which the verifier knows nothing afterwards, so that paths which meet here become one.
    /// On the host it does nothing.
    #[inline(always)]
    fn settle(&self, n: usize) -> usize {
        n
    }
    /// Makes the verifier compare the paths that meet here, so that it follows one of those that are alike. On the host it
    /// does nothing.
    #[inline(always)]
    fn meet(&self) {}
    /// Whether a number is 0, asked so that the verifier learns nothing about `n` and the two ways can meet again.
    #[inline(always)]
    fn is_zero(&self, n: usize) -> bool {
        self.settle(n) == 0
    }
}

/// A frame that can be written, within its present length.
pub trait OctetsMut: Octets {
    /// Writes one octet.
    fn set_u8(&self, base: usize, field: usize, value: u8) -> Option<()>;
    /// Writes two octets in network order.
    fn set_u16(&self, base: usize, field: usize, value: u16) -> Option<()>;
    /// Writes four octets from a little-endian number.
    fn set_u32(&self, base: usize, field: usize, value: u32) -> Option<()>;
    /// Writes eight octets from a little-endian number.
    fn set_u64(&self, base: usize, field: usize, value: u64) -> Option<()>;
}

/// [`SCRATCH_SLOTS`] numbers of working memory, which hold anything at first. An index is taken modulo that size.
pub trait Scratch {
    /// Writes a slot.
    fn put(&self, slot: usize, value: u64);
    /// Reads a slot.
    fn get(&self, slot: usize) -> u64;
}

/// Slots of a [`Scratch`].
pub const SCRATCH_SLOTS: usize = 256;
/// Offsets of the QNAME's labels, from the leftmost.
pub(crate) const LABELS: usize = 0;
/// Names on the walk that hold rules, from the root: `offset << 32 | set << 1 | below`.
pub(crate) const HOLDERS: usize = 128;
/// The hash keys of those names.
pub(crate) const HOLDER_KEYS: usize = 192;
/// The query's cookie, by words from its end. The labels are no longer needed when it is written.
pub(crate) const COOKIE: usize = 0;
/// The query's client subnet option, by words from its end.
pub(crate) const SUBNET: usize = 8;
