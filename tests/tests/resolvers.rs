//! Six stock servers behind the filter: no form of a query gets a listed name answered by the server for a client of the
//! region, and every other name gets the same answer as without the filter.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hickory_proto::op::Message;
use tests::answer;
use tests::forms::{self, Form};
use tests::frame::Frame;
use tests::harness::agent::{MILAN, Site};
use tests::harness::client::dig;
use tests::harness::lab::{self, CLIENT_INTERFACE, From, Lab, Mode, SERVER, SERVER_INTERFACE};
use tests::harness::resolver::{OWN_V4, OWN_V6};
use tests::harness::servers::{Kind, Server, ZONES};
use tests::harness::{find_program, have, is_privileged, wire};
use tests::hex::Octets;

/// Forms that the filter stops whatever the name is, because they hide it.
const STOPPED: [&str; 3] = ["five VID-0 tags", "IPv6 nine destination", "pointer"];

/// What came back for each form, by its place in the list.
type Answers = BTreeMap<usize, Vec<u8>>;

/// IDs of the queries for the other name begin here.
const OTHER: usize = 1000;

/// Sends every form and collects the messages that come back.
fn ask(lab: &Lab, listed: &[Form], other: &[Form]) -> Answers {
    let (to, from) = (
        wire::mac(&lab.server, SERVER_INTERFACE).unwrap(),
        wire::mac(&lab.client, CLIENT_INTERFACE).unwrap(),
    );
    let places = (0..).zip(listed).chain((OTHER..).zip(other));
    let frames: Vec<Vec<u8>> = places.map(|(place, form)| addressed(&form.frame, place, to, from)).collect();
    let back = wire::exchange(&lab.client, CLIENT_INTERFACE, &frames, Duration::from_millis(1200)).unwrap();
    let messages = back.iter().filter_map(|frame| answer::message_of(frame));
    messages
        .filter_map(|message| {
            Some((usize::from(u16::from_be_bytes([*message.first()?, *message.get(1)?])), message))
        })
        .collect()
}

/// The frame with the real MAC addresses, and an ID and source port that tell it from the others.
fn addressed(frame: &Frame, place: usize, to: [u8; 6], from: [u8; 6]) -> Vec<u8> {
    let mut frame = frame.clone();
    if frame.to_mac != Octets(vec![0xff; 6]) {
        frame.to_mac = Octets(to.to_vec());
    }
    frame.dns.id = place as u16;
    frame.udp.from_port = 20_000 + place as u16;
    let mut octets = frame.build();
    octets[6..12].copy_from_slice(&from);
    octets
}

/// Whether an answer holds the server's own data.
fn is_answered(message: &[u8]) -> bool {
    let Ok(message) = Message::from_vec(message) else { return false };
    message.answers.iter().any(|record| [OWN_V4, OWN_V6].contains(&record.data.to_string().as_str()))
}

/// What an answer says, less what differs from one query to the next: ID, cookies, order and age of records.
fn essence(message: &[u8]) -> String {
    let Ok(parsed) = Message::from_vec(message) else { return tests::hex::show(&message[2..]) };
    let records =
        parsed.all_sections().map(|record| format!("{} {} {}", record.name, record.dns_class, record.data));
    let records: BTreeSet<String> = records.collect();
    let rcode = u16::from(parsed.metadata.response_code);
    format!("{} rcode {rcode} edns {} {records:?}", tests::hex::show(&message[2..4]), parsed.edns.is_some())
}

fn round(lab: &Lab, kind: Kind, listed: &[Form], other: &[Form]) -> Answers {
    let _server = Server::start(kind, &lab.server, &SERVER).unwrap();
    ask(lab, listed, other)
}

#[test]
fn no_form_gets_a_listed_name_answered_by_any_server() {
    let test = "no_form_gets_a_listed_name_answered_by_any_server";
    if !is_privileged(test) {
        return;
    }
    let mut kinds = Kind::ALL.to_vec();
    kinds.retain(|kind| have(test, find_program(kind.program()).is_some(), kind.program()));
    let [listed, other] = ZONES;
    let (listed, other) = (forms::all(listed), forms::all(other));
    let lab = Lab::new().unwrap();
    let before: Vec<Answers> = kinds.iter().map(|kind| round(&lab, *kind, &listed, &other)).collect();

    let site = Site::new().unwrap();
    site.configure(Mode::Driver, "").unwrap();
    site.put_order("order.toml", &MILAN.replace("kickasstorrents.to", "blocked.example")).unwrap();
    let _agent = site.start(&lab.server, &[SERVER_INTERFACE], &[]).unwrap();
    let after: Vec<Answers> = kinds.iter().map(|kind| round(&lab, *kind, &listed, &other)).collect();

    let mut faults = Vec::new();
    for ((kind, before), after) in kinds.iter().zip(&before).zip(&after) {
        let answered = before.range(..OTHER).filter(|(_, message)| is_answered(message)).count();
        println!(
            "{kind}: {answered} of {} forms of a listed name are answered without the filter",
            listed.len()
        );
        assert!(answered > 20, "{kind} answers too little for this test to mean anything");
        for (place, form) in listed.iter().enumerate() {
            if after.get(&place).is_some_and(|message| is_answered(message)) {
                faults.push(format!("{kind}: a listed name is answered: {}", form.what));
            }
        }
        for (place, form) in
            other.iter().enumerate().filter(|(_, form)| !STOPPED.iter().any(|s| form.what.starts_with(s)))
        {
            let [was, is] =
                [before, after].map(|answers| answers.get(&(OTHER + place)).map(|message| essence(message)));
            if was != is {
                faults.push(format!(
                    "{kind}: another name's answer differs: {}\n    {was:?}\n    {is:?}",
                    form.what
                ));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn over_tcp_every_server_closes_at_once_and_answers_other_names() {
    let test = "over_tcp_every_server_closes_at_once_and_answers_other_names";
    if !is_privileged(test) {
        return;
    }
    let mut kinds = Kind::ALL.to_vec();
    kinds.retain(|kind| have(test, find_program(kind.program()).is_some(), kind.program()));
    let lab = Lab::new().unwrap();
    let site = Site::new().unwrap();
    site.put_order("order.toml", &MILAN.replace("kickasstorrents.to", "blocked.example")).unwrap();
    let _agent = site.start(&lab.server, &[SERVER_INTERFACE], &[]).unwrap();
    for kind in kinds {
        let _server = Server::start(kind, &lab.server, &SERVER).unwrap();
        for is_v6 in [false, true] {
            let (to, from) = (lab::server(is_v6), From::Italy.address(is_v6));
            let listed = dig(&lab.client, to, from, "www.blocked.example A +tcp").unwrap();
            assert!(listed.is_cut_off(), "{kind}: {:?}: {}", listed.took, listed.text);
            let other = dig(&lab.client, to, from, "www.example.org A +tcp").unwrap();
            assert_eq!(other.data(), Some(OWN_V4), "{kind}: {}", other.text);
            let elsewhere = From::Germany.address(is_v6);
            let elsewhere = dig(&lab.client, to, elsewhere, "www.blocked.example A +tcp").unwrap();
            assert_eq!(elsewhere.data(), Some(OWN_V4), "{kind}: {}", elsewhere.text);
        }
    }
}

#[test]
fn fragments_carry_no_listed_name_past_the_filter() {
    let test = "fragments_carry_no_listed_name_past_the_filter";
    if !is_privileged(test) || !have(test, find_program("unbound").is_some(), "unbound") {
        return;
    }
    let lab = Lab::new().unwrap();
    let _server = Server::start(Kind::Unbound, &lab.server, &SERVER).unwrap();
    let mut answers = Vec::new();
    for filtered in [false, true] {
        let site = Site::new().unwrap();
        site.put_order("order.toml", &MILAN.replace("kickasstorrents.to", "blocked.example")).unwrap();
        let _agent = filtered.then(|| site.start(&lab.server, &[SERVER_INTERFACE], &[]).unwrap());
        let mut count = 0;
        for (is_v6, alone, reversed) in
            [(false, false, false), (false, true, false), (false, false, true), (true, false, false)]
        {
            let mut parts = forms::fragments("blocked.example", is_v6, alone);
            if reversed {
                parts.reverse();
            }
            let to = wire::mac(&lab.server, SERVER_INTERFACE).unwrap();
            let frames: Vec<Vec<u8>> = parts
                .iter()
                .map(|part| {
                    let mut part = part.clone();
                    part.to_mac = Octets(to.to_vec());
                    part.build()
                })
                .collect();
            let back =
                wire::exchange(&lab.client, CLIENT_INTERFACE, &frames, Duration::from_millis(300)).unwrap();
            count += back
                .iter()
                .filter_map(|frame| answer::message_of(frame))
                .filter(|message| is_answered(message))
                .count();
        }
        answers.push(count);
    }
    assert_eq!(answers, [4, 0], "fragments answered without and with the filter");
}
