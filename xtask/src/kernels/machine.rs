//! One boot: a kernel under qemu's own emulation, which needs no /dev/kvm, and what it says on its serial line.

use std::{
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::tally::{self, Tally};

/// What a guest said about itself.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Report {
    pub(super) release: String,
    pub(super) verified: Option<u32>,
    pub(super) load_ms: Option<u32>,
    pub(super) tests: Tally,
    /// The guest said that it came to its end.
    pub(super) finished: bool,
}

impl Report {
    /// Reads one line; returns whether a person should see it.
    fn read(&mut self, line: &str) -> bool {
        if let Some(fact) = line.strip_prefix("guest: ") {
            match fact.split_once(' ').unwrap_or((fact, "")) {
                ("release", release) => release.clone_into(&mut self.release),
                ("verified", count) => self.verified = count.parse().ok(),
                ("load-ms", time) => self.load_ms = time.parse().ok(),
                ("finished", _) => self.finished = true,
                ("crashed", _) => {
                    self.tests.failed += 1;
                    return true;
                }
                _ => return true,
            }
            return false;
        }
        if line.starts_with('[') && line.ends_with("reboot: Power down") {
            return false;
        }
        let tests = Tally::parse(line);
        self.tests.add(tests.unwrap_or_default());
        tally::worth_reading(line, tests)
    }
}

/// Boots, follows the serial line to its end, and ends the machine when the time is over.
pub(super) fn boot(kernel: &Path, initramfs: &Path, environment: &str, limit: Duration) -> Result<Report> {
    let mut qemu = Command::new("qemu-system-x86_64");
    qemu.args(["-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "1024", "-no-reboot"])
        .args(["-display", "none", "-monitor", "none", "-nic", "none", "-serial", "stdio", "-kernel"])
        .arg(kernel)
        .arg("-initrd")
        .arg(initramfs)
        // The kernel hands what it does not know on to init, as environment.
        .args(["-append", &format!("console=ttyS0 loglevel=3 panic=-1 rdinit=/init {environment}")])
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut machine = qemu.spawn().context("qemu-system-x86_64 does not start")?;
    let serial = machine.stdout.take().context("qemu has no output")?;
    let reader = thread::spawn(move || {
        let mut report = Report::default();
        tally::lines(serial, |line| {
            if report.read(line) {
                println!("{line}");
            }
        });
        report
    });
    let start = Instant::now();
    let mut late = false;
    while machine.try_wait()?.is_none() {
        late = start.elapsed() > limit;
        if late {
            machine.kill()?;
            machine.wait()?;
            break;
        }
        thread::sleep(Duration::from_millis(50));
    }
    let report = reader.join().map_err(|_| anyhow::anyhow!("the serial line's reader failed"))?;
    if late {
        bail!("the guest was ended after {} s", limit.as_secs());
    }
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_speaks_in_lines() {
        let mut report = Report::default();
        for line in ["guest: release 6.1.0-56-cloud-amd64", "guest: verified 51035", "guest: load-ms 812"] {
            assert!(!report.read(line), "{line}");
        }
        assert!(report.read("guest: something went wrong"));
        assert!(report.read(
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 1s"
        ));
        assert!(report.read("guest: crashed /tests/parity: signal: 11"));
        report.read("guest: finished");
        assert_eq!(report.release, "6.1.0-56-cloud-amd64");
        assert_eq!((report.verified, report.load_ms, report.finished), (Some(51_035), Some(812), true));
        assert_eq!(report.tests, Tally { passed: 3, failed: 1, ignored: 1 });
    }
}
