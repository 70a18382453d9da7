//! Every golden row on the host and in the kernel, and a row for every verdict there is.

use std::collections::{BTreeMap, BTreeSet};

use filter_common::verdict::{ANSWERED, RESET};
use filter_common::{DropReason, PassReason};
use tests::harness::is_privileged;
use tests::hex;
use tests::policy::Compiled;
use tests::run::{Host, Kernel, counter_name};
use tests::scenario::{self, Case, Settings};

/// Verdicts that no frame handed to test-run can bring about, and why.
const UNREACHABLE: [(usize, &str); 2] = [
    (DropReason::WriteFailed.counter(), "every check precedes the first write"),
    (PassReason::MultiBuffer.counter(), "the first buffer of test-run is a large one"),
];

/// Cases by what must be loaded for them.
fn by_load(cases: &[Case]) -> BTreeMap<(Settings, &str), Vec<&Case>> {
    let mut groups: BTreeMap<(Settings, &str), Vec<&Case>> = BTreeMap::new();
    for case in cases {
        groups.entry((case.settings.clone(), case.policy.as_str())).or_default().push(case);
    }
    groups
}

fn report(failures: &[String], ran: usize) {
    assert!(failures.is_empty(), "{} of {ran} cases fail:\n{}", failures.len(), failures.join("\n"));
    println!("{ran} cases hold");
}

#[test]
fn every_row_holds_on_the_host() {
    let cases = scenario::all().unwrap();
    let (mut failures, mut ran) = (Vec::new(), 0);
    for ((settings, policy), cases) in by_load(&cases) {
        let policy = Compiled::read(policy).unwrap();
        let host = Host::new(&settings, &policy);
        for case in cases {
            let frame = case.frame.build();
            ran += 1;
            if let Err(what) = case.expect.check(&frame, &host.run(&frame), settings.ra) {
                failures.push(format!("{}: {what}\n    {}", case.name, hex::show(&frame)));
            }
        }
    }
    report(&failures, ran);
}

#[test]
fn every_row_holds_in_the_kernel_and_is_the_same_there() {
    if !is_privileged("every_row_holds_in_the_kernel_and_is_the_same_there") {
        return;
    }
    let cases = scenario::all().unwrap();
    let (mut failures, mut ran) = (Vec::new(), 0);
    for ((settings, policy), cases) in by_load(&cases) {
        let policy = Compiled::read(policy).unwrap();
        let host = Host::new(&settings, &policy);
        let mut kernel = Kernel::load(&settings, &policy).unwrap();
        for case in cases {
            let frame = case.frame.build();
            ran += 1;
            let seen = kernel.run(&frame).unwrap();
            if let Err(what) = case.expect.check(&frame, &seen, settings.ra) {
                failures.push(format!("{}: {what}\n    {}", case.name, hex::show(&frame)));
            }
            let host = host.run(&frame);
            if host != seen {
                failures.push(format!("{}: host and kernel differ:\n    {host:?}\n    {seen:?}", case.name));
            }
        }
    }
    report(&failures, ran);
}

#[test]
fn every_verdict_has_a_row() {
    let cases = scenario::all().unwrap();
    let rows: BTreeSet<usize> = cases.iter().map(|case| case.expect.counter()).collect();
    let passes = PassReason::ALL.iter().map(|reason| reason.counter());
    let drops = DropReason::ALL.iter().map(|reason| reason.counter());
    let all: BTreeSet<usize> = passes.chain(drops).chain([ANSWERED, RESET]).collect();
    let unreachable: BTreeSet<usize> = UNREACHABLE.iter().map(|(counter, _)| *counter).collect();
    let missing: Vec<String> =
        all.difference(&rows).filter(|c| !unreachable.contains(c)).map(|c| counter_name(*c)).collect();
    assert!(missing.is_empty(), "no row for {missing:?}");
    let surprising: Vec<String> =
        unreachable.intersection(&rows).map(|counter| counter_name(*counter)).collect();
    assert!(surprising.is_empty(), "reachable after all: {surprising:?}");
}

#[test]
fn every_row_says_who_asks_for_it() {
    let cases = scenario::all().unwrap();
    let without: Vec<&str> =
        cases.iter().filter(|case| case.cites.is_empty()).map(|case| case.name.as_str()).collect();
    assert!(without.is_empty(), "{without:?}");
    let mut names: Vec<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all, "two rows have the same name");
}
