//! From a frame to the DNS message in it: one file per header, nothing about names or policy.

pub mod checksum;
mod ethernet;
mod ipv4;
mod ipv6;
mod transport;

use crate::abi::Settings;
use crate::octets::Octets;
use crate::policy::Services;
use crate::verdict::Verdict;

/// Where a DNS message lies in its frame. All numbers are offsets into the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Datagram {
    /// The IP header.
    pub ip: usize,
    /// The UDP or TCP header.
    pub transport: usize,
    /// The DNS header.
    pub message: usize,
    /// The end of the message.
    pub end: usize,
    /// [`FORM_V6`], [`FORM_EXTENDED`] and [`FORM_TCP`], as one number.
    pub form: usize,
}

/// IPv6, else IPv4.
pub const FORM_V6: usize = 1;
/// There are IPv4 options or IPv6 extension headers.
pub const FORM_EXTENDED: usize = 2;
/// TCP, else UDP.
pub const FORM_TCP: usize = 4;

/// Each of these asks a settled number, so that its two ways can meet again.
impl Datagram {
    /// Whether the packet is IPv6.
    #[inline(always)]
    pub fn is_v6<O: Octets + ?Sized>(&self, octets: &O) -> bool {
        octets.settle(self.form) & FORM_V6 != 0
    }

    /// Whether there are IPv4 options or IPv6 extension headers.
    #[inline(always)]
    pub fn is_extended<O: Octets + ?Sized>(&self, octets: &O) -> bool {
        octets.settle(self.form) & FORM_EXTENDED != 0
    }

    /// Whether the transport is TCP.
    #[inline(always)]
    pub fn is_tcp<O: Octets + ?Sized>(&self, octets: &O) -> bool {
        octets.settle(self.form) & FORM_TCP != 0
    }

    /// The join of all header parsers: from here on the verifier knows none of their paths.
    #[inline(always)]
    fn settled<O: Octets + ?Sized>(self, octets: &O) -> Datagram {
        Datagram {
            ip: octets.settle(self.ip),
            transport: octets.settle(self.transport),
            message: octets.settle(self.message),
            end: octets.settle(self.end),
            form: octets.settle(self.form),
        }
    }
}

/// What the IP header says of the transport that follows it.
#[derive(Clone, Copy)]
pub(crate) struct IpPayload {
    ip: usize,
    /// First octet after the IP header and its extensions.
    start: usize,
    /// End of the IP packet.
    end: usize,
    protocol: u8,
    /// [`FORM_V6`] and [`FORM_EXTENDED`].
    form: usize,
    /// The first fragment of several.
    is_fragment: bool,
}

/// Finds the DNS message, or says why the frame is none of ours.
#[inline(always)]
pub fn locate<O, S>(octets: &O, services: &S, settings: &Settings) -> Result<Datagram, Verdict>
where
    O: Octets + ?Sized,
    S: Services + ?Sized,
{
    let payload = match ethernet::network(octets)? {
        ethernet::Network::V4(ip) => ipv4::payload(octets, octets.settle(ip))?,
        ethernet::Network::V6(ip) => ipv6::payload(octets, services, settings, octets.settle(ip))?,
    };
    Ok(transport::datagram(octets, services, settings, payload)?.settled(octets))
}

/// The last two of four octets, in network order.
#[inline(always)]
const fn upper(word: u32) -> u16 {
    ((word >> 16) as u16).swap_bytes()
}

/// Octets that a header needs, or the verdict that they are not there.
macro_rules! need {
    ($octets:expr) => {
        match $octets {
            Some(value) => value,
            None => return Err($crate::verdict::Verdict::Pass($crate::verdict::PassReason::Truncated)),
        }
    };
}
pub(crate) use need;
