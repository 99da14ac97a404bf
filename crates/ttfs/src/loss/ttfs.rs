//! The published loss of time-to-first-spike networks.

use ndarray::{Array1, ArrayView1};
use serde::{Deserialize, Serialize};

use super::{check_lateness, lateness, unscored};
use crate::{Error, error};

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
/// float, makes the loss [`SILENT_LOSS`](super::SILENT_LOSS) without gradient.
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
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
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
        check_lateness(self.alpha, self.beta)
    }

    /// Loss of one sample and its derivative by each output time; `times` in `tau_syn`, shape `(n_classes)`.
    ///
    /// # Panics
    /// If `label` is not an index of `times`.
    pub fn of_sample(&self, times: ArrayView1<f64>, label: usize) -> (f64, Array1<f64>) {
        let t_true = times[label];
        if !t_true.is_finite() {
            return unscored(times.len());
        }
        // Relative to the earliest spike every exponential is at most 1 and one of them is 1.
        let earliest = times.iter().copied().fold(t_true, f64::min);
        let mut gradient = times.mapv(|t| if t.is_finite() { libm::exp((earliest - t) / self.xi) } else { 0.0 });
        let sum: f64 = gradient.iter().sum();
        let (late, later) = lateness(self.alpha, self.beta, t_true);
        let loss = libm::log(sum) + (t_true - earliest) / self.xi + late;
        if !loss.is_finite() {
            return unscored(times.len());
        }
        gradient.mapv_inplace(|p| -p / (sum * self.xi));
        gradient[label] += 1.0 / self.xi + later;
        (loss, gradient)
    }
}
