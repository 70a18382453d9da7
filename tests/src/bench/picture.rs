//! Horizontal bars with their spread as SVG, readable on light and on dark paper.

use std::fmt::Write;

/// One bar.
pub(super) struct Bar {
    /// What it stands for.
    pub(super) label: String,
    /// Its length.
    pub(super) value: f64,
    /// The least and the greatest sample.
    pub(super) spread: (f64, f64),
    /// Whether it is ours.
    pub(super) is_ours: bool,
}

/// Bars of one scale under a heading.
pub(super) struct Group {
    /// The heading.
    pub(super) heading: String,
    /// The unit of the values.
    pub(super) unit: &'static str,
    /// The bars.
    pub(super) bars: Vec<Bar>,
}

const WIDTH: f64 = 860.0;
/// Where bars begin and how long the longest is.
const LEFT: f64 = 230.0;
const LONGEST: f64 = 480.0;
const ROW: f64 = 24.0;
const HEADING: f64 = 44.0;

/// Colours of text, lines and bars, for light paper and for dark.
const STYLE: &str = "
  text { font: 13px system-ui, sans-serif; fill: #1f2328; }
  .title { font-size: 17px; font-weight: 600; }
  .heading { font-weight: 600; }
  .note { font-size: 11px; fill: #59636e; }
  .ours { fill: #0969da; }
  .other { fill: #8c959f; }
  .spread { stroke: #1f2328; stroke-width: 1.2; }
  .paper { fill: #ffffff; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .note { fill: #9198a1; }
    .ours { fill: #4493f8; }
    .other { fill: #656c76; }
    .spread { stroke: #e6edf3; }
    .paper { fill: #0d1117; }
  }
";

/// The picture.
#[must_use]
pub(super) fn svg(title: &str, note: &str, groups: &[Group]) -> String {
    let rows: f64 = groups.iter().map(|group| HEADING + ROW * group.bars.len() as f64).sum();
    let height = 70.0 + rows + 16.0;
    let mut text = String::new();
    // a String takes everything
    let _infallible = write!(
        text,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" role=\"img\" \
         aria-label=\"{0}\">\n<style>{STYLE}</style>\n<rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n\
         <text class=\"title\" x=\"16\" y=\"28\">{0}</text>\n<text class=\"note\" x=\"16\" y=\"48\">{1}</text>\n",
        escaped(title),
        escaped(note),
    );
    let mut top = 56.0;
    for group in groups {
        top = group_at(&mut text, group, top);
    }
    text.push_str("</svg>\n");
    text
}

/// Draws a group and returns where it ends.
fn group_at(text: &mut String, group: &Group, top: f64) -> f64 {
    let most = group.bars.iter().map(|bar| bar.value.max(bar.spread.1)).fold(0.0, f64::max);
    let scale = if most > 0.0 { LONGEST / most } else { 0.0 };
    let heading = escaped(&group.heading);
    let _infallible =
        writeln!(text, "<text class=\"heading\" x=\"16\" y=\"{:.0}\">{heading}</text>", top + 26.0);
    let mut at = top + HEADING - 8.0;
    for bar in &group.bars {
        let class = if bar.is_ours { "ours" } else { "other" };
        let (middle, length) = (at + 11.0, (bar.value * scale).max(1.0));
        let (least, greatest) = (LEFT + bar.spread.0.max(0.0) * scale, LEFT + bar.spread.1.max(0.0) * scale);
        let _infallible = write!(
            text,
            "<text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\n\
             <rect class=\"{class}\" x=\"{LEFT}\" y=\"{:.1}\" width=\"{length:.1}\" height=\"14\" rx=\"2\"/>\n\
             <line class=\"spread\" x1=\"{least:.1}\" y1=\"{middle:.1}\" x2=\"{greatest:.1}\" y2=\"{middle:.1}\"/>\n\
             <text x=\"{:.1}\" y=\"{:.1}\">{} {}</text>\n",
            LEFT - 10.0,
            at + 15.5,
            escaped(&bar.label),
            at + 4.0,
            (LEFT + length).max(greatest) + 8.0,
            at + 15.5,
            super::figure::number(bar.value),
            group.unit,
        );
        at += ROW;
    }
    at + 8.0
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_has_its_bars_and_is_well_formed() {
        let bar = |label: &str, value| Bar {
            label: label.to_owned(),
            value,
            spread: (value, value),
            is_ours: false,
        };
        let bars = vec![bar("a & b", 10.0), bar("c", 5.0)];
        let text = svg("title", "note", &[Group { heading: "h".to_owned(), unit: "ns", bars }]);
        assert!(
            text.contains("a &amp; b")
                && text.contains("width=\"480.0\"")
                && text.contains("width=\"240.0\"")
        );
        assert_eq!(text.matches("<text").count(), text.matches("</text>").count());
        assert!(!text.contains("NaN"));
    }
}
