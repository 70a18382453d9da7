use std::os::fd::{AsFd, BorrowedFd};

use super::*;
use crate::kernel::{FailureKind, KernelError, Limits, batch};

/// Two actions, drop and an answer, for sets 1 and 2.
fn two_sets() -> Policy {
    let mut policy = Policy::new(3);
    let (dropped, answer) = (policy.action(drop_action()), policy.action(numbered(7)));
    policy.decide(1, dropped, 1);
    policy.decide(2, answer, 2);
    policy
}

fn names_of(policy: &Policy, entries: &[(&str, u32)]) -> Arc<NameMap> {
    let mut names = NameMap::default();
    for (name, set) in entries {
        policy.list(&mut names, name, *set);
    }
    Arc::new(names)
}

fn base_of(policy: &Policy, entries: &[(&str, u32)]) -> Arc<Base> {
    Arc::new(names_of(policy, entries).iter().map(|(key, value)| (*key, *value)).collect())
}

#[test]
fn a_name_is_blocked_changed_and_lifted() {
    let Some(mut datapath) = loaded() else { return };
    let mut policy = two_sets();
    let (frame, other) = (query("blocked.example.org"), query("other.example.org"));
    let action = |datapath: &Datapath, frame: &[u8]| datapath.test_run(frame).unwrap().action;

    policy.base = base_of(&policy, &[("blocked.example.org", 1)]);
    let first = datapath.publisher().publish(&policy.image()).unwrap();
    assert_eq!((first.number, first.full, first.changed), (1, true, 0));
    assert_eq!((action(&datapath, &frame), action(&datapath, &other)), (1, 2));
    assert_eq!(datapath.hits().unwrap(), [0, 1, 0]);

    policy.changes = names_of(&policy, &[("blocked.example.org", 2), ("other.example.org", 1)]);
    let second = datapath.publisher().publish(&policy.image()).unwrap();
    assert_eq!((second.number, second.full, second.changed), (2, false, 4));
    assert_eq!(answered(&datapath.test_run(&frame).unwrap().data, &frame), Some(7));
    assert_eq!(action(&datapath, &other), 1);

    let lifted = |value: &u64| name_value(u32::try_from(value & 0xffff_ffff).unwrap(), 0, false);
    let names = names_of(&policy, &[("blocked.example.org", 1)]);
    policy.changes = Arc::new(names.iter().map(|(key, value)| (*key, lifted(value))).collect());
    datapath.publisher().publish(&policy.image()).unwrap();
    assert_eq!((action(&datapath, &frame), action(&datapath, &other)), (2, 2));

    policy.changes = Arc::default();
    let back = datapath.publisher().publish(&policy.image()).unwrap();
    assert_eq!((back.full, back.changed), (false, 0));
    assert_eq!((action(&datapath, &frame), action(&datapath, &other)), (1, 2));
}

#[test]
fn only_the_clients_of_the_region_are_concerned() {
    let Some(mut datapath) = loaded() else { return };
    let mut policy = two_sets();
    policy.base = base_of(&policy, &[("blocked.example.org", 1)]);
    datapath.publisher().publish(&policy.image()).unwrap();
    let frame = query("blocked.example.org");
    assert_eq!(datapath.test_run(&frame).unwrap().action, 1);
    policy.prefixes_v4 = Arc::new(vec![("203.0.113.0/24".parse().unwrap(), 1 | CLIENT_ANSWERED)]);
    datapath.publisher().publish(&policy.image()).unwrap();
    assert_eq!(datapath.test_run(&frame).unwrap().action, 2);
}

#[test]
fn a_passed_limit_is_named_and_leaves_the_old_policy() {
    let Some(mut options) = options() else { return };
    options.limits = Limits { actions: 5, names: 100, ..Limits::default() };
    let mut datapath = Datapath::load(&options).unwrap();
    let mut policy = two_sets();
    policy.base = base_of(&policy, &[("blocked.example.org", 1)]);
    datapath.publisher().publish(&policy.image()).unwrap();
    policy.action(drop_action());
    let error = datapath.publisher().publish(&policy.image()).unwrap_err();
    assert!(error.to_string().contains("limits.actions is 5"), "{error}");
    policy.actions.pop();
    policy.base = Arc::new((0..101).map(|key| (key, 1 << 33)).collect());
    let error = datapath.publisher().publish(&policy.image()).unwrap_err();
    assert!(error.to_string().contains("limits.names is 100"), "{error}");
    assert_eq!(datapath.test_run(&query("blocked.example.org")).unwrap().action, 1);
    assert_eq!(datapath.publisher().number(), 1);
}

#[test]
fn changes_that_pass_the_limit_leave_the_old_policy() {
    let Some(mut options) = options() else { return };
    options.limits = Limits { changes: 3, ..Limits::default() };
    let mut datapath = Datapath::load(&options).unwrap();
    let mut policy = two_sets();
    policy.base = base_of(&policy, &[("one.example.org", 1)]);
    datapath.publisher().publish(&policy.image()).unwrap();
    let names = [("one.example.org", 1), ("two.example.net", 1), ("three.example.net", 1)];
    policy.changes = names_of(&policy, &names[1..]);
    let error = datapath.publisher().publish(&policy.image()).unwrap_err();
    assert!(error.to_string().contains("limits.changes is 3"), "{error}");
    policy.base = base_of(&policy, &names);
    policy.changes = Arc::default();
    assert!(datapath.publisher().publish(&policy.image()).unwrap().full);
    for (name, _) in names {
        assert_eq!(datapath.test_run(&query(name)).unwrap().action, 1, "{name}");
    }
}

#[test]
fn policies_that_contradict_themselves_are_refused() {
    let Some(mut datapath) = loaded() else { return };
    let mut refuse = |policy: &Policy| {
        let error = datapath.publisher().publish(&policy.image()).unwrap_err();
        assert!(matches!(error, KernelError::Inconsistent { .. } | KernelError::OtherKey), "{error}");
    };
    let mut policy = two_sets();
    policy.decisions.pop();
    refuse(&policy);
    let mut policy = two_sets();
    policy.decide(1, 99, 1);
    refuse(&policy);
    let mut policy = two_sets();
    policy.key = Arc::new(HashKey { rows: [[1; 8]; KEY_ROWS] });
    refuse(&policy);
}

/// The memory of old generations is given back, however many there were.
#[test]
fn old_generations_are_freed() {
    let Some(mut datapath) = loaded() else { return };
    let mut policy = two_sets();
    let mut after = Vec::new();
    for round in 0..6u64 {
        policy.base = Arc::new((0..20_000).map(|key| (key * 1000 + round, 1 << 33)).collect());
        datapath.publisher().publish(&policy.image()).unwrap();
        after.push(datapath.facts().unwrap().map_memory());
    }
    assert!(after.iter().all(|octets| octets.abs_diff(after[0]) < 4096), "{after:?}");
}

#[test]
fn a_million_names_are_published() {
    let Some(mut datapath) = loaded() else { return };
    let mut policy = two_sets();
    let mut names = NameMap::default();
    for number in 0..1_000_000 {
        policy.list(&mut names, &format!("name{number}.example"), 1);
    }
    policy.base = Arc::new(names.into_iter().collect());
    let full = datapath.publisher().publish(&policy.image()).unwrap();
    policy.changes = names_of(&policy, &[("one.more.example", 1)]);
    std::thread::sleep(std::time::Duration::from_millis(200));
    let small = datapath.publisher().publish(&policy.image()).unwrap();
    let memory = datapath.facts().unwrap().map_memory();
    eprintln!("1,000,001 names in {:?}, one more in {:?}, {memory} octets of maps", full.took, small.took);
    assert!(full.full && !small.full);
    for name in ["name0.example", "name999999.example", "one.more.example"] {
        assert_eq!(datapath.test_run(&query(name)).unwrap().action, 1, "{name}");
    }
    assert_eq!(datapath.test_run(&query("name1000000.example")).unwrap().action, 2);
}

/// The maps of that name, in the order that the publisher tells them.
fn maps<'a>(datapath: &'a mut Datapath, name: &str) -> Vec<BorrowedFd<'a>> {
    let maps = datapath.publisher().maps().into_iter().filter(|(have, _)| *have == name);
    maps.map(|(_, map)| map.fd().as_fd()).collect()
}

#[test]
fn a_publish_that_fails_half_way_leaves_the_old_policy() {
    let Some(mut datapath) = loaded() else { return };
    let mut policy = two_sets();
    policy.base = base_of(&policy, &[("blocked.example.org", 1)]);
    datapath.publisher().publish(&policy.image()).unwrap();
    // the decisions are written after the names
    batch::freeze(maps(&mut datapath, "DECISIONS")[0]).unwrap();
    policy.base = base_of(&policy, &[("other.example.org", 1)]);
    let error = datapath.publisher().publish(&policy.image()).unwrap_err();
    assert!(error.to_string().contains("rows of DECISIONS"), "{error}");
    assert_eq!(error.kind(), FailureKind::NotPermitted);
    assert_eq!(datapath.publisher().number(), 1);
    for (name, action) in [("blocked.example.org", 1), ("other.example.org", 2)] {
        assert_eq!(datapath.test_run(&query(name)).unwrap().action, action, "{name}");
    }
}

#[test]
fn changes_that_were_half_written_are_written_anew() {
    let Some(mut datapath) = loaded() else { return };
    let mut policy = two_sets();
    policy.base = base_of(&policy, &[("blocked.example.org", 1)]);
    for changes in [&[][..], &[("one.example.net", 1)], &[("two.example.net", 1)]] {
        policy.changes = names_of(&policy, changes);
        datapath.publisher().publish(&policy.image()).unwrap();
    }
    // the idle overlay holds "one"; once its entries are gone, taking them away fails
    let idle = maps(&mut datapath, "CHANGES")[2];
    let keys: Vec<u64> = names_of(&policy, &[("one.example.net", 1)]).keys().copied().collect();
    batch::delete(idle, &keys).unwrap();
    policy.changes = names_of(&policy, &[("three.example.com", 1)]);
    let error = datapath.publisher().publish(&policy.image()).unwrap_err();
    assert!(error.to_string().contains("writing changes"), "{error}");
    assert_eq!(datapath.test_run(&query("two.example.net")).unwrap().action, 1);
    let repaired = datapath.publisher().publish(&policy.image()).unwrap();
    assert_eq!((repaired.number, repaired.full, repaired.changed), (4, false, 3));
    for (name, action) in
        [("blocked.example.org", 1), ("one.example.net", 2), ("two.example.net", 2), ("three.example.com", 1)]
    {
        assert_eq!(datapath.test_run(&query(name)).unwrap().action, action, "{name}");
    }
}
