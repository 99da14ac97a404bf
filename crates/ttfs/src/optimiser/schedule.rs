//! Learning rates over the epochs.

use serde::{Deserialize, Serialize};

use crate::{Error, error};

/// How the learning rate changes over the epochs `0..epochs` of a training.
///
/// ```
/// use ttfs::optimiser::{CosineSchedule, Schedule};
///
/// let cosine = Schedule::Cosine(CosineSchedule { final_factor: 0.0 });
/// assert_eq!(cosine.learning_rate(0.01, 0, 100), 0.01);
/// assert!((cosine.learning_rate(0.01, 50, 100) - 0.005).abs() < 1e-15);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Schedule {
    /// It stays as it is.
    Constant(ConstantSchedule),
    /// It falls in stairs.
    Step(StepSchedule),
    /// It falls along half a cosine.
    Cosine(CosineSchedule),
}

impl Default for Schedule {
    fn default() -> Self {
        Self::Step(StepSchedule::default())
    }
}

impl Schedule {
    /// One of every kind, with its defaults.
    pub fn kinds() -> [Self; 3] {
        [
            Self::Step(StepSchedule::default()),
            Self::Constant(ConstantSchedule {}),
            Self::Cosine(CosineSchedule::default()),
        ]
    }

    /// Accepts settings in their ranges.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] naming the first field that is not acceptable.
    pub fn check(&self) -> Result<(), Error> {
        match self {
            Self::Constant(ConstantSchedule {}) => Ok(()),
            Self::Step(schedule) => schedule.check(),
            Self::Cosine(schedule) => schedule.check(),
        }
    }

    /// Learning rate of `epoch` (from 0), for a training of `epochs` that starts with `first`.
    pub fn learning_rate(&self, first: f64, epoch: u32, epochs: u32) -> f64 {
        match self {
            Self::Constant(ConstantSchedule {}) => first,
            Self::Step(schedule) => schedule.learning_rate(first, epoch),
            Self::Cosine(schedule) => schedule.learning_rate(first, epoch, epochs),
        }
    }
}

/// A learning rate that stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConstantSchedule {}

/// A learning rate that falls in stairs.
///
/// ```text
/// lr(epoch) = lr(0) gamma^floor(epoch / step_epochs)          epochs from 0
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
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

/// A learning rate that falls along half a cosine.
///
/// ```text
/// lr(epoch) = lr(0) (f + (1 - f) (1 + cos(pi epoch/epochs))/2)          f: final_factor, epochs from 0
/// ```
///
/// Source: Loshchilov and Hutter, arXiv 1608.03983, without restarts.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CosineSchedule {
    /// Where the factor of the learning rate leads; it would be reached one epoch after the last.
    pub final_factor: f64,
}

impl CosineSchedule {
    /// Accepts factors in `0..=1`.
    ///
    /// # Errors
    /// [`Error::OutOfRange`].
    pub fn check(&self) -> Result<(), Error> {
        error::within("final_factor", self.final_factor, 0.0, 1.0)
    }

    /// Learning rate of `epoch` (from 0), for a training of `epochs` that starts with `first`.
    pub fn learning_rate(&self, first: f64, epoch: u32, epochs: u32) -> f64 {
        let course = f64::from(epoch) / f64::from(epochs.max(1));
        let height = 0.5 * (1.0 + libm::cos(std::f64::consts::PI * course));
        first * (self.final_factor + (1.0 - self.final_factor) * height)
    }
}
