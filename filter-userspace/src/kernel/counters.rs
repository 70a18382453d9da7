//! Reading what the program counts. Any number of readers may do so at any time: counters only grow.

use std::collections::BTreeMap;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError};

use aya::maps::{Map, MapData, PerCpuArray};
use aya::util::nr_cpus;
use filter_common::abi::{COUNTER_BANKS, COUNTERS, Counters};

use super::attachment::Attached;
use super::batch;
use super::error::KernelError;
use super::load::map_error;

/// The bank that test-run counts in: the kernel runs the program as if on the loopback interface, whose index is 1.
pub(super) const TEST_RUN_BANK: u32 = 1;

/// One interface's counters, summed over the processors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bank {
    /// Name of the interface.
    pub interface: String,
    /// Its index.
    pub ifindex: u32,
    /// The counters; `filter_common::verdict` says which is which.
    pub values: [u64; COUNTERS],
}

/// Reads the counters. Clones read the same ones.
#[derive(Clone)]
pub struct Meters(Arc<Shared>);

struct Shared {
    counters: PerCpuArray<MapData, Counters>,
    hits: MapData,
    /// Slots of HITS that some policy has used, slot 0 included.
    used: Arc<AtomicU32>,
    attached: Attached,
    cpus: usize,
}

impl Meters {
    pub(super) fn new(
        counters: MapData,
        hits: MapData,
        used: Arc<AtomicU32>,
        attached: Attached,
    ) -> Result<Meters, KernelError> {
        let counters = PerCpuArray::try_from(Map::PerCpuArray(counters))
            .map_err(|error| map_error("opening COUNTERS", error))?;
        let cpus = nr_cpus().map_err(|(what, source)| KernelError::Call { call: what.to_owned(), source })?;
        Ok(Meters(Arc::new(Shared { counters, hits, used, attached, cpus })))
    }

    /// The counters of every attached interface.
    ///
    /// # Errors
    /// The kernel's.
    pub fn counters(&self) -> Result<Vec<Bank>, KernelError> {
        let attached: BTreeMap<u32, String> =
            self.0.attached.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let banks = attached.into_iter().map(|(ifindex, interface)| {
            let values = self.bank(ifindex % COUNTER_BANKS)?;
            Ok(Bank { interface, ifindex, values })
        });
        banks.collect()
    }

    /// The counters of test-runs, which a program attached to the loopback interface shares.
    ///
    /// # Errors
    /// The kernel's.
    pub fn test_run_counters(&self) -> Result<[u64; COUNTERS], KernelError> {
        self.bank(TEST_RUN_BANK)
    }

    /// The counters of the decisions, by slot of HITS, up to the last slot that a policy has used.
    ///
    /// # Errors
    /// The kernel's.
    pub fn hits(&self) -> Result<Vec<u64>, KernelError> {
        let shared = &*self.0;
        let used = usize::try_from(shared.used.load(Ordering::Relaxed)).unwrap_or(0);
        let mut values = vec![0; used.saturating_mul(shared.cpus)];
        batch::lookup_per_cpu(shared.hits.fd().as_fd(), &mut values, shared.cpus)
            .map_err(KernelError::call("reading HITS"))?;
        Ok(values
            .chunks(shared.cpus.max(1))
            .map(|cpus| cpus.iter().fold(0, |sum: u64, value| sum.wrapping_add(*value)))
            .collect())
    }

    fn bank(&self, bank: u32) -> Result<[u64; COUNTERS], KernelError> {
        let cpus = self.0.counters.get(&bank, 0).map_err(|error| map_error("reading COUNTERS", error))?;
        let mut sums = [0u64; COUNTERS];
        for counters in cpus.iter() {
            for (sum, value) in sums.iter_mut().zip(counters.values) {
                *sum = sum.wrapping_add(value);
            }
        }
        Ok(sums)
    }
}
