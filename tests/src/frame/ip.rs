//! The IP layer of a test's frame: IPv4 with options, IPv6 with extension headers, fragments.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::Deserialize;

use super::transport::sum;
use crate::hex::Octets;

/// A client in the prefix that the fixtures put in Italy.
pub const CLIENT_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 10));
/// The filtered resolver.
pub const SERVER_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 53));
/// A client in the prefix that the fixtures put in Italy.
pub const CLIENT_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0x39, 0, 0, 0, 0, 0x10));
/// The filtered resolver.
pub const SERVER_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0x53, 0, 0, 0, 0, 0x53));

/// The IP header and what stands between it and the transport.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Ip {
    /// Source address.
    pub from: IpAddr,
    /// Destination address; its family decides between IPv4 and IPv6.
    pub to: IpAddr,
    /// TTL or hop limit.
    pub ttl: u8,
    /// IPv4 options, padded to whole words with "end of options".
    pub options: Octets,
    /// IPv6 extension headers in order.
    pub extensions: Vec<Extension>,
    /// IPv4 fragment: offset in octets.
    pub offset: u16,
    /// IPv4 fragment: more follow.
    pub more: bool,
    /// IPv4 don't-fragment flag.
    pub dont_fragment: bool,
    /// Version instead of 4 or 6.
    pub version: Option<u8>,
    /// IPv4 header length in words instead of the right one.
    pub ihl: Option<u8>,
    /// IPv4 total length or IPv6 payload length instead of the right one.
    pub length: Option<u16>,
    /// Protocol or last next header instead of the transport's.
    pub protocol: Option<u8>,
    /// Payload instead of the transport's octets.
    pub payload: Option<Octets>,
}

impl Default for Ip {
    fn default() -> Ip {
        Ip {
            from: CLIENT_V4,
            to: SERVER_V4,
            ttl: 61,
            options: Octets::default(),
            extensions: Vec::new(),
            offset: 0,
            more: false,
            dont_fragment: false,
            version: None,
            ihl: None,
            length: None,
            protocol: None,
            payload: None,
        }
    }
}

/// One IPv6 extension header, written `KIND`, `KIND:OCTETS` or `fragment:OFFSET[:more]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Extension {
    /// Its number.
    pub number: u8,
    /// Its octets.
    pub octets: usize,
    /// Offset (in octets) and M flag of a fragment header.
    pub fragment: u16,
}

impl Extension {
    /// Hop-by-hop options of 8 octets.
    pub const HOP_BY_HOP: Extension = Extension { number: 0, octets: 8, fragment: 0 };
    /// Destination options of 8 octets.
    pub const DESTINATION: Extension = Extension { number: 60, octets: 8, fragment: 0 };

    fn build(self, next: u8) -> Vec<u8> {
        let mut header = vec![0; self.octets];
        header[0] = next;
        match self.number {
            44 => {
                header[2..4].copy_from_slice(&self.fragment.to_be_bytes());
                header[4..8].copy_from_slice(&0x0001_0203_u32.to_be_bytes());
            }
            // AH counts words, less two (RFC 4302 section 2.2)
            51 => header[1] = (self.octets / 4 - 2) as u8,
            0 | 60 => {
                header[1] = (self.octets / 8 - 1) as u8;
                // PadN options of at most 255 octets of data fill it (RFC 8200 section 4.2)
                let mut at = 2;
                while at < self.octets {
                    let data = (self.octets - at - 2).min(255);
                    let data = if self.octets - at - 2 - data == 1 { data - 1 } else { data };
                    header[at] = 1;
                    header[at + 1] = data as u8;
                    at += 2 + data;
                }
            }
            _ => header[1] = (self.octets / 8 - 1) as u8,
        }
        header
    }
}

impl TryFrom<String> for Extension {
    type Error = String;

    fn try_from(text: String) -> Result<Extension, String> {
        let mut parts = text.split(':');
        let number = match parts.next() {
            Some("hop-by-hop") => 0,
            Some("destination") => 60,
            Some("routing") => 43,
            Some("authentication") => 51,
            Some("fragment") => 44,
            Some("esp") => 50,
            Some("none") => 59,
            Some("mobility") => 135,
            Some("hip") => 139,
            Some("shim6") => 140,
            _ => return Err(format!("extension header {text:?} is not known")),
        };
        let first = parts.next().map(str::parse::<u16>).transpose().map_err(|e| format!("{text:?}: {e}"))?;
        let more = match parts.next() {
            None => 0,
            Some("more") => 1,
            Some(other) => return Err(format!("extension header {text:?}: {other:?}")),
        };
        Ok(match (number, first) {
            (44, offset) => Extension { number, octets: 8, fragment: offset.unwrap_or(0) | more },
            (51, octets) => Extension { number, octets: octets.unwrap_or(24).into(), fragment: 0 },
            (_, octets) => Extension { number, octets: octets.unwrap_or(8).into(), fragment: 0 },
        })
    }
}

impl Ip {
    /// Is it IPv6?
    #[must_use]
    pub fn is_v6(&self) -> bool {
        self.to.is_ipv6()
    }

    /// The pseudo header's sum for checksums (RFC 768, RFC 8200 section 8.1), not folded.
    #[must_use]
    pub fn pseudo(&self, protocol: u8, length: usize) -> u32 {
        let addresses = [self.from, self.to].map(|address| match address {
            IpAddr::V4(v4) => sum(&v4.octets()),
            IpAddr::V6(v6) => sum(&v6.octets()),
        });
        addresses[0] + addresses[1] + u32::from(protocol) + length as u32
    }

    /// The packet's octets.
    pub(super) fn build(&self, protocol: u8, payload: &[u8]) -> Vec<u8> {
        let protocol = self.protocol.unwrap_or(protocol);
        let payload = self.payload.as_ref().map_or(payload, |octets| &octets.0);
        match (self.from, self.to) {
            (IpAddr::V4(from), IpAddr::V4(to)) => self.build_v4(from, to, protocol, payload),
            (IpAddr::V6(from), IpAddr::V6(to)) => self.build_v6(from, to, protocol, payload),
            families => panic!("addresses of two families: {families:?}"),
        }
    }

    fn build_v4(&self, from: Ipv4Addr, to: Ipv4Addr, protocol: u8, payload: &[u8]) -> Vec<u8> {
        let mut options = self.options.0.clone();
        options.resize(options.len().next_multiple_of(4), 0);
        let size = 20 + options.len();
        let ihl = self.ihl.unwrap_or((size / 4) as u8);
        let length = self.length.unwrap_or((size + payload.len()) as u16);
        let fragment = (self.offset / 8) | u16::from(self.more) << 13 | u16::from(self.dont_fragment) << 14;
        let mut packet = vec![self.version.unwrap_or(4) << 4 | ihl, 0];
        packet.extend(length.to_be_bytes());
        packet.extend(0x1d0c_u16.to_be_bytes());
        packet.extend(fragment.to_be_bytes());
        packet.extend([self.ttl, protocol, 0, 0]);
        packet.extend(from.octets());
        packet.extend(to.octets());
        packet.extend(options);
        let check = !super::transport::fold(sum(&packet));
        packet[10..12].copy_from_slice(&check.to_be_bytes());
        packet.extend(payload);
        packet
    }

    fn build_v6(&self, from: Ipv6Addr, to: Ipv6Addr, protocol: u8, payload: &[u8]) -> Vec<u8> {
        let mut extensions = Vec::new();
        for (i, extension) in self.extensions.iter().enumerate() {
            let next = self.extensions.get(i + 1).map_or(protocol, |next| next.number);
            extensions.extend(extension.build(next));
        }
        let length = self.length.unwrap_or((extensions.len() + payload.len()) as u16);
        let mut packet = vec![self.version.unwrap_or(6) << 4, 0, 0x12, 0x34];
        packet.extend(length.to_be_bytes());
        packet.push(self.extensions.first().map_or(protocol, |first| first.number));
        packet.push(self.ttl);
        packet.extend(from.octets());
        packet.extend(to.octets());
        packet.extend(extensions);
        packet.extend(payload);
        packet
    }
}
