//! How well samples were classified.

use ndarray::{Array2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::loss::Loss;

/// Samples that are worth handing to another thread.
const WORTH_A_THREAD: usize = 64;

/// How well a set of samples was classified.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Score {
    /// Mean loss.
    pub loss: f64,
    /// Share of samples that are given the right class; no output spike is wrong.
    pub accuracy: f64,
    /// Share of samples without any output spike.
    pub silent: f64,
}

impl Score {
    /// Mean of several scores over as many samples each; of none, zeros.
    pub fn mean(scores: &[Self]) -> Self {
        let n = scores.len().max(1) as f64;
        let mean = |part: fn(&Self) -> f64| scores.iter().map(part).sum::<f64>() / n;
        Self { loss: mean(|s| s.loss), accuracy: mean(|s| s.accuracy), silent: mean(|s| s.silent) }
    }

    /// Whether this is better: a higher accuracy, or the same and a lower loss.
    pub fn is_better_than(&self, other: &Self) -> bool {
        self.accuracy > other.accuracy || (self.accuracy == other.accuracy && self.loss < other.loss)
    }
}

/// The result of running samples without learning.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// How well they were classified.
    pub score: Score,
    /// First-spike times of every layer, `(n_samples, n_neurons)` in model time.
    pub layers: Vec<Array2<f64>>,
    /// The class of each sample by the rule of the loss, `None` if no output spiked.
    pub classes: Vec<Option<usize>>,
}

/// Sums over samples, in the order in which they come.
#[derive(Debug, Default)]
pub(super) struct Tally {
    samples: usize,
    loss: f64,
    correct: usize,
    silent: usize,
    hidden: usize,
    hidden_silent: usize,
}

impl Tally {
    /// Adds a batch and returns the class of each sample.
    pub(super) fn add(&mut self, layers: &[Array2<f64>], labels: &[usize], loss: &Loss) -> Vec<Option<usize>> {
        let Some((outputs, hidden)) = layers.split_last() else { return Vec::new() };
        // Samples in parallel, sums in their order.
        let mut scored = vec![(None, 0.0); labels.len()];
        let rows = outputs.axis_iter(Axis(0)).into_par_iter().zip(labels).with_min_len(WORTH_A_THREAD);
        rows.map(|(times, &label)| (loss.classify(times), loss.of_sample(times, label).0))
            .collect_into_vec(&mut scored);
        for (&label, &(class, loss)) in labels.iter().zip(&scored) {
            self.loss += loss;
            self.correct += usize::from(class == Some(label));
            self.silent += usize::from(class.is_none());
            self.samples += 1;
        }
        for times in hidden {
            self.hidden += times.len();
            self.hidden_silent += times.iter().filter(|t| !t.is_finite()).count();
        }
        scored.into_iter().map(|(class, _)| class).collect()
    }

    pub(super) fn score(&self) -> Score {
        let n = self.samples.max(1) as f64;
        Score { loss: self.loss / n, accuracy: self.correct as f64 / n, silent: self.silent as f64 / n }
    }

    pub(super) fn silent_hidden(&self) -> f64 {
        self.hidden_silent as f64 / self.hidden.max(1) as f64
    }
}
