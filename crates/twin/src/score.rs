//! How far a model is from what was measured.

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use crate::fit::{Bodies, Work};
use crate::{Profile, Recording};

/// Robust standard deviations are this times the median absolute error.
const ROBUST: f64 = 1.4826;

/// First spikes of both layers for inputs `(n_samples, n_inputs)`, exact and without noise.
pub fn spikes(
    recording: &Recording,
    weights: &[Array2<f64>; 2],
    profile: &Profile,
    inputs: ArrayView2<f64>,
) -> [Array2<f64>; 2] {
    let bodies = Bodies::new(recording, weights, profile);
    let [_, n_hidden, n_outputs] = profile.sizes();
    let mut layers = [n_hidden, n_outputs].map(|n| Array2::zeros((inputs.nrows(), n)));
    let mut work = Work::default();
    for (sample, inputs) in inputs.rows().into_iter().enumerate() {
        bodies.run(0, inputs.iter().copied(), &mut work);
        let hidden = work.spikes.clone();
        layers[0].row_mut(sample).iter_mut().zip(&hidden).for_each(|(to, t)| *to = *t);
        bodies.run(1, hidden.into_iter(), &mut work);
        layers[1].row_mut(sample).iter_mut().zip(&work.spikes).for_each(|(to, t)| *to = *t);
    }
    layers
}

/// How model and measurement of the outputs compare.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct OutputScore {
    /// Root of the mean squared difference over spikes that both have.
    pub rmse: f64,
    /// 1.4826 times the median of the absolute difference.
    pub robust: f64,
    /// Share of samples for which both decide for the same class.
    pub agreement: f64,
    /// Accuracy of the model.
    pub accuracy: f64,
    /// Accuracy of the chip.
    pub chip_accuracy: f64,
    /// Share of silent outputs of the model.
    pub silent: f64,
    /// Share of silent outputs of the chip.
    pub chip_silent: f64,
}

impl OutputScore {
    /// Compares output times `(n_samples, n_outputs)`.
    pub fn new(model: ArrayView2<f64>, measured: ArrayView2<f64>, labels: &[usize]) -> Self {
        let n = model.nrows().max(1) as f64;
        let (a, b) = (decisions(model), decisions(measured));
        let right = |found: &[Option<usize>]| found.iter().zip(labels).filter(|(c, l)| **c == Some(**l)).count() as f64;
        let silent =
            |times: ArrayView2<f64>| times.iter().filter(|t| !t.is_finite()).count() as f64 / times.len().max(1) as f64;
        let errors = differences(model, measured);
        Self {
            rmse: rms(&errors),
            robust: robust(&errors),
            agreement: a.iter().zip(&b).filter(|(a, b)| a == b).count() as f64 / n,
            accuracy: right(&a) / n,
            chip_accuracy: right(&b) / n,
            silent: silent(model),
            chip_silent: silent(measured),
        }
    }
}

/// Differences of spikes that both have.
pub fn differences(model: ArrayView2<f64>, measured: ArrayView2<f64>) -> Vec<f64> {
    model.iter().zip(measured).filter(|(a, b)| a.is_finite() && b.is_finite()).map(|(a, b)| a - b).collect()
}

/// Root of the mean square; 0 for none.
pub fn rms(values: &[f64]) -> f64 {
    libm::sqrt(values.iter().map(|v| v * v).sum::<f64>() / values.len().max(1) as f64)
}

/// 1.4826 times the median of the absolute values; 0 for none.
pub fn robust(values: &[f64]) -> f64 {
    let mut sizes: Vec<f64> = values.iter().map(|v| v.abs()).collect();
    sizes.sort_by(f64::total_cmp);
    match sizes.len() {
        0 => 0.0,
        n => ROBUST * 0.5 * (sizes[(n - 1) / 2] + sizes[n / 2]),
    }
}

/// The output that fires first, of those at the same time the first one; none if all are silent.
pub fn decisions(outputs: ArrayView2<f64>) -> Vec<Option<usize>> {
    let of = |row: ndarray::ArrayView1<f64>| {
        let first = row
            .iter()
            .enumerate()
            .fold((None, f64::INFINITY), |best, (k, &t)| if t < best.1 { (Some(k), t) } else { best });
        first.0
    };
    outputs.rows().into_iter().map(of).collect()
}
