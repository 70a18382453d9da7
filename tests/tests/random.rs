//! Random well-formed frames on the host and in the kernel: whatever the verdict, what leaves is right by parsers that
//! share nothing with the filter.

use std::collections::BTreeMap;

use filter_common::host::Room;
use filter_common::verdict::{ANSWERED, RESET};
use tests::frame::Frame;
use tests::harness::is_privileged;
use tests::parity::{self, Report};
use tests::policy::Compiled;
use tests::random::{self, Random};
use tests::run::{Host, Kernel, counter_name};
use tests::scenario::Settings;
use tests::{answer, hex};

const FRAMES: usize = 40_000;

#[test]
fn whatever_leaves_is_right() {
    let seed = random::seed("INTERDICT_RANDOM_SEED");
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let mut verdicts: BTreeMap<String, u64> = BTreeMap::new();
    for policy in ["standard", "forwarder"] {
        let policy = Compiled::read(policy).unwrap();
        let host = Host::new(&Settings::default(), &policy);
        for _ in 0..FRAMES / 2 {
            let frame = Frame::any(&mut random).build();
            for room in [Room::Tail, Room::Head, Room::Nowhere] {
                let seen = host.run_with(&frame, room);
                let right = match seen.counter {
                    ANSWERED => answer::check(&frame, &seen.frame, true).map(|_| ()),
                    RESET => answer::check_reset(&frame, &seen.frame),
                    _ if seen.frame == frame => Ok(()),
                    _ => Err("the frame was changed".to_owned()),
                };
                if let Err(what) = right {
                    panic!("seed {seed}, {room:?}: {what}\n{}\n{seen:?}", hex::show(&frame));
                }
                *verdicts.entry(counter_name(seen.counter)).or_default() += 1;
            }
        }
    }
    println!("{verdicts:#?}");
    assert!(verdicts[&counter_name(ANSWERED)] > 1000 && verdicts[&counter_name(RESET)] > 100);
}

#[test]
fn room_in_front_makes_the_same_answer() {
    let seed = random::seed("INTERDICT_RANDOM_SEED");
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let policy = Compiled::read("standard").unwrap();
    let host = Host::new(&Settings::default(), &policy);
    for _ in 0..FRAMES / 4 {
        let frame = Frame::any(&mut random).build();
        let (behind, in_front) = (host.run_with(&frame, Room::Tail), host.run_with(&frame, Room::Head));
        assert_eq!(behind, in_front, "seed {seed}: {}", hex::show(&frame));
    }
}

#[test]
fn host_and_kernel_agree_on_well_formed_frames() {
    if !is_privileged("host_and_kernel_agree_on_well_formed_frames") {
        return;
    }
    let mut report = Report { seed: random::seed("INTERDICT_RANDOM_SEED"), ..Report::default() };
    let mut random = Random::new(report.seed);
    for policy in ["standard", "forwarder", "clients", "observe"] {
        let (settings, policy) = (Settings::default(), Compiled::read(policy).unwrap());
        let host = Host::new(&settings, &policy);
        let mut kernel = Kernel::load(&settings, &policy).unwrap();
        for _ in 0..FRAMES / 4 {
            let frame = Frame::any(&mut random).build();
            parity::compare(&mut report, policy.name(), &host, &mut kernel, &frame).unwrap();
        }
    }
    println!("{report}");
    assert_eq!(report.differ, 0, "repeat with INTERDICT_RANDOM_SEED={}", report.seed);
}
