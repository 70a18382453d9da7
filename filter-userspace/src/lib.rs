//! The agent and the command line of Interdict.
//!
//! `names`, `list`, `order`, `region` and `policy` are pure: they do no I/O. `kernel` knows snapshots and maps, not
//! orders. `agent` joins them; `control` is how the command line speaks to it.

pub mod agent;
pub mod args;
pub mod commands;
pub mod config;
pub mod control;
pub mod error_chain;
pub mod evidence;
pub mod kernel;
pub mod list;
pub mod metrics;
pub mod names;
pub mod order;
pub mod policy;
pub mod qtype;
pub mod region;
