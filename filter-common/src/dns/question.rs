//! The first question (RFC 1035 section 4.1.2): its name decides, whatever else the message says.

use crate::dns::{header, name};
use crate::octets::{Octets, Scratch};
use crate::verdict::PassReason;
use crate::wire::Datagram;

/// Label types 11xxxxxx are compression pointers.
const POINTER: usize = 0xc0;

/// A question that was read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// Labels of the QNAME, whose offsets are in the scratch.
    pub labels: usize,
    /// Offset after QCLASS.
    pub end: usize,
    /// Query type.
    pub qtype: u16,
}

/// What the octets after the header are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A question.
    Question(Question),
    /// A QNAME that ends in a compression pointer. BIND follows it, even into the header.
    Pointer,
    /// Nothing that a server would answer.
    Nothing(PassReason),
}

/// Reads the first question of a message.
#[inline(always)]
pub fn read<O: Octets + Scratch + ?Sized>(octets: &O, datagram: &Datagram) -> Asked {
    let first = datagram.message.wrapping_add(header::SIZE);
    let walk = name::walk(octets, first);
    if walk.last >= datagram.end {
        return Asked::Nothing(PassReason::NoRootLabel);
    }
    if walk.kind == name::UNREADABLE {
        return Asked::Nothing(PassReason::Truncated);
    }
    if walk.last.wrapping_sub(first) >= name::MAX_NAME {
        return Asked::Nothing(PassReason::LongName);
    }
    if walk.kind >= POINTER {
        return Asked::Pointer;
    }
    if walk.kind > name::MAX_LABEL {
        return Asked::Nothing(PassReason::LabelType);
    }
    if walk.kind != 0 {
        return Asked::Nothing(PassReason::LongName);
    }
    let end = octets.settle(walk.last.wrapping_add(5));
    if end > datagram.end {
        return Asked::Nothing(PassReason::NoType);
    }
    match octets.u16_at(walk.last, 1) {
        Some(qtype) => Asked::Question(Question { labels: walk.labels, end, qtype }),
        None => Asked::Nothing(PassReason::Truncated),
    }
}
