//! Legends: samples of the marks with their names, in a row or a column beside the data, never over it.

use super::canvas::{Align, Canvas, LABEL, Type, text_width};
use super::palette::{BLACK, GREY, LIGHT, Rgb, WHITE};

/// The mark a legend entry explains.
#[derive(Debug, Clone, Copy)]
pub(super) enum Sample {
    Line(Rgb),
    Dashed(Rgb),
    Bar(Rgb),
    Point(Rgb),
    Ringed,
    Diamond,
}

/// A mark and its name.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub sample: Sample,
    pub name: String,
}

impl Entry {
    pub(super) fn new(sample: Sample, name: impl Into<String>) -> Self {
        Self { sample, name: name.into() }
    }

    fn sample_width(&self) -> f64 {
        match self.sample {
            Sample::Line(_) | Sample::Dashed(_) => 22.0,
            Sample::Bar(_) | Sample::Point(_) | Sample::Ringed | Sample::Diamond => 11.0,
        }
    }

    fn width(&self) -> f64 {
        self.sample_width() + 6.0 + text_width(&self.name, LABEL)
    }

    fn draw(&self, canvas: &mut Canvas, (x, y): (f64, f64)) {
        let (end, middle) = (x + self.sample_width(), x + self.sample_width() / 2.0);
        match self.sample {
            Sample::Line(colour) => canvas.level((x, end), y, 2.0, colour),
            Sample::Dashed(colour) => canvas.dashed_level((x, end - 1.0), y, 1.2, colour),
            Sample::Bar(colour) => canvas.rectangle(x, y - 5.0, 10.0, 10.0, colour),
            Sample::Point(colour) => canvas.disc((middle, y), 4.0, colour),
            Sample::Ringed => wrong_mark(canvas, (middle, y), POINT_RADIUS, LIGHT),
            Sample::Diamond => silent_mark(canvas, (middle, y), POINT_RADIUS),
        }
        canvas.text((end + 6.0, y + 4.0), &self.name, Type::new(LABEL, Align::Left));
    }
}

/// Radius of a sample point in the plane, in px.
pub(super) const POINT_RADIUS: f64 = 3.0;

/// A sample classified wrongly: a point of the colour of the prediction with a black ring.
pub(super) fn wrong_mark(canvas: &mut Canvas, at: (f64, f64), radius: f64, predicted: Rgb) {
    canvas.disc(at, radius + 2.6, WHITE);
    canvas.disc(at, radius + 0.4, predicted);
    canvas.ring(at, radius + 2.0, 1.3, BLACK);
}

/// A sample on which no output neuron fired: an open grey diamond.
pub(super) fn silent_mark(canvas: &mut Canvas, (x, y): (f64, f64), radius: f64) {
    let r = radius + 2.0;
    let corners = vec![(x, y - r), (x + r, y), (x, y + r), (x - r, y), (x, y - r)];
    canvas.polyline(corners, 1.4, GREY);
}

/// Entries side by side from `(x, y)` on, `y` being the middle of the row.
pub(super) fn row(canvas: &mut Canvas, (x, y): (f64, f64), entries: &[Entry]) {
    let mut x = x;
    for entry in entries {
        entry.draw(canvas, (x, y));
        x += entry.width() + GAP;
    }
}

/// The width of [`row`], in px.
pub(super) fn row_width(entries: &[Entry]) -> f64 {
    entries.iter().map(|entry| entry.width() + GAP).sum::<f64>() - GAP
}

const GAP: f64 = 20.0;
