//! Frames that nobody would write: seeds with octets changed, moved, cut and joined.

use crate::random::Random;

/// Octets that mean something somewhere in a frame.
const TELLING: [u8; 20] =
    [0, 1, 2, 4, 5, 6, 17, 41, 43, 44, 51, 53, 60, 63, 64, 0x45, 0x4f, 0xc0, 0xfe, 0xff];

/// A frame of at least 14 octets.
pub(super) fn mutated(random: &mut Random, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut frame = random.one_of(seeds).clone();
    for _ in 0..random.below(4) {
        change(random, &mut frame);
    }
    match random.below(32) {
        0..=2 => frame.truncate(14 + random.below(frame.len())),
        3 => frame.extend(std::iter::repeat_n(random.number() as u8, random.below(80))),
        4 => join(random, &mut frame, seeds),
        5 => noise(random, &mut frame),
        _ => {}
    }
    frame.resize(frame.len().max(14), 0);
    frame
}

/// Changes an octet or two; more often among the headers than behind them.
fn change(random: &mut Random, frame: &mut [u8]) {
    let at = if random.once_in(2) { 12 + random.below(70) } else { random.below(frame.len()) };
    let Some(octet) = frame.get_mut(at) else { return };
    match random.below(5) {
        0 => *octet = random.number() as u8,
        1 => *octet ^= 1 << random.below(8),
        2 => *octet = *random.one_of(&TELLING),
        3 => *octet = octet.wrapping_add(1),
        _ => *octet = octet.wrapping_sub(1),
    }
}

/// The frame's beginning and another's end.
fn join(random: &mut Random, frame: &mut Vec<u8>, seeds: &[Vec<u8>]) {
    let other = random.one_of(seeds);
    let at = random.below(frame.len().min(other.len()));
    frame.truncate(at);
    frame.extend(&other[at..]);
}

/// Random octets behind some header.
fn noise(random: &mut Random, frame: &mut [u8]) {
    let from = random.below(frame.len());
    for octet in &mut frame[from..] {
        *octet = random.number() as u8;
    }
}
