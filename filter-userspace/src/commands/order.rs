//! `interdict order ...`, `block` and `unblock`: every change goes through the agent, the only writer.

use std::io::Read;
use std::path::Path;

use anyhow::Context;

use super::Outcome;
use super::exit::{Exit, Failure, OrExit};
use super::print::{Output, or_dash};
use crate::args::{NamesArgs, OrderVerb};
use crate::control::client::{Client, escape};
use crate::control::report::{ChangeReport, Document, OrderList, OrderReport, Refusal};
use crate::control::{Apply, Change, Edit, NameList};

pub(super) async fn run(verb: OrderVerb, client: &Client, output: &Output) -> Outcome {
    match verb {
        OrderVerb::Apply { file } => {
            let text = client.post("/v1/orders", &read(&file)?).await?;
            changed("applied", &text, output)
        }
        OrderVerb::List => list(client, output).await,
        OrderVerb::Show { id } => show(&id, client, output).await,
        OrderVerb::Lift { id } => change(&id, Change::Lift, client, output).await,
        OrderVerb::Suspend { id } => change(&id, Change::Suspend, client, output).await,
        OrderVerb::Resume { id } => change(&id, Change::Resume, client, output).await,
    }
}

/// `block` and `unblock`.
pub(super) async fn names(args: NamesArgs, edit: Edit, client: &Client, output: &Output) -> Outcome {
    let path = format!("/v1/orders/{}/{}", escape(&args.order), edit.verb());
    let text = client.post(&path, &NameList { names: args.names }).await?;
    changed(if edit == Edit::Block { "blocked" } else { "unblocked" }, &text, output)
}

fn read(file: &Path) -> Result<Apply, Failure> {
    if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("standard input").or_exit(Exit::BadInput)?;
        let json = text.trim_start().starts_with('{');
        let base = std::env::current_dir().context("the current directory")?.display().to_string();
        return Ok(Apply { path: "standard input".to_owned(), base, json, text });
    }
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("order file {}", file.display()))
        .or_exit(Exit::BadInput)?;
    let whole = std::path::absolute(file).with_context(|| file.display().to_string())?;
    let base = whole.parent().unwrap_or(Path::new("/")).display().to_string();
    let json = file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    Ok(Apply { path: file.display().to_string(), base, json, text })
}

async fn change(id: &str, to: Change, client: &Client, output: &Output) -> Outcome {
    let text = client.post(&format!("/v1/orders/{}/{}", escape(id), to.verb()), &()).await?;
    let word = match to {
        Change::Lift => "lifted",
        Change::Suspend => "suspended",
        Change::Resume => "resumed",
    };
    changed(word, &text, output)
}

/// Says what the kernel has now. A change that was made only in part ends with [`Exit::Problems`].
fn changed(word: &str, text: &str, output: &Output) -> Outcome {
    let report = serde_json::from_str::<Document<ChangeReport>>(text)?.body;
    if output.json {
        output.line(text);
    } else {
        output.line(format!(
            "{word}: order {} ({} names); in the kernel since {}, generation {}, after {:.1} ms",
            report.order, report.names, report.at, report.generation, report.took_ms
        ));
        if let Some(reason) = &report.not_enforced_because {
            output.line(format!("not enforced because {reason}"));
        }
        for name in &report.unchanged {
            output.line(format!("unchanged: {name}"));
        }
    }
    for refusal in &report.refused {
        eprintln!("interdict: refused: {}", refused(refusal));
    }
    Ok(if report.refused.is_empty() { Exit::Ok } else { Exit::Problems })
}

async fn list(client: &Client, output: &Output) -> Outcome {
    let text = client.get("/v1/orders").await?;
    let list = serde_json::from_str::<Document<OrderList>>(&text)?.body;
    if output.json {
        output.line(text);
    } else {
        let rows: Vec<_> = list
            .orders
            .iter()
            .map(|order| {
                vec![
                    order.id.clone(),
                    order.state.clone(),
                    order.status.clone(),
                    order.action.clone(),
                    order.scope.clone(),
                    order.names.to_string(),
                    or_dash(order.effective_from.as_ref()),
                    or_dash(order.effective_until.as_ref()),
                    order.authority.clone(),
                ]
            })
            .collect();
        let header = ["order", "state", "status", "action", "scope", "names", "from", "until", "authority"];
        output.table(&header, &rows);
    }
    for error in &list.errors {
        eprintln!("interdict: {}", error.error);
    }
    Ok(Exit::Ok)
}

async fn show(id: &str, client: &Client, output: &Output) -> Outcome {
    let text = client.get(&format!("/v1/orders/{}", escape(id))).await?;
    if output.json {
        output.line(text);
        return Ok(Exit::Ok);
    }
    let report = serde_json::from_str::<Document<OrderReport>>(&text)?.body;
    let line = &report.line;
    output.facts(&[
        ("order", line.id.clone()),
        ("authority", line.authority.clone()),
        ("state", line.state.clone()),
        ("status", line.status.clone()),
        ("in force since", report.in_force_since.clone().unwrap_or_default()),
        ("effective from", line.effective_from.clone().unwrap_or_default()),
        ("effective until", line.effective_until.clone().unwrap_or_default()),
        ("action", line.action.clone()),
        ("scope", line.scope.clone()),
        ("file", line.file.clone()),
        ("lists", report.lists.join(", ")),
        (
            "names",
            if report.confidential {
                format!("{} (confidential)", line.names)
            } else {
                line.names.to_string()
            },
        ),
        ("error", report.error.clone().unwrap_or_default()),
    ]);
    for name in &report.listed {
        output.line(format!("  {name}"));
    }
    for refusal in &report.refusals {
        output.line(format!("  refused: {}", refused(refusal)));
    }
    Ok(Exit::Ok)
}

/// `FILE:LINE: NAME: REASON`, as far as each is known.
fn refused(refusal: &Refusal) -> String {
    let line = if refusal.line == 0 { String::new() } else { format!(":{}", refusal.line) };
    let name = refusal.name.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
    format!("{}{line}: {name}{}", refusal.file, refusal.reason)
}
