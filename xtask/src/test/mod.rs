//! `cargo xtask test`: everything that must hold before a change is taken, and one table at the end.

mod harness;
mod summary;

use std::{ffi::OsString, time::Instant};

use anyhow::{Result, bail};
use clap::Args;
use ebpf_object::Layout;

use self::summary::Summary;
use crate::{build, check, kernels, privilege, setup, workspace};

/// Random and mutated frames on which host and kernel must agree.
const PARITY_FRAMES: &str = "1000000";

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
    let privileged = !arguments.unprivileged && privilege::can_be_root();
    let mut summary = Summary::default();
    summary.step("check", || check::all(&layout));
    // Those of filter-userspace's kernel module load programs where they may.
    let own = ["--workspace", "--exclude", "tests"];
    summary.step("unit", || harness::cargo_test(&layout, &own, &environment(&layout), privileged));
    // One at a time: they share the kernel's program ids, the bpffs and two cores.
    let integration = ["--release", "--package", "tests", "--", "--test-threads=1"];
    if privileged {
        summary
            .step("integration", || harness::cargo_test(&layout, &integration, &environment(&layout), true));
    } else {
        summary.skip("integration", "needs root: run this as root, or where sudo asks for no password");
    }
    summary.step("kernels", || kernels::part_of_test(&layout));
    summary.print(start.elapsed());
    if summary.failed() {
        bail!("some of it failed");
    }
    if !privileged && !arguments.unprivileged && workspace::unattended() {
        bail!("the privileged tests did not run, and in CI nothing may be skipped");
    }
    Ok(())
}

/// The binary that ships is the one that is tested; where nobody looks, a missing privilege fails.
fn environment(layout: &Layout) -> Vec<(&'static str, OsString)> {
    let mut environment = vec![
        ("INTERDICT_BIN", build::interdict(layout).into_os_string()),
        ("INTERDICT_PARITY_FRAMES", PARITY_FRAMES.into()),
    ];
    if workspace::unattended() {
        environment.push(("INTERDICT_REQUIRE_PRIVILEGE", "1".into()));
    }
    environment
}
