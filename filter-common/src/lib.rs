//! The filter: one pure function that looks at a frame and says pass, drop, answer or reset, and what both sides of the
//! kernel boundary must agree on for it.
#![no_std]

pub mod abi;
pub mod hash;
pub mod verdict;

pub use verdict::{DropReason, PassReason, Verdict};
