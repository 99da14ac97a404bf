//! Gradient descent with momentum.

use ndarray::{Array2, Zip};
use serde::{Deserialize, Serialize};

use super::OptimiserState;
use crate::{Error, error};

/// Stochastic gradient descent with momentum: steps as large as the gradients.
///
/// ```text
/// v <- momentum v + g          w <- w - lr v
/// ```
///
/// Without momentum plain gradient descent; with it, a constant gradient ends in steps of `lr/(1 - momentum)`.
///
/// Source: Polyak, USSR Computational Mathematics 4 (1964) 1, in the form of `PyTorch`.
///
/// ```
/// use ndarray::array;
/// use ttfs::optimiser::{Optimiser, Sgd};
///
/// let sgd = Optimiser::Sgd(Sgd { momentum: 0.5, ..Sgd::default() });
/// let mut weights = vec![array![[1.0]]];
/// let mut state = sgd.initial_state(&weights);
/// for expected in [0.8, 0.5] {
///     sgd.step(&[0.1], &mut state, &mut weights, &[array![[2.0]]])?;
///     assert!((weights[0][[0, 0]] - expected).abs() < 1e-15);
/// }
/// # Ok::<(), ttfs::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sgd {
    /// Learning rate of the first epoch.
    pub learning_rate: f64,
    /// Share of the last step that goes on.
    pub momentum: f64,
}

impl Default for Sgd {
    fn default() -> Self {
        Self { learning_rate: 0.1, momentum: 0.9 }
    }
}

impl Sgd {
    /// Accepts a positive learning rate and a momentum in `0..=1 - 1e-12`.
    ///
    /// # Errors
    /// [`Error::NotPositive`] or [`Error::OutOfRange`] naming the first field that is not acceptable.
    pub fn check(&self) -> Result<(), Error> {
        error::positive("learning_rate", self.learning_rate)?;
        error::within("momentum", self.momentum, 0.0, 1.0 - 1e-12)
    }

    /// One step; shapes have been checked, there is one moment.
    pub(super) fn step(
        &self,
        rates: &[f64],
        state: &mut OptimiserState,
        weights: &mut [Array2<f64>],
        gradients: &[Array2<f64>],
    ) {
        state.steps += 1;
        let [velocity] = state.moments.as_mut_slice() else { return };
        for (layer, weights) in weights.iter_mut().enumerate() {
            Zip::from(weights).and(&gradients[layer]).and(&mut velocity[layer]).for_each(|w, &g, v| {
                *v = self.momentum * *v + g;
                *w -= rates[layer] * *v;
            });
        }
    }
}
