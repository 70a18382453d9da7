//! Notices that a file's content changed. Polling is the truth here: notifications miss renames and network file systems.
//!
//! A file counts as changed when its octets do, so `touch` does nothing. A file that is being written is left alone
//! until two looks in a row find the same size and times: a half-written order must not take effect.

use std::collections::HashMap;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// What one look at a file found.
#[derive(Debug)]
pub(super) enum Look {
    /// Nothing new.
    Same,
    /// New octets.
    Changed(Vec<u8>),
    /// It was there, or was expected to be, and cannot be read. Reported once for each cause.
    Failed(io::Error),
}

/// Size, times and inode: what tells that the octets need to be read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stat {
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

#[derive(Debug, Default)]
struct Seen {
    /// Of the octets in `digest`.
    stat: Option<Stat>,
    digest: Option<[u8; 32]>,
    /// What the last look found, when that is not `stat`.
    unsettled: Option<Stat>,
    failure: Option<io::ErrorKind>,
}

/// The files that were looked at.
#[derive(Debug, Default)]
pub(super) struct Watch {
    seen: HashMap<PathBuf, Seen>,
}

impl Watch {
    /// Looks at a file. With `now`, a file that may still be written is read as it is.
    pub(super) fn look(&mut self, path: &Path, now: bool) -> Look {
        let seen = self.seen.entry(path.to_owned()).or_default();
        let found = std::fs::metadata(path).and_then(|meta| {
            if meta.is_file() { Ok(stat(&meta)) } else { Err(io::Error::other("it is not a regular file")) }
        });
        let found = match found {
            Ok(found) => found,
            Err(error) => return failed(seen, error),
        };
        if seen.stat == Some(found) && seen.failure.is_none() {
            return Look::Same;
        }
        if !now && seen.unsettled != Some(found) {
            seen.unsettled = Some(found);
            return Look::Same;
        }
        match std::fs::read(path) {
            Ok(octets) => read(seen, found, octets),
            Err(error) => failed(seen, error),
        }
    }

    /// Takes in what the agent itself wrote, so that the next look finds nothing new.
    pub(super) fn wrote(&mut self, path: &Path, octets: &[u8]) {
        let stat = std::fs::metadata(path).ok().map(|meta| stat(&meta));
        let seen = Seen { stat, digest: Some(digest(octets)), ..Seen::default() };
        self.seen.insert(path.to_owned(), seen);
    }

    /// Forgets a file, so that the next look finds it new.
    pub(super) fn forget(&mut self, path: &Path) {
        self.seen.remove(path);
    }
}

fn read(seen: &mut Seen, found: Stat, octets: Vec<u8>) -> Look {
    let recovered = seen.failure.take().is_some();
    let digest = digest(&octets);
    let same = seen.digest == Some(digest) && !recovered;
    *seen = Seen { stat: Some(found), digest: Some(digest), ..Seen::default() };
    if same { Look::Same } else { Look::Changed(octets) }
}

fn failed(seen: &mut Seen, error: io::Error) -> Look {
    if seen.failure == Some(error.kind()) {
        return Look::Same;
    }
    seen.failure = Some(error.kind());
    Look::Failed(error)
}

fn stat(meta: &std::fs::Metadata) -> Stat {
    Stat {
        inode: meta.ino(),
        size: meta.size(),
        modified: (meta.mtime(), meta.mtime_nsec()),
        changed: (meta.ctime(), meta.ctime_nsec()),
    }
}

fn digest(octets: &[u8]) -> [u8; 32] {
    Sha256::digest(octets).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(look: Look) -> Option<Vec<u8>> {
        match look {
            Look::Changed(octets) => Some(octets),
            _ => None,
        }
    }

    #[test]
    fn a_change_is_seen_when_it_has_settled() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        let mut watch = Watch::default();
        std::fs::write(&path, "one").unwrap();
        assert!(changed(watch.look(&path, false)).is_none());
        assert_eq!(changed(watch.look(&path, false)).unwrap(), b"one");
        assert!(changed(watch.look(&path, false)).is_none());
        std::fs::write(&path, "three").unwrap();
        assert_eq!(changed(watch.look(&path, true)).unwrap(), b"three");
    }

    #[test]
    fn touch_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        let mut watch = Watch::default();
        std::fs::write(&path, "one").unwrap();
        watch.look(&path, true);
        std::fs::File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_modified(std::time::UNIX_EPOCH)
            .unwrap();
        assert!(matches!(watch.look(&path, true), Look::Same));
    }

    #[test]
    fn a_failure_is_reported_once_and_a_return_is_a_change() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        let mut watch = Watch::default();
        assert!(matches!(watch.look(&path, true), Look::Failed(_)));
        assert!(matches!(watch.look(&path, true), Look::Same));
        std::fs::write(&path, "one").unwrap();
        assert!(matches!(watch.look(&path, true), Look::Changed(_)));
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(watch.look(&path, true), Look::Failed(_)));
        std::fs::write(&path, "one").unwrap();
        assert!(matches!(watch.look(&path, true), Look::Changed(_)));
    }

    #[test]
    fn what_we_wrote_is_no_news() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        let mut watch = Watch::default();
        std::fs::write(&path, "one").unwrap();
        watch.wrote(&path, b"one");
        assert!(matches!(watch.look(&path, true), Look::Same));
    }
}
