//! `interdict audit verify`.

use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;

use anyhow::Context;
use serde_json::json;

use super::exit::Exit;
use super::print::Output;
use super::{Outcome, inputs};
use crate::config::Overrides;
use crate::evidence::{self, FILE_NAME};

pub(super) fn verify(file: Option<PathBuf>, output: &Output) -> Outcome {
    let path = match file {
        Some(file) => file,
        None => inputs::config(None, Overrides::default())?.state_dir.join(FILE_NAME),
    };
    let context = || format!("audit log {}", path.display());
    let log = File::open(&path).with_context(context)?;
    let verified = evidence::verify(BufReader::new(log)).with_context(context)?;
    if output.json {
        let faults: Vec<_> =
            verified.faults.iter().map(|(line, fault)| json!({ "line": line, "fault": fault })).collect();
        output.line(
            json!({
                "schema": "interdict/audit-verify/v1",
                "file": path,
                "records": verified.records,
                "last_digest": verified.last_digest,
                "faults": faults,
            })
            .to_string(),
        );
    } else if verified.faults.is_empty() {
        let (records, digest) = (verified.records, &verified.last_digest);
        output
            .line(format!("{}: {records} records, the chain is whole; last digest {digest}", path.display()));
    } else {
        for (line, fault) in &verified.faults {
            output.line(format!("{}:{line}: {fault}", path.display()));
        }
    }
    Ok(if verified.faults.is_empty() { Exit::Ok } else { Exit::Problems })
}
