//! UDP (RFC 768) and TCP (RFC 9293) up to the DNS message: ports, fragments and lengths.

use crate::abi::{SETTING_FRAGMENTS_PASS, Settings};
use crate::octets::Octets;
use crate::policy::{Services, is_served};
use crate::verdict::{DropReason, PassReason, Verdict};
use crate::wire::{Datagram, FORM_TCP, FORM_V6, IpPayload, need, upper};

const PROTOCOL_TCP: u8 = 6;
const PROTOCOL_UDP: u8 = 17;

const UDP_LENGTH: usize = 4;
const UDP_HEADER: usize = 8;
const DNS_HEADER: usize = 12;

const TCP_DATA_OFFSET: usize = 12;
const TCP_FLAGS: usize = 13;
const TCP_SYN: u8 = 2;
const TCP_MIN_HEADER: usize = 20;
/// The length prefix of a DNS message over TCP (RFC 1035 section 4.2.2).
const TCP_PREFIX: usize = 2;
/// A DNS header and the shortest question.
const MIN_QUERY: usize = 17;

#[inline(always)]
pub(super) fn datagram<O, S>(
    octets: &O,
    services: &S,
    settings: &Settings,
    payload: IpPayload,
) -> Result<Datagram, Verdict>
where
    O: Octets + ?Sized,
    S: Services + ?Sized,
{
    let IpPayload { ip, start, protocol, .. } = payload;
    if protocol != PROTOCOL_UDP && protocol != PROTOCOL_TCP {
        return Err(Verdict::Pass(PassReason::NotUdpOrTcp));
    }
    let [ports] = need!(octets.words_at::<1>(start, 0));
    if !settings.has_port(upper(ports)) {
        return Err(Verdict::Pass(PassReason::NotDnsPort));
    }
    if !need!(is_served(octets, services, settings, ip, payload.form & FORM_V6 != 0)) {
        return Err(Verdict::Pass(PassReason::NotService));
    }
    if payload.is_fragment {
        return Err(if settings.flags & SETTING_FRAGMENTS_PASS != 0 {
            Verdict::Pass(PassReason::FragmentAllowed)
        } else {
            Verdict::Drop(DropReason::Fragment)
        });
    }
    if ports as u16 == 0 {
        return Err(Verdict::Pass(PassReason::SourcePort));
    }
    if protocol == PROTOCOL_UDP { udp(octets, payload) } else { tcp(octets, payload) }
}

#[inline(always)]
fn udp<O: Octets + ?Sized>(octets: &O, payload: IpPayload) -> Result<Datagram, Verdict> {
    let IpPayload { ip, start, form, .. } = payload;
    let size = need!(octets.u16_at(start, UDP_LENGTH)) as usize;
    let end = start.wrapping_add(size);
    if size < UDP_HEADER.wrapping_add(DNS_HEADER) || end > payload.end {
        return Err(Verdict::Pass(PassReason::BadUdp));
    }
    Ok(Datagram { ip, transport: start, message: start.wrapping_add(UDP_HEADER), end, form })
}

/// A segment is looked at by itself: only one that starts with a whole question can be judged.
#[inline(always)]
fn tcp<O: Octets + ?Sized>(octets: &O, payload: IpPayload) -> Result<Datagram, Verdict> {
    let IpPayload { ip, start, form, .. } = payload;
    let header = ((need!(octets.u8_at(start, TCP_DATA_OFFSET)) >> 4) as usize) << 2;
    let data = octets.settle(start.wrapping_add(header));
    if header < TCP_MIN_HEADER || data > payload.end {
        return Err(Verdict::Pass(PassReason::BadTcp));
    }
    if need!(octets.u8_at(start, TCP_FLAGS)) & TCP_SYN != 0 {
        return Err(Verdict::Pass(PassReason::TcpSyn));
    }
    if data == payload.end {
        return Err(Verdict::Pass(PassReason::TcpNoData));
    }
    let message = data.wrapping_add(TCP_PREFIX);
    if message.wrapping_add(MIN_QUERY) > payload.end {
        return Err(Verdict::Pass(PassReason::TcpSplit));
    }
    let size = need!(octets.u16_at(data, 0)) as usize;
    if size < MIN_QUERY {
        return Err(Verdict::Pass(PassReason::TcpSplit));
    }
    let claimed = message.wrapping_add(size);
    let end = if claimed < payload.end { claimed } else { payload.end };
    Ok(Datagram { ip, transport: start, message, end, form: form | FORM_TCP })
}
