//! The choices and sizes of the configuration, each with its default.

use serde::Deserialize;

/// How the program is attached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Attach {
    /// Driver mode, else skb mode.
    #[default]
    Auto,
    /// Driver mode.
    Driver,
    /// Skb mode.
    Skb,
}

/// What becomes of the first fragment of a datagram to a DNS port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fragments {
    /// It is dropped.
    #[default]
    Drop,
    /// It passes.
    Pass,
}

/// What becomes of a compressed QNAME.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pointer {
    /// It is answered with FORMERR.
    #[default]
    Formerr,
    /// It is dropped.
    Drop,
}

/// What becomes of a listed name over TCP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tcp {
    /// The connection is reset.
    #[default]
    Reset,
    /// It passes.
    Pass,
}

/// Sampling of decisions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Events {
    /// One hit of so many is reported, a power of two; 0: none.
    pub sample: u32,
}

/// For how many entries the maps are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Limits {
    /// Names of one generation, with those above them.
    pub names: u32,
    /// Prefixes of each IP version.
    pub prefixes: u32,
    /// Decisions of one generation.
    pub decisions: u32,
    /// Actions of one generation.
    pub actions: u32,
    /// Hit counters.
    pub hits: u32,
    /// Names changed since the base.
    pub changes: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            names: 1 << 24,
            prefixes: 131_072,
            decisions: 131_072,
            actions: 4096,
            hits: 65_536,
            changes: 65_536,
        }
    }
}
