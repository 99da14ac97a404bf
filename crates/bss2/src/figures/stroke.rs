//! Smooth curves in the PNG: polylines as per-pixel coverage, because kuva's rasteriser smooths along rows only and
//! leaves stairs on the nearly level curves that learning curves and membrane traces are made of.

use kuva::render::render::{Primitive, Scene};

/// The same sheet with every polyline replaced by rectangles of one device pixel height whose opacity is the covered
/// share of the pixel: `min(1, max(0, w/2 + 1/2 - d))`, with `w` the line width and `d` the distance of the pixel's
/// centre from the line, both in device pixels. `scale` is device pixels per px.
pub(super) fn smoothed(scene: Scene, scale: f64) -> Scene {
    let size = ((scene.width * scale).ceil() as usize, (scene.height * scale).ceil() as usize);
    let elements = scene.elements;
    let mut smooth = Scene { elements: Vec::with_capacity(elements.len()), ..scene };
    for element in elements {
        match element {
            Primitive::PolyLine { points, stroke, stroke_width, stroke_dasharray: None } => {
                let points: Vec<(f64, f64)> = points.iter().map(|(x, y)| (x * scale, y * scale)).collect();
                for (x, y, length, opacity) in runs(&points, stroke_width * scale / 2.0, size) {
                    smooth.add(Primitive::Rect {
                        x: x as f64 / scale,
                        y: y as f64 / scale,
                        width: length as f64 / scale,
                        height: 1.0 / scale,
                        fill: stroke.clone(),
                        stroke: None,
                        stroke_width: None,
                        opacity: Some(f64::from(opacity) / 255.0),
                    });
                }
            }
            other => smooth.add(other),
        }
    }
    smooth
}

/// Horizontal runs `(x, y, length, opacity)` of equal, non-zero coverage.
fn runs(points: &[(f64, f64)], half_width: f64, size: (usize, usize)) -> Vec<(usize, usize, usize, u8)> {
    let reach = half_width + 1.0;
    let limits = |values: &mut dyn Iterator<Item = f64>, size: usize| {
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
        // A float cast saturates, so lines beyond the sheet are cut off at its edge.
        (((low - reach).floor() as usize).min(size), ((high + reach).ceil() as usize).min(size))
    };
    let (x0, x1) = limits(&mut points.iter().map(|p| p.0), size.0);
    let (y0, y1) = limits(&mut points.iter().map(|p| p.1), size.1);
    let width = x1.saturating_sub(x0);
    let mut coverage = vec![0.0_f64; width * y1.saturating_sub(y0)];
    for pair in points.windows(2) {
        let (left, right) = limits(&mut pair.iter().map(|p| p.0), size.0);
        let (top, bottom) = limits(&mut pair.iter().map(|p| p.1), size.1);
        for y in top..bottom {
            for x in left..right {
                let pixel = (x as f64 + 0.5, y as f64 + 0.5);
                let covered = (half_width + 0.5 - distance(pixel, pair[0], pair[1])).clamp(0.0, 1.0);
                let cell = &mut coverage[(y - y0) * width + x - x0];
                *cell = cell.max(covered);
            }
        }
    }

    let mut runs = Vec::new();
    for (row, cells) in coverage.chunks(width.max(1)).enumerate() {
        let mut start = 0;
        for run in cells.chunk_by(|a, b| opacity(*a) == opacity(*b)) {
            if opacity(run[0]) > 0 {
                runs.push((x0 + start, y0 + row, run.len(), opacity(run[0])));
            }
            start += run.len();
        }
    }
    runs
}

fn opacity(coverage: f64) -> u8 {
    (coverage * 255.0).round() as u8
}

fn distance(p: (f64, f64), a: (f64, f64), b: (f64, f64)) -> f64 {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let squared = dx * dx + dy * dy;
    let along = if squared > 0.0 { (((p.0 - a.0) * dx + (p.1 - a.1) * dy) / squared).clamp(0.0, 1.0) } else { 0.0 };
    (p.0 - a.0 - along * dx).hypot(p.1 - a.1 - along * dy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_covers_its_own_area() {
        let (length, half_width) = (40.0, 1.5);
        for end in [(10.0 + length, 20.0), (10.0, 20.0 + length), (10.0 + length * 0.8, 20.0 + length * 0.6)] {
            let area: f64 = runs(&[(10.0, 20.0), end], half_width, (100, 100))
                .iter()
                .map(|(_, _, length, opacity)| *length as f64 * f64::from(*opacity) / 255.0)
                .sum();
            // A rectangle and two half discs; 2 % for the ramp that stands in for the exact pixel overlap.
            let exact = 2.0 * half_width * length + std::f64::consts::PI * half_width * half_width;
            assert!((area / exact - 1.0).abs() < 0.02, "{area} for {exact}");
        }
    }

    #[test]
    fn lines_beyond_the_sheet_are_cut_off() {
        for (x, y, length, _) in runs(&[(-1e12, -50.0), (1e12, 60.0)], 2.0, (30, 20)) {
            assert!(x + length <= 30 && y < 20);
        }
        assert!(runs(&[(1e9, 1e9), (2e9, 2e9)], 2.0, (30, 20)).is_empty());
    }
}
