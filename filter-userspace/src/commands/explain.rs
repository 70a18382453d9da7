//! `interdict explain NAME`.

use super::Outcome;
use super::exit::Exit;
use super::print::Output;
use crate::args::ExplainArgs;
use crate::control::Explain;
use crate::control::client::{Client, explain_path};
use crate::control::report::{Document, ExplainReport, RuleReport};

pub(super) async fn run(args: ExplainArgs, client: &Client, output: &Output) -> Outcome {
    let query = Explain { name: args.name, client: args.client, region: args.region, qtype: args.qtype };
    let text = client.get(&explain_path(&query)).await?;
    if output.json {
        output.line(text);
        return Ok(Exit::Ok);
    }
    let report = serde_json::from_str::<Document<ExplainReport>>(&text)?.body;
    let who = report.client.as_ref().map_or_else(
        || format!("a client in {}", report.region),
        |client| format!("{client} ({})", report.region),
    );
    output.line(format!("{} {} from {who}: {}", report.name, report.qtype, verdict(&report)));
    if let Some(rule) = &report.decided_by {
        output.facts(&facts(rule));
    }
    others(&report, output);
    Ok(Exit::Ok)
}

fn verdict(report: &ExplainReport) -> String {
    match (&report.rcode, &report.reason, &report.meaning) {
        (Some(rcode), _, _) => format!("answered with {rcode}"),
        (None, Some(reason), Some(meaning)) => format!("{}: {meaning} ({reason})", report.verdict),
        _ => report.verdict.clone(),
    }
}

fn facts(rule: &RuleReport) -> [(&'static str, String); 8] {
    [
        ("  order", rule.order.clone()),
        ("  authority", rule.authority.clone().unwrap_or_default()),
        ("  listed name", rule.name.clone().unwrap_or_else(|| "(confidential)".to_owned())),
        ("  match", rule.coverage.clone()),
        ("  action", rule.action.clone()),
        ("  in force since", rule.since.clone().unwrap_or_default()),
        ("  name added", rule.added.clone().unwrap_or_default()),
        ("  listed in", format!("{}:{}", rule.file, rule.line)),
    ]
}

/// The rules that cover the name and do not decide.
fn others(report: &ExplainReport, output: &Output) {
    for rule in report.covering.iter().filter(|rule| report.decided_by.as_ref() != Some(*rule)) {
        let name = rule.name.as_deref().unwrap_or("(confidential)");
        let why = if rule.applies { "also applies" } else { "does not apply to this client and type" };
        output.line(format!("  {} holds {name} ({}, {}) too: {why}", rule.order, rule.coverage, rule.action));
    }
}
