//! What runs inside: an initramfs of our init, the tests that need no network, and the libraries they are linked with.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use ebpf_object::Layout;
use serde::Deserialize;

use super::archive::Archive;
use crate::{command, workspace};

/// The integration tests that need a kernel but no network.
const TESTS: &[&str] = &["scenarios", "parity"];

/// The program that a kernel starts as its init.
const INIT: &str = "kernel_init";

/// Builds what runs inside and writes the initramfs. It serves every kernel.
pub(super) fn initramfs(layout: &Layout) -> Result<PathBuf> {
    let mut archive = Archive::default();
    archive.device(Path::new("/dev/console"), 5, 1);
    for folder in ["/proc", "/sys", "/tmp", "/run"] {
        archive.folder(Path::new(folder));
    }
    let programs = build(layout)?;
    for (name, path) in &programs {
        let inside = if name == INIT { PathBuf::from("/init") } else { Path::new("/tests").join(name) };
        archive.file(&inside, path)?;
    }
    let paths: Vec<_> = programs.into_iter().map(|(_, path)| path).collect();
    for library in libraries(&paths)? {
        archive.file(&library, &library)?;
    }
    // Tests find their scenarios by the path of their manifest.
    archive.tree(&layout.root().join("tests/scenarios"))?;
    let path = layout.target().join("kernels/initramfs");
    fs::create_dir_all(layout.target().join("kernels"))?;
    fs::write(&path, archive.finish()).with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(path)
}

/// One of cargo's messages about a program that it built.
#[derive(Deserialize)]
struct Artefact {
    target: Target,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

/// Builds the programs, in release mode as everywhere, and learns from cargo where they are.
fn build(layout: &Layout) -> Result<Vec<(String, PathBuf)>> {
    let common = ["--quiet", "--release", "--package", "tests", "--message-format=json"];
    let mut tests = workspace::cargo(layout);
    tests.args(["test", "--no-run"]).args(common).args(TESTS.iter().flat_map(|name| ["--test", name]));
    let mut init = workspace::cargo(layout);
    init.arg("build").args(common).args(["--bin", INIT]);
    let mut built = programs(&command::output(&mut tests)?, |target| {
        target.kind.iter().any(|kind| kind == "test") && TESTS.contains(&target.name.as_str())
    });
    built.extend(programs(&command::output(&mut init)?, |target| target.name == INIT));
    match TESTS.iter().chain(&[INIT]).find(|name| built.iter().all(|(built, _)| built != *name)) {
        Some(name) => bail!("cargo built no program {name}"),
        None => Ok(built),
    }
}

fn programs(messages: &str, wanted: impl Fn(&Target) -> bool) -> Vec<(String, PathBuf)> {
    let artefacts = messages.lines().filter_map(|line| serde_json::from_str::<Artefact>(line).ok());
    let wanted = artefacts.filter(|artefact| wanted(&artefact.target));
    wanted.filter_map(|artefact| Some((artefact.target.name, artefact.executable?))).collect()
}

/// The shared libraries that the programs are linked with, the loader among them.
fn libraries(programs: &[PathBuf]) -> Result<BTreeSet<PathBuf>> {
    let linked = command::output(Command::new("ldd").args(programs))?;
    // `libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x...)` and `/lib64/ld-linux-x86-64.so.2 (0x...)`
    let words = linked
        .lines()
        .filter_map(|line| line.strip_suffix(')')?.split_once(" (0x")?.0.split_whitespace().last());
    Ok(words.filter(|word| word.starts_with('/')).map(PathBuf::from).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_says_where_a_program_is() {
        let messages = concat!(
            r#"{"reason":"compiler-artifact","target":{"name":"parity","kind":["test"]},"executable":"/t/parity-1"}"#,
            "\n",
            r#"{"reason":"compiler-artifact","target":{"name":"parity","kind":["lib"]},"executable":null}"#,
            "\n",
            r#"{"reason":"build-finished","success":true}"#,
        );
        let found = programs(messages, |target| target.name == "parity");
        assert_eq!(found, [("parity".to_owned(), PathBuf::from("/t/parity-1"))]);
    }
}
