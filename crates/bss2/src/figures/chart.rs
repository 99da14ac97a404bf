//! Curves, points and histograms in one or more panels, with the range that was published for silicon shaded behind them.

use super::Figure;
use super::axes::{Axis, Panel, drawable, finite_range};
use super::canvas::{Align, Canvas, LABEL, MARGIN, PAGE_WIDTH, Type};
use super::legend::{Entry, Sample, row, row_width};
use super::palette::{GREY, LIGHT, Rgb, class_colour};

/// How a series is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Mark {
    /// A line through the points.
    Line,
    /// A thin grey line: one of many.
    Faint,
    /// A point at each.
    Points,
    /// A bar of this width on the x axis at each.
    Bars(f64),
}

/// Points that belong together.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Name for the legend; series of equal names share an entry, an empty name has none.
    pub label: String,
    /// The points, `(x, y)`; those that are not finite are left out.
    pub points: Vec<(f64, f64)>,
    /// How they are drawn.
    pub mark: Mark,
    /// Which colour of the palette, from 0.
    pub colour: usize,
}

impl Series {
    /// A series.
    pub fn new(label: impl Into<String>, mark: Mark, colour: usize, points: Vec<(f64, f64)>) -> Self {
        Self { label: label.into(), points, mark, colour }
    }

    /// How often values fall into equal bins of a round width over `range`; values beyond it count into the last bins.
    pub fn histogram(label: impl Into<String>, colour: usize, values: &[f64], range: (f64, f64), bins: usize) -> Self {
        let (low, width) = (range.0, (range.1 - range.0) / bins as f64);
        let mut counts = vec![0_u32; bins];
        for value in values.iter().filter(|v| v.is_finite()) {
            let bin = ((value - low) / width).floor().clamp(0.0, bins as f64 - 1.0);
            counts[bin as usize] += 1;
        }
        let centre = |k: usize| low + (k as f64 + 0.5) * width;
        let points = counts.iter().enumerate().map(|(k, n)| (centre(k), f64::from(*n))).collect();
        Self::new(label, Mark::Bars(width), colour, points)
    }

    fn colour(&self) -> Rgb {
        if self.mark == Mark::Faint { GREY } else { class_colour(self.colour) }
    }
}

/// A panel.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ChartPanel {
    /// What it shows.
    pub caption: String,
    /// Label of the x axis.
    pub x_label: String,
    /// Label of the y axis.
    pub y_label: String,
    /// What is drawn, first things first.
    pub series: Vec<Series>,
    /// Shaded range of x.
    pub x_band: Option<(f64, f64)>,
    /// Shaded range of y.
    pub y_band: Option<(f64, f64)>,
}

const PER_ROW: usize = 2;
const ROW_HEIGHT: f64 = 262.0;
/// Name of the shaded ranges.
const SHADED: &str = "published range";

/// Draws panels, two in a row; a single one takes the whole width.
pub fn chart(title: &str, panels: &[ChartPanel]) -> Figure {
    let entries = entries(panels);
    let legend = lines(&entries);
    // A single panel has no line with letter and caption.
    let top = if panels.len() > 1 { 44.0 } else { 30.0 } + 20.0 * legend.len() as f64;
    let rows = panels.len().div_ceil(PER_ROW).max(1) as f64;
    let mut canvas = Canvas::new(PAGE_WIDTH, top + rows * ROW_HEIGHT + 4.0);
    canvas.title(title);
    for (k, line) in legend.iter().enumerate() {
        row(&mut canvas, (MARGIN, 48.0 + 20.0 * k as f64), line);
    }
    for (index, content) in panels.iter().enumerate() {
        let frame = frame(index, panels.len(), top, content);
        draw(&mut canvas, &frame, index, panels.len() > 1, content);
    }
    canvas.finish()
}

fn entries(panels: &[ChartPanel]) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for series in panels.iter().flat_map(|p| &p.series) {
        if series.label.is_empty() || entries.iter().any(|e| e.name == series.label) {
            continue;
        }
        let sample = match series.mark {
            Mark::Line | Mark::Faint => Sample::Line(series.colour()),
            Mark::Points => Sample::Point(series.colour()),
            Mark::Bars(_) => Sample::Bar(series.colour()),
        };
        entries.push(Entry::new(sample, series.label.clone()));
    }
    if panels.iter().any(|p| p.x_band.is_some() || p.y_band.is_some()) {
        entries.push(Entry::new(Sample::Bar(LIGHT), SHADED));
    }
    entries
}

/// The entries in lines that fit the page.
fn lines(entries: &[Entry]) -> Vec<Vec<Entry>> {
    let mut lines: Vec<Vec<Entry>> = Vec::new();
    for entry in entries {
        match lines.last_mut() {
            Some(line)
                if row_width(&[line.as_slice(), std::slice::from_ref(entry)].concat()) < PAGE_WIDTH - 2.0 * MARGIN =>
            {
                line.push(entry.clone());
            }
            _ => lines.push(vec![entry.clone()]),
        }
    }
    lines
}

fn frame(index: usize, panels: usize, top: f64, content: &ChartPanel) -> Panel {
    let (left, width) = if panels > 1 {
        (62.0 + (index % PER_ROW) as f64 * 358.0, 284.0)
    } else {
        (62.0, PAGE_WIDTH - 62.0 - 2.0 * MARGIN)
    };
    let ticks = (width / 60.0) as usize;
    let bars = content.series.iter().any(|s| matches!(s.mark, Mark::Bars(_)));
    let half = |s: &Series| if let Mark::Bars(width) = s.mark { 0.5 * width } else { 0.0 };
    let xs = content.series.iter().flat_map(|s| s.points.iter().flat_map(move |p| [p.0 - half(s), p.0 + half(s)]));
    let ys = content.series.iter().flat_map(|s| s.points.iter().map(|p| p.1));
    let with = |band: Option<(f64, f64)>| band.into_iter().flat_map(|(low, high)| [low, high]);
    let (x_low, x_high) = finite_range(xs.chain(with(content.x_band))).unwrap_or((0.0, 1.0));
    let (y_low, y_high) = finite_range(ys.chain(with(content.y_band))).unwrap_or((0.0, 1.0));
    Panel {
        left,
        top: top + 38.0 + (index / PER_ROW) as f64 * ROW_HEIGHT,
        width,
        height: 170.0,
        x: Axis::rounded(x_low, x_high, ticks),
        y: if bars { Axis::whole(0.0, 1.05 * y_high.max(1.0), 5) } else { Axis::rounded(y_low, y_high, 5) },
    }
}

fn draw(canvas: &mut Canvas, panel: &Panel, index: usize, letter: bool, content: &ChartPanel) {
    let inside = |low: f64, high: f64, axis: &Axis| (low.clamp(axis.low, axis.high), high.clamp(axis.low, axis.high));
    if let Some((low, high)) = content.x_band {
        let (low, high) = inside(low, high, &panel.x);
        canvas.rectangle(panel.px(low), panel.top, panel.px(high) - panel.px(low), panel.height, LIGHT);
    }
    if let Some((low, high)) = content.y_band {
        let (low, high) = inside(low, high, &panel.y);
        canvas.rectangle(panel.left, panel.py(high), panel.width, panel.py(low) - panel.py(high), LIGHT);
    }
    for series in &content.series {
        let shown = |(x, y): &(f64, f64)| drawable(*x) && drawable(*y);
        let at = |(x, y): &(f64, f64)| (panel.px(*x), panel.py(*y));
        match series.mark {
            Mark::Line | Mark::Faint => {
                let width = if series.mark == Mark::Faint { 0.8 } else { 1.6 };
                for stretch in series.points.split(|p| !shown(p)) {
                    canvas.polyline(stretch.iter().map(at).collect(), width, series.colour());
                }
            }
            Mark::Points => {
                series.points.iter().filter(|p| shown(p)).for_each(|p| canvas.disc(at(p), 2.6, series.colour()));
            }
            Mark::Bars(width) => {
                for (x, y) in series.points.iter().filter(|p| shown(p) && p.1 > 0.0) {
                    let (left, right) = (panel.px(x - 0.5 * width) + 0.3, panel.px(x + 0.5 * width) - 0.3);
                    let top = panel.py(*y);
                    canvas.rectangle(left, top, right - left, panel.bottom() - top, series.colour());
                }
            }
        }
    }
    if letter {
        panel.letter(canvas, 28.0, index, &content.caption);
    }
    let along = if letter { panel.left - 28.0 } else { MARGIN };
    canvas.text((along, panel.top - 10.0), &content.y_label, Type::new(LABEL, Align::Left));
    panel.draw_x(canvas, true, &content.x_label);
    panel.draw_y(canvas, true);
    if content.series.iter().all(|s| s.points.is_empty()) {
        panel.remark(canvas, "nothing measured");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histograms_count_every_finite_value_once() {
        let series = Series::histogram("x", 0, &[-9.0, 0.1, 0.9, 1.5, 99.0, f64::NAN], (0.0, 2.0), 2);
        assert_eq!(series.points, [(0.5, 3.0), (1.5, 2.0)]);
        assert_eq!(series.mark, Mark::Bars(1.0));
    }

    #[test]
    fn panels_bear_nothing_and_nonsense() {
        let nonsense = Series::new("odd", Mark::Line, 7, vec![(0.0, f64::NAN), (f64::INFINITY, 1.0), (1.0, 2.0)]);
        for series in [vec![], vec![nonsense]] {
            let panel = ChartPanel { series, x_band: Some((0.0, 1.0)), ..ChartPanel::default() };
            assert!(chart("title", &[panel.clone(), panel]).svg().contains("published range"));
        }
        assert!(chart("alone", &[]).svg().contains("alone"));
    }
}
