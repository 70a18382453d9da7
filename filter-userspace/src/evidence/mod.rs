//! Evidence of what was enforced and when: the audit log. It records what the agent did; it decides nothing.

pub mod chain;

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use nix::fcntl::{Flock, FlockArg};
use serde_json::{Map, Value};

pub use chain::{Verified, verify};

/// Name of the log in the state directory.
pub const FILE_NAME: &str = "audit.jsonl";

/// Why the log cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    #[error("audit log {0}: {1}")]
    Io(PathBuf, #[source] io::Error),
    #[error("audit log {0} is written by another agent; give each agent a state-dir of its own")]
    Locked(PathBuf),
    #[error("audit log {path}: last record: {reason}; move the file away to start a new chain, and keep it")]
    Broken { path: PathBuf, reason: String },
}

/// An append-only file of JSON lines, each holding the digest of the one before.
#[derive(Debug)]
pub struct AuditLog {
    path: PathBuf,
    file: Flock<File>,
    link: chain::Link,
}

impl AuditLog {
    /// Opens or makes the log in `dir` and finds the chain's end. A last line that a crash left incomplete is cut off,
    /// and a record says so.
    ///
    /// # Errors
    /// When the file cannot be opened, is in use, or does not end in a record.
    pub fn open(dir: &Path, now: Timestamp) -> Result<AuditLog, EvidenceError> {
        let path = dir.join(FILE_NAME);
        let failed = |error| EvidenceError::Io(path.clone(), error);
        std::fs::create_dir_all(dir).map_err(failed)?;
        let file = OpenOptions::new().read(true).append(true).create(true).open(&path).map_err(failed)?;
        let file = Flock::lock(file, FlockArg::LockExclusiveNonblock)
            .map_err(|_| EvidenceError::Locked(path.clone()))?;
        let (last, torn) = last_line(&file).map_err(failed)?;
        if torn > 0 {
            let length = file.metadata().map_err(failed)?.len().saturating_sub(torn);
            file.set_len(length).map_err(failed)?;
        }
        let link = match last {
            None => chain::Link::FIRST,
            Some(line) => chain::Link::after(&line)
                .map_err(|reason| EvidenceError::Broken { path: path.clone(), reason })?,
        };
        let mut log = AuditLog { path, file, link };
        if torn > 0 {
            log.record(now, "repair", [("octets_cut", torn.into())])?;
        }
        Ok(log)
    }

    /// Appends a record and waits until it is on the disk. A field must not be called as one of the chain's own: `seq`,
    /// `at`, `event`, `prev`, `digest`.
    ///
    /// # Errors
    /// When it cannot be written; the chain then goes on from the last record that was.
    pub fn record<const N: usize>(
        &mut self,
        at: Timestamp,
        event: &str,
        fields: [(&str, Value); N],
    ) -> Result<(), EvidenceError> {
        let fields: Map<String, Value> =
            fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        let (line, next) = self.link.record(at, event, &fields);
        let mut text = line.into_bytes();
        text.push(b'\n');
        let failed = |error| EvidenceError::Io(self.path.clone(), error);
        self.file.write_all(&text).map_err(failed)?;
        self.file.sync_data().map_err(failed)?;
        self.link = next;
        Ok(())
    }
}

/// The last whole line, and how many octets follow it.
fn last_line(file: &File) -> io::Result<(Option<String>, u64)> {
    /// More than any record has.
    const WINDOW: u64 = 1 << 20;
    let mut file = file;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(WINDOW)))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    let whole = tail.iter().rposition(|&octet| octet == b'\n').map_or(0, |at| at + 1);
    let torn = (tail.len() - whole) as u64;
    let last = BufReader::new(&tail[..whole]).lines().last().transpose()?;
    Ok((last, torn))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at() -> Timestamp {
        "2022-07-18T00:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_chain_goes_on_after_reopening() {
        let dir = tempfile::tempdir().unwrap();
        for _ in 0..2 {
            let mut log = AuditLog::open(dir.path(), at()).unwrap();
            log.record(at(), "publish", [("generation", 1.into())]).unwrap();
        }
        let text = std::fs::read_to_string(dir.path().join(FILE_NAME)).unwrap();
        assert_eq!(verify(text.as_bytes()).unwrap().records, 2);
    }

    #[test]
    fn a_torn_line_is_cut_and_said_so() {
        let dir = tempfile::tempdir().unwrap();
        AuditLog::open(dir.path(), at()).unwrap().record(at(), "start", []).unwrap();
        let path = dir.path().join(FILE_NAME);
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"seq\":2,").unwrap();
        AuditLog::open(dir.path(), at()).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("\"repair\""), "{text}");
        let verified = verify(text.as_bytes()).unwrap();
        assert_eq!((verified.records, verified.faults.len()), (2, 0));
    }

    #[test]
    fn only_one_writer() {
        let dir = tempfile::tempdir().unwrap();
        let _log = AuditLog::open(dir.path(), at()).unwrap();
        assert!(matches!(AuditLog::open(dir.path(), at()), Err(EvidenceError::Locked(_))));
    }
}
