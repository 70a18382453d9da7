//! Start, end, crash, restart, take-over and detach: what is enforced when, and that resolution always works.

use std::time::Duration;

use nix::sys::signal::Signal;
use tests::harness::agent::{MILAN, Site};
use tests::harness::client::dig;
use tests::harness::flood::{Asked, By, Flood};
use tests::harness::lab::{self, From, Lab, Mode, SERVER, SERVER_INTERFACE};
use tests::harness::resolver::Unbound;
use tests::harness::{find_program, have, is_privileged, shell};

const SOON: Duration = Duration::from_secs(15);

struct Stage {
    lab: Lab,
    _unbound: Unbound,
    site: Site,
}

fn stage(test: &str) -> Option<Stage> {
    if !is_privileged(test) || !have(test, find_program("unbound").is_some(), "unbound") {
        return None;
    }
    let lab = Lab::new().unwrap();
    let unbound = Unbound::start(&lab.server, &SERVER).unwrap();
    let site = Site::new().unwrap();
    site.put_order("milan.toml", MILAN).unwrap();
    Some(Stage { lab, _unbound: unbound, site })
}

impl Stage {
    fn is_blocked(&self) -> bool {
        let words = "www.kickasstorrents.to A";
        let answer = dig(&self.lab.client, lab::server(false), From::Italy.address(false), words).unwrap();
        assert!(["NXDOMAIN", "NOERROR"].contains(&answer.status.as_str()), "{}", answer.text);
        answer.status == "NXDOMAIN"
    }

    fn link(&self) -> String {
        self.lab.server.ip(&format!("link show dev {SERVER_INTERFACE}")).unwrap()
    }
}

#[test]
fn term_detaches_and_resolution_goes_on() {
    let Some(stage) = stage("term_detaches_and_resolution_goes_on") else { return };
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut agent = stage.site.start(&stage.lab.server, &[SERVER_INTERFACE], &[]).unwrap();
        assert!(stage.is_blocked());
        agent.process.signal(signal).unwrap();
        assert_eq!(agent.process.end(SOON).unwrap(), Some(0), "{}", stage.site.log());
        assert!(!stage.link().contains("xdp"), "{}", stage.link());
        assert!(!stage.is_blocked());
    }
}

#[test]
fn keep_leaves_the_filter_and_detach_removes_it() {
    let Some(stage) = stage("keep_leaves_the_filter_and_detach_removes_it") else { return };
    let mut agent = stage.site.start(&stage.lab.server, &[SERVER_INTERFACE], &["--keep"]).unwrap();
    agent.process.signal(Signal::SIGTERM).unwrap();
    assert_eq!(agent.process.end(SOON).unwrap(), Some(0), "{}", stage.site.log());
    assert!(stage.is_blocked());
    let detach = format!("detach --pin-dir {}", stage.site.pins().display());
    let output = stage.site.interdict(&stage.lab.server, &detach).unwrap();
    assert_eq!(output.code, Some(0), "{output:?}");
    assert!(!stage.is_blocked());
}

#[test]
fn detach_tells_a_running_agent() {
    let Some(stage) = stage("detach_tells_a_running_agent") else { return };
    let mut agent = stage.site.start(&stage.lab.server, &[SERVER_INTERFACE], &[]).unwrap();
    assert!(stage.is_blocked());
    let output = stage.site.interdict(&stage.lab.server, "detach").unwrap();
    assert_eq!(output.code, Some(0), "{output:?}");
    assert_eq!(agent.process.end(SOON).unwrap(), Some(0), "{}", stage.site.log());
    assert!(!stage.is_blocked());
}

#[test]
fn a_crash_changes_no_verdict_and_a_restart_takes_over_without_a_gap() {
    let Some(stage) = stage("a_crash_changes_no_verdict_and_a_restart_takes_over_without_a_gap") else {
        return;
    };
    for mode in [Mode::Driver, Mode::Skb] {
        stage.site.configure(mode, "").unwrap();
        let mut agent = stage.site.start(&stage.lab.server, &[SERVER_INTERFACE], &[]).unwrap();
        let asked = |name: &str, by| Asked { name: name.to_owned(), from: From::Italy, by };
        let asked = [asked("a{}.kickasstorrents.to", By::Filter), asked("b{}.example.org", By::Resolver)];
        let flood = Flood::start(&stage.lab.client, &asked, Duration::from_millis(2)).unwrap();
        for _ in 0..3 {
            agent.process.signal(Signal::SIGKILL).unwrap();
            agent.process.end(SOON).unwrap();
            std::thread::sleep(Duration::from_millis(300));
            assert!(stage.is_blocked(), "after the crash");
            agent = stage.site.start(&stage.lab.server, &[SERVER_INTERFACE], &[]).unwrap();
        }
        let tally = flood.end().unwrap();
        println!("{mode}: {tally:?}");
        assert_eq!((tally.lost, tally.wrong), (0, 0), "{mode}: {tally:?}");
        assert!(tally.filter > 500 && tally.resolver > 500, "{mode}: {tally:?}");
        agent.process.signal(Signal::SIGTERM).unwrap();
        assert_eq!(agent.process.end(SOON).unwrap(), Some(0), "{}", stage.site.log());
        assert!(!stage.is_blocked(), "{mode}: after the end");
    }
}

#[test]
fn a_taken_interface_names_its_holder() {
    let Some(stage) = stage("a_taken_interface_names_its_holder") else { return };
    let _agent = stage.site.start(&stage.lab.server, &[SERVER_INTERFACE], &[]).unwrap();
    let other = Site::new().unwrap();
    let output = shell::run(&mut other.run_command(&stage.lab.server, &[SERVER_INTERFACE]), SOON).unwrap();
    assert_eq!(output.code, Some(69), "{output:?}");
    assert!(output.err.contains(SERVER_INTERFACE) && output.err.contains("interdict"), "{}", output.err);
    assert!(stage.is_blocked(), "the first one filters on");
}

#[test]
fn the_fallback_to_skb_mode_is_said_aloud() {
    let Some(stage) = stage("the_fallback_to_skb_mode_is_said_aloud") else { return };
    // a bridge has no XDP of its own
    stage.lab.server.ip("link add br0 type bridge").unwrap();
    stage.lab.server.ip("link set br0 up").unwrap();
    stage.site.configure_as("auto", "").unwrap();
    let _agent = stage.site.start(&stage.lab.server, &["br0", SERVER_INTERFACE], &[]).unwrap();
    let status = stage.site.json(&stage.lab.server, "status").unwrap();
    let modes: Vec<&str> =
        status["interfaces"].as_array().unwrap().iter().filter_map(|i| i["mode"].as_str()).collect();
    assert_eq!(modes, ["skb", "driver"], "{status}");
    assert!(stage.site.log().contains("skb"), "{}", stage.site.log());
    assert!(stage.is_blocked());
}

#[test]
fn an_order_begins_and_ends_by_the_clock() {
    let Some(stage) = stage("an_order_begins_and_ends_by_the_clock") else { return };
    let now = jiff::Timestamp::now();
    let at = |seconds: i64| (now + jiff::SignedDuration::from_secs(seconds)).to_string();
    let order = MILAN.replace(
        "status = ",
        &format!("effective-from = \"{}\"\neffective-until = \"{}\"\nstatus = ", at(5), at(9)),
    );
    stage.site.put_order("milan.toml", &order).unwrap();
    let _agent = stage.site.start(&stage.lab.server, &[SERVER_INTERFACE], &[]).unwrap();
    let mut changes = Vec::new();
    let mut was = None;
    while jiff::Timestamp::now() < now + jiff::SignedDuration::from_secs(12) {
        let is = stage.is_blocked();
        if was != Some(is) {
            changes.push((is, jiff::Timestamp::now().duration_since(now).as_secs_f64()));
            was = Some(is);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    println!("{changes:?}");
    let [(false, _), (true, began), (false, ended)] = changes.as_slice() else { panic!("{changes:?}") };
    assert!((4.9..6.5).contains(began) && (8.9..10.5).contains(ended), "{changes:?}");
}
