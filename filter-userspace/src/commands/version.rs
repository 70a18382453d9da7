//! `interdict version`.

use filter_common::abi::ABI_VERSION;
use serde_json::json;

use super::Outcome;
use super::exit::Exit;
use super::print::Output;

pub(super) fn run(output: &Output) -> Outcome {
    let version = env!("CARGO_PKG_VERSION");
    // of the object that this binary was built with
    let (sha256, toolchain) = (env!("INTERDICT_OBJECT_SHA256"), env!("INTERDICT_OBJECT_TOOLCHAIN"));
    if output.json {
        let document = json!({
            "schema": "interdict/version/v1",
            "version": version,
            "abi": ABI_VERSION,
            "object_sha256": sha256,
            "object_toolchain": toolchain,
        });
        output.line(document.to_string());
    } else {
        output.facts(&[
            ("interdict", version.to_owned()),
            ("boundary (abi)", ABI_VERSION.to_string()),
            ("eBPF object", format!("sha256 {sha256}")),
            ("built with", toolchain.to_owned()),
        ]);
    }
    Ok(Exit::Ok)
}
