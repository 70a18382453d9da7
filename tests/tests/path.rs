//! The whole path: a real client, the filter on a real interface, a real resolver behind it. In driver mode and in skb
//! mode, which differ in where an answer finds room.

use std::net::IpAddr;
use std::time::Duration;

use tests::answer;
use tests::frame::{Frame, query};
use tests::harness::agent::{Agent, MILAN, MILAN_TEXT, Site};
use tests::harness::client::{self, Dig};
use tests::harness::lab::{self, CLIENT_INTERFACE, From, Lab, Mode, SERVER, SERVER_INTERFACE};
use tests::harness::resolver::{OWN_V4, OWN_V6, Unbound};
use tests::harness::{find_program, have, is_privileged, wire};
use tests::hex::Octets;

/// A filtered resolver.
struct Path {
    lab: Lab,
    _unbound: Unbound,
    site: Site,
    _agent: Agent,
}

impl Path {
    fn new(test: &str, mode: Mode, more: &str) -> Option<Path> {
        if !is_privileged(test)
            || !["unbound", "dig", "kdig"].iter().all(|p| have(test, find_program(p).is_some(), p))
        {
            return None;
        }
        let lab = Lab::new().unwrap();
        let unbound = Unbound::start(&lab.server, &SERVER).unwrap();
        let site = Site::new().unwrap();
        site.configure(mode, more).unwrap();
        site.put_order("milan.toml", MILAN).unwrap();
        let agent = site.start(&lab.server, &[SERVER_INTERFACE], &[]).unwrap();
        let path = Path { lab, _unbound: unbound, site, _agent: agent };
        let status = path.site.json(&path.lab.server, "status").unwrap();
        assert_eq!(status["interfaces"][0]["mode"], mode.to_string(), "{status}");
        Some(path)
    }

    fn dig(&self, from: From, is_v6: bool, words: &str) -> Dig {
        client::dig(&self.lab.client, lab::server(is_v6), from.address(is_v6), words).unwrap()
    }

    fn kdig(&self, from: From, is_v6: bool, words: &str) -> Dig {
        client::kdig(&self.lab.client, lab::server(is_v6), from.address(is_v6), words).unwrap()
    }

    fn stats(&self) -> serde_json::Value {
        self.site.json(&self.lab.server, "stats").unwrap()
    }
}

fn blocked(dig: &Dig, owner: &str, ede: bool) {
    assert!(dig.is_blocked(owner), "{}", dig.text);
    let want = format!("({MILAN_TEXT})");
    let shown = dig
        .ede
        .as_deref()
        .is_some_and(|line| line.starts_with("16") && line.contains(&want[1..want.len() - 1]));
    assert_eq!(shown, ede, "{}", dig.text);
    for flag in ["aa", "tc", "ad"] {
        assert!(!dig.flags.iter().any(|f| f == flag), "flag {flag}: {}", dig.text);
    }
    assert!(["qr", "ra"].iter().all(|flag| dig.flags.iter().any(|f| f == flag)), "{}", dig.text);
}

fn own(dig: &Dig, is_v6: bool) {
    let own: IpAddr = if is_v6 { OWN_V6 } else { OWN_V4 }.parse().unwrap();
    let data = dig.data().and_then(|data| data.parse::<IpAddr>().ok());
    assert_eq!((dig.status.as_str(), data), ("NOERROR", Some(own)), "{}", dig.text);
}

/// What dig and kdig see over both families.
fn clients_see_the_order(mode: Mode) {
    let Some(path) = Path::new(&format!("clients_see_the_order in {mode} mode"), mode, "") else { return };
    let name = "kickasstorrents.to";
    for is_v6 in [false, true] {
        let qtype = if is_v6 { "AAAA" } else { "A" };
        blocked(&path.dig(From::Italy, is_v6, &format!("{name} {qtype}")), name, true);
        blocked(
            &path.dig(From::Italy, is_v6, &format!("www.KickAssTorrents.to {qtype} +noedns")),
            name,
            false,
        );
        blocked(&path.dig(From::Italy, is_v6, &format!("a.b.{name} HTTPS +dnssec +nocookie")), name, true);
        blocked(&path.dig(From::Italy, is_v6, "limetorrents.pro ANY +notcp"), "limetorrents.pro", true);
        blocked(&path.dig(From::Italy, is_v6, &format!("{name} TXT +norec +cd +bufsize=512")), name, true);
        blocked(&path.kdig(From::Italy, is_v6, &format!("{name} {qtype} +edns=0")), name, true);
        blocked(&path.kdig(From::Italy, is_v6, &format!("{name} {qtype} +noedns")), name, false);
        own(&path.dig(From::Germany, is_v6, &format!("{name} {qtype}")), is_v6);
        own(&path.dig(From::Nowhere, is_v6, &format!("{name} {qtype}")), is_v6);
        own(&path.kdig(From::Germany, is_v6, &format!("{name} {qtype} +edns=0")), is_v6);
        own(&path.dig(From::Italy, is_v6, &format!("www.example.org {qtype}")), is_v6);
        own(&path.dig(From::Italy, is_v6, &format!("www.example.org {qtype} +tcp")), is_v6);
        own(&path.dig(From::Germany, is_v6, &format!("{name} {qtype} +tcp")), is_v6);
        let reset = path.dig(From::Italy, is_v6, &format!("{name} {qtype} +tcp"));
        assert!(reset.is_cut_off(), "{:?}: {}", reset.took, reset.text);
    }
    conserved(&path.stats());
}

/// A client that holds a cookie, and one that begins.
fn cookies_are_kept(mode: Mode) {
    let Some(path) = Path::new(&format!("cookies_are_kept in {mode} mode"), mode, "") else { return };
    let full = "0102030405060708a1a2a3a4a5a6a7a8";
    let dig = path.dig(From::Italy, false, &format!("kickasstorrents.to A +cookie={full}"));
    blocked(&dig, "kickasstorrents.to", true);
    assert!(dig.text.contains(full), "{}", dig.text);
    let dig = path.dig(From::Italy, true, "kickasstorrents.to A +cookie");
    blocked(&dig, "kickasstorrents.to", true);
    assert!(!dig.text.contains("; COOKIE"), "{}", dig.text);
}

/// The longest answers: where there is no room behind the frame it is made in front.
fn long_answers_find_room(mode: Mode) {
    let Some(path) = Path::new(&format!("long_answers_find_room in {mode} mode"), mode, "") else { return };
    for is_v6 in [false, true] {
        for length in (0..220).step_by(7) {
            let labels = "x"
                .repeat(length)
                .as_bytes()
                .chunks(50)
                .map(|c| String::from_utf8_lossy(c).into_owned() + ".")
                .collect::<String>();
            for words in
                ["A +noedns", "A +nocookie", "A +cookie=0102030405060708a1a2a3a4a5a6a7a8a1a2a3a4a5a6a7a8"]
            {
                let dig = path.dig(From::Italy, is_v6, &format!("{labels}kickasstorrents.to {words}"));
                blocked(&dig, "kickasstorrents.to", !words.contains("noedns"));
            }
        }
    }
    let stats = path.stats();
    assert_eq!(stats["answers_cut"], 0, "{stats}");
}

/// Tagged frames are answered with their tags.
fn tags_are_kept(mode: Mode) {
    let Some(path) = Path::new(&format!("tags_are_kept in {mode} mode"), mode, "") else { return };
    for tags in 0..=4 {
        for frame in [
            query("www.kickasstorrents.to"),
            query("www.kickasstorrents.to").with_opt(),
            query("kickasstorrents.to").with_opt().over_ipv6(),
        ] {
            let sent = addressed(&path, &frame.tagged(tags));
            let back = wire::exchange(
                &path.lab.client,
                CLIENT_INTERFACE,
                std::slice::from_ref(&sent),
                Duration::from_millis(100),
            )
            .unwrap();
            let answers: Vec<_> = back.iter().filter(|frame| answer::message_of(frame).is_some()).collect();
            let [answer] = answers.as_slice() else { panic!("{} answers to {tags} tags", answers.len()) };
            let reply = answer::check(&sent, &with_first_tag(answer, &sent, tags), true).unwrap();
            assert_eq!((reply.rcode, reply.soa.as_deref()), (3, Some("kickasstorrents.to")), "{tags} tags");
        }
    }
}

/// The kernel takes the outermost tag out of a frame before a packet socket sees it: it is put back here, and the row
/// "one to four vlan tags" holds it to the query's.
fn with_first_tag(answer: &[u8], sent: &[u8], tags: usize) -> Vec<u8> {
    let mut answer = answer.to_vec();
    if tags > 0 {
        answer.splice(12..12, sent[12..16].iter().copied());
    }
    answer
}

fn addressed(path: &Path, frame: &Frame) -> Vec<u8> {
    let mut frame = frame.clone();
    frame.to_mac = Octets(wire::mac(&path.lab.server, SERVER_INTERFACE).unwrap().to_vec());
    frame.build()
}

/// Observe mode changes nothing and counts what would have been done.
fn observe_only_counts(mode: Mode) {
    let Some(path) = Path::new(&format!("observe_only_counts in {mode} mode"), mode, "mode = \"observe\"")
    else {
        return;
    };
    own(&path.dig(From::Italy, false, "kickasstorrents.to A"), false);
    own(&path.dig(From::Italy, true, "kickasstorrents.to AAAA +tcp"), true);
    let stats = path.stats();
    let passed = &stats["interfaces"][0]["passed"];
    assert_eq!((&passed["would-answer"], &passed["would-reset"]), (&1.into(), &1.into()), "{stats}");
    assert_eq!(stats["interfaces"][0]["answer"], 0, "{stats}");
    assert!(stats["hits"].as_array().unwrap().iter().all(|hit| hit["mode"] == "observe"), "{stats}");
    conserved(&stats);
}

/// Every packet is in exactly one verdict.
fn conserved(stats: &serde_json::Value) {
    for interface in stats["interfaces"].as_array().unwrap() {
        let number = |key: &str| interface[key].as_u64().unwrap();
        assert_eq!(
            number("packets"),
            ["pass", "drop", "answer", "reset"].into_iter().map(number).sum::<u64>(),
            "{stats}"
        );
        let sum = |key: &str| {
            interface[key].as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum::<u64>()
        };
        assert_eq!((number("pass"), number("drop")), (sum("passed"), sum("dropped")), "{stats}");
    }
}

macro_rules! in_both_modes {
    ($($test:ident: $driver:ident, $skb:ident;)*) => {
        $(#[test]
        fn $driver() {
            $test(Mode::Driver);
        }

        #[test]
        fn $skb() {
            $test(Mode::Skb);
        })*
    };
}

in_both_modes! {
    clients_see_the_order: clients_see_the_order_in_driver_mode, clients_see_the_order_in_skb_mode;
    cookies_are_kept: cookies_are_kept_in_driver_mode, cookies_are_kept_in_skb_mode;
    long_answers_find_room: long_answers_find_room_in_driver_mode, long_answers_find_room_in_skb_mode;
    tags_are_kept: tags_are_kept_in_driver_mode, tags_are_kept_in_skb_mode;
    observe_only_counts: observe_only_counts_in_driver_mode, observe_only_counts_in_skb_mode;
}
