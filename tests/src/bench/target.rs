//! What was aimed at, as relations between figures of one run, so that they hold on other machines too.

use serde::Serialize;

use super::arguments::Part;
use super::figure::{Figure, number};

/// One aim beside what was measured.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Target {
    /// The quantity.
    pub(super) what: String,
    /// In which unit.
    pub(super) unit: &'static str,
    /// What was aimed at.
    pub(super) aim: f64,
    /// What is still taken.
    pub(super) gate: f64,
    /// Whether more is better.
    pub(super) more_is_better: bool,
    /// What was measured; `None`: not in this run.
    pub(super) measured: Option<f64>,
}

impl Target {
    /// `met`, `within the gate`, `NOT MET` or `not measured`.
    #[must_use]
    pub(super) fn verdict(&self) -> &'static str {
        let reaches =
            |value: f64, bound: f64| if self.more_is_better { value >= bound } else { value <= bound };
        match self.measured {
            None => "not measured",
            Some(value) if reaches(value, self.aim) => "met",
            Some(value) if reaches(value, self.gate) => "within the gate",
            Some(_) => "NOT MET",
        }
    }

    /// Why it is missed, as far as that is known, and what was tried; docs/benchmarks.md says more.
    #[must_use]
    pub(super) fn reason(&self) -> Option<&'static str> {
        let missed = self.verdict() == "NOT MET";
        let known = REASONS.iter().find(|(what, _)| self.what.starts_with(what));
        known.filter(|_| missed).map(|(_, reason)| *reason)
    }

    /// The aim in words.
    #[must_use]
    pub(super) fn words(&self) -> String {
        let sign = if self.more_is_better { ">=" } else { "<=" };
        format!("{sign} {} ({})", number(self.aim), number(self.gate))
    }
}

/// By how a target begins.
const REASONS: &[(&str, &str)] = &[
    (
        "non-DNS packet",
        "about 120 instructions from the Ethernet type to the port, and a counter. \
         Tried: the port before the policy, one bound for each header",
    ),
    ("benign query", "the sieve is in no cache. Tried: buckets alone, inlined lookups, large pages"),
    ("the same, 60 octets", "as for 20 octets"),
    (
        "255 octets",
        "2 ns for each of 127 labels: each is found by the one before. Tried: a pointer instead of an offset",
    ),
    (
        "hostile",
        "the walk, and 15 ns for each of the 34 labels of the rule. \
         Tried: a sieve, the names above listed ones in no bucket",
    ),
    (
        "blocked, full answer",
        "a bucket and a line of the region tree that are in no cache, 70 to 150 ns each. \
         Tried: fetching both at once, large pages, fewer instructions that wait",
    ),
    ("1e7 names", "the sieve is larger than the caches too"),
    (
        "region among",
        "cache lines that depend on each other, two or three for IPv6. Tried: LPM tries, 16 bits a step for both",
    ),
    (
        "load",
        "the compiler puts one name after the other into a tree. Tried: filling the buckets on all processors",
    ),
    ("one name", "a process's start and two files synced to disk; the kernel has the name before those"),
    ("blocked end to end", "few rounds and a spread as large as what is missing"),
];

/// The figures of a run, by what they are called.
struct Figures<'a>(&'a [Figure]);

impl Figures<'_> {
    fn of(&self, part: Part, what: &str, with: &[&str]) -> Option<f64> {
        let found = self.0.iter().find(|figure| {
            let words: Vec<&str> = figure.with.split(", ").collect();
            let is_plain = !words.iter().any(|word| word.ends_with(" orders"));
            let fits = is_plain && with.iter().all(|word| words.contains(word));
            figure.part == part.label() && figure.what == what && fits
        });
        found.map(Figure::median)
    }

    fn cost(&self, what: &str, with: &[&str]) -> Option<f64> {
        self.of(Part::Packets, what, with)
    }

    fn loading(&self, what: &str, names: &str) -> Option<f64> {
        self.of(Part::Load, what, &[names])
    }

    fn rate(&self, contender: &str, with: &[&str]) -> Option<f64> {
        self.of(Part::EndToEnd, contender, with)
    }
}

const V4: &str = "IPv4";
const V6: &str = "IPv6";
const MILLION: &str = "1e6 names";
const TEN_MILLION: &str = "1e7 names";
const MANY: &str = "1e5 prefixes";

fn at_most(what: &str, unit: &'static str, aim: f64, gate: f64, measured: Option<f64>) -> Target {
    Target { what: what.to_owned(), unit, aim, gate, more_is_better: false, measured }
}

fn at_least(what: &str, aim: f64, gate: f64, measured: Option<f64>) -> Target {
    Target { what: what.to_owned(), unit: "x", aim, gate, more_is_better: true, measured }
}

/// Every aim.
#[must_use]
pub(super) fn targets(figures: &[Figure]) -> Vec<Target> {
    let figures = Figures(figures);
    [packets(&figures), sizes(&figures), loading(&figures), rates(&figures)].concat()
}

fn packets(figures: &Figures<'_>) -> Vec<Target> {
    let at = |what, family| figures.cost(what, &[family, MILLION, MANY]);
    let mut targets = Vec::new();
    for family in [V4, V6] {
        let mut add = |what: &str, kind, aim, gate| {
            targets.push(at_most(&format!("{what}, {family}"), "ns over E", aim, gate, at(kind, family)));
        };
        add("non-DNS packet", "UDP, not DNS", 3.0, 6.0);
        add("benign query, 20 octets, 1e6 names, 1e5 prefixes", "benign, 20 octets", 100.0, 150.0);
        add("the same, 60 octets and 6 labels", "benign, 60 octets", 140.0, 200.0);
        add("255 octets, 127 labels, beside a listed name", "benign, 255 octets", 300.0, 500.0);
        add("hostile: the same below a rule of 34 labels", "hostile, 127 labels", 300.0, 500.0);
        add("blocked, full answer, 1e6 names", "blocked, SOA and EDE", 250.0, 320.0);
    }
    targets
}

fn sizes(figures: &Figures<'_>) -> Vec<Target> {
    let more =
        |what, with: &[&str], less: &[&str]| Some(figures.cost(what, with)? - figures.cost(what, less)?);
    let grown = |what| more(what, &[V4, TEN_MILLION, MANY], &[V4, MILLION, MANY]);
    let region = |family| {
        more("listed, other region", &[family, MILLION, "5e5 prefixes"], &[family, MILLION, "1 prefixes"])
    };
    vec![
        at_most("1e7 names instead of 1e6, benign", "ns more", 60.0, 90.0, grown("benign, 20 octets")),
        at_most("1e7 names instead of 1e6, blocked", "ns more", 40.0, 60.0, grown("blocked, SOA and EDE")),
        at_most("region among 5e5 prefixes, IPv4", "ns more", 70.0, 110.0, region(V4)),
        at_most("region among 5e5 prefixes, IPv6", "ns more", 120.0, 200.0, region(V6)),
    ]
}

fn loading(figures: &Figures<'_>) -> Vec<Target> {
    let mut targets = Vec::new();
    for (names, aims) in [(MILLION, [0.3, 0.6, 0.02, 0.05]), (TEN_MILLION, [3.0, 6.0, 0.3, 0.6])] {
        let [text, text_gate, snapshot, snapshot_gate] = aims;
        let (whole, publish) =
            (figures.loading("text to enforced", names), figures.loading("publish a snapshot", names));
        let octets = figures.loading("kernel memory of the names", names);
        targets.push(at_most(&format!("load {names} from text to enforced"), "s", text, text_gate, whole));
        targets.push(at_most(
            &format!("load {names} from a snapshot"),
            "s",
            snapshot,
            snapshot_gate,
            publish,
        ));
        targets.push(at_most(&format!("kernel memory, {names}"), "octets/name", 20.0, 24.0, octets));
    }
    for (verb, what) in [("blocked", "one name blocked"), ("lifted", "one name lifted")] {
        let measured = figures.loading(&format!("{what}, whole command"), MILLION);
        let words = format!("one name {verb} in a live policy of {MILLION}, whole command");
        targets.push(at_most(&words, "ms", 1.0, 5.0, measured));
    }
    let inside = figures.loading("one name, command to kernel", MILLION);
    targets.push(at_most("the same, in the agent", "ms", 1.0, 5.0, inside));
    targets
}

fn rates(figures: &Figures<'_>) -> Vec<Target> {
    let ratio =
        |ours: Option<f64>, other: Option<f64>| Some(ours? / other?).filter(|ratio| ratio.is_finite());
    let own = &["blocked", "XDP on its own CPU"];
    let blocked = figures.rate("interdict + unbound", own);
    let against = |contender, with: &[&str]| ratio(blocked, figures.rate(contender, with));
    let clean = |contender| figures.rate(contender, &["clean", "kxdpgun"]);
    vec![
        at_least("blocked end to end / in-kernel ceiling", 0.8, 0.64, against("in-kernel ceiling", own)),
        at_least(
            "blocked end to end / unbound RPZ",
            8.0,
            6.4,
            against("unbound RPZ", &["blocked", "kxdpgun"]),
        ),
        at_least("blocked end to end / BIND RPZ", 12.0, 9.6, against("BIND RPZ", &["blocked", "kxdpgun"])),
        at_least(
            "blocked end to end / dnsdist CDB",
            5.0,
            4.0,
            against("dnsdist CDB", &["blocked", "kxdpgun"]),
        ),
        at_least(
            "benign end to end / XDP pass + unbound",
            0.97,
            0.93,
            ratio(clean("interdict + unbound"), clean("XDP pass + unbound")),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missed_target_says_why() {
        let silent = ["kernel memory", "the same, in the agent", "benign end to end"];
        for target in targets(&[]) {
            let measured = if target.more_is_better { 0.0 } else { f64::MAX };
            let missed = Target { measured: Some(measured), ..target };
            let is_silent = silent.iter().any(|what| missed.what.starts_with(what));
            assert_eq!(missed.reason().is_none(), is_silent, "{}", missed.what);
            assert_eq!(Target { measured: Some(missed.aim), ..missed }.reason(), None);
        }
    }
}
