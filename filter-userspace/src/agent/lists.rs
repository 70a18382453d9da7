//! The list files that orders point to: every list's last good version, shared by the orders that use it.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::watch::{Look, Watch};
use crate::list::List;

/// A list's last good version.
#[derive(Debug, Clone, Default)]
pub(crate) struct ListFile {
    pub(crate) list: Option<Arc<List>>,
    pub(crate) error: Option<String>,
}

/// What a look at a list found: it changed, or it cannot be used and why.
pub(super) type ListNews = (PathBuf, Result<(), String>);

/// Every list that is used.
#[derive(Debug, Default)]
pub(super) struct Lists {
    files: HashMap<PathBuf, ListFile>,
    watch: Watch,
}

impl Lists {
    /// Reads what changed of the lists that are used, and lets go of the others.
    pub(super) fn look(&mut self, mut used: Vec<PathBuf>, now: bool) -> Vec<ListNews> {
        used.sort_unstable();
        used.dedup();
        self.files.retain(|path, _| used.binary_search(path).is_ok());
        used.into_iter().filter_map(|path| Some((path.clone(), self.look_at(&path, now)?))).collect()
    }

    fn look_at(&mut self, path: &Path, now: bool) -> Option<Result<(), String>> {
        let is_new = !self.files.contains_key(path);
        if is_new {
            self.watch.forget(path);
        }
        // one that was never read is wanted now: its order is in force already
        let look = self.watch.look(path, now || is_new);
        let file = self.files.entry(path.to_owned()).or_default();
        let taken = match look {
            Look::Same => return None,
            Look::Failed(error) => {
                let stays =
                    if file.list.is_some() { "the last good version stays" } else { "its names are missing" };
                Err(format!("list {}: {error}; {stays}", path.display()))
            }
            Look::Changed(octets) => file.take(path, &octets),
        };
        file.error = taken.as_ref().err().cloned();
        Some(taken)
    }

    /// Reads a list that is not there yet.
    pub(super) fn need(&mut self, path: &Path) -> io::Result<()> {
        if self.files.get(path).is_some_and(|file| file.list.is_some()) {
            return Ok(());
        }
        let octets = std::fs::read(path)?;
        self.watch.wrote(path, &octets);
        let file = ListFile { list: Some(Arc::new(List::plain(&octets))), error: None };
        self.files.insert(path.to_owned(), file);
        Ok(())
    }

    pub(super) fn get(&self, path: &Path) -> Option<&ListFile> {
        self.files.get(path)
    }

    /// What is wrong now.
    pub(super) fn errors(&self) -> impl Iterator<Item = (PathBuf, String)> {
        self.files.iter().filter_map(|(path, file)| Some((path.clone(), file.error.clone()?)))
    }
}

impl ListFile {
    /// A list that lost all its names was rather truncated than meant.
    fn take(&mut self, path: &Path, octets: &[u8]) -> Result<(), String> {
        let list = List::plain(octets);
        if let Some(last) = self.list.as_ref().filter(|last| list.is_empty() && !last.is_empty()) {
            let (path, had) = (path.display(), last.len());
            return Err(format!(
                "list {path}: it has no name and had {had}; the last good version stays; lift the order if that is meant"
            ));
        }
        self.list = Some(Arc::new(list));
        Ok(())
    }
}
