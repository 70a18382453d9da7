//! IPv6 (RFC 8200) and its extension headers, of which eight reach a socket.

use crate::abi::Settings;
use crate::octets::Octets;
use crate::policy::{Services, is_served};
use crate::verdict::{DropReason, PassReason, Verdict};
use crate::wire::{FORM_EXTENDED, FORM_V6, IpPayload, need};

/// A packet with more extension headers than this is dropped.
pub(super) const MAX_HEADERS: usize = 8;

const HEADER: usize = 40;

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const DESTINATION: u8 = 60;

#[inline(always)]
pub(super) fn payload<O, S>(
    octets: &O,
    services: &S,
    settings: &Settings,
    ip: usize,
) -> Result<IpPayload, Verdict>
where
    O: Octets + ?Sized,
    S: Services + ?Sized,
{
    // version; payload length, next header, hop limit
    let [version, second] = need!(octets.words_at::<2>(ip, 0));
    if version >> 4 & 15 != 6 {
        return Err(Verdict::Pass(PassReason::BadIp));
    }
    let first = ip.wrapping_add(HEADER);
    let end = first.wrapping_add((second as u16).swap_bytes() as usize);
    if !octets.holds(end) {
        return Err(Verdict::Pass(PassReason::BadIp));
    }
    let mut protocol = (second >> 16) as u8;
    let mut start = first;
    let mut is_fragment = false;
    for _ in 0..MAX_HEADERS {
        octets.meet();
        let size = match protocol {
            HOP_BY_HOP | ROUTING | DESTINATION => {
                (need!(octets.u8_at(start, 1)) as usize).wrapping_add(1) << 3
            }
            AUTHENTICATION => (need!(octets.u8_at(start, 1)) as usize).wrapping_add(2) << 2,
            FRAGMENT => {
                let field = need!(octets.u16_at(start, 2));
                if field & 0xfff8 != 0 {
                    return Err(Verdict::Pass(PassReason::LaterFragment));
                }
                is_fragment |= field & 1 != 0;
                8
            }
            _ => break,
        };
        protocol = need!(octets.u8_at(start, 0));
        start = octets.settle(start.wrapping_add(size));
    }
    if let HOP_BY_HOP | ROUTING | DESTINATION | AUTHENTICATION | FRAGMENT = protocol {
        return Err(match is_served(octets, services, settings, ip, true) {
            Some(true) => Verdict::Drop(DropReason::Ipv6Headers),
            Some(false) | None => Verdict::Pass(PassReason::NotService),
        });
    }
    let form = if start == first { FORM_V6 } else { FORM_V6 | FORM_EXTENDED };
    Ok(IpPayload { ip, start: octets.settle(start), end, protocol, form, is_fragment })
}
