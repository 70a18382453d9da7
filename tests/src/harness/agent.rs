//! A real agent in a namespace, with folders of its own, and the command line that talks to it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail};
use tempfile::TempDir;

use super::lab::{Mode, REGIONS};
use super::netns::Namespace;
use super::shell::{self, Output, Running};

/// The Milan order's file.
pub const MILAN: &str = include_str!("milan.toml");
/// What the name of every site begins with; then comes the process number.
const PREFIX: &str = "interdict-test";
/// The BPF file system.
const BPF_FOLDER: &str = "/sys/fs/bpf";
/// Its identifier.
pub const MILAN_ID: &str = "IT-EX-0001";
/// Its text.
pub const MILAN_TEXT: &str = "Court order IT-EX-0001";

/// Folders and files of one agent; they outlive its process, so that it can be started again.
#[derive(Debug)]
pub struct Site {
    folder: TempDir,
    binary: PathBuf,
    pins: PathBuf,
}

/// A running agent.
#[derive(Debug)]
pub struct Agent {
    /// Its process.
    pub process: Running,
}

impl Site {
    /// Makes the folders, the region table of the lab and no order.
    ///
    /// # Errors
    /// When something cannot be written, or there is no binary.
    pub fn new() -> anyhow::Result<Site> {
        let folder = folder("agent")?;
        let pins = Path::new(BPF_FOLDER).join(folder.path().file_name().unwrap_or_default());
        let site = Site { binary: super::agent_binary()?, pins, folder };
        std::fs::create_dir_all(site.orders())?;
        super::write(&site.regions(), REGIONS)?;
        site.configure(Mode::Driver, "")?;
        Ok(site)
    }

    /// The orders' folder.
    #[must_use]
    pub fn orders(&self) -> PathBuf {
        self.path("orders")
    }

    /// The region table.
    #[must_use]
    pub fn regions(&self) -> PathBuf {
        self.path("regions.csv")
    }

    /// A file or folder of the site.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Where the links are pinned.
    #[must_use]
    pub fn pins(&self) -> &Path {
        &self.pins
    }

    /// Writes the configuration; `more` is added to its top.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn configure(&self, mode: Mode, more: &str) -> anyhow::Result<()> {
        self.configure_as(&mode.to_string(), more)
    }

    /// The same with the word for how to attach.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn configure_as(&self, attach: &str, more: &str) -> anyhow::Result<()> {
        let text = format!(
            "{more}\nmetrics = \"off\"\nattach = \"{attach}\"\norders = {:?}\nregions = {:?}\ncontrol = {:?}\npin-dir = {:?}\nstate-dir = {:?}\n",
            self.orders(),
            self.regions(),
            self.path("control.sock"),
            self.pins,
            self.path("state"),
        );
        super::write(&self.path("config.toml"), &text)
    }

    /// Puts an order file into the orders' folder.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn put_order(&self, name: &str, text: &str) -> anyhow::Result<PathBuf> {
        let path = self.orders().join(name);
        super::write(&path, text)?;
        Ok(path)
    }

    /// The agent's command on interfaces, not started yet.
    #[must_use]
    pub fn run_command(&self, server: &Namespace, interfaces: &[&str]) -> Command {
        let mut command = server.command(&self.binary);
        command.arg("run").arg("--config").arg(self.path("config.toml"));
        for interface in interfaces {
            command.args(["--interface", interface]);
        }
        command
    }

    /// Starts the agent and waits until it answers.
    ///
    /// # Errors
    /// When it does not.
    pub fn start(&self, server: &Namespace, interfaces: &[&str], more: &[&str]) -> anyhow::Result<Agent> {
        let mut command = self.run_command(server, interfaces);
        command.args(more);
        let log = std::fs::File::options().create(true).append(true).open(self.path("log"))?;
        command.stdout(log.try_clone()?).stderr(log);
        let mut process = Running::start(&mut command)?;
        let pid = process.pid();
        let is_ready = || self.status_of(server).is_some_and(|found| found == u64::from(pid));
        if shell::until(Duration::from_secs(30), || !process.is_alive() || is_ready()) && process.is_alive() {
            return Ok(Agent { process });
        }
        bail!("the agent does not answer: {}", self.log())
    }

    /// The process number of the agent that answers.
    fn status_of(&self, server: &Namespace) -> Option<u64> {
        let output = self.interdict(server, "--json status").ok()?;
        let status: serde_json::Value = serde_json::from_str(&output.out).ok()?;
        // an agent that does not say its number counts when it answers at all
        status.get("pid").map_or_else(|| (output.code == Some(0)).then_some(0), serde_json::Value::as_u64)
    }

    /// What the agent logged.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// Runs a command of the command line against this agent, split at spaces.
    ///
    /// # Errors
    /// When it cannot be run.
    pub fn interdict(&self, server: &Namespace, arguments: &str) -> anyhow::Result<Output> {
        let mut command = server.command(&self.binary);
        command.arg("--socket").arg(self.path("control.sock")).args(arguments.split_whitespace());
        shell::run(&mut command, Duration::from_secs(30)).context("interdict")
    }

    /// The same, which must succeed; its JSON.
    ///
    /// # Errors
    /// When it does not.
    pub fn json(&self, server: &Namespace, arguments: &str) -> anyhow::Result<serde_json::Value> {
        let out = self.interdict(server, &format!("--json {arguments}"))?.success(arguments)?;
        serde_json::from_str(&out).with_context(|| format!("{arguments}: {out}"))
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        remove_pins(&self.pins);
    }
}

/// A folder for files that bears this process's number; it goes when it is dropped.
pub(crate) fn folder(role: &str) -> anyhow::Result<TempDir> {
    let prefix = format!("{PREFIX}{}-{role}-", std::process::id());
    Ok(tempfile::Builder::new().prefix(&prefix).tempdir()?)
}

/// A folder for pins that bears this process's number.
pub(crate) fn pin_folder(name: &str) -> PathBuf {
    Path::new(BPF_FOLDER).join(format!("{PREFIX}{}-{name}", std::process::id()))
}

/// Removes the folders and pins of processes.
pub fn remove_sites(of: impl Fn(u32) -> bool) {
    for folder in [std::env::temp_dir(), PathBuf::from(BPF_FOLDER)] {
        let Ok(entries) = std::fs::read_dir(folder) else { continue };
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let process = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next()?.parse().ok());
            if process.is_some_and(&of) {
                remove_pins(&path);
            }
        }
    }
}

/// Removes a folder of pins; a link that nothing else holds detaches with its pin.
pub(crate) fn remove_pins(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        if path.is_dir() {
            remove_pins(&path);
        } else {
            std::fs::remove_file(&path).ok();
        }
    }
    std::fs::remove_dir(folder).ok();
}
