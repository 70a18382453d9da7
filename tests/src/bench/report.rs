//! What was measured, as tables for a terminal, as JSON and as CSV.

use std::fmt::Write;

use serde::Serialize;

use super::figure::{Figure, number};
use super::machine::Machine;
use super::target::Target;

/// A run's result.
#[derive(Serialize)]
pub(super) struct Report {
    /// Name and version of this shape.
    pub(super) schema: &'static str,
    /// Where it was measured.
    pub(super) machine: Machine,
    /// The command's arguments.
    pub(super) arguments: Vec<String>,
    /// What was aimed at.
    pub(super) targets: Vec<Target>,
    /// What was measured.
    pub(super) figures: Vec<Figure>,
}

/// Rows of words under a header.
#[derive(Default)]
pub(super) struct Table {
    /// The rows, the header first.
    pub(super) rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with this header.
    #[must_use]
    pub(super) fn new(header: &[&str]) -> Table {
        Table { rows: vec![header.iter().map(|word| (*word).to_owned()).collect()] }
    }

    /// Adds a row.
    pub(super) fn add(&mut self, row: Vec<String>) {
        self.rows.push(row);
    }

    /// In columns.
    #[must_use]
    pub(super) fn text(&self) -> String {
        let widths: Vec<usize> = (0..self.rows.first().map_or(0, Vec::len))
            .map(|column| {
                self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
            })
            .map(|width| width.unwrap_or(0))
            .collect();
        let mut text = String::new();
        for row in &self.rows {
            let cells: Vec<String> =
                row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            text.push_str(cells.join("  ").trim_end());
            text.push('\n');
        }
        text
    }

    /// As Markdown.
    #[must_use]
    pub(super) fn markdown(&self) -> String {
        let mut text = String::new();
        for (number, row) in self.rows.iter().enumerate() {
            // a String takes everything
            let _infallible = writeln!(text, "| {} |", row.join(" | "));
            if number == 0 {
                let _infallible = writeln!(text, "|{}", " --- |".repeat(row.len()));
            }
        }
        text
    }
}

/// The targets beside what was measured.
#[must_use]
pub(super) fn targets(targets: &[Target]) -> Table {
    let mut table = Table::new(&["target", "unit", "aim (gate)", "measured", ""]);
    for target in targets {
        let measured = target.measured.map_or_else(|| "-".to_owned(), number);
        let verdict = target.verdict().to_owned();
        table.add(vec![target.what.clone(), target.unit.to_owned(), target.words(), measured, verdict]);
    }
    table
}

/// Every figure of a part.
#[must_use]
pub(super) fn figures(figures: &[Figure], part: &str) -> Table {
    let mut table = Table::new(&["what", "with", "median [least-most]", "unit", "samples"]);
    for figure in
        figures.iter().filter(|figure| figure.part == part && !figure.what.starts_with("control of"))
    {
        table.add(vec![
            figure.what.clone(),
            figure.with.clone(),
            figure.shown(),
            figure.unit.to_owned(),
            figure.samples.len().to_string(),
        ]);
    }
    table
}

/// Every sample of a part: `what,with,unit,number,sample`.
#[must_use]
pub(super) fn csv(figures: &[Figure], part: &str) -> String {
    let mut text = String::from("what,with,unit,number,sample\n");
    for figure in figures.iter().filter(|figure| figure.part == part) {
        for (number, sample) in figure.samples.iter().enumerate() {
            let quoted = |word: &str| format!("\"{}\"", word.replace('"', "\"\""));
            let (what, with) = (quoted(&figure.what), quoted(&figure.with));
            let _infallible = writeln!(text, "{what},{with},{},{number},{sample}", figure.unit);
        }
    }
    text
}

impl Report {
    /// For a terminal.
    #[must_use]
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for part in ["packets", "load", "end-to-end"] {
            if self.figures.iter().any(|figure| figure.part == part) {
                let _infallible = writeln!(text, "\n{part}\n{}", figures(&self.figures, part).text());
            }
        }
        let _infallible =
            writeln!(text, "targets\n{}\n{}", targets(&self.targets).text(), self.machine.line());
        for target in &self.targets {
            if let Some(reason) = target.reason() {
                let _infallible = writeln!(text, "not met: {}: {reason}", target.what);
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_columns() {
        let mut table = Table::new(&["a", "bb"]);
        table.add(vec!["ccc".to_owned(), "d".to_owned()]);
        assert_eq!(table.text(), "a    bb\nccc  d\n");
        assert_eq!(table.markdown(), "| a | bb |\n| --- | --- |\n| ccc | d |\n");
    }
}
