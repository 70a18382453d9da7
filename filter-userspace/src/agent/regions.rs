//! The region table's last good version, and what is wrong with its file.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::watch::{Look, Watch};
use crate::region::{RegionError, RegionTable};

/// Why the table cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RegionsError {
    #[error(transparent)]
    Table(#[from] RegionError),
    #[error("region file {0}: {1}; expected a CSV of prefix,region")]
    Read(PathBuf, #[source] io::Error),
    #[error("region file {0}: not UTF-8; expected a CSV of prefix,region")]
    Encoding(PathBuf),
    #[error("region file {path}: it has no prefix and had {had}; the last good version stays")]
    Emptied { path: PathBuf, had: usize },
}

/// The table and its file. Without a file every client's region is unknown.
#[derive(Debug)]
pub(crate) struct Regions {
    path: Option<PathBuf>,
    table: Arc<RegionTable>,
    digest: String,
    error: Option<String>,
    watch: Watch,
}

impl Regions {
    /// Nothing is read before the first [`Regions::look`].
    pub(crate) fn new(path: Option<&Path>) -> Regions {
        Regions {
            path: path.map(Path::to_owned),
            table: Arc::default(),
            digest: String::new(),
            error: None,
            watch: Watch::default(),
        }
    }

    /// Reads the file if it changed; `None`: nothing new. With `now`, also what may still be written.
    pub(crate) fn look(&mut self, now: bool) -> Option<Result<(), RegionsError>> {
        let path = self.path.clone()?;
        let taken = match self.watch.look(&path, now) {
            Look::Same => return None,
            Look::Failed(error) => Err(RegionsError::Read(path, error)),
            Look::Changed(octets) => self.take(path, octets),
        };
        self.error = taken.as_ref().err().map(RegionsError::to_string);
        Some(taken)
    }

    fn take(&mut self, path: PathBuf, octets: Vec<u8>) -> Result<(), RegionsError> {
        let digest = crate::evidence::chain::sha256(&octets);
        let Ok(text) = String::from_utf8(octets) else { return Err(RegionsError::Encoding(path)) };
        let table = RegionTable::parse(&text, &path.display().to_string())?;
        if table.is_empty() && !self.table.is_empty() {
            return Err(RegionsError::Emptied { path, had: self.table.len() });
        }
        self.table = Arc::new(table);
        self.digest = digest;
        Ok(())
    }

    pub(crate) fn table(&self) -> &Arc<RegionTable> {
        &self.table
    }

    pub(crate) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// SHA-256 of the version in use.
    pub(crate) fn digest(&self) -> &str {
        &self.digest
    }

    pub(crate) fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_table_keeps_the_last_good_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("regions.csv");
        let mut regions = Regions::new(Some(&path));
        assert!(regions.look(true).unwrap().is_err());
        std::fs::write(&path, "192.0.2.0/24,IT\n").unwrap();
        regions.look(true).unwrap().unwrap();
        for bad in ["192.0.2.0/33,IT\n", "", "\u{0}"] {
            std::fs::write(&path, bad).unwrap();
            assert!(regions.look(true).unwrap().is_err(), "{bad:?}");
            assert!(regions.look(true).is_none());
            assert_eq!(regions.table().len(), 1);
            assert!(regions.error().is_some());
        }
    }

    #[test]
    fn no_file_is_an_empty_table() {
        assert!(Regions::new(None).look(true).is_none());
    }
}
