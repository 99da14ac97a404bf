//! Axes: where a value lies on the sheet, and the spines, ticks and labels that tell the reader so.

use super::canvas::{Align, Canvas, LABEL, SMALL, TITLE, Type, text_width};
use super::palette::{GREY, INK, WHITE};

const SPINE: f64 = 1.0;
const TICK: f64 = 4.0;
/// Room for tick labels left of a spine, in px.
const TICK_LABELS: f64 = 46.0;

/// A place on an axis; minor ticks have no label.
#[derive(Debug, Clone)]
pub(super) struct Tick {
    pub at: f64,
    pub label: Option<String>,
}

impl Tick {
    pub(super) fn new(at: f64, label: impl Into<String>) -> Self {
        Self { at, label: Some(label.into()) }
    }

    fn minor(at: f64) -> Self {
        Self { at, label: None }
    }
}

/// A linear axis from `low` to `high` in its own units (a logarithmic one counts in decades).
#[derive(Debug, Clone)]
pub(super) struct Axis {
    pub low: f64,
    pub high: f64,
    pub ticks: Vec<Tick>,
}

impl Axis {
    /// An axis over exactly `low..=high` with about `wanted` round ticks.
    pub(super) fn linear(low: f64, high: f64, wanted: usize) -> Self {
        let (low, high) = ordered(low, high);
        let step = round_step((high - low) / wanted.max(1) as f64);
        let (first, last) = ((low / step - 1e-9).ceil(), (high / step + 1e-9).floor());
        let count = (last - first).clamp(0.0, 50.0) as usize;
        let ticks =
            (0..=count).map(|index| (first + index as f64) * step).map(|at| Tick::new(at, number(at, step))).collect();
        Self { low, high, ticks }
    }

    /// An axis that begins and ends on a tick and contains `low..=high`.
    pub(super) fn rounded(low: f64, high: f64, wanted: usize) -> Self {
        let (low, high) = ordered(low, high);
        let step = round_step((high - low) / wanted.max(1) as f64);
        Self::linear((low / step + 1e-9).floor() * step, (high / step - 1e-9).ceil() * step, wanted)
    }

    /// An axis of whole numbers over `low..=high`, with a margin where it would have no extent.
    pub(super) fn whole(low: f64, high: f64, wanted: usize) -> Self {
        let margin = (1e-6 * low.abs()).max(0.5);
        let (from, to) = if low < high { (low, high) } else { (low - margin, low + margin) };
        let step = round_step((to - from) / wanted.max(1) as f64).max(1.0);
        let step = if step.fract() == 0.0 { step } else { 2.0 * step };
        let (first, last) = ((from / step).ceil(), (to / step).floor());
        let count = (last - first).clamp(0.0, 50.0) as usize;
        let ticks =
            (0..=count).map(|index| (first + index as f64) * step).map(|at| Tick::new(at, number(at, 1.0))).collect();
        Self { low: from, high: to, ticks }
    }

    /// A logarithmic axis for positive values, in decades (`log10`), widened to the next 1, 2 or 5.
    pub(super) fn decades(low: f64, high: f64) -> Self {
        let (low, high) = (snap(low.log10(), false), snap(high.log10(), true));
        let high = if high - low < 0.3 { snap(low + 0.5, true) } else { high };
        let labelled: &[u32] = match high - low {
            wide if wide > 2.2 => &[1],
            narrow if narrow < 0.8 => &[1, 2, 3, 5, 7],
            _ => &[1, 2, 5],
        };
        let mut ticks = Vec::new();
        // Very many decades: only every so many get a tick.
        let stride = ((high - low) / 10.0).ceil().max(1.0) as i32;
        for decade in (low.floor() as i32)..=(high.ceil() as i32) {
            for digit in 1..=9 {
                let at = f64::from(decade) + f64::from(digit).log10();
                let skipped = stride > 1 && (digit > 1 || decade % stride != 0);
                if skipped || at < low - 1e-9 || at > high + 1e-9 {
                    continue;
                }
                let value = f64::from(digit) * 10_f64.powi(decade);
                ticks.push(if labelled.contains(&digit) {
                    Tick::new(at, number(value, 10_f64.powi(decade)))
                } else {
                    Tick::minor(at)
                });
            }
        }
        Self { low, high, ticks }
    }

    fn share(&self, value: f64) -> f64 {
        (value - self.low) / (self.high - self.low)
    }
}

/// Whether an axis can show `value`: it is finite, and so are differences of such values and their multiples.
pub(super) fn drawable(value: f64) -> bool {
    value.abs() < 1e100
}

/// Smallest and largest drawable value, if there is any.
pub(super) fn finite_range(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.filter(|value| drawable(*value)).fold(None, |range, value| {
        let (low, high) = range.unwrap_or((value, value));
        Some((low.min(value), high.max(value)))
    })
}

/// `value` as tick labels show it: as many decimals as `step` needs, and a true minus sign.
pub(super) fn number(value: f64, step: f64) -> String {
    if value.abs() >= 1e6 || (step < 1e-4 && value != 0.0) {
        return format!("{value:.1e}").replace('-', "\u{2212}");
    }
    let decimals = (0..4).find(|&digits| {
        let scaled = step * 10_f64.powi(digits);
        (scaled - scaled.round()).abs() < 1e-6 * scaled.max(1e-300)
    });
    let text = format!("{:.*}", decimals.unwrap_or(4) as usize, value + 0.0);
    match text.strip_prefix('-') {
        Some(digits) if digits.chars().any(|c| c.is_ascii_digit() && c != '0') => {
            format!("\u{2212}{digits}")
        }
        Some(digits) => digits.to_owned(),
        None => text,
    }
}

fn ordered(low: f64, high: f64) -> (f64, f64) {
    let margin = if low == 0.0 { 1.0 } else { low.abs() * 0.1 };
    if low < high { (low, high) } else { (low - margin, low + margin) }
}

fn round_step(rough: f64) -> f64 {
    let magnitude = 10_f64.powi(rough.log10().floor() as i32);
    let digit = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().find(|digit| rough <= digit * magnitude * (1.0 + 1e-9));
    digit.unwrap_or(10.0) * magnitude
}

/// The nearest `log10` of 1, 2 or 5 times a power of ten below (or above) `decades`.
fn snap(decades: f64, up: bool) -> f64 {
    let base = decades.floor();
    let marks = [0.0, 2_f64.log10(), 5_f64.log10(), 1.0].map(|mark| base + mark);
    let found = if up {
        marks.into_iter().find(|mark| *mark >= decades - 1e-9)
    } else {
        marks.into_iter().rev().find(|mark| *mark <= decades + 1e-9)
    };
    found.unwrap_or(decades)
}

/// A plotting area on the sheet, in px, and its two axes.
#[derive(Debug, Clone)]
pub(super) struct Panel {
    pub left: f64,
    pub top: f64,
    pub width: f64,
    pub height: f64,
    pub x: Axis,
    pub y: Axis,
}

impl Panel {
    pub(super) fn px(&self, value: f64) -> f64 {
        self.left + self.x.share(value) * self.width
    }

    pub(super) fn py(&self, value: f64) -> f64 {
        self.bottom() - self.y.share(value) * self.height
    }

    pub(super) fn right(&self) -> f64 {
        self.left + self.width
    }

    pub(super) fn bottom(&self) -> f64 {
        self.top + self.height
    }

    /// The bottom spine with its ticks; labels on request, because stacked panels share one set.
    pub(super) fn draw_x(&self, canvas: &mut Canvas, labels: bool, title: &str) {
        let edge = self.bottom();
        canvas.level((self.left - SPINE / 2.0, self.right() + SPINE / 2.0), edge, SPINE, INK);
        for tick in &self.x.ticks {
            let x = self.px(tick.at);
            let length = if tick.label.is_some() { TICK } else { TICK * 0.55 };
            canvas.upright(x, (edge, edge + length), SPINE, INK);
            if let (true, Some(label)) = (labels, &tick.label) {
                canvas.text((x, edge + TICK + 12.0), label, Type::new(SMALL, Align::Centre));
            }
        }
        canvas.text((self.left + self.width / 2.0, edge + 34.0), title, Type::new(LABEL, Align::Centre));
    }

    /// The left spine with its ticks.
    pub(super) fn draw_y(&self, canvas: &mut Canvas, labels: bool) {
        canvas.upright(self.left, (self.top - SPINE / 2.0, self.bottom() + SPINE / 2.0), SPINE, INK);
        for tick in &self.y.ticks {
            let y = self.py(tick.at);
            let length = if tick.label.is_some() { TICK } else { TICK * 0.55 };
            canvas.level((self.left - length, self.left), y, SPINE, INK);
            if let (true, Some(label)) = (labels, &tick.label) {
                canvas.text((self.left - TICK - 3.0, y + 4.0), label, Type::new(SMALL, Align::Right));
            }
        }
    }

    /// The bold letter of the panel `height` px above it, and beside the letter what the panel shows.
    pub(super) fn letter(&self, canvas: &mut Canvas, height: f64, index: usize, caption: &str) {
        let letter = char::from(b'a' + (index % 26) as u8).to_string();
        let (left, y) = (self.left - TICK_LABELS, self.top - height);
        canvas.text((left, y), &letter, Type::new(TITLE, Align::Left).bold());
        let width = self.right() - left - 18.0;
        canvas.fitted((left + 18.0, y), caption, width, Type::new(LABEL, Align::Left));
    }

    /// A remark in the middle of a panel that has nothing to show.
    pub(super) fn remark(&self, canvas: &mut Canvas, text: &str) {
        let centre = (self.left + self.width / 2.0, self.top + self.height / 2.0);
        let width = text_width(text, LABEL) + 16.0;
        canvas.rectangle(centre.0 - width / 2.0, centre.1 - 15.0, width, 22.0, WHITE);
        canvas.text(centre, text, Type::new(LABEL, Align::Centre).colour(GREY));
    }
}
