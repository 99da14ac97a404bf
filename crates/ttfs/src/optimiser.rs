//! How gradients become steps: Adam, and a learning rate that falls in stairs.
//!
//! Settings and state are apart: settings are configuration, the state belongs into checkpoints.

use bss2_emu::vectors::{Loops, widest};
use ndarray::{Array2, Zip};
use serde::{Deserialize, Serialize};

use crate::{Error, error};

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
/// use ttfs::optimiser::{Adam, AdamState};
///
/// let adam = Adam::default();
/// let mut weights = vec![array![[1.0, 1.0]]];
/// let mut state = AdamState::new(&weights);
/// adam.step(0.1, &mut state, &mut weights, &[array![[3.0, -1e-3]]])?;
/// assert!((weights[0][[0, 0]] - 0.9).abs() < 1e-8);
/// # Ok::<(), ttfs::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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

/// What Adam remembers between steps, for one array of weights per layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AdamState {
    /// Number of steps taken.
    pub steps: u64,
    /// Running mean of the gradients, shaped like the weights.
    pub first: Vec<Array2<f64>>,
    /// Running mean of their squares.
    pub second: Vec<Array2<f64>>,
}

impl AdamState {
    /// The memory before the first step.
    pub fn new(weights: &[Array2<f64>]) -> Self {
        let zeros: Vec<_> = weights.iter().map(|w| Array2::zeros(w.dim())).collect();
        Self { steps: 0, first: zeros.clone(), second: zeros }
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

    /// Takes one step with the learning rate `learning_rate` (that of the epoch, see [`StepSchedule`]).
    ///
    /// # Errors
    /// [`Error::Shape`] if weights, gradients and state do not belong together; then nothing has changed.
    pub fn step(
        &self,
        learning_rate: f64,
        state: &mut AdamState,
        weights: &mut [Array2<f64>],
        gradients: &[Array2<f64>],
    ) -> Result<(), Error> {
        same_shapes("gradients", gradients, weights)?;
        same_shapes("first moments of Adam", &state.first, weights)?;
        same_shapes("second moments of Adam", &state.second, weights)?;
        state.steps += 1;
        let t = state.steps as f64;
        let rate = learning_rate / (1.0 - libm::pow(self.beta1, t));
        let root = libm::sqrt(1.0 - libm::pow(self.beta2, t));
        for (layer, weights) in weights.iter_mut().enumerate() {
            let (first, second) = (&mut state.first[layer], &mut state.second[layer]);
            let rows = weights.rows_mut().into_iter().zip(gradients[layer].rows());
            for (((mut weights, gradients), mut first), mut second) in rows.zip(first.rows_mut()).zip(second.rows_mut())
            {
                let parts = (weights.as_slice_mut(), gradients.as_slice(), first.as_slice_mut(), second.as_slice_mut());
                if let (Some(weights), Some(gradients), Some(first), Some(second)) = parts {
                    widest(Step { adam: self, rate, root, weights, gradients, first, second });
                    continue;
                }
                Zip::from(weights).and(gradients).and(first).and(second).for_each(|w, &g, m, v| {
                    self.step_one(rate, root, (w, g, m, v));
                });
            }
        }
        Ok(())
    }

    #[inline(always)]
    #[allow(clippy::inline_always, reason = "part of a loop that is compiled for the processor")]
    fn step_one(&self, rate: f64, root: f64, (w, g, m, v): (&mut f64, f64, &mut f64, &mut f64)) {
        *m = self.beta1 * *m + (1.0 - self.beta1) * g;
        *v = self.beta2 * *v + (1.0 - self.beta2) * g * g;
        *w -= rate * *m / (v.sqrt() / root + self.eps);
    }
}

/// A step for a row of weights.
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

fn same_shapes(what: &'static str, found: &[Array2<f64>], expected: &[Array2<f64>]) -> Result<(), Error> {
    if found.len() != expected.len() {
        return Err(Error::Shape { what, found: vec![found.len()], expected: vec![expected.len()] });
    }
    for (found, expected) in found.iter().zip(expected) {
        if found.dim() != expected.dim() {
            return Err(Error::Shape { what, found: found.shape().to_vec(), expected: expected.shape().to_vec() });
        }
    }
    Ok(())
}

/// A learning rate that falls in stairs.
///
/// ```text
/// lr(epoch) = lr(0) gamma^floor(epoch / step_epochs)          epochs from 0
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StepSchedule {
    /// Epochs on one stair.
    pub step_epochs: u32,
    /// Factor from stair to stair.
    pub gamma: f64,
}

impl Default for StepSchedule {
    fn default() -> Self {
        Self { step_epochs: 20, gamma: 0.95 }
    }
}

impl StepSchedule {
    /// Accepts stairs of at least one epoch and factors in `0..=1`.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] naming the first field that is not acceptable.
    pub fn check(&self) -> Result<(), Error> {
        error::within("step_epochs", f64::from(self.step_epochs), 1.0, f64::from(u32::MAX))?;
        error::within("gamma", self.gamma, 0.0, 1.0)
    }

    /// Learning rate of `epoch` (from 0), for a training that starts with `first`.
    pub fn learning_rate(&self, first: f64, epoch: u32) -> f64 {
        first * libm::pow(self.gamma, f64::from(epoch / self.step_epochs.max(1)))
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn two_steps_by_hand() {
        let adam = Adam { learning_rate: 0.1, beta1: 0.5, beta2: 0.75, eps: 0.5 };
        let mut weights = vec![array![[1.0]], array![[-2.0]]];
        let mut state = AdamState::new(&weights);
        // Step 1: m = g/2, v = g^2/4, m/(1 - 1/2) = g, sqrt(v)/sqrt(1/4) = |g|.
        adam.step(0.1, &mut state, &mut weights, &[array![[2.0]], array![[-1.0]]]).unwrap();
        assert!((weights[0][[0, 0]] - (1.0 - 0.1 * 2.0 / 2.5)).abs() < 1e-15);
        assert!((weights[1][[0, 0]] - (-2.0 + 0.1 / 1.5)).abs() < 1e-15);
        // Step 2 of layer 0, g = 4: m = 1/2 + 2 = 5/2, v = 3/4 + 4 = 19/4; corrections 3/4 and 7/16.
        let before = weights[0][[0, 0]];
        adam.step(0.2, &mut state, &mut weights, &[array![[4.0]], array![[0.0]]]).unwrap();
        let expected = before - 0.2 * (2.5 / 0.75) / ((4.75_f64 / 0.4375).sqrt() + 0.5);
        assert!((weights[0][[0, 0]] - expected).abs() < 1e-15);
        assert_eq!(state.steps, 2);
        assert_eq!((state.first[0][[0, 0]], state.second[0][[0, 0]]), (2.5, 4.75));
    }

    #[test]
    fn finds_the_bottom_of_a_valley() {
        let adam = Adam::default();
        let mut weights = vec![array![[3.0, -1.0]]];
        let mut state = AdamState::new(&weights);
        for _ in 0..4000 {
            let gradient = &weights[0] * &array![[2.0, 200.0]];
            adam.step(0.01, &mut state, &mut weights, &[gradient]).unwrap();
        }
        assert!(weights[0].iter().all(|w| w.abs() < 1e-3), "{weights:?}");
    }

    #[test]
    fn shapes_that_do_not_fit_change_nothing() {
        let adam = Adam::default();
        let mut weights = vec![array![[1.0, 2.0]]];
        let mut state = AdamState::new(&weights);
        let before = (state.clone(), weights.clone());
        for wrong in [vec![], vec![array![[1.0], [2.0]]]] {
            assert!(matches!(adam.step(0.1, &mut state, &mut weights, &wrong), Err(Error::Shape { .. })));
        }
        assert_eq!((state, weights), before);
    }

    #[test]
    fn stairs() {
        let schedule = StepSchedule::default();
        for (epoch, factor) in [(0, 1.0), (19, 1.0), (20, 0.95), (39, 0.95), (60, 0.857_375)] {
            assert!((schedule.learning_rate(0.002, epoch) - 0.002 * factor).abs() < 1e-17);
        }
    }

    #[test]
    fn settings_without_meaning_are_refused() {
        assert!(Adam::default().check().is_ok());
        assert!(Adam { beta2: 1.0, ..Adam::default() }.check().is_err());
        assert!(Adam { learning_rate: f64::NAN, ..Adam::default() }.check().is_err());
        assert!(StepSchedule::default().check().is_ok());
        assert!(StepSchedule { step_epochs: 0, ..StepSchedule::default() }.check().is_err());
        assert!(StepSchedule { gamma: 1.5, ..StepSchedule::default() }.check().is_err());
    }
}
