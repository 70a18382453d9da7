use std::time::Instant;

use filter_common::abi::SETTING_EVENTS;
use filter_common::verdict::ANSWERED;
use filter_common::{DropReason, PassReason};

use super::*;
use crate::kernel::{KernelError, Observer};

const NAMES: [&str; 2] = ["dropped.example.org", "answered.example.org"];

fn published(mut datapath: Datapath) -> (Datapath, u64) {
    let mut policy = Policy::new(3);
    let (dropped, answer) = (policy.action(drop_action()), policy.action(numbered(9)));
    policy.decide(1, dropped, 4);
    policy.decide(2, answer, 5);
    let mut names = NameMap::default();
    for (set, name) in (1..).zip(NAMES) {
        policy.list(&mut names, name, set);
    }
    let mut dropped_only = NameMap::default();
    policy.list(&mut dropped_only, NAMES[0], 1);
    let key = dropped_only.into_iter().find(|(_, value)| value >> 33 == 1).unwrap().0;
    policy.base = Arc::new(names.into_iter().collect());
    datapath.publisher().publish(&policy.image()).unwrap();
    (datapath, key)
}

fn check(observer: &mut Observer) {
    let seen = observer.observe(&query(NAMES[0])).unwrap();
    assert_eq!((seen.action, seen.hits), (1, Some(4)));
    assert_eq!(seen.verdict(), Some(DropReason::Rule.counter()));
    let frame = query(NAMES[1]);
    let seen = observer.observe(&frame).unwrap();
    assert_eq!((seen.action, seen.hits, seen.verdict()), (3, Some(5), Some(ANSWERED)));
    assert_eq!(answered(&seen.data, &frame), Some(9));
    let frame = query("other.example.org");
    let seen = observer.observe(&frame).unwrap();
    assert_eq!((seen.action, seen.hits, seen.event), (2, None, None));
    assert_eq!((seen.verdict(), seen.data), (Some(PassReason::NotListed.counter()), frame));
    let seen = observer.observe(&[0; 60]).unwrap();
    assert_eq!(seen.counters, [PassReason::NotIp.counter()]);
}

#[test]
fn what_moved_is_told_without_events() {
    let Some(datapath) = loaded() else { return };
    let (mut datapath, _) = published(datapath);
    check(&mut datapath.observer().unwrap());
    assert_eq!(datapath.hits().unwrap(), [0, 0, 0, 0, 1, 1]);
    assert!(matches!(datapath.observer().err(), Some(KernelError::Taken { .. })));
    assert!(datapath.take_events().is_none());
}

#[test]
fn what_moved_is_told_by_events_and_fast() {
    let Some(mut options) = options() else { return };
    options.settings.flags |= SETTING_EVENTS;
    options.settings.sample_mask = 0;
    let (mut datapath, key) = published(Datapath::load(&options).unwrap());
    let mut observer = datapath.observer().unwrap();
    check(&mut observer);
    let event = observer.observe(&query(NAMES[0])).unwrap().event.unwrap();
    assert_eq!((event.generation, event.key, event.region, event.hits), (1, key, 1, 4));
    assert_eq!((event.qtype, usize::from(event.counter)), (1, DropReason::Rule.counter()));
    let (frame, started) = (query(NAMES[1]), Instant::now());
    for _ in 0..1000 {
        observer.observe(&frame).unwrap();
    }
    eprintln!("one observation takes {:?}", started.elapsed() / 1000);
}

#[test]
fn events_are_drained_in_order() {
    let Some(mut options) = options() else { return };
    options.settings.flags |= SETTING_EVENTS;
    options.settings.sample_mask = 0;
    let (mut datapath, _) = published(Datapath::load(&options).unwrap());
    let mut events = datapath.take_events().unwrap();
    assert_eq!(events.drain(10), []);
    for name in NAMES.iter().cycle().take(5) {
        datapath.test_run(&query(name)).unwrap();
    }
    let slots =
        |events: Vec<filter_common::abi::Event>| events.iter().map(|one| one.hits).collect::<Vec<_>>();
    assert_eq!(slots(events.drain(3)), [4, 5, 4]);
    assert_eq!(slots(events.drain(10)), [5, 4]);
}

#[test]
fn runs_are_timed() {
    let Some(datapath) = loaded() else { return };
    let (datapath, _) = published(datapath);
    let took = datapath.runner().time(&query("other.example.org"), 10_000).unwrap();
    eprintln!("a query for a name that is not listed takes {took:?}");
    assert!(took.as_nanos() > 0);
}
