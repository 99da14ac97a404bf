//! The report of a study: one HTML file that needs no other.

use std::fmt::Write as _;

use ::study::statistics::Components;
use ::study::{Cell, FORMAT, Plan, Summary};

use super::cost::count;
use super::definitions;
use super::runner::Setup;
use super::sketches::Sketch;
use crate::commands::page::{begin, embedded, escaped};

/// The report.
///
/// # Errors
/// If the study cannot be written as TOML.
pub fn html(plan: &Plan<Setup>, summary: &Summary, sketches: &[Sketch]) -> anyhow::Result<String> {
    let study = &plan.study;
    let mut page = begin(&study.title);
    let _ = writeln!(page, "<p>{}</p>", escaped(study.description.trim()));
    let _ = writeln!(
        page,
        "<p>{}: {}, {}, {}{}; {} failed, {} without a result. bss2 {}, results of format {FORMAT}.</p>",
        count(plan.trials.len(), "trial"),
        count(plan.points.len(), "point"),
        count(study.chips.list().len(), "chip"),
        count(study.seeds.list().len(), "training seed"),
        if study.paired { ", in pairs" } else { "" },
        summary.failed(),
        summary.missing(),
        env!("CARGO_PKG_VERSION"),
    );
    for sketch in sketches {
        page += &embedded(&sketch.figure);
    }
    let _ = writeln!(page, "<h2>Results</h2>\n{}", table(plan, summary));
    page += "<p>Test accuracy in %; of other columns, means (accuracies and silent spikes as shares of 1). <i>Interval</i>: 95 % bootstrap interval of the mean, \
             chips and trainings drawn anew. <i>sd chips, sources, seeds, rest</i>: standard deviations of the variance components (two-way random effects; \
             sources: chips that networks come from). <i>Worst decile</i>: what a tenth of the trials does not reach.</p>\n";
    errors(&mut page, summary);
    page += "<h2>Definitions</h2>\n<dl>\n";
    for protocol in &study.protocols {
        let _ = writeln!(page, "<dt>{}</dt><dd>{}</dd>", protocol.name(), escaped(protocol.meaning()));
    }
    for (key, meaning) in definitions::of(study) {
        let _ = writeln!(page, "<dt>{}</dt><dd>{}</dd>", escaped(&key), escaped(meaning));
    }
    let _ = writeln!(page, "</dl>\n<h2>Study</h2>\n<pre>{}</pre>\n</body></html>", escaped(&study.to_toml()?));
    Ok(page)
}

fn table(plan: &Plan<Setup>, summary: &Summary) -> String {
    let others: Vec<&str> = summary.metrics().into_iter().filter(|name| *name != "accuracy").collect();
    let mut text = "<table><tr>".to_owned();
    for axis in &plan.study.axes {
        let _ = write!(text, "<th>{}</th>", escaped(&axis.name));
    }
    text += "<th class=\"t\">protocol</th>";
    for name in [
        "n",
        "mean",
        "interval",
        "sd",
        "sd chips",
        "sd sources",
        "sd seeds",
        "sd rest",
        "worst decile",
        "median",
        "quartiles",
    ] {
        let _ = write!(text, "<th>{name}</th>");
    }
    for name in &others {
        let _ = write!(text, "<th>{}</th>", escaped(&name.replace('_', " ")));
    }
    text += "</tr>\n";
    for cell in &summary.cells {
        row(&mut text, plan, cell, &others);
    }
    text + "</table>"
}

fn row(text: &mut String, plan: &Plan<Setup>, cell: &Cell, others: &[&str]) {
    let percent = |share: Option<f64>| share.map_or_else(|| "-".to_owned(), |share| format!("{:.1}", 100.0 * share));
    let range = |range: Option<(f64, f64)>| {
        range.map_or_else(|| "-".to_owned(), |(low, high)| format!("{:.1} to {:.1}", 100.0 * low, 100.0 * high))
    };
    *text += "<tr>";
    for axis in 0..plan.study.axes.len() {
        let value = plan.points[cell.point].values.iter().find(|value| value.axis == axis);
        let _ = write!(text, "<td>{}</td>", value.map_or_else(String::new, |value| escaped(&value.text)));
    }
    let Components { chip, source, seed, rest } = cell.variance.components;
    let _ = write!(text, "<td class=\"t\">{}</td><td>{}</td>", cell.protocol.name(), cell.accuracies.len());
    for value in [
        percent(cell.mean),
        range(cell.interval),
        percent(cell.variance.sd),
        percent(chip),
        percent(source),
        percent(seed),
        percent(rest),
        percent(cell.worst_decile),
        percent(cell.median),
        range(cell.quartiles),
    ] {
        let _ = write!(text, "<td>{value}</td>");
    }
    for name in others {
        let value = cell.others.get(*name).map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"));
        let _ = write!(text, "<td>{value}</td>");
    }
    *text += "</tr>\n";
}

fn errors(page: &mut String, summary: &Summary) {
    let mut told: Vec<&str> = summary.records.iter().flatten().filter_map(|record| record.error.as_deref()).collect();
    if told.is_empty() {
        return;
    }
    told.sort_unstable();
    let count = |error: &str| told.iter().filter(|other| **other == error).count();
    let mut once = told.clone();
    once.dedup();
    *page += "<h2>Failed trials</h2>\n<ul>\n";
    for error in once {
        let _ = writeln!(page, "<li>{} x {}</li>", count(error), escaped(error));
    }
    *page += "</ul>\n";
}
