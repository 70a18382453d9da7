//! Which addresses a packet may be answered from and to: answering the others would make a reflector or a martian.

use crate::octets::Octets;
use crate::wire::Datagram;

const V4_SOURCE: usize = 12;
const V4_DESTINATION: usize = 16;
const V6_SOURCE: usize = 8;
const V6_DESTINATION: usize = 24;

const LOOPBACK_NET: u32 = 127;
const BROADCAST: u32 = u32::MAX;
/// First octet of an IPv6 multicast address.
const V6_MULTICAST: u64 = 0xff;
/// `::1` as its last eight octets are read.
const V6_LOOPBACK: u64 = 1 << 56;

/// Whether an IPv4 address, its first octet lowest, is 224.0.0.0/4 or the limited broadcast address.
#[inline(always)]
const fn is_group_v4(address: u32) -> bool {
    (address & 0xf0 == 0xe0) | (address == BROADCAST)
}

/// Whether the source is neither multicast, broadcast, unspecified, loopback nor the destination itself.
#[inline(always)]
pub(crate) fn may_be_answered<O: Octets + ?Sized>(octets: &O, datagram: &Datagram) -> Option<bool> {
    let ip = datagram.ip;
    if datagram.is_v6(octets) {
        let (high, low) = (octets.u64_at(ip, V6_SOURCE)?, octets.u64_at(ip, V6_SOURCE + 8)?);
        let (to_high, to_low) = (octets.u64_at(ip, V6_DESTINATION)?, octets.u64_at(ip, V6_DESTINATION + 8)?);
        let never = (high & 0xff == V6_MULTICAST)
            | (high == 0 && (low == 0) | (low == V6_LOOPBACK))
            | ((high == to_high) & (low == to_low));
        return Some(!never);
    }
    let (source, destination) = (octets.u32_at(ip, V4_SOURCE)?, octets.u32_at(ip, V4_DESTINATION)?);
    let never =
        is_group_v4(source) | (source == 0) | (source & 0xff == LOOPBACK_NET) | (source == destination);
    Some(!never)
}

/// Whether the destination is a multicast or the limited broadcast address, which cannot be an answer's source.
#[inline(always)]
pub(crate) fn is_group_destination<O: Octets + ?Sized>(octets: &O, datagram: &Datagram) -> Option<bool> {
    if datagram.is_v6(octets) {
        Some(octets.u8_at(datagram.ip, V6_DESTINATION)? == 0xff)
    } else {
        Some(is_group_v4(octets.u32_at(datagram.ip, V4_DESTINATION)?))
    }
}
