//! Programs of package `tests` that run as root beside the release binary: the demo's story and the measurements.

use anyhow::Result;

use crate::{build, command, privilege, setup, workspace};

/// Makes the machine ready, builds, and runs the program with the caller's arguments.
pub(crate) fn run_as_root(name: &str, needs: setup::Purpose, arguments: &[String]) -> Result<()> {
    setup::ready_for(needs)?;
    let layout = workspace::layout();
    build::object(&layout)?;
    build::binary(&layout)?;
    let mut cargo = workspace::cargo(&layout);
    command::run(cargo.args(["build", "--quiet", "--release", "--package", "tests", "--bin", name]))?;
    let program = workspace::output(&layout).join("release").join(name);
    let mut program = privilege::as_root(&program.to_string_lossy())?;
    program.args(arguments).env("INTERDICT_BIN", build::interdict(&layout));
    // where the measurements find their object and write their pages
    program.env("INTERDICT_BENCH_OBJECT", layout.bench()).env("INTERDICT_BENCH_ROOT", layout.root());
    command::run(&mut program)
}
