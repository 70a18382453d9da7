//! What the agent shows of itself: `status`, `order list`, `order show` and `region`. It changes nothing.

use std::net::IpAddr;

use jiff::Timestamp;

use super::Agent;
use super::book::Held;
use crate::control::report::{
    FileError, ObjectStatus, OrderCounts, OrderLine, OrderList, OrderReport, PolicyStatus, Refusal,
    RegionReport, Status,
};
use crate::kernel::KernelError;
use crate::order::{Life, Order, Scope, Unknown};

impl Agent {
    pub(super) fn status(&mut self) -> Result<Status, KernelError> {
        let facts = self.datapath.facts()?;
        Ok(Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            started: stamp(self.started),
            mode: self.config.mode.label().to_owned(),
            policy: PolicyStatus {
                generation: self.policy.number,
                digest: self.policy.digest.clone(),
                names: self.names() as u64,
                published: Some(stamp(self.policy.at)),
                took_ms: millis(self.policy.took),
                full: self.policy.full,
                selftest_failures: self.tally.selftest_failures,
            },
            interfaces: self.links.status(),
            orders: self.order_counts(),
            object: ObjectStatus {
                abi: filter_common::abi::ABI_VERSION,
                verified_instructions: facts.verified_instructions.map_or(0, u64::from),
                map_memory_octets: facts.map_memory(),
                sha256: facts.object_sha256,
            },
            next_change: self.next_change(Timestamp::now()).map(stamp),
            problems: self.problems(),
        })
    }

    /// Names that the policy in force lists, each counted once.
    pub(super) fn names(&self) -> usize {
        self.policy.snapshot.as_ref().map_or(0, |snapshot| snapshot.listed)
    }

    pub(super) fn order_counts(&self) -> OrderCounts {
        let now = Timestamp::now();
        let mut counts = OrderCounts { errors: self.file_errors().len(), ..OrderCounts::default() };
        for held in self.book.held() {
            let count = match held.order.life(now) {
                Life::Enforced if self.policy.since.contains_key(&held.order.id) => &mut counts.in_force,
                Life::Enforced => &mut counts.pending,
                Life::Scheduled => &mut counts.scheduled,
                Life::Overdue => &mut counts.overdue,
                Life::Suspended => &mut counts.suspended,
                Life::Lifted | Life::Annulled | Life::Expired => &mut counts.ended,
            };
            *count = count.saturating_add(1);
        }
        counts
    }

    fn problems(&self) -> Vec<String> {
        let now = Timestamp::now();
        let waiting = self.links.status().into_iter().filter_map(|link| {
            let error =
                link.error.or_else(|| (link.state != "attached").then(|| "not attached".to_owned()))?;
            Some(format!("interface {}: {error}", link.interface))
        });
        let files = self.file_errors().into_iter().map(|error| error.error);
        let overdue = self.book.held().filter(|held| held.order.overdue(now)).map(|held| {
            format!("order {} is overdue: its deadline has passed and it is not in force", held.order.id)
        });
        let evidence = self.journal.failure().map(str::to_owned);
        let selftest = (self.tally.selftest_failures > 0).then(|| {
            format!(
                "self-test: {} verdicts in the kernel were wrong; see the log",
                self.tally.selftest_failures
            )
        });
        let policy = self
            .tally
            .publish_error
            .as_ref()
            .map(|error| format!("the policy in force is not the newest: {error}"));
        waiting.chain(files).chain(overdue).chain(evidence).chain(selftest).chain(policy).collect()
    }

    /// Files that cannot be used as they are.
    pub(super) fn file_errors(&self) -> Vec<FileError> {
        let orders = self.book.errors().into_iter().map(|(path, error)| (path.display().to_string(), error));
        let regions = self.regions.error().map(|error| {
            let path = self.regions.path().map(|path| path.display().to_string()).unwrap_or_default();
            (path, error.to_owned())
        });
        let config = self.tally.config_error.clone().map(|error| {
            let path = self.setup.path.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
            (path, error)
        });
        orders.chain(regions).chain(config).map(|(file, error)| FileError { file, error }).collect()
    }

    pub(super) fn order_list(&self) -> OrderList {
        let orders = self.book.held().map(|held| self.line(held)).collect();
        OrderList { orders, errors: self.file_errors() }
    }

    pub(super) fn order_report(&self, id: &str) -> Option<OrderReport> {
        let (_, file) = self.book.find(id)?;
        let held = file.held.as_ref()?;
        let order = &held.order;
        let listed = order.names.iter().map(|name| name.name.to_string());
        Some(OrderReport {
            line: self.line(held),
            in_force_since: self.policy.since.get(&order.id).copied().map(stamp),
            confidential: order.confidential,
            listed: if order.confidential { Vec::new() } else { listed.collect() },
            lists: held.lists.iter().map(|path| path.display().to_string()).collect(),
            refusals: self.refusals(&order.id),
            error: file.error.clone(),
        })
    }

    fn line(&self, held: &Held) -> OrderLine {
        let order = &held.order;
        OrderLine {
            id: order.id.to_string(),
            authority: order.authority.clone().unwrap_or_default(),
            status: order.status.label().to_owned(),
            state: self.state(order),
            action: order.action.kind.label().to_owned(),
            scope: scope(&order.scope),
            names: self.names_of(held),
            refused: self.refusals(&order.id).len(),
            effective_from: order.begins().map(stamp),
            effective_until: order.effective_until.map(stamp),
            file: order.path.clone(),
        }
    }

    /// The order's place in its life, and whether the kernel has it.
    fn state(&self, order: &Order) -> String {
        match order.life(Timestamp::now()) {
            Life::Enforced if !self.policy.since.contains_key(&order.id) => "pending".to_owned(),
            life => life.label().to_owned(),
        }
    }

    /// Names of an order, its lists included.
    pub(super) fn names_of(&self, held: &Held) -> usize {
        let lists = held.lists.iter().filter_map(|path| self.book.list(path)?.list.as_ref());
        lists.map(|list| list.len()).sum::<usize>().saturating_add(held.order.names.len())
    }

    /// Names of an order that are not enforced, and why. The names of a confidential order are not shown.
    pub(super) fn refusals(&self, id: &str) -> Vec<Refusal> {
        self.policy
            .refusals
            .iter()
            .filter(|(order, _)| &**order == id)
            .map(|(_, refusal)| refusal.clone())
            .collect()
    }

    pub(super) fn region(&self, address: IpAddr) -> RegionReport {
        let table = self.regions.table();
        let found = table.find(address);
        let source = self.regions.path().map(|path| path.display().to_string());
        RegionReport {
            address: address.to_string(),
            region: found.as_ref().map(|found| found.region.to_owned()),
            prefix: found.as_ref().map(|found| found.prefix.to_string()),
            source: found.as_ref().map(|found| format!("{}:{}", source.unwrap_or_default(), found.line)),
            answered: self.config.client_prefixes.is_empty()
                || self.config.client_prefixes.iter().any(|prefix| prefix.contains(&address)),
        }
    }
}

/// An instant as every reply shows it: RFC 3339, UTC, milliseconds.
pub(super) fn stamp(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// A duration in milliseconds.
pub(super) fn millis(took: std::time::Duration) -> f64 {
    (took.as_secs_f64() * 10_000.0).round() / 10.0
}

fn scope(scope: &Scope) -> String {
    let Scope::Part { regions, unknown, .. } = scope else { return "global".to_owned() };
    let mut words: Vec<String> = regions.iter().map(ToString::to_string).collect();
    words.extend(scope.prefixes().map(ToString::to_string));
    if *unknown == Unknown::Block {
        words.push("unknown".to_owned());
    }
    words.join(",")
}
