//! Whether the weights fit the chip: how often each 6-bit code is used, and how many sit at the limits.

use super::Figure;
use super::axes::{Axis, Panel, Tick, number};
use super::canvas::{Align, Canvas, LABEL, MARGIN, PAGE_WIDTH, SMALL, Type};
use super::legend::{Entry, Sample, row, row_width};
use super::palette::{BLUE, GREY, Rgb, VERMILLION};

/// The synapse weights of one layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeHistogram {
    /// Name of the layer.
    pub label: String,
    /// Signed weight codes in LSB, `-63..=63`; codes beyond count as the limit.
    pub codes: Vec<i8>,
}

/// Largest magnitude of a 6-bit weight code.
const LIMIT: i8 = 63;
/// Codes per bin; odd, so that one bin is centred on zero.
const BIN: i8 = 3;
/// Bins on either side of the one around zero.
const SIDE_BINS: i8 = 21;
const PER_ROW: usize = 2;
const ROW_HEIGHT: f64 = 262.0;

/// Draws a histogram of the weight codes of each layer, three codes to a bin, with the limits of the code dashed.
///
/// Inhibitory and excitatory weights have their own colours; a remark states how many synapses there are and how many
/// of them sit at a limit.
pub fn weight_codes(layers: &[CodeHistogram], title: &str) -> Figure {
    let rows = layers.len().div_ceil(PER_ROW).max(1);
    let mut canvas = Canvas::new(PAGE_WIDTH, 62.0 + rows as f64 * ROW_HEIGHT);
    canvas.title(title);
    let entries = [
        Entry::new(Sample::Bar(BLUE), "inhibitory"),
        Entry::new(Sample::Bar(VERMILLION), "excitatory"),
        Entry::new(Sample::Bar(GREY), "−1, 0, +1"),
        Entry::new(Sample::Dashed(GREY), "limit ±63"),
    ];
    row(&mut canvas, (PAGE_WIDTH - MARGIN - row_width(&entries), 48.0), &entries);
    for (index, layer) in layers.iter().enumerate() {
        let panel = frame(index, &bins(&layer.codes));
        draw_layer(&mut canvas, &panel, index, layer);
    }
    if layers.is_empty() {
        frame(0, &[]).remark(&mut canvas, "no layers");
    }
    canvas.finish()
}

/// Number of codes per bin, from the most negative bin on.
fn bins(codes: &[i8]) -> Vec<u64> {
    let mut bins = vec![0; 2 * SIDE_BINS as usize + 1];
    for code in codes {
        let code = (*code).clamp(-LIMIT, LIMIT);
        // Rounds to the nearest multiple of the bin width: -1, 0 and 1 share the bin around zero.
        let bin = (code + code.signum() * (BIN / 2)) / BIN;
        bins[(bin + SIDE_BINS) as usize] += 1;
    }
    bins
}

fn frame(index: usize, bins: &[u64]) -> Panel {
    let highest = bins.iter().max().copied().unwrap_or(0).max(1) as f64;
    let edge = f64::from(SIDE_BINS * BIN) + 3.0;
    let codes = [-63.0, -42.0, -21.0, 0.0, 21.0, 42.0, 63.0];
    Panel {
        left: 62.0 + (index % PER_ROW) as f64 * 358.0,
        top: 106.0 + (index / PER_ROW) as f64 * ROW_HEIGHT,
        width: 284.0,
        height: 176.0,
        x: Axis { low: -edge, high: edge, ticks: codes.map(|code| Tick::new(code, number(code, 1.0))).to_vec() },
        y: Axis::whole(0.0, 1.05 * highest, 5),
    }
}

fn draw_layer(canvas: &mut Canvas, panel: &Panel, index: usize, layer: &CodeHistogram) {
    for (bin, &count) in bins(&layer.codes).iter().enumerate() {
        if count == 0 {
            continue;
        }
        let centre = (bin as f64 - f64::from(SIDE_BINS)) * f64::from(BIN);
        let half = f64::from(BIN) / 2.0;
        let (left, right) = (panel.px(centre - half) + 0.35, panel.px(centre + half) - 0.35);
        let top = panel.py(count as f64);
        canvas.rectangle(left, top, right - left, panel.bottom() - top, colour(centre));
    }
    for limit in [-LIMIT, LIMIT] {
        let beyond = f64::from(limit) + 1.5 * f64::from(limit.signum());
        canvas.dashed_upright(panel.px(beyond), (panel.top, panel.bottom()), 1.0, GREY);
    }
    panel.letter(canvas, 33.0, index, &layer.label);
    canvas.text((panel.left - 28.0, panel.top - 12.0), "synapses", Type::new(LABEL, Align::Left));
    panel.draw_x(canvas, true, "weight code (signed 6 bit, LSB)");
    panel.draw_y(canvas, true);
    if layer.codes.is_empty() {
        panel.remark(canvas, "no synapses");
        return;
    }
    let total = layer.codes.len();
    let limited = layer.codes.iter().filter(|code| code.unsigned_abs() >= LIMIT.unsigned_abs()).count();
    let share = 100.0 * limited as f64 / total as f64;
    let remark = format!("n = {total}, {share:.1} % at a limit");
    canvas.text((panel.right(), panel.top - 12.0), &remark, Type::new(SMALL, Align::Right).colour(GREY));
}

fn colour(centre: f64) -> Rgb {
    if centre < 0.0 {
        BLUE
    } else if centre > 0.0 {
        VERMILLION
    } else {
        GREY
    }
}
