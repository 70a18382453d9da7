//! An answer over its query, in place: [`plan`] decides everything, [`write`] only carries it out. A reset is made of
//! its segment in the same way.

mod plan;
mod reset;
mod write;

pub use plan::{Plan, plan};
pub use reset::reset;
pub use write::{MIN_MOVE, forward, write};

/// An [`crate::abi::Action`], wherever it is kept.
pub trait Template {
    /// RCODE of the header.
    fn rcode(&self) -> u16;
    /// Octets of the resource record.
    fn record(&self) -> usize;
    /// The record's section.
    fn section(&self) -> u16;
    /// Octets of the OPT record with its EDE.
    fn opt(&self) -> usize;
    /// Octets of EXTRA-TEXT at its end.
    fn text(&self) -> usize;
    /// Eight octets of the records from `offset` (below 256) as a little-endian number.
    fn word(&self, offset: usize) -> u64;
}

impl Template for crate::abi::Action {
    fn rcode(&self) -> u16 {
        self.rcode
    }
    fn record(&self) -> usize {
        usize::from(self.record) & 0xff
    }
    fn section(&self) -> u16 {
        self.section
    }
    fn opt(&self) -> usize {
        usize::from(self.opt) & 0xff
    }
    fn text(&self) -> usize {
        usize::from(self.text) & 0xff
    }
    fn word(&self, offset: usize) -> u64 {
        let mut octets = [0u8; 8];
        for (octet, from) in octets.iter_mut().zip(self.records.iter().chain(&self.spill).skip(offset & 0xff))
        {
            *octet = *from;
        }
        u64::from_le_bytes(octets)
    }
}
