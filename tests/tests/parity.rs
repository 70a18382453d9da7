//! Random and mutated frames: host and kernel agree octet for octet.

use tests::harness::is_privileged;
use tests::parity;
use tests::random;

#[test]
fn host_and_kernel_agree_on_mutated_frames() {
    if !is_privileged("host_and_kernel_agree_on_mutated_frames") {
        return;
    }
    let frames =
        std::env::var("INTERDICT_PARITY_FRAMES").ok().and_then(|text| text.parse().ok()).unwrap_or(100_000);
    let report = parity::run(frames, random::seed("INTERDICT_PARITY_SEED")).unwrap();
    println!("{report}");
    assert_eq!(report.differ, 0, "repeat with INTERDICT_PARITY_SEED={}", report.seed);
    assert!(report.verdicts.len() > 20, "the frames reach few verdicts");
}
