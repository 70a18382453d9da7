//! The filter: one pure function that looks at a frame and says pass, drop, answer or reset, and what both sides of the
//! kernel boundary must agree on for it.
//!
//! In reading order: [`filter`] decides, over [`octets`]; [`wire`] finds the DNS message in a frame and [`dns`] its
//! question; [`policy`] finds the rule; [`verdict`] names what can come of it; [`answer`] writes the response; [`hash`]
//! and [`abi`] are what the maps hold. [`host`] runs all of it outside the kernel.
//!
//! The same code is compiled for the kernel, where what would panic on the host must be an unreachable branch: so there
//! is no indexing, no unwrap and no unchecked arithmetic here, and loops are bounded by named constants.
#![no_std]
#![deny(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    missing_docs
)]

pub mod abi;
mod address;
pub mod answer;
pub mod bucket;
pub mod dns;
pub mod filter;
pub mod hash;
#[cfg(any(test, feature = "host"))]
pub mod host;
pub mod octets;
mod outcome;
pub mod policy;
pub mod region;
pub mod verdict;
pub mod wire;

pub use filter::filter;
pub use octets::{Octets, OctetsMut, Scratch};
pub use outcome::{Hit, Match, Outcome, Query};
pub use policy::Policy;
pub use verdict::{DropReason, PassReason, Verdict};
