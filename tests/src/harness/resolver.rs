//! Unbound with local data, so that a query which is not filtered gets an answer of the resolver's own.

use std::time::Duration;

use anyhow::{Context, bail};
use tempfile::TempDir;

use super::netns::Namespace;
use super::shell::{self, Running};

/// What the resolver answers for every name it knows.
pub const OWN_V4: &str = "203.0.113.80";
/// The same for AAAA.
pub const OWN_V6: &str = "2001:db8:80::80";
/// Names it knows, with everything below them.
pub const KNOWN: [&str; 7] = [
    "kickasstorrents.to",
    "limetorrents.pro",
    "ilcorsaronero.pro",
    "kickass-mirror.example",
    "blocked.example",
    "example.org",
    "example.net",
];

/// A running resolver.
#[derive(Debug)]
pub struct Unbound {
    process: Running,
    _folder: TempDir,
}

impl Unbound {
    /// Starts it on these addresses and waits until it answers.
    ///
    /// # Errors
    /// When it is not installed or does not start.
    pub fn start(server: &Namespace, addresses: &[&str]) -> anyhow::Result<Unbound> {
        let program = super::find_program("unbound").context("unbound is not installed")?;
        let folder = super::agent::folder("unbound")?;
        let file = folder.path().join("unbound.conf");
        super::write(&file, &configuration(addresses))?;
        let mut command = server.command(program);
        command.arg("-d").arg("-c").arg(&file);
        let log = std::fs::File::create(folder.path().join("log"))?;
        command.stdout(log.try_clone()?).stderr(log);
        let mut unbound = Unbound { process: Running::start(&mut command)?, _folder: folder };
        let answers = |server: &Namespace| {
            addresses.iter().all(|address| {
                let mut command = server.command("dig");
                command.args([
                    &format!("@{address}"),
                    "example.org",
                    "A",
                    "+short",
                    "+tries=1",
                    "+timeout=1",
                ]);
                shell::run(&mut command, Duration::from_secs(5))
                    .is_ok_and(|output| output.out.trim() == OWN_V4)
            })
        };
        if shell::until(Duration::from_secs(10), || answers(server)) {
            return Ok(unbound);
        }
        let alive = unbound.process.is_alive();
        let log = std::fs::read_to_string(unbound._folder.path().join("log")).unwrap_or_default();
        bail!("unbound does not answer (alive: {alive}): {log}")
    }

    /// The resolver's process.
    #[must_use]
    pub fn process(&self) -> &Running {
        &self.process
    }
}

fn configuration(addresses: &[&str]) -> String {
    let mut text = String::from(
        "server:\n  do-daemonize: no\n  chroot: \"\"\n  username: \"\"\n  pidfile: \"\"\n  use-syslog: no\n  \
         verbosity: 1\n  num-threads: 1\n  module-config: \"iterator\"\n  access-control: 0.0.0.0/0 allow\n  \
         access-control: ::/0 allow\n  do-not-query-localhost: no\n  answer-cookie: no\n",
    );
    // Debian 12's unbound does not know answer-cookie yet
    text = text.replace("  answer-cookie: no\n", "");
    for address in addresses {
        text.push_str(&format!("  interface: {address}\n"));
    }
    for name in KNOWN {
        text.push_str(&format!("  local-zone: \"{name}.\" redirect\n"));
        text.push_str(&format!("  local-data: \"{name}. 300 IN A {OWN_V4}\"\n"));
        text.push_str(&format!("  local-data: \"{name}. 300 IN AAAA {OWN_V6}\"\n"));
    }
    text.push_str(
        "remote-control:\n  control-enable: no\nforward-zone:\n  name: \".\"\n  forward-addr: 127.0.0.1@9\n",
    );
    text
}
