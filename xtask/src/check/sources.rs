//! The repository's own files, without what is generated.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use ebpf_object::Layout;

/// A file of ours: its path from the repository's root with `/`, and its text.
pub(super) struct Source {
    pub(super) path: String,
    pub(super) text: String,
}

/// Every text file whose name ends so, in one order.
pub(super) fn ending(layout: &Layout, extension: &str) -> Result<Vec<Source>> {
    let mut found = Vec::new();
    walk(layout.root(), layout.root(), extension, &mut found)?;
    found.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(found)
}

fn walk(root: &Path, folder: &Path, extension: &str, found: &mut Vec<Source>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    for path in entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<PathBuf>>>()? {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() {
            if name != "target" && !name.starts_with('.') {
                walk(root, &path, extension, found)?;
            }
        } else if name.strip_suffix(extension).is_some_and(|stem| stem.ends_with('.')) {
            let text =
                fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
            let path = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
            found.push(Source { path, text });
        }
    }
    Ok(())
}
