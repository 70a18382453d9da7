//! `interdict stats`.

use super::Outcome;
use super::exit::Exit;
use super::print::Output;
use crate::control::client::Client;
use crate::control::report::{Document, InterfaceStats, Stats};

pub(super) async fn run(client: &Client, output: &Output) -> Outcome {
    let text = client.get("/v1/stats").await?;
    if output.json {
        output.line(text);
        return Ok(Exit::Ok);
    }
    let stats = serde_json::from_str::<Document<Stats>>(&text)?.body;
    let rows: Vec<_> = stats.interfaces.iter().map(interface_row).collect();
    output.table(&["interface", "packets", "pass", "drop", "answer", "reset"], &rows);
    let rows: Vec<_> = stats.interfaces.iter().flat_map(reason_rows).collect();
    if !rows.is_empty() {
        output.table(&["interface", "verdict", "reason", "packets"], &rows);
    }
    let rows: Vec<_> = stats
        .hits
        .iter()
        .map(|hit| {
            let count = hit.count.to_string();
            vec![hit.order.clone(), hit.region.clone(), hit.action.clone(), hit.mode.clone(), count]
        })
        .collect();
    if !rows.is_empty() {
        output.table(&["order", "region", "action", "mode", "hits"], &rows);
    }
    if stats.answers_cut > 0 {
        output.line(format!("answers cut for lack of room: {}", stats.answers_cut));
    }
    Ok(Exit::Ok)
}

fn interface_row(stats: &InterfaceStats) -> Vec<String> {
    let counts = [stats.packets, stats.pass, stats.drop, stats.answer, stats.reset];
    let mut row = vec![stats.interface.clone()];
    row.extend(counts.iter().map(u64::to_string));
    row
}

fn reason_rows(stats: &InterfaceStats) -> Vec<Vec<String>> {
    let passed = stats.passed.iter().map(|pair| ("pass", pair));
    let dropped = stats.dropped.iter().map(|pair| ("drop", pair));
    passed
        .chain(dropped)
        .map(|(verdict, (reason, count))| {
            vec![stats.interface.clone(), verdict.to_owned(), reason.clone(), count.to_string()]
        })
        .collect()
}
