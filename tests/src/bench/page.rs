//! docs/benchmarks.md, its pictures and the raw figures in docs/bench/. The page's words are written by hand; what was
//! measured stands between marks of its own, and only that is written here.

use std::path::Path;

use anyhow::{Context, bail};

use super::arguments::Part;
use super::figure::Figure;
use super::machine::Machine;
use super::picture::{Bar, Group, svg};
use super::{report, target};

/// Writes what was measured; the parts that were not are read back from their files.
///
/// # Errors
/// When a file cannot be written, or the page has lost a mark.
pub(super) fn write(
    root: &Path,
    machine: &Machine,
    words: &[String],
    measured: &[Figure],
) -> anyhow::Result<()> {
    let docs = root.join("docs");
    std::fs::create_dir_all(docs.join("bench"))?;
    let mut figures = Vec::new();
    let path = docs.join("benchmarks.md");
    let mut page = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    for part in [Part::Packets, Part::Load, Part::EndToEnd] {
        let own: Vec<Figure> =
            measured.iter().filter(|figure| figure.part == part.label()).cloned().collect();
        let file = docs.join("bench").join(format!("{}.csv", part.label()));
        if own.is_empty() {
            figures.extend(read(&file, part));
            continue;
        }
        std::fs::write(&file, report::csv(&own, part.label())).with_context(|| file.display().to_string())?;
        let table = report::figures(&own, part.label()).markdown();
        let command = ["cargo xtask bench".to_owned(), words.join(" ")].join(" ");
        let how =
            format!("`{}` at {}, {}. {}", command.trim(), machine.commit, machine.began, machine.line());
        page = between(&page, part.label(), &format!("{how}\n\n{table}"))?;
        figures.extend(own);
    }
    page = between(&page, "targets", &report::targets(&target::targets(&figures)).markdown())?;
    std::fs::write(&path, page)?;
    let note = format!("{}; {}; bars: medians, lines: least to most", machine.processor, machine.kernel);
    std::fs::write(docs.join("packets.svg"), svg("Cost of a packet", &note, &packets(&figures)))?;
    std::fs::write(
        docs.join("end-to-end.svg"),
        svg("Answers a second, one processor", &note, &end_to_end(&figures)),
    )?;
    Ok(())
}

/// The page with other words between `<!-- MARK -->` and `<!-- /MARK -->`.
fn between(page: &str, mark: &str, words: &str) -> anyhow::Result<String> {
    let (begin, end) = (format!("<!-- {mark} -->"), format!("<!-- /{mark} -->"));
    let found = page.split_once(&begin).and_then(|(before, rest)| Some((before, rest.split_once(&end)?.1)));
    match found {
        Some((before, after)) => Ok(format!("{before}{begin}\n{words}\n{end}{after}")),
        None => bail!("docs/benchmarks.md has no marks {begin} and {end}; expected both; put them back"),
    }
}

/// The figures of a file that [`write`] wrote.
fn read(file: &Path, part: Part) -> Vec<Figure> {
    let mut figures: Vec<Figure> = Vec::new();
    for line in std::fs::read_to_string(file).unwrap_or_default().lines().skip(1) {
        let cells: Vec<&str> =
            line.trim_start_matches('"').split("\",\"").flat_map(|cell| cell.split("\",")).collect();
        let [what, with, rest] = cells.as_slice() else { continue };
        let Some((unit, sample)) = rest.split_once(',').zip(rest.rsplit(',').next()) else { continue };
        let Ok(sample) = sample.parse() else { continue };
        match figures.iter_mut().find(|figure| figure.what == *what && figure.with == *with) {
            Some(figure) => figure.samples.push(sample),
            None => figures.push(Figure::new(part, what, with, unit_of(unit.0), vec![sample])),
        }
    }
    figures
}

fn unit_of(word: &str) -> &'static str {
    const UNITS: [&str; 8] = ["ns", "s", "ms", "octets/name", "MiB", "packets", "kq/s", "us"];
    UNITS.into_iter().find(|unit| *unit == word).unwrap_or("")
}

fn bar(figure: &Figure, label: &str, is_ours: bool) -> Bar {
    let spread = (figure.least(), figure.most());
    Bar { label: label.to_owned(), value: figure.median(), spread, is_ours }
}

fn has(figure: &Figure, words: &[&str]) -> bool {
    let with: Vec<&str> = figure.with.split(", ").collect();
    words.iter().all(|word| with.contains(word))
}

fn packets(figures: &[Figure]) -> Vec<Group> {
    let group = |heading: &str, words: &[&str]| {
        let own = figures.iter().filter(|figure| {
            let is_cost = figure.part == Part::Packets.label() && !figure.what.contains(": ");
            is_cost && !figure.with.contains("orders") && has(figure, words)
        });
        let bars = own.map(|figure| bar(figure, &figure.what, true)).collect();
        Group { heading: heading.to_owned(), unit: "ns", bars }
    };
    let all = ["IPv4", "IPv6"].map(|family| {
        group(
            &format!("over the empty program, {family}, 1e6 names, 1e5 prefixes"),
            &[family, "1e6 names", "1e5 prefixes"],
        )
    });
    all.into_iter().filter(|group| !group.bars.is_empty()).collect()
}

fn end_to_end(figures: &[Figure]) -> Vec<Group> {
    let group = |heading: &str, words: &[&str], not: &str| {
        let own = figures.iter().filter(|figure| {
            let is_rate = figure.part == Part::EndToEnd.label() && figure.unit == "kq/s";
            is_rate && has(figure, words) && (not.is_empty() || !has(figure, &[not]))
        });
        let bars =
            own.map(|figure| bar(figure, &figure.what, figure.what.starts_with("interdict"))).collect();
        Group { heading: heading.to_owned(), unit: "kq/s", bars }
    };
    const OWN: &str = "XDP on its own CPU";
    let all = [
        group("listed names, kxdpgun; XDP on the servers' processor", &["blocked", "kxdpgun", OWN], ""),
        group("listed names, kxdpgun; XDP on the generator's processor", &["blocked", "kxdpgun"], OWN),
        group("names that are not listed, kxdpgun", &["clean", "kxdpgun"], OWN),
        group("one half each, kxdpgun", &["mix", "kxdpgun"], OWN),
    ];
    all.into_iter().filter(|group| !group.bars.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_can_be_read() {
        let figures = [
            Figure::new(Part::Load, "a, b", "1e6 names, IPv4", "s", vec![1.5, 2.5]),
            Figure::new(Part::Load, "c", "", "ms", vec![3.0]),
        ];
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("load.csv");
        std::fs::write(&file, report::csv(&figures, Part::Load.label())).unwrap();
        let read = read(&file, Part::Load);
        let plain = |figures: &[Figure]| -> Vec<String> {
            figures.iter().map(|figure| format!("{figure:?}")).collect()
        };
        assert_eq!(plain(&read), plain(&figures));
    }

    #[test]
    fn words_between_marks_are_replaced() {
        let page = "before\n<!-- x -->\nold\n<!-- /x -->\nafter\n";
        assert_eq!(between(page, "x", "new").unwrap(), "before\n<!-- x -->\nnew\n<!-- /x -->\nafter\n");
        assert!(between(page, "y", "new").is_err());
    }
}
