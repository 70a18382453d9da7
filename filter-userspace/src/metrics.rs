//! The counters as OpenMetrics text. A pure function of a [`Reading`], which the agent takes from the maps when asked.
//!
//! No name and no client address is ever a label. Confidential orders have their id here, nothing more.

use std::fmt::Write;

use filter_common::verdict::{ANSWERED, ANSWERS_CUT, DropReason, EVENTS_LOST, PassReason, RESET};

/// What the content type of the text is.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Everything that is exported, read at one time.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    pub interfaces: Vec<Interface>,
    pub hits: Vec<Hits>,
    pub generation: u64,
    pub names: u64,
    /// Seconds since 1970.
    pub changed: f64,
    /// Orders by state.
    pub orders: Vec<(&'static str, u64)>,
    pub order_errors: u64,
    /// Reloads that kept the last good version, by reason.
    pub reload_failures: Vec<(&'static str, u64)>,
    pub selftest_failures: u64,
    pub clock_jumps: u64,
    pub verifier_instructions: u64,
    pub map_memory: u64,
    pub version: String,
    pub object_sha256: String,
    pub abi: u32,
}

/// One interface.
#[derive(Debug, Clone)]
pub struct Interface {
    pub name: String,
    /// `driver` or `skb`; `None` while it is not attached.
    pub mode: Option<&'static str>,
    /// Its bank of counters.
    pub counters: Vec<u64>,
}

impl Interface {
    /// The counter's value.
    #[must_use]
    pub fn counter(&self, index: usize) -> u64 {
        self.counters.get(index).copied().unwrap_or(0)
    }

    /// Frames by verdict, in the order pass, drop, answer, reset.
    #[must_use]
    pub fn verdicts(&self) -> [(&'static str, u64); 4] {
        let pass = PassReason::ALL.iter().map(|reason| self.counter(reason.counter())).sum();
        let drop = DropReason::ALL.iter().map(|reason| self.counter(reason.counter())).sum();
        [("pass", pass), ("drop", drop), ("answer", self.counter(ANSWERED)), ("reset", self.counter(RESET))]
    }
}

/// Hits of one order in one region with one action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hits {
    pub order: String,
    pub region: String,
    pub action: String,
    /// `enforce` or `observe`.
    pub mode: &'static str,
    pub count: u64,
}

/// The text.
#[must_use]
pub fn render(reading: &Reading) -> String {
    let mut text = Text(String::with_capacity(16 << 10));
    packets(&mut text, &reading.interfaces);
    hits(&mut text, &reading.hits);
    policy(&mut text, reading);
    program(&mut text, reading);
    text.0.push_str("# EOF\n");
    text.0
}

fn packets(text: &mut Text, interfaces: &[Interface]) {
    text.family(
        "packets",
        "counter",
        "Frames seen, by verdict; the sum over verdicts is every frame the program saw.",
    );
    for interface in interfaces {
        for (verdict, count) in interface.verdicts() {
            text.sample("packets_total", &[("interface", &interface.name), ("verdict", verdict)], count);
        }
    }
    text.family("passed", "counter", "Frames passed to the network stack, by reason.");
    for interface in interfaces {
        for reason in PassReason::ALL {
            let labels = [("interface", interface.name.as_str()), ("reason", reason.label())];
            text.sample("passed_total", &labels, interface.counter(reason.counter()));
        }
    }
    text.family("dropped", "counter", "Frames dropped, by reason.");
    for interface in interfaces {
        for reason in DropReason::ALL {
            let labels = [("interface", interface.name.as_str()), ("reason", reason.label())];
            text.sample("dropped_total", &labels, interface.counter(reason.counter()));
        }
    }
    for (name, index, help) in [
        ("answers_cut", ANSWERS_CUT, "Answers cut to what the frame had room for."),
        ("events_lost", EVENTS_LOST, "Sampled hits that the ring buffer had no room for."),
    ] {
        text.family(name, "counter", help);
        let sum: u64 = interfaces.iter().map(|interface| interface.counter(index)).sum();
        text.sample(&format!("{name}_total"), &[], sum);
    }
    text.family("attached", "gauge", "Whether the program is attached to the interface, and how.");
    for interface in interfaces {
        let mode = interface.mode.unwrap_or("none");
        let labels = [("interface", interface.name.as_str()), ("mode", mode)];
        text.sample("attached", &labels, u64::from(interface.mode.is_some()));
    }
}

fn hits(text: &mut Text, hits: &[Hits]) {
    text.family(
        "hits",
        "counter",
        "Queries for a name of the order; every order in force that holds it counts.",
    );
    for hit in hits {
        let labels = [
            ("order", hit.order.as_str()),
            ("region", hit.region.as_str()),
            ("action", hit.action.as_str()),
            ("mode", hit.mode),
        ];
        text.sample("hits_total", &labels, hit.count);
    }
    text.family("answers", "counter", "Hits whose action answers the query, in enforce mode.");
    for hit in hits.iter().filter(|hit| hit.mode == "enforce" && answers(&hit.action)) {
        let labels =
            [("order", hit.order.as_str()), ("region", hit.region.as_str()), ("action", hit.action.as_str())];
        text.sample("answers_total", &labels, hit.count);
    }
}

fn answers(action: &str) -> bool {
    !matches!(action, "drop" | "passthru")
}

fn policy(text: &mut Text, reading: &Reading) {
    text.family("policy_generation", "gauge", "Number of the policy in force.");
    text.sample("policy_generation", &[], reading.generation);
    text.family("policy_names", "gauge", "Names the policy holds.");
    text.sample("policy_names", &[], reading.names);
    text.family("policy_changed_timestamp_seconds", "gauge", "When the kernel got the policy in force.");
    let _ = writeln!(text.0, "interdict_policy_changed_timestamp_seconds {:.3}", reading.changed);
    text.family("orders", "gauge", "Orders by state.");
    for (state, count) in &reading.orders {
        text.sample("orders", &[("state", state)], *count);
    }
    text.family(
        "order_errors",
        "gauge",
        "Files that could not be used; the last good version stays in force.",
    );
    text.sample("order_errors", &[], reading.order_errors);
    text.family("reload_failures", "counter", "Reloads that kept the last good version, by reason.");
    for (reason, count) in &reading.reload_failures {
        text.sample("reload_failures_total", &[("reason", reason)], *count);
    }
    text.family(
        "selftest_failures",
        "counter",
        "Names whose verdict in the kernel was not the expected one.",
    );
    text.sample("selftest_failures_total", &[], reading.selftest_failures);
    text.family("clock_jumps", "counter", "Jumps of the wall clock of five seconds and more.");
    text.sample("clock_jumps_total", &[], reading.clock_jumps);
}

fn program(text: &mut Text, reading: &Reading) {
    text.family(
        "verifier_instructions",
        "gauge",
        "Instructions the verifier walked through to accept the program.",
    );
    text.sample("verifier_instructions", &[], reading.verifier_instructions);
    text.family("map_memory_bytes", "gauge", "Kernel memory of the maps.");
    text.sample("map_memory_bytes", &[], reading.map_memory);
    text.family("build", "info", "Versions of the agent and of the XDP program.");
    let abi = reading.abi.to_string();
    let labels = [
        ("version", reading.version.as_str()),
        ("ebpf_sha256", reading.object_sha256.as_str()),
        ("abi", abi.as_str()),
    ];
    text.sample("build_info", &labels, 1);
}

/// OpenMetrics text in the making.
struct Text(String);

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# TYPE interdict_{name} {kind}\n# HELP interdict_{name} {help}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: u64) {
        let _ = write!(self.0, "interdict_{name}");
        for (at, (label, value)) in labels.iter().enumerate() {
            let _ = write!(self.0, "{}{label}=\"{}\"", if at == 0 { '{' } else { ',' }, escaped(value));
        }
        let close = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.0, "{close} {value}");
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading() -> Reading {
        let mut counters = vec![0; 64];
        counters[PassReason::NotListed.counter()] = 40;
        counters[PassReason::NotDnsPort.counter()] = 2;
        counters[DropReason::Fragment.counter()] = 1;
        counters[ANSWERED] = 7;
        counters[ANSWERS_CUT] = 3;
        Reading {
            interfaces: vec![Interface { name: "eth0".into(), mode: Some("driver"), counters }],
            hits: vec![Hits {
                order: "IT-MI-2022-0001".into(),
                region: "IT".into(),
                action: "nxdomain".into(),
                mode: "enforce",
                count: 7,
            }],
            generation: 4,
            names: 3,
            changed: 1_658_102_400.25,
            orders: vec![("in-force", 1), ("scheduled", 0)],
            reload_failures: vec![("order", 1)],
            verifier_instructions: 61_339,
            version: "0.1.0".into(),
            object_sha256: "ab".into(),
            abi: 1,
            ..Reading::default()
        }
    }

    #[test]
    fn the_text_is_as_agreed() {
        let text = render(&reading());
        for line in [
            "# TYPE interdict_packets counter",
            "interdict_packets_total{interface=\"eth0\",verdict=\"pass\"} 42",
            "interdict_packets_total{interface=\"eth0\",verdict=\"answer\"} 7",
            "interdict_passed_total{interface=\"eth0\",reason=\"not-listed\"} 40",
            "interdict_dropped_total{interface=\"eth0\",reason=\"fragment\"} 1",
            "interdict_hits_total{order=\"IT-MI-2022-0001\",region=\"IT\",action=\"nxdomain\",mode=\"enforce\"} 7",
            "interdict_answers_total{order=\"IT-MI-2022-0001\",region=\"IT\",action=\"nxdomain\"} 7",
            "interdict_answers_cut_total 3",
            "interdict_policy_generation 4",
            "interdict_policy_changed_timestamp_seconds 1658102400.250",
            "interdict_attached{interface=\"eth0\",mode=\"driver\"} 1",
            "interdict_reload_failures_total{reason=\"order\"} 1",
            "interdict_build_info{version=\"0.1.0\",ebpf_sha256=\"ab\",abi=\"1\"} 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }

    #[test]
    fn every_sample_belongs_to_the_family_above_it() {
        let mut family = String::new();
        for line in render(&reading()).lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                family = rest.split(' ').next().unwrap().to_owned();
            } else if !line.starts_with('#') {
                assert!(line.starts_with(&family), "{line} under {family}");
            }
        }
    }

    #[test]
    fn verdicts_add_up_to_every_counter_below_the_rest() {
        let counters: Vec<u64> =
            (0..64).map(|index| u64::from(index < 40) + u64::from(index >= 40) * 2).collect();
        let interface = Interface { name: "x".into(), mode: None, counters };
        let reasons = PassReason::ALL.len() as u64 + 2 * DropReason::ALL.len() as u64;
        assert_eq!(interface.verdicts().iter().map(|(_, count)| count).sum::<u64>(), reasons + 4);
    }

    #[test]
    fn labels_are_escaped() {
        assert_eq!(escaped("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
    }
}
