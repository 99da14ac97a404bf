//! Making 8-bit images smaller (or larger) the way the published 16x16 digits were made: an antialiased triangle filter in
//! fixed-point arithmetic, so that the bytes agree.
//!
//! ```text
//! scale = n_in/n_out      centre(x) = (x + 1/2) scale      support = max(scale, 1)
//! out(x) = sum_i w_i(x) in(i)      w_i(x) ~ max(0, 1 - |i + 1/2 - centre(x)|/support), normalised to sum 1
//! ```
//!
//! Rows first, then columns, each rounded to 8 bits. Weights are rounded to multiples of `2^-22` (32 bits less 8 of the pixel
//! and 2 of head room). Behaviour as described for the bilinear filter of Pillow (its documentation, "Filters"); the tests
//! compare all 70,000 digits with it.

use std::ops::Range;

/// Fractional bits of a weight.
const PRECISION_BITS: u32 = 32 - 8 - 2;

/// The weights of one output pixel.
struct Window {
    inputs: Range<usize>,
    weights: Vec<i32>,
}

/// A filter for square images, made once and applied to many.
pub(super) struct Triangle {
    n_in: usize,
    windows: Vec<Window>,
}

impl Triangle {
    /// From `n_in` to `n_out` pixels on a side, both at least 1.
    pub(super) fn new(n_in: usize, n_out: usize) -> Self {
        let scale = n_in as f64 / n_out as f64;
        let support = scale.max(1.0);
        let window = |x: usize| {
            let centre = (x as f64 + 0.5) * scale;
            // Inputs whose centre lies within the support, to the nearest pixel.
            let first = (centre - support + 0.5).max(0.0) as usize;
            let end = ((centre + support + 0.5) as usize).min(n_in);
            let shape: Vec<f64> =
                (first..end).map(|i| (1.0 - ((i as f64 - centre + 0.5) / support).abs()).max(0.0)).collect();
            let sum: f64 = shape.iter().sum();
            let one = f64::from(1_u32 << PRECISION_BITS);
            let weights = shape.iter().map(|w| (w / sum * one + 0.5) as i32).collect();
            Window { inputs: first..end, weights }
        };
        Self { n_in, windows: (0..n_out).map(window).collect() }
    }

    /// Filters the rows of an image and returns it transposed; applied twice it filters both directions.
    fn rows_transposed(&self, image: &[u8]) -> Vec<u8> {
        let rows = image.len() / self.n_in;
        let mut out = vec![0; self.windows.len() * rows];
        for (y, row) in image.chunks_exact(self.n_in).enumerate() {
            for (x, window) in self.windows.iter().enumerate() {
                let half = 1_i32 << (PRECISION_BITS - 1);
                let inputs = row[window.inputs.clone()].iter().zip(&window.weights);
                let sum = inputs.fold(half, |sum, (&pixel, weight)| sum + i32::from(pixel) * weight);
                out[x * rows + y] = (sum >> PRECISION_BITS).clamp(0, 255) as u8;
            }
        }
        out
    }

    /// Filters a square image of `n_in * n_in` pixels.
    pub(super) fn apply(&self, image: &[u8]) -> Vec<u8> {
        self.rows_transposed(&self.rows_transposed(image))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flat_images_stay_flat_and_equal_sizes_change_nothing() {
        let filter = Triangle::new(24, 16);
        for level in [0, 1, 127, 255] {
            assert_eq!(filter.apply(&[level; 576]), [level; 256]);
        }
        let image: Vec<u8> = (0..64).map(|k| (37 * k % 256) as u8).collect();
        assert_eq!(Triangle::new(8, 8).apply(&image), image);
    }

    /// Two pixels become one: the support reaches both with equal weights. Three become two: weights 1/2, 1/2 less what the
    /// triangle gives the far one.
    #[test]
    fn weights_are_those_of_the_triangle() {
        assert_eq!(Triangle::new(2, 1).apply(&[0, 100, 50, 250]), [100]);
        // Centre .75, support 1.5: pixels at .5, 1.5, 2.5 weigh 5/6, 1/2, 0, normalised 5/8, 3/8.
        let row = Triangle::new(3, 2).rows_transposed(&[80, 160, 240]);
        assert_eq!(row, [110, 210]);
    }
}
