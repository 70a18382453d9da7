//! The DNS header (RFC 1035 section 4.1.1), by offset from the start of the message.

/// QR, opcode, AA, TC, RD, RA, Z, AD, CD and RCODE.
pub const FLAGS: usize = 2;
/// Number of questions.
pub const QDCOUNT: usize = 4;
/// Number of answer records.
pub const ANCOUNT: usize = 6;
/// Number of authority records.
pub const NSCOUNT: usize = 8;
/// Number of additional records.
pub const ARCOUNT: usize = 10;
/// Octets of the header; the first question follows.
pub const SIZE: usize = 12;

/// In [`FLAGS`]: a response.
pub const QR: u16 = 0x8000;
/// In [`FLAGS`]: the opcode; QUERY is 0.
pub const OPCODE: u16 = 0x7800;
/// In [`FLAGS`]: recursion desired.
pub const RD: u16 = 0x0100;
/// In [`FLAGS`]: recursion available.
pub const RA: u16 = 0x0080;
/// In [`FLAGS`]: checking disabled (RFC 4035 section 3.2.2).
pub const CD: u16 = 0x0010;
