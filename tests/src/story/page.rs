//! How the story looks on a terminal, and its tally.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

/// What has been told.
pub(super) struct Page {
    chapter: u32,
    checks: u32,
    failures: Vec<String>,
    is_colored: bool,
}

impl Default for Page {
    fn default() -> Page {
        let is_colored = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Page { chapter: 0, checks: 0, failures: Vec::new(), is_colored }
    }
}

impl Page {
    fn paint(&self, code: &str, text: &str) -> String {
        if self.is_colored { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    pub(super) fn title(&self, text: &str) {
        println!("{}\n", self.paint("1", text));
    }

    pub(super) fn chapter(&mut self, text: &str) {
        self.chapter += 1;
        println!("\n{}", self.paint("1", &format!("{}. {text}", self.chapter)));
    }

    pub(super) fn says(&self, text: &str) {
        for line in text.lines() {
            println!("   {line}");
        }
    }

    /// A command, with what it printed.
    pub(super) fn command(&self, who: &str, command: &str, output: &str) {
        println!("   {} {}", self.paint("36", &format!("{who}$")), command);
        self.quotes(output);
    }

    pub(super) fn quotes(&self, text: &str) {
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            println!("   {} {}", self.paint("2", "|"), line);
        }
    }

    /// A check, and whether it holds.
    pub(super) fn checks(&mut self, what: &str, is_so: bool) {
        self.checks += 1;
        if is_so {
            println!("   {} {what}", self.paint("32", "ok"));
        } else {
            println!("   {} {what}", self.paint("31", "NOT SO:"));
            self.failures.push(format!("{}. {what}", self.chapter));
        }
    }

    /// The last line, and how the process ends.
    pub(super) fn end(&self, took: Duration) -> ExitCode {
        println!();
        for failure in &self.failures {
            println!("{} {failure}", self.paint("31", "not as told:"));
        }
        let (checks, failures) = (self.checks, self.failures.len());
        println!("{checks} checks, {failures} not as told, {:.1} s", took.as_secs_f64());
        if self.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}
