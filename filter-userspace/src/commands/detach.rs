//! `interdict detach`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;

use super::Outcome;
use super::exit::{Exit, OrExit};
use super::inputs;
use super::print::Output;
use crate::agent::kernel_exit;
use crate::config::Overrides;
use crate::control::client::{Client, ClientError};
use crate::control::report::{DetachReport, Document};
use crate::kernel::{self, PinDir};

/// How long a running agent has for it.
const PATIENCE: Duration = Duration::from_secs(15);

pub(super) async fn run(pin_dir: Option<PathBuf>, client: &Client, output: &Output) -> Outcome {
    let asked = tokio::time::timeout(PATIENCE, client.post("/v1/detach", &())).await;
    let asked = asked.context("the agent does not answer; end it (KILL if need be) and run detach again");
    let report = match asked.or_exit(Exit::Temporary)? {
        Ok(text) => serde_json::from_str::<Document<DetachReport>>(&text)?.body,
        Err(ClientError::NotRunning(_)) => by_pins(pin_dir)?,
        Err(error) => return Err(error.into()),
    };
    show(report, output)
}

/// No agent answers: the pinned links are found and ended here.
fn by_pins(pin_dir: Option<PathBuf>) -> Result<DetachReport, super::exit::Failure> {
    let config = inputs::config(None, Overrides { pin_dir, ..Overrides::default() })?;
    if !config.pin_dir.exists() {
        return Ok(DetachReport { detached: Vec::new(), by_agent: false });
    }
    let failed = |error| super::exit::Failure::new(kernel_exit(&error), error);
    let pins = PinDir::claim(&config.pin_dir).map_err(failed)?;
    let detached = kernel::detach(&pins).map_err(failed)?;
    let detached = detached.into_iter().filter(|one| one.was_attached).map(|one| one.interface).collect();
    Ok(DetachReport { detached, by_agent: false })
}

fn show(report: DetachReport, output: &Output) -> Outcome {
    if output.json {
        output.line(serde_json::to_string(&Document::new("detach", report)).or_exit(Exit::Failed)?);
    } else if report.detached.is_empty() {
        output.line("nothing was attached");
    } else {
        let who =
            if report.by_agent { "the agent detached and ended" } else { "the pinned links were removed" };
        output.line(format!("detached from {}: {who}", report.detached.join(", ")));
    }
    Ok(Exit::Ok)
}
