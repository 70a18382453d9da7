//! A frame's headers as etherparse reads them, checksums recomputed.

use std::net::IpAddr;

use etherparse::{NetSlice, SlicedPacket, TcpSlice, TransportSlice, UdpSlice};

/// The headers of a frame.
pub(super) struct Packet {
    pub to_mac: Vec<u8>,
    pub from_mac: Vec<u8>,
    pub tags: Vec<u8>,
    pub ip: Ip,
    /// Octets of the frame after the IP packet.
    pub after: usize,
    pub transport: Transport,
}

/// The IP header.
pub(super) struct Ip {
    pub from: IpAddr,
    pub to: IpAddr,
    pub ttl: u8,
    /// Octets of the packet.
    pub length: usize,
    /// Options or extension headers.
    pub has_options: bool,
    /// IPv6 has none, so it is right.
    pub is_checksum_right: bool,
}

/// What the packet carries.
pub(super) enum Transport {
    Udp(Datagram),
    Tcp(Segment),
}

/// A UDP datagram.
pub(super) struct Datagram {
    pub from_port: u16,
    pub to_port: u16,
    pub length: u16,
    pub checksum: u16,
    pub is_checksum_right: bool,
    pub message: Vec<u8>,
    /// Octets of the IP packet after the datagram.
    pub after: usize,
}

/// A TCP segment.
pub(super) struct Segment {
    pub from_port: u16,
    pub to_port: u16,
    pub sequence: u32,
    pub acknowledgment: u32,
    pub flags: u8,
    pub is_checksum_right: bool,
    /// Octets of payload.
    pub payload: usize,
}

impl Packet {
    /// Reads a frame with any number of VLAN tags.
    pub(super) fn read(frame: &[u8]) -> Result<Packet, String> {
        let mut at = 12;
        while matches!(frame.get(at..at + 2), Some([0x81, 0x00] | [0x88, 0xa8])) {
            at += 4;
        }
        let octets = frame.get(at + 2..).ok_or("the frame ends in its Ethernet header")?;
        let sliced = SlicedPacket::from_ip(octets).map_err(|e| format!("{e}"))?;
        let net = sliced.net.ok_or("there is no IP header")?;
        let ip = Ip::read(&net)?;
        let payload = net.ip_payload_ref().ok_or("there is no IP payload")?.payload.len();
        let transport = match sliced.transport {
            Some(TransportSlice::Udp(udp)) => Transport::Udp(Datagram::read(&udp, ip.from, ip.to, payload)?),
            Some(TransportSlice::Tcp(tcp)) => Transport::Tcp(Segment::read(&tcp, ip.from, ip.to)?),
            _ => return Err("it is neither UDP nor TCP".to_owned()),
        };
        let after = octets.len() - ip.length;
        let (to_mac, from_mac, tags) = (frame[..6].to_vec(), frame[6..12].to_vec(), frame[12..at].to_vec());
        Ok(Packet { to_mac, from_mac, tags, ip, after, transport })
    }
}

impl Ip {
    fn read(net: &NetSlice<'_>) -> Result<Ip, String> {
        match net {
            NetSlice::Ipv4(v4) => {
                let header = v4.header();
                Ok(Ip {
                    from: header.source_addr().into(),
                    to: header.destination_addr().into(),
                    ttl: header.ttl(),
                    length: usize::from(header.total_len()),
                    has_options: header.ihl() != 5,
                    is_checksum_right: header.header_checksum() == header.to_header().calc_header_checksum(),
                })
            }
            NetSlice::Ipv6(v6) => {
                let header = v6.header();
                Ok(Ip {
                    from: header.source_addr().into(),
                    to: header.destination_addr().into(),
                    ttl: header.hop_limit(),
                    length: 40 + usize::from(header.payload_length()),
                    has_options: !v6.extensions().is_empty(),
                    is_checksum_right: true,
                })
            }
            NetSlice::Arp(_) => Err("it is ARP".to_owned()),
        }
    }
}

impl Datagram {
    fn read(udp: &UdpSlice<'_>, from: IpAddr, to: IpAddr, room: usize) -> Result<Datagram, String> {
        let header = udp.to_header();
        let right = match (from, to) {
            (IpAddr::V4(from), IpAddr::V4(to)) => header
                .calc_checksum_ipv4_raw(from.octets(), to.octets(), udp.payload())
                .map_err(|e| e.to_string())?,
            (IpAddr::V6(from), IpAddr::V6(to)) => header
                .calc_checksum_ipv6_raw(from.octets(), to.octets(), udp.payload())
                .map_err(|e| e.to_string())?,
            _ => return Err("addresses of two families".to_owned()),
        };
        Ok(Datagram {
            from_port: header.source_port,
            to_port: header.destination_port,
            length: header.length,
            checksum: header.checksum,
            is_checksum_right: header.checksum == right,
            message: udp.payload().to_vec(),
            after: room - udp.slice().len(),
        })
    }
}

impl Segment {
    fn read(tcp: &TcpSlice<'_>, from: IpAddr, to: IpAddr) -> Result<Segment, String> {
        let right = match (from, to) {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                tcp.calc_checksum_ipv4(from.octets(), to.octets()).map_err(|e| e.to_string())?
            }
            (IpAddr::V6(from), IpAddr::V6(to)) => {
                tcp.calc_checksum_ipv6(from.octets(), to.octets()).map_err(|e| e.to_string())?
            }
            _ => return Err("addresses of two families".to_owned()),
        };
        Ok(Segment {
            from_port: tcp.source_port(),
            to_port: tcp.destination_port(),
            sequence: tcp.sequence_number(),
            acknowledgment: tcp.acknowledgment_number(),
            flags: tcp.slice()[13],
            is_checksum_right: tcp.checksum() == right,
            payload: tcp.payload().len(),
        })
    }
}
