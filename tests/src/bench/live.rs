//! The same of a real agent in a namespace of its own: its start, its memory, and whole commands against it.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context;

use super::arguments::Part;
use super::figure::{Figure, count};
use super::names::Names;
use super::policy;
use super::progress::say;
use crate::harness::lab::{Lab, SERVER_INTERFACE};
use crate::harness::{self, agent::Site};

/// Measures.
///
/// # Errors
/// When the agent does not start or a command fails.
pub(super) fn measure(size: usize, changes: usize, figures: &mut Vec<Figure>) -> anyhow::Result<()> {
    say(format!("load: an agent with {} names, and commands against it", count(size)));
    let lab = Lab::new()?;
    let site = Site::new()?;
    site.put_order("list-1.txt", Names::listed(size).text())?;
    site.put_order("order-1.toml", &policy::order_text(1, "nxdomain", ""))?;
    let single =
        policy::order_text(2, "nxdomain", "first.example.net").replace("lists = [\"list-2.txt\"]\n", "");
    site.put_order("order-2.toml", &single)?;
    let start = Instant::now();
    let agent = site.start(&lab.server, &[SERVER_INTERFACE], &[])?;
    let with = format!("{} names", count(size));
    let mut add =
        |what: &str, unit, samples| figures.push(Figure::new(Part::Load, what, &with, unit, samples));
    add("agent started until it answers", "s", vec![start.elapsed().as_secs_f64()]);
    add("agent's resident memory", "MiB", vec![resident(agent.process.pid())?]);
    let (mut block, mut lift, mut inside) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..changes {
        let name = format!("mirror-{number}.example.net");
        for (verb, took) in [("block", &mut block), ("unblock", &mut lift)] {
            std::thread::sleep(Duration::from_millis(60));
            let start = Instant::now();
            let report = command(&site, &[verb, &name, "--order", &policy::order_id(2)])?;
            took.push(start.elapsed().as_secs_f64() * 1e3);
            inside.extend(report.get("took_ms").and_then(serde_json::Value::as_f64));
        }
    }
    add("interdict --version, which asks nobody", "ms", nothing(changes)?);
    add("one name blocked, whole command", "ms", block);
    add("one name lifted, whole command", "ms", lift);
    add("one name, command to kernel", "ms", inside);
    Ok(())
}

/// What the start and the end of a process need that does nothing.
fn nothing(times: usize) -> anyhow::Result<Vec<f64>> {
    let once = || {
        let start = Instant::now();
        Command::new(harness::agent_binary()?).arg("--version").output().context("run interdict")?;
        anyhow::Ok(start.elapsed().as_secs_f64() * 1e3)
    };
    (0..times).map(|_| once()).collect()
}

/// Runs a command as a shell would, with nothing in between; its JSON.
fn command(site: &Site, words: &[&str]) -> anyhow::Result<serde_json::Value> {
    let mut command = Command::new(harness::agent_binary()?);
    command.arg("--socket").arg(site.path("control.sock")).arg("--json").args(words);
    let output = command.output().context("run interdict")?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "{words:?} ended with {}: {complaint}", output.status);
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// MiB of a process that are in memory.
fn resident(process: u32) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("a process without VmRSS")?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse().context("VmRSS")?;
    Ok(kib / 1024.0)
}
