//! What the measurements can be asked for.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Measure what the filter costs. Needs root; the figures are only as quiet as the machine.
#[derive(Clone, Debug, Parser)]
#[command(name = "cargo xtask bench", bin_name = "cargo xtask bench")]
pub(super) struct Arguments {
    /// Everything: 10 million names, half a million prefixes, every contender, more rounds.
    #[arg(long)]
    pub(super) full: bool,
    /// Only these parts.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub(super) only: Vec<Part>,
    /// One JSON object instead of tables.
    #[arg(long)]
    pub(super) json: bool,
    /// Write docs/benchmarks.md, its pictures and the raw figures.
    #[arg(long)]
    pub(super) write_docs: bool,
    /// The benchmark's eBPF object.
    #[arg(
        long,
        env = "INTERDICT_BENCH_OBJECT",
        default_value = "target/ebpf/bpfel-unknown-none/release/bench",
        hide = true
    )]
    pub(super) object: PathBuf,
    /// The repository.
    #[arg(long, env = "INTERDICT_BENCH_ROOT", default_value = ".", hide = true)]
    pub(super) root: PathBuf,
    /// How often each program is loaded; the compiler of the kernel places it anew each time.
    #[arg(long)]
    pub(super) loads: Option<usize>,
    /// How often everything is measured in turn.
    #[arg(long)]
    pub(super) rounds: Option<usize>,
    /// Frames of a pool.
    #[arg(long, default_value_t = 16_384)]
    pub(super) frames: usize,
    /// Names of the large list of `packets` and of the contenders.
    #[arg(long)]
    pub(super) names: Option<usize>,
    /// Of `packets`, only a policy with so many prefixes.
    #[arg(long)]
    pub(super) prefixes: Option<usize>,
    /// Of `packets`, only kinds whose name begins with one of these.
    #[arg(long, value_delimiter = ',')]
    pub(super) kinds: Vec<String>,
    /// Only these contenders.
    #[arg(long, value_delimiter = ',')]
    pub(super) contenders: Vec<String>,
}

/// A part of the measurements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Part {
    /// Nanoseconds a packet.
    Packets,
    /// Loading, memory and updates.
    Load,
    /// Queries a second over the network, beside others.
    EndToEnd,
}

impl Part {
    /// Its word.
    #[must_use]
    pub(super) fn label(self) -> &'static str {
        match self {
            Part::Packets => "packets",
            Part::Load => "load",
            Part::EndToEnd => "end-to-end",
        }
    }
}

impl Arguments {
    /// Whether a part is wanted.
    #[must_use]
    pub(super) fn wants(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }
}
