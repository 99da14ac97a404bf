//! Which figures a study has.

use ::study::{Cell, Plan, Summary};

use super::runner::Setup;
use crate::figures::{Curve, Figure, Spread, Violin, quartile_curves, violins};

/// Most populations side by side that can be told apart.
const MOST_VIOLINS: usize = 16;

/// A figure with its name.
pub struct Sketch {
    /// Name of its files.
    pub stem: String,
    /// The figure.
    pub figure: Figure,
}

/// All figures: along every axis with places for two points or more, medians and quartiles, one curve for each protocol and each
/// point of the other axes; without such an axis, violins over protocols and points.
pub fn of(plan: &Plan<Setup>, summary: &Summary) -> Vec<Sketch> {
    let mut sketches = Vec::new();
    let study = &plan.study;
    // The first axis with places is drawn along; of axes that stand alone, each.
    for (number, axis) in study.axes.iter().enumerate() {
        let alone = study.design == ::study::Design::OneAtATime;
        if !alone && !sketches.is_empty() {
            break;
        }
        let mut places: Vec<f64> = plan.points.iter().filter_map(|p| place(p, number)).collect();
        places.sort_unstable_by(f64::total_cmp);
        places.dedup();
        if places.len() < 2 {
            continue;
        }
        let curves = curves(plan, summary, number);
        let title = if alone { format!("{}: {}", study.title, axis.name) } else { study.title.clone() };
        let figure = quartile_curves(&title, axis.label(), "test accuracy in %", &curves);
        sketches.push(Sketch { stem: format!("accuracy-{}", axis.name), figure });
    }
    if sketches.is_empty() {
        let all: Vec<Violin> = summary
            .cells
            .iter()
            .map(|cell| Violin { label: name(plan, cell), values: percent(&cell.accuracies) })
            .collect();
        for (number, part) in all.chunks(MOST_VIOLINS).enumerate() {
            let stem = if number == 0 { "accuracy".to_owned() } else { format!("accuracy-{}", number + 1) };
            sketches.push(Sketch { stem, figure: violins(&study.title, "test accuracy in %", part) });
        }
    }
    sketches
}

fn place(point: &::study::Point, axis: usize) -> Option<f64> {
    point.values.iter().find(|value| value.axis == axis)?.at
}

fn percent(shares: &[f64]) -> Vec<f64> {
    shares.iter().map(|share| 100.0 * share).collect()
}

/// What a cell is among others.
fn name(plan: &Plan<Setup>, cell: &Cell) -> String {
    let protocol = cell.protocol.name();
    match (plan.points.len(), plan.study.protocols.len()) {
        (1, _) => protocol.to_owned(),
        (_, 1) => plan.points[cell.point].text.trim_matches(['(', ')']).to_owned(),
        _ => format!("{protocol} {}", plan.points[cell.point].text),
    }
}

fn curves(plan: &Plan<Setup>, summary: &Summary, axis: usize) -> Vec<Curve> {
    let mut curves: Vec<Curve> = Vec::new();
    for cell in &summary.cells {
        let point = &plan.points[cell.point];
        let (Some(x), Some(median), Some((low, high))) = (place(point, axis), cell.median, cell.quartiles) else {
            continue;
        };
        let others = point.values.iter().filter(|v| v.axis != axis);
        let others: Vec<String> = others.map(|v| format!("{} {}", plan.study.axes[v.axis].name, v.text)).collect();
        let mut label = if plan.study.protocols.len() > 1 { vec![cell.protocol.name().to_owned()] } else { Vec::new() };
        label.extend(others);
        let label = label.join(", ");
        let spread = Spread { x, low: 100.0 * low, median: 100.0 * median, high: 100.0 * high };
        match curves.iter_mut().find(|curve| curve.label == label) {
            Some(curve) => curve.points.push(spread),
            None => curves.push(Curve { label, points: vec![spread] }),
        }
    }
    for curve in &mut curves {
        curve.points.sort_by(|a, b| a.x.total_cmp(&b.x));
    }
    curves
}
