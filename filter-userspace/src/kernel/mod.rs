//! The kernel's side: the only module that knows aya, bpf(2) and the maps. It knows snapshots and the ABI, not orders
//! and lists, and needs no async runtime: what it offers blocks (a publish for milliseconds, test-runs for microseconds).
//!
//! [`Datapath`] is the loaded program. The rest in reading order: `object` and `load` bring it into the kernel,
//! `publish` puts a policy in force, `attach` and `pin` put it on interfaces, `counters`, `events` and `log` read what it
//! says, `testrun` runs it on frames of our own, `facts` describes it.

mod attach;
mod attachment;
mod bank;
mod batch;
mod capability;
mod counters;
mod datapath;
mod error;
mod events;
mod facts;
mod grace;
mod holder;
mod image;
mod inner;
mod link;
mod load;
mod log;
mod memory;
mod object;
mod outer;
mod overlay;
mod pages;
mod pin;
mod pool;
mod publish;
mod stored;
mod sys;
mod testrun;

pub use attach::{AttachMode, Mode};
pub use attachment::{Attachment, Detached, Health, Origin, detach};
pub use capability::require as require_capabilities;
pub use counters::{Bank, Meters};
pub use datapath::Datapath;
pub use error::{FailureKind, KernelError};
pub use events::Events;
pub use facts::Facts;
pub use holder::Holder;
pub use image::PolicyImage;
pub use load::{Limits, LoadOptions, ProgramLog};
pub use log::ProgramLines;
pub use object::Object;
pub use pin::PinDir;
pub use publish::{Published, Publisher};
pub use testrun::{LEAST as LEAST_FRAME, Observation, Observer, Runner, TestRun};

#[cfg(test)]
mod tests;
