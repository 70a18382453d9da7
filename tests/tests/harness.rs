//! The harness itself: the network carries queries to a real resolver and back, before any filter is there.

use tests::frame::query;
use tests::harness::client::{ask, dig, kdig};
use tests::harness::lab::{self, CLIENT_INTERFACE, From, Lab, SERVER};
use tests::harness::resolver::{OWN_V4, OWN_V6, Unbound};
use tests::harness::responder::Responder;
use tests::harness::{find_program, have, is_privileged, netns};

#[test]
fn the_resolver_answers_over_both_families() {
    let test = "the_resolver_answers_over_both_families";
    if !is_privileged(test) || !have(test, find_program("unbound").is_some(), "unbound") {
        return;
    }
    let lab = Lab::new().unwrap();
    let _unbound = Unbound::start(&lab.server, &SERVER).unwrap();
    for from in [From::Italy, From::Germany, From::Nowhere] {
        for (is_v6, qtype, own) in [(false, "A", OWN_V4), (true, "AAAA", OWN_V6)] {
            let (server, client) = (lab::server(is_v6), from.address(is_v6));
            let words = format!("www.kickasstorrents.to {qtype}");
            let answer = dig(&lab.client, server, client, &words).unwrap();
            assert_eq!((answer.status.as_str(), answer.data()), ("NOERROR", Some(own)), "{}", answer.text);
            let answer = kdig(&lab.client, server, client, &format!("{words} +edns=0")).unwrap();
            assert_eq!((answer.status.as_str(), answer.data()), ("NOERROR", Some(own)), "{}", answer.text);
            assert!(answer.has_opt, "{}", answer.text);
            let answer = dig(&lab.client, server, client, &format!("{words} +tcp")).unwrap();
            assert_eq!(answer.data(), Some(own), "{}", answer.text);
            let answer =
                ask(&lab.client, server, client, &query("www.kickasstorrents.to").dns.build()).unwrap();
            assert_eq!(answer.map(|a| a[..4].to_vec()), Some(vec![0x12, 0x34, 0x85, 0x80]), "from {from:?}");
        }
    }
}

#[test]
fn raw_frames_reach_the_server_and_back() {
    if !is_privileged("raw_frames_reach_the_server_and_back") {
        return;
    }
    let lab = Lab::new().unwrap();
    let _responder = Responder::start(&lab.server, &SERVER).unwrap();
    let mut frame = query("www.example.org");
    frame.to_mac.0 = tests::harness::wire::mac(&lab.server, lab::SERVER_INTERFACE).unwrap().to_vec();
    let frames = tests::harness::wire::exchange(
        &lab.client,
        CLIENT_INTERFACE,
        &[frame.build()],
        std::time::Duration::from_millis(300),
    )
    .unwrap();
    let answers = frames.iter().filter(|frame| frame.windows(2).any(|w| w == [0x12, 0x34]));
    assert_eq!(answers.count(), 1, "{}", frames.len());
}

#[test]
fn namespaces_go_when_a_test_panics() {
    if !is_privileged("namespaces_go_when_a_test_panics") {
        return;
    }
    let mut name = String::new();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let namespace = netns::Namespace::new("gone").unwrap();
        name = namespace.name().to_owned();
        panic!("on purpose");
    }));
    assert!(panicked.is_err());
    assert!(!std::path::Path::new("/run/netns").join(&name).exists(), "{name}");
}
