//! How long an answer is and what goes where.

use crate::abi::{SECTION_ANSWER, SETTING_RA, Settings};
use crate::answer::Template;
use crate::dns::{edns, header};
use crate::octets::Octets;
use crate::outcome::Query;

/// A pointer to the QNAME (RFC 1035 section 4.1.4).
const POINTER: u16 = 0xc000;
/// An EDE option without text: code, length and INFO-CODE (RFC 8914 section 2).
pub(super) const EDE: usize = edns::OPTION + 2;

/// An answer that is about to be written. Offsets are into the frame, sizes in octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The IP header.
    pub ip: usize,
    /// Whether it is IPv6.
    pub is_v6: bool,
    /// The UDP header.
    pub udp: usize,
    /// The DNS header.
    pub message: usize,
    /// The end of the question, where the records begin.
    pub question: usize,
    /// Flags of the answer's header.
    pub flags: u16,
    /// Owner of the record: a pointer.
    pub owner: u16,
    /// Size of the resource record; 0: none.
    pub record: usize,
    /// Size of the OPT record with its EDE; 0: none.
    pub opt: usize,
    /// Size of the EXTRA-TEXT in it.
    pub text: usize,
    /// Whether DO is set.
    pub dnssec: usize,
    /// Size of the COOKIE option that is echoed; 0: none.
    pub cookie: usize,
    /// Size of the client subnet option that is echoed; 0: none.
    pub subnet: usize,
}

/// Plans the answer to a query. `None`: the frame ends early (it was read as far before, so it does not).
#[inline(always)]
pub fn plan<O, T>(octets: &O, query: &Query, template: &T, settings: &Settings) -> Option<Plan>
where
    O: Octets + ?Sized,
    T: Template + ?Sized,
{
    let crate::wire::Datagram { ip, transport: udp, message, .. } = query.datagram;
    let asked = octets.u16_at(message, header::FLAGS)?;
    let available = if settings.flags & SETTING_RA != 0 { header::RA } else { 0 };
    let flags =
        header::QR | available | asked & (header::OPCODE | header::RD | header::CD) | template.rcode() & 15;
    let suffix =
        if template.section() == SECTION_ANSWER { header::SIZE } else { query.suffix.wrapping_sub(message) };
    // one multiplication instead of a branch for each part that only an OPT record can carry
    let present = query.edns.present;
    Some(Plan {
        ip,
        is_v6: query.datagram.is_v6(octets),
        udp,
        message,
        question: query.question,
        flags,
        owner: POINTER | suffix as u16 & 0x3fff,
        record: template.record(),
        opt: template.opt().wrapping_mul(present),
        text: template.text().wrapping_mul(present),
        dnssec: query.edns.dnssec,
        cookie: query.edns.cookie.wrapping_mul(present),
        subnet: query.edns.subnet.wrapping_mul(present),
    })
}

impl Plan {
    /// The frame's length with the answer in it.
    #[inline(always)]
    #[must_use]
    pub fn length(&self) -> usize {
        self.records_end().wrapping_add(self.cookie).wrapping_add(self.subnet)
    }

    /// The end of the record and the OPT with its EDE; echoed options follow.
    #[inline(always)]
    #[must_use]
    pub(super) fn records_end(&self) -> usize {
        self.question.wrapping_add(self.record).wrapping_add(self.opt)
    }

    /// Leaves out what `room` octets of frame do not hold: EXTRA-TEXT, then the record, then the EDE. What is left then
    /// was in the query and so fits.
    #[inline(always)]
    #[must_use]
    pub fn cut(self, room: usize) -> Plan {
        let mut plan = self;
        if plan.length() > room {
            plan.opt = plan.opt.wrapping_sub(plan.text);
            plan.text = 0;
        }
        if plan.length() > room {
            plan.record = 0;
        }
        if plan.length() > room && plan.opt >= edns::OPT.wrapping_add(EDE) {
            plan.opt = edns::OPT;
        }
        plan
    }

    /// The join of the ways in which room was made.
    #[inline(always)]
    #[must_use]
    pub fn settled<O: Octets + ?Sized>(self, octets: &O) -> Plan {
        Plan {
            ip: octets.settle(self.ip),
            is_v6: octets.settle(usize::from(self.is_v6)) & 1 != 0,
            udp: octets.settle(self.udp),
            message: octets.settle(self.message),
            question: octets.settle(self.question),
            flags: octets.settle(usize::from(self.flags)) as u16,
            owner: octets.settle(usize::from(self.owner)) as u16,
            record: octets.settle(self.record),
            opt: octets.settle(self.opt),
            text: octets.settle(self.text),
            dnssec: octets.settle(self.dnssec),
            cookie: octets.settle(self.cookie),
            subnet: octets.settle(self.subnet),
        }
    }
}
