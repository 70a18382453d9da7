//! Policy: orders, lists and regions become one snapshot. Pure: the clock and the secret key are parameters.
//!
//! In reading order: `compile` is the whole; `guard` refuses names; `parts` brings names in
//! batches into `nodes`, the tree of their hash keys, and `rule` keeps the rules they hold; `clients` numbers the regions and `tree`
//! makes them searchable; `rows` settles who wins; `template` prepares the
//! answers; `base`, `table`, `hits` and `snapshot` are the result. `host` and `explain` read a snapshot as the program
//! does.
//!
//! It refuses to know files, maps and interfaces.

mod base;
mod batch;
mod clients;
mod compile;
mod explain;
mod guard;
mod hits;
mod host;
mod index;
mod input;
mod node;
mod nodes;
mod parts;
mod rows;
mod rule;
mod ruling;
mod snapshot;
mod table;
mod template;
mod tree;

pub use base::Base;
pub use compile::Compiler;
pub use explain::{Client, Covering, ExplainError, Explanation, Matched, explain};
pub use guard::{Fault, Refusal};
pub use hits::{Hit, HitTable};
pub use host::{HostPolicy, HostServices};
pub use input::{CompileError, ListInput, OrderInput, PolicyInput};
pub use snapshot::{Mode, Snapshot};
pub use table::{KeyMap, NameMap, NameTable};
pub use template::Soa;
pub use tree::RegionTree;

#[cfg(test)]
mod tests;
