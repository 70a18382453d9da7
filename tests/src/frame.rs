//! Frames as a test describes them: a fluent builder, and the same description read from TOML.
//!
//! It owns how a frame is put together, odd forms included: every length, count and checksum can be wrong on purpose.
//! It knows nothing about verdicts. The octets are written here by hand, for a library that builds only right packets
//! could not build most of these.

mod any;
pub mod ip;
pub mod message;
pub mod opt;
pub mod transport;

use serde::Deserialize;

use self::ip::Ip;
use self::message::Message;
use self::transport::{Tcp, Udp};
use crate::hex::Octets;

/// MAC address of the interface under test.
pub const SERVER_MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 0x53];
/// MAC address of the client.
pub const CLIENT_MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 0x0c];

/// A frame from a client to the server.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Frame {
    /// Destination MAC address.
    pub to_mac: Octets,
    /// VLAN tags from the outside in: `TPID:TCI` in hex.
    pub vlan: Vec<Tag>,
    /// EtherType instead of the one that fits the addresses.
    pub ethertype: Option<u16>,
    /// The IP layer.
    pub ip: Ip,
    /// UDP; it is the transport unless `tcp` is there.
    pub udp: Udp,
    /// TCP.
    pub tcp: Option<Tcp>,
    /// The DNS message.
    pub dns: Message,
    /// Octets after the IP packet.
    pub trailer: Octets,
    /// The frame is cut to this many octets.
    pub cut: Option<usize>,
    /// Octets written over the finished frame.
    pub patch: Vec<Patch>,
}

/// Octets written over the finished frame.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Patch {
    /// Where, from the start of the frame.
    pub at: usize,
    /// What.
    pub octets: Octets,
}

/// One VLAN tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Tag {
    /// Tag protocol: 0x8100 or 0x88a8.
    pub tpid: u16,
    /// Priority, DEI and VLAN ID.
    pub tci: u16,
}

impl TryFrom<String> for Tag {
    type Error = String;

    fn try_from(text: String) -> Result<Tag, String> {
        let number =
            |part: &str| u16::from_str_radix(part, 16).map_err(|e| format!("VLAN tag {text:?}: {e}"));
        let (tpid, tci) =
            text.split_once(':').ok_or_else(|| format!("VLAN tag {text:?}: want TPID:TCI in hex"))?;
        Ok(Tag { tpid: number(tpid)?, tci: number(tci)? })
    }
}

impl Default for Frame {
    fn default() -> Frame {
        Frame {
            to_mac: Octets(SERVER_MAC.to_vec()),
            vlan: Vec::new(),
            ethertype: None,
            ip: Ip::default(),
            udp: Udp::default(),
            tcp: None,
            dns: Message::default(),
            trailer: Octets::default(),
            cut: None,
            patch: Vec::new(),
        }
    }
}

/// A query for `name`, type A, over IPv4 and UDP, without EDNS.
#[must_use]
pub fn query(name: &str) -> Frame {
    let mut frame = Frame::default();
    frame.dns.qname = name.to_owned();
    frame
}

impl Frame {
    /// Over IPv6, from the Italian client's prefix.
    #[must_use]
    pub fn over_ipv6(mut self) -> Frame {
        self.ip.from = ip::CLIENT_V6;
        self.ip.to = ip::SERVER_V6;
        self
    }

    /// Over TCP, one segment with PSH and ACK.
    #[must_use]
    pub fn over_tcp(mut self) -> Frame {
        self.tcp = Some(Tcp::default());
        self
    }

    /// Behind `count` VLAN tags of VID 0.
    #[must_use]
    pub fn tagged(mut self, count: usize) -> Frame {
        self.vlan = vec![Tag { tpid: 0x8100, tci: 0 }; count];
        self
    }

    /// Changes the message.
    #[must_use]
    pub fn dns(mut self, change: impl FnOnce(&mut Message)) -> Frame {
        change(&mut self.dns);
        self
    }

    /// Changes the IP layer.
    #[must_use]
    pub fn ip(mut self, change: impl FnOnce(&mut Ip)) -> Frame {
        change(&mut self.ip);
        self
    }

    /// With an OPT record: payload size 1232, nothing else.
    #[must_use]
    pub fn with_opt(mut self) -> Frame {
        self.dns.opt = vec![opt::Opt::default()];
        self
    }

    /// The frame's octets.
    #[must_use]
    pub fn build(&self) -> Vec<u8> {
        let mut frame = self.to_mac.0.clone();
        frame.extend(CLIENT_MAC);
        for tag in &self.vlan {
            frame.extend(tag.tpid.to_be_bytes());
            frame.extend(tag.tci.to_be_bytes());
        }
        let ethertype = if self.ip.is_v6() { 0x86dd } else { 0x0800 };
        frame.extend(self.ethertype.unwrap_or(ethertype).to_be_bytes());
        frame.extend(self.packet());
        frame.extend(&self.trailer.0);
        if let Some(cut) = self.cut {
            frame.truncate(cut);
        }
        for patch in &self.patch {
            let end = patch.at + patch.octets.0.len();
            assert!(end <= frame.len(), "a patch reaches beyond the frame: {patch:?}");
            frame[patch.at..end].copy_from_slice(&patch.octets.0);
        }
        frame
    }

    /// The IP packet's octets.
    fn packet(&self) -> Vec<u8> {
        let message = self.dns.build();
        let (protocol, payload) = match &self.tcp {
            Some(tcp) => (6, tcp.build(&self.ip, &message)),
            None => (17, self.udp.build(&self.ip, &message)),
        };
        self.ip.build(protocol, &payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use etherparse::{SlicedPacket, TransportSlice};

    /// The query of the wire vectors.
    const VECTOR: &str = "123401000001000000000001037777770f6b69636b617373746f7272656e747302746f00
        0001000100002904d0000000000000";

    #[test]
    fn the_vector_is_built_octet_for_octet() {
        let frame = query("www.kickasstorrents.to").with_opt();
        assert_eq!(frame.dns.build(), crate::hex::parse(VECTOR).unwrap());
    }

    #[test]
    fn another_parser_finds_the_message_behind_every_header() {
        let plain = query("www.kickasstorrents.to").with_opt();
        let six = ip::Extension::HOP_BY_HOP;
        let frames = [
            plain.clone(),
            plain.clone().tagged(2),
            plain.clone().ip(|ip| ip.options = Octets(vec![1; 40])),
            plain.clone().over_ipv6(),
            plain.clone().over_ipv6().ip(|ip| ip.extensions = vec![six, ip::Extension::DESTINATION]),
        ];
        for frame in frames {
            let octets = frame.build();
            let sliced = SlicedPacket::from_ethernet(&octets).unwrap();
            let Some(TransportSlice::Udp(udp)) = sliced.transport else { panic!("no UDP: {frame:?}") };
            assert_eq!(udp.payload(), frame.dns.build());
        }
    }

    #[test]
    fn names_are_read_with_escapes() {
        assert_eq!(message::wire_name(""), [0]);
        assert_eq!(message::wire_name("a.b"), [1, b'a', 1, b'b', 0]);
        assert_eq!(message::wire_name(r"a\.b\000"), [4, b'a', b'.', b'b', 0, 0]);
    }
}
