//! Publishing while the program runs as fast as it can: every answer must be of one whole generation.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::*;
use crate::kernel::{Published, Runner};

/// Sets in turn: a generation gives its names one of them, and to the others an action that must never be seen.
const SETS: u32 = 5;
const NAMES: [&str; 2] = ["one.example.org", "two.example.net"];

/// The policy of the generation: both names have the set `number % SETS + 1`, whose answer is the generation's number.
/// Some generations come as a new base, some as changes, some with new regions.
fn policy_of(number: u32, before: &Policy) -> Policy {
    let mut policy = Policy::new(SETS as usize + 1);
    let poison = policy.action(drop_action());
    for _ in 0..number % 7 {
        policy.action(drop_action());
    }
    let answer = policy.action(numbered(number));
    let set = number % SETS + 1;
    for other in 1..=SETS {
        policy.decide(other, if other == set { answer } else { poison }, other);
    }
    let mut names = NameMap::default();
    for name in NAMES {
        policy.list(&mut names, name, set);
    }
    if number % 4 == 1 {
        for more in 0..number % 50 {
            policy.list(&mut names, &format!("{more}.test"), 1);
        }
        policy.base = Arc::new(names.into_iter().collect());
    } else {
        policy.base = Arc::clone(&before.base);
        policy.changes = Arc::new(names);
    }
    if number.is_multiple_of(6) {
        let more =
            (0..number % 30).map(|more| (format!("203.0.{more}.0/24").parse().unwrap(), CLIENT_ANSWERED));
        let mut prefixes = (*policy.prefixes_v4).clone();
        prefixes.extend(more);
        policy.prefixes_v4 = Arc::new(prefixes);
    } else {
        policy.prefixes_v4 = Arc::clone(&before.prefixes_v4);
    }
    policy
}

/// Asks for both names in turn until told to stop; runs, and generations seen.
fn hammer(runner: &Runner, stop: &AtomicBool) -> (u64, u32) {
    let frames = NAMES.map(query);
    let (mut runs, mut last, mut seen) = (0, 0, 0);
    while !stop.load(Ordering::Relaxed) {
        for frame in &frames {
            let run = runner.run(frame).unwrap();
            assert_eq!(run.action, 3, "after {runs} runs, generation {last}: a mixture or an empty policy");
            let number = answered(&run.data, frame).unwrap();
            assert!(number >= last, "generation {number} after {last}");
            seen += u32::from(number != last);
            (last, runs) = (number, runs + 1);
        }
    }
    (runs, seen)
}

fn stress(seconds: u64) {
    let Some(mut datapath) = loaded() else { return };
    let mut policy = policy_of(1, &Policy::new(1));
    datapath.publisher().publish(&policy.image()).unwrap();
    let (stop, runner) = (AtomicBool::new(false), datapath.runner());
    let mut slowest = Duration::ZERO;
    thread::scope(|scope| {
        let hammers = [(); 2].map(|()| scope.spawn(|| hammer(&runner, &stop)));
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(seconds) && !hammers.iter().any(|one| one.is_finished())
        {
            let number = u32::try_from(datapath.publisher().number()).unwrap() + 1;
            policy = policy_of(number, &policy);
            let Published { took, .. } = datapath.publisher().publish(&policy.image()).unwrap();
            slowest = slowest.max(took);
        }
        stop.store(true, Ordering::Relaxed);
        let published = datapath.publisher().number();
        for hammer in hammers {
            let (runs, seen) = hammer.join().unwrap();
            eprintln!("{runs} runs saw {seen} of {published} generations; slowest publish {slowest:?}");
            assert!(seen > 10, "{seen}");
        }
    });
}

/// `INTERDICT_STRESS_SECONDS=60` for a long run.
#[test]
fn no_packet_sees_a_mixture() {
    let seconds = std::env::var("INTERDICT_STRESS_SECONDS").ok().and_then(|text| text.parse().ok());
    stress(seconds.unwrap_or(3));
}
