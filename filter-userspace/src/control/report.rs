//! The replies' shapes: what `--json` prints. A change that breaks a reader is a new `/vN` of its schema.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A reply: its schema's name, then its fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Document<T> {
    pub schema: String,
    #[serde(flatten)]
    pub body: T,
}

impl<T> Document<T> {
    /// `interdict/VERB/v1`.
    #[must_use]
    pub fn new(verb: &str, body: T) -> Document<T> {
        Document { schema: format!("interdict/{verb}/v1"), body }
    }
}

/// `status`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    pub version: String,
    pub pid: u32,
    pub started: String,
    /// `enforce` or `observe`.
    pub mode: String,
    pub policy: PolicyStatus,
    pub interfaces: Vec<InterfaceStatus>,
    pub orders: OrderCounts,
    pub object: ObjectStatus,
    /// When an order next begins or ends by itself.
    pub next_change: Option<String>,
    /// What is wrong now, one sentence each; empty when nothing is.
    pub problems: Vec<String>,
}

/// The policy in force.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct PolicyStatus {
    pub generation: u64,
    /// SHA-256 over the orders and regions it was made from.
    pub digest: String,
    pub names: u64,
    pub published: Option<String>,
    pub took_ms: f64,
    /// Every part was written anew, rather than only what changed.
    pub full: bool,
    pub selftest_failures: u64,
}

/// An interface the agent was told to filter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceStatus {
    pub interface: String,
    /// `attached` or `waiting`.
    pub state: String,
    /// `driver` or `skb`.
    pub mode: Option<String>,
    pub error: Option<String>,
}

/// How many orders are in which state.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OrderCounts {
    pub in_force: usize,
    /// Their time has come, and the kernel does not have them: see the problems.
    pub pending: usize,
    pub scheduled: usize,
    /// Not in force although the deadline has passed.
    pub overdue: usize,
    pub suspended: usize,
    pub ended: usize,
    /// Files that could not be used.
    pub errors: usize,
}

/// The loaded program.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ObjectStatus {
    pub sha256: String,
    pub abi: u32,
    pub verified_instructions: u64,
    pub map_memory_octets: u64,
}

/// `stats`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stats {
    pub generation: u64,
    pub interfaces: Vec<InterfaceStats>,
    pub hits: Vec<HitStats>,
    pub answers_cut: u64,
    pub events_lost: u64,
}

/// One interface's counters.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct InterfaceStats {
    pub interface: String,
    /// Frames seen: the sum of the verdicts.
    pub packets: u64,
    pub pass: u64,
    pub drop: u64,
    pub answer: u64,
    pub reset: u64,
    /// By reason; reasons that never occurred are left out.
    pub passed: BTreeMap<String, u64>,
    pub dropped: BTreeMap<String, u64>,
}

/// Hits of one order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HitStats {
    pub order: String,
    pub region: String,
    pub action: String,
    /// `enforce` or `observe`.
    pub mode: String,
    pub count: u64,
}

/// `region`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegionReport {
    pub address: String,
    /// `null`: unknown.
    pub region: Option<String>,
    /// The prefix that says so.
    pub prefix: Option<String>,
    /// The table that holds the prefix.
    pub source: Option<String>,
    /// Inside `client-prefixes`, or these are not configured.
    pub answered: bool,
}

/// `order list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderList {
    pub orders: Vec<OrderLine>,
    /// Files that could not be used; the last good version of an order stays in force.
    pub errors: Vec<FileError>,
}

/// An order in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderLine {
    pub id: String,
    pub authority: String,
    pub status: String,
    /// `enforced`, `pending` (its time has come, and the kernel does not have it), `scheduled`, `overdue`, `suspended`,
    /// `lifted`, `annulled` or `expired`.
    pub state: String,
    pub action: String,
    pub scope: String,
    /// Names of its own and of its lists.
    pub names: usize,
    pub refused: usize,
    pub effective_from: Option<String>,
    pub effective_until: Option<String>,
    pub file: String,
}

/// `order show`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderReport {
    #[serde(flatten)]
    pub line: OrderLine,
    /// Since when the order has been in force without a break, as far as this agent has seen.
    pub in_force_since: Option<String>,
    pub confidential: bool,
    /// Empty for a confidential order.
    pub listed: Vec<String>,
    pub lists: Vec<String>,
    pub refusals: Vec<Refusal>,
    /// The file could not be used the last time it changed.
    pub error: Option<String>,
}

/// A name that is not taken, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    pub name: Option<String>,
    pub file: String,
    pub line: usize,
    pub reason: String,
}

/// A file that could not be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileError {
    pub file: String,
    pub error: String,
}

/// `order apply`, `lift`, `suspend`, `resume`, `block`, `unblock`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangeReport {
    pub order: String,
    /// Generation that holds the change; the kernel had it before this was written.
    pub generation: u64,
    /// When the kernel had it, to the millisecond.
    pub at: String,
    pub took_ms: f64,
    /// Names the change is about.
    pub names: usize,
    pub enforced: bool,
    pub not_enforced_because: Option<String>,
    pub refused: Vec<Refusal>,
    /// Names that were there already (block) or not there (unblock).
    pub unchanged: Vec<String>,
    /// Where the order is stored.
    pub file: String,
}

/// `reload`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReloadReport {
    pub generation: u64,
    pub changed: bool,
    pub errors: Vec<FileError>,
}

/// `detach`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DetachReport {
    /// Interfaces that are free now.
    pub detached: Vec<String>,
    /// An agent did it (and ended); else the pinned links were removed.
    pub by_agent: bool,
}

/// `explain`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplainReport {
    pub name: String,
    #[serde(rename = "type")]
    pub qtype: String,
    pub client: Option<String>,
    pub region: String,
    pub generation: u64,
    /// `enforce` or `observe`.
    pub mode: String,
    /// `pass`, `drop`, `answer` or `reset`.
    pub verdict: String,
    /// Why it passes or is dropped.
    pub reason: Option<String>,
    /// What the reason means.
    pub meaning: Option<String>,
    pub rcode: Option<String>,
    /// The rule that decides.
    pub decided_by: Option<RuleReport>,
    /// Every rule in force that covers the name, whoever it is for; the longest name first.
    pub covering: Vec<RuleReport>,
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleReport {
    pub order: String,
    pub authority: Option<String>,
    /// The listed name; `null` for a confidential order.
    pub name: Option<String>,
    /// `exact`, `suffix` or `below`.
    #[serde(rename = "match")]
    pub coverage: String,
    pub action: String,
    pub text: Option<String>,
    pub file: String,
    pub line: u32,
    /// Since when the order is in force.
    pub since: Option<String>,
    /// The day the name was added to the order.
    pub added: Option<String>,
    /// It applies to this client and type.
    pub applies: bool,
}
