//! The orders directory: every order's last good version, and what is wrong with the files. It reads and writes files;
//! it knows no policy and no clock.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::disk;
use super::watch::{Look, Watch};
use crate::control::client::escape;
use crate::list::List;
use crate::order::{Format, Order, OrderError};

/// Why an order cannot be taken or stored.
#[derive(Debug, thiserror::Error)]
pub enum BookError {
    #[error(transparent)]
    Order(#[from] OrderError),
    #[error("{path}: order {id} is in {other} already; give one of them another id")]
    Twice { path: PathBuf, id: String, other: PathBuf },
    #[error("{path}: not UTF-8, expected TOML or JSON text")]
    Encoding { path: PathBuf },
    #[error("{path}: list {list} of order {id}: {error}; expected a file of one name a line")]
    List { path: PathBuf, id: String, list: PathBuf, error: io::Error },
    #[error("{0}: {1}")]
    Io(PathBuf, #[source] io::Error),
}

/// The last good version of an order.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) order: Arc<Order>,
    /// The text it was parsed from.
    pub(crate) text: Arc<str>,
    /// Its lists' paths, as [`Book::list`] knows them.
    pub(crate) lists: Vec<PathBuf>,
}

/// A file of the directory.
#[derive(Debug, Clone, Default)]
pub(crate) struct OrderFile {
    pub(crate) held: Option<Held>,
    /// Why the file as it is now is not what is held.
    pub(crate) error: Option<String>,
}

/// A list's last good version.
#[derive(Debug, Clone, Default)]
pub(crate) struct ListFile {
    pub(crate) list: Option<Arc<List>>,
    pub(crate) error: Option<String>,
}

/// What a look at the directory found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum News {
    /// A new or changed order.
    Order { id: Arc<str>, path: PathBuf },
    /// An order's file is gone, and so is the order.
    Gone { id: Arc<str>, path: PathBuf },
    /// A list that orders use changed.
    List { path: PathBuf },
    /// A file cannot be used; its last good version stays.
    Failed { path: PathBuf, error: String },
}

/// The orders directory.
#[derive(Debug)]
pub(crate) struct Book {
    dir: PathBuf,
    files: BTreeMap<PathBuf, OrderFile>,
    lists: HashMap<PathBuf, ListFile>,
    dir_error: Option<String>,
    watch: Watch,
}

impl Book {
    /// Nothing is read before the first [`Book::look`].
    pub(crate) fn new(dir: &Path) -> Book {
        Book {
            dir: dir.to_owned(),
            files: BTreeMap::new(),
            lists: HashMap::new(),
            dir_error: None,
            watch: Watch::default(),
        }
    }

    /// Reads what changed since the last look; with `now`, also what may still be written.
    pub(crate) fn look(&mut self, now: bool) -> Vec<News> {
        let mut news = Vec::new();
        let listing = match disk::listing(&self.dir) {
            Ok(listing) => listing,
            Err(error) => {
                // an unmounted directory must not lift every order
                let error = format!(
                    "{}: {error}; expected the orders directory; make it, or pass --orders DIR",
                    self.dir.display()
                );
                if self.dir_error.as_ref() != Some(&error) {
                    self.dir_error = Some(error.clone());
                    news.push(News::Failed { path: self.dir.clone(), error });
                }
                return news;
            }
        };
        self.dir_error = None;
        self.drop_missing(&listing, &mut news);
        for path in listing {
            match self.watch.look(&path, now) {
                Look::Same => {}
                Look::Changed(octets) => news.push(self.take(&path, octets)),
                Look::Failed(error) if error.kind() == io::ErrorKind::NotFound => self.watch.forget(&path),
                Look::Failed(error) => news.push(self.fail(&path, BookError::Io(path.clone(), error))),
            }
        }
        self.look_at_lists(now, &mut news);
        news
    }

    fn drop_missing(&mut self, listing: &[PathBuf], news: &mut Vec<News>) {
        let missing: Vec<_> = self.files.keys().filter(|path| !listing.contains(path)).cloned().collect();
        for path in missing {
            self.watch.forget(&path);
            if let Some(held) = self.files.remove(&path).and_then(|file| file.held) {
                news.push(News::Gone { id: Arc::clone(&held.order.id), path });
            }
        }
    }

    fn take(&mut self, path: &Path, octets: Vec<u8>) -> News {
        let parsed = String::from_utf8(octets)
            .map_err(|_| BookError::Encoding { path: path.to_owned() })
            .and_then(|text| self.parse(&text, path));
        match parsed {
            Ok(held) => {
                let id = Arc::clone(&held.order.id);
                self.files.insert(path.to_owned(), OrderFile { held: Some(held), error: None });
                News::Order { id, path: path.to_owned() }
            }
            Err(error) => self.fail(path, error),
        }
    }

    fn fail(&mut self, path: &Path, error: BookError) -> News {
        let error = error.to_string();
        self.files.entry(path.to_owned()).or_default().error = Some(error.clone());
        News::Failed { path: path.to_owned(), error }
    }

    fn look_at_lists(&mut self, now: bool, news: &mut Vec<News>) {
        let mut wanted: Vec<PathBuf> = self
            .files
            .values()
            .filter_map(|file| file.held.as_ref())
            .flat_map(|held| held.lists.clone())
            .collect();
        wanted.sort_unstable();
        wanted.dedup();
        self.lists.retain(|path, _| wanted.binary_search(path).is_ok());
        for path in wanted {
            // a list that was never read is wanted now: its order is in force already
            let now = now || !self.lists.contains_key(&path);
            news.extend(self.look_at_list(&path, now));
        }
    }

    fn look_at_list(&mut self, path: &Path, now: bool) -> Option<News> {
        if !self.lists.contains_key(path) {
            self.watch.forget(path);
        }
        let look = self.watch.look(path, now);
        let file = self.lists.entry(path.to_owned()).or_default();
        let error = match look {
            Look::Same => return None,
            Look::Failed(error) => {
                let stays =
                    if file.list.is_some() { "the last good version stays" } else { "its names are missing" };
                format!("list {}: {error}; {stays}", path.display())
            }
            Look::Changed(octets) => {
                let list = List::plain(&octets);
                match file.list.as_ref().filter(|last| list.is_empty() && !last.is_empty()) {
                    None => {
                        *file = ListFile { list: Some(Arc::new(list)), error: None };
                        return Some(News::List { path: path.to_owned() });
                    }
                    Some(last) => {
                        let (path, last) = (path.display(), last.len());
                        format!(
                            "list {path}: it has no name and had {last}; the last good version stays; lift the order if that is meant"
                        )
                    }
                }
            }
        };
        file.error = Some(error.clone());
        Some(News::Failed { path: path.to_owned(), error })
    }

    /// Parses a text as the file `path` of this directory.
    ///
    /// # Errors
    /// When it is no order, or another file holds its id.
    pub(crate) fn parse(&self, text: &str, path: &Path) -> Result<Held, BookError> {
        let shown = path.display().to_string();
        let order = Order::parse(text, &shown, Format::of_path(&shown))?;
        if let Some((other, _)) = self.find(&order.id).filter(|(other, _)| *other != path) {
            let other = other.to_owned();
            return Err(BookError::Twice { path: path.to_owned(), id: order.id.to_string(), other });
        }
        let base = path.parent().unwrap_or(&self.dir);
        let lists = order.lists.iter().map(|list| base.join(list)).collect();
        Ok(Held { order: Arc::new(order), text: text.into(), lists })
    }

    /// Puts a version in place of what is held, for a change that is yet to be written; returns what was there.
    ///
    /// # Errors
    /// When a list of it cannot be read.
    pub(crate) fn put(&mut self, path: &Path, held: Held) -> Result<Option<OrderFile>, BookError> {
        for list in &held.lists {
            if self.lists.get(list).is_some_and(|file| file.list.is_some()) {
                continue;
            }
            let octets = std::fs::read(list).map_err(|error| BookError::List {
                path: path.to_owned(),
                id: held.order.id.to_string(),
                list: list.clone(),
                error,
            })?;
            self.watch.wrote(list, &octets);
            let file = ListFile { list: Some(Arc::new(List::plain(&octets))), error: None };
            self.lists.insert(list.clone(), file);
        }
        Ok(self.files.insert(path.to_owned(), OrderFile { held: Some(held), error: None }))
    }

    /// Undoes [`Book::put`].
    pub(crate) fn restore(&mut self, path: &Path, before: Option<OrderFile>) {
        match before {
            Some(file) => self.files.insert(path.to_owned(), file),
            None => self.files.remove(path),
        };
    }

    /// Writes a file that is on the disk, whole, before it has its name.
    ///
    /// # Errors
    /// The file system's.
    pub(crate) fn write(&mut self, path: &Path, text: &str) -> Result<(), BookError> {
        disk::write(path, text).map_err(|error| BookError::Io(path.to_owned(), error))?;
        self.watch.wrote(path, text.as_bytes());
        Ok(())
    }

    /// Where an order of this id is stored: where it is, else `ID.toml`, with the id escaped as in a URL.
    pub(crate) fn path_of(&self, id: &str) -> PathBuf {
        if let Some((path, _)) = self.find(id) {
            return path.to_owned();
        }
        let name = escape(id);
        // a hidden file would not be read
        let name = name.strip_prefix('.').map_or_else(|| name.clone(), |rest| format!("%2E{rest}"));
        self.dir.join(format!("{name}.toml"))
    }

    /// An order by its id.
    pub(crate) fn find(&self, id: &str) -> Option<(&Path, &OrderFile)> {
        self.files().find(|(_, file)| file.held.as_ref().is_some_and(|held| &*held.order.id == id))
    }

    /// Every file.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&Path, &OrderFile)> {
        self.files.iter().map(|(path, file)| (path.as_path(), file))
    }

    /// Every order, by path.
    pub(crate) fn held(&self) -> impl Iterator<Item = &Held> {
        self.files.values().filter_map(|file| file.held.as_ref())
    }

    /// A list by its path.
    pub(crate) fn list(&self, path: &Path) -> Option<&ListFile> {
        self.lists.get(path)
    }

    /// What is wrong now: path and error.
    pub(crate) fn errors(&self) -> Vec<(PathBuf, String)> {
        let dir = self.dir_error.iter().map(|error| (self.dir.clone(), error.clone()));
        let files = self.files.iter().filter_map(|(path, file)| Some((path.clone(), file.error.clone()?)));
        let lists = self.lists.iter().filter_map(|(path, file)| Some((path.clone(), file.error.clone()?)));
        dir.chain(files).chain(lists).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(id: &str, names: &[&str], lists: &str) -> String {
        let names: String = names.iter().map(|name| format!("[[names]]\nname = \"{name}\"\n")).collect();
        format!(
            "[order]\nid = \"{id}\"\ntype = \"court-order\"\nauthority = \"Court\"\nstatus = \"final\"\nscope = \"global\"\naction = {{ kind = \"nxdomain\" }}\nlists = [{lists}]\n{names}"
        )
    }

    fn book() -> (tempfile::TempDir, Book) {
        let dir = tempfile::tempdir().unwrap();
        let book = Book::new(dir.path());
        (dir, book)
    }

    #[test]
    fn a_bad_file_keeps_the_last_good_version() {
        let (dir, mut book) = book();
        let path = dir.path().join("a.toml");
        std::fs::write(&path, order("A", &["a.example"], "")).unwrap();
        assert!(matches!(&book.look(true)[..], [News::Order { .. }]));
        std::fs::write(&path, "nonsense").unwrap();
        assert!(matches!(&book.look(true)[..], [News::Failed { .. }]));
        assert!(book.look(true).is_empty());
        assert_eq!(book.find("A").unwrap().1.held.as_ref().unwrap().order.names.len(), 1);
        assert_eq!(book.errors().len(), 1);
        std::fs::write(&path, order("A", &["a.example", "b.example"], "")).unwrap();
        assert!(matches!(&book.look(true)[..], [News::Order { .. }]));
        assert!(book.errors().is_empty());
    }

    #[test]
    fn an_id_has_one_file_and_a_rename_is_no_clash() {
        let (dir, mut book) = book();
        std::fs::write(dir.path().join("b.toml"), order("A", &["a.example"], "")).unwrap();
        book.look(true);
        std::fs::write(dir.path().join("a.toml"), order("A", &["b.example"], "")).unwrap();
        assert!(
            matches!(&book.look(true)[..], [News::Failed { error, .. }] if error.contains("b.toml already"))
        );
        std::fs::remove_file(dir.path().join("b.toml")).unwrap();
        std::fs::rename(dir.path().join("a.toml"), dir.path().join("c.toml")).unwrap();
        assert!(matches!(&book.look(true)[..], [News::Gone { .. }, News::Order { .. }]));
    }

    #[test]
    fn a_directory_that_goes_away_lifts_nothing() {
        let (dir, mut book) = book();
        std::fs::write(dir.path().join("a.toml"), order("A", &["a.example"], "")).unwrap();
        book.look(true);
        let away = dir.path().with_extension("away");
        std::fs::rename(dir.path(), &away).unwrap();
        assert!(matches!(&book.look(true)[..], [News::Failed { .. }]));
        assert!(book.look(true).is_empty());
        assert_eq!(book.held().count(), 1);
        std::fs::rename(&away, dir.path()).unwrap();
        assert!(book.look(true).is_empty());
        assert!(book.errors().is_empty());
    }

    #[test]
    fn an_emptied_list_keeps_its_names() {
        let (dir, mut book) = book();
        let list = dir.path().join("names.txt");
        std::fs::write(&list, "a.example\nb.example\n").unwrap();
        std::fs::write(dir.path().join("a.toml"), order("A", &[], "\"names.txt\"")).unwrap();
        assert!(matches!(&book.look(true)[..], [News::Order { .. }, News::List { .. }]));
        std::fs::write(&list, "").unwrap();
        assert!(matches!(&book.look(true)[..], [News::Failed { .. }]));
        assert_eq!(book.list(&list).unwrap().list.as_ref().unwrap().len(), 2);
        std::fs::write(&list, "c.example\n").unwrap();
        assert!(matches!(&book.look(true)[..], [News::List { .. }]));
        assert!(book.errors().is_empty());
    }

    #[test]
    fn what_we_write_is_no_news() {
        let (dir, mut book) = book();
        let path = book.path_of("IT/1");
        assert_eq!(path, dir.path().join("IT%2F1.toml"));
        assert_eq!(book.path_of(".."), dir.path().join("%2E..toml"));
        let text = order("IT/1", &["a.example"], "");
        let held = book.parse(&text, &path).unwrap();
        assert!(book.put(&path, held).unwrap().is_none());
        book.write(&path, &text).unwrap();
        assert!(book.look(true).is_empty());
        assert_eq!(book.path_of("IT/1"), path);
    }
}
