//! What a calibration achieved: a histogram of each parameter against its target, and which neurons missed.

use super::Figure;
use super::axes::{Axis, Panel, finite_range};
use super::canvas::{Align, Canvas, LABEL, MARGIN, PAGE_WIDTH, SMALL, Type};
use super::legend::{Entry, Sample, row};
use super::palette::{BLUE, GREY, INK, LIGHT, PALE, Rgb, VERMILLION};

/// A parameter of all neurons.
#[derive(Debug, Clone, PartialEq)]
pub struct ParameterHistogram {
    /// What it is.
    pub caption: String,
    /// Its unit.
    pub unit: String,
    /// One value per neuron; those that are not finite are left out.
    pub values: Vec<f64>,
    /// The same without calibration, in any order; empty if it was not measured.
    pub before: Vec<f64>,
    /// What was aimed at, if it is the same for all.
    pub target: Option<f64>,
}

/// Which neurons are calibrated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CalibrationOutcome<'a> {
    /// One entry per neuron: it was measured, and none of its codes is at the end of its range.
    pub calibrated: &'a [bool],
    /// How many of these are near all of their targets.
    pub near_target: usize,
}

const PER_ROW: usize = 3;
const BINS: usize = 32;
const TOP: f64 = 78.0;
const ROW_HEIGHT: f64 = 200.0;
const PANEL_HEIGHT: f64 = 116.0;
/// Neurons in a row of the map: those of a quadrant.
const MAP_COLUMNS: usize = 128;
const CELL: f64 = 4.6;

/// Draws histograms of the parameters, without calibration behind, targets dashed, neurons that are not calibrated in a colour of their
/// own, and a map of all neurons with one row for each quadrant.
///
/// The outcome has its neurons in the order of the values; without one, the figure says that nothing was measured.
pub fn calibration(histograms: &[ParameterHistogram], outcome: Option<CalibrationOutcome<'_>>, title: &str) -> Figure {
    let success = outcome.map_or(&[][..], |outcome| outcome.calibrated);
    let rows = histograms.len().div_ceil(PER_ROW) as f64;
    let map_top = TOP + rows * ROW_HEIGHT + 18.0;
    let map_rows = success.len().div_ceil(MAP_COLUMNS).max(1);
    let mut canvas = Canvas::new(PAGE_WIDTH, map_top + map_rows as f64 * (CELL * 3.0 + 3.0) + 50.0);
    canvas.title(title);
    let missed = success.iter().filter(|s| !**s).count();
    let mut entries = match outcome {
        Some(CalibrationOutcome { near_target, .. }) => vec![
            Entry::new(
                Sample::Bar(BLUE),
                format!("{} neurons calibrated ({near_target} near target)", success.len() - missed),
            ),
            Entry::new(Sample::Bar(VERMILLION), format!("{missed} not")),
        ],
        None => vec![Entry::new(Sample::Bar(LIGHT), "nothing measured")],
    };
    entries.push(Entry::new(Sample::Dashed(INK), "target"));
    if histograms.iter().any(|h| !h.before.is_empty()) {
        entries.push(Entry::new(Sample::Bar(PALE), "one code for all"));
    }
    row(&mut canvas, (MARGIN, 48.0), &entries);
    for (index, histogram) in histograms.iter().enumerate() {
        draw_histogram(&mut canvas, index, histogram, success);
    }
    draw_map(&mut canvas, map_top, success, histograms.len());
    canvas.finish()
}

fn draw_histogram(canvas: &mut Canvas, index: usize, histogram: &ParameterHistogram, success: &[bool]) {
    let values = || histogram.values.iter().copied();
    let (low, high) =
        finite_range(values().chain(histogram.before.iter().copied()).chain(histogram.target)).unwrap_or((0.0, 1.0));
    // Where all values are equal there is still a bin of some width.
    let margin = (0.04 * (high - low)).max(0.002 * high.abs()).max(1e-6);
    let (low, high) = (low - margin, high + margin);
    let width = (high - low) / BINS as f64;
    let mut counts = [[0_u32; 2]; BINS];
    for (value, success) in values().zip(success).filter(|(v, _)| v.is_finite()) {
        let bin = ((value - low) / width).clamp(0.0, BINS as f64 - 1.0) as usize;
        counts[bin][usize::from(!*success)] += 1;
    }
    let mut before = [0_u32; BINS];
    for value in histogram.before.iter().filter(|v| v.is_finite()) {
        before[((value - low) / width).clamp(0.0, BINS as f64 - 1.0) as usize] += 1;
    }
    let highest = counts.iter().map(|[good, bad]| good + bad).chain(before).max().unwrap_or(0).max(1);
    let panel = Panel {
        left: 62.0 + (index % PER_ROW) as f64 * 226.0,
        top: TOP + 30.0 + (index / PER_ROW) as f64 * ROW_HEIGHT,
        width: 168.0,
        height: PANEL_HEIGHT,
        x: Axis::linear(low, high, 4),
        y: Axis::whole(0.0, 1.08 * f64::from(highest), 4),
    };
    for (bin, [good, bad]) in counts.iter().enumerate() {
        let left = panel.px(low + bin as f64 * width) + 0.3;
        let right = panel.px(low + (bin + 1) as f64 * width) - 0.3;
        let mut bar = |from: u32, to: u32, colour: Rgb| {
            if to > from {
                let (top, bottom) = (panel.py(f64::from(to)), panel.py(f64::from(from)));
                canvas.rectangle(left, top, right - left, bottom - top, colour);
            }
        };
        bar(0, before[bin], PALE);
        bar(0, *good, BLUE);
        bar(*good, good + bad, VERMILLION);
    }
    if let Some(target) = histogram.target {
        canvas.dashed_upright(panel.px(target), (panel.top - 5.0, panel.bottom()), 1.2, INK);
    }
    panel.letter(canvas, 14.0, index, &format!("neurons by {}", histogram.caption));
    panel.draw_x(canvas, true, &format!("{} ({})", histogram.caption, histogram.unit));
    panel.draw_y(canvas, true);
    if !values().any(f64::is_finite) {
        panel.remark(canvas, "nothing measured");
    }
}

fn draw_map(canvas: &mut Canvas, top: f64, success: &[bool], index: usize) {
    let letter = char::from(b'a' + (index % 26) as u8).to_string();
    canvas.text((MARGIN, top), &letter, Type::new(13, Align::Left).bold());
    canvas.text(
        (MARGIN + 18.0, top),
        if success.is_empty() { "nothing measured" } else { "calibrated neurons, a row for each quadrant" },
        Type::new(LABEL, Align::Left),
    );
    let left = 104.0;
    let height = CELL * 3.0;
    for (quadrant, neurons) in success.chunks(MAP_COLUMNS).enumerate() {
        let y = top + 14.0 + quadrant as f64 * (height + 3.0);
        let first = quadrant * MAP_COLUMNS;
        let label = format!("{first}\u{2013}{}", first + neurons.len() - 1);
        canvas.text((left - 8.0, y + height / 2.0 + 4.0), &label, Type::new(SMALL, Align::Right));
        canvas.rectangle(left, y, neurons.len() as f64 * CELL, height, LIGHT);
        for (column, success) in neurons.iter().enumerate() {
            let colour = if *success { BLUE } else { VERMILLION };
            canvas.rectangle(left + column as f64 * CELL + 0.4, y + 0.4, CELL - 0.8, height - 0.8, colour);
        }
    }
    let below = top + 14.0 + success.len().div_ceil(MAP_COLUMNS) as f64 * (height + 3.0) + 12.0;
    let remark = "number of the neuron (AtomicNeuron), upper row of the chip first";
    canvas.text((left, below), remark, Type::new(SMALL, Align::Left).colour(GREY));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_how_many_missed_and_bears_nothing_and_nonsense() {
        let outcome = |calibrated| Some(CalibrationOutcome { calibrated, near_target: 1 });
        let histogram = |values: Vec<f64>| ParameterHistogram {
            caption: "leak".into(),
            unit: "LSB".into(),
            values,
            before: Vec::new(),
            target: Some(80.0),
        };
        let figure = calibration(&[histogram(vec![79.0, f64::NAN, 81.0])], outcome(&[true, false, true]), "t");
        assert!(figure.svg().contains("2 neurons calibrated (1 near target)") && figure.svg().contains("1 not"));
        assert_eq!(calibration(&[], outcome(&[]), "t").svg(), calibration(&[], outcome(&[]), "t").svg());
        let nothing = ParameterHistogram { target: None, ..histogram(vec![f64::NAN]) };
        assert!(calibration(&[nothing], outcome(&[true]), "t").svg().contains("nothing measured"));
        let unmeasured = calibration(&[histogram(Vec::new())], None, "t");
        assert_eq!(unmeasured.svg().matches("nothing measured").count(), 3);
        assert!(!unmeasured.svg().contains("calibrated"));
    }
}
