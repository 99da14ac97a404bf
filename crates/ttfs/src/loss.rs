//! What a network is trained to do: let the neuron of the right class spike first.

use ndarray::{Array1, ArrayView1};
use serde::{Deserialize, Serialize};

use crate::{Error, error};

/// Loss of a sample whose true class is silent. It has no gradient: weight bumping brings the neuron back.
pub const SILENT_LOSS: f64 = 100.0;

/// Time-to-first-spike loss: cross entropy of spike times, and a price for late answers.
///
/// With `T_k` the spike times of the output neurons and `n` the true class:
///
/// ```text
/// L = ln sum_k exp(-(T_k - T_n)/xi) + alpha exp(T_n/beta)
/// dL/dT_k = (delta_kn - p_k)/xi + delta_kn (alpha/beta) exp(T_n/beta)      p = softmax(-T/xi)
/// ```
///
/// A silent wrong class adds nothing to the sum and has no gradient. A silent true class, or a loss too large for a
/// float, makes the loss [`SILENT_LOSS`] without gradient.
///
/// Source: Göltz, Kriener et al., Nature Machine Intelligence 3 (2021) 823, with its published settings as defaults.
///
/// ```
/// use ndarray::array;
/// use ttfs::loss::TtfsLoss;
///
/// let (loss, gradient) = TtfsLoss::default().of_sample(array![1.0, 1.3, f64::INFINITY].view(), 0);
/// assert!(loss < 0.3);
/// assert!(gradient[0] > 0.0 && gradient[1] < 0.0 && gradient[2] == 0.0);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TtfsLoss {
    /// Time scale on which spikes compete, in `tau_syn`.
    pub xi: f64,
    /// Price of a late answer.
    pub alpha: f64,
    /// Time scale on which answers become late, in `tau_syn`.
    pub beta: f64,
}

impl Default for TtfsLoss {
    fn default() -> Self {
        Self { xi: 0.2, alpha: 0.005, beta: 1.0 }
    }
}

impl TtfsLoss {
    /// Accepts positive time scales and a price that is not negative.
    ///
    /// # Errors
    /// [`Error::NotPositive`] or [`Error::OutOfRange`] naming the first field that is not acceptable.
    pub fn check(&self) -> Result<(), Error> {
        error::positive("xi", self.xi)?;
        error::within("alpha", self.alpha, 0.0, 1e9)?;
        error::positive("beta", self.beta)
    }

    /// Loss of one sample and its derivative by each output time; `times` in `tau_syn`, shape `(n_classes)`.
    ///
    /// # Panics
    /// If `label` is not an index of `times`.
    pub fn of_sample(&self, times: ArrayView1<f64>, label: usize) -> (f64, Array1<f64>) {
        let silent = (SILENT_LOSS, Array1::zeros(times.len()));
        let t_true = times[label];
        if !t_true.is_finite() {
            return silent;
        }
        // Relative to the earliest spike every exponential is at most 1 and one of them is 1.
        let earliest = times.iter().copied().fold(t_true, f64::min);
        let mut gradient = times.mapv(|t| if t.is_finite() { libm::exp((earliest - t) / self.xi) } else { 0.0 });
        let sum: f64 = gradient.iter().sum();
        // Without a price there is none, however late.
        let late = if self.alpha == 0.0 { 0.0 } else { self.alpha * libm::exp(t_true / self.beta) };
        let loss = libm::log(sum) + (t_true - earliest) / self.xi + late;
        if !loss.is_finite() {
            return silent;
        }
        gradient.mapv_inplace(|p| -p / (sum * self.xi));
        gradient[label] += 1.0 / self.xi + late / self.beta;
        (loss, gradient)
    }
}

/// The class a network chooses: the output that spikes first, the lowest index of several at the same time, `None` when
/// all are silent.
///
/// ```
/// use ndarray::array;
/// use ttfs::loss::classify;
///
/// assert_eq!(classify(array![2.0, 1.5, 1.5].view()), Some(1));
/// assert_eq!(classify(array![f64::INFINITY, f64::INFINITY].view()), None);
/// ```
pub fn classify(times: ArrayView1<f64>) -> Option<usize> {
    let mut first: Option<(usize, f64)> = None;
    for (class, &t) in times.iter().enumerate() {
        if t.is_finite() && first.is_none_or(|(_, earliest)| t < earliest) {
            first = Some((class, t));
        }
    }
    first.map(|(class, _)| class)
}

#[cfg(test)]
mod tests {
    use ndarray::array;
    use proptest::prelude::*;

    use super::*;

    const INF: f64 = f64::INFINITY;

    #[test]
    fn closed_form_of_two_outputs() {
        let loss = TtfsLoss { xi: 0.5, alpha: 0.1, beta: 2.0 };
        let (value, gradient) = loss.of_sample(array![1.0, 2.0].view(), 1);
        let late = 0.1 * 1_f64.exp();
        assert!((value - ((2_f64.exp() + 1.0).ln() + late)).abs() < 1e-14);
        let p0 = 1.0 / (1.0 + (-2_f64).exp());
        assert!((gradient[0] + p0 / 0.5).abs() < 1e-14);
        assert!((gradient[1] - (p0 / 0.5 + late / 2.0)).abs() < 1e-14);
    }

    #[test]
    fn silence() {
        let loss = TtfsLoss::default();
        assert_eq!(loss.of_sample(array![1.0, INF].view(), 1), (SILENT_LOSS, array![0.0, 0.0]));
        assert_eq!(loss.of_sample(array![INF, INF].view(), 0), (SILENT_LOSS, array![0.0, 0.0]));
        let (value, gradient) = loss.of_sample(array![1.0, INF].view(), 0);
        assert!((value - 0.005 * 1_f64.exp()).abs() < 1e-15);
        assert_eq!(gradient[1], 0.0);
        assert!((gradient[0] - 0.005 * 1_f64.exp()).abs() < 1e-15);
    }

    #[test]
    fn far_apart_times_do_not_overflow() {
        let loss = TtfsLoss { alpha: 0.0, ..TtfsLoss::default() };
        let (value, gradient) = loss.of_sample(array![1e6, 0.0].view(), 0);
        assert!((value - 5e6).abs() < 1e-6);
        assert!((gradient[0] - 5.0).abs() < 1e-12 && (gradient[1] + 5.0).abs() < 1e-12);
        assert_eq!(TtfsLoss::default().of_sample(array![1e6, 0.0].view(), 0).0, SILENT_LOSS);
    }

    #[test]
    fn first_spike_wins() {
        assert_eq!(classify(array![3.0, 1.0, 2.0].view()), Some(1));
        assert_eq!(classify(array![INF, 5.0].view()), Some(1));
        assert_eq!(classify(array![1.0, 1.0].view()), Some(0));
        assert_eq!(classify(Array1::zeros(0).view()), None);
    }

    #[test]
    fn settings_without_meaning_are_refused() {
        assert!(TtfsLoss::default().check().is_ok());
        assert!(TtfsLoss { xi: 0.0, ..TtfsLoss::default() }.check().is_err());
        assert!(TtfsLoss { alpha: -1.0, ..TtfsLoss::default() }.check().is_err());
        assert!(TtfsLoss { beta: INF, ..TtfsLoss::default() }.check().is_err());
    }

    proptest! {
        #[test]
        fn gradient_is_the_derivative(times in prop::collection::vec(0.0..3.0_f64, 2..8), label in 0_usize..2) {
            let loss = TtfsLoss::default();
            let times = Array1::from(times);
            let (_, gradient) = loss.of_sample(times.view(), label);
            for k in 0..times.len() {
                let at = |shift: f64| {
                    let mut moved = times.clone();
                    moved[k] += shift;
                    loss.of_sample(moved.view(), label).0
                };
                let h = 1e-5;
                prop_assert!(((at(h) - at(-h)) / (2.0 * h) - gradient[k]).abs() < 1e-7);
            }
        }
    }
}
