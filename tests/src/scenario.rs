//! Golden rows: a packet, the settings and the policy it meets, the verdict and the answer that must come of it.
//!
//! It owns how the files in `scenarios/` are read and how a result is held to its row. It does not run anything.

mod expect;

pub use expect::{Answer, Expect};

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use filter_common::abi;
use serde::Deserialize;
use toml::{Table, Value};

use crate::frame::Frame;

/// One packet and what must come of it.
#[derive(Clone, Debug)]
pub struct Case {
    /// File, row and variation.
    pub name: String,
    /// The sections that ask for it.
    pub cites: Vec<String>,
    /// Name of the policy in `scenarios/policy/`.
    pub policy: String,
    /// The settings of the attached program.
    pub settings: Settings,
    /// The packet.
    pub frame: Frame,
    /// What must come of it.
    pub expect: Expect,
}

/// The settings of a row; what it leaves out is the default.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// DNS ports.
    pub ports: Vec<u16>,
    /// First fragments.
    pub fragments: Strictness,
    /// Compressed QNAMEs.
    pub pointer: Strictness,
    /// Listed names over TCP.
    pub tcp: Strictness,
    /// RA in answers.
    pub ra: bool,
    /// Service addresses; empty: all.
    pub services: Vec<IpAddr>,
}

/// A setting's value when the row names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strictness {
    /// Not set.
    #[default]
    Default,
    /// Passed.
    Pass,
    /// Dropped.
    Drop,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            ports: vec![53],
            fragments: Strictness::Default,
            pointer: Strictness::Default,
            tcp: Strictness::Default,
            ra: true,
            services: Vec::new(),
        }
    }
}

impl Settings {
    /// As the program gets them.
    #[must_use]
    pub fn abi(&self) -> abi::Settings {
        let mut settings = abi::Settings::DEFAULT;
        settings.ports = [0; abi::MAX_PORTS];
        settings.ports[..self.ports.len()].copy_from_slice(&self.ports);
        let flags = [
            (abi::SETTING_RA, self.ra),
            (abi::SETTING_FRAGMENTS_PASS, self.fragments == Strictness::Pass),
            (abi::SETTING_POINTER_DROP, self.pointer == Strictness::Drop),
            (abi::SETTING_TCP_PASS, self.tcp == Strictness::Pass),
            (abi::SETTING_SERVICES, !self.services.is_empty()),
        ];
        settings.flags = flags.iter().filter(|(_, set)| *set).map(|(flag, _)| flag).sum();
        settings
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    policy: String,
    row: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: String,
    cites: Vec<String>,
    policy: Option<String>,
    #[serde(default)]
    settings: Settings,
    packet: Table,
    #[serde(default)]
    vary: Vec<Table>,
    expect: Expect,
}

/// A file that cannot be read.
#[derive(Debug)]
pub struct Fault {
    file: PathBuf,
    what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file.display(), self.what)
    }
}

impl std::error::Error for Fault {}

/// Where the rows are.
#[must_use]
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

/// Every case of every file, in order.
///
/// # Errors
/// When a file cannot be read.
pub fn all() -> Result<Vec<Case>, Fault> {
    let fault = |e: std::io::Error| Fault { file: folder(), what: e.to_string() };
    let entries = std::fs::read_dir(folder()).map_err(fault)?;
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    let mut cases = Vec::new();
    for path in files {
        cases.extend(read(&path).map_err(|what| Fault { file: path, what })?);
    }
    Ok(cases)
}

fn read(path: &Path) -> Result<Vec<Case>, String> {
    let text = std::fs::read_to_string(path).map_err(|e| e.to_string())?;
    let file: File = toml::from_str(&text).map_err(|e| e.to_string())?;
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let mut cases = Vec::new();
    for row in file.row {
        let variations = if row.vary.is_empty() { vec![Table::new()] } else { row.vary };
        for (number, variation) in variations.iter().enumerate() {
            let mut packet = row.packet.clone();
            lay_over(&mut packet, variation);
            let name = format!("{stem}: {} [{number}]", row.name);
            let frame = packet.try_into().map_err(|e| format!("{name}: {e}"))?;
            let policy = row.policy.clone().unwrap_or_else(|| file.policy.clone());
            let (cites, settings, expect) = (row.cites.clone(), row.settings.clone(), row.expect.clone());
            cases.push(Case { name, cites, policy, settings, frame, expect });
        }
    }
    Ok(cases)
}

/// Lays the keys of `over` over a table, and tables inside it over the tables there.
fn lay_over(table: &mut Table, over: &Table) {
    for (key, value) in over {
        match (table.get_mut(key), value) {
            (Some(Value::Table(inner)), Value::Table(over)) => lay_over(inner, over),
            _ => {
                table.insert(key.clone(), value.clone());
            }
        }
    }
}
