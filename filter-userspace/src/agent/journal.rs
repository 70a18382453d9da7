//! The audit log as the agent uses it: an audit log that cannot be written is said once and shown in `status`; it never
//! stops enforcement.

use std::path::Path;

use jiff::Timestamp;
use serde_json::Value;

use crate::evidence::AuditLog;

/// The log, while it can be written.
#[derive(Debug)]
pub(super) struct Journal {
    log: Option<AuditLog>,
    failure: Option<String>,
}

impl Journal {
    /// Opens the log in the state directory.
    pub(super) fn open(dir: &Path, now: Timestamp) -> Journal {
        match AuditLog::open(dir, now) {
            Ok(log) => Journal { log: Some(log), failure: None },
            Err(error) => {
                let failure = format!("nothing is recorded as evidence: {error}");
                tracing::warn!("{failure}");
                Journal { log: None, failure: Some(failure) }
            }
        }
    }

    /// Appends a record.
    pub(super) fn record<const N: usize>(&mut self, event: &str, fields: [(&str, Value); N]) {
        let Some(log) = &mut self.log else { return };
        if let Err(error) = log.record(Timestamp::now(), event, fields) {
            let failure = format!("a record is missing from the evidence: {error}");
            tracing::error!("{failure}");
            self.failure = Some(failure);
        }
    }

    /// What is wrong with it.
    pub(super) fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }
}
