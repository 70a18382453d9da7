//! `interdict doctor`: can this machine run the filter, and what is to be done where it cannot?

mod inputs;
mod interface;
mod machine;

use std::path::Path;

use serde::Serialize;

use super::Outcome;
use super::exit::Exit;
use super::print::Output;
use crate::args::DoctorArgs;
use crate::config::{Config, Overrides};
use crate::control::client::Client;
use crate::control::report::Document;

/// What one look found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Check {
    pub(super) check: String,
    pub(super) state: State,
    pub(super) finding: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) remedy: String,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum State {
    Ok,
    Note,
    Warning,
    Problem,
}

impl Check {
    fn new(check: &str, state: State, finding: impl Into<String>, remedy: impl Into<String>) -> Check {
        Check { check: check.to_owned(), state, finding: finding.into(), remedy: remedy.into() }
    }

    pub(super) fn fine(check: &str, finding: impl Into<String>) -> Check {
        Check::new(check, State::Ok, finding, "")
    }

    pub(super) fn note(check: &str, finding: impl Into<String>) -> Check {
        Check::new(check, State::Note, finding, "")
    }

    pub(super) fn warning(check: &str, finding: impl Into<String>, remedy: impl Into<String>) -> Check {
        Check::new(check, State::Warning, finding, remedy)
    }

    pub(super) fn problem(check: &str, finding: impl Into<String>, remedy: impl Into<String>) -> Check {
        Check::new(check, State::Problem, finding, remedy)
    }

    pub(super) fn is_problem(&self) -> bool {
        self.state == State::Problem
    }
}

/// The reply.
#[derive(Debug, Serialize)]
struct Report {
    checks: Vec<Check>,
    problems: usize,
}

pub(super) async fn run(args: &DoctorArgs, socket: &Path, output: &Output) -> Outcome {
    let mut checks = Vec::new();
    let over = Overrides { interfaces: args.interfaces.clone(), ..Overrides::default() };
    let config = match super::inputs::config(args.config.as_deref(), over) {
        Ok(config) => config,
        Err(failure) => {
            checks.push(Check::problem(
                "configuration",
                failure.chain(),
                "correct it; the rest is checked with the defaults",
            ));
            Config::default()
        }
    };
    checks.extend(machine::checks(&config.pin_dir));
    for name in &config.interfaces {
        checks.extend(interface::checks(name));
    }
    checks.extend(inputs::checks(&config));
    checks.push(agent(socket).await);
    show(checks, output)
}

async fn agent(socket: &Path) -> Check {
    match Client::new(socket).get("/v1/status").await {
        Ok(_) => Check::fine("agent", format!("answers on {}", socket.display())),
        Err(error) => Check::note("agent", error.to_string()),
    }
}

fn show(checks: Vec<Check>, output: &Output) -> Outcome {
    let problems = checks.iter().filter(|check| check.is_problem()).count();
    if output.json {
        output.line(serde_json::to_string(&Document::new("doctor", Report { checks, problems }))?);
    } else {
        for check in &checks {
            let mark = match check.state {
                State::Ok => "ok      ",
                State::Note => "note    ",
                State::Warning => "warning ",
                State::Problem => "PROBLEM ",
            };
            output.line(format!("{mark} {}: {}", check.check, check.finding));
            if !check.remedy.is_empty() {
                output.line(format!("          {}", check.remedy));
            }
        }
    }
    Ok(if problems == 0 { Exit::Ok } else { Exit::Problems })
}
