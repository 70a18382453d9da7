//! `interdict detach`.

use std::path::PathBuf;

use super::Outcome;
use super::exit::Exit;
use super::print::Output;
use crate::control::client::{Client, ClientError};
use crate::control::report::{DetachReport, Document};

pub(super) async fn run(_pin_dir: Option<PathBuf>, client: &Client, output: &Output) -> Outcome {
    let report = match client.post("/v1/detach", &()).await {
        Ok(text) => serde_json::from_str::<Document<DetachReport>>(&text)?.body,
        Err(ClientError::NotRunning(_)) => DetachReport { detached: Vec::new(), by_agent: false },
        Err(error) => return Err(error.into()),
    };
    show(report, output)
}

fn show(report: DetachReport, output: &Output) -> Outcome {
    if output.json {
        output.line(serde_json::to_string(&Document::new("detach", report))?);
    } else if report.detached.is_empty() {
        output.line("nothing was attached");
    } else {
        let who =
            if report.by_agent { "the agent detached and ended" } else { "the pinned links were removed" };
        output.line(format!("detached from {}: {who}", report.detached.join(", ")));
    }
    Ok(Exit::Ok)
}
