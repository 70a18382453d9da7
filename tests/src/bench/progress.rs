//! What is being done, on standard error: standard output is for the result.

use std::sync::OnceLock;
use std::time::Instant;

static START: OnceLock<Instant> = OnceLock::new();

/// Says it, with the seconds since the first word.
pub(super) fn say(words: impl AsRef<str>) {
    let start = START.get_or_init(Instant::now);
    eprintln!("[{:>5.1} s] {}", start.elapsed().as_secs_f32(), words.as_ref());
}
