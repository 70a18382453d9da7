//! What the integration tests, the demo and the benchmarks share: frames, scenarios, the runs of both sides of the
//! kernel boundary, and the harness of network namespaces. See ARCHITECTURE.md for which test proves what.

pub mod answer;
pub mod bench;
pub mod forms;
pub mod frame;
pub mod harness;
pub mod hex;
pub mod parity;
pub mod policy;
pub mod random;
pub mod run;
pub mod scenario;
pub mod story;
