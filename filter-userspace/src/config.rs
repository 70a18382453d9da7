//! Configuration: the file and the command line, resolved into one checked [`Config`].
//!
//! It owns the keys, their defaults and their limits; an unknown key is an error. It reads no file and looks at no
//! machine.

mod choices;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use filter_common::abi::{self, MAX_PORTS, Settings};
use ipnet::IpNet;
use serde::{Deserialize, Deserializer, de::Error as _};

use crate::list::{Position, key_position, toml_error};
use crate::names::Name;
use crate::policy::{Mode, Soa};
use crate::region::parse_prefix;

pub use choices::{Attach, Events, Fragments, Limits, Pointer, Tcp};

/// Octets of the longest interface name (`IFNAMSIZ` less its NUL).
const MAX_INTERFACE: usize = 15;
/// Entries that a map may be made for.
const MAX_ENTRIES: u32 = 1 << 24;

/// Why a configuration is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// In the file.
    #[error("{path}:{at}: {what}")]
    File {
        /// The file.
        path: String,
        /// Where in it.
        at: Position,
        /// Subject and fact; what was expected; remedy.
        what: String,
    },
    /// On the command line, or between the command line and the file.
    #[error("{0}")]
    Arguments(String),
}

/// The whole configuration.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Config {
    /// Interfaces to filter.
    pub interfaces: Vec<String>,
    /// Enforce or observe.
    pub mode: Mode,
    /// How to attach.
    pub attach: Attach,
    /// DNS ports.
    pub ports: Vec<u16>,
    /// First fragments.
    pub fragments: Fragments,
    /// Compressed QNAMEs.
    pub pointer: Pointer,
    /// Listed names over TCP.
    pub tcp: Tcp,
    /// Whether answers carry RA=1.
    pub ra: bool,
    /// MNAME and RNAME of the SOA.
    pub soa: Soa,
    /// Directory of the order files.
    pub orders: PathBuf,
    /// The region table.
    pub regions: Option<PathBuf>,
    /// Destinations to filter; empty: all.
    pub service_addresses: Vec<IpAddr>,
    /// Clients that may be answered; empty: all.
    #[serde(deserialize_with = "prefixes")]
    pub client_prefixes: Vec<IpNet>,
    /// Forwarders whose EDNS client subnet decides the region.
    #[serde(deserialize_with = "prefixes")]
    pub trusted_forwarders: Vec<IpNet>,
    /// Names that no order blocks unless it says so.
    pub protected_names: Vec<Name>,
    /// Address of `/metrics`; `None`: off.
    #[serde(deserialize_with = "metrics")]
    pub metrics: Option<SocketAddr>,
    /// Whether `/metrics` may be on an address that others reach.
    pub metrics_public: bool,
    /// The control socket.
    pub control: PathBuf,
    /// Directory on a BPF file system where links are pinned.
    pub pin_dir: PathBuf,
    /// Directory of the audit log.
    pub state_dir: PathBuf,
    /// Sampled decisions.
    pub events: Events,
    /// Sizes of the maps.
    pub limits: Limits,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            interfaces: Vec::new(),
            mode: Mode::Enforce,
            attach: Attach::Auto,
            ports: vec![53],
            fragments: Fragments::Drop,
            pointer: Pointer::Formerr,
            tcp: Tcp::Reset,
            ra: true,
            soa: Soa::default(),
            orders: "/etc/interdict/orders.d".into(),
            regions: None,
            service_addresses: Vec::new(),
            client_prefixes: Vec::new(),
            trusted_forwarders: Vec::new(),
            protected_names: Vec::new(),
            metrics: Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 9353))),
            metrics_public: false,
            control: "/run/interdict/control.sock".into(),
            pin_dir: "/sys/fs/bpf/interdict".into(),
            state_dir: "/var/lib/interdict".into(),
            events: Events::default(),
            limits: Limits::default(),
        }
    }
}

/// What the command line says over the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// Replaces the file's when not empty.
    pub interfaces: Vec<String>,
    /// Directory of the order files.
    pub orders: Option<PathBuf>,
    /// The region table.
    pub regions: Option<PathBuf>,
    /// Enforce or observe.
    pub mode: Option<Mode>,
    /// How to attach.
    pub attach: Option<Attach>,
    /// Address of `/metrics`; `Some(None)`: off.
    pub metrics: Option<Option<SocketAddr>>,
    /// The control socket.
    pub control: Option<PathBuf>,
    /// Directory of pins.
    pub pin_dir: Option<PathBuf>,
    /// Directory of the audit log.
    pub state_dir: Option<PathBuf>,
}

/// A check that failed: the key to show, and what is wrong.
type Failure = (&'static str, String);

impl Config {
    /// Reads a configuration file.
    ///
    /// # Errors
    /// `path:line:column`, the fact, what was expected and the remedy; the first one found.
    pub fn parse(text: &str, path: &str) -> Result<Config, ConfigError> {
        let error = |at, what| ConfigError::File { path: path.to_owned(), at, what };
        let config: Config = toml::from_str(text).map_err(|failure| {
            let (at, what) = toml_error(text, &failure);
            error(at, what)
        })?;
        config.check().map_err(|(key, what)| error(key_position(text, key), what))?;
        Ok(config)
    }

    /// The configuration with what the command line says.
    ///
    /// # Errors
    /// What is wrong on the command line, or together with the file.
    pub fn with(mut self, over: Overrides) -> Result<Config, ConfigError> {
        if !over.interfaces.is_empty() {
            self.interfaces = over.interfaces;
        }
        self.regions = over.regions.or(self.regions);
        replace(&mut self.orders, over.orders);
        replace(&mut self.mode, over.mode);
        replace(&mut self.attach, over.attach);
        replace(&mut self.metrics, over.metrics);
        replace(&mut self.control, over.control);
        replace(&mut self.pin_dir, over.pin_dir);
        replace(&mut self.state_dir, over.state_dir);
        self.check().map_err(|(_, what)| ConfigError::Arguments(what))?;
        Ok(self)
    }

    /// What the program is loaded with.
    #[must_use]
    pub fn settings(&self) -> Settings {
        let mut ports = [0; MAX_PORTS];
        for (place, port) in ports.iter_mut().zip(&self.ports) {
            *place = *port;
        }
        let flags = [
            (self.fragments == Fragments::Pass, abi::SETTING_FRAGMENTS_PASS),
            (self.pointer == Pointer::Drop, abi::SETTING_POINTER_DROP),
            (self.tcp == Tcp::Pass, abi::SETTING_TCP_PASS),
            (self.ra, abi::SETTING_RA),
            (!self.service_addresses.is_empty(), abi::SETTING_SERVICES),
            (self.events.sample != 0, abi::SETTING_EVENTS),
        ];
        let flags = flags.iter().filter(|(is_on, _)| *is_on).fold(0, |all, (_, flag)| all | flag);
        // a sample of 0 becomes the mask that matches nothing worth the name
        Settings { ports, flags, sample_mask: self.events.sample.wrapping_sub(1) }
    }

    fn check(&self) -> Result<(), Failure> {
        self.check_interfaces()?;
        self.check_ports()?;
        self.soa.check().map_err(|what| ("soa", what))?;
        if let Some(address) = self.metrics
            && !address.ip().is_loopback()
            && !self.metrics_public
        {
            return Err((
                "metrics",
                format!(
                    "metrics address {address} can be reached by others; expected a loopback address; change it, or set \
                     metrics-public = true"
                ),
            ));
        }
        if self.events.sample != 0 && !self.events.sample.is_power_of_two() {
            let what = format!("sample is {}; expected 0 or a power of two; correct it", self.events.sample);
            return Err(("sample", what));
        }
        self.check_limits()
    }

    fn check_interfaces(&self) -> Result<(), Failure> {
        let mut seen: Vec<&str> = Vec::new();
        for name in &self.interfaces {
            let fits = (1..=MAX_INTERFACE).contains(&name.len());
            if !fits || name.contains(|c: char| c == '/' || c.is_whitespace() || c.is_control()) {
                let what = format!(
                    "interface {name:?} is no name; expected 1 to {MAX_INTERFACE} characters; correct it"
                );
                return Err(("interfaces", what));
            }
            if seen.contains(&name.as_str()) {
                let what = format!("interface {name} is named twice; expected each once; remove one");
                return Err(("interfaces", what));
            }
            seen.push(name);
        }
        Ok(())
    }

    fn check_ports(&self) -> Result<(), Failure> {
        let count = self.ports.len();
        if !(1..=MAX_PORTS).contains(&count) || self.ports.contains(&0) {
            let what =
                format!("ports are {:?}; expected 1 to {MAX_PORTS} ports above 0; correct them", self.ports);
            return Err(("ports", what));
        }
        Ok(())
    }

    fn check_limits(&self) -> Result<(), Failure> {
        let Limits { names, prefixes, decisions, actions, hits, changes } = self.limits;
        let all = [
            ("names", names),
            ("prefixes", prefixes),
            ("decisions", decisions),
            ("actions", actions),
            ("hits", hits),
            ("changes", changes),
        ];
        match all.iter().find(|(_, number)| !(16..=MAX_ENTRIES).contains(number)) {
            Some((key, number)) => {
                Err((key, format!("limit {key} is {number}; expected 16 to {MAX_ENTRIES}; correct it")))
            }
            None => Ok(()),
        }
    }
}

fn replace<T>(place: &mut T, over: Option<T>) {
    if let Some(value) = over {
        *place = value;
    }
}

fn prefixes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    texts.iter().map(|text| parse_prefix(text).map_err(D::Error::custom)).collect()
}

fn metrics<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SocketAddr>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text == "off" {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| {
        D::Error::custom(format!(
            "metrics address `{text}` cannot be read; expected such as 127.0.0.1:9353, or \"off\"; correct it"
        ))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FULL: &str = r#"
interfaces = ["eth0", "eth1"]
mode = "observe"
attach = "driver"
ports = [53, 5353]
fragments = "pass"
pointer = "drop"
tcp = "pass"
ra = false
orders = "orders.d"
regions = "regions.csv"
service-addresses = ["192.0.2.53", "2001:db8::53"]
client-prefixes = ["192.0.2.0/24"]
trusted-forwarders = ["198.51.100.7"]
protected-names = ["Example.COM"]
metrics = "off"
control = "c.sock"
pin-dir = "/sys/fs/bpf/x"
state-dir = "state"

[soa]
mname = "filter.example"
rname = "legal.example"

[events]
sample = 64

[limits]
decisions = 1024
names = 100000
prefixes = 600000
"#;

    #[test]
    fn an_empty_file_is_the_default() {
        assert_eq!(Config::parse("", "c.toml"), Ok(Config::default()));
        assert_eq!(Config::default().settings(), Settings::DEFAULT);
    }

    #[test]
    fn every_key_is_read() {
        let config = Config::parse(FULL, "c.toml").expect("a configuration");
        assert_eq!(config.interfaces, ["eth0", "eth1"]);
        assert_eq!((config.mode, config.attach), (Mode::Observe, Attach::Driver));
        assert_eq!(config.metrics, None);
        assert_eq!(config.trusted_forwarders, ["198.51.100.7/32".parse::<IpNet>().expect("a prefix")]);
        assert_eq!(config.protected_names[0].to_string(), "example.com");
        assert_eq!((config.limits.decisions, config.limits.actions), (1024, 4096));
        assert_eq!((config.limits.names, config.limits.prefixes), (100_000, 600_000));
        let settings = config.settings();
        assert_eq!(settings.ports, [53, 5353, 0, 0]);
        assert_eq!(settings.sample_mask, 63);
        assert_eq!(settings.flags, 0b11_0111);
    }

    #[test]
    fn errors_name_place_fact_expectation_and_remedy() {
        for (text, expected) in [
            ("colour = 1", "c.toml:1:1: unknown key `colour`; expected one of `interfaces`"),
            ("\nmode = \"on\"", "c.toml:2:8: unknown word `on`; expected `enforce` or `observe`"),
            ("ports = []", "c.toml:1:1: ports are []; expected 1 to 4 ports"),
            ("ports = [1, 2, 3, 4, 5]", "c.toml:1:1: ports are [1, 2, 3, 4, 5]; expected"),
            ("ports = [70000]", "c.toml:1:10: value out of range: integer `70000`; expected a whole number"),
            (
                "metrics = \"0.0.0.0:9353\"",
                "c.toml:1:1: metrics address 0.0.0.0:9353 can be reached by others",
            ),
            ("metrics = \"9353\"", "c.toml:1:11: metrics address `9353` cannot be read"),
            ("[events]\nsample = 3", "c.toml:2:1: sample is 3; expected 0 or a power of two"),
            ("[limits]\nactions = 1", "c.toml:2:1: limit actions is 1; expected 16 to"),
            ("[limits]\nnames = 1", "c.toml:2:1: limit names is 1; expected 16 to"),
            ("[limits]\nprefixes = 1", "c.toml:2:1: limit prefixes is 1; expected 16 to"),
            ("interfaces = [\"a b\"]", "c.toml:1:1: interface \"a b\" is no name"),
            ("interfaces = [\"a\", \"a\"]", "c.toml:1:1: interface a is named twice"),
            ("client-prefixes = [\"192.0.2.1/24\"]", "c.toml:1:19: prefix 192.0.2.1/24 has bits beyond"),
            ("protected-names = [\"a..b\"]", "c.toml:1:19: name `a..b` is refused"),
            ("ra = 1", "c.toml:1:6: wrong kind of value: integer `1`; expected a boolean"),
        ] {
            let error = Config::parse(text, "c.toml").expect_err(text).to_string();
            assert!(error.starts_with(expected), "{text}: {error}");
        }
        let long = format!("[soa]\nmname = \"{0}.{0}.example\"\n", "a".repeat(60));
        let error = Config::parse(&long, "c.toml").expect_err("a long name").to_string();
        assert!(error.starts_with("c.toml:1:2: mname and rname have"), "{error}");
    }

    #[test]
    fn the_command_line_wins() {
        let over = Overrides {
            interfaces: vec!["eth9".into()],
            orders: Some("elsewhere".into()),
            mode: Some(Mode::Enforce),
            metrics: Some(None),
            ..Overrides::default()
        };
        let config =
            Config::parse(FULL, "c.toml").and_then(|config| config.with(over)).expect("a configuration");
        assert_eq!(config.interfaces, ["eth9"]);
        assert_eq!(config.orders, PathBuf::from("elsewhere"));
        assert_eq!(config.mode, Mode::Enforce);
        assert_eq!(config.regions, Some("regions.csv".into()));
        let public = Overrides { metrics: "0.0.0.0:1".parse().ok().map(Some), ..Overrides::default() };
        let error = Config::default().with(public).expect_err("a public address").to_string();
        assert!(error.starts_with("metrics address 0.0.0.0:1 can be reached by others"), "{error}");
    }

    proptest! {
        #[test]
        fn parsing_is_total(text in "\\PC{0,60}(\n\\PC{0,60}){0,3}") {
            let _ = Config::parse(&text, "x");
        }
    }
}
