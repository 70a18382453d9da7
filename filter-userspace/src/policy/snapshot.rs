//! A compiled policy, ready to publish and immutable: what the program's maps will hold, and what the numbers in them
//! mean to people.
//!
//! It knows neither maps nor how it was compiled.

use std::sync::Arc;

use filter_common::abi::{Action, Decision, HashKey};
use ipnet::{Ipv4Net, Ipv6Net};
use serde::Deserialize;

use super::clients::{Client, Index};
use super::hits::HitTable;
use super::rule::SetRules;
use super::ruling::AllTerms;
use super::table::NameTable;
use crate::region::RegionTable;

/// Whether verdicts are carried out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// They are.
    #[default]
    Enforce,
    /// Everything passes; what would have happened is counted.
    Observe,
}

impl Mode {
    /// The mode's word in configuration, JSON and metrics.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Mode::Enforce => "enforce",
            Mode::Observe => "observe",
        }
    }

    /// Its number in a [`filter_common::abi::Generation`].
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            Mode::Enforce => filter_common::abi::MODE_ENFORCE,
            Mode::Observe => filter_common::abi::MODE_OBSERVE,
        }
    }
}

/// One compiled policy.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Number of the generation; 0 until it is published.
    pub number: u64,
    /// Enforce or observe.
    pub mode: Mode,
    /// Every listed name, and the names above them.
    pub names: NameTable,
    /// How many names hold rules.
    pub listed: usize,
    /// Set of rules that hold the root name; 0: none.
    pub root: u32,
    /// One bank of decisions, by the formula of [`Decision`] with `decisions` = 0.
    pub decisions: Vec<Decision>,
    /// Regions a row of decisions has, "unknown" (0) included.
    pub regions_count: u32,
    /// Query types with a class of their own: `types[i]` has class `i + 1`.
    pub types: Vec<u16>,
    /// One bank of actions; the first three are always none, FORMERR and BADVERS.
    pub actions: Vec<Action>,
    /// The IPv4 prefixes with their words. Snapshots that share the `Arc` need it written once.
    pub prefixes_v4: Arc<Vec<(Ipv4Net, u32)>>,
    /// The IPv6 prefixes with their words.
    pub prefixes_v6: Arc<Vec<(Ipv6Net, u32)>>,
    /// The region word of an address that no prefix covers.
    pub unknown: u32,
    /// The region table.
    pub regions: Arc<RegionTable>,
    /// What each slot of `HITS` counts.
    pub hits: Arc<HitTable>,
    pub(super) key: Arc<HashKey>,
    pub(super) sets: Arc<Vec<SetRules>>,
    pub(super) clients: Arc<Vec<Client>>,
    pub(super) index: Arc<Index>,
    pub(super) terms: AllTerms,
}

impl Snapshot {
    /// Type classes a cell of decisions has: 1 + the types with a class of their own.
    #[must_use]
    pub fn types_count(&self) -> u32 {
        u32::try_from(self.types.len()).unwrap_or(u32::MAX).saturating_add(1)
    }

    /// The secret key that the names' keys were made with.
    #[must_use]
    pub fn hash_key(&self) -> &HashKey {
        &self.key
    }
}
