//! `interdict version`.

use filter_common::abi::ABI_VERSION;
use serde_json::json;

use super::Outcome;
use super::exit::Exit;
use super::print::Output;

pub(super) fn run(output: &Output) -> Outcome {
    let version = env!("CARGO_PKG_VERSION");
    if output.json {
        let document = json!({ "schema": "interdict/version/v1", "version": version, "abi": ABI_VERSION });
        output.line(document.to_string());
    } else {
        output.facts(&[("interdict", version.to_owned()), ("boundary (abi)", ABI_VERSION.to_string())]);
    }
    Ok(Exit::Ok)
}
