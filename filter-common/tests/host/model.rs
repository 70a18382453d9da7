//! Properties: the filter is total, and it decides as a plain model of the rules does.

use crate::table::{CLIENTS, Covers, DROP, NXDOMAIN, PASSTHRU, REFUSED, Rule, Table, frame, labels, query};
use filter_common::abi::Settings;
use filter_common::host::{Room, run};
use filter_common::{PassReason, Verdict};
use proptest::prelude::*;

fn rule(name: &str, covers: Covers, region: u32, action: u32) -> Rule {
    Rule { labels: labels(name), covers, region, action }
}

fn verdict(table: &Table, region: usize, name: &[Vec<u8>]) -> Verdict {
    let frame = frame(CLIENTS[region], &query(name, 1, None));
    run(&frame, table, &table.actions, &Settings::DEFAULT, Room::Tail).verdict
}

/// The rule that the policy contract names: the longest covering name that applies to the client's region.
fn model(rules: &[Rule], region: u32, name: &[Vec<u8>]) -> u32 {
    let name: Vec<Vec<u8>> = name.iter().map(|label| label.to_ascii_lowercase()).collect();
    let covers = |rule: &&Rule| {
        let at_it = rule.labels.len() == name.len();
        let kind = match rule.covers {
            Covers::Exact => at_it,
            Covers::Below => !at_it,
            Covers::Suffix => true,
        };
        rule.region == region && kind && name.ends_with(&rule.labels)
    };
    rules.iter().filter(covers).max_by_key(|rule| rule.labels.len()).map_or(0, |rule| rule.action)
}

fn small_name() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let label =
        prop::sample::select(vec!["a", "b", "to", "example", "0123456", "01234567", "012345678", "a.b"]);
    prop::collection::vec(label.prop_map(|label| label.as_bytes().to_vec()), 1..6)
}

fn any_rule() -> impl Strategy<Value = Rule> {
    let covers = prop::sample::select(vec![Covers::Exact, Covers::Suffix, Covers::Below]);
    let action = prop::sample::select(vec![NXDOMAIN, REFUSED, DROP, PASSTHRU]);
    (small_name(), covers, 0..crate::table::REGIONS, action)
        .prop_map(|(labels, covers, region, action)| Rule { labels, covers, region, action })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, ..ProptestConfig::default() })]

    #[test]
    fn decides_as_the_model(
        mut rules in prop::collection::vec(any_rule(), 1..12),
        name in small_name(),
        region in 0..crate::table::REGIONS,
        seed: u64,
        upper: bool,
    ) {
        // one rule for a name, coverage and region: precedence between orders is settled by the compiler
        rules.sort_by(|a, b| (&a.labels, a.region).cmp(&(&b.labels, b.region)));
        rules.dedup_by(|a, b| a.labels == b.labels && a.region == b.region);
        let table = Table::new(seed, &rules);
        let asked: Vec<Vec<u8>> =
            name.iter().map(|label| if upper { label.to_ascii_uppercase() } else { label.clone() }).collect();
        let expected = match model(&rules, region, &asked) {
            0 => None,
            PASSTHRU => Some(Verdict::Pass(PassReason::Passthru)),
            DROP => Some(Verdict::Drop(filter_common::DropReason::Rule)),
            action => Some(Verdict::Answer(action)),
        };
        let seen = verdict(&table, region as usize, &asked);
        match expected {
            Some(expected) => prop_assert_eq!(seen, expected),
            None => prop_assert!(
                matches!(seen, Verdict::Pass(PassReason::NotListed | PassReason::OtherRegion)),
                "{:?}", seen
            ),
        }
    }

    #[test]
    fn is_total(octets in prop::collection::vec(any::<u8>(), 0..400)) {
        let table = Table::new(1, &[rule("to", Covers::Suffix, 0, NXDOMAIN)]);
        run(&octets, &table, &table.actions, &Settings::DEFAULT, Room::Nowhere);
    }

    #[test]
    fn is_total_on_mutated_queries(changes in prop::collection::vec((0usize..120, any::<u8>()), 0..6), length in 0usize..120) {
        let table = Table::new(1, &[rule("kickasstorrents.to", Covers::Suffix, 1, NXDOMAIN)]);
        let mut octets = frame(CLIENTS[1], &query(&labels("www.kickasstorrents.to"), 1, Some(&[0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8])));
        for (at, octet) in changes {
            if let Some(place) = octets.get_mut(at) {
                *place = octet;
            }
        }
        octets.truncate(octets.len().saturating_sub(length));
        run(&octets, &table, &table.actions, &Settings::DEFAULT, Room::Head);
    }
}

#[test]
fn the_longest_rule_of_the_region_decides() {
    let rules = [
        rule("example", Covers::Suffix, 1, NXDOMAIN),
        rule("ok.example", Covers::Suffix, 1, PASSTHRU),
        rule("deep.ok.example", Covers::Suffix, 2, REFUSED),
    ];
    let table = Table::new(7, &rules);
    assert_eq!(verdict(&table, 1, &labels("example")), Verdict::Answer(NXDOMAIN));
    assert_eq!(verdict(&table, 1, &labels("ok.example")), Verdict::Pass(PassReason::Passthru));
    assert_eq!(verdict(&table, 1, &labels("deep.ok.example")), Verdict::Pass(PassReason::Passthru));
    assert_eq!(verdict(&table, 2, &labels("deep.ok.example")), Verdict::Answer(REFUSED));
    assert_eq!(verdict(&table, 2, &labels("ok.example")), Verdict::Pass(PassReason::OtherRegion));
    assert_eq!(verdict(&table, 0, &labels("example")), Verdict::Pass(PassReason::OtherRegion));
    assert_eq!(verdict(&table, 1, &labels("example.to")), Verdict::Pass(PassReason::NotListed));
}

#[test]
fn the_root_can_be_listed() {
    let table =
        Table::new(7, &[rule("", Covers::Suffix, 1, NXDOMAIN), rule("to", Covers::Suffix, 1, PASSTHRU)]);
    assert_eq!(verdict(&table, 1, &labels("")), Verdict::Answer(NXDOMAIN));
    assert_eq!(verdict(&table, 1, &labels("example.com")), Verdict::Answer(NXDOMAIN));
    assert_eq!(verdict(&table, 1, &labels("example.to")), Verdict::Pass(PassReason::Passthru));
    assert_eq!(verdict(&table, 2, &labels("example.com")), Verdict::Pass(PassReason::OtherRegion));
}

#[test]
fn names_of_every_length_and_depth_are_found() {
    for depth in 1..=34 {
        let name = vec![b"x".to_vec(); depth];
        let table = Table::new(
            3,
            &[Rule { labels: name.clone(), covers: Covers::Suffix, region: 1, action: NXDOMAIN }],
        );
        assert_eq!(verdict(&table, 1, &name), Verdict::Answer(NXDOMAIN), "{depth} labels");
        let below = [vec![b"y".to_vec(); 127 - depth], name.clone()].concat();
        assert_eq!(verdict(&table, 1, &below), Verdict::Answer(NXDOMAIN), "127 labels below {depth}");
        assert_eq!(verdict(&table, 1, &name[1..]), Verdict::Pass(PassReason::NotListed));
    }
    for size in 1..=63 {
        let name = vec![vec![b'z'; size], b"example".to_vec()];
        let table = Table::new(
            3,
            &[Rule { labels: name.clone(), covers: Covers::Exact, region: 1, action: NXDOMAIN }],
        );
        assert_eq!(verdict(&table, 1, &name), Verdict::Answer(NXDOMAIN), "a label of {size}");
    }
    let longest = [vec![vec![b'l'; 63]; 3], vec![vec![b'm'; 61]]].concat();
    let table = Table::new(
        3,
        &[Rule { labels: longest.clone(), covers: Covers::Exact, region: 1, action: NXDOMAIN }],
    );
    assert_eq!(verdict(&table, 1, &longest), Verdict::Answer(NXDOMAIN));
}

#[test]
fn every_truncation_has_a_verdict() {
    let table = Table::new(1, &[rule("kickasstorrents.to", Covers::Suffix, 1, NXDOMAIN)]);
    let whole = frame(CLIENTS[1], &query(&labels("www.kickasstorrents.to"), 1, Some(&[])));
    for length in 0..whole.len() {
        let seen = run(&whole[..length], &table, &table.actions, &Settings::DEFAULT, Room::Tail);
        assert!(matches!(seen.verdict, Verdict::Pass(_)), "{length} octets: {:?}", seen.verdict);
        assert_eq!(seen.octets, whole[..length], "a passed frame is untouched");
    }
}

#[test]
fn a_small_first_buffer_passes_and_a_large_one_hides_nothing() {
    use filter_common::host::{Frame, run_frame};
    let table = Table::new(1, &[rule("kickasstorrents.to", Covers::Suffix, 1, NXDOMAIN)]);
    let mut octets = frame(CLIENTS[1], &query(&labels("www.kickasstorrents.to"), 1, None));
    octets.resize(5000, 0);
    let verdict = |readable: usize| {
        let frame = Frame::in_buffers(&octets, readable);
        run_frame(frame, &table, &table.actions, &Settings::DEFAULT, Room::Tail).verdict
    };
    for readable in 14..80 {
        assert_eq!(verdict(readable), Verdict::Pass(PassReason::MultiBuffer), "{readable} octets");
    }
    for readable in [128, 2048, 4096] {
        assert_eq!(verdict(readable), Verdict::Answer(NXDOMAIN), "{readable} octets");
    }
}
