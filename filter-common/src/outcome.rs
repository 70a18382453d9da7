//! What the filter says about a frame: a verdict, and for a query that was judged what carrying it out needs.

use crate::dns::edns::Edns;
use crate::verdict::Verdict;
use crate::wire::Datagram;

/// What the filter says about a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A verdict that no rule had a part in.
    Unmatched(Verdict),
    /// A rule applied, or the QNAME is hidden by a compression pointer.
    Matched(Match),
}

/// A query that was judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match {
    /// What is done.
    pub verdict: Verdict,
    /// The rule that says so.
    pub hit: Hit,
    /// The query.
    pub query: Query,
}

/// A rule that applied, whatever came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Hit {
    /// Its counter; 0: no rule applied.
    pub hits: u32,
    /// The client's region number.
    pub region: u32,
    /// The hash key of the name that holds it.
    pub key: u64,
    /// The query type.
    pub qtype: u16,
}

/// A query that is about to be answered or reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Query {
    /// Where its message is.
    pub datagram: Datagram,
    /// Offset after its question; the header's end when the question is not to be repeated.
    pub question: usize,
    /// Offset of the matched name inside the question.
    pub suffix: usize,
    /// Its EDNS.
    pub edns: Edns,
}

impl Outcome {
    /// What is done.
    #[inline(always)]
    #[must_use]
    pub const fn verdict(&self) -> Verdict {
        match self {
            Outcome::Unmatched(verdict) => *verdict,
            Outcome::Matched(matched) => matched.verdict,
        }
    }

    /// The rule that says so; all zero when there is none.
    #[must_use]
    pub fn hit(&self) -> Hit {
        match self {
            Outcome::Unmatched(_) => Hit::default(),
            Outcome::Matched(matched) => matched.hit,
        }
    }
}
