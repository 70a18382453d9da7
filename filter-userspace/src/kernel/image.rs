//! What of a policy goes into the kernel: numbers, keys and octets. Publishing sees this and nothing else of it.

use std::sync::Arc;

use filter_common::abi::{ACTION_FIRST, Action, Decision, Generation, HashKey, MAX_TYPES};
use ipnet::{Ipv4Net, Ipv6Net};

use super::error::KernelError;
use super::load::Limits;
use crate::policy::{Base, NameMap, Snapshot};

/// A policy as the maps have it.
#[derive(Clone, Copy, Debug)]
pub struct PolicyImage<'a> {
    /// A `MODE_` number of the ABI.
    pub mode: u32,
    /// The base of the names. Two images with one `Arc` share it, and it is written once.
    pub base: &'a Arc<Base>,
    /// The names that differ from the base. A lifted name is here with no set and nothing below.
    pub changes: &'a Arc<NameMap>,
    /// How many names are listed, for people.
    pub names: usize,
    /// Set of rules that hold the root name; 0: none.
    pub root: u32,
    /// One bank of decisions.
    pub decisions: &'a [Decision],
    /// Regions a row of decisions has.
    pub regions_count: u32,
    /// Query types with a class of their own.
    pub types: &'a [u16],
    /// One bank of actions.
    pub actions: &'a [Action],
    /// The IPv4 prefixes with their words.
    pub prefixes_v4: &'a Arc<Vec<(Ipv4Net, u32)>>,
    /// The IPv6 prefixes.
    pub prefixes_v6: &'a Arc<Vec<(Ipv6Net, u32)>>,
    /// The region word of an address that no prefix covers.
    pub unknown: u32,
    /// The key that the names' keys were made with.
    pub hash_key: &'a HashKey,
}

impl<'a> From<&'a Snapshot> for PolicyImage<'a> {
    fn from(snapshot: &'a Snapshot) -> PolicyImage<'a> {
        PolicyImage {
            mode: snapshot.mode.number(),
            base: snapshot.names.base(),
            changes: snapshot.names.changes(),
            names: snapshot.names.len(),
            root: snapshot.root,
            decisions: &snapshot.decisions,
            regions_count: snapshot.regions_count,
            types: &snapshot.types,
            actions: &snapshot.actions,
            prefixes_v4: &snapshot.prefixes_v4,
            prefixes_v6: &snapshot.prefixes_v6,
            unknown: snapshot.unknown,
            hash_key: snapshot.hash_key(),
        }
    }
}

impl PolicyImage<'_> {
    /// That it fits the maps and the program's arithmetic.
    pub(super) fn check(&self, limits: &Limits, key: &HashKey) -> Result<(), KernelError> {
        if self.hash_key != key {
            return Err(KernelError::OtherKey);
        }
        let hits = self.decisions.iter().map(|decision| decision.hits).max().unwrap_or(0);
        let hits = usize::try_from(hits).unwrap_or(usize::MAX).saturating_add(1);
        within("decisions (sets x regions x types)", self.decisions.len(), limits.decisions, "decisions")?;
        within("actions", self.actions.len(), limits.actions, "actions")?;
        within("counters of decisions", hits, limits.hits, "hits")?;
        within("IPv4 prefixes", self.prefixes_v4.len(), limits.prefixes, "prefixes")?;
        within("IPv6 prefixes", self.prefixes_v6.len(), limits.prefixes, "prefixes")?;
        within("names", self.base.len(), limits.names, "names")?;
        self.check_arithmetic()
    }

    fn check_arithmetic(&self) -> Result<(), KernelError> {
        let inconsistent = |what: String| Err(KernelError::Inconsistent { what });
        if self.types.len() > MAX_TYPES {
            return inconsistent(format!(
                "{} query types have rules, at most {MAX_TYPES} may",
                self.types.len()
            ));
        }
        if self.regions_count == 0 {
            return inconsistent("it has no region, not even the unknown one".to_owned());
        }
        let row = 2 * u64::from(self.regions_count) * u64::from(self.types_count());
        if !(self.decisions.len() as u64).is_multiple_of(row) {
            return inconsistent(format!("{} decisions are no multiple of {row}", self.decisions.len()));
        }
        let first = usize::try_from(ACTION_FIRST).unwrap_or(usize::MAX);
        if self.actions.len() < first {
            return inconsistent(format!("{} actions, at least {first} are fixed", self.actions.len()));
        }
        let beyond = self.decisions.iter().find(|decision| decision.action as usize >= self.actions.len());
        beyond.map_or(Ok(()), |decision| inconsistent(format!("there is no action {}", decision.action)))
    }

    fn types_count(&self) -> u32 {
        u32::try_from(self.types.len()).unwrap_or(u32::MAX).saturating_add(1)
    }

    /// Its record, but for the places that publishing chooses.
    pub(super) fn record(&self, number: u64) -> Generation {
        let mut types = [0; MAX_TYPES];
        for (place, kind) in types.iter_mut().zip(self.types) {
            *place = *kind;
        }
        Generation {
            number,
            mode: self.mode,
            root: self.root,
            regions_count: self.regions_count,
            types_count: self.types_count(),
            types,
            ..Generation::default()
        }
    }
}

/// That `needed` does not pass the limit.
pub(super) fn within(
    what: &'static str,
    needed: usize,
    limit: u32,
    key: &'static str,
) -> Result<(), KernelError> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    if needed <= limit { Ok(()) } else { Err(KernelError::Limit { what, needed, limit, key }) }
}
