//! Plain cross entropy of spike times.

use ndarray::{Array1, ArrayView1};
use serde::{Deserialize, Serialize};

use crate::{Error, error};

/// Cross entropy of the classes' spike times: a softmax over `-T/xi`.
///
/// ```text
/// L = -ln p_n        p = softmax(-T/xi), T_k = t_silent for a silent output
/// dL/dT_k = (delta_kn - p_k)/xi, 0 for a silent output; all 0 for a silent true class
/// ```
///
/// Two things differ from [`TtfsLoss`](super::TtfsLoss), of which this is the core: late answers have no price, and silence
/// counts as a spike at `t_silent`: a silent true class costs what a spike then would, and a silent wrong class still
/// competes. A silent true class has no gradient here either: telling the others to be later then silences
/// the outputs one after the other (Yin-Yang on the ideal substrate, 12 epochs: 41 to 54 % instead of 84 %). A spike after
/// `t_silent` counts at its own time.
///
/// The rule for silence is ours; the default is the end of the simulated time in the Yin-Yang experiment of Wunderlich and
/// Pehle, Scientific Reports 11 (2021) 12829 (`EventProp`), 6 `tau_syn`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CrossEntropy {
    /// Time scale on which spikes compete, in `tau_syn`.
    pub xi: f64,
    /// Time that silence counts as, in `tau_syn`.
    pub t_silent: f64,
}

impl Default for CrossEntropy {
    fn default() -> Self {
        Self { xi: 0.2, t_silent: 6.0 }
    }
}

impl CrossEntropy {
    /// Accepts a positive time scale and times of silence in `0..=1000`.
    ///
    /// # Errors
    /// [`Error::NotPositive`] or [`Error::OutOfRange`] naming the first field that is not acceptable.
    pub fn check(&self) -> Result<(), Error> {
        error::positive("xi", self.xi)?;
        error::within("t_silent", self.t_silent, 0.0, 1000.0)
    }

    /// Loss of one sample and its derivative by each output time; see [`Loss::of_sample`](super::Loss::of_sample).
    ///
    /// # Panics
    /// If `label` is not an index of `times`.
    pub fn of_sample(&self, times: ArrayView1<f64>, label: usize) -> (f64, Array1<f64>) {
        let counted = times.mapv(|t| if t.is_finite() { t } else { self.t_silent });
        // Relative to the earliest every exponential is at most 1 and one of them is 1.
        let earliest = counted.iter().copied().fold(counted[label], f64::min);
        let mut gradient = counted.mapv(|t| libm::exp((earliest - t) / self.xi));
        let sum: f64 = gradient.iter().sum();
        let loss = libm::log(sum) + (counted[label] - earliest) / self.xi;
        gradient.mapv_inplace(|p| -p / (sum * self.xi));
        gradient[label] += 1.0 / self.xi;
        let taught = times[label].is_finite();
        for (gradient, t) in gradient.iter_mut().zip(times) {
            if !(taught && t.is_finite()) {
                *gradient = 0.0;
            }
        }
        (loss, gradient)
    }
}
