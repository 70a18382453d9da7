//! Kernels to boot: Debian's cloud images, fetched by apt and unpacked under target/kernels, installed nowhere.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};
use ebpf_object::Layout;

use crate::{command, privilege};

/// A series of kernels that we promise to run on.
#[derive(Clone, Copy)]
pub(super) struct Series {
    pub(super) name: &'static str,
    /// The package that depends on the newest image of the series.
    metapackage: &'static str,
}

/// The oldest that we promise, and the newest that Debian 12 has; the machine's own comes on top.
pub(super) const SERIES: &[Series] = &[
    Series { name: "6.1", metapackage: "linux-image-cloud-amd64" },
    Series { name: "6.12", metapackage: "linux-image-6.12-cloud-amd64" },
];

/// The newest image of a series: fetched before, or fetched now.
pub(super) fn newest(layout: &Layout, series: Series) -> Result<PathBuf> {
    let package = newest_package(series)?;
    let folder = layout.target().join("kernels").join(&package);
    if let Some(kernel) = kernel_in(&folder) {
        return Ok(kernel);
    }
    println!("kernels: fetching {package}");
    fs::create_dir_all(&folder)?;
    let mut download = Command::new("apt-get");
    // The folder is ours, so apt's own user cannot write to it.
    download.args(["download", "--quiet", "-o", "APT::Sandbox::User=root", &package]).current_dir(&folder);
    command::output(&mut download)?;
    unpack(&folder)?;
    kernel_in(&folder).with_context(|| format!("{package} holds no /boot/vmlinuz"))
}

/// Reads `Depends: linux-image-6.1.0-56-cloud-amd64`. Where apt knows nothing yet, it is asked to look once.
fn newest_package(series: Series) -> Result<String> {
    let ask =
        || command::output(Command::new("apt-cache").args(["depends", "--important", series.metapackage]));
    let read = |answer: &str| {
        let dependencies = answer.lines().filter_map(|line| line.trim().strip_prefix("Depends: "));
        dependencies
            .map(str::to_owned)
            .find(|package| package.starts_with(&format!("linux-image-{}.", series.name)))
    };
    if let Some(package) = ask().ok().as_deref().and_then(read) {
        return Ok(package);
    }
    command::output(privilege::as_root("apt-get")?.arg("update"))?;
    read(&ask()?).with_context(|| format!("{} names no kernel of {}", series.metapackage, series.name))
}

/// Only the kernel itself; its modules stay in the package.
fn unpack(folder: &Path) -> Result<()> {
    let package = find(folder, |name| name.ends_with(".deb")).context("apt-get download left no package")?;
    let mut reader = Command::new("dpkg-deb");
    let mut reader = reader.arg("--fsys-tarfile").arg(&package).stdout(Stdio::piped()).spawn()?;
    let stream = reader.stdout.take().context("dpkg-deb has no output")?;
    let mut tar = Command::new("tar");
    tar.args(["--extract", "--directory"]).arg(folder).args([
        "--strip-components=2",
        "--wildcards",
        "./boot/vmlinuz-*",
    ]);
    let unpacked = tar.stdin(stream).status()?.success();
    if !(reader.wait()?.success() && unpacked) {
        bail!("{} cannot be unpacked", package.display());
    }
    fs::remove_file(package).context("the package cannot be removed")
}

fn kernel_in(folder: &Path) -> Option<PathBuf> {
    find(folder, |name| name.starts_with("vmlinuz-"))
}

fn find(folder: &Path, fits: impl Fn(&str) -> bool) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).ok()?;
    entries.flatten().map(|entry| entry.path()).find(|path| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(&fits)
    })
}
