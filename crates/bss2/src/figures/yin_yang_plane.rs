//! Where in the plane the network decides what: the classified samples of the Yin-Yang data set.
//!
//! The outline follows Kriener, Göltz & Petrovici, "The Yin-Yang dataset" (NICE 2022): a disc of radius 1/2 cut by two
//! half circles of radius 1/4, with a dot of radius 1/10 in each half.

use std::f64::consts::PI;

use super::Figure;
use super::axes::{Axis, Panel, Tick};
use super::canvas::{Align, Canvas, LABEL, Type, text_width};
use super::legend::{self, Entry, POINT_RADIUS, Sample};
use super::palette::{GREY, INK, class_colour};

/// How the classification of a sample turned out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The predicted class is the true one.
    Correct,
    /// Another class was predicted.
    Wrong,
    /// No output neuron fired.
    Silent,
}

/// A sample of the plane and what the network made of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlanePoint {
    /// Horizontal position, `0..=1`.
    pub x: f64,
    /// Vertical position, `0..=1`, upwards.
    pub y: f64,
    /// Index of the predicted class; `None` if no output neuron fired.
    pub predicted: Option<usize>,
    /// Whether the prediction was right.
    pub outcome: Outcome,
}

const SIDE: f64 = 400.0;

/// Draws the samples in the unit square, coloured by predicted class.
///
/// Wrongly classified samples carry a black ring, silent ones are open diamonds. Samples outside the unit square, or
/// not finite, are counted in the legend but cannot be drawn.
pub fn yin_yang_plane(points: &[PlanePoint], class_names: &[&str], title: &str) -> Figure {
    let unit = || Axis {
        low: 0.0,
        high: 1.0,
        ticks: [(0.0, "0"), (0.25, "0.25"), (0.5, "0.5"), (0.75, "0.75"), (1.0, "1")]
            .map(|(at, label)| Tick::new(at, label))
            .to_vec(),
    };
    let panel = Panel { left: 66.0, top: 50.0, width: SIDE, height: SIDE, x: unit(), y: unit() };
    let names = class_names.iter().map(|name| text_width(name, LABEL) + 60.0).fold(176.0, f64::max);
    let mut canvas = Canvas::new(panel.right() + names, panel.bottom() + 50.0);
    canvas.title(title);
    panel.draw_x(&mut canvas, true, "x");
    panel.draw_y(&mut canvas, true);
    let middle = (panel.left - 46.0, panel.top + panel.height / 2.0 + 4.0);
    canvas.text(middle, "y", Type::new(LABEL, Align::Centre));

    let colour = |point: &PlanePoint| point.predicted.map_or(GREY, class_colour);
    let inside = |value: f64| (0.0..=1.0).contains(&value);
    let visible = |outcome: Outcome| {
        points.iter().filter(move |point| point.outcome == outcome && inside(point.x) && inside(point.y))
    };
    let place = |point: &PlanePoint| (panel.px(point.x), panel.py(point.y));
    // Large test sets get smaller points, so that they do not cover each other.
    let radius = (POINT_RADIUS * (1000.0 / points.len().max(1) as f64).sqrt()).clamp(1.4, POINT_RADIUS);
    for point in visible(Outcome::Correct) {
        canvas.disc(place(point), radius, colour(point));
    }
    outline(&mut canvas, &panel);
    for point in visible(Outcome::Silent) {
        legend::silent_mark(&mut canvas, place(point), radius);
    }
    for point in visible(Outcome::Wrong) {
        legend::wrong_mark(&mut canvas, place(point), radius, colour(point));
    }
    if points.is_empty() {
        panel.remark(&mut canvas, "no samples");
    }
    key(&mut canvas, &panel, points, class_names);
    canvas.finish()
}

fn outline(canvas: &mut Canvas, panel: &Panel) {
    const WIDTH: f64 = 1.0;
    let scale = panel.width;
    let centre = |x: f64| (panel.px(x), panel.py(0.5));
    canvas.ring(centre(0.5), 0.5 * scale, WIDTH, INK);
    canvas.ring(centre(0.25), 0.1 * scale, WIDTH, INK);
    canvas.ring(centre(0.75), 0.1 * scale, WIDTH, INK);
    // Yin reaches below the middle on the left, yang above it on the right.
    let arc = |middle: f64, side: f64| {
        (0..=60).map(move |step| {
            let angle = PI * f64::from(step) / 60.0;
            (middle - 0.25 * angle.cos(), 0.5 + side * 0.25 * angle.sin())
        })
    };
    let curve = arc(0.25, -1.0).chain(arc(0.75, 1.0));
    canvas.polyline(curve.map(|(x, y)| (panel.px(x), panel.py(y))).collect(), WIDTH, INK);
}

fn key(canvas: &mut Canvas, panel: &Panel, points: &[PlanePoint], class_names: &[&str]) {
    let left = panel.right() + 24.0;
    let count = |outcome: Outcome| points.iter().filter(|point| point.outcome == outcome).count();
    canvas.text((left, panel.top + 12.0), "Predicted class", Type::new(LABEL, Align::Left).bold());
    let mut y = panel.top + 32.0;
    let classes = class_names.iter().enumerate();
    for entry in classes.map(|(index, name)| Entry::new(Sample::Point(class_colour(index)), *name)) {
        legend::row(canvas, (left, y), &[entry]);
        y += 20.0;
    }
    y += 10.0;
    for (sample, name, outcome) in
        [(Sample::Ringed, "wrong", Outcome::Wrong), (Sample::Diamond, "silent", Outcome::Silent)]
    {
        legend::row(canvas, (left, y), &[Entry::new(sample, format!("{name} ({})", count(outcome)))]);
        y += 20.0;
    }
    if !points.is_empty() {
        let correct = count(Outcome::Correct);
        let share = 100.0 * correct as f64 / points.len() as f64;
        let summary = format!("{correct} of {} correct", points.len());
        canvas.text((left, y + 14.0), &summary, Type::new(LABEL, Align::Left));
        canvas.text((left, y + 32.0), &format!("({share:.1} %)"), Type::new(LABEL, Align::Left));
    }
}
