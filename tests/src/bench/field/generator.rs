//! What asks: kxdpgun floods by AF_XDP, dnsperf asks from sockets and waits for its answers.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;

use super::contender::Contender;
use super::network::{CLIENT_CPU, Network};
use crate::harness::shell;

/// Queries a second that kxdpgun sends when it shares its processor with the XDP program.
const SHARED: u32 = 600_000;
/// The same when the program has a processor of its own.
const OWN: u32 = 1_200_000;

/// A program that asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Generator {
    /// kxdpgun.
    Flood,
    /// dnsperf.
    Sockets,
}

/// What came of it.
pub(super) struct Burst {
    /// Thousands of answers a second.
    pub(super) answered: f64,
    /// Share of NXDOMAIN in the answers.
    pub(super) nxdomain: f64,
    /// Share of NOERROR.
    pub(super) noerror: f64,
    /// What the generator said of the answers.
    pub(super) words: String,
}

impl Generator {
    /// For people.
    pub(super) fn label(self) -> &'static str {
        match self {
            Generator::Flood => "kxdpgun",
            Generator::Sockets => "dnsperf",
        }
    }

    /// Asks for a second or two.
    pub(super) fn drive(
        self,
        network: &Network,
        contender: Contender,
        file: &Path,
        is_own_cpu: bool,
    ) -> anyhow::Result<Burst> {
        let cpu = CLIENT_CPU.to_string();
        let mut command;
        match self {
            Generator::Flood => {
                let rate = if is_own_cpu { OWN } else { SHARED }.to_string();
                command = network.client.command("kxdpgun");
                command.args(["-t", "1", "-Q", &rate, "-F", &cpu, "-p", "53", "-I", &contender.peer(), "-i"]);
                command.arg(file).arg(contender.address());
            }
            Generator::Sockets => {
                command = network.client.command("taskset");
                command.args([
                    "-c",
                    &cpu,
                    "dnsperf",
                    "-s",
                    &contender.address(),
                    "-l",
                    "2",
                    "-c",
                    "50",
                    "-T",
                    "1",
                ]);
                command.args(["-q", "400", "-t", "1", "-d"]).arg(file);
            }
        }
        let output = shell::run(&mut command, Duration::from_secs(20))?;
        let text = format!("{}{}", output.out, output.err);
        let burst = if self == Generator::Flood { flood(&text) } else { sockets(&text) };
        burst.with_context(|| format!("{} said: {}", self.label(), text.trim()))
    }
}

/// `total replies:     331022 (331020 pps) (55 %)` and `responded NXDOMAIN:   331022`.
fn flood(text: &str) -> Option<Burst> {
    let line = |key: &str| text.lines().find_map(|line| line.trim().strip_prefix(key));
    let replies: f64 = line("total replies:")?.split_whitespace().next()?.parse().ok()?;
    let rate = line("total replies:")?.split_once('(')?.1.split_whitespace().next()?;
    let of = |rcode: &str| -> f64 {
        let count = line(&format!("responded {rcode}:")).and_then(|count| count.trim().parse().ok());
        count.unwrap_or(0.0)
    };
    let words =
        text.lines().filter(|line| line.contains("responded")).map(str::trim).collect::<Vec<_>>().join("; ");
    Some(Burst {
        answered: rate.parse::<f64>().ok()? / 1e3,
        nxdomain: of("NXDOMAIN") / replies.max(1.0),
        noerror: of("NOERROR") / replies.max(1.0),
        words,
    })
}

/// `Queries per second:   81234.5` and `Response codes:       NOERROR 1234 (99.90%), NXDOMAIN 1 (0.10%)`.
fn sockets(text: &str) -> Option<Burst> {
    let line = |key: &str| text.lines().find_map(|line| line.trim().strip_prefix(key));
    let codes = line("Response codes:").unwrap_or_default().trim().to_owned();
    let share = |rcode: &str| -> f64 {
        let found = codes.split(", ").find_map(|part| part.strip_prefix(rcode)?.split_once('('));
        found.and_then(|(_, share)| share.trim_end_matches("%)").parse::<f64>().ok()).unwrap_or(0.0) / 100.0
    };
    Some(Burst {
        answered: line("Queries per second:")?.trim().parse::<f64>().ok()? / 1e3,
        nxdomain: share("NXDOMAIN"),
        noerror: share("NOERROR"),
        words: codes.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kxdpgun_is_understood() {
        let text = "thread#00: sent 600000\ntotal queries:     600000 (600000 pps)\ntotal replies:     300000 (299990 \
                    pps) (50%)\nresponded NXDOMAIN:   297000\nresponded NOERROR:    3000\n";
        let burst = flood(text).unwrap();
        assert!((burst.answered - 299.99).abs() < 1e-9);
        assert!((burst.nxdomain - 0.99).abs() < 1e-9 && (burst.noerror - 0.01).abs() < 1e-9);
    }

    #[test]
    fn dnsperf_is_understood() {
        let text = "Statistics:\n\n  Queries sent:         100\n  Response codes:       NOERROR 75 (75.00%), NXDOMAIN 25 \
                    (25.00%)\n  Queries per second:   81234.500000\n";
        let burst = sockets(text).unwrap();
        assert!((burst.answered - 81.2345).abs() < 1e-9);
        assert!((burst.nxdomain - 0.25).abs() < 1e-9 && (burst.noerror - 0.75).abs() < 1e-9);
    }
}
