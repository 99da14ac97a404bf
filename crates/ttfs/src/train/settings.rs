//! What a training is.

use serde::{Deserialize, Serialize};

use crate::bumping::{BumpRule, BumpScope};
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

/// Settings of a training. The defaults are a recipe for Yin-Yang in the loop (5-120-3) found on validation samples.
///
/// The published values for this experiment (learning rate .002 x .95 every 20 epochs, 200 epochs, initial weights .1 +- .12 and
/// .075 +- .15, alpha .005, bumping by layer) belong to a threshold of 1.52 units of weight. At the 2.6-2.8 of the
/// calibration used here they leave most neurons silent at first and spend most batches on bumps.
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
    /// Learning rate of the delays' parameters in the first epoch; their optimiser is that of the weights otherwise.
    pub delay_learning_rate: f64,
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
            epochs: 100,
            batch_size: 40,
            evaluation_batch_size: 200,
            adam: Adam { learning_rate: 0.012, ..Adam::default() },
            delay_learning_rate: 0.012,
            schedule: StepSchedule { step_epochs: 10, gamma: 0.7 },
            loss: TtfsLoss { alpha: 0.1, ..TtfsLoss::default() },
            bump: BumpRule { value: 0.005, max_missing: vec![0.9, 0.5], scope: BumpScope::Neuron },
            max_gradient: 0.2,
            estimator: Estimator::Measured,
            initial_weights: vec![InitialWeights { mean: 0.8, std: 1.0 }, InitialWeights { mean: 0.5, std: 1.0 }],
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
        error::positive("delay_learning_rate", self.delay_learning_rate)?;
        self.schedule.check()?;
        self.loss.check()?;
        self.bump.check()?;
        error::within("max_gradient", self.max_gradient, 0.0, 1e9)?;
        error::within("initial_weights (entries)", self.initial_weights.len() as f64, 1.0, 1e3)?;
        for initial in &self.initial_weights {
            error::within("initial_weights.mean", initial.mean, -1e3, 1e3)?;
            error::within("initial_weights.std", initial.std, 0.0, 1e3)?;
        }
        error::within("input_noise_std", self.input_noise_std, 0.0, 1e3)
    }
}
