//! A TCP segment becomes the end of its connection: the payload is cut and FIN is set, the sequence number stays the one
//! that the stack expects next. The frame goes to the local stack; nothing is sent.
//!
//! The server reads an end of input in place of the query and closes, so the client sees the connection closed at once;
//! what it still holds to be unacknowledged meets a closed socket and gets its reset from there (RFC 9293 section
//! 3.10.7). A RST in the segment's place would end the server's side alone: the client sends the same segment again, it
//! becomes a RST again, and a closed socket does not answer one, so that the client would wait for its own time-out.

use crate::octets::OctetsMut;
use crate::outcome::Query;
use crate::wire::checksum;

const DATA_OFFSET: usize = 12;
const FLAGS: usize = 13;
const CHECKSUM: usize = 16;
const URGENT: usize = 18;
const FIN_ACK: u8 = 0x11;
const PROTOCOL_TCP: u64 = 6u64.swap_bytes() >> 48;
/// Words of the longest TCP header.
const MAX_WORDS: usize = 15;

/// Writes it and returns the length that the frame then must be cut to.
#[inline(always)]
pub fn reset<O: OctetsMut + ?Sized>(octets: &O, query: &Query) -> Option<usize> {
    let (ip, tcp) = (query.datagram.ip, query.datagram.transport);
    let header = ((octets.u8_at(tcp, DATA_OFFSET)? >> 4) as usize) << 2;
    let sum =
        if query.datagram.is_v6(octets) { ipv6(octets, ip, header)? } else { ipv4(octets, ip, header)? };
    octets.set_u8(tcp, FLAGS, FIN_ACK)?;
    octets.set_u16(tcp, CHECKSUM, 0)?;
    octets.set_u16(tcp, URGENT, 0)?;
    let mut sum = sum.wrapping_add(PROTOCOL_TCP).wrapping_add(u64::from((header as u16).swap_bytes()));
    let (mut at, mut left) = (octets.settle(tcp), octets.settle(header));
    for _ in 0..MAX_WORDS {
        if left < 4 {
            break;
        }
        sum = sum.wrapping_add(u64::from(octets.u32_at(at, 0)?));
        at = octets.settle(at.wrapping_add(4));
        left = octets.settle(left.wrapping_sub(4));
    }
    octets.set_u16(tcp, CHECKSUM, checksum::finish(sum))?;
    Some(octets.settle(tcp.wrapping_add(header)))
}

/// Sets the total length, brings the header checksum up to date (RFC 1624 equation 3) and returns the addresses' sum.
#[inline(always)]
fn ipv4<O: OctetsMut + ?Sized>(octets: &O, ip: usize, header: usize) -> Option<u64> {
    let addresses = u64::from(octets.u32_at(ip, 12)?).wrapping_add(u64::from(octets.u32_at(ip, 16)?));
    let (old, total) = (octets.u16_at(ip, 2)?, header.wrapping_add(20) as u16);
    let before = !octets.u16_at(ip, 10)?;
    let sum = u64::from(before.swap_bytes())
        .wrapping_add(u64::from((!old).swap_bytes()))
        .wrapping_add(u64::from(total.swap_bytes()));
    octets.set_u16(ip, 2, total)?;
    octets.set_u16(ip, 10, checksum::finish(sum))?;
    Some(addresses)
}

/// Sets the payload length and returns the addresses' sum.
#[inline(always)]
fn ipv6<O: OctetsMut + ?Sized>(octets: &O, ip: usize, header: usize) -> Option<u64> {
    octets.set_u16(ip, 4, header as u16)?;
    let mut sum = 0u64;
    for word in 1..5usize {
        sum = checksum::add(sum, octets.u64_at(ip, word << 3)?);
    }
    Some(sum)
}
