//! The wall clock, watched against the monotonic one: orders begin and end by it, so a jump must not go unnoticed.

use std::time::{Duration, Instant};

use jiff::Timestamp;

/// Smaller differences are adjustments, not jumps.
const JUMP: f64 = 5.0;

/// The last reading of both clocks.
#[derive(Debug)]
pub(super) struct Clock {
    wall: Timestamp,
    monotonic: Instant,
}

impl Clock {
    pub(super) fn new() -> Clock {
        Clock { wall: Timestamp::now(), monotonic: Instant::now() }
    }

    /// Reads both clocks; seconds by which the wall clock jumped since the last reading, if it did.
    pub(super) fn look(&mut self) -> Option<f64> {
        self.jump(Timestamp::now(), Instant::now())
    }

    fn jump(&mut self, wall: Timestamp, monotonic: Instant) -> Option<f64> {
        let by_wall = wall.duration_since(self.wall).as_secs_f64();
        let by_monotonic = monotonic.duration_since(self.monotonic).as_secs_f64();
        *self = Clock { wall, monotonic };
        let jump = by_wall - by_monotonic;
        (jump.abs() >= JUMP).then_some(jump)
    }
}

/// How long until an instant, and a millisecond: a timer must not fire before it.
pub(super) fn until(at: Timestamp) -> Duration {
    let left = at.duration_since(Timestamp::now());
    Duration::try_from(left).unwrap_or_default().saturating_add(Duration::from_millis(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_is_told_from_passing_time() {
        let mut clock = Clock::new();
        let (wall, monotonic) = (clock.wall, clock.monotonic);
        let later = |seconds: i64| wall.checked_add(jiff::SignedDuration::from_secs(seconds)).unwrap();
        assert_eq!(clock.jump(later(60), monotonic + Duration::from_secs(60)), None);
        let jump = clock.jump(later(3660), monotonic + Duration::from_secs(60)).unwrap();
        assert!((jump - 3600.0).abs() < 1.0, "{jump}");
        assert!(clock.jump(later(60), monotonic + Duration::from_secs(60)).unwrap() < -3000.0);
    }

    #[test]
    fn the_past_is_now() {
        assert_eq!(until(Timestamp::UNIX_EPOCH), Duration::from_millis(1));
    }
}
