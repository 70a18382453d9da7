//! The counters, read from the maps and given their meaning: for `stats` and for `/metrics`.

use std::collections::BTreeMap;

use filter_common::verdict::{ANSWERS_CUT, EVENTS_LOST};
use filter_common::{DropReason, PassReason};

use super::Agent;
use crate::control::report::{HitStats, InterfaceStats, Stats};
use crate::kernel::KernelError;
use crate::metrics::{Hits, Interface, Reading};
use crate::policy::{Hit, Mode};

impl Agent {
    /// Everything `/metrics` shows.
    pub(super) fn reading(&mut self) -> Result<Reading, KernelError> {
        let counts = self.order_counts();
        let facts = self.datapath.facts()?;
        Ok(Reading {
            interfaces: self.interfaces()?,
            hits: self.hits()?,
            generation: self.policy.number,
            names: self.names() as u64,
            changed: self.policy.at.as_millisecond() as f64 / 1000.0,
            orders: vec![
                ("in-force", counts.in_force as u64),
                ("pending", counts.pending as u64),
                ("scheduled", counts.scheduled as u64),
                ("overdue", counts.overdue as u64),
                ("suspended", counts.suspended as u64),
                ("ended", counts.ended as u64),
            ],
            order_errors: counts.errors as u64,
            reload_failures: self
                .tally
                .reload_failures
                .iter()
                .map(|(reason, count)| (*reason, *count))
                .collect(),
            selftest_failures: self.tally.selftest_failures,
            clock_jumps: self.tally.clock_jumps,
            verifier_instructions: facts.verified_instructions.map_or(0, u64::from),
            map_memory: facts.map_memory(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            object_sha256: facts.object_sha256,
            abi: filter_common::abi::ABI_VERSION,
        })
    }

    /// What `stats` shows.
    pub(super) fn stats(&self) -> Result<Stats, KernelError> {
        let interfaces = self.interfaces()?;
        let sum = |index| interfaces.iter().map(|interface| interface.counter(index)).sum();
        Ok(Stats {
            generation: self.policy.number,
            answers_cut: sum(ANSWERS_CUT),
            events_lost: sum(EVENTS_LOST),
            interfaces: interfaces.iter().map(interface_stats).collect(),
            hits: self
                .hits()?
                .into_iter()
                .map(|hit| HitStats {
                    order: hit.order,
                    region: hit.region,
                    action: hit.action,
                    mode: hit.mode.to_owned(),
                    count: hit.count,
                })
                .collect(),
        })
    }

    /// Every interface's counters; zero while it is not attached.
    fn interfaces(&self) -> Result<Vec<Interface>, KernelError> {
        let banks = self.datapath.counters()?;
        let interfaces = self.links.interfaces().map(|(name, mode)| {
            let bank = banks.iter().find(|bank| bank.interface == name);
            Interface {
                name: name.to_owned(),
                mode,
                counters: bank.map_or_else(Vec::new, |bank| bank.values.to_vec()),
            }
        });
        Ok(interfaces.collect())
    }

    /// Hits by order. A query counts for every order in force that holds the name, so figures of several orders overlap.
    fn hits(&self) -> Result<Vec<Hits>, KernelError> {
        let slots = self.datapath.hits()?;
        let mut sums: BTreeMap<(String, String, String, &'static str), u64> = BTreeMap::new();
        let Some(snapshot) = &self.policy.snapshot else { return Ok(Vec::new()) };
        for (slot, hit) in snapshot.hits.iter() {
            let count = usize::try_from(slot).ok().and_then(|slot| slots.get(slot)).copied().unwrap_or(0);
            let own = self.selftest_hits.get(&slot).copied().unwrap_or(0);
            for order in hit.orders.iter() {
                let sum = sums.entry(key(order, hit)).or_default();
                *sum = sum.saturating_add(count.saturating_sub(own));
            }
        }
        let hits = sums.into_iter().map(|((order, region, action, mode), count)| Hits {
            order,
            region,
            action,
            mode,
            count,
        });
        Ok(hits.collect())
    }
}

fn key(order: &str, hit: &Hit) -> (String, String, String, &'static str) {
    let mode = match hit.mode {
        Mode::Enforce => "enforce",
        Mode::Observe => "observe",
    };
    (order.to_owned(), hit.region.to_string(), hit.action.to_owned(), mode)
}

fn interface_stats(interface: &Interface) -> InterfaceStats {
    let [(_, pass), (_, drop), (_, answer), (_, reset)] = interface.verdicts();
    let passed = PassReason::ALL.iter().map(|reason| (reason.label(), interface.counter(reason.counter())));
    let dropped = DropReason::ALL.iter().map(|reason| (reason.label(), interface.counter(reason.counter())));
    InterfaceStats {
        interface: interface.name.clone(),
        packets: pass.saturating_add(drop).saturating_add(answer).saturating_add(reset),
        pass,
        drop,
        answer,
        reset,
        passed: occurred(passed),
        dropped: occurred(dropped),
    }
}

fn occurred<'a>(counts: impl Iterator<Item = (&'a str, u64)>) -> BTreeMap<String, u64> {
    counts.filter(|(_, count)| *count > 0).map(|(reason, count)| (reason.to_owned(), count)).collect()
}
