//! Our answers, as an independent implementation reads them.

use crate::table::{CLIENTS, Covers, NXDOMAIN, REFUSED, Rule, Table, frame, labels, query};
use filter_common::Verdict;
use filter_common::abi::{SETTING_RA, Settings};
use filter_common::host::{Room, Run, run};
use hickory_proto::op::{Message, MessageType, OpCode, ResponseCode};
use hickory_proto::rr::rdata::opt::{EdnsCode, EdnsOption};
use hickory_proto::rr::{Name, RData, RecordType};

/// Octets of the headers before the message in the frames here.
const MESSAGE: usize = 42;

fn table(action: u32) -> Table {
    Table::new(
        42,
        &[Rule { labels: labels("kickasstorrents.to"), covers: Covers::Suffix, region: 1, action }],
    )
}

fn ask(table: &Table, message: &[u8], room: Room) -> Run {
    run(
        &frame(CLIENTS[1], message),
        table,
        &table.actions,
        &Settings { flags: SETTING_RA, ..Settings::DEFAULT },
        room,
    )
}

fn sum(octets: &[u8]) -> u32 {
    let total: u32 =
        octets.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0))).sum();
    (total & 0xffff) + (total >> 16)
}

/// Checks what every answer has in common, and reads it.
fn read(run: &Run) -> Message {
    assert!(matches!(run.verdict, Verdict::Answer(_)), "{:?}", run.verdict);
    let octets = &run.octets;
    assert_eq!(octets[..12], [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1], "MACs swapped");
    assert_eq!(sum(&octets[14..34]) & 0xffff, 0xffff, "IPv4 header checksum");
    assert_eq!(u16::from_be_bytes([octets[16], octets[17]]) as usize, octets.len() - 14, "total length");
    assert_eq!(octets[22], 64, "TTL");
    assert_eq!(
        (&octets[26..30], &octets[30..34]),
        (&crate::table::RESOLVER[..], &CLIENTS[1][..]),
        "addresses swapped"
    );
    assert_eq!(octets[34..38], [0, 53, 0x10, 0], "ports swapped");
    assert_eq!(u16::from_be_bytes([octets[38], octets[39]]) as usize, octets.len() - 34, "UDP length");
    let pseudo = [&octets[26..34], &[0, 17], &octets[38..40], &octets[34..]].concat();
    let total = sum(&pseudo);
    assert_eq!((total & 0xffff) + (total >> 16), 0xffff, "UDP checksum");
    let message = Message::from_vec(&octets[MESSAGE..]).expect("an answer that parses");
    assert_eq!(message.metadata.message_type, MessageType::Response);
    assert_eq!((message.metadata.id, message.metadata.op_code), (0x1234, OpCode::Query));
    assert!(message.metadata.recursion_desired && message.metadata.recursion_available);
    assert!(!message.metadata.authoritative && !message.metadata.truncation);
    message
}

#[test]
fn nxdomain_has_soa_and_ede() {
    let run = ask(&table(NXDOMAIN), &query(&labels("wWw.KickAssTorrents.to"), 1, Some(&[])), Room::Tail);
    let message = read(&run);
    assert_eq!(message.metadata.response_code, ResponseCode::NXDomain);
    assert_eq!(message.queries[0].name().to_string(), "wWw.KickAssTorrents.to.", "0x20 kept");
    assert!(message.answers.is_empty());
    let soa = &message.authorities[0];
    assert_eq!(soa.name, Name::from_ascii("KickAssTorrents.to.").expect("a name"));
    assert_eq!((soa.record_type(), soa.ttl), (RecordType::SOA, 60));
    let RData::SOA(data) = &soa.data else { panic!("not a SOA: {soa}") };
    assert_eq!(data.minimum, 60);
    let edns = message.edns.expect("an OPT record");
    assert_eq!((edns.version(), edns.max_payload()), (0, 1232));
    let Some(EdnsOption::Unknown(15, ede)) = edns.option(EdnsCode::Unknown(15)) else { panic!("no EDE") };
    assert_eq!(ede[..2], [0, 16]);
    assert_eq!(&ede[2..], b"Court order IT-EX-0001");
}

#[test]
fn without_opt_there_is_none_in_the_answer() {
    let message = read(&ask(&table(NXDOMAIN), &query(&labels("kickasstorrents.to"), 28, None), Room::Tail));
    assert!(message.edns.is_none());
    assert_eq!(message.authorities.len(), 1);
    let message = read(&ask(&table(REFUSED), &query(&labels("kickasstorrents.to"), 65, None), Room::Tail));
    assert_eq!(message.metadata.response_code, ResponseCode::Refused);
    assert!(message.authorities.is_empty() && message.edns.is_none());
}

#[test]
fn a_full_cookie_is_echoed_and_a_client_cookie_is_not() {
    for size in [8u8, 16, 17, 23, 24, 39, 40, 41] {
        let cookie: Vec<u8> = (0..size).map(|octet| octet ^ 0xa5).collect();
        let mut options = vec![0, 12, 0, 3, 9, 9, 9, 0, 10, 0, size];
        options.extend(&cookie);
        let query = query(&labels("kickasstorrents.to"), 1, Some(&options));
        let message = read(&ask(&table(NXDOMAIN), &query, Room::Tail));
        let edns = message.edns.expect("an OPT record");
        let echoed = match edns.option(EdnsCode::Cookie) {
            Some(EdnsOption::Unknown(_, octets)) => Some(octets.clone()),
            Some(other) => panic!("{other:?}"),
            None => None,
        };
        let expected = (16..=40).contains(&size).then_some(cookie);
        assert_eq!(echoed, expected, "a cookie of {size}");
        assert!(edns.option(EdnsCode::Unknown(15)).is_some(), "EDE beside a cookie of {size}");
        assert!(edns.option(EdnsCode::Padding).is_none(), "nothing else is echoed");
    }
}

#[test]
fn a_higher_edns_version_is_answered_badvers() {
    let mut query = query(&labels("kickasstorrents.to"), 1, Some(&[]));
    let version = query.len() - 5;
    query[version] = 1;
    let run = ask(&table(NXDOMAIN), &query, Room::Tail);
    let message = read(&run);
    assert_eq!(u16::from(message.metadata.response_code), 16, "BADVERS");
    assert!(message.authorities.is_empty());
    assert_eq!(message.edns.expect("an OPT record").version(), 0);
}

#[test]
fn room_in_front_gives_the_same_answer_and_no_room_cuts_it() {
    let table = table(NXDOMAIN);
    for name in ["kickasstorrents.to", "www.kickasstorrents.to"] {
        for options in [None, Some(&[][..])] {
            let query = query(&labels(name), 1, options);
            let tail = ask(&table, &query, Room::Tail);
            let head = ask(&table, &query, Room::Head);
            assert_eq!(tail.octets, head.octets);
            let nowhere = ask(&table, &query, Room::Nowhere);
            assert!(nowhere.is_cut);
            assert!(nowhere.octets.len() <= MESSAGE + query.len(), "not longer than the query");
            let message = read(&nowhere);
            assert_eq!(message.metadata.response_code, ResponseCode::NXDomain);
            assert_eq!(message.edns.is_some(), options.is_some());
        }
    }
}

#[test]
fn what_is_cut_goes_in_order() {
    let table = table(NXDOMAIN);
    let full = query(&labels("kickasstorrents.to"), 1, Some(&[]));
    // octets behind the message are room: EXTRA-TEXT is 22 octets, the SOA 34, the EDE 6
    let rows = [
        (62, true, true, true),
        (61, false, true, true),
        (40, false, true, true),
        (39, false, false, true),
        (6, false, false, true),
        (5, false, false, false),
        (0, false, false, false),
    ];
    for (room, text, soa, ede) in rows {
        let mut frame = frame(CLIENTS[1], &full);
        frame.resize(frame.len() + room, 0);
        let run = run(&frame, &table, &table.actions, &Settings::DEFAULT, Room::Nowhere);
        let edns = Message::from_vec(&run.octets[MESSAGE..]).expect("an answer that parses");
        let option = edns.edns.as_ref().and_then(|edns| edns.option(EdnsCode::Unknown(15)).cloned());
        let size = match option {
            Some(EdnsOption::Unknown(_, octets)) => octets.len(),
            _ => 0,
        };
        assert_eq!(size, 2 * usize::from(ede) + 22 * usize::from(text), "room for {room}");
        assert_eq!(edns.authorities.len(), usize::from(soa), "room for {room}");
    }
}
