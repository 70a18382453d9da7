//! Digests: of a file, and of everything that decides what the object will be.

use std::{
    fs,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use crate::{Layout, ObjectError, Toolchain, at, compile};

/// SHA-256 of octets, in hexadecimal.
pub(crate) fn of(octets: &[u8]) -> String {
    hex(Sha256::digest(octets).as_slice())
}

/// One digest over the sources and the way they are compiled. The toolchain counts when one is chosen: without one, an
/// object that any toolchain made of these sources will do, and the record says which it was.
pub(crate) fn sources(layout: &Layout, toolchain: Option<&Toolchain>) -> Result<Sources, ObjectError> {
    let mut sum = Sha256::new();
    let mut absorb = |octets: &[u8]| {
        sum.update((octets.len() as u64).to_le_bytes());
        sum.update(octets);
    };
    for argument in compile::ARGUMENTS.iter().chain(compile::FLAGS) {
        absorb(argument.as_bytes());
    }
    for file in files(layout.sources())? {
        let name = file.strip_prefix(layout.root()).unwrap_or(&file);
        absorb(name.as_os_str().as_encoded_bytes());
        absorb(&fs::read(&file).map_err(at(&file))?);
    }
    Ok(Sources { digest: hex(sum.finalize().as_slice()), toolchain: toolchain.map(Toolchain::identity) })
}

/// What an object is made of and, when a toolchain is chosen, by what.
pub(crate) struct Sources {
    pub(crate) digest: String,
    pub(crate) toolchain: Option<String>,
}

/// Every file at or below the given paths, in one order on every machine.
fn files(paths: Vec<PathBuf>) -> Result<Vec<PathBuf>, ObjectError> {
    let mut found = Vec::new();
    let mut waiting = paths;
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            waiting.extend(children(&path)?);
        } else {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn children(folder: &Path) -> Result<Vec<PathBuf>, ObjectError> {
    fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect())
        .map_err(at(folder))
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_the_standard_one() {
        assert_eq!(of(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn any_change_of_a_source_changes_the_digest() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path());
        fs::create_dir_all(folder.path().join("filter-ebpf/src/deep")).unwrap();
        let file = folder.path().join("filter-ebpf/src/deep/main.rs");
        fs::write(&file, "one").unwrap();
        let before = sources(&layout, None).unwrap().digest;
        assert_eq!(before, sources(&layout, None).unwrap().digest);
        fs::write(&file, "two").unwrap();
        let edited = sources(&layout, None).unwrap().digest;
        fs::rename(&file, folder.path().join("filter-ebpf/src/deep/other.rs")).unwrap();
        let renamed = sources(&layout, None).unwrap().digest;
        assert!(before != edited && edited != renamed);
    }
}
