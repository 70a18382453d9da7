//! The XDP program in the kernel, attached nowhere.

use anyhow::{Context, bail};
use filter_common::abi;
use filter_common::verdict::VERDICTS;
use interdict::kernel::{Datapath, Limits, LoadOptions, Observer, Published};

use super::Ran;
use crate::policy::Compiled;
use crate::scenario::Settings;

/// A loaded program with a published policy.
pub struct Kernel {
    datapath: Datapath,
    observer: Observer,
}

impl Kernel {
    /// Loads the program and publishes the policy, if it has one.
    ///
    /// Every hit is reported as an event, so that the counter of each rule can be compared at little cost.
    ///
    /// # Errors
    /// When the kernel refuses something.
    pub fn load(settings: &Settings, policy: &Compiled) -> anyhow::Result<Kernel> {
        let limits = Limits { decisions: 8192, actions: 256, hits: 4096, changes: 1024, ..Limits::default() };
        Kernel::load_for(settings, policy, limits)
    }

    /// The same, with maps of a size of one's own.
    ///
    /// # Errors
    /// When the kernel refuses something.
    pub fn load_for(settings: &Settings, policy: &Compiled, limits: Limits) -> anyhow::Result<Kernel> {
        let mut options = LoadOptions::new(policy.key())?;
        options.settings = settings.abi();
        options.settings.flags |= abi::SETTING_EVENTS;
        options.settings.sample_mask = 0;
        options.services = settings.services.clone();
        options.limits = limits;
        let mut datapath = Datapath::load(&options).context("load the program")?;
        if let Some(snapshot) = policy.snapshot() {
            datapath.publish(snapshot).context("publish the policy")?;
        }
        let observer = datapath.observer()?;
        Ok(Kernel { datapath, observer })
    }

    /// Publishes another policy with the same key.
    ///
    /// # Errors
    /// When the kernel refuses something.
    pub fn publish(&mut self, policy: &Compiled) -> anyhow::Result<Published> {
        let snapshot = policy.snapshot().context("this policy has no snapshot")?;
        Ok(self.datapath.publish(snapshot)?)
    }

    /// Runs a frame.
    ///
    /// # Errors
    /// When the kernel cannot run it, or when another number of verdict counters than one has moved.
    pub fn run(&mut self, frame: &[u8]) -> anyhow::Result<Ran> {
        let seen = self.observer.observe(frame)?;
        let mut verdicts = seen.counters.iter().copied().filter(|counter| *counter < VERDICTS);
        let (Some(counter), None) = (verdicts.next(), verdicts.next()) else {
            bail!("the verdict counters {:?} moved, not one: {}", seen.counters, crate::hex::show(frame));
        };
        Ok(Ran { action: seen.action, counter, hits: seen.hits.unwrap_or(0), frame: seen.data })
    }
}
