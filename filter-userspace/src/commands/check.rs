//! `interdict check`: files read as the agent would read them, without an agent and without privileges.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use super::Outcome;
use super::exit::Exit;
use super::print::Output;
use crate::agent::{Setup, hash_key};
use crate::config::{Config, Overrides};
use crate::control::report::Document;
use crate::list::List;
use crate::order::{Format, Order};
use crate::policy::{Compiler, ListInput, Mode, OrderInput, PolicyInput, Refusal, Soa};
use crate::region::RegionTable;

/// One file's result.
#[derive(Debug, Serialize)]
struct Checked {
    file: String,
    kind: &'static str,
    /// What is in it.
    holds: String,
    problems: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Report {
    files: Vec<Checked>,
    problems: usize,
}

pub(super) fn run(files: &[std::path::PathBuf], output: &Output) -> Outcome {
    let files: Vec<Checked> = files.iter().map(|file| check(file)).collect();
    let problems = files.iter().map(|file| file.problems.len()).sum();
    let report = Report { files, problems };
    if output.json {
        output.line(serde_json::to_string(&Document::new("check", report))?);
    } else {
        for file in &report.files {
            if file.problems.is_empty() {
                output.line(format!("{}: {}, {}", file.file, file.kind, file.holds));
            }
            for problem in &file.problems {
                output.line(problem);
            }
        }
    }
    Ok(if problems == 0 { Exit::Ok } else { Exit::Problems })
}

fn check(file: &Path) -> Checked {
    let shown = file.display().to_string();
    let octets = match std::fs::read(file) {
        Ok(octets) => octets,
        Err(error) => return failed(shown, "file", format!("{}: {error}", file.display())),
    };
    let Ok(text) = String::from_utf8(octets) else {
        let problem = format!("{shown}: not UTF-8, expected text");
        return failed(shown, "file", problem);
    };
    let end = file.extension().and_then(|end| end.to_str()).unwrap_or_default().to_ascii_lowercase();
    match end.as_str() {
        "csv" => regions(&text, shown),
        "json" => order(&text, shown, file),
        "toml" if is_order(&text) => order(&text, shown, file),
        "toml" => config(&text, shown, file),
        _ => list(&text, shown),
    }
}

/// An `[order]` table, or what was meant to be one.
fn is_order(text: &str) -> bool {
    text.lines().any(|line| matches!(line.trim_start(), line if line.starts_with("[order]") || line.starts_with("[[names]]")))
}

fn order(text: &str, shown: String, file: &Path) -> Checked {
    let order = match Order::parse(text, &shown, Format::of_path(&shown)) {
        Ok(order) => order,
        Err(error) => return failed(shown, "order", error.to_string()),
    };
    let base = file.parent().unwrap_or(Path::new(""));
    let lists: Vec<ListInput> = order.lists.iter().map(|name| read_list(&base.join(name))).collect();
    let listed: usize = lists.iter().filter_map(|input| input.list.as_ref()).map(|list| list.len()).sum();
    let holds = format!("{}: {} names, {listed} from lists", order.id, order.names.len());
    let problems = refused(order, lists).unwrap_or_else(|error| vec![format!("{shown}: {error}")]);
    Checked { file: shown, kind: "order", holds, problems }
}

fn read_list(path: &Path) -> ListInput {
    let list = std::fs::read(path).ok().map(|octets| Arc::new(List::plain(&octets)));
    ListInput { path: path.display().to_string().into(), list }
}

/// What the compiler refuses of the order: by itself, with no region table and no protected names.
fn refused(order: Order, lists: Vec<ListInput>) -> anyhow::Result<Vec<String>> {
    let now = order.begins().unwrap_or_else(Timestamp::now);
    let input = PolicyInput {
        orders: vec![OrderInput { order: Arc::new(order), lists }],
        regions: Arc::default(),
        client_prefixes: Vec::new(),
        forwarders: Vec::new(),
        protected_names: Vec::new(),
        mode: Mode::default(),
        soa: Soa::default(),
        now,
    };
    let (_, faults) = Compiler::new(hash_key()?).compile(&input)?;
    let own = faults.iter().filter(|fault| !matches!(fault.reason, Refusal::Region(_)));
    Ok(own.map(ToString::to_string).collect())
}

fn regions(text: &str, shown: String) -> Checked {
    match RegionTable::parse(text, &shown) {
        Ok(table) => {
            let holds = format!("{} prefixes of {} regions", table.len(), table.words().len());
            Checked { file: shown, kind: "region table", holds, problems: Vec::new() }
        }
        Err(error) => failed(shown, "region table", error.to_string()),
    }
}

fn config(text: &str, shown: String, file: &Path) -> Checked {
    if let Err(error) = Config::parse(text, &shown) {
        return failed(shown, "configuration", error.to_string());
    }
    let setup = Setup { path: Some(file.to_owned()), over: Overrides::default() };
    match setup.read() {
        Ok(config) => {
            let holds =
                format!("interfaces {}, orders in {}", config.interfaces.join(", "), config.orders.display());
            Checked { file: shown, kind: "configuration", holds, problems: Vec::new() }
        }
        Err(error) => failed(shown, "configuration", error.to_string()),
    }
}

fn list(text: &str, shown: String) -> Checked {
    let list = List::plain(text.as_bytes());
    let problems = list.faults().iter().map(|fault| fault_of(&shown, fault)).collect();
    let holds = format!("{} names, {} addresses skipped", list.len(), list.addresses());
    Checked { file: shown, kind: "list", holds, problems }
}

fn fault_of(path: &str, fault: &crate::list::LineFault) -> String {
    format!("{path}:{}: {}", fault.line, fault.reason)
}

fn failed(file: String, kind: &'static str, problem: String) -> Checked {
    Checked { file, kind, holds: String::new(), problems: vec![problem] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(name: &str, text: &str) -> Checked {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        check(&path)
    }

    #[test]
    fn each_kind_is_recognized() {
        for (name, text, kind) in [
            ("r.csv", "192.0.2.0/24,IT\n", "region table"),
            ("c.toml", "mode = \"observe\"\n", "configuration"),
            ("names.txt", "a.example\n", "list"),
            ("o.toml", "[order]\nid = 1\n", "order"),
            ("o.json", "{}", "order"),
        ] {
            assert_eq!(checked(name, text).kind, kind, "{name}");
        }
    }

    #[test]
    fn an_order_is_compiled() {
        let order = "[order]\nid = \"A\"\ntype = \"court-order\"\nscope = \"global\"\n\
            [[names]]\nname = \"a.example\"\n[[names]]\nname = \"co.uk\"\n";
        let found = checked("o.toml", order);
        assert_eq!(found.problems.len(), 1, "{:?}", found.problems);
        assert!(
            found.problems[0].contains("o.toml:8: order A: co.uk is refused: it is a public suffix"),
            "{:?}",
            found.problems
        );
    }

    #[test]
    fn problems_name_file_and_line() {
        let found = checked("names.txt", "a.example\na..b.example\n");
        assert_eq!(found.problems.len(), 1);
        assert!(found.problems[0].contains("names.txt:2: "), "{:?}", found.problems);
        assert!(checked("r.csv", "192.0.2.0/33,IT\n").problems[0].contains("r.csv:1: "));
        assert!(!check(Path::new("/no/such")).problems.is_empty());
    }
}
