//! Adam.

use bss2_emu::vectors::{Loops, widest};
use ndarray::{Array2, Zip};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::OptimiserState;
use crate::{Error, error};

/// Weights that are worth a thread of their own.
const PIECE: usize = 8192;

/// Adam: steps of about the learning rate, whatever the size of the gradient.
///
/// ```text
/// m <- beta1 m + (1 - beta1) g          v <- beta2 v + (1 - beta2) g^2
/// w <- w - lr / (1 - beta1^t)  m / ( sqrt(v) / sqrt(1 - beta2^t) + eps )          t: steps so far, this one included
/// ```
///
/// Source: Kingma and Ba, arXiv 1412.6980; eps is added as `PyTorch` does.
///
/// ```
/// use ndarray::array;
/// use ttfs::optimiser::{Adam, Optimiser};
///
/// let adam = Optimiser::Adam(Adam::default());
/// let mut weights = vec![array![[1.0, 1.0]]];
/// let mut state = adam.initial_state(&weights);
/// adam.step(&[0.1], &mut state, &mut weights, &[array![[3.0, -1e-3]]])?;
/// assert!((weights[0][[0, 0]] - 0.9).abs() < 1e-8);
/// # Ok::<(), ttfs::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Adam {
    /// Learning rate of the first epoch.
    pub learning_rate: f64,
    /// Memory of the gradient.
    pub beta1: f64,
    /// Memory of its square.
    pub beta2: f64,
    /// What keeps the step finite where gradients vanish.
    pub eps: f64,
}

impl Default for Adam {
    fn default() -> Self {
        Self { learning_rate: 0.002, beta1: 0.9, beta2: 0.999, eps: 1e-8 }
    }
}

impl Adam {
    /// Accepts a positive learning rate and eps, and memories in `0..=1 - 1e-12`.
    ///
    /// # Errors
    /// [`Error::NotPositive`] or [`Error::OutOfRange`] naming the first field that is not acceptable.
    pub fn check(&self) -> Result<(), Error> {
        error::positive("learning_rate", self.learning_rate)?;
        error::within("beta1", self.beta1, 0.0, 1.0 - 1e-12)?;
        error::within("beta2", self.beta2, 0.0, 1.0 - 1e-12)?;
        error::positive("eps", self.eps)
    }

    /// One step; shapes have been checked, there are two moments.
    pub(super) fn step(
        &self,
        rates: &[f64],
        state: &mut OptimiserState,
        weights: &mut [Array2<f64>],
        gradients: &[Array2<f64>],
    ) {
        state.steps += 1;
        let t = state.steps as f64;
        let bias = 1.0 - libm::pow(self.beta1, t);
        let root = libm::sqrt(1.0 - libm::pow(self.beta2, t));
        let [first, second] = state.moments.as_mut_slice() else { return };
        for (layer, weights) in weights.iter_mut().enumerate() {
            let rate = rates[layer] / bias;
            let whole = (
                weights.as_slice_mut(),
                gradients[layer].as_slice(),
                first[layer].as_slice_mut(),
                second[layer].as_slice_mut(),
            );
            if let (Some(weights), Some(gradients), Some(first), Some(second)) = whole {
                let moments = first.par_chunks_mut(PIECE).zip(second.par_chunks_mut(PIECE));
                weights.par_chunks_mut(PIECE).zip(gradients.par_chunks(PIECE)).zip(moments).for_each(
                    |((weights, gradients), (first, second))| {
                        widest(Step { adam: self, rate, root, weights, gradients, first, second });
                    },
                );
                continue;
            }
            let moments = Zip::from(&mut first[layer]).and(&mut second[layer]);
            moments.and(weights).and(&gradients[layer]).for_each(|m, v, w, &g| {
                self.step_one(rate, root, (w, g, m, v));
            });
        }
    }

    #[inline(always)]
    #[allow(clippy::inline_always, reason = "part of a loop that is compiled for the processor")]
    fn step_one(&self, rate: f64, root: f64, (w, g, m, v): (&mut f64, f64, &mut f64, &mut f64)) {
        *m = self.beta1 * *m + (1.0 - self.beta1) * g;
        *v = self.beta2 * *v + (1.0 - self.beta2) * g * g;
        *w -= rate * *m / (v.sqrt() / root + self.eps);
    }
}

/// A step for a piece of the weights.
struct Step<'a> {
    adam: &'a Adam,
    rate: f64,
    root: f64,
    weights: &'a mut [f64],
    gradients: &'a [f64],
    first: &'a mut [f64],
    second: &'a mut [f64],
}

impl Loops for Step<'_> {
    type Output = ();

    #[inline(always)]
    #[allow(clippy::inline_always, reason = "to be inlined into a function that is compiled for the processor")]
    fn run(self) {
        let Self { adam, rate, root, weights, gradients, first, second } = self;
        for (((w, &g), m), v) in weights.iter_mut().zip(gradients).zip(first).zip(second) {
            adam.step_one(rate, root, (w, g, m, v));
        }
    }
}
