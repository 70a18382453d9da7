//! The transport layer of a test's frame: UDP datagrams and TCP segments, with lengths and checksums right or wrong.

use serde::Deserialize;

use super::ip::Ip;
use crate::hex::Octets;

/// The Internet checksum's sum of 16-bit words (RFC 1071), not folded.
#[must_use]
pub fn sum(octets: &[u8]) -> u32 {
    octets.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0))).sum()
}

/// A sum folded to 16 bits.
#[must_use]
pub fn fold(mut sum: u32) -> u16 {
    while sum >> 16 != 0 {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

/// What a checksum field holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Checksum {
    /// The right one.
    #[default]
    Right,
    /// Zero: none.
    Zero,
    /// The pseudo header's sum only, as a sender leaves it to an interface that finishes it.
    Partial,
    /// A wrong one.
    Wrong,
}

impl Checksum {
    fn of(self, ip: &Ip, protocol: u8, octets: &[u8]) -> u16 {
        let pseudo = ip.pseudo(protocol, octets.len());
        let right = match !fold(pseudo + sum(octets)) {
            // RFC 768: a computed zero is sent as all ones
            0 => 0xffff,
            right => right,
        };
        match self {
            Checksum::Right => right,
            Checksum::Zero => 0,
            Checksum::Partial => fold(pseudo),
            Checksum::Wrong => right ^ 0x5555,
        }
    }
}

/// A UDP header.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Udp {
    /// Source port.
    pub from_port: u16,
    /// Destination port.
    pub to_port: u16,
    /// Length field instead of the right one.
    pub length: Option<u16>,
    /// Checksum.
    pub checksum: Checksum,
    /// Octets after the datagram, inside the IP packet.
    pub after: Octets,
}

impl Default for Udp {
    fn default() -> Udp {
        Udp {
            from_port: 49_153,
            to_port: 53,
            length: None,
            checksum: Checksum::Right,
            after: Octets::default(),
        }
    }
}

impl Udp {
    pub(super) fn build(&self, ip: &Ip, message: &[u8]) -> Vec<u8> {
        let length = self.length.unwrap_or((8 + message.len()) as u16);
        let mut datagram = Vec::new();
        datagram.extend(self.from_port.to_be_bytes());
        datagram.extend(self.to_port.to_be_bytes());
        datagram.extend(length.to_be_bytes());
        datagram.extend([0, 0]);
        datagram.extend(message);
        let check = self.checksum.of(ip, 17, &datagram);
        datagram[6..8].copy_from_slice(&check.to_be_bytes());
        datagram.extend(&self.after.0);
        datagram
    }
}

/// A TCP segment with a DNS message behind its length prefix.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Tcp {
    /// Source port.
    pub from_port: u16,
    /// Destination port.
    pub to_port: u16,
    /// Flags by their letters: F S R P A U E C.
    pub flags: String,
    /// Sequence number.
    pub sequence: u32,
    /// Options, padded to whole words with "end of options".
    pub options: Octets,
    /// Data offset in words instead of the right one.
    pub data_offset: Option<u8>,
    /// Length prefix instead of the right one.
    pub prefix: Option<u16>,
    /// Payload instead of the length prefix and the message.
    pub payload: Option<Octets>,
    /// Only this many octets of the payload are sent.
    pub cut: Option<usize>,
    /// Octets after the message.
    pub after: Octets,
    /// Checksum.
    pub checksum: Checksum,
}

impl Default for Tcp {
    fn default() -> Tcp {
        Tcp {
            from_port: 49_153,
            to_port: 53,
            flags: "PA".to_owned(),
            sequence: 0x0102_0304,
            options: Octets::default(),
            data_offset: None,
            prefix: None,
            payload: None,
            cut: None,
            after: Octets::default(),
            checksum: Checksum::Right,
        }
    }
}

impl Tcp {
    fn payload(&self, message: &[u8]) -> Vec<u8> {
        let mut payload = match &self.payload {
            Some(payload) => payload.0.clone(),
            None => {
                let mut payload = self.prefix.unwrap_or(message.len() as u16).to_be_bytes().to_vec();
                payload.extend(message);
                payload.extend(&self.after.0);
                payload
            }
        };
        payload.truncate(self.cut.unwrap_or(usize::MAX));
        payload
    }

    fn flag_bits(&self) -> u8 {
        let bit = |letter| "FSRPAUEC".find(letter).map(|i| 1 << i);
        self.flags.chars().map(|letter| bit(letter).expect("TCP flags are of FSRPAUEC")).sum()
    }

    pub(super) fn build(&self, ip: &Ip, message: &[u8]) -> Vec<u8> {
        let mut options = self.options.0.clone();
        options.resize(options.len().next_multiple_of(4), 0);
        let words = self.data_offset.unwrap_or((5 + options.len() / 4) as u8);
        let mut segment = Vec::new();
        segment.extend(self.from_port.to_be_bytes());
        segment.extend(self.to_port.to_be_bytes());
        segment.extend(self.sequence.to_be_bytes());
        segment.extend(0x0a0b_0c0d_u32.to_be_bytes());
        segment.extend([words << 4, self.flag_bits(), 0xfa, 0xf0, 0, 0, 0, 0]);
        segment.extend(options);
        segment.extend(self.payload(message));
        let check = self.checksum.of(ip, 6, &segment);
        segment[16..18].copy_from_slice(&check.to_be_bytes());
        segment
    }
}
