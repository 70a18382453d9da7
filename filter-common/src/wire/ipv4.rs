//! IPv4 (RFC 791): options are honoured, the total length must lie within the frame.

use crate::octets::Octets;
use crate::verdict::{PassReason, Verdict};
use crate::wire::{FORM_EXTENDED, IpPayload, need, upper};

/// Octets of a header without options.
const MIN_HEADER: usize = 20;
const MORE_FRAGMENTS: u16 = 0x2000;
const FRAGMENT_OFFSET: u16 = 0x1fff;

#[inline(always)]
pub(super) fn payload<O: Octets + ?Sized>(octets: &O, ip: usize) -> Result<IpPayload, Verdict> {
    // version, header length, total length; identification, fragment; TTL, protocol
    let [first, second, third] = need!(octets.words_at::<3>(ip, 0));
    let header = ((first & 15) as usize) << 2;
    if first >> 4 & 15 != 4 || header < MIN_HEADER {
        return Err(Verdict::Pass(PassReason::BadIp));
    }
    let total = upper(first) as usize;
    let fragment = upper(second);
    let protocol = (third >> 8) as u8;
    if fragment & FRAGMENT_OFFSET != 0 {
        return Err(Verdict::Pass(PassReason::LaterFragment));
    }
    let end = ip.wrapping_add(total);
    if total < header || !octets.holds(end) {
        return Err(Verdict::Pass(PassReason::BadIp));
    }
    Ok(IpPayload {
        ip,
        start: octets.settle(ip.wrapping_add(header)),
        end,
        protocol,
        form: if header == MIN_HEADER { 0 } else { FORM_EXTENDED },
        is_fragment: fragment & MORE_FRAGMENTS != 0,
    })
}
