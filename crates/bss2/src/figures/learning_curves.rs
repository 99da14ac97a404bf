//! Did it learn, and did it generalise: loss and error rate against the epoch, for training and validation data.

use super::Figure;
use super::axes::{Axis, Panel, Tick, drawable, finite_range};
use super::canvas::{Canvas, MARGIN, PAGE_WIDTH};
use super::legend::{Entry, Sample, row, row_width};
use super::palette::{BLUE, INK, LIGHT, Rgb, VERMILLION, WHITE};

/// What was measured at the end of one epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EpochPoint {
    /// Number of the epoch.
    pub epoch: usize,
    /// Mean loss on the training data.
    pub train_loss: f64,
    /// Mean loss on the validation data.
    pub validation_loss: f64,
    /// Share of the training samples classified wrongly or not at all, `0..=1`.
    pub train_error: f64,
    /// Share of the validation samples classified wrongly or not at all, `0..=1`.
    pub validation_error: f64,
}

const HEIGHT: f64 = 322.0;
/// Up to so many epochs, each is marked with a point.
const MARKED_EPOCHS: usize = 40;

/// Draws loss and error rate against the epoch, in two panels.
///
/// The error rate is in percent on a logarithmic axis; an error of exactly zero lies on a mark of its own below a break
/// in that axis. Values that are not finite leave gaps. An empty history gives empty panels that say so.
pub fn learning_curves(history: &[EpochPoint], title: &str) -> Figure {
    let mut canvas = Canvas::new(PAGE_WIDTH, HEIGHT);
    canvas.title(title);
    let entries = [Entry::new(Sample::Line(BLUE), "training"), Entry::new(Sample::Line(VERMILLION), "validation")];
    row(&mut canvas, (PAGE_WIDTH - MARGIN - row_width(&entries), 48.0), &entries);

    let epochs = epoch_axis(history);
    let losses = [values(history, |point| point.train_loss), values(history, |point| point.validation_loss)];
    let y = loss_axis(&losses);
    let panel = Panel { left: 62.0, top: 86.0, width: 284.0, height: 190.0, x: epochs.clone(), y };
    draw(&mut canvas, &panel, 0, "loss", &losses);

    let errors =
        [values(history, |point| 100.0 * point.train_error), values(history, |point| 100.0 * point.validation_error)];
    let axis = ErrorAxis::over(&errors);
    let errors = errors.map(|curve| curve.into_iter().map(|(epoch, error)| (epoch, axis.place(error))).collect());
    let panel = Panel { left: 420.0, x: epochs, y: axis.axis.clone(), ..panel };
    draw(&mut canvas, &panel, 1, "error rate (%)", &errors);
    axis.draw_break(&mut canvas, &panel);
    canvas.finish()
}

type Curve = Vec<(f64, f64)>;

fn values(history: &[EpochPoint], of: impl Fn(&EpochPoint) -> f64) -> Curve {
    history.iter().map(|point| (point.epoch as f64, of(point))).collect()
}

fn epoch_axis(history: &[EpochPoint]) -> Axis {
    let (first, last) = finite_range(history.iter().map(|point| point.epoch as f64)).unwrap_or((0.0, 1.0));
    let margin = 0.02 * (last - first);
    Axis::whole(first - margin, last + margin, 7)
}

fn loss_axis(losses: &[Curve; 2]) -> Axis {
    let (low, high) = finite_range(losses.iter().flatten().map(|(_, loss)| *loss)).unwrap_or((0.0, 1.0));
    // A loss near zero is compared with zero, not with its own smallest value.
    let low = if low > 0.0 && low < 0.5 * high { 0.0 } else { low };
    Axis::rounded(low, high, 5)
}

fn draw(canvas: &mut Canvas, panel: &Panel, index: usize, caption: &str, curves: &[Curve; 2]) {
    for tick in panel.y.ticks.iter().filter(|tick| tick.label.is_some()) {
        if tick.at > panel.y.low {
            canvas.level((panel.left, panel.right()), panel.py(tick.at), 0.5, LIGHT);
        }
    }
    panel.letter(canvas, 14.0, index, caption);
    panel.draw_x(canvas, true, "epoch");
    panel.draw_y(canvas, true);
    if curves.iter().flatten().all(|(_, value)| !drawable(*value)) {
        panel.remark(canvas, "no finite values");
    }
    for (curve, colour) in curves.iter().zip([BLUE, VERMILLION]) {
        draw_curve(canvas, panel, curve, colour);
    }
}

fn draw_curve(canvas: &mut Canvas, panel: &Panel, curve: &Curve, colour: Rgb) {
    let marked = curve.len() <= MARKED_EPOCHS;
    for stretch in curve.split(|(_, value)| !drawable(*value)) {
        let points: Vec<(f64, f64)> =
            stretch.iter().map(|(epoch, value)| (panel.px(*epoch), panel.py(*value))).collect();
        if marked || points.len() == 1 {
            for point in &points {
                canvas.disc(*point, 2.4, colour);
            }
        }
        canvas.polyline(points, 1.6, colour);
    }
}

/// Decades of percent, and below a break, zero.
struct ErrorAxis {
    axis: Axis,
    /// Where zero lies, in decades, and where the decades begin.
    zero: Option<(f64, f64)>,
}

impl ErrorAxis {
    fn over(errors: &[Curve; 2]) -> Self {
        let all = || errors.iter().flatten().map(|(_, error)| *error).filter(|error| drawable(*error));
        let (low, high) = finite_range(all().filter(|error| *error > 0.0)).unwrap_or((1.0, 100.0));
        let mut axis = Axis::decades(low, high);
        if !all().any(|error| error <= 0.0) {
            return Self { axis, zero: None };
        }
        let start = axis.low;
        axis.low -= 0.12 * (axis.high - axis.low);
        axis.ticks.insert(0, Tick::new(axis.low, "0"));
        Self { zero: Some((axis.low, start)), axis }
    }

    fn place(&self, error: f64) -> f64 {
        match self.zero {
            Some((zero, _)) if error <= 0.0 => zero,
            _ => error.log10(),
        }
    }

    /// Two short slashes across the spine between zero and the first decade.
    fn draw_break(&self, canvas: &mut Canvas, panel: &Panel) {
        let Some((zero, start)) = self.zero else {
            return;
        };
        let y = f64::midpoint(panel.py(zero), panel.py(start));
        canvas.rectangle(panel.left - 2.0, y - 2.0, 4.0, 4.0, WHITE);
        for y in [y - 2.0, y + 2.0] {
            canvas.polyline(vec![(panel.left - 4.0, y + 2.0), (panel.left + 4.0, y - 2.0)], 1.0, INK);
        }
    }
}
