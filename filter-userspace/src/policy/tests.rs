use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use filter_common::abi::{ACTION_FIRST, HashKey, KEY_ROWS, KIND_ANSWER, KIND_DROP, KIND_PASSTHRU, Settings};
use filter_common::{Verdict, host};
use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::list::List;
use crate::names::{Coverage, Name};
use crate::order::{Format, Order};
use crate::region::RegionTable;

const REGIONS: &str = "192.0.2.0/26,IT\n192.0.2.64/26,DE\n192.0.2.128/26,US-CA\n2001:db8::/32,IT\n";

fn key(seed: u64) -> HashKey {
    let mut state = seed;
    let mut rows = [[0u64; 8]; KEY_ROWS];
    for number in rows.iter_mut().flatten() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *number = state ^ state >> 29;
    }
    HashKey { rows }
}

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

fn order(id: &str, lines: &str) -> OrderInput {
    let text = format!("[order]\nid = \"{id}\"\ntype = \"internal\"\n{lines}\n");
    let order = Order::parse(&text, &format!("{id}.toml"), Format::Toml).expect("an order");
    OrderInput { order: Arc::new(order), lists: Vec::new() }
}

/// An order that blocks names with their default coverage.
fn blocking(id: &str, lines: &str, names: &[&str]) -> OrderInput {
    let names: String = names.iter().map(|name| format!("[[names]]\nname = \"{name}\"\n")).collect();
    order(id, &format!("{lines}\n{names}"))
}

fn input(orders: Vec<OrderInput>) -> PolicyInput {
    PolicyInput {
        orders,
        regions: Arc::new(RegionTable::parse(REGIONS, "regions.csv").expect("a table")),
        client_prefixes: Vec::new(),
        forwarders: Vec::new(),
        protected_names: Vec::new(),
        mode: Mode::Enforce,
        soa: Soa::default(),
        now: "2026-11-25T12:00:00Z".parse().expect("a time"),
    }
}

fn compile(orders: Vec<OrderInput>) -> (Snapshot, Vec<Fault>) {
    Compiler::new(key(1)).compile(&input(orders)).expect("a snapshot")
}

/// `order:action` of the deciding rule, or the reason for passing.
fn decided(snapshot: &Snapshot, query: &str, client: &str, qtype: u16) -> String {
    let client = match client.parse() {
        Ok(address) => Client::Address(address),
        Err(_) => Client::Region(client.to_owned()),
    };
    let told = explain(snapshot, &name(query), &client, qtype, &Settings::DEFAULT).expect("an explanation");
    match &told.matched {
        Some(matched) => format!("{}:{}", matched.rule.order.id, matched.action.kind.label()),
        None => told.reason().unwrap_or("?").to_owned(),
    }
}

fn credited(snapshot: &Snapshot, query: &str, region: &str) -> Vec<String> {
    let client = Client::Region(region.to_owned());
    let told = explain(snapshot, &name(query), &client, 1, &Settings::DEFAULT).expect("an explanation");
    let matched = told.matched.expect("a match");
    let hit = snapshot.hits.get(matched.hits).expect("a hit");
    assert_eq!(hit.orders, matched.orders);
    assert_eq!(&*hit.region, region);
    hit.orders.iter().map(|id| id.to_string()).collect()
}

#[test]
fn the_milan_order_is_for_italy() {
    let text = include_str!("../../tests/fixtures/orders/milan.toml");
    let milan = Order::parse(text, "milan.toml", Format::Toml).expect("an order");
    let (snapshot, faults) = compile(vec![OrderInput { order: Arc::new(milan), lists: vec![] }]);
    assert_eq!(faults, []);
    for (query, client, expected) in [
        ("kickasstorrents.to", "192.0.2.1", "IT-MI-2022-0001:nxdomain"),
        ("www.kickasstorrents.to", "2001:db8::9", "IT-MI-2022-0001:nxdomain"),
        ("kickasstorrents.to", "192.0.2.65", "other-region"),
        ("kickasstorrents.to", "203.0.113.1", "other-region"),
        ("kickasstorrents.to", "DE", "other-region"),
        ("kickasstorrents.to", "unknown", "other-region"),
        ("to", "IT", "not-listed"),
        ("notkickasstorrents.to", "IT", "not-listed"),
        ("www.kickass-mirror.example", "IT", "IT-MI-2022-0001:nxdomain"),
    ] {
        assert_eq!(decided(&snapshot, query, client, 1), expected, "{query} from {client}");
    }
    assert_eq!((snapshot.listed, snapshot.names.len()), (2, 4));
    let told = explain(
        &snapshot,
        &name("a.kickass-mirror.example"),
        &Client::Region("IT".into()),
        28,
        &Settings::DEFAULT,
    );
    let told = told.expect("an explanation");
    assert!(matches!(told.verdict, Verdict::Answer(action) if action >= ACTION_FIRST));
    assert_eq!((told.label(), told.rcode, told.reason()), ("answer", Some(3), None));
    let rule = &told.matched.as_ref().expect("a match").rule;
    assert_eq!(
        (rule.name.to_string().as_str(), rule.line, rule.coverage),
        ("kickass-mirror.example", 26, Coverage::Suffix)
    );
    assert_eq!(rule.since, Some("2022-07-17T22:00:00Z".parse::<Timestamp>().expect("a time")));
    assert_eq!(rule.added, Some("2022-09-02".parse().expect("a date")));
}

#[test]
fn coverage_exceptions_and_regions() {
    let below = order("B", "[[names]]\nname = \"below.example\"\nmatch = \"below\"");
    let exact = order("E", "[[names]]\nname = \"exact.example\"\nmatch = \"exact\"");
    let suffix = blocking("S", "scope = { regions = [\"IT\"] }", &["s.example"]);
    let pass = blocking("P", "action = { kind = \"passthru\" }", &["ok.s.example"]);
    let german =
        blocking("G", "scope = { regions = [\"DE\"] }\naction = { kind = \"refused\" }", &["de.s.example"]);
    let (snapshot, _) = compile(vec![below, exact, suffix, pass, german]);
    for (query, region, expected) in [
        ("below.example", "IT", "other-region"),
        ("x.below.example", "IT", "B:nxdomain"),
        ("exact.example", "IT", "E:nxdomain"),
        ("x.exact.example", "IT", "other-region"),
        ("s.example", "IT", "S:nxdomain"),
        ("ok.s.example", "IT", "P:passthru"),
        ("x.ok.s.example", "IT", "P:passthru"),
        ("ok.s.example", "DE", "P:passthru"),
        // a rule for another region never shadows one that applies
        ("x.de.s.example", "IT", "S:nxdomain"),
        ("x.de.s.example", "DE", "G:refused"),
        ("s.example", "DE", "other-region"),
    ] {
        assert_eq!(decided(&snapshot, query, region, 1), expected, "{query} in {region}");
    }
}

#[test]
fn precedence_at_one_name() {
    let plain = |id: &str, lines: &str| blocking(id, lines, &["x.example"]);
    let refused = "action = { kind = \"refused\" }";
    let older = plain("Z-older", "received = \"2020-01-01\"");
    let newer = plain("A-newer", &format!("received = \"2021-01-01\"\n{refused}"));
    let undated = plain("A-undated", refused);
    let (snapshot, _) = compile(vec![undated.clone(), newer.clone(), older.clone()]);
    assert_eq!(decided(&snapshot, "x.example", "IT", 1), "Z-older:nxdomain");
    assert_eq!(credited(&snapshot, "x.example", "IT"), ["A-newer", "A-undated", "Z-older"]);

    let urgent = plain("M-urgent", &format!("priority = 1\n{refused}"));
    let (snapshot, _) = compile(vec![older.clone(), urgent.clone()]);
    assert_eq!(decided(&snapshot, "x.example", "IT", 1), "M-urgent:refused");

    let exception = plain("X-pass", "priority = -5\naction = { kind = \"passthru\" }");
    let (snapshot, _) = compile(vec![older, urgent, exception]);
    assert_eq!(decided(&snapshot, "x.example", "IT", 1), "X-pass:passthru");

    let (snapshot, _) = compile(vec![undated, plain("A-another", refused)]);
    assert_eq!(decided(&snapshot, "x.example", "IT", 1), "A-another:refused");
}

#[test]
fn every_order_that_covers_is_credited() {
    let upper = blocking("1", "", &["a.example"]);
    let deep = blocking("2", "scope = { regions = [\"IT\"] }", &["x.a.example"]);
    let exact = order("3", "match = \"exact\"\n[[names]]\nname = \"a.example\"");
    let (snapshot, _) = compile(vec![upper, deep, exact]);
    assert_eq!(credited(&snapshot, "x.a.example", "IT"), ["1", "2"]);
    assert_eq!(credited(&snapshot, "y.x.a.example", "IT"), ["1", "2"]);
    assert_eq!(credited(&snapshot, "y.x.a.example", "DE"), ["1"]);
    assert_eq!(credited(&snapshot, "a.example", "IT"), ["1", "3"]);
    assert_eq!(credited(&snapshot, "b.a.example", "IT"), ["1"]);
}

#[test]
fn types_have_classes_of_their_own() {
    let stop = blocking("S", "action = { kind = \"address\", a = \"192.0.2.80\" }", &["s.example"]);
    let only = blocking("T", "action = { kind = \"nodata\", types = [\"HTTPS\"] }", &["t.example"]);
    let (snapshot, _) = compile(vec![stop, only]);
    assert_eq!(snapshot.types, [1, 28, 65]);
    assert_eq!(snapshot.types_count(), 4);
    for (query, qtype, expected) in [
        ("s.example", 1, "S:address"),
        ("s.example", 28, "S:address"),
        ("s.example", 16, "S:address"),
        ("t.example", 65, "T:nodata"),
        ("t.example", 1, "other-region"),
        ("t.example", 16, "other-region"),
    ] {
        assert_eq!(decided(&snapshot, query, "IT", qtype), expected, "{query} {qtype}");
    }
    let record = |qtype| {
        let told =
            explain(&snapshot, &name("s.example"), &Client::Region("IT".into()), qtype, &Settings::DEFAULT);
        match told.expect("an explanation").verdict {
            Verdict::Answer(action) => snapshot.actions[action as usize].record,
            verdict => panic!("{verdict:?}"),
        }
    };
    assert_eq!((record(1), record(28), record(16)), (16, 34, 34));
    let many: Vec<OrderInput> = (100..109)
        .map(|qtype| {
            blocking(
                &format!("O{qtype}"),
                &format!("action = {{ kind = \"nodata\", types = [{qtype}] }}"),
                &["x.example"],
            )
        })
        .collect();
    assert_eq!(Compiler::new(key(1)).compile(&input(many)).map(|_| ()), Err(CompileError::Types(9)));
}

#[test]
fn prefixes_of_an_order_are_folded_into_regions() {
    let scope = "scope = { regions = [\"DE\"], prefixes = [\"192.0.2.32/27\", \"198.51.100.0/24\"], unknown = \"allow\" }";
    let (snapshot, _) = compile(vec![blocking("X", scope, &["x.example"])]);
    for (client, expected) in [
        ("192.0.2.1", "other-region"),
        ("192.0.2.33", "X:nxdomain"),
        ("192.0.2.65", "X:nxdomain"),
        ("198.51.100.1", "X:nxdomain"),
        ("203.0.113.1", "other-region"),
        ("IT", "other-region"),
    ] {
        assert_eq!(decided(&snapshot, "x.example", client, 1), expected, "{client}");
    }
    let hit = snapshot.hits.iter().map(|(_, hit)| hit.region.to_string()).collect::<BTreeSet<_>>();
    assert_eq!(hit, BTreeSet::from(["IT".into(), "DE".into(), "unknown".into()]));
}

#[test]
fn clients_outside_the_prefixes_are_not_answered() {
    let mut policy = input(vec![blocking("X", "", &["x.example"])]);
    policy.client_prefixes = vec!["192.0.2.0/27".parse().expect("a prefix")];
    let (snapshot, _) = Compiler::new(key(1)).compile(&policy).expect("a snapshot");
    let told = |client: &str| {
        let client = Client::Address(client.parse().expect("an address"));
        explain(&snapshot, &name("x.example"), &client, 1, &Settings::DEFAULT).expect("an explanation")
    };
    assert_eq!(told("192.0.2.1").label(), "answer");
    assert_eq!(told("192.0.2.40").reason(), Some("not-client"));
    assert_eq!(told("192.0.2.40").matched.map(|matched| matched.hits), Some(0));
    assert_eq!(told("203.0.113.1").reason(), Some("not-client"));
}

#[test]
fn the_root_can_be_held_when_the_order_means_it() {
    let root =
        order("R", "allow-public-suffix = true\nscope = { regions = [\"DE\"] }\n[[names]]\nname = \".\"");
    let (snapshot, faults) = compile(vec![root, blocking("X", "", &["x.example"])]);
    assert_eq!(faults, []);
    assert_ne!(snapshot.root, 0);
    assert_eq!(decided(&snapshot, "anything.example", "DE", 1), "R:nxdomain");
    assert_eq!(decided(&snapshot, ".", "DE", 1), "R:nxdomain");
    assert_eq!(decided(&snapshot, "anything.example", "IT", 1), "other-region");
    assert_eq!(decided(&snapshot, "x.example", "DE", 1), "X:nxdomain");
    assert_eq!(credited(&snapshot, "x.example", "DE"), ["R", "X"]);
}

#[test]
fn refused_names_are_reported_and_stop_nothing() {
    let list = List::plain(include_bytes!("../../tests/fixtures/lists/plain.txt"));
    let mut listed = order(
        "L",
        "lists = [\"plain.txt\", \"missing.txt\"]\nscope = { regions = [\"FR\"], unknown = \"block\" }",
    );
    listed.lists = vec![
        ListInput { path: "plain.txt".into(), list: Some(Arc::new(list)) },
        ListInput { path: "missing.txt".into(), list: None },
    ];
    let mut policy =
        input(vec![listed, blocking("X", "", &["google.com", "www.google.com", "mail.google.com"])]);
    policy.protected_names = vec![name("www.google.com")];
    let (snapshot, faults) = Compiler::new(key(1)).compile(&policy).expect("a snapshot");
    let found: Vec<(String, u32, &str)> =
        faults.iter().map(|fault| (fault.path.to_string(), fault.line, fault.reason.label())).collect();
    let expected: Vec<(String, u32, &str)> = [
        ("missing.txt", 0, "no-list"),
        ("L.toml", 0, "region"),
        ("plain.txt", 8, "single-label"),
        ("plain.txt", 9, "public-suffix"),
        ("plain.txt", 10, "line"),
        ("plain.txt", 13, "line"),
        ("X.toml", 6, "protected"),
        ("X.toml", 8, "protected"),
    ]
    .map(|(path, line, label)| (path.to_owned(), line, label))
    .to_vec();
    let mut sorted = found.clone();
    sorted.sort();
    let mut wanted = expected.clone();
    wanted.sort();
    assert_eq!(sorted, wanted);
    assert_eq!(snapshot.listed, 6);
    assert_eq!(decided(&snapshot, "x.mail.google.com", "IT", 1), "X:nxdomain");
    assert_eq!(decided(&snapshot, "google.com", "IT", 1), "not-listed");
    assert_eq!(decided(&snapshot, "ilcorsaronero.pro", "unknown", 1), "other-region");
    assert_eq!(decided(&snapshot, "www.ilcorsaronero.pro", "unknown", 1), "L:nxdomain");
    assert_eq!(decided(&snapshot, "localhost", "unknown", 1), "not-listed");
}

#[test]
fn what_an_order_means_is_not_refused() {
    let meant = "[[names]]\nname = \"co.uk\"\nallow-public-suffix = true\n[[names]]\nname = \"google.com\"\nallow-protected = true";
    let mut policy = input(vec![order("X", meant)]);
    policy.protected_names = vec![name("google.com")];
    let (snapshot, faults) = Compiler::new(key(1)).compile(&policy).expect("a snapshot");
    assert_eq!((faults, snapshot.listed), (vec![], 2));
    let exception = blocking("P", "action = { kind = \"passthru\" }", &["google.com", "to"]);
    policy.orders = vec![exception];
    let (snapshot, faults) = Compiler::new(key(1)).compile(&policy).expect("a snapshot");
    assert_eq!((faults, snapshot.listed), (vec![], 2));
}

#[test]
fn confidential_faults_show_no_name() {
    let mut policy = input(vec![blocking("X", "confidential = true", &["google.com", "co.uk"])]);
    policy.protected_names = vec![name("www.google.com")];
    let (_, faults) = Compiler::new(key(1)).compile(&policy).expect("a snapshot");
    assert_eq!(faults.len(), 2);
    for fault in faults {
        assert!(!fault.to_string().contains("google") && !fault.to_string().contains("co.uk"), "{fault}");
    }
}

#[test]
fn two_orders_with_one_id_are_an_error() {
    let (first, mut second) = (blocking("X", "", &["a.example"]), blocking("X", "", &["b.example"]));
    Arc::make_mut(&mut second.order).path = "copy.toml".into();
    let error = Compiler::new(key(1)).compile(&input(vec![first, second])).expect_err("one id");
    assert_eq!(
        error.to_string(),
        "copy.toml: order X is in X.toml too; expected one order an id; rename or remove one"
    );
}

#[test]
fn two_names_of_one_key_are_an_error() {
    // a key of zeros tells nothing apart
    let zeros = HashKey { rows: [[0; 8]; KEY_ROWS] };
    let allowed = "allow-public-suffix = true";
    for names in [&["a.example"][..], &["a", "b.c"][..], &["a", "b"][..]] {
        let mut compiler = Compiler::new(zeros);
        let policy = input(vec![blocking("X", allowed, names)]);
        let outcome = compiler.compile(&policy).map(|_| ());
        // "a" and "b" cannot be told apart at all: 96 bits agree
        let expected = if names == ["a", "b"] { Ok(()) } else { Err(CompileError::Collision) };
        assert_eq!(outcome, expected, "{names:?}");
        let other = input(vec![blocking("Y", allowed, &["c"])]);
        assert_eq!(compiler.compile(&other).map(|(snapshot, _)| snapshot.listed), Ok(1));
        assert!(compiler.with_key(key(2)).compile(&policy).is_ok());
    }
}

#[test]
fn one_name_more_is_one_change() {
    let names: Vec<String> = (0..1000).map(|number| format!("n{number}.example")).collect();
    let list = Arc::new(List::plain(names.join("\n").as_bytes()));
    let listed = |lines: &str| {
        let mut order = order("L", lines);
        order.lists = vec![ListInput { path: "l.txt".into(), list: Some(Arc::clone(&list)) }];
        order
    };
    let mut compiler = Compiler::new(key(1));
    let first = compiler.compile(&input(vec![listed("")])).expect("a snapshot").0;
    assert_eq!((first.listed, first.names.len(), first.names.base().len()), (1000, 1001, 1001));
    assert!(first.names.changes().is_empty());

    let more = "[[names]]\nname = \"new.test.invalid\"";
    let second = compiler.compile(&input(vec![listed(more)])).expect("a snapshot").0;
    assert!(Arc::ptr_eq(first.names.base(), second.names.base()));
    assert_eq!((second.names.changes().len(), second.listed), (3, 1001));
    assert!(Arc::ptr_eq(&first.prefixes_v4, &second.prefixes_v4));
    assert_eq!(decided(&second, "new.test.invalid", "IT", 1), "L:nxdomain");
    assert_eq!(decided(&second, "n999.example", "IT", 1), "L:nxdomain");

    let third = compiler.compile(&input(vec![listed("")])).expect("a snapshot").0;
    assert!(third.names.changes().is_empty(), "what came and went is no change");
    assert_eq!(decided(&third, "new.test.invalid", "IT", 1), "not-listed");

    let shorter = Arc::new(List::plain(names[1..].join("\n").as_bytes()));
    let mut order = order("L", "");
    order.lists = vec![ListInput { path: "l.txt".into(), list: Some(shorter) }];
    let fourth = compiler.compile(&input(vec![order])).expect("a snapshot").0;
    let lifted = name("n0.example").hash(first.hash_key());
    assert_eq!(
        fourth.names.changes().iter().collect::<Vec<_>>(),
        [(&lifted.key(), &u64::from(lifted.check()))]
    );
    assert_eq!(decided(&fourth, "n0.example", "IT", 1), "not-listed");
    assert_eq!(fourth.names.len(), 1000);

    let fifth = compiler.rebase_above(0).compile(&input(vec![listed("")])).expect("a snapshot").0;
    assert!(fifth.names.changes().is_empty() && !Arc::ptr_eq(first.names.base(), fifth.names.base()));
}

#[test]
fn a_name_whose_last_name_below_goes_says_so() {
    let mut compiler = Compiler::new(key(1));
    let (first, second) = (["p.example", "c.p.example", "q.example"], ["p.example", "q.example"]);
    compiler.compile(&input(vec![blocking("X", "", &first)])).expect("a snapshot");
    let snapshot = compiler.compile(&input(vec![blocking("X", "", &second)])).expect("a snapshot").0;
    assert_eq!(snapshot.names.changes().len(), 1, "the name that went; the sieve may say that there is one");
    assert_eq!(meaning(&snapshot), meaning(&compile(vec![blocking("X", "", &second)]).0));
}

#[test]
fn sets_out_of_use_are_used_again() {
    let mut compiler = Compiler::new(key(1));
    let mut size = 0;
    for round in 0..50 {
        // each round holds the names by other orders
        let orders =
            (round..round + 3).map(|id| blocking(&format!("O{id}"), "", &["a.example", "x.a.example"]));
        let snapshot = compiler.compile(&input(orders.collect())).expect("a snapshot").0;
        size = size.max(snapshot.decisions.len());
    }
    let stride = 2 * 4;
    assert!(size <= 16 * stride, "{size} cells for two names");
}

#[test]
fn regions_and_clients_may_change_under_the_same_orders() {
    let mut compiler = Compiler::new(key(1));
    let mut policy = input(vec![blocking("X", "scope = { regions = [\"IT\"] }", &["x.example"])]);
    let mut told = |policy: &PolicyInput| {
        let snapshot = compiler.compile(policy).expect("a snapshot").0;
        decided(&snapshot, "x.example", "198.51.100.1", 1)
    };
    assert_eq!(told(&policy), "other-region");
    policy.regions = Arc::new(RegionTable::parse("198.51.100.0/24,IT\n", "regions.csv").expect("a table"));
    assert_eq!(told(&policy), "X:nxdomain");
    policy.regions =
        Arc::new(RegionTable::parse("198.51.100.0/24,DE\n192.0.2.0/24,IT\n", "r").expect("a table"));
    assert_eq!(told(&policy), "other-region");
    policy.forwarders = vec!["198.51.100.1/32".parse().expect("a prefix")];
    assert_eq!(told(&policy), "other-region");
}

#[test]
fn answers_are_the_octets_of_the_wire_vectors() {
    let query = "123401000001000000000001037777770f6b69636b617373746f7272656e747302746f000001000100002904d0000000000000";
    let nxdomain = "123481830001000000010001037777770f6b69636b617373746f7272656e747302746f0000010001c010000600010000003c\
                    001600000000000100000e1000000258000151800000003c00002904d000000000001c000f00180010436f757274206f7264\
                    65722049542d45582d30303031";
    let refused = "123481850001000000000001037777770f6b69636b617373746f7272656e747302746f000001000100002904d0000000000\
                   01c000f00180010436f757274206f726465722049542d45582d30303031";
    for (kind, expected) in [("nxdomain", nxdomain), ("refused", refused)] {
        let action = format!("action = {{ kind = \"{kind}\", ede = 16, text = \"Court order IT-EX-0001\" }}");
        let (snapshot, _) = compile(vec![blocking("IT-EX-0001", &action, &["kickasstorrents.to"])]);
        let octets: Vec<u8> = (0..query.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&query[at..at + 2], 16).expect("hex"))
            .collect();
        let builder =
            etherparse::PacketBuilder::ethernet2([2; 6], [4; 6]).ipv4([192, 0, 2, 1], [192, 0, 2, 53], 64);
        let mut frame = Vec::new();
        builder.udp(4000, 53).write(&mut frame, &octets).expect("a frame");
        let policy = HostPolicy::new(&snapshot);
        let run = host::run(&frame, &policy, &snapshot.actions, &Settings::DEFAULT, host::Room::Tail);
        let answer: String = run.octets[42..].iter().map(|octet| format!("{octet:02x}")).collect();
        assert_eq!(answer, expected, "{kind}");
    }
}

#[test]
fn hit_slots_keep_their_meaning() {
    let mut compiler = Compiler::new(key(1));
    let first = compiler.compile(&input(vec![blocking("X", "", &["x.example"])])).expect("a snapshot").0;
    let before: Vec<Hit> = first.hits.iter().map(|(_, hit)| hit.clone()).collect();
    let both = vec![blocking("A", "", &["a.example"]), blocking("X", "", &["y.example"])];
    let second = compiler.compile(&input(both)).expect("a snapshot").0;
    for (slot, hit) in (1..).zip(&before) {
        assert_eq!(second.hits.get(slot), Some(hit));
    }
    let third = compiler.with_key(key(9)).compile(&input(vec![])).expect("a snapshot").0;
    assert_eq!(third.hits.len(), second.hits.len());
    assert_eq!(second.hits.get(0), None);
}

#[test]
fn orders_not_in_force_are_left_out() {
    let mut policy = input(vec![
        blocking("S", "status = \"suspended\"", &["s.example"]),
        blocking("F", "effective-from = \"2026-11-25T12:00:01Z\"", &["f.example"]),
    ]);
    let mut compiler = Compiler::new(key(1));
    assert_eq!(compiler.compile(&policy).expect("a snapshot").0.listed, 0);
    policy.now = "2026-11-25T12:00:01Z".parse().expect("a time");
    let snapshot = compiler.compile(&policy).expect("a snapshot").0;
    assert_eq!(decided(&snapshot, "f.example", "IT", 1), "F:nxdomain");
    assert_eq!(decided(&snapshot, "s.example", "IT", 1), "not-listed");
}

#[test]
fn observe_mode_says_what_would_be() {
    let mut policy = input(vec![blocking("X", "", &["x.example"])]);
    policy.mode = Mode::Observe;
    let (snapshot, _) = Compiler::new(key(1)).compile(&policy).expect("a snapshot");
    let told = explain(&snapshot, &name("x.example"), &Client::Region("IT".into()), 1, &Settings::DEFAULT);
    let told = told.expect("an explanation");
    assert_eq!((told.label(), told.reason()), ("pass", Some("would-answer")));
    assert_eq!(
        snapshot.hits.get(told.matched.expect("a match").hits).map(|hit| hit.mode),
        Some(Mode::Observe)
    );
    let nowhere = explain(&snapshot, &name("x.example"), &Client::Region("FR".into()), 1, &Settings::DEFAULT);
    assert!(
        nowhere
            .expect_err("a region")
            .to_string()
            .starts_with("no prefix has the region FR; expected one of DE, IT")
    );
}

/// A random policy, decided by the definition.
#[derive(Clone, Debug)]
struct Model {
    orders: Vec<ModelOrder>,
}

#[derive(Clone, Debug)]
struct ModelOrder {
    id: usize,
    priority: i32,
    day: u8,
    scope: u8,
    kind: u8,
    only_https: bool,
    suspended: bool,
    names: Vec<(String, u8)>,
    listed: Vec<(String, u8)>,
}

const KINDS: [&str; 5] = ["nxdomain", "nodata", "refused", "drop", "passthru"];
const SCOPES: [&str; 5] = [
    "scope = \"global\"",
    "scope = { regions = [\"IT\"] }",
    "scope = { regions = [\"DE\", \"US\"] }",
    "scope = { regions = [\"IT\"], unknown = \"block\" }",
    "scope = { regions = [\"DE\"], prefixes = [\"192.0.2.32/27\"] }",
];
/// Clients with the regions and prefixes that the scopes above tell apart.
const CLIENTS: [(&str, [bool; 5]); 5] = [
    ("192.0.2.1", [true, true, false, true, false]),
    ("192.0.2.33", [true, true, false, true, true]),
    ("192.0.2.65", [true, false, true, false, true]),
    ("192.0.2.129", [true, false, true, false, false]),
    ("203.0.113.1", [true, false, false, true, false]),
];

impl ModelOrder {
    fn input(&self) -> OrderInput {
        let https = if self.only_https { ", types = [\"HTTPS\"]" } else { "" };
        let mut lines = format!(
            "priority = {}\nreceived = \"2020-01-{:02}\"\n{}\naction = {{ kind = \"{}\"{https} }}\n",
            self.priority,
            self.day + 1,
            SCOPES[usize::from(self.scope)],
            KINDS[usize::from(self.kind)]
        );
        if self.suspended {
            lines.push_str("status = \"suspended\"\n");
        }
        for (name, cover) in &self.names {
            let word = ["exact", "suffix", "below"][usize::from(*cover)];
            lines.push_str(&format!("[[names]]\nname = \"{name}\"\nmatch = \"{word}\"\n"));
        }
        let mut made = order(&format!("O{}", self.id), &lines);
        let listed: String = self
            .listed
            .iter()
            .map(|(name, cover)| format!("{}{name}\n", ["", ".", "*."][usize::from(*cover)]))
            .collect();
        let list = Arc::new(List::plain(listed.as_bytes()));
        made.lists = vec![ListInput { path: "l.txt".into(), list: Some(list) }];
        made
    }

    /// Every rule: name, at, below. A plain line of a list is the order's default, suffix.
    fn rules(&self) -> impl Iterator<Item = (&str, bool, bool)> {
        let own = self.names.iter().map(|(name, cover)| (name.as_str(), *cover != 2, *cover != 0));
        own.chain(self.listed.iter().map(|(name, cover)| (name.as_str(), *cover != 2, true)))
    }
}

impl Model {
    /// `order:action` and the credited orders, by the definition.
    fn decide(&self, query: &str, client: usize, qtype: u16) -> Option<(String, Vec<String>)> {
        let applying: Vec<&ModelOrder> = self
            .orders
            .iter()
            .filter(|order| !order.suspended && CLIENTS[client].1[usize::from(order.scope)])
            .filter(|order| !order.only_https || qtype == 65)
            .collect();
        let covers = |order: &ModelOrder, at: &str| {
            order
                .rules()
                .any(|(name, is_at, is_below)| name == at && if name == query { is_at } else { is_below })
        };
        let mut suffix = query;
        let winner = loop {
            let here = applying.iter().filter(|order| covers(order, suffix));
            // an internal passthru first, then priority, then date, then id
            if let Some(best) = here.min_by_key(|o| (o.kind != 4, -o.priority, o.day, format!("O{}", o.id))) {
                break best;
            }
            suffix = suffix.split_once('.')?.1;
        };
        let credited = applying.iter().filter(|order| {
            let mut up = Some(query);
            std::iter::from_fn(|| {
                let now = up?;
                up = now.split_once('.').map(|(_, rest)| rest);
                Some(now)
            })
            .any(|at| covers(order, at))
        });
        let mut ids: Vec<String> = credited.map(|order| format!("O{}", order.id)).collect();
        ids.sort();
        Some((format!("O{}:{}", winner.id, KINDS[usize::from(winner.kind)]), ids))
    }
}

fn names_of_model() -> impl Strategy<Value = Vec<(String, u8)>> {
    proptest::collection::vec(("([ab]\\.){0,3}[ab]\\.x\\.test", 0u8..3), 0..5)
}

fn model() -> impl Strategy<Value = Model> {
    let order = (-1i32..2, 0u8..3, 0u8..5, 0u8..5, prop::bool::weighted(0.2), prop::bool::weighted(0.15));
    let order = (order, names_of_model(), names_of_model());
    proptest::collection::vec(order, 0..5).prop_map(|orders| {
        let orders = orders.into_iter().enumerate().map(|(id, (terms, names, listed))| {
            let (priority, day, scope, kind, only_https, suspended) = terms;
            ModelOrder { id, priority, day, scope, kind, only_https, suspended, names, listed }
        });
        Model { orders: orders.collect() }
    })
}

/// What the program does at a name: its check bits, whether something is below, and each cell's kind, RCODE and hit.
type Meaning = (u32, Vec<(u16, u16, Option<Hit>)>);

/// Every name that the tests of meaning list, and those above them.
fn all_names() -> Vec<String> {
    let mut names: Vec<String> =
        ["test", "x.test", "example", "p.example", "c.p.example", "q.example"].map(str::to_owned).into();
    let mut depth = vec!["x.test".to_owned()];
    for _ in 0..4 {
        depth = depth.iter().flat_map(|name| [format!("a.{name}"), format!("b.{name}")]).collect();
        names.extend(depth.iter().cloned());
    }
    names
}

/// What a snapshot does at these names, whatever its numbers are.
fn meaning_at(snapshot: &Snapshot, names: impl Iterator<Item = String>) -> BTreeMap<String, Meaning> {
    let stride = 2 * snapshot.regions_count as usize * snapshot.types_count() as usize;
    let live = names.filter_map(|text| {
        let hash = name(&text).hash(snapshot.hash_key());
        let value = snapshot.names.get(hash.key(), hash.check()).filter(|value| value >> 33 != 0)?;
        Some((text, value))
    });
    live.map(|(text, value)| {
        let set = (value >> 33) as usize;
        let cells = &snapshot.decisions[set * stride..(set + 1) * stride];
        let cells = cells.iter().map(|cell| {
            let action = &snapshot.actions[cell.action as usize];
            (action.kind, action.rcode, snapshot.hits.get(cell.hits).cloned())
        });
        (text, (value as u32, cells.collect()))
    })
    .collect()
}

fn meaning(snapshot: &Snapshot) -> BTreeMap<String, Meaning> {
    meaning_at(snapshot, all_names().into_iter())
}

/// Long lists are worked on in batches by several threads.
#[test]
fn long_lists_come_change_and_go_as_short_ones_do() {
    let count = 5_000;
    let made = |lines: &mut dyn Iterator<Item = String>, lifted: bool| {
        let mut made = order("L", if lifted { "status = \"lifted\"" } else { "" });
        let text = lines.collect::<Vec<_>>().join("\n");
        let list = Some(Arc::new(List::plain(text.as_bytes())));
        made.lists = vec![ListInput { path: "l.txt".into(), list }];
        input(vec![made, blocking("K", "", &["n7.example", "kept.test"])])
    };
    let all = || (0..count).map(|n| format!("n{n}.example"));
    let first = all().chain(["co.uk".into(), ".n5.example".into(), "*.n5.example".into()]);
    // two thirds go, some cover something else, some are new, some are listed twice, and two are refused
    let second =
        all().enumerate().filter(|(number, _)| number % 3 == 0).map(|(number, name)| match number % 9 {
            0 => format!("*.{name}"),
            3 if number % 2 == 0 => format!("new.{name}"),
            _ => name,
        });
    let twice = ["to", "github.io", "n6.example", "*.n9.example", "n9.example"].map(str::to_owned);
    let steps = [
        made(&mut first.clone(), false),
        made(&mut twice.iter().cloned().chain(second), false),
        made(&mut std::iter::empty(), false),
        made(&mut first.clone(), false),
        made(&mut first.clone(), true),
    ];
    let names =
        || all().flat_map(|name| [format!("new.{name}"), name]).chain(["kept.test".into(), "example".into()]);
    for rebase_above in [usize::MAX, 1000] {
        let mut compiler = Compiler::new(key(3)).rebase_above(rebase_above);
        for policy in &steps {
            let (snapshot, faults) = compiler.compile(policy).expect("a snapshot");
            let (anew, expected) = Compiler::new(key(3)).compile(policy).expect("a snapshot");
            assert_eq!(faults, expected);
            assert_eq!((snapshot.listed, snapshot.names.len()), (anew.listed, anew.names.len()));
            assert!(meaning_at(&snapshot, names()) == meaning_at(&anew, names()));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn compiled_policies_decide_by_the_definition(models in proptest::collection::vec(model(), 1..4)) {
        let mut compiler = Compiler::new(key(5));
        for model in &models {
            let orders: Vec<OrderInput> = model.orders.iter().map(ModelOrder::input).collect();
            let (snapshot, faults) = compiler.compile(&input(orders.clone())).expect("a snapshot");
            prop_assert!(faults.is_empty(), "{:?}", faults);
            for query in ["a.x.test", "b.x.test", "a.b.x.test", "b.a.x.test", "c.a.b.x.test", "a.a.a.x.test", "x.test"] {
                for (client, (address, _)) in CLIENTS.iter().enumerate() {
                    for qtype in [1, 65] {
                        let asked = Client::Address(address.parse().expect("an address"));
                        let told = explain(&snapshot, &name(query), &asked, qtype, &Settings::DEFAULT).expect("told");
                        let found = told.matched.as_ref().map(|matched| {
                            let hit = snapshot.hits.get(matched.hits).expect("a hit");
                            assert_eq!(hit.orders, matched.orders);
                            let ids = hit.orders.iter().map(|id| id.to_string()).collect::<Vec<_>>();
                            (format!("{}:{}", matched.rule.order.id, matched.action.kind.label()), ids)
                        });
                        prop_assert_eq!(found, model.decide(query, client, qtype), "{} from {}", query, address);
                        if let (Some(matched), Verdict::Answer(action)) = (&told.matched, told.verdict) {
                            let kind = snapshot.actions[action as usize].kind;
                            prop_assert_eq!(kind, KIND_ANSWER);
                            prop_assert!(!["drop", "passthru"].contains(&matched.action.kind.label()));
                        }
                    }
                }
            }
            let anew = Compiler::new(key(5)).compile(&input(orders)).expect("a snapshot").0;
            prop_assert_eq!(meaning(&snapshot), meaning(&anew));
            prop_assert_eq!((snapshot.listed, snapshot.names.len()), (anew.listed, anew.names.len()));
            prop_assert_eq!(meaning(&snapshot).len(), anew.listed);
        }
    }
}

#[test]
fn kinds_are_what_the_program_knows() {
    assert_eq!([KIND_ANSWER, KIND_DROP, KIND_PASSTHRU], [1, 2, 3]);
}
