//! `interdict status`.

use super::Outcome;
use super::exit::Exit;
use super::print::{Output, or_dash};
use crate::control::client::Client;
use crate::control::report::{Document, ObjectStatus, OrderCounts, PolicyStatus, Status};

pub(super) async fn run(client: &Client, output: &Output) -> Outcome {
    let text = client.get("/v1/status").await?;
    let status = serde_json::from_str::<Document<Status>>(&text)?.body;
    if output.json {
        output.line(text);
    } else {
        show(&status, output);
    }
    // a monitor that runs it need not read it
    Ok(if status.problems.is_empty() { Exit::Ok } else { Exit::Problems })
}

fn show(status: &Status, output: &Output) {
    output.facts(&[
        ("agent", format!("{} (pid {}) since {}", status.version, status.pid, status.started)),
        ("mode", status.mode.clone()),
        ("policy", policy(&status.policy)),
        ("orders", orders(&status.orders)),
        ("next change", status.next_change.clone().unwrap_or_default()),
        ("program", program(&status.object)),
    ]);
    let rows: Vec<_> = status
        .interfaces
        .iter()
        .map(|interface| {
            let (mode, error) = (or_dash(interface.mode.as_ref()), or_dash(interface.error.as_ref()));
            vec![interface.interface.clone(), interface.state.clone(), mode, error]
        })
        .collect();
    output.table(&["interface", "state", "mode", "error"], &rows);
    for problem in &status.problems {
        output.line(format!("problem: {problem}"));
    }
}

fn policy(policy: &PolicyStatus) -> String {
    let since = or_dash(policy.published.as_ref());
    let PolicyStatus { generation, names, took_ms, .. } = policy;
    format!("generation {generation}, {names} names, in the kernel since {since} ({took_ms:.1} ms)")
}

fn orders(orders: &OrderCounts) -> String {
    let OrderCounts { in_force, pending, scheduled, overdue, suspended, ended, errors } = orders;
    let pending = if *pending == 0 { String::new() } else { format!(", {pending} pending") };
    let overdue = if *overdue == 0 { String::new() } else { format!(", {overdue} overdue") };
    let errors = if *errors == 0 { String::new() } else { format!(", {errors} files in error") };
    format!(
        "{in_force} in force{pending}, {scheduled} scheduled{overdue}, {suspended} suspended, {ended} ended{errors}"
    )
}

fn program(object: &ObjectStatus) -> String {
    let sha256 = object.sha256.get(..16).unwrap_or(&object.sha256);
    let octets = object.map_memory_octets as f64 / f64::from(1 << 20);
    format!(
        "sha256 {sha256}, {} verified instructions, {octets:.1} MiB of maps",
        object.verified_instructions
    )
}
