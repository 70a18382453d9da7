//! The directory of order files on the disk: which files are orders, and writing one so that a crash leaves the old
//! version or the new.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The order files of the directory, by name.
pub(super) fn listing(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        let known = path.extension().is_some_and(|end| end == "toml" || end == "json");
        if known && !hidden {
            paths.push(path);
        }
    }
    paths.sort_unstable();
    Ok(paths)
}

/// Writes beside the file, waits for the disk, and gives it its name.
pub(super) fn write(path: &Path, text: &str) -> io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(dir)?;
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".new");
    let new = path.with_file_name(name);
    let mut file = File::create(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&new, path)?;
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_and_other_files_are_no_orders() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b.toml", "a.json", ".c.toml", "d.toml.new", "e.txt"] {
            write(&dir.path().join(name), "x").unwrap();
        }
        let names = listing(dir.path()).unwrap();
        assert_eq!(names, [dir.path().join("a.json"), dir.path().join("b.toml")]);
        // nothing is left beside them
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 5);
    }
}
