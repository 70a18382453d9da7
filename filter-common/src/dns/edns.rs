//! EDNS (RFC 6891): the OPT record, when it is what follows the question, and the two options that an answer or the
//! region depends on: COOKIE (RFC 7873) and the client subnet (RFC 7871).

use crate::dns::header;
use crate::octets::{COOKIE, Octets, SUBNET, Scratch};
use crate::wire::Datagram;

/// Options that are looked at; later ones are not echoed.
pub const MAX_OPTIONS: usize = 8;
/// Largest UDP payload of a client that does not say (RFC 1035 section 4.2.1), and the least that one may say.
pub const MIN_PAYLOAD: usize = 512;

/// Octets of an OPT record before its options.
pub const OPT: usize = 11;
const TYPE_OPT: u16 = 41;
const PAYLOAD: usize = 3;
const VERSION: usize = 6;
const FLAGS: usize = 7;
const DATA_LENGTH: usize = 9;
/// Octets of an option before its data.
pub const OPTION: usize = 4;
/// Option code of a cookie.
pub const CODE_COOKIE: u16 = 10;
/// Option code of the client subnet.
pub const CODE_SUBNET: u16 = 8;

/// A client cookie and the least server cookie.
const MIN_COOKIE: usize = 16;
const MAX_COOKIE: usize = 40;
const COOKIE_WORDS: usize = MAX_COOKIE / 8;
/// Family, source and scope prefix length come before the address of a client subnet.
pub const SUBNET_ADDRESS: usize = 4;
const MAX_SUBNET: usize = SUBNET_ADDRESS + 16;
const SUBNET_WORDS: usize = 3;

/// What the query's OPT record says; all zero without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Edns {
    /// 1 when there is an OPT record that an answer may take up.
    pub present: usize,
    /// The version; above 0 is answered with BADVERS.
    pub version: usize,
    /// The DO bit.
    pub dnssec: usize,
    /// The client's UDP payload size, at least [`MIN_PAYLOAD`].
    pub payload: usize,
    /// Octets of a full cookie's option, which is in the scratch by words from its end; 0: none.
    pub cookie: usize,
    /// Octets of a client subnet's option, in the scratch by words from its end; 0: none.
    pub subnet: usize,
    /// Offset of that data.
    pub subnet_at: usize,
}

impl Edns {
    /// The join of the paths through the options.
    #[inline(always)]
    pub(crate) fn settled<O: Octets + ?Sized>(self, octets: &O) -> Edns {
        Edns {
            present: octets.settle(self.present),
            version: octets.settle(self.version),
            dnssec: octets.settle(self.dnssec),
            payload: octets.settle(self.payload),
            cookie: octets.settle(self.cookie),
            subnet: octets.settle(self.subnet),
            subnet_at: octets.settle(self.subnet_at),
        }
    }
}

/// Reads the OPT record that starts at `at`, where the question ends. Two of them, one that overruns, one behind
/// another record: the answer goes without. `None` is a frame that ends early.
#[inline(always)]
pub fn read<O: Octets + Scratch + ?Sized>(octets: &O, datagram: &Datagram, at: usize) -> Option<Edns> {
    let mut edns = Edns { payload: MIN_PAYLOAD, ..Edns::default() };
    let message = datagram.message;
    let others = u32::from(octets.u16_at(message, header::ANCOUNT)?)
        | u32::from(octets.u16_at(message, header::NSCOUNT)?);
    let options = at.wrapping_add(OPT);
    if octets.u16_at(message, header::ARCOUNT)? != 1 || others != 0 || options > datagram.end {
        return Some(edns);
    }
    if octets.u8_at(at, 0)? != 0 || octets.u16_at(at, 1)? != TYPE_OPT {
        return Some(edns);
    }
    let end = options.wrapping_add(octets.u16_at(at, DATA_LENGTH)? as usize);
    if end > datagram.end {
        return Some(edns);
    }
    edns.present = 1;
    edns.version = octets.u8_at(at, VERSION)? as usize;
    edns.dnssec = (octets.u8_at(at, FLAGS)? >> 7) as usize;
    edns.payload = (octets.u16_at(at, PAYLOAD)? as usize).max(MIN_PAYLOAD);
    read_options(octets, edns, options, end)
}

#[inline(always)]
fn read_options<O: Octets + Scratch + ?Sized>(
    octets: &O,
    mut edns: Edns,
    mut at: usize,
    end: usize,
) -> Option<Edns> {
    at = octets.settle(at);
    for _ in 0..MAX_OPTIONS {
        octets.meet();
        let data = at.wrapping_add(OPTION);
        if data > end {
            break;
        }
        let (code, size) = (octets.u16_at(at, 0)?, octets.u16_at(at, 2)? as usize);
        let next = data.wrapping_add(size);
        if next > end {
            break;
        }
        if code == CODE_COOKIE && octets.is_zero(edns.cookie) && (MIN_COOKIE..=MAX_COOKIE).contains(&size) {
            save::<O, COOKIE, COOKIE_WORDS>(octets, next, size)?;
            edns.cookie = data_and_header(size);
        }
        if code == CODE_SUBNET && octets.is_zero(edns.subnet) && (SUBNET_ADDRESS..=MAX_SUBNET).contains(&size)
        {
            save::<O, SUBNET, SUBNET_WORDS>(octets, next, size)?;
            edns.subnet = data_and_header(size);
            edns.subnet_at = data;
        }
        edns.cookie = octets.settle(edns.cookie);
        edns.subnet = octets.settle(edns.subnet);
        edns.subnet_at = octets.settle(edns.subnet_at);
        at = octets.settle(next);
    }
    Some(edns)
}

#[inline(always)]
const fn data_and_header(size: usize) -> usize {
    size.wrapping_add(OPTION)
}

/// Keeps the `size` octets that end at `end`, by whole words from there backwards. The last word may reach into what
/// comes before, which is the option's own header or the OPT record.
#[inline(always)]
fn save<O, const SLOT: usize, const WORDS: usize>(octets: &O, end: usize, size: usize) -> Option<()>
where
    O: Octets + Scratch + ?Sized,
{
    let size = octets.settle(size);
    let mut back = 0usize;
    for word in 0..WORDS {
        if back >= size {
            break;
        }
        back = back.wrapping_add(8);
        octets.put(SLOT.wrapping_add(word), octets.u64_at(end.wrapping_sub(back), 0)?);
    }
    Some(())
}
