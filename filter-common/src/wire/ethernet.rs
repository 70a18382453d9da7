//! Ethernet II with up to four VLAN tags. Three tags with VLAN ID 0 reach a socket, so tags are no way around.

use crate::octets::Octets;
use crate::verdict::{DropReason, PassReason, Verdict};
use crate::wire::need;

/// A frame with more tags than this is dropped.
pub(super) const MAX_VLAN_TAGS: usize = 4;

/// The two MAC addresses.
const ADDRESSES: usize = 12;
const TAG: usize = 4;
const TPID_8021Q: u16 = 0x8100;
const TPID_8021AD: u16 = 0x88a8;
const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_IPV6: u16 = 0x86dd;

/// The offset of the IP header.
pub(super) enum Network {
    V4(usize),
    V6(usize),
}

#[inline(always)]
pub(super) fn network<O: Octets + ?Sized>(octets: &O) -> Result<Network, Verdict> {
    let mut at = ADDRESSES;
    let mut ethertype = need!(octets.u16_at(at, 0));
    for _ in 0..MAX_VLAN_TAGS {
        if ethertype != TPID_8021Q && ethertype != TPID_8021AD {
            break;
        }
        at = at.wrapping_add(TAG);
        ethertype = need!(octets.u16_at(at, 0));
    }
    let ip = at.wrapping_add(2);
    match ethertype {
        ETHERTYPE_IPV4 => Ok(Network::V4(ip)),
        ETHERTYPE_IPV6 => Ok(Network::V6(ip)),
        TPID_8021Q | TPID_8021AD => Err(Verdict::Drop(DropReason::VlanTags)),
        _ => Err(Verdict::Pass(PassReason::NotIp)),
    }
}
