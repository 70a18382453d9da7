//! `cargo xtask kernels`: the program on other kernels than this machine's, by qemu.

mod archive;
mod guest;
mod image;
mod machine;

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use clap::Args;
use ebpf_object::Layout;

use self::{
    image::{SERIES, Series},
    machine::Report,
};
use crate::{setup, tally::Tally, workspace};

/// What we allow the verifier to look at on any kernel; it gives up at a million.
const MAX_VERIFIED: u32 = 100_000;

/// Emulation is some twenty times slower than the machine.
const LIMIT: Duration = Duration::from_secs(300);

/// Takes emulation a few seconds.
const FRAMES: u64 = 20_000;

/// Boot Debian's 6.1 and 6.12 kernels in qemu, and load, verify and compare there.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Only the kernels of this series; may be repeated.
    #[arg(long, value_name = "SERIES", value_parser = ["6.1", "6.12"])]
    series: Vec<String>,
    /// Random and mutated frames for each kernel, host against kernel.
    #[arg(long, value_name = "N", default_value_t = FRAMES)]
    frames: u64,
    /// Makes the same frames again.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    setup::ready_for(setup::Purpose::Test)?;
    let tally = all(&workspace::layout(), arguments)?;
    println!("{} passed, {} failed, {} skipped", tally.passed, tally.failed, tally.ignored);
    if tally.failed > 0 {
        bail!("not every kernel agrees");
    }
    Ok(())
}

/// Every kernel, as part of `cargo xtask test`.
pub(crate) fn part_of_test(layout: &Layout) -> Result<Tally> {
    all(layout, &Arguments { series: Vec::new(), frames: FRAMES, seed: None })
}

/// Every kernel that is asked for, one after the other.
fn all(layout: &Layout, arguments: &Arguments) -> Result<Tally> {
    let initramfs = guest::initramfs(layout)?;
    let seed = arguments.seed.unwrap_or_else(seed);
    let frames = arguments.frames;
    println!("kernels: {frames} mutated frames each, of seed {seed}");
    let environment = format!(
        "INTERDICT_REQUIRE_PRIVILEGE=1 INTERDICT_PARITY_FRAMES={frames} INTERDICT_PARITY_SEED={seed}"
    );
    let mut sum = Tally::default();
    for series in SERIES.iter().filter(|series| asked_for(series, &arguments.series)) {
        let kernel = image::newest(layout, *series)?;
        let start = Instant::now();
        let report = machine::boot(&kernel, &initramfs, &environment, LIMIT)
            .with_context(|| format!("kernel {}", series.name))?;
        sum.add(judge(&report, start.elapsed())?);
    }
    Ok(sum)
}

/// Other frames every time; the seed is printed, so that they can be had again.
fn seed() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |time| time.as_millis() as u64)
}

fn asked_for(series: &Series, wanted: &[String]) -> bool {
    wanted.is_empty() || wanted.iter().any(|wanted| wanted == series.name)
}

fn judge(report: &Report, took: Duration) -> Result<Tally> {
    let release = &report.release;
    if !report.finished {
        bail!("kernel {release}: the guest did not come to its end; its last words are above");
    }
    let verified =
        report.verified.with_context(|| format!("kernel {release}: the program was not loaded"))?;
    let Tally { passed, failed, .. } = report.tests;
    println!(
        "kernels: {release}: {verified} instructions verified, loaded in {} ms, {passed} passed, {failed} failed, {:.1} s",
        report.load_ms.unwrap_or_default(),
        took.as_secs_f32()
    );
    if passed == 0 {
        bail!("kernel {release}: no test passed");
    }
    if verified > MAX_VERIFIED {
        bail!(
            "kernel {release}: {verified} instructions verified, more than the {MAX_VERIFIED} that we allow ourselves"
        );
    }
    Ok(report.tests)
}
