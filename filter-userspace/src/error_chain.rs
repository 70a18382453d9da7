//! An error and its causes on one line, for the log, JSON and errors that hold text.

use std::error::Error;

/// The error and its causes, each thing said once: many messages repeat their cause.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = error.source();
    }
    text
}
