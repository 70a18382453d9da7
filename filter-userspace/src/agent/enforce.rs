//! From orders to the kernel: compile, publish, self-test. What is in force is replaced only after the kernel has the new
//! generation.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::{Agent, AgentError, Book, Regions, start, view};
use crate::config::Config;
use crate::control::report::Refusal;
use crate::error_chain::chain;
use crate::kernel::{FailureKind, Published};
use crate::policy::{Fault, ListInput, OrderInput, PolicyInput, Snapshot};

/// When a policy that could not be published is tried again.
const RETRY: Duration = Duration::from_secs(10);

/// The policy that packets meet.
#[derive(Debug, Default)]
pub(super) struct InForce {
    /// `None` before the first.
    pub(super) snapshot: Option<Arc<Snapshot>>,
    /// Number of its generation.
    pub(super) number: u64,
    /// When the kernel had it.
    pub(super) at: Timestamp,
    /// The same on the monotonic clock.
    pub(super) flipped: Option<Instant>,
    /// From the beginning of the compile until the kernel had it.
    pub(super) took: Duration,
    /// Every name was written, rather than those that changed.
    pub(super) full: bool,
    /// SHA-256 over what it was made from.
    pub(super) digest: String,
    /// Names that are not in it, by order.
    pub(super) refusals: Vec<(Arc<str>, Refusal)>,
    /// The orders in it, and since when without a break.
    pub(super) since: BTreeMap<Arc<str>, Timestamp>,
}

/// What a policy is made from, as of now.
pub(crate) fn policy_input(book: &Book, regions: &Regions, config: &Config, now: Timestamp) -> PolicyInput {
    let orders = book.held().map(|held| {
        let lists = held.lists.iter().map(|path| ListInput {
            path: path.display().to_string().into(),
            list: book.list(path).and_then(|file| file.list.clone()),
        });
        OrderInput { order: Arc::clone(&held.order), lists: lists.collect() }
    });
    PolicyInput {
        orders: orders.collect(),
        regions: Arc::clone(regions.table()),
        client_prefixes: config.client_prefixes.clone(),
        forwarders: config.trusted_forwarders.clone(),
        protected_names: config.protected_names.clone(),
        mode: config.mode,
        soa: config.soa.clone(),
        now,
    }
}

impl Agent {
    /// The first policy: an error ends the start.
    pub(super) fn first_policy(&mut self) -> Result<(), AgentError> {
        self.enforce("start")
    }

    /// Makes the policy anew and publishes it; on failure the policy in force stays.
    pub(super) fn enforce(&mut self, why: &str) -> Result<(), AgentError> {
        let (now, started) = (Timestamp::now(), Instant::now());
        let input = policy_input(&self.book, &self.regions, &self.config, now);
        let (snapshot, faults, published) = self.publish(&input)?;
        let flipped = Instant::now();
        let at = Timestamp::try_from(published.at).unwrap_or_else(|_| Timestamp::now());
        let before = std::mem::take(&mut self.policy.since);
        let in_force =
            input.orders.iter().filter(|input| input.order.in_force(now)).map(|input| &input.order.id);
        let since: BTreeMap<_, _> =
            in_force.map(|id| (Arc::clone(id), before.get(id).copied().unwrap_or(at))).collect();
        self.tell_orders(&before, &since, why);
        self.policy = InForce {
            snapshot: Some(Arc::new(snapshot)),
            number: published.number,
            at,
            flipped: Some(flipped),
            took: flipped.saturating_duration_since(started),
            full: published.full,
            digest: self.digest(now),
            refusals: faults.into_iter().map(refusal).collect(),
            since,
        };
        self.tally.publish_error = None;
        self.tally.retry = None;
        self.samples.forget();
        self.record_publish(why);
        self.self_test();
        Ok(())
    }

    /// Compiles and publishes. What the compiler keeps for its speed only grows; when that is what exceeds a limit, it
    /// starts anew.
    fn publish(&mut self, input: &PolicyInput) -> Result<(Snapshot, Vec<Fault>, Published), AgentError> {
        let (snapshot, faults) = self.compiler.compile(input)?;
        match self.datapath.publish(&snapshot) {
            Ok(published) => Ok((snapshot, faults, published)),
            Err(error) if error.kind() == FailureKind::Limit => {
                self.compiler = self.compiler.with_key(*snapshot.hash_key());
                let (snapshot, faults) = self.compiler.compile(input)?;
                let published = self.datapath.publish(&snapshot)?;
                Ok((snapshot, faults, published))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// As [`Agent::enforce`]; a failure is logged, counted and tried again.
    pub(super) fn enforce_or_tell(&mut self, why: &str) {
        if let Err(error) = self.enforce(why) {
            let error = chain(&error);
            if self.tally.publish_error.as_ref() != Some(&error) {
                self.failed("publish", &error);
            }
            self.tally.publish_error = Some(error);
            self.tally.retry = Instant::now().checked_add(RETRY);
        }
    }

    fn tell_orders(
        &self,
        before: &BTreeMap<Arc<str>, Timestamp>,
        now: &BTreeMap<Arc<str>, Timestamp>,
        why: &str,
    ) {
        for id in now.keys().filter(|id| !before.contains_key(*id)) {
            tracing::info!(order = &**id, why, "order in force");
        }
        for id in before.keys().filter(|id| !now.contains_key(*id)) {
            tracing::warn!(order = &**id, why, "order no longer in force");
        }
    }

    fn record_publish(&mut self, why: &str) {
        let policy = &self.policy;
        let names = policy.snapshot.as_ref().map_or(0, |snapshot| snapshot.listed);
        tracing::info!(
            generation = policy.number,
            names,
            orders = policy.since.len(),
            took_ms = view::millis(policy.took),
            why,
            "published"
        );
        for (order, refusal) in policy.refusals.iter().take(20) {
            let place = format!("{}:{}", refusal.file, refusal.line);
            tracing::warn!(order = &**order, place, "not taken: {}", refusal.reason);
        }
        let record = [
            ("generation", policy.number.into()),
            ("why", why.into()),
            ("policy_sha256", policy.digest.clone().into()),
            ("kernel_time", view::stamp(policy.at).into()),
            ("names", names.into()),
            ("refused", policy.refusals.len().into()),
            ("orders", policy.since.keys().map(|id| id.to_string()).collect::<Vec<_>>().into()),
        ];
        let number = policy.number;
        self.journal.record("publish", record);
        start::keep_generation(&self.config.state_dir, number);
    }

    /// SHA-256 over the orders in force, their lists, the regions and the mode.
    fn digest(&self, now: Timestamp) -> String {
        let mut digest = Sha256::new();
        for held in self.book.held().filter(|held| held.order.in_force(now)) {
            digest.update(Sha256::digest(held.text.as_bytes()));
            for list in held.lists.iter().filter_map(|path| self.book.list(path)?.list.as_ref()) {
                digest.update(list.digest());
            }
        }
        digest.update(self.regions.digest());
        digest.update(self.config.mode.label());
        digest.finalize().iter().map(|octet| format!("{octet:02x}")).collect()
    }
}

fn refusal(fault: Fault) -> (Arc<str>, Refusal) {
    let refusal = Refusal {
        name: fault.name.as_ref().map(ToString::to_string),
        file: fault.path.to_string(),
        line: usize::try_from(fault.line).unwrap_or(usize::MAX),
        reason: fault.reason.to_string(),
    };
    (fault.order, refusal)
}
