//! An initramfs: a cpio archive in the `newc` format (Linux, Documentation/driver-api/early-userspace/buffer-format.rst).

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Component, Path, PathBuf},
};

use anyhow::{Context, Result};

const DIRECTORY: u32 = 0o040_755;
const REGULAR: u32 = 0o100_000;
const CHARACTER_DEVICE: u32 = 0o020_600;
const TRAILER: &str = "TRAILER!!!";

/// An archive in the making. Folders come into being with what lies in them.
#[derive(Default)]
pub(super) struct Archive {
    octets: Vec<u8>,
    folders: BTreeSet<PathBuf>,
    entries: u32,
}

impl Archive {
    /// A folder, and those above it.
    pub(super) fn folder(&mut self, path: &Path) {
        if path.components().all(|part| part == Component::RootDir) || self.folders.contains(path) {
            return;
        }
        self.parent(path);
        self.folders.insert(path.to_owned());
        self.entry(path, DIRECTORY, (0, 0), &[]);
    }

    /// A file with these octets.
    pub(super) fn octets(&mut self, path: &Path, permissions: u32, octets: &[u8]) {
        self.parent(path);
        self.entry(path, REGULAR | permissions & 0o7777, (0, 0), octets);
    }

    /// A copy of a file, with its permissions.
    pub(super) fn file(&mut self, path: &Path, from: &Path) -> Result<()> {
        let octets = fs::read(from).with_context(|| format!("{} cannot be read", from.display()))?;
        let permissions = fs::metadata(from)?.permissions().mode();
        self.octets(path, permissions, &octets);
        Ok(())
    }

    /// A folder with all that is in it, at the same path as here.
    pub(super) fn tree(&mut self, folder: &Path) -> Result<()> {
        self.folder(folder);
        let entries = fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))?;
        let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
        paths.sort();
        for path in paths {
            if path.is_dir() {
                self.tree(&path)?;
            } else {
                self.file(&path, &path)?;
            }
        }
        Ok(())
    }

    /// A character device, as the kernel needs one to open its console.
    pub(super) fn device(&mut self, path: &Path, major: u32, minor: u32) {
        self.parent(path);
        self.entry(path, CHARACTER_DEVICE, (major, minor), &[]);
    }

    /// The archive, with its closing entry.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.entry(Path::new(TRAILER), 0, (0, 0), &[]);
        self.octets
    }

    fn parent(&mut self, path: &Path) {
        if let Some(parent) = path.parent() {
            self.folder(parent);
        }
    }

    fn entry(&mut self, path: &Path, mode: u32, device: (u32, u32), content: &[u8]) {
        let name = path.strip_prefix("/").unwrap_or(path).as_os_str().as_encoded_bytes();
        self.entries += 1;
        let (user, group, links, time, file_device) = (0, 0, 1, 0, (0, 0));
        let size = u32::try_from(content.len()).unwrap_or(u32::MAX);
        let name_size = u32::try_from(name.len() + 1).unwrap_or(u32::MAX);
        let fields = [
            self.entries,
            mode,
            user,
            group,
            links,
            time,
            size,
            file_device.0,
            file_device.1,
            device.0,
            device.1,
            name_size,
            0,
        ];
        self.octets.extend(b"070701");
        for field in fields {
            self.octets.extend(format!("{field:08x}").bytes());
        }
        self.octets.extend(name);
        self.octets.push(0);
        self.pad();
        self.octets.extend(content);
        self.pad();
    }

    /// Names and contents begin at multiples of four.
    fn pad(&mut self) {
        self.octets.resize(self.octets.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_laid_out_as_the_kernel_reads_it() {
        let mut archive = Archive::default();
        archive.octets(Path::new("/a"), 0o755, b"hello");
        let octets = archive.finish();
        assert!(octets.starts_with(b"070701"));
        assert_eq!(&octets[14..22], b"000081ed", "a regular file, rwxr-xr-x");
        assert_eq!(&octets[54..62], b"00000005", "its size");
        assert_eq!(&octets[94..102], b"00000002", "the size of its name with the closing zero");
        assert_eq!(&octets[110..112], b"a\0");
        assert_eq!(&octets[112..120], b"hello\0\0\0");
        assert_eq!(octets.len() % 4, 0);
        assert!(octets.ends_with(b"TRAILER!!!\0\0\0\0"));
    }

    #[test]
    fn a_folder_comes_once_and_before_what_lies_in_it() {
        let mut archive = Archive::default();
        archive.octets(Path::new("/one/two/a"), 0o644, b"");
        archive.octets(Path::new("/one/two/b"), 0o644, b"");
        let text = String::from_utf8(archive.finish()).unwrap();
        assert_eq!(text.matches("one/two\0").count(), 1);
        assert!(text.find("one\0").unwrap() < text.find("one/two\0").unwrap());
    }
}
