//! What a training is.

use serde::{Deserialize, Serialize};

use crate::bumping::{BumpRule, BumpScope};
use crate::gradient::Estimator;
use crate::loss::{Loss, TtfsLoss};
use crate::optimiser::{Adam, Optimiser, Schedule, StepSchedule};
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

/// Which weights a training ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Keep {
    /// Those after the last epoch, as published.
    #[default]
    Last,
    /// Those after the epoch with the best validation: the highest accuracy, of equals the lowest loss, of equals the first.
    Best,
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
    pub optimiser: Optimiser,
    /// Learning rate of the delays' parameters in the first epoch; their optimiser is that of the weights otherwise.
    pub delay_learning_rate: f64,
    /// Learning rate over the epochs.
    pub schedule: Schedule,
    /// Factors on the learning rate per layer; the last entry serves all layers after it.
    pub learning_rate_factors: Vec<f64>,
    /// Loss.
    pub loss: Loss,
    /// Price of large weights, see [`l2`](crate::loss::l2). The losses that are reported are without it.
    pub l2_weights: f64,
    /// Weights shrink by this times the learning rate at every step of the optimiser, see [`decay`](fn@crate::optimiser::decay). Delays do not.
    pub weight_decay: f64,
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
    /// Weights are kept within plus and minus this, in units of weight; 0: within what a synapse can hold, which also bounds
    /// larger values.
    pub weight_clip: f64,
    /// Whether the gradient is that of the weights on the grid of the chip (straight-through: the step changes the weights
    /// before rounding). Without rounding, which only a substrate without grid allows, synapses hold weights of any size.
    pub rounding: bool,
    /// Which weights the training ends with.
    pub keep: Keep,
    /// The training ends after this many epochs without a better validation (see [`Keep::Best`]); 0: it does not.
    pub early_stopping_epochs: u32,
}

impl Default for TrainingSettings {
    fn default() -> Self {
        Self {
            seed: 42,
            epochs: 100,
            batch_size: 40,
            evaluation_batch_size: 200,
            optimiser: Optimiser::Adam(Adam { learning_rate: 0.012, ..Adam::default() }),
            delay_learning_rate: 0.012,
            schedule: Schedule::Step(StepSchedule { step_epochs: 10, gamma: 0.7 }),
            learning_rate_factors: vec![1.0],
            loss: Loss::Ttfs(TtfsLoss { alpha: 0.1, ..TtfsLoss::default() }),
            l2_weights: 0.0,
            weight_decay: 0.0,
            bump: BumpRule { value: 0.005, max_missing: vec![0.9, 0.5], scope: BumpScope::Neuron },
            max_gradient: 0.2,
            estimator: Estimator::Measured,
            initial_weights: vec![InitialWeights { mean: 0.8, std: 1.0 }, InitialWeights { mean: 0.5, std: 1.0 }],
            input_noise_std: 0.0,
            weight_clip: 0.0,
            rounding: true,
            keep: Keep::Last,
            early_stopping_epochs: 0,
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
        self.optimiser.check()?;
        error::positive("delay_learning_rate", self.delay_learning_rate)?;
        self.schedule.check()?;
        error::within("learning_rate_factors (entries)", self.learning_rate_factors.len() as f64, 1.0, 1e3)?;
        for factor in &self.learning_rate_factors {
            error::within("learning_rate_factors", *factor, 0.0, 1e6)?;
        }
        error::within("l2_weights", self.l2_weights, 0.0, 1e9)?;
        error::within("weight_decay", self.weight_decay, 0.0, 1e6)?;
        error::within("weight_clip", self.weight_clip, 0.0, 1e6)?;
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

    /// Learning rates of `epoch` (from 0) for `n_layers` layers, and the one that they are factors of.
    pub(super) fn learning_rates(&self, epoch: u32, n_layers: usize) -> (f64, Vec<f64>) {
        let rate = self.schedule.learning_rate(self.optimiser.learning_rate(), epoch, self.epochs);
        let last = self.learning_rate_factors.len() - 1;
        (rate, (0..n_layers).map(|layer| rate * self.learning_rate_factors[layer.min(last)]).collect())
    }
}
