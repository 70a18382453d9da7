//! The policies of the scenarios: orders and regions in one file, compiled as the agent compiles them.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use anyhow::{Context, bail};
use filter_common::abi::{Action, HashKey, KEY_ROWS};
use interdict::order::{Format, Order};
use interdict::policy::{Compiler, HostPolicy, Mode, OrderInput, PolicyInput, Snapshot, Soa};
use interdict::region::RegionTable;
use ipnet::IpNet;
use jiff::Timestamp;
use serde::Deserialize;

use crate::random::Random;

/// The time at which the scenarios play.
const NOW: &str = "2026-01-01T00:00:00Z";

/// A policy file.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Fixture {
    /// The policy that this one adds to.
    like: Option<String>,
    #[serde(default = "yes")]
    published: bool,
    #[serde(default)]
    mode: Option<Mode>,
    #[serde(default)]
    regions: String,
    #[serde(default)]
    client_prefixes: Vec<IpNet>,
    #[serde(default)]
    forwarders: Vec<IpNet>,
    #[serde(default)]
    soa: Soa,
    /// Order files by name.
    #[serde(default)]
    orders: BTreeMap<String, String>,
}

fn yes() -> bool {
    true
}

/// A compiled policy, or the lack of one.
#[derive(Clone, Debug)]
pub struct Compiled {
    name: String,
    key: Arc<HashKey>,
    snapshot: Option<Snapshot>,
}

impl Compiled {
    /// Reads and compiles `scenarios/policy/NAME.toml`.
    ///
    /// # Errors
    /// When the file is wrong, or the compiler refuses any of its names.
    pub fn read(name: &str) -> anyhow::Result<Compiled> {
        let fixture = read(name)?;
        let key = hash_key(&mut Random::new(0x1d0c));
        let snapshot = match fixture.published {
            true => Some(compile(&fixture, key).with_context(|| format!("policy {name}"))?),
            false => None,
        };
        Ok(Compiled { name: name.to_owned(), key: Arc::new(key), snapshot })
    }

    /// A policy from a compiler of one's own.
    #[must_use]
    pub fn of(name: &str, snapshot: Snapshot) -> Compiled {
        Compiled { name: name.to_owned(), key: Arc::new(*snapshot.hash_key()), snapshot: Some(snapshot) }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key of its names.
    #[must_use]
    pub fn key(&self) -> Arc<HashKey> {
        Arc::clone(&self.key)
    }

    /// What is published.
    #[must_use]
    pub fn snapshot(&self) -> Option<&Snapshot> {
        self.snapshot.as_ref()
    }

    /// The host's view of it, for a filter of these service addresses.
    #[must_use]
    pub fn host(&self, services: &[IpAddr]) -> Option<HostPolicy<'_>> {
        self.snapshot.as_ref().map(|snapshot| HostPolicy::new(snapshot).with_services(services))
    }

    /// Its actions.
    #[must_use]
    pub fn actions(&self) -> &[Action] {
        self.snapshot.as_ref().map_or(&[], |snapshot| &snapshot.actions)
    }
}

/// A key drawn from a random sequence.
#[must_use]
pub fn hash_key(random: &mut Random) -> HashKey {
    let mut key = HashKey { rows: [[0; 8]; KEY_ROWS] };
    for number in key.rows.as_flattened_mut() {
        *number = random.number();
    }
    key
}

/// An order as the agent reads it from a file.
///
/// # Errors
/// When it is wrong.
pub fn order(name: &str, text: &str) -> anyhow::Result<OrderInput> {
    let order = Order::parse(text, &format!("{name}.toml"), Format::Toml)?;
    Ok(OrderInput { order: Arc::new(order), lists: Vec::new() })
}

fn read(name: &str) -> anyhow::Result<Fixture> {
    let path = crate::scenario::folder().join("policy").join(format!("{name}.toml"));
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let mut fixture: Fixture = toml::from_str(&text).with_context(|| path.display().to_string())?;
    if let Some(like) = fixture.like.take() {
        let base = read(&like)?;
        fixture.mode = fixture.mode.or(base.mode);
        if fixture.regions.is_empty() {
            fixture.regions = base.regions;
        }
        for (name, text) in base.orders {
            fixture.orders.entry(name).or_insert(text);
        }
    }
    Ok(fixture)
}

fn compile(fixture: &Fixture, key: HashKey) -> anyhow::Result<Snapshot> {
    let orders: Vec<OrderInput> =
        fixture.orders.iter().map(|(name, text)| order(name, text)).collect::<anyhow::Result<_>>()?;
    let regions = match fixture.regions.as_str() {
        "" => RegionTable::default(),
        text => RegionTable::parse(text, "regions.csv")?,
    };
    let input = PolicyInput {
        orders,
        regions: Arc::new(regions),
        client_prefixes: fixture.client_prefixes.clone(),
        forwarders: fixture.forwarders.clone(),
        protected_names: Vec::new(),
        mode: fixture.mode.unwrap_or_default(),
        soa: fixture.soa.clone(),
        now: NOW.parse::<Timestamp>()?,
    };
    let (snapshot, faults) = Compiler::new(key).compile(&input)?;
    if !faults.is_empty() {
        bail!("the compiler refused names: {faults:?}");
    }
    Ok(snapshot)
}
