//! What `cargo xtask kernels` boots another kernel with: mounts, says what the verifier thought of the program, runs the
//! tests beside it, and switches the machine off.
//!
//! Lines that begin with `guest: ` are for xtask; the rest is what the tests print.

use std::{
    fs,
    process::{self, Command},
    sync::Arc,
};

use anyhow::{Context, Result, bail};
use interdict::kernel::{Datapath, LoadOptions};
use nix::{
    mount::{MsFlags, mount},
    sys::reboot::{RebootMode, reboot},
};
use tests::{policy::hash_key, random::Random};

/// What the program and the tests need of a system: where, and of what kind.
const MOUNTS: &[(&str, &str)] =
    &[("/dev", "devtmpfs"), ("/proc", "proc"), ("/sys", "sysfs"), ("/sys/fs/bpf", "bpf")];

/// Where xtask put the tests.
const TESTS: &str = "/tests";

fn main() -> Result<()> {
    if process::id() != 1 {
        bail!("this switches the machine off; only cargo xtask kernels starts it, as the init of a guest");
    }
    match prepare().and_then(|()| verify()).and_then(|()| run_tests()) {
        Ok(()) => println!("guest: finished"),
        Err(error) => println!("guest: error: {error:#}"),
    }
    reboot(RebootMode::RB_POWER_OFF)?;
    Ok(())
}

fn prepare() -> Result<()> {
    for (path, kind) in MOUNTS {
        mount(Some(*kind), *path, Some(*kind), MsFlags::empty(), None::<&str>)
            .with_context(|| format!("{kind} cannot be mounted on {path}"))?;
    }
    println!("guest: release {}", fs::read_to_string("/proc/sys/kernel/osrelease")?.trim());
    Ok(())
}

/// Loads the program as the agent does, with everything at its default.
fn verify() -> Result<()> {
    let key = Arc::new(hash_key(&mut Random::new(1)));
    let mut datapath = Datapath::load(&LoadOptions::new(key)?)?;
    let facts = datapath.facts()?;
    println!(
        "guest: verified {}",
        facts.verified_instructions.context("the kernel does not count instructions")?
    );
    println!("guest: load-ms {}", facts.load.as_millis());
    Ok(())
}

/// One after the other; a test that fails says so itself.
fn run_tests() -> Result<()> {
    let mut programs = fs::read_dir(TESTS)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    programs.sort();
    for program in programs {
        let status = Command::new(&program).arg("--test-threads=1").status();
        let status = status.with_context(|| format!("{} does not start", program.display()))?;
        // 0 and 101 are cargo's harness, which has counted for itself.
        if !matches!(status.code(), Some(0 | 101)) {
            println!("guest: crashed {}: {status}", program.display());
        }
    }
    Ok(())
}
