//! One measured quantity: every sample, from which its median and its spread are taken.

use serde::Serialize;

use super::arguments::Part;

/// A quantity that was measured.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Figure {
    /// The part of the measurements.
    pub(super) part: &'static str,
    /// What was measured.
    pub(super) what: String,
    /// How it is described further: `1000000 names`, `IPv6`.
    pub(super) with: String,
    /// The unit of the samples.
    pub(super) unit: &'static str,
    /// Every sample.
    pub(super) samples: Vec<f64>,
}

impl Figure {
    /// A quantity of a part.
    #[must_use]
    pub(super) fn new(part: Part, what: &str, with: &str, unit: &'static str, samples: Vec<f64>) -> Figure {
        Figure { part: part.label(), what: what.to_owned(), with: with.to_owned(), unit, samples }
    }

    /// The median; 0 without samples.
    #[must_use]
    pub(super) fn median(&self) -> f64 {
        median(&self.samples)
    }

    /// The least sample.
    #[must_use]
    pub(super) fn least(&self) -> f64 {
        self.samples.iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// The greatest sample.
    #[must_use]
    pub(super) fn most(&self) -> f64 {
        self.samples.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }

    /// `median [least-most]`.
    #[must_use]
    pub(super) fn shown(&self) -> String {
        match self.samples.len() {
            0 => "-".to_owned(),
            1 => number(self.median()),
            _ => format!("{} [{}-{}]", number(self.median()), number(self.least()), number(self.most())),
        }
    }
}

/// The median; 0 of nothing.
#[must_use]
pub(super) fn median(samples: &[f64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match (sorted.len() % 2, sorted.get(middle)) {
        (_, None) => 0.0,
        (0, Some(upper)) => f64::midpoint(sorted[middle - 1], *upper),
        (_, Some(middle)) => *middle,
    }
}

/// A number with as many places as it needs.
#[must_use]
pub(super) fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 10.0 => format!("{value:.0}"),
        size if size >= 1.0 => format!("{value:.1}"),
        size if size >= 0.1 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// A count as people write it: `0`, `1e3`, `5e5`.
#[must_use]
pub(super) fn count(number: usize) -> String {
    let mut power = 0;
    let mut rest = number;
    while rest >= 10 && rest.is_multiple_of(10) {
        rest /= 10;
        power += 1;
    }
    if power < 3 { number.to_string() } else { format!("{rest}e{power}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median(&[]), 0.0);
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
    }

    #[test]
    fn counts_are_short() {
        assert_eq!([0, 1, 300, 1000, 500_000, 10_000_000].map(count), ["0", "1", "300", "1e3", "5e5", "1e7"]);
    }
}
