//! Frames cut at every length: nothing panics, and a frame too short to be judged passes as it is.

use std::collections::BTreeSet;

use tests::harness::is_privileged;
use tests::parity::{self, Report};
use tests::policy::Compiled;
use tests::run::{Host, Kernel};
use tests::scenario::{self, Settings};

/// One frame of each length and policy-free shape is enough: the rows repeat themselves.
fn seeds() -> Vec<Vec<u8>> {
    let cases = scenario::all().unwrap();
    let frames: BTreeSet<Vec<u8>> = cases.iter().map(|case| case.frame.build()).filter(|frame| frame.len() < 700).collect();
    frames.into_iter().collect()
}

#[test]
fn no_length_panics_on_the_host() {
    let policy = Compiled::read("standard").unwrap();
    let host = Host::new(&Settings::default(), &policy);
    let mut ran = 0;
    for frame in seeds() {
        for length in 0..frame.len() {
            let cut = &frame[..length];
            let seen = host.run(cut);
            assert!(seen.frame == cut || seen.action != 2 || seen.counter == filter_common::verdict::RESET, "{seen:?}");
            ran += 1;
        }
    }
    println!("{ran} frames");
}

#[test]
fn host_and_kernel_agree_on_every_length() {
    if !is_privileged("host_and_kernel_agree_on_every_length") {
        return;
    }
    let (settings, policy) = (Settings::default(), Compiled::read("standard").unwrap());
    let host = Host::new(&settings, &policy);
    let mut kernel = Kernel::load(&settings, &policy).unwrap();
    let mut report = Report::default();
    for frame in seeds() {
        for length in 14..frame.len() {
            parity::compare(&mut report, "truncation", &host, &mut kernel, &frame[..length]).unwrap();
        }
    }
    println!("{report}");
    assert_eq!(report.differ, 0);
}
