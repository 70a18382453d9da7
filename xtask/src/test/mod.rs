//! `cargo xtask test`: everything that must hold before a change is taken, and one table at the end.

mod harness;
mod summary;

use std::time::Instant;

use anyhow::{Result, bail};
use clap::Args;

use self::summary::Summary;
use crate::{build, check, privilege, setup, tally::Tally, workspace};

/// Run the checks and every test; installs what they need first. The integration tests need root.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Only what needs no privilege: checks, unit and oracle tests.
    #[arg(long)]
    unprivileged: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let start = Instant::now();
    setup::ready_for(setup::Purpose::Test)?;
    let layout = workspace::layout();
    build::object(&layout)?;
    build::binary(&layout)?;
    let mut summary = Summary::default();
    summary.step("check", || check::all(&layout));
    summary.step("unit", || harness::cargo_test(&layout, &["--workspace", "--exclude", "tests"], &[], false));
    let privileged = !arguments.unprivileged && privilege::can_be_root();
    if privileged {
        summary.step("integration", || integration(&layout));
    } else {
        summary.skip("integration", "needs root: run this as root, or where sudo asks for no password");
    }
    summary.print(start.elapsed());
    if summary.failed() {
        bail!("some of it failed");
    }
    if !privileged && !arguments.unprivileged && workspace::unattended() {
        bail!("the privileged tests did not run, and in CI nothing may be skipped");
    }
    Ok(())
}

/// As root and in release mode: what is tested is what ships, and a million frames take their time.
fn integration(layout: &ebpf_object::Layout) -> Result<Tally> {
    let mut environment = vec![("INTERDICT_BIN", build::interdict(layout).into_os_string())];
    if workspace::unattended() {
        environment.push(("INTERDICT_REQUIRE_PRIVILEGE", "1".into()));
    }
    // One at a time: they share the kernel's program ids, the bpffs and two cores.
    harness::cargo_test(
        layout,
        &["--release", "--package", "tests", "--", "--test-threads=1"],
        &environment,
        true,
    )
}
