//! Policy changes under traffic: every query is answered, a listed name always by the filter, another never.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tests::harness::agent::{Agent, MILAN, Site};
use tests::harness::client::dig;
use tests::harness::flood::{Asked, By, Flood, Tally};
use tests::harness::lab::{self, From, Lab, Mode, SERVER, SERVER_INTERFACE};
use tests::harness::resolver::Unbound;
use tests::harness::{find_program, have, is_privileged, shell};

/// How long the flood lasts at least.
const LONG: Duration = Duration::from_secs(8);

struct Stage {
    lab: Lab,
    _unbound: Unbound,
    site: Site,
    agent: Agent,
}

fn stage(test: &str, mode: Mode) -> Option<Stage> {
    if !is_privileged(test) || !have(test, find_program("unbound").is_some(), "unbound") {
        return None;
    }
    let lab = Lab::new().unwrap();
    let unbound = Unbound::start(&lab.server, &SERVER).unwrap();
    let site = Site::new().unwrap();
    site.configure(mode, "").unwrap();
    site.put_order("milan.toml", MILAN).unwrap();
    let agent = site.start(&lab.server, &[SERVER_INTERFACE], &[]).unwrap();
    Some(Stage { lab, _unbound: unbound, site, agent })
}

/// The steady names, and one whose policy changes.
fn asked() -> Vec<Asked> {
    let asked = |name: &str, from, by| Asked { name: name.to_owned(), from, by };
    vec![
        asked("a{}.kickasstorrents.to", From::Italy, By::Filter),
        asked("ilcorsaronero.pro", From::Italy, By::Filter),
        asked("b{}.example.org", From::Italy, By::Resolver),
        asked("c{}.blocked.example", From::Italy, By::Either),
        asked("a{}.kickasstorrents.to", From::Germany, By::Resolver),
        asked("d{}.example.org", From::Nowhere, By::Resolver),
    ]
}

fn another_order(number: u32) -> String {
    MILAN
        .replace("IT-EX-0001", &format!("IT-EX-1{number:03}"))
        .replace("kickasstorrents.to", "blocked.example")
        .replace("limetorrents.pro", &format!("other-{number}.example"))
        .replace("ilcorsaronero.pro", &format!("third-{number}.example"))
}

fn hold(tally: &Tally) {
    println!("{tally:?}");
    assert_eq!((tally.lost, tally.wrong), (0, 0), "{tally:?}");
    assert!(tally.filter > 1000 && tally.resolver > 1000, "{tally:?}");
}

fn is_blocked(stage: &Stage, name: &str) -> bool {
    let answer =
        dig(&stage.lab.client, lab::server(false), From::Italy.address(false), &format!("{name} A")).unwrap();
    assert!(["NXDOMAIN", "NOERROR"].contains(&answer.status.as_str()), "{}", answer.text);
    answer.status == "NXDOMAIN"
}

fn changes_leave_no_gap(mode: Mode) {
    let Some(stage) = stage(&format!("changes_leave_no_gap in {mode} mode"), mode) else { return };
    let (site, server) = (&stage.site, &stage.lab.server);
    let flood = Flood::start(&stage.lab.client, &asked(), Duration::from_millis(2)).unwrap();
    let (start, mut rounds) = (Instant::now(), 0);
    while start.elapsed() < LONG {
        rounds += 1;
        let file = site.path("next.toml");
        std::fs::write(&file, another_order(rounds)).unwrap();
        let (id, apply) = (format!("IT-EX-1{rounds:03}"), format!("order apply {}", file.display()));
        let done = site.json(server, &apply).unwrap();
        assert_eq!(done["enforced"], true, "{done}");
        assert!(is_blocked(&stage, "www.blocked.example"), "after {apply}");
        site.json(server, &format!("block mirror-{rounds}.example.net --order {id}")).unwrap();
        assert!(is_blocked(&stage, &format!("www.mirror-{rounds}.example.net")), "after block");
        site.json(server, &format!("unblock mirror-{rounds}.example.net --order {id}")).unwrap();
        assert!(!is_blocked(&stage, &format!("www.mirror-{rounds}.example.net")), "after unblock");
        site.json(server, &format!("order lift {id}")).unwrap();
        assert!(!is_blocked(&stage, "www.blocked.example"), "after lift");
    }
    let tally = flood.end().unwrap();
    println!("{rounds} orders applied, changed and lifted");
    hold(&tally);
    assert!(rounds >= 3);
}

#[test]
fn changes_leave_no_gap_in_driver_mode() {
    changes_leave_no_gap(Mode::Driver);
}

#[test]
fn changes_leave_no_gap_in_skb_mode() {
    changes_leave_no_gap(Mode::Skb);
}

/// Names of the big list: fewer where nothing is optimised.
const MANY: u32 = if cfg!(debug_assertions) { 50_000 } else { 1_000_000 };

#[test]
fn a_big_list_is_taken_changed_and_lifted_under_traffic() {
    let Some(stage) = stage("a_big_list_is_taken_changed_and_lifted_under_traffic", Mode::Driver) else {
        return;
    };
    let (site, server) = (&stage.site, &stage.lab.server);
    let line = |number: u32| format!("name-{number}.list-{}.example\n", number % 1000);
    let list: String = (0..MANY).map(line).collect();
    std::fs::write(site.orders().join("many.txt"), &list).unwrap();
    let head = MILAN.split("[[names]]").next().unwrap().replace("IT-EX-0001", "IT-EX-2000");
    let order = head.replace("match = ", "lists = [\"many.txt\"]\nmatch = ");
    let (first, last, added) = ("name-0.list-0.example", line(MANY - 1), line(MANY));
    let (last, added) = (last.trim(), added.trim());

    let flood = Flood::start(&stage.lab.client, &asked(), Duration::from_millis(2)).unwrap();
    let start = Instant::now();
    site.put_order("many.toml", &order).unwrap();
    let is_in = |name: &str| is_blocked_or_lost(&stage, name) == Some(true);
    assert!(shell::until(Duration::from_secs(90), || is_in(last)), "{}", site.log());
    println!("{MANY} names in force after {:?}", start.elapsed());
    assert!(
        is_in(first) && is_in(&format!("www.{last}")) && !is_in("name-1.list-2.example") && !is_in(added)
    );

    let start = Instant::now();
    site.json(server, "block one-more.example.net --order IT-EX-2000").unwrap();
    println!("one more after {:?}", start.elapsed());
    assert!(is_in("one-more.example.net"));

    let start = Instant::now();
    std::fs::write(site.orders().join("many.txt"), format!("{list}{added}\n")).unwrap();
    stage.agent.process.signal(Signal::SIGHUP).unwrap();
    assert!(shell::until(Duration::from_secs(90), || is_in(added)), "{}", site.log());
    println!("the list read again after {:?}", start.elapsed());

    let start = Instant::now();
    site.json(server, "order lift IT-EX-2000").unwrap();
    println!("lifted after {:?}", start.elapsed());
    assert!(!is_in(first) && !is_in(added) && is_in("kickasstorrents.to"));
    hold(&flood.end().unwrap());
    println!("{}", site.json(server, "status").unwrap()["policy"]);
}

/// Whether a name that the resolver does not know is blocked; `None` when nothing answers.
fn is_blocked_or_lost(stage: &Stage, name: &str) -> Option<bool> {
    let words = format!("{name} A +timeout=1");
    let answer = dig(&stage.lab.client, lab::server(false), From::Italy.address(false), &words).unwrap();
    (!answer.status.is_empty()).then(|| answer.status == "NXDOMAIN" && answer.ede.is_some())
}

#[test]
fn files_are_read_again_on_hangup_and_by_themselves() {
    let Some(stage) = stage("files_are_read_again_on_hangup_and_by_themselves", Mode::Driver) else { return };
    let flood = Flood::start(&stage.lab.client, &asked(), Duration::from_millis(2)).unwrap();
    for (round, by_signal) in [true, false, true].into_iter().enumerate() {
        let path = stage.site.put_order("other.toml", &another_order(round as u32)).unwrap();
        if by_signal {
            stage.agent.process.signal(Signal::SIGHUP).unwrap();
        }
        assert!(
            shell::until(Duration::from_secs(5), || is_blocked(&stage, "blocked.example")),
            "round {round}: added"
        );
        std::fs::remove_file(path).unwrap();
        if by_signal {
            stage.agent.process.signal(Signal::SIGHUP).unwrap();
        }
        assert!(
            shell::until(Duration::from_secs(5), || !is_blocked(&stage, "blocked.example")),
            "round {round}: removed"
        );
    }
    hold(&flood.end().unwrap());
}

#[test]
fn a_bad_file_keeps_the_last_good_policy() {
    let Some(stage) = stage("a_bad_file_keeps_the_last_good_policy", Mode::Driver) else { return };
    let flood = Flood::start(&stage.lab.client, &asked(), Duration::from_millis(2)).unwrap();
    for text in ["", "[order]\nid = 7\n", "not toml at all", &MILAN.replace("nxdomain", "explode")] {
        stage.site.put_order("milan.toml", text).unwrap();
        stage.agent.process.signal(Signal::SIGHUP).unwrap();
        std::thread::sleep(Duration::from_millis(700));
    }
    std::fs::write(stage.site.regions(), "prefix,region\n192.0.2.0/24\n").unwrap();
    stage.agent.process.signal(Signal::SIGHUP).unwrap();
    std::thread::sleep(Duration::from_millis(700));
    hold(&flood.end().unwrap());
    let status = stage.site.interdict(&stage.lab.server, "--json status").unwrap();
    let status: serde_json::Value = serde_json::from_str(&status.out).unwrap();
    let problems = status["problems"].to_string();
    assert!(problems.contains("milan.toml:8") && problems.contains("regions.csv:2"), "{problems}");
}
