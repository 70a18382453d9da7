//! `cargo xtask dist`: what a release consists of, as one archive with its digest.

use std::{env, fs, path::Path, process::Command};

use anyhow::{Context, Result};
use clap::Args;
use ebpf_object::Layout;

use crate::{build, command, setup, workspace};

/// Make a release archive with the binary, the object, man pages, completions and licences, and its SHA-256.
#[derive(Args)]
pub(crate) struct Arguments {}

/// Copied where they exist.
const DOCUMENTS: &[&str] = &[
    "README.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "SECURITY.md",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "LICENSE-GPL-2.0",
];

pub(crate) fn run(_: &Arguments) -> Result<()> {
    setup::ready_for(setup::Purpose::Build)?;
    let layout = workspace::layout();
    let object = build::object(&layout)?;
    build::binary(&layout)?;
    let name = format!("interdict-{}-{}-linux", env!("CARGO_PKG_VERSION"), env::consts::ARCH);
    let folder = layout.target().join("dist").join(&name);
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("{} cannot be removed", folder.display()))?;
    }
    place(&build::interdict(&layout), &folder.join("bin/interdict"))?;
    place(&object.path, &folder.join("lib/interdict/interdict.bpf.o"))?;
    for document in DOCUMENTS.iter().map(|name| layout.root().join(name)).filter(|path| path.exists()) {
        place(&document, &folder.join("share/doc/interdict").join(document.file_name().unwrap_or_default()))?;
    }
    for (kind, place) in [("man", "share/man/man1"), ("completions", "share/interdict/completions")] {
        let mut interdict = Command::new(build::interdict(&layout));
        command::run(interdict.args(["generate", kind]).arg(folder.join(place)))?;
    }
    let packaging = layout.root().join("packaging");
    if packaging.is_dir() {
        command::run(
            Command::new("cp").arg("--recursive").arg(packaging).arg(folder.join("share/interdict")),
        )?;
    }
    archive(&layout, &name)
}

/// The same octets for the same files: sorted, owned by root, as old as the newest commit.
fn archive(layout: &Layout, name: &str) -> Result<()> {
    let folder = layout.target().join("dist");
    let mut git = Command::new("git");
    git.args(["log", "-1", "--format=%ct"]).current_dir(layout.root());
    let time = command::output(&mut git).map_or_else(|_| "0".to_owned(), |time| time.trim().to_owned());
    let file = format!("{name}.tar.gz");
    let mut tar = Command::new("tar");
    tar.args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner", &format!("--mtime=@{time}")])
        .args(["--use-compress-program=gzip --no-name", "--create", "--file", &file, name])
        .current_dir(&folder);
    command::run(&mut tar)?;
    let sum = command::output(Command::new("sha256sum").arg(&file).current_dir(&folder))?;
    fs::write(folder.join("SHA256SUMS"), &sum)?;
    println!("dist: {}", folder.join(file).display());
    print!("dist: sha256 {sum}");
    Ok(())
}

fn place(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to.parent().unwrap_or(Path::new(".")))?;
    fs::copy(from, to).with_context(|| format!("{} cannot be copied to {}", from.display(), to.display()))?;
    Ok(())
}
