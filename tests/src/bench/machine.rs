//! The machine that was measured on, and how busy it was with other things.

use std::fs::read_to_string;

use serde::Serialize;

/// What the figures depend on.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Machine {
    /// The kernel's release.
    pub(super) kernel: String,
    /// The processor's name.
    pub(super) processor: String,
    /// Its family and model.
    pub(super) model: String,
    /// How many processors there are.
    pub(super) processors: usize,
    /// Under a hypervisor.
    pub(super) is_virtual: bool,
    /// MiB of memory.
    pub(super) memory: u64,
    /// What the kernel does against speculation, as far as it slows calls down.
    pub(super) mitigations: String,
    /// Mean number of tasks that ran in the minute before.
    pub(super) load_before: String,
    /// The same at the end; the measurements themselves are in it.
    pub(super) load_after: String,
    /// When it began, in UTC.
    pub(super) began: String,
    /// Commit of the sources, when known.
    pub(super) commit: String,
    /// The product's program: instructions that the verifier looked at, octets of machine code, digest of the object.
    pub(super) program: String,
}

impl Machine {
    /// The machine now.
    #[must_use]
    pub(super) fn now(root: &std::path::Path) -> Machine {
        let cpuinfo = read_to_string("/proc/cpuinfo").unwrap_or_default();
        let of = |key: &str| field(&cpuinfo, key);
        let mitigation = |name: &str| {
            let path = format!("/sys/devices/system/cpu/vulnerabilities/{name}");
            format!("{name}: {}", read_to_string(path).unwrap_or_default().trim())
        };
        Machine {
            kernel: read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned(),
            processor: of("model name"),
            model: format!("family {}, model {}", of("cpu family"), of("model")),
            processors: cpuinfo.lines().filter(|line| line.starts_with("processor")).count(),
            is_virtual: of("flags").split(' ').any(|flag| flag == "hypervisor"),
            memory: memory(),
            mitigations: [mitigation("spectre_v2"), mitigation("spec_rstack_overflow")].join("; "),
            load_before: load(),
            load_after: String::new(),
            began: jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M UTC").to_string(),
            commit: commit(root),
            program: String::new(),
        }
    }

    /// Notes how busy the machine is at the end.
    pub(super) fn end(&mut self) {
        self.load_after = load();
    }

    /// In one line.
    #[must_use]
    pub(super) fn line(&self) -> String {
        format!(
            "{} ({}), {} processors{}, kernel {}, load {} before and {} after, {}",
            self.processor,
            self.model,
            self.processors,
            if self.is_virtual { ", virtual" } else { "" },
            self.kernel,
            self.load_before,
            self.load_after,
            self.program,
        )
    }
}

fn field(cpuinfo: &str, key: &str) -> String {
    let line = cpuinfo.lines().find(|line| line.split('\t').next().is_some_and(|word| word.trim() == key));
    line.and_then(|line| line.split_once(": ")).map_or_else(String::new, |(_, value)| value.to_owned())
}

fn memory() -> u64 {
    let text = read_to_string("/proc/meminfo").unwrap_or_default();
    let kib = text
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}

fn load() -> String {
    read_to_string("/proc/loadavg").unwrap_or_default().split(' ').next().unwrap_or_default().to_owned()
}

fn commit(root: &std::path::Path) -> String {
    let output =
        std::process::Command::new("git").arg("-C").arg(root).args(["rev-parse", "--short", "HEAD"]).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}
