//! The orders directory: every order's last good version, and what is wrong with the files. It reads and writes files;
//! it knows no policy and no clock.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::disk;
use super::lists::{ListFile, Lists};
use super::watch::{Look, Watch};
use crate::control::client::escape;
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
    lists: Lists,
    dir_error: Option<String>,
    watch: Watch,
}

impl Book {
    /// Nothing is read before the first [`Book::look`].
    pub(crate) fn new(dir: &Path) -> Book {
        Book {
            dir: dir.to_owned(),
            files: BTreeMap::new(),
            lists: Lists::default(),
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
                Look::Failed(error) => {
                    news.push(self.fail(&path, BookError::Io(path.clone(), error).to_string()))
                }
            }
        }
        let held = self.files.values().filter_map(|file| file.held.as_ref());
        let used = held.flat_map(|held| held.lists.clone()).collect();
        news.extend(self.lists.look(used, now).into_iter().map(|(path, taken)| match taken {
            Ok(()) => News::List { path },
            Err(error) => News::Failed { path, error },
        }));
        news
    }

    fn drop_missing(&mut self, listing: &[PathBuf], news: &mut Vec<News>) {
        let missing: Vec<_> =
            self.files.keys().filter(|path| listing.binary_search(path).is_err()).cloned().collect();
        for path in missing {
            self.watch.forget(&path);
            if let Some(held) = self.files.remove(&path).and_then(|file| file.held) {
                news.push(News::Gone { id: Arc::clone(&held.order.id), path });
            }
        }
    }

    fn take(&mut self, path: &Path, octets: Vec<u8>) -> News {
        let text = String::from_utf8(octets).map_err(|_| BookError::Encoding { path: path.to_owned() });
        let was_confidential = self
            .files
            .get(path)
            .and_then(|file| file.held.as_ref())
            .is_some_and(|held| held.order.confidential);
        let confidential = was_confidential || text.as_deref().is_ok_and(says_confidential);
        match text.and_then(|text| self.parse(&text, path)) {
            Err(error) if confidential => self.fail(path, redacted(&error.to_string())),
            Ok(held) => {
                let id = Arc::clone(&held.order.id);
                self.files.insert(path.to_owned(), OrderFile { held: Some(held), error: None });
                News::Order { id, path: path.to_owned() }
            }
            Err(error) => self.fail(path, error.to_string()),
        }
    }

    fn fail(&mut self, path: &Path, error: String) -> News {
        self.files.entry(path.to_owned()).or_default().error = Some(error.clone());
        News::Failed { path: path.to_owned(), error }
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
            self.lists.need(list).map_err(|error| BookError::List {
                path: path.to_owned(),
                id: held.order.id.to_string(),
                list: list.clone(),
                error,
            })?;
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
        dir.chain(files).chain(self.lists.errors()).collect()
    }
}

/// Whether a text that may be no order means to be a confidential one.
fn says_confidential(text: &str) -> bool {
    text.lines().any(|line| {
        let line = line.replace([' ', '\t', '"'], "");
        line.contains("confidential=true") || line.contains("confidential:true")
    })
}

/// An error without what it quotes: it may be a name.
fn redacted(error: &str) -> String {
    let parts = error.split('`').enumerate();
    parts.map(|(at, part)| if at % 2 == 0 { part } else { "`...`" }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_confidential_order_shows_no_name_in_its_errors() {
        let (dir, mut book) = book();
        let text = order("A", &["secret..example"], "").replace("[order]", "[order]\nconfidential = true");
        std::fs::write(dir.path().join("a.toml"), text).unwrap();
        let news = book.look(true);
        let [News::Failed { error, .. }] = &news[..] else { panic!("{news:?}") };
        assert!(!error.contains("secret") && error.contains("a.toml:"), "{error}");
    }

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
