//! Training in the loop: the forward pass is measured on a substrate, the backward pass is the analytic gradient.
//!
//! A [`Trainer`] owns nothing but its settings; what changes from batch to batch is the [`TrainingState`], which is all that a
//! checkpoint holds. Every random choice has an address (epoch, batch), so a training that was interrupted between two
//! epochs continues as if nothing had happened.

mod batch;
mod settings;

use bss2_emu::RunId;
use bss2_emu::rng::{Purpose, Stream, derive};
use ndarray::{Array2, ArrayView1, ArrayView2, Axis};
use serde::{Deserialize, Serialize};

pub use crate::samples::Samples;
pub use settings::{InitialWeights, TrainingSettings};

use crate::Error;
use crate::bumping::{Bump, BumpState};
use crate::gradient::BackwardPass;
use crate::loss::classify;
use crate::optimiser::AdamState;
use crate::scaling::Scaling;
use crate::substrate::Substrate;

/// Everything that training changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainingState {
    /// Epochs finished.
    pub epoch: u32,
    /// Real-valued weights `(n_sources, n_neurons)` per layer.
    pub weights: Vec<Array2<f64>>,
    /// Memory of the optimiser.
    pub adam: AdamState,
    /// Memory of the bumping rule.
    pub bump: BumpState,
}

/// How well a set of samples was classified.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Score {
    /// Mean loss.
    pub loss: f64,
    /// Share of samples whose earliest output is the right one; no output spike is wrong.
    pub accuracy: f64,
    /// Share of samples without any output spike.
    pub silent: f64,
}

/// What one epoch brought.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// Epochs finished, from 1.
    pub epoch: u32,
    /// Learning rate of the epoch.
    pub learning_rate: f64,
    /// Training samples, as they were classified while the weights changed.
    pub train: Score,
    /// Validation samples, after the epoch.
    pub validation: Score,
    /// Batches in which silent neurons were bumped.
    pub bumped_batches: u32,
    /// Share of silent hidden neurons over the training samples.
    pub silent_hidden: f64,
}

/// Trains a network on a substrate.
#[derive(Debug, Clone)]
pub struct Trainer {
    settings: TrainingSettings,
    scaling: Scaling,
    backward: BackwardPass,
}

/// Number added to the training seed to address the noise of each kind of run.
const TRAINING_SESSION: u64 = 1;
const EVALUATION_SESSION: u64 = 2;

impl Trainer {
    /// A trainer for networks in the units of `scaling`.
    ///
    /// # Errors
    /// If a setting is out of its range.
    pub fn new(settings: TrainingSettings, scaling: Scaling) -> Result<Self, Error> {
        settings.check()?;
        scaling.check()?;
        let guard = (settings.max_gradient > 0.0).then_some(settings.max_gradient);
        let backward = BackwardPass { model: scaling.model(), estimator: settings.estimator, guard };
        Ok(Self { settings, scaling, backward })
    }

    /// The state before the first epoch: weights drawn for layers of the given sizes.
    pub fn initial_state(&self, n_inputs: usize, sizes: &[usize]) -> TrainingState {
        let mut width = n_inputs;
        let mut weights = Vec::new();
        for (layer, &size) in sizes.iter().enumerate() {
            let InitialWeights { mean, std } =
                self.settings.initial_weights[layer.min(self.settings.initial_weights.len() - 1)];
            let mut stream = Stream::new(self.settings.seed, Purpose::InitialWeights, [layer as u32, 0, 0]);
            weights.push(Array2::from_shape_simple_fn((width, size), || mean + std * stream.normal()));
            width = size;
        }
        self.clip(&mut weights);
        TrainingState { epoch: 0, adam: AdamState::new(&weights), bump: BumpState::default(), weights }
    }

    /// Trains for one epoch and scores the validation samples.
    ///
    /// # Errors
    /// If shapes do not fit or the substrate refuses; the state is then of no more use.
    pub fn run_epoch(
        &self,
        state: &mut TrainingState,
        substrate: &mut impl Substrate,
        train: &Samples,
        validation: &Samples,
    ) -> Result<EpochRecord, Error> {
        let settings = &self.settings;
        let learning_rate = settings.schedule.learning_rate(settings.adam.learning_rate, state.epoch);
        let order = self.shuffled(state.epoch, train.labels.len());
        let batches = order.len().div_ceil(settings.batch_size);
        let mut tally = Tally::default();
        let mut bumped_batches = 0;
        for (number, chosen) in order.chunks(settings.batch_size).enumerate() {
            let mut inputs = train.times_of(chosen);
            let labels: Vec<usize> = chosen.iter().map(|&s| train.labels[s]).collect();
            self.add_input_noise(state.epoch, chosen, &mut inputs);
            let run = self.run_id(TRAINING_SESSION, state.epoch, batches, number);
            let layers = substrate.forward(&state.weights, inputs.view(), run)?;
            tally.add(&layers, &labels, &settings.loss);
            // The gradient is that of the weights which the substrate had, before any bump.
            let rounded: Vec<Array2<f64>> = state.weights.iter().map(|w| w.mapv(|w| self.scaling.rounded(w))).collect();
            let bump = settings.bump.apply(&mut state.bump, &layers, &mut state.weights)?;
            bumped_batches += u32::from(bump != Bump::None);
            if bump != Bump::InsteadOfStep {
                let gradients = batch::gradients(
                    &self.backward,
                    self.scaling.latencies(),
                    &settings.loss,
                    &rounded,
                    inputs.view(),
                    &layers,
                    &labels,
                );
                settings.adam.step(learning_rate, &mut state.adam, &mut state.weights, &gradients)?;
            }
            self.clip(&mut state.weights);
        }
        state.epoch += 1;
        Ok(EpochRecord {
            epoch: state.epoch,
            learning_rate,
            train: tally.score(),
            validation: self.evaluate(&state.weights, substrate, validation, state.epoch)?.score,
            bumped_batches,
            silent_hidden: tally.silent_hidden(),
        })
    }

    /// Runs samples without learning. `part` tells the noise of different evaluations apart.
    ///
    /// # Errors
    /// If shapes do not fit or the substrate refuses.
    pub fn evaluate(
        &self,
        weights: &[Array2<f64>],
        substrate: &mut impl Substrate,
        samples: &Samples,
        part: u32,
    ) -> Result<Evaluation, Error> {
        let mut tally = Tally::default();
        let mut times: Vec<Array2<f64>> = weights.iter().map(|w| Array2::zeros((0, w.ncols()))).collect();
        let size = self.settings.evaluation_batch_size;
        let batches = samples.labels.len().div_ceil(size);
        for (number, labels) in samples.labels.chunks(size).enumerate() {
            let inputs = samples.times(number * size..number * size + labels.len());
            let run = self.run_id(EVALUATION_SESSION, part, batches, number);
            let layers = substrate.forward(weights, inputs.view(), run)?;
            tally.add(&layers, labels, &self.settings.loss);
            for (times, layer) in times.iter_mut().zip(&layers) {
                append(times, layer.view())?;
            }
        }
        Ok(Evaluation { score: tally.score(), layers: times })
    }

    fn run_id(&self, session: u64, epoch: u32, batches: usize, batch: usize) -> RunId {
        let session = derive(self.settings.seed, session) as u32;
        RunId { session, index: epoch.wrapping_mul(batches as u32).wrapping_add(batch as u32) }
    }

    fn shuffled(&self, epoch: u32, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        let mut stream = Stream::new(self.settings.seed, Purpose::Shuffle, [epoch, 0, 0]);
        for last in (1..n).rev() {
            let other = (stream.uniform() * (last + 1) as f64) as usize;
            order.swap(last, other);
        }
        order
    }

    /// Gaussian noise on the input times, reflected at zero.
    fn add_input_noise(&self, epoch: u32, chosen: &[usize], inputs: &mut Array2<f64>) {
        let std = self.settings.input_noise_std;
        if std == 0.0 {
            return;
        }
        for (mut row, &sample) in inputs.rows_mut().into_iter().zip(chosen) {
            let mut stream = Stream::new(self.settings.seed, Purpose::InputNoise, [epoch, sample as u32, 0]);
            row.mapv_inplace(|time| (time + std * stream.normal()).abs());
        }
    }

    /// Keeps weights within what a synapse can hold.
    fn clip(&self, weights: &mut [Array2<f64>]) {
        let largest = self.scaling.largest_weight();
        for weights in weights {
            weights.mapv_inplace(|w| w.clamp(-largest, largest));
        }
    }
}

/// The result of running samples without learning.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// How well they were classified.
    pub score: Score,
    /// First-spike times of every layer, `(n_samples, n_neurons)` in model time.
    pub layers: Vec<Array2<f64>>,
}

impl Evaluation {
    /// The class of each sample, `None` if no output spiked.
    pub fn classes(&self) -> Vec<Option<usize>> {
        self.layers.last().map_or_else(Vec::new, |outputs| {
            outputs.rows().into_iter().map(|times: ArrayView1<f64>| classify(times)).collect()
        })
    }
}

/// Adds the rows of another run; a substrate that returns another width is refused.
fn append(rows: &mut Array2<f64>, more: ArrayView2<f64>) -> Result<(), Error> {
    rows.append(Axis(0), more).map_err(|_| Error::Shape {
        what: "spike times of the substrate",
        found: more.shape().to_vec(),
        expected: vec![more.nrows(), rows.ncols()],
    })
}

/// Sums over samples, in the order in which they come.
#[derive(Debug, Default)]
struct Tally {
    samples: usize,
    loss: f64,
    correct: usize,
    silent: usize,
    hidden: usize,
    hidden_silent: usize,
}

impl Tally {
    fn add(&mut self, layers: &[Array2<f64>], labels: &[usize], loss: &crate::loss::TtfsLoss) {
        let Some((outputs, hidden)) = layers.split_last() else { return };
        for (times, &label) in outputs.rows().into_iter().zip(labels) {
            let class = classify(times);
            self.loss += loss.of_sample(times, label).0;
            self.correct += usize::from(class == Some(label));
            self.silent += usize::from(class.is_none());
            self.samples += 1;
        }
        for times in hidden {
            self.hidden += times.len();
            self.hidden_silent += times.iter().filter(|t| !t.is_finite()).count();
        }
    }

    fn score(&self) -> Score {
        let n = self.samples.max(1) as f64;
        Score { loss: self.loss / n, accuracy: self.correct as f64 / n, silent: self.silent as f64 / n }
    }

    fn silent_hidden(&self) -> f64 {
        self.hidden_silent as f64 / self.hidden.max(1) as f64
    }
}

#[cfg(test)]
mod tests;
