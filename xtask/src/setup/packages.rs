//! Debian packages: which sets there are, which of them are missing, and their installation.

use std::{process::Command, time::Duration};

use anyhow::{Context, Result, bail};
use ebpf_object::Layout;

use crate::{command, privilege};

/// A compiler and linker for the host's own programs, bpf-linker among them.
pub(super) const HOST: &[&str] = &["build-essential"];

/// What bpf-linker is linked with. Its major version is that of the compilers below.
pub(super) const LLVM: &[&str] = &["llvm-22-dev", "libpolly-22-dev"];

/// Debian's own compiler and the sources of its core library, both of the same version.
pub(super) const COMPILER: &[&str] = &["rustc-web", "rust-web-src"];

/// A resolver, two clients, and network namespaces.
pub(super) const DEMO: &[&str] = &["unbound", "bind9-dnsutils", "knot-dnsutils", "iproute2", "ethtool"];

/// The other resolvers that people run, load and capture, and a machine for other kernels.
pub(super) const TEST: &[&str] =
    &["bind9", "knot-resolver", "pdns-recursor", "dnsdist", "knot", "dnsperf", "tcpdump", "qemu-system-x86"];

/// The script that runs as root.
const SCRIPT: &str = include_str!("install.sh");

/// Those of the packages that are not installed.
pub(super) fn missing<'a>(packages: impl IntoIterator<Item = &'a str>) -> Result<Vec<&'a str>> {
    let mut query = Command::new("dpkg-query");
    query.args(["--show", "--showformat", "${db:Status-Status} ${binary:Package}\n"]);
    let known = command::output(&mut query)
        .context("these packages are Debian's; elsewhere install their like by hand")?;
    let installed: Vec<_> = known
        .lines()
        .filter_map(|line| line.strip_prefix("installed "))
        .map(|name| name.split(':').next().unwrap_or(name))
        .collect();
    Ok(packages.into_iter().filter(|package| !installed.contains(package)).collect())
}

/// Installs those of the packages that are missing.
pub(super) fn install<'a>(layout: &Layout, packages: impl IntoIterator<Item = &'a str>) -> Result<()> {
    let missing = missing(packages)?;
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.join(" ");
    if !privilege::can_be_root() {
        bail!(
            "these packages are missing: {names}; as root: apt-get install --no-install-recommends {names}"
        );
    }
    println!("setup: installing {names}");
    let mut shell = privilege::as_root("sh")?;
    shell.args(["-c", SCRIPT, "install.sh"]).args(&missing);
    command::logged(&mut shell, &layout.target().join("setup/apt.log"), Duration::from_secs(1200))
        .with_context(|| format!("apt-get cannot install {names}"))
}
