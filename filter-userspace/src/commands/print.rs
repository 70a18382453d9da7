//! How results reach standard output: JSON, or tables on a terminal and plain columns elsewhere.

use std::io::{IsTerminal, Write};

use comfy_table::presets::{UTF8_BORDERS_ONLY, UTF8_NO_BORDERS};
use comfy_table::{ContentArrangement, Table};

/// Where and how to print.
#[derive(Debug, Clone, Copy)]
pub(super) struct Output {
    /// `--json`.
    pub(super) json: bool,
    terminal: bool,
}

impl Output {
    pub(super) fn new(json: bool) -> Output {
        Output { json, terminal: std::io::stdout().is_terminal() }
    }

    /// One line. A reader that went away (`| head`) is no error of ours.
    pub(super) fn line(&self, text: impl AsRef<str>) {
        let _ = writeln!(std::io::stdout().lock(), "{}", text.as_ref());
    }

    /// `label: value`, the values aligned.
    pub(super) fn facts(&self, facts: &[(&str, String)]) {
        let width = facts.iter().map(|(label, _)| label.len()).max().unwrap_or(0);
        for (label, value) in facts.iter().filter(|(_, value)| !value.is_empty()) {
            self.line(format!("{label:<width$}  {value}"));
        }
    }

    /// Rows under a header; without a terminal plain columns, so that `awk` can take them.
    pub(super) fn table(&self, header: &[&str], rows: &[Vec<String>]) {
        if !self.terminal {
            columns(header, rows).iter().for_each(|line| self.line(line));
            return;
        }
        let mut table = Table::new();
        table.load_style(if rows.is_empty() { UTF8_NO_BORDERS } else { UTF8_BORDERS_ONLY });
        table.set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(header.iter().map(|cell| cell.to_uppercase()));
        for row in rows {
            table.add_row(row);
        }
        self.line(table.to_string());
    }
}

/// Every line with its cells padded to their columns, two spaces between them.
fn columns(header: &[&str], rows: &[Vec<String>]) -> Vec<String> {
    let header: Vec<String> = header.iter().map(|cell| (*cell).to_owned()).collect();
    let width = |column: usize| {
        let cells = std::iter::once(&header).chain(rows).filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let padded = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    std::iter::once(&header).chain(rows).map(padded).collect()
}

/// `null` as a dash.
pub(super) fn or_dash(value: Option<&String>) -> String {
    value.map_or_else(|| "-".to_owned(), Clone::clone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let rows = [vec!["eth0".to_owned(), "7".to_owned()], vec!["x".to_owned(), "123456789".to_owned()]];
        assert_eq!(columns(&["name", "packets"], &rows), ["name  packets", "eth0  7", "x     123456789"]);
    }
}
