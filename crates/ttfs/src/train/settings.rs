//! What a training is: the published values are the defaults.

use serde::{Deserialize, Serialize};

use crate::bumping::BumpRule;
use crate::gradient::Estimator;
use crate::loss::TtfsLoss;
use crate::optimiser::{Adam, StepSchedule};
use crate::{Error, error};

/// Distribution of the initial weights of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InitialWeights {
    /// Mean.
    pub mean: f64,
    /// Standard deviation.
    pub std: f64,
}

/// Settings of a training. The defaults are those of the published Yin-Yang experiment on BrainScaleS-2 (5-120-3).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingSettings {
    /// Seed of initial weights, order of samples and addresses of noise.
    pub seed: u64,
    /// Passes over the training samples.
    pub epochs: u32,
    /// Samples per weight update: one run of the chip.
    pub batch_size: usize,
    /// Samples per run when nothing is learned.
    pub evaluation_batch_size: usize,
    /// Optimiser.
    pub adam: Adam,
    /// Learning rate over the epochs.
    pub schedule: StepSchedule,
    /// Loss.
    pub loss: TtfsLoss,
    /// What to do about silent neurons.
    pub bump: BumpRule,
    /// Largest `|dL/dw|` that one sample may cause at one neuron; beyond it that neuron's weights ignore the sample. 0: no
    /// limit.
    pub max_gradient: f64,
    /// How the slope of the membrane at a measured spike time is estimated.
    pub estimator: Estimator,
    /// Initial weights per layer; the last entry serves all layers after it.
    pub initial_weights: Vec<InitialWeights>,
    /// Noise on the input times of training samples, in `tau_syn`.
    pub input_noise_std: f64,
}

impl Default for TrainingSettings {
    fn default() -> Self {
        Self {
            seed: 42,
            epochs: 200,
            batch_size: 40,
            evaluation_batch_size: 200,
            adam: Adam::default(),
            schedule: StepSchedule::default(),
            loss: TtfsLoss::default(),
            bump: BumpRule::default(),
            max_gradient: 0.2,
            estimator: Estimator::Model,
            initial_weights: vec![InitialWeights { mean: 0.1, std: 0.12 }, InitialWeights { mean: 0.075, std: 0.15 }],
            input_noise_std: 0.0,
        }
    }
}

impl TrainingSettings {
    /// Accepts settings in their ranges.
    ///
    /// # Errors
    /// The first setting that is not.
    pub fn check(&self) -> Result<(), Error> {
        error::within("epochs", f64::from(self.epochs), 1.0, 1e6)?;
        error::within("batch_size", self.batch_size as f64, 1.0, 1e6)?;
        error::within("evaluation_batch_size", self.evaluation_batch_size as f64, 1.0, 1e6)?;
        self.adam.check()?;
        self.schedule.check()?;
        self.loss.check()?;
        self.bump.check()?;
        error::within("max_gradient", self.max_gradient, 0.0, f64::MAX)?;
        error::within("initial_weights (entries)", self.initial_weights.len() as f64, 1.0, 1e3)?;
        for initial in &self.initial_weights {
            error::within("initial_weights.mean", initial.mean, -1e3, 1e3)?;
            error::within("initial_weights.std", initial.std, 0.0, 1e3)?;
        }
        error::within("input_noise_std", self.input_noise_std, 0.0, 1e3)
    }
}
