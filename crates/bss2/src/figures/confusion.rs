//! Which classes are taken for which, and how often no output neuron answers.

use ndarray::Array2;

use super::Figure;
use super::axes::number;
use super::canvas::{Align, Canvas, LABEL, MARGIN, SMALL, Type, text_width};
use super::palette::{GREY, INK, LIGHT, ink_on, ramp};

/// Space between the predicted classes and the column of silent samples, in px.
const SILENT_GAP: f64 = 8.0;
const TOP: f64 = 64.0;

/// Draws a confusion matrix.
///
/// `counts` has shape `(n_classes, n_classes + 1)`: a row per true class, a column per predicted class, and a last
/// column for samples on which no output neuron fired. Cells show the count and, where there is room, its share of the
/// row; the colour is the share of the row.
pub fn confusion(counts: &Array2<u64>, class_names: &[&str], title: &str) -> Figure {
    let (rows, columns) = counts.dim();
    let cell = (440.0 / columns.max(1) as f64).clamp(26.0, 84.0);
    let labels = Labels::new(rows, columns, class_names, cell);
    let widest = labels.rows.iter().map(|name| text_width(name, SMALL)).fold(56.0, f64::max);
    let grid = Grid { left: MARGIN + widest + 8.0, cell, rows, columns };
    let bottom = TOP + cell * rows as f64;
    let mut canvas = Canvas::new(grid.column(columns) + 128.0, bottom + 58.0);
    canvas.title(title);
    if counts.is_empty() {
        canvas.text((MARGIN, TOP), "no samples", Type::new(LABEL, Align::Left).colour(GREY));
        return canvas.finish();
    }

    let label = (grid.left - 7.0, TOP - 10.0);
    canvas.text(label, "true class", Type::new(LABEL, Align::Right));
    for (row, name) in labels.rows.iter().enumerate() {
        grid.draw_row(&mut canvas, row, counts);
        let y = TOP + cell * (row as f64 + 0.5) + 4.0;
        canvas.text((grid.left - 7.0, y), name, Type::new(SMALL, Align::Right));
    }
    for (column, name) in labels.columns.iter().enumerate() {
        let middle = grid.column(column) + cell / 2.0;
        canvas.text((middle, bottom + 17.0), name, Type::new(SMALL, Align::Centre));
    }
    let classes = grid.left + cell * rows.min(columns) as f64 / 2.0;
    canvas.text((classes, bottom + 40.0), "predicted class", Type::new(LABEL, Align::Centre));
    scale_bar(&mut canvas, grid.column(columns) + 20.0, (TOP, bottom));
    canvas.finish()
}

/// What stands beside the rows and below the columns.
struct Labels {
    rows: Vec<String>,
    columns: Vec<String>,
}

impl Labels {
    fn new(rows: usize, columns: usize, class_names: &[&str], cell: f64) -> Self {
        let name = |class: usize| class_names.get(class).map_or_else(|| class.to_string(), ToString::to_string);
        let narrow = (0..rows.min(columns)).all(|class| text_width(&name(class), SMALL) < cell - 4.0);
        let column = |index: usize| match index {
            silent if silent == rows => "silent".to_owned(),
            class if narrow => name(class),
            class => class.to_string(),
        };
        // Where names do not fit below the columns, the columns are numbered, and the rows say which number is which.
        let row = |class: usize| {
            if narrow || class >= class_names.len() { name(class) } else { format!("{} ({class})", name(class)) }
        };
        Self { rows: (0..rows).map(row).collect(), columns: (0..columns).map(column).collect() }
    }
}

/// Where the cells lie, in px.
struct Grid {
    left: f64,
    cell: f64,
    rows: usize,
    columns: usize,
}

impl Grid {
    fn column(&self, column: usize) -> f64 {
        let gap = if column >= self.rows && self.columns > self.rows { SILENT_GAP } else { 0.0 };
        self.left + self.cell * column as f64 + gap
    }

    fn draw_row(&self, canvas: &mut Canvas, row: usize, counts: &Array2<u64>) {
        let total: f64 = counts.row(row).iter().map(|count| *count as f64).sum();
        let y = TOP + self.cell * row as f64;
        for (column, &count) in counts.row(row).iter().enumerate() {
            let x = self.column(column);
            let share = if total > 0.0 { count as f64 / total } else { 0.0 };
            let fill = ramp(share);
            canvas.rectangle(x, y, self.cell, self.cell, LIGHT);
            canvas.rectangle(x + 0.5, y + 0.5, self.cell - 1.0, self.cell - 1.0, fill);
            let (middle, centre) = (x + self.cell / 2.0, y + self.cell / 2.0);
            let kind = |size: u32| Type::new(size, Align::Centre).colour(ink_on(fill));
            let roomy = self.cell >= 50.0;
            let size = if text_width(&count.to_string(), LABEL) < self.cell - 6.0 { LABEL } else { 9 };
            canvas.text((middle, centre + if roomy { -2.0 } else { 4.0 }), &count.to_string(), kind(size));
            if roomy && total > 0.0 {
                let text = format!("{:.1} %", 100.0 * share);
                canvas.text((middle, centre + 15.0), &text, kind(SMALL));
            }
        }
    }
}

fn scale_bar(canvas: &mut Canvas, x: f64, (top, bottom): (f64, f64)) {
    const STEPS: u32 = 100;
    const WIDTH: f64 = 12.0;
    let height = bottom - top;
    canvas.rectangle(x - 0.5, top - 0.5, WIDTH + 1.0, height + 1.0, INK);
    for step in (0..STEPS).rev() {
        let share = (f64::from(step) + 0.5) / f64::from(STEPS);
        let y = bottom - height * f64::from(step + 1) / f64::from(STEPS);
        // Each step reaches down to the bottom and is covered by the next, so that no hairline shows between them.
        canvas.rectangle(x, y, WIDTH, bottom - y, ramp(share));
    }
    for percent in [0.0, 50.0, 100.0] {
        let y = bottom - height * percent / 100.0;
        canvas.level((x + WIDTH, x + WIDTH + 4.0), y, 1.0, INK);
        canvas.text((x + WIDTH + 7.0, y + 4.0), &number(percent, 50.0), Type::new(SMALL, Align::Left));
    }
    canvas.text((x, top - 10.0), "share of row (%)", Type::new(SMALL, Align::Left));
}
