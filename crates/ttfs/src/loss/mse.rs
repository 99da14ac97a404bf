//! Squared errors of spike times: absolute, and relative to the time of the true class.

use ndarray::{Array1, ArrayView1};
use serde::{Deserialize, Serialize};

use super::{check_lateness, classify, lateness, least, unscored};
use crate::{Error, error};

/// Latest target that makes sense, in `tau_syn`.
const LATEST: f64 = 1000.0;

/// Mean squared error of spike times.
///
/// ```text
/// L = 1/2 sum_k (T_k - T*_k)^2        T*_k = t_correct for the true class, t_wrong for the others
/// dL/dT_k = T_k - T*_k
/// ```
///
/// The class chosen is the output closest to `t_correct`, which may be the *latest*. A sample with any silent output counts
/// [`SILENT_LOSS`](super::SILENT_LOSS) and has no gradient.
///
/// Source: the repository of Göltz, Kriener et al. (branch of the deep networks), its Yin-Yang settings as defaults.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mse {
    /// When the true class is to spike, in `tau_syn`.
    pub t_correct: f64,
    /// When the others are to spike, in `tau_syn`; not `t_correct`.
    pub t_wrong: f64,
}

impl Default for Mse {
    fn default() -> Self {
        Self { t_correct: 1.7, t_wrong: 1.0 }
    }
}

impl Mse {
    /// Accepts two different times in `0..=1000`.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] or, for equal times, [`Error::NotPositive`].
    pub fn check(&self) -> Result<(), Error> {
        error::within("t_correct", self.t_correct, 0.0, LATEST)?;
        error::within("t_wrong", self.t_wrong, 0.0, LATEST)?;
        error::positive("distance of t_correct and t_wrong", (self.t_correct - self.t_wrong).abs())
    }

    /// Loss of one sample and its derivative by each output time; see [`Loss::of_sample`](super::Loss::of_sample).
    ///
    /// # Panics
    /// If `label` is not an index of `times`.
    pub fn of_sample(&self, times: ArrayView1<f64>, label: usize) -> (f64, Array1<f64>) {
        if times.iter().any(|t| !t.is_finite()) {
            return unscored(times.len());
        }
        let mut errors = times.mapv(|t| t - self.t_wrong);
        errors[label] = times[label] - self.t_correct;
        (half_square(&errors), errors)
    }

    /// The output closest to `t_correct`; `None` when all are silent.
    pub fn classify(&self, times: ArrayView1<f64>) -> Option<usize> {
        least(times, |t| (t - self.t_correct).abs())
    }
}

/// Mean squared error of spike times relative to that of the true class, and a price for late answers.
///
/// ```text
/// L = 1/2 sum_k (T_k - T_n - Delta_k)^2 + alpha exp(T_n/beta)      Delta_k = delta_t, for the true class n 0
/// dL/dT_k = e_k                          e_k = T_k - T_n - Delta_k,  k not n
/// dL/dT_n = -sum_k e_k + (alpha/beta) exp(T_n/beta)
/// ```
///
/// The class chosen is the earliest output if `delta_t > 0`, else the latest. A sample with any silent output counts
/// [`SILENT_LOSS`](super::SILENT_LOSS) and has no gradient.
///
/// Source: Göltz, Weber, Kriener et al., Nature Communications 16 (2025), doi 10.1038/s41467-025-63120-y (`DelGrad`), and its
/// repository: `delta_t` .2 in simulation, .3 on the chip, .7 for 16 x 16 MNIST.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ShiftInvariantMse {
    /// How much later than the true class the others are to spike, in `tau_syn`; negative: earlier.
    pub delta_t: f64,
    /// Price of a late answer; published: 0.
    pub alpha: f64,
    /// Time scale on which answers become late, in `tau_syn`.
    pub beta: f64,
}

impl Default for ShiftInvariantMse {
    fn default() -> Self {
        Self { delta_t: 0.2, alpha: 0.0, beta: 1.0 }
    }
}

impl ShiftInvariantMse {
    /// Accepts distances up to 1000 either way but not 0, and the price as in [`TtfsLoss`](super::TtfsLoss).
    ///
    /// # Errors
    /// [`Error::NotPositive`] or [`Error::OutOfRange`] naming the first field that is not acceptable.
    pub fn check(&self) -> Result<(), Error> {
        error::within("delta_t", self.delta_t, -LATEST, LATEST)?;
        error::positive("size of delta_t", self.delta_t.abs())?;
        check_lateness(self.alpha, self.beta)
    }

    /// Loss of one sample and its derivative by each output time; see [`Loss::of_sample`](super::Loss::of_sample).
    ///
    /// # Panics
    /// If `label` is not an index of `times`.
    pub fn of_sample(&self, times: ArrayView1<f64>, label: usize) -> (f64, Array1<f64>) {
        if times.iter().any(|t| !t.is_finite()) {
            return unscored(times.len());
        }
        let t_true = times[label];
        let mut errors = times.mapv(|t| t - t_true - self.delta_t);
        errors[label] = 0.0;
        let (late, later) = lateness(self.alpha, self.beta, t_true);
        let loss = half_square(&errors) + late;
        if !loss.is_finite() {
            return unscored(times.len());
        }
        errors[label] = later - errors.sum();
        (loss, errors)
    }

    /// The earliest output, or the latest for a negative `delta_t`; `None` when all are silent.
    pub fn classify(&self, times: ArrayView1<f64>) -> Option<usize> {
        if self.delta_t > 0.0 { classify(times) } else { least(times, |t| -t) }
    }
}

fn half_square(errors: &Array1<f64>) -> f64 {
    0.5 * errors.iter().map(|e| e * e).sum::<f64>()
}
