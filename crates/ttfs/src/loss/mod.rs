//! What a network is trained to do: let the neuron of the right class spike at the right time.
//!
//! A [`Loss`] says what output spike times cost, which way they should move, and which class they mean. [`l2`] is what
//! large weights or delays cost.

mod cross_entropy;
pub mod l2;
mod mse;
mod ttfs;

use ndarray::{Array1, ArrayView1};
use serde::{Deserialize, Serialize};

use crate::{Error, error};

pub use cross_entropy::CrossEntropy;
pub use mse::{Mse, ShiftInvariantMse};
pub use ttfs::TtfsLoss;

/// Loss of a sample that cannot be scored because an output is silent that would have to spike. It has no gradient: weight
/// bumping brings the neuron back.
pub const SILENT_LOSS: f64 = 100.0;

/// A loss on the first-spike times of the outputs, with the rule by which it classifies.
///
/// | kind | loss of a sample | class chosen | silent outputs |
/// |---|---|---|---|
/// | `ttfs` | [`TtfsLoss`] | the earliest | true class: [`SILENT_LOSS`], no gradient; others: left out |
/// | `shift-invariant-mse` | [`ShiftInvariantMse`] | the earliest (`delta_t > 0`) or the latest | any: [`SILENT_LOSS`], no gradient |
/// | `mse` | [`Mse`] | the one closest to `t_correct` | any: [`SILENT_LOSS`], no gradient |
/// | `cross-entropy` | [`CrossEntropy`] | the earliest | count as spikes at `t_silent`; true class: no gradient |
///
/// A silent output is never chosen; of several that are equally good, the lowest index is.
///
/// ```
/// use ndarray::array;
/// use ttfs::loss::{Loss, Mse};
///
/// // The true class is to spike later than the others.
/// let loss = Loss::Mse(Mse { t_correct: 1.7, t_wrong: 1.0 });
/// let times = array![0.9, 1.6, 1.1];
/// assert_eq!(loss.classify(times.view()), Some(1));
/// let (value, gradient) = loss.of_sample(times.view(), 1);
/// assert!((value - 0.015).abs() < 1e-12);
/// assert!(gradient[1] < 0.0 && gradient[2] > 0.0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Loss {
    /// Cross entropy of spike times with a price for late answers, as published for time-to-first-spike networks.
    Ttfs(TtfsLoss),
    /// Squared errors of the times relative to that of the true class.
    ShiftInvariantMse(ShiftInvariantMse),
    /// Squared errors of the times.
    Mse(Mse),
    /// Cross entropy of spike times in which silence is a late spike.
    CrossEntropy(CrossEntropy),
}

impl Default for Loss {
    fn default() -> Self {
        Self::Ttfs(TtfsLoss::default())
    }
}

impl Loss {
    /// One of every kind, with its defaults.
    pub fn kinds() -> [Self; 4] {
        [
            Self::Ttfs(TtfsLoss::default()),
            Self::ShiftInvariantMse(ShiftInvariantMse::default()),
            Self::Mse(Mse::default()),
            Self::CrossEntropy(CrossEntropy::default()),
        ]
    }

    /// Accepts settings in their ranges.
    ///
    /// # Errors
    /// [`Error::NotPositive`] or [`Error::OutOfRange`] naming the first field that is not acceptable.
    pub fn check(&self) -> Result<(), Error> {
        match self {
            Self::Ttfs(loss) => loss.check(),
            Self::ShiftInvariantMse(loss) => loss.check(),
            Self::Mse(loss) => loss.check(),
            Self::CrossEntropy(loss) => loss.check(),
        }
    }

    /// Loss of one sample and its derivative by each output time; `times` in `tau_syn`, shape `(n_classes)`.
    ///
    /// # Panics
    /// If `label` is not an index of `times`.
    pub fn of_sample(&self, times: ArrayView1<f64>, label: usize) -> (f64, Array1<f64>) {
        match self {
            Self::Ttfs(loss) => loss.of_sample(times, label),
            Self::ShiftInvariantMse(loss) => loss.of_sample(times, label),
            Self::Mse(loss) => loss.of_sample(times, label),
            Self::CrossEntropy(loss) => loss.of_sample(times, label),
        }
    }

    /// The class that output times `(n_classes)` mean; `None` when all are silent.
    pub fn classify(&self, times: ArrayView1<f64>) -> Option<usize> {
        match self {
            Self::Ttfs(_) | Self::CrossEntropy(_) => classify(times),
            Self::ShiftInvariantMse(loss) => loss.classify(times),
            Self::Mse(loss) => loss.classify(times),
        }
    }
}

/// The output that spikes first, the lowest index of several at the same time, `None` when all are silent.
///
/// ```
/// use ndarray::array;
/// use ttfs::loss::classify;
///
/// assert_eq!(classify(array![2.0, 1.5, 1.5].view()), Some(1));
/// assert_eq!(classify(array![f64::INFINITY, f64::INFINITY].view()), None);
/// ```
pub fn classify(times: ArrayView1<f64>) -> Option<usize> {
    least(times, |t| t)
}

/// The spiking output with the least `cost` of its time.
fn least(times: ArrayView1<f64>, cost: impl Fn(f64) -> f64) -> Option<usize> {
    let mut best: Option<(usize, f64)> = None;
    for (class, &t) in times.iter().enumerate() {
        if t.is_finite() && best.is_none_or(|(_, least)| cost(t) < least) {
            best = Some((class, cost(t)));
        }
    }
    best.map(|(class, _)| class)
}

/// What a sample costs that cannot be scored.
fn unscored(n: usize) -> (f64, Array1<f64>) {
    (SILENT_LOSS, Array1::zeros(n))
}

/// Price of a late answer, `alpha exp(t/beta)`, and its derivative; without a price there is none, however late.
fn lateness(alpha: f64, beta: f64, t: f64) -> (f64, f64) {
    let price = if alpha == 0.0 { 0.0 } else { alpha * libm::exp(t / beta) };
    (price, price / beta)
}

/// Accepts the settings of [`lateness`].
fn check_lateness(alpha: f64, beta: f64) -> Result<(), Error> {
    error::within("alpha", alpha, 0.0, 1e9)?;
    error::positive("beta", beta)
}

#[cfg(test)]
mod tests;
