//! The DNS message of a test's frame: every field free, names also as raw octets.

use serde::Deserialize;

use super::opt::Opt;
use crate::hex::Octets;

/// A query.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Message {
    /// ID.
    pub id: u16,
    /// Opcode.
    pub opcode: u8,
    /// Header flags that are set: QR AA TC RD RA Z AD CD.
    pub flags: Vec<Flag>,
    /// RCODE.
    pub rcode: u8,
    /// Counts of the four sections instead of the right ones.
    pub counts: Option<[u16; 4]>,
    /// QNAME as text: labels parted by dots, `\.` and `\DDD` as in RFC 1035 section 5.1. Empty: the root.
    pub qname: String,
    /// QNAME octets instead of that.
    pub qname_octets: Option<Octets>,
    /// QTYPE.
    pub qtype: u16,
    /// QCLASS.
    pub qclass: u16,
    /// Octets between the question and the OPT records.
    pub before_opt: Octets,
    /// OPT records.
    pub opt: Vec<Opt>,
    /// Octets after the message's records.
    pub trailing: Octets,
    /// The whole message instead of all of that.
    pub octets: Option<Octets>,
    /// The message is cut to this many octets.
    pub cut: Option<usize>,
}

/// A flag of the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Flag {
    /// Response.
    QR,
    /// Authoritative answer.
    AA,
    /// Truncated.
    TC,
    /// Recursion desired.
    RD,
    /// Recursion available.
    RA,
    /// Reserved.
    Z,
    /// Authentic data.
    AD,
    /// Checking disabled.
    CD,
}

impl Flag {
    /// Its bit in the second 16 bits of the header.
    #[must_use]
    pub fn bit(self) -> u16 {
        match self {
            Flag::QR => 1 << 15,
            Flag::AA => 1 << 10,
            Flag::TC => 1 << 9,
            Flag::RD => 1 << 8,
            Flag::RA => 1 << 7,
            Flag::Z => 1 << 6,
            Flag::AD => 1 << 5,
            Flag::CD => 1 << 4,
        }
    }
}

impl Default for Message {
    fn default() -> Message {
        Message {
            id: 0x1234,
            opcode: 0,
            flags: vec![Flag::RD],
            rcode: 0,
            counts: None,
            qname: "www.kickasstorrents.to".to_owned(),
            qname_octets: None,
            qtype: 1,
            qclass: 1,
            before_opt: Octets::default(),
            opt: Vec::new(),
            trailing: Octets::default(),
            octets: None,
            cut: None,
        }
    }
}

impl Message {
    /// The message's octets.
    #[must_use]
    pub fn build(&self) -> Vec<u8> {
        let mut message = match &self.octets {
            Some(octets) => octets.0.clone(),
            None => self.fields(),
        };
        message.truncate(self.cut.unwrap_or(usize::MAX));
        message
    }

    /// The QNAME's octets.
    #[must_use]
    pub fn name(&self) -> Vec<u8> {
        self.qname_octets.as_ref().map_or_else(|| wire_name(&self.qname), |octets| octets.0.clone())
    }

    fn fields(&self) -> Vec<u8> {
        let flags = self.flags.iter().fold(0, |bits, flag| bits | flag.bit());
        let flags = flags | u16::from(self.opcode & 15) << 11 | u16::from(self.rcode & 15);
        let mut message = self.id.to_be_bytes().to_vec();
        message.extend(flags.to_be_bytes());
        for count in self.counts.unwrap_or([1, 0, 0, self.opt.len() as u16]) {
            message.extend(count.to_be_bytes());
        }
        message.extend(self.name());
        message.extend(self.qtype.to_be_bytes());
        message.extend(self.qclass.to_be_bytes());
        message.extend(&self.before_opt.0);
        for opt in &self.opt {
            message.extend(opt.build());
        }
        message.extend(&self.trailing.0);
        message
    }
}

/// A name's wire octets, root label included. Nothing is checked: labels above 63 octets are the caller's wish.
#[must_use]
pub fn wire_name(text: &str) -> Vec<u8> {
    let mut labels = vec![Vec::new()];
    let mut octets = text.bytes();
    while let Some(octet) = octets.next() {
        let octet = match octet {
            b'.' => {
                labels.push(Vec::new());
                continue;
            }
            b'\\' => match octets.next().expect("a name ends in a backslash") {
                digit if digit.is_ascii_digit() => {
                    let rest =
                        [octets.next(), octets.next()].map(|o| o.expect("three digits after a backslash"));
                    [digit, rest[0], rest[1]].iter().fold(0, |n, d| n * 10 + u32::from(d - b'0')) as u8
                }
                other => other,
            },
            other => other,
        };
        labels.last_mut().expect("there is always one").push(octet);
    }
    let mut name = Vec::new();
    for label in labels.iter().filter(|label| !label.is_empty()) {
        name.push(label.len() as u8);
        name.extend(label);
    }
    name.push(0);
    name
}
