//! The boundary's layout, written down a second time: who changes one of these numbers changes `ABI_VERSION` too.

use std::mem::{offset_of, size_of};

use filter_common::abi::{
    ABI_VERSION, Action, CLIENT_ANSWERED, CLIENT_DIGIT, CLIENT_FORWARDER, CLIENT_LINE, CLIENT_REGION,
    Counters, Decision, Event, Generation, HashKey, PAGE_ELEMENTS, Settings, name_value,
};
use filter_common::bucket::Bucket;
use filter_common::hash::{self, NameHash};
use filter_common::region::{Line, ROOT_LINES};
use filter_common::verdict::{ANSWERED, ANSWERS_CUT, DropReason, EVENTS_LOST, PassReason, RESET, VERDICTS};

#[test]
fn version_3() {
    assert_eq!(ABI_VERSION, 3);
    assert_eq!(
        (offset_of!(Settings, ports), offset_of!(Settings, flags), offset_of!(Settings, sample_mask)),
        (0, 8, 12)
    );
    let generation = [
        offset_of!(Generation, number),
        offset_of!(Generation, mode),
        offset_of!(Generation, names),
        offset_of!(Generation, changes),
        offset_of!(Generation, changed),
        offset_of!(Generation, regions),
        offset_of!(Generation, regions_v4),
        offset_of!(Generation, root),
        offset_of!(Generation, decisions),
        offset_of!(Generation, regions_count),
        offset_of!(Generation, actions),
        offset_of!(Generation, types_count),
        offset_of!(Generation, buckets),
        offset_of!(Generation, types),
        size_of::<Generation>(),
    ];
    assert_eq!(generation, [0, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 52, 56, 72]);
    assert_eq!((offset_of!(Decision, action), offset_of!(Decision, hits)), (0, 4));
    let action = [
        offset_of!(Action, kind),
        offset_of!(Action, rcode),
        offset_of!(Action, record),
        offset_of!(Action, section),
        offset_of!(Action, opt),
        offset_of!(Action, text),
        offset_of!(Action, records),
        size_of::<Action>(),
    ];
    assert_eq!(action, [0, 2, 4, 6, 8, 10, 16, 288]);
    let event = [
        offset_of!(Event, generation),
        offset_of!(Event, key),
        offset_of!(Event, region),
        offset_of!(Event, hits),
        offset_of!(Event, ifindex),
        offset_of!(Event, qtype),
        offset_of!(Event, counter),
    ];
    assert_eq!(event, [0, 8, 16, 20, 24, 28, 30]);
    let bucket = [offset_of!(Bucket, words), offset_of!(Bucket, checks), offset_of!(Bucket, elsewhere)];
    assert_eq!((bucket, size_of::<Bucket>()), ([0, 40, 60], 64));
    assert_eq!((size_of::<HashKey>(), size_of::<Counters>()), (8192, 512));
    assert_eq!(name_value(0x1234_5678, 5, true), 0x0000_000b_1234_5678);
    assert_ne!(name_value(0, 0, false), 0, "0 is a name that is not there");
    let flags = [CLIENT_ANSWERED, CLIENT_FORWARDER, CLIENT_LINE, CLIENT_DIGIT];
    assert_eq!(flags, [1 << 31, 1 << 30, 1 << 29, 1 << 28]);
    assert_eq!(flags.iter().fold(CLIENT_REGION, |all, flag| all ^ flag), u32::MAX);
    let line =
        [offset_of!(Line, words), offset_of!(Line, starts), offset_of!(Line, spare), size_of::<Line>()];
    assert_eq!(line, [0, 40, 60, 64]);
    assert_eq!((PAGE_ELEMENTS, ROOT_LINES), (16_384, 4_096));
}

#[test]
fn every_verdict_has_a_counter_of_its_own() {
    let pass = PassReason::ALL.iter().map(|reason| reason.counter());
    let drop = DropReason::ALL.iter().map(|reason| reason.counter());
    let mut counters: Vec<usize> = pass.chain(drop).chain([ANSWERED, RESET]).collect();
    let all = counters.len();
    counters.sort_unstable();
    counters.dedup();
    assert_eq!(counters.len(), all);
    assert!(counters.iter().all(|counter| *counter < VERDICTS));
    assert_eq!((VERDICTS, ANSWERS_CUT, EVENTS_LOST), (60, 60, 61));
    let mut labels: Vec<&str> = PassReason::ALL.iter().map(|reason| reason.label()).collect();
    labels.extend(DropReason::ALL.iter().map(|reason| reason.label()));
    labels.sort_unstable();
    labels.dedup();
    assert_eq!(labels.len(), PassReason::ALL.len() + DropReason::ALL.len());
}

#[test]
fn folding_touches_a_to_z_alone() {
    for octet in 0..=255u8 {
        let word = u64::from_le_bytes([octet, b'-', 0, 255, octet, b'[', b'@', octet]);
        assert_eq!(
            hash::fold(word).to_le_bytes(),
            word.to_le_bytes().map(|octet| octet.to_ascii_lowercase())
        );
    }
}

#[test]
fn labels_do_not_run_into_each_other() {
    // a row's multipliers as the words they weigh: the sums then tell the words apart
    let key = HashKey {
        rows: std::array::from_fn(|row| {
            std::array::from_fn(|at| ((row * 8 + at) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15))
        }),
    };
    let hash = |labels: &[&str]| {
        let root = NameHash::start(&key);
        let hash = labels.iter().fold(root, |hash, label| hash::label(hash, &key, label.as_bytes()));
        (hash.key(), hash.check())
    };
    assert_ne!(hash(&["ab", "c"]), hash(&["a", "bc"]));
    assert_ne!(hash(&["a.b"]), hash(&["a", "b"]));
    assert_ne!(hash(&["12345678"]), hash(&["1234567"]));
    assert_ne!(hash(&["12345678", "a"]), hash(&["12345678a"]));
    assert_eq!(hash(&["EXAMPLE"]), hash(&["example"]));
}
