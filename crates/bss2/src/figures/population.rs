//! What became of many chips and trainings: medians with quartiles along an axis, and violins side by side.

use super::Figure;
use super::axes::{Axis, Panel, drawable, finite_range};
use super::canvas::{Align, Canvas, LABEL, MARGIN, PAGE_WIDTH, SMALL, Type};
use super::legend::{Entry, Sample, row, row_width};
use super::palette::{INK, WHITE, class_colour};

/// A population at a place on the axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// Place.
    pub x: f64,
    /// First quartile.
    pub low: f64,
    /// Median.
    pub median: f64,
    /// Third quartile.
    pub high: f64,
}

/// Populations along the axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// Name for the legend; empty: none.
    pub label: String,
    /// The populations, by place; those that are not finite are left out.
    pub points: Vec<Spread>,
}

/// A population beside others.
#[derive(Debug, Clone, PartialEq)]
pub struct Violin {
    /// Its name.
    pub label: String,
    /// Its values; those that are not finite are left out.
    pub values: Vec<f64>,
}

const LEFT: f64 = 62.0;
const HEIGHT: f64 = 250.0;
/// Values that make a violin; fewer are drawn as points.
const FEWEST: usize = 5;
/// How far the outline of a violin goes beyond its extreme values, in widths of the kernel.
const REACH: f64 = 1.5;
/// Distance between whiskers of neighbouring curves, in px.
const BESIDE: f64 = 3.0;

/// Medians joined by lines, quartiles as whiskers.
pub fn quartile_curves(title: &str, x_label: &str, y_label: &str, curves: &[Curve]) -> Figure {
    let legend = lines(curves);
    let top = 44.0 + 20.0 * legend.len() as f64;
    let mut canvas = Canvas::new(PAGE_WIDTH, top + HEIGHT + 64.0);
    canvas.title(title);
    for (k, line) in legend.iter().enumerate() {
        row(&mut canvas, (MARGIN, 48.0 + 20.0 * k as f64), line);
    }
    let all = || curves.iter().flat_map(|curve| &curve.points);
    let (x_low, x_high) = finite_range(all().map(|p| p.x)).unwrap_or((0.0, 1.0));
    let (y_low, y_high) = finite_range(all().flat_map(|p| [p.low, p.median, p.high])).unwrap_or((0.0, 1.0));
    let whole = all().all(|p| p.x.fract() == 0.0) && x_high - x_low >= 2.0;
    let panel = Panel {
        left: LEFT,
        top: top + 16.0,
        width: PAGE_WIDTH - LEFT - 2.0 * MARGIN,
        height: HEIGHT - 16.0,
        x: padded(if whole { Axis::whole(x_low, x_high, 10) } else { Axis::rounded(x_low, x_high, 10) }),
        y: Axis::rounded(y_low, y_high, 6),
    };
    for (number, curve) in curves.iter().enumerate() {
        let colour = class_colour(number);
        let aside = BESIDE * (number as f64 - 0.5 * (curves.len() as f64 - 1.0));
        let shown: Vec<&Spread> =
            curve.points.iter().filter(|p| [p.x, p.low, p.median, p.high].into_iter().all(drawable)).collect();
        let at = |p: &Spread, y: f64| (panel.px(p.x) + aside, panel.py(y));
        canvas.polyline(shown.iter().map(|p| at(p, p.median)).collect(), 1.6, colour);
        for p in shown {
            let (x, low) = at(p, p.low);
            canvas.upright(x, (low, at(p, p.high).1), 1.4, colour);
            canvas.disc(at(p, p.median), 2.8, colour);
        }
    }
    canvas.text((MARGIN, panel.top - 10.0), y_label, Type::new(LABEL, Align::Left));
    panel.draw_x(&mut canvas, true, x_label);
    panel.draw_y(&mut canvas, true);
    if all().next().is_none() {
        panel.remark(&mut canvas, "no results");
    }
    canvas.finish()
}

/// The axis with room for the outermost points and their neighbours.
fn padded(axis: Axis) -> Axis {
    let room = 0.03 * (axis.high - axis.low);
    Axis { low: axis.low - room, high: axis.high + room, ..axis }
}

fn lines(curves: &[Curve]) -> Vec<Vec<Entry>> {
    let mut lines: Vec<Vec<Entry>> = Vec::new();
    for (number, curve) in curves.iter().enumerate().filter(|(_, curve)| !curve.label.is_empty()) {
        let entry = Entry::new(Sample::Line(class_colour(number)), curve.label.clone());
        match lines.last_mut() {
            Some(line)
                if row_width(&[line.as_slice(), std::slice::from_ref(&entry)].concat()) < PAGE_WIDTH - 2.0 * MARGIN =>
            {
                line.push(entry);
            }
            _ => lines.push(vec![entry]),
        }
    }
    lines
}

/// Violins side by side: the density of each population, its quartiles as a bar, its median as a white point; fewer than five values
/// as points.
pub fn violins(title: &str, y_label: &str, populations: &[Violin]) -> Figure {
    let top = 60.0;
    let mut canvas = Canvas::new(PAGE_WIDTH, top + HEIGHT + 48.0);
    canvas.title(title);
    let values = || populations.iter().flat_map(|p| p.values.iter().copied());
    let (low, high) = finite_range(values()).unwrap_or((0.0, 1.0));
    let panel = Panel {
        left: LEFT,
        top,
        width: PAGE_WIDTH - LEFT - 2.0 * MARGIN,
        height: HEIGHT,
        x: Axis { low: 0.0, high: populations.len().max(1) as f64, ticks: Vec::new() },
        y: Axis::rounded(low, high, 6),
    };
    let room = panel.width / populations.len().max(1) as f64;
    for (number, population) in populations.iter().enumerate() {
        let centre = panel.px(number as f64 + 0.5);
        let label = Type::new(SMALL, Align::Centre);
        // Long names take turns in two rows.
        let drop = if populations.len() > 6 && number % 2 == 1 { 32.0 } else { 18.0 };
        canvas.fitted((centre, panel.bottom() + drop), &population.label, 1.8 * room, label);
        let mut sorted: Vec<f64> = population.values.iter().copied().filter(|v| drawable(*v)).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        violin(&mut canvas, &panel, centre, 0.42 * room, &sorted, number);
    }
    canvas.text((MARGIN, panel.top - 10.0), y_label, Type::new(LABEL, Align::Left));
    panel.draw_x(&mut canvas, false, "");
    panel.draw_y(&mut canvas, true);
    if values().next().is_none() {
        panel.remark(&mut canvas, "no results");
    }
    canvas.finish()
}

fn violin(canvas: &mut Canvas, panel: &Panel, centre: f64, half: f64, sorted: &[f64], number: usize) {
    let (Some(first), Some(last)) = (sorted.first(), sorted.last()) else { return };
    let colour = class_colour(number);
    if sorted.len() < FEWEST {
        for value in sorted {
            canvas.disc((centre, panel.py(*value)), 3.2, colour);
        }
        return;
    }
    let n = sorted.len() as f64;
    let mean = sorted.iter().sum::<f64>() / n;
    let sd = (sorted.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt();
    // Silverman's rule; a population without spread is a line.
    let width = 1.06 * sd * n.powf(-0.2);
    let (top, bottom) = (panel.py(*last), panel.py(*first));
    if width > 0.0 && bottom - top > 2.0 {
        let density = |value: f64| -> f64 { sorted.iter().map(|v| (-0.5 * ((v - value) / width).powi(2)).exp()).sum() };
        let steps = ((bottom - top) / 1.5).ceil().max(1.0) as usize;
        // Kernels reach beyond the extreme values: the outline ends where little is left of them.
        let (from, to) = (first - REACH * width, last + REACH * width);
        let at = |k: usize| (from + (to - from) * k as f64 / steps as f64).clamp(panel.y.low, panel.y.high);
        let peak = (0..=steps).map(|k| density(at(k))).fold(0.0, f64::max);
        let side = |k: usize, sign: f64| (centre + sign * half * density(at(k)) / peak, panel.py(at(k)));
        let outline: Vec<(f64, f64)> =
            (0..=steps).map(|k| side(k, 1.0)).chain((0..=steps).rev().map(|k| side(k, -1.0))).collect();
        canvas.polygon(&outline, colour);
    } else {
        canvas.level((centre - half, centre + half), panel.py(mean), 2.0, colour);
    }
    let of = |q: f64| {
        let at = q * (sorted.len() - 1) as f64;
        let (low, high) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
        panel.py(low + at.fract() * (high - low))
    };
    canvas.upright(centre, (of(0.25), of(0.75)), 5.0, INK);
    canvas.disc((centre, of(0.5)), 2.6, WHITE);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_show_their_names_and_bear_nothing_and_nonsense() {
        let spread = |x: f64| Spread { x, low: 0.8, median: 0.9, high: 0.95 };
        let curve = Curve { label: "in-the-loop".into(), points: vec![spread(0.1), spread(0.2), spread(f64::NAN)] };
        let figure = quartile_curves("title", "spread", "accuracy", &[curve.clone(), curve]);
        assert!(figure.svg().contains("in-the-loop") && figure.svg().contains("spread"));
        assert!(!figure.svg().contains("NaN"));
        assert!(quartile_curves("title", "x", "y", &[]).svg().contains("no results"));
    }

    #[test]
    fn violins_stand_side_by_side() {
        let violin = |label: &str, values: Vec<f64>| Violin { label: label.into(), values };
        let some = [violin("raw", vec![0.5, 0.6, 0.62, 0.7, 0.9]), violin("one", vec![0.7]), violin("none", vec![])];
        let figure = violins("title", "accuracy", &some);
        for name in ["raw", "one", "none"] {
            assert!(figure.svg().contains(name));
        }
        assert!(!figure.svg().contains("NaN"));
        assert_eq!(figure.svg(), violins("title", "accuracy", &some).svg());
        assert!(violins("title", "accuracy", &[]).svg().contains("no results"));
    }
}
