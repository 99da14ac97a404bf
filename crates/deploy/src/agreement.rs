//! How far the spikes on a chip are from those of the ideal model.

#![allow(clippy::needless_pass_by_value, reason = "array views are two words and meant to be passed by value")]

use ndarray::{Array2, ArrayView2, Zip};
use serde::Serialize;

/// What became of the spikes of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct LayerAgreement {
    /// Share of (sample, neuron) without a spike on the chip.
    pub silent: f64,
    /// The same on the ideal model.
    pub silent_ideal: f64,
    /// Neurons that never spike on the chip.
    pub never: f64,
    /// Share of (sample, neuron) that spike in both or in neither.
    pub agree: f64,
    /// Mean of chip minus ideal spike times, where both spike, in `tau_syn`.
    pub shift: f64,
    /// Standard deviation of that.
    pub spread: f64,
}

/// Compares first-spike times `(n_samples, n_neurons)`, `+inf` for silence; of the same samples and neurons.
///
/// ```
/// use deploy::agreement::of_layer;
/// use ndarray::array;
///
/// let chip = array![[1.1, f64::INFINITY], [1.3, f64::INFINITY]];
/// let ideal = array![[1.0, 2.0], [1.0, f64::INFINITY]];
/// let found = of_layer(chip.view(), ideal.view());
/// assert_eq!((found.silent, found.silent_ideal, found.never, found.agree), (0.5, 0.25, 0.5, 0.75));
/// assert!((found.shift - 0.2).abs() < 1e-12 && (found.spread - 0.1).abs() < 1e-12);
/// ```
///
/// # Panics
/// If the shapes differ.
pub fn of_layer(chip: ArrayView2<f64>, ideal: ArrayView2<f64>) -> LayerAgreement {
    assert_eq!(chip.dim(), ideal.dim(), "the same samples and neurons");
    let n = chip.len().max(1) as f64;
    let (mut both, mut agree, mut sum, mut squares) = (0_u64, 0_u64, 0.0, 0.0);
    Zip::from(chip).and(ideal).for_each(|chip, ideal| {
        agree += u64::from(chip.is_finite() == ideal.is_finite());
        if chip.is_finite() && ideal.is_finite() {
            both += 1;
            sum += chip - ideal;
            squares += (chip - ideal).powi(2);
        }
    });
    let silent = |times: ArrayView2<f64>| times.iter().filter(|t| !t.is_finite()).count() as f64 / n;
    let never = chip.columns().into_iter().filter(|column| column.iter().all(|t| !t.is_finite())).count();
    let shift = if both > 0 { sum / both as f64 } else { 0.0 };
    let variance = if both > 0 { squares / both as f64 - shift * shift } else { 0.0 };
    LayerAgreement {
        silent: silent(chip),
        silent_ideal: silent(ideal),
        never: never as f64 / chip.ncols().max(1) as f64,
        agree: agree as f64 / n,
        shift,
        spread: variance.max(0.0).sqrt(),
    }
}

/// The same for all layers of a network.
pub fn of_layers(chip: &[Array2<f64>], ideal: &[Array2<f64>]) -> Vec<LayerAgreement> {
    chip.iter().zip(ideal).map(|(chip, ideal)| of_layer(chip.view(), ideal.view())).collect()
}

/// Samples that flip.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Flips {
    /// Share that the ideal model gets right and the chip does not.
    pub lost: f64,
    /// Share that the chip gets right and the ideal model does not.
    pub won: f64,
    /// Share that both give the same class, none counted as one.
    pub same: f64,
}

/// Compares classes (`None`: no output spiked) of the same samples.
pub fn flips(chip: &[Option<usize>], ideal: &[Option<usize>], labels: &[usize]) -> Flips {
    let mut counts = [0_usize; 3];
    for ((chip, ideal), label) in chip.iter().zip(ideal).zip(labels) {
        let (right, right_ideal) = (*chip == Some(*label), *ideal == Some(*label));
        counts[0] += usize::from(right_ideal && !right);
        counts[1] += usize::from(right && !right_ideal);
        counts[2] += usize::from(chip == ideal);
    }
    let [lost, won, same] = counts.map(|n| n as f64 / labels.len().max(1) as f64);
    Flips { lost, won, same }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flips_are_told_apart() {
        let chip = [Some(0), Some(1), None, Some(2)];
        let ideal = [Some(0), Some(0), Some(1), Some(1)];
        let found = flips(&chip, &ideal, &[0, 0, 1, 2]);
        assert_eq!(found, Flips { lost: 0.5, won: 0.25, same: 0.25 });
    }

    #[test]
    fn silent_layers_have_no_shift() {
        let silent = Array2::from_elem((2, 2), f64::INFINITY);
        let found = of_layer(silent.view(), silent.view());
        assert_eq!((found.agree, found.shift, found.never), (1.0, 0.0, 1.0));
    }
}
