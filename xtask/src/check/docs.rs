//! The documents: links that lead somewhere, and commands that exist.

use std::path::Path;

use anyhow::Result;
use clap::CommandFactory;
use ebpf_object::Layout;

use super::{
    Findings,
    sources::{self, Source},
};
use crate::{Task, command, workspace};

pub(super) fn findings(layout: &Layout) -> Findings {
    let mut findings = Vec::new();
    let documents = sources::ending(layout, "md")?;
    for document in &documents {
        findings.extend(broken_links(layout.root(), document));
        findings.extend(unknown_tasks(document));
    }
    findings.extend(unknown_verbs(layout, &documents)?);
    Ok(findings)
}

/// `[text](path#anchor)` to a file that is not there.
fn broken_links(root: &Path, document: &Source) -> Vec<String> {
    let folder = root.join(&document.path);
    let folder = folder.parent().unwrap_or(root);
    let broken = numbered(document).flat_map(|(number, line)| {
        let targets = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        targets.map(move |target| (number, target.split('#').next().unwrap_or_default()))
    });
    broken
        .filter(|(_, target)| !(target.is_empty() || target.contains(':') || folder.join(target).exists()))
        .map(|(number, target)| format!("{}:{number}: {target} is not there", document.path))
        .collect()
}

/// `cargo xtask VERB` that `cargo xtask --help` does not name.
fn unknown_tasks(document: &Source) -> Vec<String> {
    let tasks = Task::command();
    let known = |verb: &str| tasks.get_subcommands().any(|task| task.get_name() == verb);
    let named = numbered(document)
        .flat_map(|(number, line)| commands(line, "cargo xtask").map(move |words| (number, words)));
    named
        .filter_map(|(number, words)| Some((number, *words.first()?)))
        .filter(|(_, verb)| !known(verb))
        .map(|(number, verb)| format!("{}:{number}: there is no cargo xtask {verb}", document.path))
        .collect()
}

/// `interdict VERB` or `interdict OBJECT VERB` for which the binary has no help.
fn unknown_verbs(layout: &Layout, documents: &[Source]) -> Result<Vec<String>> {
    command::run(workspace::cargo(layout).args(["build", "--quiet", "--package", "filter-userspace"]))?;
    let binary = workspace::output(layout).join("debug/interdict");
    let mut findings = Vec::new();
    for document in documents {
        for (number, line) in numbered(document) {
            for words in commands(line, "interdict").filter(|words| !words.is_empty()) {
                if command::output(std::process::Command::new(&binary).args(&words).arg("--help")).is_err() {
                    findings.push(format!(
                        "{}:{number}: there is no interdict {}",
                        document.path,
                        words.join(" ")
                    ));
                }
            }
        }
    }
    Ok(findings)
}

fn numbered(document: &Source) -> impl Iterator<Item = (usize, &str)> {
    document.text.lines().enumerate().map(|(index, line)| (index + 1, line))
}

/// The verbs (at most two words of small letters) after each mention of a command in a code span, or at a prompt.
fn commands<'a>(line: &'a str, program: &'a str) -> impl Iterator<Item = Vec<&'a str>> {
    let prompt = line.trim_start().trim_start_matches(['$', '#']).trim_start();
    let spans = line.split('`').skip(1).step_by(2);
    [prompt].into_iter().chain(spans).filter_map(move |code| {
        let code = code.strip_prefix("sudo ").unwrap_or(code);
        let rest = code.strip_prefix(program)?;
        let ours = rest.is_empty() || rest.starts_with(' ');
        ours.then(|| rest.split_whitespace().take_while(|word| is_verb(word)).take(2).collect())
    })
}

fn is_verb(word: &str) -> bool {
    !word.starts_with('-') && word.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(text: &str) -> Source {
        Source { path: "README.md".to_owned(), text: text.to_owned() }
    }

    #[test]
    fn a_link_must_lead_somewhere() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("there.md"), "").unwrap();
        let text = "[a](there.md#x) [b](gone.md) [c](https://example.org/d) [e](#f)";
        assert_eq!(broken_links(folder.path(), &document(text)), ["README.md:1: gone.md is not there"]);
    }

    #[test]
    fn a_task_must_exist() {
        let text = "`cargo xtask build` and\n    sudo cargo xtask fly --high\nSee `cargo xtask`.";
        assert_eq!(unknown_tasks(&document(text)), ["README.md:2: there is no cargo xtask fly"]);
    }

    #[test]
    fn verbs_are_read_from_code() {
        let verbs = |line| commands(line, "interdict").collect::<Vec<_>>();
        assert_eq!(verbs("$ interdict order apply FILE"), [vec!["order", "apply"]]);
        assert_eq!(
            verbs("run `interdict explain example.org --json`, then `interdict stats`"),
            [vec!["explain"], vec!["stats"]]
        );
        assert!(verbs("the `interdict.bpf.o` object").is_empty());
        assert!(verbs("what interdict does").is_empty());
    }
}
