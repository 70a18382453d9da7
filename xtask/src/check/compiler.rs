//! What rustfmt, clippy and the compiler of the eBPF program say.

use std::process::Command;

use anyhow::Context;
use ebpf_object::Layout;

use super::Findings;
use crate::{command, workspace};

/// What our code outside tests does not do, beyond the workspace's table of lints.
const STRICT: &[&str] = &[
    "clippy::unwrap_used",
    "clippy::expect_used",
    "clippy::panic",
    "clippy::unimplemented",
    "clippy::too_many_lines",
];

/// The files that rustfmt would change.
pub(super) fn formatting(layout: &Layout) -> Findings {
    let mut findings = Vec::new();
    for manifest in [layout.root().join("Cargo.toml"), layout.manifest()] {
        let mut cargo = workspace::cargo(layout);
        cargo
            .args(["fmt", "--all", "--check", "--manifest-path"])
            .arg(manifest)
            .args(["--", "--files-with-diff"]);
        let output = cargo.output().context("cargo fmt does not start")?;
        if !output.status.success() {
            let files = String::from_utf8_lossy(&output.stdout);
            let complaints = String::from_utf8_lossy(&output.stderr);
            findings.extend(
                files.lines().chain(complaints.lines().take(3)).map(|line| format!("cargo fmt: {line}")),
            );
        }
    }
    findings.sort();
    findings.dedup();
    Ok(findings)
}

pub(super) fn clippy(layout: &Layout) -> Findings {
    judge(workspace::cargo(layout).args([
        "clippy",
        "--quiet",
        "--locked",
        "--workspace",
        "--all-targets",
        "--",
        "-Dwarnings",
    ]))
}

/// In what ships and what builds it; tests may panic.
pub(super) fn strict_clippy(layout: &Layout) -> Findings {
    let mut cargo = workspace::cargo(layout);
    cargo.args([
        "clippy",
        "--quiet",
        "--workspace",
        "--exclude",
        "tests",
        "--lib",
        "--bins",
        "--",
        "-Dwarnings",
    ]);
    judge(cargo.args(STRICT.iter().flat_map(|lint| ["-D", lint])))
}

/// As the eBPF program sees it: without the feature that brings aya in.
pub(super) fn clippy_of_the_engine(layout: &Layout) -> Findings {
    judge(workspace::cargo(layout).args([
        "clippy",
        "--quiet",
        "--package",
        "filter-common",
        "--lib",
        "--",
        "-Dwarnings",
    ]))
}

/// Debian's compiler comes without clippy, so the compiler's own warnings must do.
pub(super) fn warnings_of_the_program(layout: &Layout) -> Findings {
    let warnings = ebpf_object::warnings(layout)?;
    Ok(warnings
        .lines()
        .filter(|line| line.starts_with("warning") || line.contains("--> "))
        .map(str::to_owned)
        .collect())
}

/// Lets the tool speak for itself on the terminal.
fn judge(cargo: &mut Command) -> Findings {
    Ok(command::run(cargo).err().map(|error| format!("{error:#}")).into_iter().collect())
}
