//! What changes by itself: files, interfaces, time. Errors here are logged, counted and shown; the last good version
//! stays in force.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;

use super::links::LinkNews;
use super::{Agent, News, setup};

impl Agent {
    /// The regular look at everything.
    pub(super) fn poll(&mut self) {
        if let Some(jump) = self.clock.look() {
            self.tally.clock_jumps = self.tally.clock_jumps.saturating_add(1);
            self.journal.record("clock-jump", [("seconds", jump.into())]);
            tracing::warn!(seconds = jump, "the wall clock jumped; orders begin and end by it");
        }
        for news in self.links.tend(&mut self.datapath) {
            self.tell_link(news);
        }
        self.log_samples();
        self.regular_self_test();
        let changed = self.look(false);
        let retry = self.tally.retry.is_some_and(|at| at <= Instant::now());
        if changed || retry {
            self.enforce_or_tell("files changed");
        } else {
            self.time_passed();
        }
    }

    /// Reads everything again, the configuration too; whether anything changed.
    pub(super) fn reload(&mut self) -> bool {
        self.notifier.reloading();
        self.journal.record("reload", []);
        let configured = self.reload_config();
        let changed = self.look(true) || configured;
        if changed {
            self.enforce_or_tell("reload");
        }
        let status = self.one_line();
        tracing::info!("reloaded: {status}");
        self.notifier.ready(&status);
        changed
    }

    /// Puts orders in force whose time has come, and takes out those whose time is over.
    pub(super) fn time_passed(&mut self) {
        let now = Timestamp::now();
        let due: BTreeSet<&Arc<str>> =
            self.book.held().filter(|held| held.order.in_force(now)).map(|held| &held.order.id).collect();
        if !due.into_iter().eq(self.policy.since.keys()) && self.tally.retry.is_none() {
            self.enforce_or_tell("time");
        }
    }

    /// When an order next begins or ends by itself.
    pub(super) fn next_change(&self, after: Timestamp) -> Option<Timestamp> {
        self.book.held().filter_map(|held| held.order.next_change(after)).min()
    }

    fn reload_config(&mut self) -> bool {
        let new = match self.setup.read() {
            Ok(new) => new,
            Err(error) => {
                self.failed("config", &error.to_string());
                self.tally.config_error = Some(error.to_string());
                return false;
            }
        };
        self.tally.config_error = None;
        for key in setup::needs_restart(&self.config, &new) {
            tracing::warn!(
                "{key} changed in the configuration; it takes effect when the agent is started again"
            );
        }
        let config = setup::reloaded(&self.config, new);
        let changed = config != self.config;
        self.config = config;
        changed
    }

    /// Looks at orders, lists and regions; whether the policy must be made again.
    fn look(&mut self, now: bool) -> bool {
        let mut changed = false;
        for news in self.book.look(now) {
            changed |= self.tell(news);
        }
        match self.regions.look(now) {
            None => {}
            Some(Ok(())) => {
                tracing::info!(prefixes = self.regions.table().len(), "region table read");
                self.journal.record("regions", [("sha256", self.regions.digest().into())]);
                changed = true;
            }
            Some(Err(error)) => self.failed("regions", &error.to_string()),
        }
        changed
    }

    fn tell(&mut self, news: News) -> bool {
        match news {
            News::Order { id, path } => {
                let file = path.display().to_string();
                tracing::info!(order = &*id, file, "order read");
                self.journal.record("order", [("order", (&*id).into()), ("file", file.into())]);
                true
            }
            News::Gone { id, path } => {
                let file = path.display().to_string();
                tracing::warn!(
                    order = &*id,
                    file,
                    "the order's file is gone, so the order is no longer in force"
                );
                self.journal.record("order-gone", [("order", (&*id).into()), ("file", file.into())]);
                true
            }
            News::List { path } => {
                let file = path.display().to_string();
                tracing::info!(file, "list read");
                self.journal.record("list", [("file", file.into())]);
                true
            }
            News::Failed { error, .. } => {
                self.failed("order", &error);
                false
            }
        }
    }

    /// A new version that cannot be used.
    pub(super) fn failed(&mut self, reason: &'static str, error: &str) {
        let count = self.tally.reload_failures.entry(reason).or_default();
        *count = count.saturating_add(1);
        tracing::error!(reason, "{error}; the last good version stays in force");
        self.journal.record("refuse", [("reason", reason.into()), ("error", error.into())]);
    }

    /// Says what became of an interface.
    pub(super) fn tell_link(&mut self, news: LinkNews) {
        match news {
            LinkNews::Attached { interface, mode, taken_over, driver_refused } => {
                if let Some(reason) = driver_refused {
                    tracing::warn!(interface, "{reason}; skb mode is used, which is slower");
                }
                let how = if taken_over { "in the place of the program before" } else { "anew" };
                tracing::info!(interface, mode, "attached to {interface} in {mode} mode, {how}");
                let record = [
                    ("interface", interface.into()),
                    ("mode", mode.into()),
                    ("taken_over", taken_over.into()),
                ];
                self.journal.record("attach", record);
            }
            LinkNews::Lost { interface } => {
                tracing::warn!(interface, "the interface is gone; it is attached again when it is back");
                self.journal.record("lost", [("interface", interface.into())]);
            }
            LinkNews::Unpinned { interface, path } => {
                let path = path.display().to_string();
                tracing::error!(
                    interface,
                    path,
                    "the link's pin was removed: the filter now ends with the agent"
                );
            }
            LinkNews::Failed { interface, error } => tracing::error!(interface, "{error}"),
        }
    }
}
