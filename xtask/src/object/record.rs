//! The object beside a record of how it came about, so that it is built once and never taken for what it is not.

use std::{fs, path::Path, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::{
    Layout, ObjectError, at,
    digest::{self, Sources},
};

/// A finished object.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Object {
    pub path: PathBuf,
    /// In octets.
    pub size: usize,
    /// In hexadecimal.
    pub sha256: String,
    /// What compiled it, in one line for people.
    pub toolchain: String,
}

/// What lies beside the object.
#[derive(Deserialize, Serialize)]
struct Record {
    sha256: String,
    sources: String,
    toolchain: String,
    identity: String,
}

/// The kept object, if it was built from these sources by this toolchain and nobody has changed it since.
pub(crate) fn current(layout: &Layout, sources: &Sources) -> Option<Object> {
    let record: Record = toml::from_str(&fs::read_to_string(layout.record()).ok()?).ok()?;
    let same_toolchain = sources.toolchain.as_ref().is_none_or(|identity| *identity == record.identity);
    let object = describe(layout.object(), record.toolchain).ok()?;
    (record.sources == sources.digest && same_toolchain && record.sha256 == object.sha256).then_some(object)
}

/// Takes a fresh build over as the kept object. The record comes last: without it the object counts for nothing.
pub(crate) fn keep(
    layout: &Layout,
    output: &Path,
    sources: &Sources,
    toolchain: String,
) -> Result<Object, ObjectError> {
    replace(output, &layout.object())?;
    let object = describe(layout.object(), toolchain)?;
    let record = Record {
        sha256: object.sha256.clone(),
        sources: sources.digest.clone(),
        toolchain: object.toolchain.clone(),
        identity: sources.toolchain.clone().unwrap_or_default(),
    };
    let path = layout.record();
    let text = toml::to_string(&record).map_err(|error| ObjectError::Encode { path: path.clone(), error })?;
    fs::write(&path, text).map_err(at(&path))?;
    Ok(object)
}

/// An object that somebody else built.
pub(crate) fn prebuilt(path: PathBuf) -> Result<Object, ObjectError> {
    if let Err(error) = fs::metadata(&path) {
        return Err(ObjectError::Prebuilt { path, error });
    }
    describe(path, "prebuilt".to_owned())
}

fn describe(path: PathBuf, toolchain: String) -> Result<Object, ObjectError> {
    let octets = fs::read(&path).map_err(at(&path))?;
    Ok(Object { path, size: octets.len(), sha256: digest::of(&octets), toolchain })
}

/// By renaming, so that a reader sees the old object or the new one and never a part.
fn replace(from: &Path, to: &Path) -> Result<(), ObjectError> {
    let beside = to.with_extension("new");
    fs::copy(from, &beside).map_err(at(from))?;
    fs::rename(&beside, to).map_err(at(to))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(digest: &str, toolchain: Option<&str>) -> Sources {
        Sources { digest: digest.to_owned(), toolchain: toolchain.map(str::to_owned) }
    }

    #[test]
    fn an_object_is_current_for_its_own_sources_and_toolchain_only() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path());
        fs::create_dir_all(layout.folder()).unwrap();
        let output = folder.path().join("output");
        fs::write(&output, "object").unwrap();
        assert_eq!(current(&layout, &sources("a", Some("one"))), None);
        let kept = keep(&layout, &output, &sources("a", Some("one")), "rustc 1".to_owned()).unwrap();
        assert_eq!(current(&layout, &sources("a", Some("one"))).as_ref(), Some(&kept));
        assert_eq!(
            current(&layout, &sources("a", None)).as_ref(),
            Some(&kept),
            "no toolchain chosen: any will do"
        );
        assert_eq!(current(&layout, &sources("b", Some("one"))), None, "other sources");
        assert_eq!(current(&layout, &sources("a", Some("two"))), None, "another toolchain");
        fs::write(layout.object(), "changed").unwrap();
        assert_eq!(current(&layout, &sources("a", Some("one"))), None, "changed since");
    }
}
