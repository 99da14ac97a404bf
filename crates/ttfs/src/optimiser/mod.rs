//! How gradients become steps: Adam or gradient descent with momentum, and the course of the learning rate.
//!
//! Settings and state are apart: settings are configuration, the state belongs into checkpoints.

mod adam;
mod decay;
mod schedule;
mod sgd;

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::Error;

pub use adam::Adam;
pub use decay::decay;
pub use schedule::{ConstantSchedule, CosineSchedule, Schedule, StepSchedule};
pub use sgd::Sgd;

/// An optimiser.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Optimiser {
    /// Steps of about the learning rate, whatever the size of the gradient.
    Adam(Adam),
    /// Steps as large as the gradient, with momentum.
    Sgd(Sgd),
}

impl Default for Optimiser {
    fn default() -> Self {
        Self::Adam(Adam::default())
    }
}

/// What an optimiser remembers between steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OptimiserState {
    /// Number of steps taken.
    pub steps: u64,
    /// Running means, each with one array per layer, shaped like the weights: for Adam of the gradients and of their squares,
    /// for gradient descent the velocity.
    pub moments: Vec<Vec<Array2<f64>>>,
}

impl Optimiser {
    /// One of every kind, with its defaults.
    pub fn kinds() -> [Self; 2] {
        [Self::Adam(Adam::default()), Self::Sgd(Sgd::default())]
    }

    /// Accepts settings in their ranges.
    ///
    /// # Errors
    /// [`Error::NotPositive`] or [`Error::OutOfRange`] naming the first field that is not acceptable.
    pub fn check(&self) -> Result<(), Error> {
        match self {
            Self::Adam(adam) => adam.check(),
            Self::Sgd(sgd) => sgd.check(),
        }
    }

    /// Learning rate of the first epoch.
    pub fn learning_rate(&self) -> f64 {
        match self {
            Self::Adam(adam) => adam.learning_rate,
            Self::Sgd(sgd) => sgd.learning_rate,
        }
    }

    /// Sets the learning rate of the first epoch.
    pub fn set_learning_rate(&mut self, learning_rate: f64) {
        match self {
            Self::Adam(adam) => adam.learning_rate = learning_rate,
            Self::Sgd(sgd) => sgd.learning_rate = learning_rate,
        }
    }

    /// The memory before the first step, for one array of weights per layer.
    pub fn initial_state(&self, weights: &[Array2<f64>]) -> OptimiserState {
        let zeros: Vec<_> = weights.iter().map(|w| Array2::zeros(w.dim())).collect();
        OptimiserState { steps: 0, moments: vec![zeros; self.moments()] }
    }

    /// Number of running means.
    fn moments(&self) -> usize {
        match self {
            Self::Adam(_) => 2,
            Self::Sgd(_) => 1,
        }
    }

    /// Takes one step with `rates`, the learning rate of each layer (that of the epoch, see [`Schedule`]).
    ///
    /// # Errors
    /// [`Error::Shape`] if rates, weights, gradients and state do not belong together or the state is another optimiser's;
    /// then nothing has changed.
    pub fn step(
        &self,
        rates: &[f64],
        state: &mut OptimiserState,
        weights: &mut [Array2<f64>],
        gradients: &[Array2<f64>],
    ) -> Result<(), Error> {
        for (what, found, expected) in [
            ("learning rates of the layers", rates.len(), weights.len()),
            ("running means of the optimiser", state.moments.len(), self.moments()),
        ] {
            if found != expected {
                return Err(Error::Shape { what, found: vec![found], expected: vec![expected] });
            }
        }
        same_shapes("gradients", gradients, weights)?;
        for moment in &state.moments {
            same_shapes("running means of the optimiser", moment, weights)?;
        }
        match self {
            Self::Adam(adam) => adam.step(rates, state, weights, gradients),
            Self::Sgd(sgd) => sgd.step(rates, state, weights, gradients),
        }
        Ok(())
    }
}

/// Refuses lists of arrays of different shapes.
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

#[cfg(test)]
mod tests;
