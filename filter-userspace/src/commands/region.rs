//! `interdict region ADDRESS`.

use std::net::IpAddr;

use super::Outcome;
use super::exit::Exit;
use super::print::Output;
use crate::control::client::Client;
use crate::control::report::{Document, RegionReport};

pub(super) async fn run(address: IpAddr, client: &Client, output: &Output) -> Outcome {
    let text = client.get(&format!("/v1/region/{address}")).await?;
    if output.json {
        output.line(text);
        return Ok(Exit::Ok);
    }
    let report = serde_json::from_str::<Document<RegionReport>>(&text)?.body;
    let outside = if report.answered { "" } else { ", outside client-prefixes: never answered" };
    match (&report.region, &report.prefix) {
        (Some(region), Some(prefix)) => {
            let source = report.source.as_deref().unwrap_or("the region table");
            output.line(format!("{address} is in {region}: prefix {prefix} of {source}{outside}"));
        }
        _ => output.line(format!("{address} is in no region (unknown): no prefix covers it{outside}")),
    }
    Ok(Exit::Ok)
}
