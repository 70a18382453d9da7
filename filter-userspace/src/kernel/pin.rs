//! The directory of our pins on a BPF file system, and the lock that makes us its only writer.
//!
//! `ROOT/v<ABI_VERSION>/links/<interface>` is the link that holds our program on that interface. It owns where things
//! are; what a link does is `attach`'s.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use filter_common::abi::ABI_VERSION;
use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sys::statfs::{BPF_FS_MAGIC, statfs};

use super::error::KernelError;

/// Where a BPF file system usually is.
const BPF_FS: &str = "/sys/fs/bpf";

/// Our pin directory, held against every other agent until it is dropped.
#[derive(Debug)]
pub struct PinDir {
    root: PathBuf,
    mounted: bool,
    _lock: File,
}

/// A pin of a link of ours, whichever version made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LinkPin {
    /// The interface's name.
    pub interface: String,
    /// Where the pin is.
    pub path: PathBuf,
}

impl PinDir {
    /// Makes the directory where it is missing, mounts a BPF file system on /sys/fs/bpf when it should be there and
    /// nothing is, and locks the directory.
    ///
    /// # Errors
    /// When it is on no BPF file system, may not be made, or another process holds it.
    pub fn claim(root: &Path) -> Result<PinDir, KernelError> {
        let mounted = ensure_bpf_fs(root)?;
        let links = root.join(version()).join("links");
        fs::create_dir_all(&links).map_err(pin_error("make", &links))?;
        let lock = File::open(root).map_err(pin_error("open", root))?;
        match lock.try_lock() {
            Ok(()) => Ok(PinDir { root: root.to_owned(), mounted, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(KernelError::Claimed { path: root.to_owned() }),
            Err(TryLockError::Error(source)) => Err(pin_error("lock", root)(source)),
        }
    }

    /// The directory.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether the BPF file system was mounted just now: it lives as long as this mount namespace.
    #[must_use]
    pub fn mounted(&self) -> bool {
        self.mounted
    }

    /// Where the interface's link is pinned.
    #[must_use]
    pub fn link_path(&self, interface: &str) -> PathBuf {
        self.root.join(version()).join("links").join(file_name(interface))
    }

    /// Every pinned link of ours, those of other versions too.
    pub(super) fn links(&self) -> Result<Vec<LinkPin>, KernelError> {
        let mut found = Vec::new();
        for version in entries(&self.root)? {
            let links = version.join("links");
            for path in if links.is_dir() { entries(&links)? } else { Vec::new() } {
                let interface = path.file_name().map(|name| interface_name(&name.to_string_lossy()));
                found.extend(interface.map(|interface| LinkPin { interface, path }));
            }
        }
        found.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(found)
    }

    /// Removes the directories that are empty now. The root stays: it is locked by its inode.
    pub(super) fn tidy(&self) {
        for version in entries(&self.root).unwrap_or_default() {
            // a directory that is not empty refuses, which is what we want
            let _full = fs::remove_dir(version.join("links")).and_then(|()| fs::remove_dir(&version));
        }
    }
}

/// For `map_err`: what could not be done with the path.
pub(super) fn pin_error(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> KernelError {
    let path = path.to_owned();
    move |source| KernelError::Pin { verb, path, source }
}

fn version() -> String {
    format!("v{ABI_VERSION}")
}

fn entries(directory: &Path) -> Result<Vec<PathBuf>, KernelError> {
    let read = fs::read_dir(directory).map_err(pin_error("list", directory))?;
    read.map(|entry| entry.map(|entry| entry.path()).map_err(pin_error("list", directory))).collect()
}

/// bpffs refuses dots in names (they are reserved), which interfaces like `eth0.100` have.
fn file_name(interface: &str) -> String {
    interface.replace('%', "%25").replace('.', "%2e")
}

fn interface_name(file: &str) -> String {
    file.replace("%2e", ".").replace("%25", "%")
}

/// Whether it had to be mounted.
fn ensure_bpf_fs(root: &Path) -> Result<bool, KernelError> {
    let standing = root.ancestors().find(|path| path.exists()).unwrap_or(root);
    let no_bpf_fs = |reason: String| KernelError::NoBpfFs { path: root.to_owned(), reason };
    if is_bpf_fs(standing).map_err(|error| no_bpf_fs(error.to_string()))? {
        return Ok(false);
    }
    if !root.starts_with(BPF_FS) {
        return Err(no_bpf_fs(format!("{} is on another file system", standing.display())));
    }
    let none = None::<&str>;
    mount(Some("bpf"), BPF_FS, Some("bpf"), MsFlags::empty(), none)
        .map_err(|error| no_bpf_fs(format!("mounting one on {BPF_FS}: {error}")))?;
    Ok(true)
}

fn is_bpf_fs(path: &Path) -> Result<bool, Errno> {
    Ok(statfs(path)?.filesystem_type() == BPF_FS_MAGIC)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_interfaces_become_names_of_files_and_back() {
        for name in ["eth0", "eth0.100", "br-1%2e", "a.b.c"] {
            let file = file_name(name);
            assert!(!file.contains('.'), "{file}");
            assert_eq!(interface_name(&file), name);
        }
    }

    #[test]
    fn a_directory_elsewhere_is_refused_with_a_remedy() {
        let directory = tempfile::tempdir().unwrap();
        let error = PinDir::claim(&directory.path().join("pins")).unwrap_err();
        assert!(matches!(error, KernelError::NoBpfFs { .. }), "{error}");
        assert!(error.to_string().contains("mount -t bpf"), "{error}");
        assert!(!directory.path().join("pins").exists());
    }
}
