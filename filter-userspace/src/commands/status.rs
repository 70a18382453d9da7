//! `interdict status`.

use super::Outcome;
use super::exit::Exit;
use super::print::{Output, or_dash};
use crate::control::client::Client;
use crate::control::report::{Document, Status};

pub(super) async fn run(client: &Client, output: &Output) -> Outcome {
    let text = client.get("/v1/status").await?;
    let status = serde_json::from_str::<Document<Status>>(&text)?.body;
    if output.json {
        output.line(text);
    } else {
        show(&status, output);
    }
    Ok(if status.problems.is_empty() { Exit::Ok } else { Exit::Problems })
}

fn show(status: &Status, output: &Output) {
    let policy = &status.policy;
    let orders = &status.orders;
    output.facts(&[
        ("agent", format!("{} (pid {}) since {}", status.version, status.pid, status.started)),
        ("mode", status.mode.clone()),
        (
            "policy",
            format!(
                "generation {}, {} names, in the kernel since {} ({:.1} ms)",
                policy.generation,
                policy.names,
                or_dash(policy.published.as_ref()),
                policy.took_ms
            ),
        ),
        (
            "orders",
            format!(
                "{} in force, {} scheduled, {} suspended, {} ended, {} files in error",
                orders.in_force, orders.scheduled, orders.suspended, orders.ended, orders.errors
            ),
        ),
        ("next change", status.next_change.clone().unwrap_or_default()),
        (
            "program",
            format!(
                "sha256 {}, {} verified instructions, {:.1} MiB of maps",
                status.object.sha256.get(..16).unwrap_or(&status.object.sha256),
                status.object.verified_instructions,
                status.object.map_memory_octets as f64 / f64::from(1 << 20)
            ),
        ),
    ]);
    let rows: Vec<_> = status
        .interfaces
        .iter()
        .map(|interface| {
            vec![
                interface.interface.clone(),
                interface.state.clone(),
                or_dash(interface.mode.as_ref()),
                or_dash(interface.error.as_ref()),
            ]
        })
        .collect();
    output.table(&["interface", "state", "mode", "error"], &rows);
    for problem in &status.problems {
        output.line(format!("problem: {problem}"));
    }
}
