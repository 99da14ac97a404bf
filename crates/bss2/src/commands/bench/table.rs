//! The results as tables for people.

use super::workloads::{EffectRow, Row};

/// Aligned columns; the first to the left, the others to the right.
fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).enumerate();
        let cells = cells.map(|(k, (cell, &w))| if k == 0 { format!("{cell:<w$}") } else { format!("{cell:>w$}") });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn or_dash(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".into(), |value| format!("{value:.digits$}"))
}

/// Workloads, one a line.
pub fn workloads(rows: &[Row]) -> String {
    let head = [
        "workload",
        "on",
        "threads",
        "samples/s",
        "min..max",
        "us/sample",
        "CPU us",
        "ns/event",
        "x chip",
        "roofline",
        "correct",
    ];
    let row = |row: &Row| {
        let speed = &row.samples_per_s;
        vec![
            row.workload.clone(),
            row.substrate.into(),
            row.threads.to_string(),
            format!("{:.0}", speed.median),
            format!("{:.0}..{:.0}", speed.min, speed.max),
            format!("{:.2}", row.us_per_sample),
            or_dash(row.cpu_us_per_sample, 2),
            or_dash(row.ns_per_synaptic_event, 2),
            or_dash(row.relative_to_chip, 2),
            row.share_of_roofline_estimate.map_or_else(|| "-".into(), |share| format!("{:.0} %", 100.0 * share)),
            row.accuracy.map_or_else(|| "-".into(), |share| format!("{:.1} %", 100.0 * share)),
        ]
    };
    let lines: Vec<_> = std::iter::once(head.map(str::to_owned).to_vec()).chain(rows.iter().map(row)).collect();
    aligned(&lines)
}

/// Effects, one a line.
pub fn effects(rows: &[EffectRow]) -> String {
    let head = ["without", "CPU us/sample", "cost us", "cost"];
    let row = |row: &EffectRow| {
        vec![
            row.without.clone(),
            format!("{:.2}", row.cpu_us_per_sample),
            format!("{:+.2}", row.cost_us_per_sample),
            format!("{:+.1} %", row.cost_percent),
        ]
    };
    let lines: Vec<_> = std::iter::once(head.map(str::to_owned).to_vec()).chain(rows.iter().map(row)).collect();
    aligned(&lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let rows = [["a", "10"], ["long name", "7"]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(aligned(&rows), "a          10\nlong name   7");
    }

    #[test]
    fn effects_show_their_sign() {
        let row = EffectRow {
            without: "jitter".into(),
            cpu_us_per_sample: 40.0,
            cost_us_per_sample: -1.0,
            cost_percent: -2.5,
        };
        assert!(effects(&[row]).ends_with("jitter           40.00    -1.00  -2.5 %"));
    }
}
