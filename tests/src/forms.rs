//! Every form of a query that was measured to reach a server, or that comes close to one: for a name that is listed and
//! for one that is not. The tables that wire.md calls *measured* are these.

use crate::frame::ip::{Extension, Ip};
use crate::frame::message::{Flag, Message, wire_name};
use crate::frame::opt::{EdnsOption, Opt};
use crate::frame::transport::Checksum;
use crate::frame::{Frame, Tag, query};
use crate::hex::Octets;

/// A query in one form.
#[derive(Clone, Debug)]
pub struct Form {
    /// What is odd about it.
    pub what: String,
    /// The frame.
    pub frame: Frame,
}

/// An A record owned by the question's name, with the address 203.0.113.113.
const RECORD: [u8; 16] = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 203, 0, 113, 113];

/// All forms of a query for `name`.
#[must_use]
pub fn all(name: &str) -> Vec<Form> {
    let mut forms = Vec::new();
    names(&mut forms, name);
    headers(&mut forms, name);
    questions(&mut forms, name);
    records(&mut forms, name);
    packets(&mut forms, name);
    packets_v6(&mut forms, name);
    forms
}

fn add(forms: &mut Vec<Form>, what: &str, frame: Frame) {
    forms.push(Form { what: what.to_owned(), frame });
}

fn dns(forms: &mut Vec<Form>, what: &str, name: &str, change: impl FnOnce(&mut Message)) {
    add(forms, what, query(name).dns(change));
}

fn names(forms: &mut Vec<Form>, name: &str) {
    add(forms, "plain", query(name));
    let mixed: String =
        name.char_indices().map(|(i, c)| if i % 2 == 0 { c.to_ascii_uppercase() } else { c }).collect();
    add(forms, "0x20 case", query(&mixed));
    add(forms, "a name below", query(&format!("www.{name}")));
    add(forms, "NUL in a label", query(&format!(r"a\000b.{name}")));
    add(forms, "binary label", query(&format!(r"\255\001\128.{name}")));
    let room = 255 - wire_name(name).len();
    let mut long = String::new();
    for label in [63, 63, 63, room - 3 * 64 - 1] {
        long.push_str(&"x".repeat(label));
        long.push('.');
    }
    add(forms, "255 octets", query(&format!("{long}{name}")));
    // one octet more in the last of the long labels
    let longer = format!("{}x.{name}", long.trim_end_matches('.'));
    add(forms, "256 octets", query(&longer));
    let labels = wire_name(name).split_last().map(|(_, labels)| labels.to_vec()).unwrap_or_default();
    for (what, end) in [
        ("pointer to a zero in the header (c006)", vec![0xc0, 6]),
        ("pointer to a zero in the header (c008)", vec![0xc0, 8]),
        ("pointer to a zero in the header (c004)", vec![0xc0, 4]),
        ("pointer to itself", vec![0xc0, 12]),
        ("pointer forward", vec![0xc0, 40]),
        ("label type 0x40", vec![0x41, 0]),
        ("label type 0x80", vec![0x81, 0]),
        ("no root label", vec![]),
    ] {
        let octets = [labels.clone(), end].concat();
        dns(forms, what, name, |dns| dns.qname_octets = Some(Octets(octets)));
    }
    let size = 12 + wire_name(name).len();
    dns(forms, "no type and class", name, |dns| dns.cut = Some(size));
    dns(forms, "no class", name, |dns| dns.cut = Some(size + 2));
}

fn headers(forms: &mut Vec<Form>, name: &str) {
    for flag in [Flag::AA, Flag::TC, Flag::RA, Flag::Z, Flag::AD, Flag::CD] {
        dns(forms, &format!("flag {flag:?}"), name, |dns| dns.flags.push(flag));
    }
    dns(forms, "no RD", name, |dns| dns.flags.clear());
    dns(forms, "QR", name, |dns| dns.flags.push(Flag::QR));
    dns(forms, "RCODE 5", name, |dns| dns.rcode = 5);
    for opcode in [1, 2, 3, 5, 6] {
        dns(forms, &format!("opcode {opcode}"), name, |dns| dns.opcode = opcode);
    }
    dns(forms, "NOTIFY of a zone", name, |dns| (dns.opcode, dns.qtype) = (4, 6));
    dns(forms, "NOTIFY with type A", name, |dns| dns.opcode = 4);
}

fn questions(forms: &mut Vec<Form>, name: &str) {
    for qtype in [0, 28, 41, 64, 65, 249, 251, 252, 255, 65535] {
        dns(forms, &format!("type {qtype}"), name, |dns| dns.qtype = qtype);
    }
    for class in [0, 3, 254, 255, 4096] {
        dns(forms, &format!("class {class}"), name, |dns| dns.qclass = class);
    }
    let second = [wire_name("second.example.net"), vec![0, 1, 0, 1]].concat();
    dns(forms, "two questions", name, |dns| {
        (dns.counts, dns.trailing) = (Some([2, 0, 0, 0]), Octets(second));
    });
    dns(forms, "QDCOUNT 2, one question", name, |dns| dns.counts = Some([2, 0, 0, 0]));
    dns(forms, "QDCOUNT 0, one question", name, |dns| dns.counts = Some([0, 0, 0, 0]));
}

fn records(forms: &mut Vec<Form>, name: &str) {
    let opt = |change: fn(&mut Opt)| {
        let mut opt = Opt::default();
        change(&mut opt);
        vec![opt]
    };
    let option =
        |code, data: Vec<u8>| vec![Opt { options: vec![EdnsOption { code, data }], ..Opt::default() }];
    dns(forms, "EDNS", name, |dns| dns.opt = opt(|_| {}));
    dns(forms, "EDNS DO", name, |dns| dns.opt = opt(|opt| opt.dnssec_ok = true));
    dns(forms, "EDNS version 1", name, |dns| dns.opt = opt(|opt| opt.version = 1));
    dns(forms, "EDNS overruns", name, |dns| dns.opt = opt(|opt| opt.length = Some(100)));
    dns(forms, "EDNS padding", name, |dns| dns.opt = option(12, vec![0; 64]));
    dns(forms, "EDNS client cookie", name, |dns| dns.opt = option(10, vec![7; 8]));
    dns(forms, "EDNS full cookie", name, |dns| dns.opt = option(10, vec![7; 24]));
    dns(forms, "EDNS client subnet", name, |dns| dns.opt = option(8, vec![0, 1, 24, 0, 198, 51, 100]));
    dns(forms, "1400 octets of padding", name, |dns| dns.opt = option(12, vec![0; 1330]));
    dns(forms, "two OPT", name, |dns| dns.opt = vec![Opt::default(), Opt::default()]);
    dns(forms, "ARCOUNT 1 without a record", name, |dns| dns.counts = Some([1, 0, 0, 1]));
    dns(forms, "ANCOUNT 1 without a record", name, |dns| dns.counts = Some([1, 1, 0, 0]));
    for (what, counts) in
        [("answer", [1, 1, 0, 0]), ("authority", [1, 0, 1, 0]), ("additional", [1, 0, 0, 1])]
    {
        dns(forms, &format!("a record in {what}"), name, |dns| {
            (dns.before_opt, dns.counts) = (Octets(RECORD.to_vec()), Some(counts));
        });
    }
    dns(forms, "a record before the OPT", name, |dns| {
        (dns.before_opt, dns.counts, dns.opt) =
            (Octets(RECORD.to_vec()), Some([1, 0, 0, 2]), vec![Opt::default()]);
    });
    dns(forms, "one octet more", name, |dns| dns.trailing = Octets(vec![0]));
    dns(forms, "64 octets more", name, |dns| dns.trailing = Octets(vec![0x5a; 64]));
}

fn packets(forms: &mut Vec<Form>, name: &str) {
    let mut frame = query(name);
    frame.udp.checksum = Checksum::Zero;
    add(forms, "UDP checksum 0", frame);
    let mut frame = query(name);
    frame.udp.checksum = Checksum::Wrong;
    add(forms, "UDP checksum wrong", frame);
    let mut frame = query(name);
    frame.udp.after = Octets(vec![0x5a; 40]);
    add(forms, "octets after the datagram", frame);
    let mut frame = query(name);
    frame.trailer = Octets(vec![0; 30]);
    add(forms, "Ethernet trailer", frame);
    for (what, options) in [("4", vec![1; 4]), ("router alert", vec![0x94, 4, 0, 0]), ("40", vec![1; 40])] {
        add(forms, &format!("IPv4 options: {what}"), query(name).ip(|ip| ip.options = Octets(options)));
    }
    add(forms, "DF", query(name).ip(|ip| ip.dont_fragment = true));
    let mut frame = query(name);
    frame.to_mac = Octets(vec![0xff; 6]);
    add(forms, "broadcast MAC", frame);
    for (what, tags) in [
        ("802.1Q VID 0", vec![(0x8100, 0)]),
        ("802.1Q VID 0, priority 7", vec![(0x8100, 0xe000)]),
        ("802.1ad VID 0", vec![(0x88a8, 0)]),
        ("QinQ 0/0", vec![(0x88a8, 0), (0x8100, 0)]),
        ("three VID-0 tags", vec![(0x8100, 0); 3]),
        ("four VID-0 tags", vec![(0x8100, 0); 4]),
        ("five VID-0 tags", vec![(0x8100, 0); 5]),
    ] {
        let mut frame = query(name);
        frame.vlan = tags.into_iter().map(|(tpid, tci)| Tag { tpid, tci }).collect();
        add(forms, what, frame);
    }
}

fn packets_v6(forms: &mut Vec<Form>, name: &str) {
    let v6 = |change: &dyn Fn(&mut Ip)| query(name).over_ipv6().ip(|ip| change(ip));
    let routing = Extension { number: 43, octets: 8, fragment: 0 };
    let atomic = Extension { number: 44, octets: 8, fragment: 0 };
    let (hop, to) = (Extension::HOP_BY_HOP, Extension::DESTINATION);
    add(forms, "IPv6", v6(&|_| {}));
    for (what, headers) in [
        ("hop-by-hop", vec![hop]),
        ("destination", vec![to]),
        ("hop-by-hop and three destination", vec![hop, to, to, to]),
        ("eight destination", vec![to; 8]),
        ("nine destination", vec![to; 9]),
        ("routing", vec![routing]),
        ("atomic fragment", vec![atomic]),
    ] {
        add(forms, &format!("IPv6 {what}"), v6(&|ip| ip.extensions = headers.clone()));
    }
    let mut frame = query(name).over_ipv6();
    frame.udp.checksum = Checksum::Zero;
    add(forms, "IPv6 UDP checksum 0", frame);
}

/// The two fragments of a query, cut inside its QNAME; `alone`: the first holds the UDP header and nothing else.
#[must_use]
pub fn fragments(name: &str, is_v6: bool, alone: bool) -> [Frame; 2] {
    let whole = if is_v6 { query(name).over_ipv6() } else { query(name) };
    let octets = whole.build();
    let datagram = &octets[if is_v6 { 54 } else { 34 }..];
    let at = if alone { 8 } else { 24 };
    let part = |offset: usize, more: bool| {
        let payload = if more { &datagram[..at] } else { &datagram[at..] };
        whole.clone().ip(|ip| {
            (ip.payload, ip.protocol) = (Some(Octets(payload.to_vec())), Some(17));
            if is_v6 {
                let fragment = offset as u16 | u16::from(more);
                ip.extensions = vec![Extension { number: 44, octets: 8, fragment }];
            } else {
                (ip.offset, ip.more) = (offset as u16, more);
            }
        })
    };
    [part(0, true), part(at, false)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_long_names_are_as_long_as_they_say() {
        let forms = all("blocked.example");
        let name = |what: &str| forms.iter().find(|form| form.what == what).unwrap().frame.dns.name().len();
        assert_eq!((name("255 octets"), name("256 octets")), (255, 256));
    }

    #[test]
    fn fragments_make_the_datagram_again() {
        for is_v6 in [false, true] {
            for alone in [false, true] {
                let [first, second] = fragments("blocked.example", is_v6, alone).map(|frame| frame.build());
                let headers = if is_v6 { 62 } else { 34 };
                let whole =
                    if is_v6 { query("blocked.example").over_ipv6() } else { query("blocked.example") }
                        .build();
                let joined = [&first[headers..], &second[headers..]].concat();
                assert_eq!(joined, whole[if is_v6 { 54 } else { 34 }..]);
            }
        }
    }
}
