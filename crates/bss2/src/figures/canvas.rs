//! The sheet a figure is drawn on: marks in pixels, kept as kuva primitives for both the SVG and the PNG.
//!
//! kuva's own plots are not used: they number their clip paths with a counter of the process, so the same figure drawn
//! twice would differ, and their rows of panels share one height. Its primitives, SVG writer and rasteriser are.
//! All text is level: kuva 0.6 sets turned text in the PNG without smoothing, and a level label reads faster anyway.
//! A sheet is 720 px wide where it fills a page of 16 cm; type of 12 px is then 7.6 pt.

use std::fmt::Write as _;

use kuva::backend::svg::SvgBackend;
use kuva::render::color::Color;
use kuva::render::render::{PathData, Primitive, Scene, TextAnchor, TextSpan};

use super::palette::{INK, Rgb};
use super::stroke::smoothed;
use super::{Figure, PNG_SCALE};

/// Width of a figure that fills the text block (16 cm), in px.
pub(super) const PAGE_WIDTH: f64 = 720.0;
/// Type size of axis labels and legends, in px.
pub(super) const LABEL: u32 = 12;
/// Type size of tick labels and remarks, in px.
pub(super) const SMALL: u32 = 11;
/// Type size of titles, in px.
pub(super) const TITLE: u32 = 13;

/// Empty border of a sheet, in px.
pub(super) const MARGIN: f64 = 16.0;

/// How much wider bold type runs than regular type.
const BOLD: f64 = 1.13;

const FONTS: &str = "DejaVu Sans, Verdana, Helvetica, Arial, sans-serif";

/// Which point of a text its position names.
#[derive(Debug, Clone, Copy)]
pub(super) enum Align {
    Left,
    Centre,
    Right,
}

/// How a text is set.
#[derive(Debug, Clone, Copy)]
pub(super) struct Type {
    pub size: u32,
    pub align: Align,
    pub colour: Rgb,
    pub bold: bool,
}

impl Type {
    pub(super) fn new(size: u32, align: Align) -> Self {
        Self { size, align, colour: INK, bold: false }
    }

    pub(super) fn colour(self, colour: Rgb) -> Self {
        Self { colour, ..self }
    }

    pub(super) fn bold(self) -> Self {
        Self { bold: true, ..self }
    }
}

/// A sheet being drawn; positions in px from the top left corner.
pub(super) struct Canvas {
    scene: Scene,
}

impl Canvas {
    pub(super) fn new(width: f64, height: f64) -> Self {
        let mut scene = Scene::new(width.ceil(), height.ceil());
        scene.font_family = Some(FONTS.to_owned());
        Self { scene }
    }

    pub(super) fn rectangle(&mut self, x: f64, y: f64, width: f64, height: f64, fill: Rgb) {
        self.scene.add(Primitive::Rect {
            x,
            y,
            width,
            height,
            fill: fill.into(),
            stroke: None,
            stroke_width: None,
            opacity: None,
        });
    }

    /// A level line, drawn as a filled rectangle so that its ends are square and its edges crisp.
    pub(super) fn level(&mut self, (x0, x1): (f64, f64), y: f64, width: f64, colour: Rgb) {
        self.rectangle(x0.min(x1), y - width / 2.0, (x1 - x0).abs(), width, colour);
    }

    /// An upright line, drawn as a filled rectangle.
    pub(super) fn upright(&mut self, x: f64, (y0, y1): (f64, f64), width: f64, colour: Rgb) {
        self.rectangle(x - width / 2.0, y0.min(y1), width, (y1 - y0).abs(), colour);
    }

    /// A dashed level line.
    pub(super) fn dashed_level(&mut self, (x0, x1): (f64, f64), y: f64, width: f64, colour: Rgb) {
        for (from, to) in dashes(x0, x1) {
            self.level((from, to), y, width, colour);
        }
    }

    /// A dashed upright line.
    pub(super) fn dashed_upright(&mut self, x: f64, (y0, y1): (f64, f64), width: f64, colour: Rgb) {
        for (from, to) in dashes(y0, y1) {
            self.upright(x, (from, to), width, colour);
        }
    }

    /// A line through `points`; fewer than two points draw nothing.
    pub(super) fn polyline(&mut self, points: Vec<(f64, f64)>, width: f64, colour: Rgb) {
        if points.len() < 2 {
            return;
        }
        self.scene.add(Primitive::PolyLine {
            points,
            stroke: colour.into(),
            stroke_width: width,
            stroke_dasharray: None,
        });
    }

    /// A filled outline.
    pub(super) fn polygon(&mut self, points: &[(f64, f64)], fill: Rgb) {
        let mut d = String::new();
        for (number, (x, y)) in points.iter().enumerate() {
            let _ = write!(d, "{}{x:.2},{y:.2} ", if number == 0 { 'M' } else { 'L' });
        }
        d.push('Z');
        let stroke = fill.into();
        self.scene.add(Primitive::Path(Box::new(PathData {
            d,
            fill: Some(fill.into()),
            stroke,
            stroke_width: 0.0,
            opacity: None,
            stroke_dasharray: None,
        })));
    }

    pub(super) fn disc(&mut self, (cx, cy): (f64, f64), r: f64, fill: Rgb) {
        self.circle((cx, cy), r, fill.into(), None, None);
    }

    /// A circle that covers nothing inside.
    pub(super) fn ring(&mut self, centre: (f64, f64), r: f64, width: f64, colour: Rgb) {
        self.circle(centre, r, Color::None, Some(colour.into()), Some(width));
    }

    fn circle(&mut self, (cx, cy): (f64, f64), r: f64, fill: Color, stroke: Option<Color>, stroke_width: Option<f64>) {
        self.scene.add(Primitive::Circle { cx, cy, r, fill, fill_opacity: None, stroke, stroke_width });
    }

    pub(super) fn text(&mut self, (x, y): (f64, f64), content: &str, kind: Type) {
        let content: String = content.chars().filter(|c| !c.is_control()).collect();
        let anchor = match kind.align {
            Align::Left => TextAnchor::Start,
            Align::Centre => TextAnchor::Middle,
            Align::Right => TextAnchor::End,
        };
        let color = Some(kind.colour.into());
        self.scene.add(if kind.bold {
            let spans = vec![TextSpan { bold: true, ..TextSpan::plain(content) }];
            Primitive::RichText { x, y, spans, size: kind.size, anchor, color }
        } else {
            Primitive::Text {
                x,
                y,
                // A dollar sign would switch kuva to mathematics.
                content: content.replace('$', "\\$"),
                size: kind.size,
                anchor,
                rotate: None,
                bold: false,
                color,
            }
        });
    }

    /// A text that must not be wider than `width` px: set smaller if need be, and cut short as the last resort.
    pub(super) fn fitted(&mut self, at: (f64, f64), content: &str, width: f64, kind: Type) {
        const SMALLEST: u32 = 9;
        let wide = |text: &str, size: u32| text_width(text, size) * if kind.bold { BOLD } else { 1.0 } > width;
        let size = (SMALLEST..=kind.size).rev().find(|&size| !wide(content, size)).unwrap_or(SMALLEST);
        let mut shown = content.to_owned();
        while wide(&shown, size) && shown.chars().count() > 1 {
            shown = shown.chars().take(shown.chars().count().saturating_sub(2)).collect();
            shown.push('\u{2026}');
        }
        self.text(at, &shown, Type { size, ..kind });
    }

    /// The title of the figure.
    pub(super) fn title(&mut self, content: &str) {
        let width = self.scene.width - 2.0 * MARGIN;
        self.fitted((MARGIN, 24.0), content, width, Type::new(TITLE, Align::Left).bold());
    }

    /// Ends the drawing.
    pub(super) fn finish(self) -> Figure {
        let (width, height) = (self.scene.width, self.scene.height);
        let view = format!("<svg viewBox=\"0 0 {width} {height}\" ");
        let svg = SvgBackend::new().with_pretty(true).render_scene(&self.scene);
        let svg = svg.replacen("<svg ", &view, 1);
        let raster = smoothed(self.scene, f64::from(PNG_SCALE));
        Figure { svg, raster }
    }
}

fn dashes(from: f64, to: f64) -> impl Iterator<Item = (f64, f64)> {
    const ON: f64 = 5.0;
    const PERIOD: f64 = 8.0;
    let (from, to) = (from.min(to), from.max(to));
    let count = ((to - from) / PERIOD).ceil().max(0.0) as usize;
    (0..count).map(move |index| {
        let start = from + index as f64 * PERIOD;
        (start, (start + ON).min(to))
    })
}

/// Width of `text` in px, from the advance widths of the first font of the family list, which is also the widest.
pub(super) fn text_width(text: &str, size: u32) -> f64 {
    /// Thousandths of an em, for U+0020..=U+007E.
    const ADVANCE: [u16; 95] = [
        318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361, 318, 337, 636, 636, 636, 636, 636, 636,
        636, 636, 636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632, 575, 775, 752, 295, 295, 656,
        557, 863, 748, 787, 603, 787, 695, 635, 611, 732, 684, 989, 685, 611, 685, 390, 337, 390, 838, 500, 500, 613,
        635, 550, 635, 615, 352, 635, 634, 278, 278, 579, 278, 974, 634, 612, 635, 635, 411, 521, 392, 634, 592, 818,
        592, 592, 525, 636, 337, 636, 838,
    ];
    let advance = |c: char| {
        (c as usize).checked_sub(0x20).and_then(|index| ADVANCE.get(index)).map_or(840, |&advance| u32::from(advance))
    };
    f64::from(text.chars().map(advance).sum::<u32>()) / 1000.0 * f64::from(size)
}
