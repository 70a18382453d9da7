//! Holds what the filter sent to the rules of wire.md section 4 (answers) and 5 (resets), read with parsers that share
//! nothing with the filter: etherparse for the headers, hickory-proto for the message.

mod packet;
mod reply;

pub use reply::Reply;

use std::fmt::Debug;

use self::packet::{Packet, Transport};

/// Fails with a sentence unless two things are equal.
fn same<T: PartialEq + Debug>(what: &str, got: &T, want: &T) -> Result<(), String> {
    if got == want { Ok(()) } else { Err(format!("{what} is {got:?}, not {want:?}")) }
}

/// Holds an answer to everything that does not depend on the rule, and returns what it says.
///
/// # Errors
/// A sentence with what is wrong.
pub fn check(query: &[u8], answer: &[u8], recursion_available: bool) -> Result<Reply, String> {
    let (query, answer) = (Packet::read(query)?, Packet::read(answer)?);
    let (Transport::Udp(asked), Transport::Udp(answered)) = (&query.transport, &answer.transport) else {
        return Err("it is not a datagram".to_owned());
    };
    same("destination MAC", &answer.to_mac, &query.from_mac)?;
    same("source MAC", &answer.from_mac, &query.to_mac)?;
    same("VLAN tags", &answer.tags, &query.tags)?;
    same("source address", &answer.ip.from, &query.ip.to)?;
    same("destination address", &answer.ip.to, &query.ip.from)?;
    same("ports", &(answered.from_port, answered.to_port), &(asked.to_port, asked.from_port))?;
    same("TTL", &answer.ip.ttl, &64)?;
    same("IP options and extension headers", &answer.ip.has_options, &false)?;
    same("octets after the IP packet", &answer.after, &0)?;
    if answered.length == 0 || answered.after != 0 {
        return Err(format!("UDP length and {} octets after the datagram", answered.after));
    }
    if answered.checksum == 0 || !answered.is_checksum_right {
        return Err(format!("UDP checksum {:04x} is wrong", answered.checksum));
    }
    same("whether the IP header checksum is right", &answer.ip.is_checksum_right, &true)?;
    if answer.ip.length > 1500 {
        return Err(format!("the packet has {} octets, above any MTU", answer.ip.length));
    }
    Reply::check(&asked.message, &answered.message, recursion_available)
}

/// The DNS message of a frame that comes from port 53 over UDP.
#[must_use]
pub fn message_of(frame: &[u8]) -> Option<Vec<u8>> {
    match Packet::read(frame).ok()?.transport {
        Transport::Udp(datagram) if datagram.from_port == 53 => Some(datagram.message),
        _ => None,
    }
}

/// Holds a reset to section 5: the segment ends its connection where it would have carried a query.
///
/// # Errors
/// A sentence with what is wrong.
pub fn check_reset(segment: &[u8], reset: &[u8]) -> Result<(), String> {
    let (segment, reset) = (Packet::read(segment)?, Packet::read(reset)?);
    let (Transport::Tcp(before), Transport::Tcp(after)) = (&segment.transport, &reset.transport) else {
        return Err("it is not a segment".to_owned());
    };
    same("MACs", &(&reset.to_mac, &reset.from_mac), &(&segment.to_mac, &segment.from_mac))?;
    same("VLAN tags", &reset.tags, &segment.tags)?;
    same("addresses", &(reset.ip.from, reset.ip.to), &(segment.ip.from, segment.ip.to))?;
    same("ports", &(after.from_port, after.to_port), &(before.from_port, before.to_port))?;
    same("sequence number", &after.sequence, &before.sequence)?;
    same("flags (FIN and ACK)", &after.flags, &0x11)?;
    same("acknowledgment number", &after.acknowledgment, &before.acknowledgment)?;
    same("payload", &after.payload, &0)?;
    same("octets after the IP packet", &reset.after, &0)?;
    same("whether the IP header checksum is right", &reset.ip.is_checksum_right, &true)?;
    same("whether the TCP checksum is right", &after.is_checksum_right, &true)
}
