//! What the story is played on: three namespaces, a resolver, the agent.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use nix::sys::signal::Signal;

use super::page::Page;
use crate::harness::agent::{Agent, Site};
use crate::harness::client::{self, Dig};
use crate::harness::lab::{self, SERVER};
use crate::harness::netns::Namespace;
use crate::harness::polling::Polling;
use crate::harness::resolver::Unbound;
use crate::harness::responder::Responder;
use crate::harness::shell::{self, Output};

/// Where clients are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum City {
    /// In Italy.
    Rome,
    /// In Germany.
    Berlin,
}

impl City {
    pub(super) const ALL: [City; 2] = [City::Rome, City::Berlin];

    /// The client's address.
    pub(super) fn address(self, is_v6: bool) -> IpAddr {
        match self {
            City::Rome => lab::From::Italy.address(is_v6),
            City::Berlin => lab::From::Germany.address(is_v6),
        }
    }

    /// The resolver's interface towards it.
    fn interface(self) -> &'static str {
        match self {
            City::Rome => "rome0",
            City::Berlin => "berlin0",
        }
    }
}

impl fmt::Display for City {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            City::Rome => "Rome",
            City::Berlin => "Berlin",
        })
    }
}

enum Resolver {
    Unbound { _process: Unbound },
    BuiltIn { _thread: Responder },
}

/// The stage. Fields are dropped in this order: the namespaces last.
pub(super) struct Stage {
    agent: Option<Agent>,
    resolver: Resolver,
    _polling: Vec<Polling>,
    site: Site,
    rome: Namespace,
    berlin: Namespace,
    server: Namespace,
}

impl Stage {
    /// Makes the namespaces and starts the resolver.
    pub(super) fn set() -> anyhow::Result<Stage> {
        let has_client = crate::harness::find_program("dig").is_some();
        anyhow::ensure!(
            has_client,
            "dig is not installed: run `cargo xtask setup`, or install bind9-dnsutils"
        );
        let (rome, berlin, server) =
            (Namespace::new("rome")?, Namespace::new("berlin")?, Namespace::new("resolver")?);
        let mut polling = Vec::new();
        for (city, client) in [(City::Rome, &rome), (City::Berlin, &berlin)] {
            connect(&server, client, city)?;
            polling.push(Polling::start(client, "eth0")?);
        }
        let resolver = match Unbound::start(&server, &SERVER) {
            Ok(unbound) => Resolver::Unbound { _process: unbound },
            Err(_) => Resolver::BuiltIn { _thread: Responder::start(&server, &SERVER)? },
        };
        Ok(Stage { agent: None, resolver, _polling: polling, site: Site::new()?, rome, berlin, server })
    }

    /// The cast.
    pub(super) fn describe(&self) -> String {
        let resolver = match &self.resolver {
            Resolver::Unbound { .. } => "unbound",
            Resolver::BuiltIn { .. } => "a small built-in responder (unbound is not installed)",
        };
        let line = |who: &str, v4: &dyn fmt::Display, v6: &dyn fmt::Display, what: &str| {
            format!("{who:<9} {v4:<15} {v6:<18} {what}\n")
        };
        let mut text = line("resolver", &SERVER[0], &SERVER[1], resolver);
        for (city, what) in [(City::Rome, "a client in Italy"), (City::Berlin, "a client in Germany")] {
            let (v4, v6) = (city.address(false).to_string(), city.address(true).to_string());
            text.push_str(&line(&city.to_string(), &v4, &v6, what));
        }
        text
    }

    fn client(&self, city: City) -> &Namespace {
        match city {
            City::Rome => &self.rome,
            City::Berlin => &self.berlin,
        }
    }

    /// Starts the agent on both interfaces.
    pub(super) fn start_agent(&mut self) -> anyhow::Result<()> {
        self.site.configure_as("auto", "")?;
        self.agent =
            Some(self.site.start(&self.server, &[City::Rome.interface(), City::Berlin.interface()], &[])?);
        Ok(())
    }

    /// Asks the agent to end.
    pub(super) fn stop_agent(&mut self) -> anyhow::Result<Option<i32>> {
        let mut agent = self.agent.take().context("the agent was not started")?;
        agent.process.signal(Signal::SIGTERM)?;
        agent.process.end(Duration::from_secs(10))
    }

    /// Writes a file beside the agent's.
    pub(super) fn write(&self, name: &str, text: &str) -> anyhow::Result<PathBuf> {
        let path = self.site.path(name);
        std::fs::write(&path, text)?;
        Ok(path)
    }

    /// A command of the command line, shown with its output.
    pub(super) fn cli(&self, page: &Page, arguments: &str) -> anyhow::Result<Output> {
        let output = self.site.interdict(&self.server, arguments)?;
        page.command("operator", &format!("interdict {arguments}"), &format!("{}{}", output.out, output.err));
        Ok(output)
    }

    /// A command's JSON, not shown.
    pub(super) fn json(&self, arguments: &str) -> anyhow::Result<serde_json::Value> {
        self.site.json(&self.server, arguments)
    }

    /// A query, shown with the lines of dig's output that matter.
    pub(super) fn dig(&self, page: &Page, city: City, is_v6: bool, query: &str) -> anyhow::Result<Dig> {
        let server = lab::server(is_v6);
        let dig = client::dig(self.client(city), server, city.address(is_v6), query)?;
        let mut told = dig.status.clone();
        if let Some(ede) = &dig.ede {
            told.push_str(&format!("   EDE {ede}"));
        }
        for record in dig.answer.iter().chain(&dig.authority) {
            told.push_str(&format!("\n{}", record.split_whitespace().collect::<Vec<_>>().join(" ")));
        }
        if dig.status.is_empty() {
            told = dig.text.lines().filter(|line| line.contains("communications error")).take(1).collect();
        }
        page.command(&city.to_string().to_lowercase(), &format!("dig @{server} {query}"), &told);
        Ok(dig)
    }
}

/// A veth pair between the resolver and a client, with addresses and routes.
fn connect(server: &Namespace, client: &Namespace, city: City) -> anyhow::Result<()> {
    let near = city.interface();
    shell::ip(&format!(
        "link add {near} netns {} type veth peer name eth0 netns {}",
        server.name(),
        client.name()
    ))?;
    server.ip(&format!("link set {near} up"))?;
    client.ip("link set eth0 up")?;
    // the resolver's addresses are on both interfaces: neighbor discovery asks for them there
    server.ip(&format!("address add {}/32 dev {near}", SERVER[0]))?;
    server.ip(&format!("address add {}/128 dev {near} nodad", SERVER[1]))?;
    let (v4, v6) = (city.address(false), city.address(true));
    client.ip(&format!("address add {v4}/32 dev eth0"))?;
    client.ip(&format!("address add {v6}/128 dev eth0 nodad"))?;
    client.ip(&format!("route add {}/32 dev eth0", SERVER[0]))?;
    client.ip(&format!("-6 route add {}/128 dev eth0", SERVER[1]))?;
    server.ip(&format!("route add {v4}/32 dev {near} src {}", SERVER[0]))?;
    server.ip(&format!("-6 route add {v6}/128 dev {near} src {}", SERVER[1]))?;
    lab::offload_off(client, "eth0")
}

/// Removes the files that a story which was killed has left: those that name its process.
pub fn remove_files_of(process: u32) {
    crate::harness::agent::remove_sites(|owner| owner == process);
}
