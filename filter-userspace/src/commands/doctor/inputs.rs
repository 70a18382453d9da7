//! What the configured files say about each other, and whether the program they ask for loads.

use std::sync::Arc;

use ipnet::IpNet;

use super::Check;
use crate::agent;
use crate::commands::inputs;
use crate::config::Config;
use crate::kernel::Datapath;
use crate::policy::{Compiler, Snapshot};
use crate::region::RegionTable;

/// Instructions that the program may make the verifier walk through; the kernel's own limit is a million.
const BUDGET: u32 = 100_000;
/// Prefixes that one finding names.
const SHOWN: usize = 5;

/// Every check of this file.
pub(super) fn checks(config: &Config) -> Vec<Check> {
    let mut checks = Vec::new();
    let mut snapshot = None;
    match inputs::policy_files(config, false) {
        Err(failure) => {
            checks.push(Check::problem("files", failure.chain(), "correct the file; `interdict check` helps"))
        }
        Ok((book, regions)) => {
            checks.push(Check::fine(
                "files",
                format!("{} orders, {} prefixes", book.held().count(), regions.table().len()),
            ));
            checks.extend(prefixes(regions.table(), &config.client_prefixes));
            snapshot = Some(agent::policy_input(&book, &regions, config, jiff::Timestamp::now()));
        }
    }
    checks.push(program(config, snapshot.as_ref()).unwrap_or_else(|check| check));
    checks
}

/// Loads the program as `run` would, publishes the policy, and lets go of both.
fn program(config: &Config, input: Option<&crate::policy::PolicyInput>) -> Result<Check, Check> {
    let failed = |error: &dyn std::fmt::Display| Check::problem("program", error.to_string(), "");
    let key = Arc::new(agent::hash_key().map_err(|error| failed(&error))?);
    let mut options = agent::load_options(config, Arc::clone(&key)).map_err(|error| failed(&error))?;
    options.verifier_words = true;
    let mut datapath = Datapath::load(&options).map_err(|error| failed(&error))?;
    let mut policy = "no policy was tried".to_owned();
    if let Some(input) = input {
        let (snapshot, faults) = Compiler::new(*key).compile(input).map_err(|error| failed(&error))?;
        let published = datapath.publish(&snapshot).map_err(|error| failed(&error))?;
        policy = told(&snapshot, faults.len(), published.took);
    }
    let facts = datapath.facts().map_err(|error| failed(&error))?;
    let octets = facts.map_memory() as f64 / f64::from(1 << 20);
    let finding = format!(
        "loads in {:.0} ms: {} verified instructions of {BUDGET}, {octets:.1} MiB of maps; {policy}",
        facts.load.as_secs_f64() * 1e3,
        facts.verified_instructions.map_or_else(|| "unknown".to_owned(), |count| count.to_string()),
    );
    Ok(match facts.verified_instructions {
        Some(count) if count > BUDGET => Check::warning(
            "program",
            finding,
            "it works here; a kernel with a lower limit may refuse it: report it",
        ),
        _ => Check::fine("program", finding),
    })
}

fn told(snapshot: &Snapshot, refused: usize, took: std::time::Duration) -> String {
    let took = took.as_secs_f64() * 1e3;
    format!(
        "the policy of {} names is published in {took:.1} ms, {refused} names or lines refused",
        snapshot.listed
    )
}

/// Regions whose clients are never answered.
fn prefixes(table: &RegionTable, clients: &[IpNet]) -> Option<Check> {
    if clients.is_empty() {
        let finding = "client-prefixes is not set: every source is answered, forged ones too";
        let remedy = "set client-prefixes to the networks that may use the resolver";
        return Some(Check::warning("client-prefixes", finding, remedy));
    }
    let outside: Vec<IpNet> = table
        .iter()
        .map(|(prefix, _)| prefix)
        .filter(|prefix| !clients.iter().any(|client| client.contains(prefix)))
        .collect();
    let shown: Vec<String> = outside.iter().take(SHOWN).map(ToString::to_string).collect();
    if outside.is_empty() {
        return Some(Check::fine("client-prefixes", "every prefix of the region table is inside"));
    }
    Some(Check::warning(
        "client-prefixes",
        format!(
            "{} prefixes of the region table are not inside, such as {}: their clients are never answered",
            outside.len(),
            shown.join(", ")
        ),
        "add them to client-prefixes, or remove them from the table",
    ))
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn regions_outside_the_client_prefixes_are_named() {
        let table = RegionTable::parse("192.0.2.0/24,IT\n198.51.100.0/24,DE\n", "r.csv").unwrap();
        let inside: Vec<IpNet> = vec!["192.0.2.0/23".parse().unwrap()];
        let check = prefixes(&table, &inside).unwrap();
        assert_eq!(check.state, State::Warning);
        assert!(check.finding.contains("198.51.100.0/24"), "{}", check.finding);
        assert_eq!(prefixes(&table, &[]).unwrap().state, State::Warning);
        let all: Vec<IpNet> = vec!["0.0.0.0/0".parse().unwrap()];
        assert_eq!(prefixes(&table, &all).unwrap().state, State::Ok);
    }
}
