//! Frames cut at every length: nothing panics, and a frame too short to be judged passes as it is.

use std::collections::BTreeSet;

use filter_common::verdict::{ANSWERED, RESET};
use tests::answer;
use tests::harness::is_privileged;
use tests::parity::{self, Report};
use tests::policy::Compiled;
use tests::run::{Host, Kernel};
use tests::scenario::{self, Settings};

/// Every row's frame cut at every length, once as it is and once as a whole packet of a message cut there.
fn cut_frames(least: usize) -> Vec<Vec<u8>> {
    let mut frames = BTreeSet::new();
    for case in scenario::all().unwrap() {
        let whole = case.frame.build();
        if whole.len() > 700 {
            continue;
        }
        frames.extend((least..whole.len()).map(|length| whole[..length].to_vec()));
        for length in 0..case.frame.dns.build().len() {
            let mut frame = case.frame.clone();
            frame.patch.clear();
            match &mut frame.tcp {
                Some(tcp) => tcp.cut = Some(length),
                None => frame.dns.cut = Some(length),
            }
            frames.insert(frame.build());
        }
    }
    frames.into_iter().filter(|frame| frame.len() >= least).collect()
}

#[test]
fn no_length_panics_on_the_host() {
    let policy = Compiled::read("standard").unwrap();
    let host = Host::new(&Settings::default(), &policy);
    let mut ran = 0;
    for cut in cut_frames(0) {
        let seen = host.run(&cut);
        let is_right = match seen.counter {
            ANSWERED => answer::check(&cut, &seen.frame, true).map(|_| ()),
            RESET => answer::check_reset(&cut, &seen.frame),
            _ if seen.frame == cut => Ok(()),
            _ => Err("the frame was changed".to_owned()),
        };
        is_right.unwrap_or_else(|what| panic!("{what}: {seen:?}"));
        ran += 1;
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
    for cut in cut_frames(14) {
        parity::compare(&mut report, "truncation", &host, &mut kernel, &cut).unwrap();
    }
    println!("{report}");
    assert_eq!(report.differ, 0);
}
