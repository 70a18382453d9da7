//! What the filter says about a frame, and the counter each verdict has.

use crate::abi::COUNTERS;

/// First counter of the drops.
const DROPS: usize = 40;
/// Counter of the answers.
pub const ANSWERED: usize = 56;
/// Counter of the resets.
pub const RESET: usize = 57;
/// Verdicts have the counters below this; those from here on count something beside the verdict.
pub const VERDICTS: usize = 60;
/// Answers that were cut for lack of room.
pub const ANSWERS_CUT: usize = 60;
/// Sampled hits that the ring buffer had no room for.
pub const EVENTS_LOST: usize = 61;

macro_rules! reasons {
    ($(#[$meta:meta])* $name:ident from $first:expr; $($variant:ident = $text:literal: $doc:literal,)*) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u32)]
        pub enum $name { $(#[doc = $doc] $variant,)* }

        impl $name {
            /// Every reason, in the order of their counters.
            pub const ALL: &'static [$name] = &[$($name::$variant,)*];

            /// The reason's label in metrics and JSON.
            #[must_use]
            pub const fn label(self) -> &'static str {
                match self { $($name::$variant => $text,)* }
            }

            /// What the reason means, for people.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $($name::$variant => $doc,)* }
            }

            /// Index of the reason's counter.
            #[must_use]
            #[inline(always)]
            pub const fn counter(self) -> usize { $first.wrapping_add(self as usize) }
        }
    };
}

reasons! {
    /// Why a frame passes to the network stack untouched.
    PassReason from 0usize;
    NotIp = "not-ip": "neither IPv4 nor IPv6",
    NotUdpOrTcp = "not-udp-or-tcp": "neither UDP nor TCP",
    NotDnsPort = "not-dns-port": "the destination port is not a DNS port",
    NotService = "not-service": "the destination is not one of the service addresses",
    LaterFragment = "later-fragment": "a fragment that is not the first; useless without the first",
    FragmentAllowed = "fragment-allowed": "a first fragment to a DNS port, passed by setting",
    Truncated = "truncated": "the frame ends before a header does",
    MultiBuffer = "multi-buffer": "a header or the question lies beyond the first, small buffer of a multi-buffer frame",
    BadIp = "bad-ip": "wrong IP version, header length or total length",
    BadUdp = "bad-udp": "the UDP length is below a DNS header's or beyond the IP payload",
    BadTcp = "bad-tcp": "wrong TCP header length",
    TcpSyn = "tcp-syn": "a TCP segment that opens a connection",
    TcpNoData = "tcp-no-data": "a TCP segment without payload",
    TcpSplit = "tcp-split": "a TCP segment that does not start with a whole question",
    TcpAllowed = "tcp-allowed": "a listed name over TCP, passed by setting",
    Response = "response": "QR=1: a response, never answered",
    SourcePort = "source-port": "source port 0, never answered",
    BadSource = "bad-source": "the source is multicast, broadcast, unspecified, loopback or the destination itself",
    LabelType = "label-type": "a label type other than a plain label or a pointer",
    LongName = "long-name": "a QNAME above 255 octets",
    NoRootLabel = "no-root-label": "the message ends inside the QNAME",
    NoType = "no-type": "the message ends before type and class",
    NotListed = "not-listed": "no rule holds the name",
    OtherRegion = "other-region": "a listed name, but no rule applies to the client's region or the query's type",
    Passthru = "passthru": "an exception applies",
    NotClient = "not-client": "a listed name from an address outside the client prefixes",
    WouldAnswer = "would-answer": "observe mode: would have been answered",
    WouldDrop = "would-drop": "observe mode: would have been dropped",
    WouldReset = "would-reset": "observe mode: would have been reset",
    NoPolicy = "no-policy": "no policy has been published yet",
}

reasons! {
    /// Why a frame is dropped.
    DropReason from DROPS;
    VlanTags = "vlan-tags": "a fifth VLAN tag",
    Ipv6Headers = "ipv6-headers": "a ninth IPv6 extension header, or so long ones that they fill the first buffer of a frame",
    Fragment = "fragment": "the first fragment of a datagram or segment to a DNS port",
    Pointer = "pointer": "a compressed QNAME that is not answered",
    Opcode = "opcode": "a listed name with an opcode other than QUERY",
    QuestionCount = "question-count": "a listed name with a QDCOUNT other than 1",
    IpOptions = "ip-options": "a listed name behind IPv4 options or IPv6 extension headers",
    GroupDestination = "group-destination": "a listed name sent to a multicast or broadcast address",
    Rule = "rule": "the rule's action is drop",
    WriteFailed = "write-failed": "an answer that could not be finished once begun",
}

const _: () = {
    assert!(PassReason::ALL.len() <= DROPS);
    assert!(DROPS + DropReason::ALL.len() <= ANSWERED);
    assert!(EVENTS_LOST < COUNTERS);
};

/// What is done with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// To the network stack, untouched.
    Pass(PassReason),
    /// Nowhere.
    Drop(DropReason),
    /// Answered in its place with this action of the generation (an offset from its first action).
    Answer(u32),
    /// Turned into the end of its TCP connection and passed to the stack.
    Reset,
}

impl Verdict {
    /// Index of the verdict's counter in [`crate::abi::Counters`].
    #[must_use]
    #[inline(always)]
    pub const fn counter(self) -> usize {
        match self {
            Verdict::Pass(reason) => reason.counter(),
            Verdict::Drop(reason) => reason.counter(),
            Verdict::Answer(_) => ANSWERED,
            Verdict::Reset => RESET,
        }
    }
}
