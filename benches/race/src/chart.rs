//! The chart: one group of bars for each of some cases, relative to raw TCP on tokio, on a logarithmic scale.

use crate::contest::Case;
use crate::measure::Row;
use crate::stack::Result;
use std::fmt::Write;

const CASES: [(Case, &str); 4] = [
    (Case::OneWay(64), "one way, 64 B"),
    (Case::OneWay(16 * 1024), "one way, 16 KiB"),
    (Case::OneWay(1024 * 1024), "one way, 1 MiB"),
    (Case::Echo, "echo, 64 B"),
];
const LABELS: f64 = 340.0;
const BARS: f64 = 440.0;
const LINE: f64 = 18.0;
/// The scale begins here and ends at ten times raw TCP.
const LEAST: f64 = 0.01;
const STYLE: &str = "text{font:12px sans-serif;fill:#24292f}.h{font-weight:bold}.us{fill:#0969da}.them{fill:#8c959f}\
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.us{fill:#58a6ff}.them{fill:#6e7681}}";

/// Rates over that of raw TCP on tokio.
pub(crate) fn svg(rows: &[Row]) -> Result<String> {
    let rows: Vec<_> = rows.iter().filter(|row| row.label.on.starts_with("tokio")).collect();
    let limit = rows.first().ok_or("nothing to draw")?;
    let height = LINE * (2.0 + CASES.len() as f64 * (rows.len() as f64 + 1.5));
    let width = LABELS + BARS + 60.0;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" role=\"img\">\n<style>{STYLE}</style>\n\
         <text x=\"8\" y=\"16\" class=\"h\">Speed relative to raw TCP on tokio (1.0), logarithmic</text>\n"
    );
    let mut y = LINE * 2.5;
    for (case, title) in CASES {
        writeln!(out, "<text x=\"8\" y=\"{y}\" class=\"h\">{title}</text>")?;
        y += LINE;
        for row in &rows {
            let (Some(own), Some(raw)) = (row.of(case), limit.of(case)) else { continue };
            let ratio = raw.wall_ns / own.wall_ns;
            let length = BARS * (ratio / LEAST).log10().clamp(0.0, 3.0) / 3.0;
            let class = if row.label.name == "sealock" { "us" } else { "them" };
            let end = LABELS + length + 6.0;
            writeln!(out, "<text x=\"16\" y=\"{y}\">{}</text>", row.label.text())?;
            writeln!(
                out,
                "<rect class=\"{class}\" x=\"{LABELS}\" y=\"{:.0}\" width=\"{length:.1}\" height=\"12\"/>",
                y - 10.0
            )?;
            writeln!(out, "<text x=\"{end:.1}\" y=\"{y}\">{ratio:.2}</text>")?;
            y += LINE;
        }
        y += LINE / 2.0;
    }
    out.push_str("</svg>\n");
    Ok(out)
}
