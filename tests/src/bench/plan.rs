//! Which policies and kinds of packets are measured: much in everyday use, everything in full.

use super::arguments::Arguments;
use super::figure::count;
use super::policy::Size;
use super::pool::Kind;

/// Kinds of packets at one policy.
pub(super) struct Measurement {
    /// The policy's size.
    pub(super) size: Size,
    /// Kinds, each with whether over IPv6.
    pub(super) kinds: Vec<(Kind, bool)>,
}

impl Measurement {
    fn new(names: usize, prefixes: usize, kinds: &[Kind], families: &[bool]) -> Measurement {
        let size = Size { names, prefixes, orders: 1, regions: 50 };
        let kinds = kinds.iter().filter(|kind| names > 0 || !kind.needs_names());
        let kinds = kinds.flat_map(|kind| families.iter().map(|is_v6| (*kind, *is_v6))).collect();
        Measurement { size, kinds }
    }

    /// The policy's size in words.
    #[must_use]
    pub(super) fn words(&self) -> String {
        words(self.size)
    }
}

/// A policy's size in words.
#[must_use]
pub(super) fn words(size: Size) -> String {
    let orders = match size.orders {
        0 | 1 => String::new(),
        many => format!(", {} orders, {} regions", count(many), count(size.regions)),
    };
    format!("{} names, {} prefixes{orders}", count(size.names), count(size.prefixes))
}

/// Everything to measure, the large policy last.
#[must_use]
pub(super) fn plan(arguments: &Arguments) -> Vec<Measurement> {
    const BOTH: &[bool] = &[false, true];
    let large = arguments.names.unwrap_or(1_000_000);
    let new = |names, prefixes, kinds: &[Kind], families| {
        let is_wanted = |kind: &Kind| {
            let wanted = &arguments.kinds;
            wanted.is_empty() || wanted.iter().any(|wanted| kind.label().starts_with(wanted.as_str()))
        };
        let kinds: Vec<Kind> = kinds.iter().copied().filter(is_wanted).collect();
        Measurement::new(names, prefixes, &kinds, families)
    };
    if let Some(prefixes) = arguments.prefixes {
        return vec![new(large, prefixes, &Kind::ALL, BOTH)];
    }
    let mut plan = vec![
        new(0, 1, &[Kind::NotUdp, Kind::NotDns, Kind::Benign, Kind::Longest], BOTH),
        new(1_000, 1, &[Kind::OtherRegion], BOTH),
        new(1_000, 1_000, &Kind::ALL, if arguments.full { BOTH } else { &[false] }),
        new(1_000, 100_000, &[Kind::OtherRegion], BOTH),
    ];
    if arguments.full {
        let some = [Kind::Benign, Kind::LongBenign, Kind::OtherRegion, Kind::Answered];
        plan.push(new(1_000, 500_000, &[Kind::OtherRegion], BOTH));
        plan.push(new(large, 1, &some, BOTH));
        plan.push(new(large, 500_000, &some, BOTH));
        let mut many = new(large, 100_000, &some, BOTH);
        (many.size.orders, many.size.regions) = (10_000, 300);
        plan.push(many);
        plan.push(new(10_000_000, 100_000, &some, BOTH));
    }
    plan.push(new(large, 100_000, &Kind::ALL, BOTH));
    plan
}
