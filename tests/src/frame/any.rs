//! Random frames that are well formed as a whole and odd in places: what a mutated frame seldom is.

use std::net::IpAddr;

use super::ip::{CLIENT_V4, CLIENT_V6, Extension, SERVER_V4, SERVER_V6};
use super::message::{Flag, Message, wire_name};
use super::opt::{EdnsOption, Opt};
use super::transport::{Checksum, Tcp};
use super::{Frame, Tag};
use crate::hex::Octets;
use crate::random::Random;

/// Suffixes of which many are listed in the standard policy.
const SUFFIXES: [&str; 16] = [
    "kickasstorrents.to",
    "blocked.example",
    "free.blocked.example",
    "www.both.example",
    "nodata.example",
    "refused.example",
    "address.example",
    "drop.example",
    "exact.example",
    "below.example",
    "types.example",
    "text.example",
    "prefix.example",
    "unknown.example",
    "example.org",
    "",
];
/// Client addresses in and beside every region of the standard policy.
const CLIENTS: [&str; 8] = [
    "192.0.2.10",
    "192.0.2.53",
    "192.0.2.16",
    "192.0.2.200",
    "192.0.2.241",
    "198.51.100.7",
    "203.0.113.9",
    "127.0.0.1",
];
const CLIENTS_V6: [&str; 5] =
    ["2001:db8:39::10", "2001:db8:39:f::1", "2001:db8:49::1", "2001:db8:39::53", "2001:db8:ffff::1"];

impl Frame {
    /// A random frame.
    #[must_use]
    pub fn any(random: &mut Random) -> Frame {
        let mut frame = Frame::default();
        if random.once_in(6) {
            let count = random.below(6);
            frame.vlan =
                vec![Tag { tpid: *random.one_of(&[0x8100, 0x88a8]), tci: random.number() as u16 }; count];
        }
        ip(random, &mut frame);
        if random.once_in(5) {
            frame.tcp = Some(tcp(random));
        }
        frame.udp.checksum =
            *random.one_of(&[Checksum::Right, Checksum::Right, Checksum::Zero, Checksum::Partial]);
        frame.dns = message(random);
        if random.once_in(5) {
            frame.trailer = Octets(vec![random.number() as u8; random.below(60)]);
        }
        if random.once_in(8) {
            frame.udp.after = Octets(vec![random.number() as u8; random.below(60)]);
        }
        frame
    }
}

fn ip(random: &mut Random, frame: &mut Frame) {
    if random.once_in(3) {
        let from: IpAddr = random.one_of(&CLIENTS_V6).parse().unwrap_or(CLIENT_V6);
        (frame.ip.from, frame.ip.to) = (from, SERVER_V6);
        if random.once_in(5) {
            let kinds = [(0, 8), (60, 8), (60, 24), (43, 8), (51, 24), (44, 8)];
            let headers = 1 + random.below(9);
            frame.ip.extensions = (0..headers)
                .map(|_| random.one_of(&kinds))
                .map(|(number, octets)| Extension { number: *number, octets: *octets, fragment: 0 })
                .collect();
        }
    } else {
        let from: IpAddr = random.one_of(&CLIENTS).parse().unwrap_or(CLIENT_V4);
        (frame.ip.from, frame.ip.to) = (from, SERVER_V4);
        if random.once_in(10) {
            frame.ip.options = Octets(vec![1; 4 * random.below(11)]);
        }
        frame.ip.more = random.once_in(40);
    }
}

fn tcp(random: &mut Random) -> Tcp {
    Tcp {
        flags: (*random.one_of(&["PA", "A", "PA", "FPA", "S", "R"])).to_owned(),
        options: Octets(vec![1; 4 * random.below(11)]),
        sequence: random.number() as u32,
        cut: random.once_in(4).then(|| random.below(80)),
        ..Tcp::default()
    }
}

fn message(random: &mut Random) -> Message {
    let mut message = Message {
        id: random.number() as u16,
        qname_octets: Some(Octets(name(random))),
        ..Message::default()
    };
    let all = [Flag::AA, Flag::TC, Flag::RD, Flag::RA, Flag::Z, Flag::AD, Flag::CD];
    message.flags = all.into_iter().filter(|_| random.once_in(3)).collect();
    if random.once_in(10) {
        message.opcode = random.below(16) as u8;
    }
    if random.once_in(10) {
        message.counts = Some([
            random.below(3) as u16,
            random.below(2) as u16,
            random.below(2) as u16,
            random.below(3) as u16,
        ]);
    }
    message.qtype = *random.one_of(&[1, 1, 28, 65, 255, 0, 15, 41]);
    message.qclass = *random.one_of(&[1, 1, 1, 3, 255]);
    if random.once_in(2) {
        let records = if random.once_in(10) { 2 } else { 1 };
        message.opt = (0..records).map(|_| opt(random)).collect();
    }
    if random.once_in(6) {
        message.trailing = Octets(vec![random.number() as u8; random.below(300)]);
    }
    if random.once_in(20) {
        message.cut = Some(random.below(60));
    }
    message
}

fn name(random: &mut Random) -> Vec<u8> {
    let mut name = wire_name(random.one_of::<&str>(&SUFFIXES));
    while !random.once_in(3) {
        let size = if random.once_in(4) { 1 + random.below(63) } else { 1 + random.below(12) };
        if name.len() + 1 + size > 260 {
            break;
        }
        let mut label = vec![size as u8];
        label.extend((0..size).map(|_| random.number() as u8));
        name.splice(0..0, label);
    }
    for octet in &mut name {
        if octet.is_ascii_lowercase() && random.once_in(4) {
            *octet = octet.to_ascii_uppercase();
        }
    }
    if random.once_in(30) {
        name.pop();
        name.extend([0xc0, random.number() as u8]);
    }
    name
}

fn opt(random: &mut Random) -> Opt {
    let mut opt = Opt { size: random.number() as u16, dnssec_ok: random.once_in(2), ..Opt::default() };
    if random.once_in(20) {
        opt.version = random.number() as u8;
    }
    for _ in 0..random.below(4) {
        let code = *random.one_of(&[8, 10, 10, 12, 3, 65001]);
        let size = match code {
            10 if random.once_in(4) => random.below(48),
            10 => *random.one_of(&[8, 16, 24, 40, 41, 15]),
            _ => random.below(40),
        };
        let option = if code == 8 && !random.once_in(4) {
            let prefix = random.one_of(&[
                "198.51.100.0/24",
                "192.0.2.0/25",
                "2001:db8:49::/56",
                "2001:db8:39:f::7/128",
                "0.0.0.0/0",
            ]);
            EdnsOption::try_from(format!("ecs:{prefix}")).unwrap_or(EdnsOption { code, data: Vec::new() })
        } else {
            EdnsOption { code, data: (0..size).map(|_| random.number() as u8).collect() }
        };
        opt.options.push(option);
    }
    if random.once_in(30) {
        opt.length = Some(random.below(80) as u16);
    }
    opt
}
