//! Training in the loop: the forward pass is measured on a substrate, the backward pass is the analytic gradient.
//!
//! A [`Trainer`] owns nothing but its settings; what changes from batch to batch is the [`TrainingState`], which is all that a
//! checkpoint holds. Every random choice has an address (epoch, batch), so a training that was interrupted between two
//! epochs continues as if nothing had happened.

mod batch;
mod gradients;
mod score;
mod settings;
mod single;

use bss2_emu::RunId;
use bss2_emu::rng::{Purpose, Stream, derive};
use bss2_emu::vectors::Instructions;
use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

pub use crate::samples::Samples;
pub use gradients::Gradients;
pub use score::{Evaluation, Score};
pub use settings::{InitialWeights, Keep, TrainingSettings};

use crate::Error;
use crate::bumping::{Bump, BumpState};
use crate::gradient::{BackwardPass, Estimator};
use crate::loss::l2;
use crate::network::{DelaySettings, Layer, Network};
use crate::neuron::NeuronModel;
use crate::optimiser::{OptimiserState, decay};
use crate::scaling::Scaling;
use crate::substrate::{Spikes, Substrate};
use score::Tally;
use single::Workspace;

/// Everything that training changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainingState {
    /// Epochs finished.
    pub epoch: u32,
    /// Real-valued weights and the parameters of delays.
    pub network: Network,
    /// Memory of the optimiser of the weights.
    pub optimiser: OptimiserState,
    /// Memory of the optimiser of the delays' parameters.
    pub delay_optimiser: OptimiserState,
    /// Memory of the bumping rule.
    pub bump: BumpState,
    /// The best epoch so far, if the settings ask for it ([`Keep::Best`] or early stopping).
    pub best: Option<Best>,
}

/// The epoch with the best validation so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// Epochs finished then, from 1.
    pub epoch: u32,
    /// Its validation.
    pub validation: Score,
    /// The network after it.
    pub network: Network,
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
    backward: batch::Backward,
    precision: Precision,
}

/// How gradients are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// In double precision: the reference.
    #[default]
    Double,
    /// With sums of gradients by weights in single precision, several times as fast: within 3e-6 of the largest gradient of each layer.
    /// For networks without delays and estimators of equal neurons; others get [`Self::Double`].
    Single,
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
        let pass = BackwardPass { model: scaling.model(), estimator: settings.estimator, guard };
        let backward = batch::Backward { pass, latencies: scaling.latencies(), neurons: None };
        Ok(Self { settings, scaling, backward, precision: Precision::Double })
    }

    /// The same trainer with gradients in another precision.
    #[must_use]
    pub fn with_precision(mut self, precision: Precision) -> Self {
        self.precision = precision;
        self
    }

    /// The memory of the backward pass in single precision, if that is what trains this network.
    fn workspace(&self, network: &Network) -> Option<Workspace> {
        let neurons_differ = self.settings.estimator == Estimator::Calibrated && self.backward.neurons.is_some();
        let single = self.precision == Precision::Single && !network.has_delays() && !neurons_differ;
        single.then(|| Workspace::new(network, Instructions::widest()))
    }

    /// The same trainer, told what was measured of each neuron of each layer: what the estimator
    /// [`Calibrated`](crate::gradient::Estimator::Calibrated) takes the place of the common model with.
    ///
    /// # Errors
    /// If a neuron cannot fire or has a constant that is not positive.
    pub fn with_neurons(mut self, neurons: Vec<Vec<NeuronModel>>) -> Result<Self, Error> {
        neurons.iter().flatten().try_for_each(NeuronModel::check)?;
        self.backward.neurons = Some(neurons);
        Ok(self)
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
        self.state_from(Network::new(weights))
    }

    /// The state before the first epoch of a training that goes on from a given network, its weights clipped to the settings' range.
    pub fn state_from(&self, mut network: Network) -> TrainingState {
        self.clip(&mut network.weights);
        let optimiser = self.settings.optimiser.initial_state(&network.weights);
        let delay_optimiser = self.settings.optimiser.initial_state(&network.delay_parameters);
        TrainingState { epoch: 0, network, optimiser, delay_optimiser, bump: BumpState::default(), best: None }
    }

    /// Gives a network that is not trained yet delays with random parameters; `input_block` as in [`Network::set_delays`].
    ///
    /// # Errors
    /// If a setting is out of its range.
    pub fn add_delays(
        &self,
        state: &mut TrainingState,
        delays: &DelaySettings,
        input_block: usize,
    ) -> Result<(), Error> {
        delays.check()?;
        // The second number of the address is 0 for weights.
        let stream = |layer| Stream::new(self.settings.seed, Purpose::InitialWeights, [layer as u32, 1, 0]);
        let mut streams: Vec<Stream> = (0..state.network.weights.len()).map(stream).collect();
        state.network.set_delays(delays, input_block, |layer| delays.initial_std * streams[layer].normal());
        state.delay_optimiser = self.settings.optimiser.initial_state(&state.network.delay_parameters);
        Ok(())
    }

    /// Whether the last epoch has been trained, or early stopping has had enough.
    pub fn is_finished(&self, state: &TrainingState) -> bool {
        let patience = self.settings.early_stopping_epochs;
        let stalled = |best: &Best| patience > 0 && state.epoch - best.epoch >= patience;
        state.epoch >= self.settings.epochs || state.best.as_ref().is_some_and(stalled)
    }

    /// The network that the training ends with, and the number of epochs that made it.
    pub fn kept<'a>(&self, state: &'a TrainingState) -> (&'a Network, u32) {
        match (&state.best, self.settings.keep) {
            (Some(best), Keep::Best) => (&best.network, best.epoch),
            _ => (&state.network, state.epoch),
        }
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
        self.run_epoch_with(state, substrate, train, |substrate, network, part| {
            Ok(self.evaluate(network, substrate, validation, part)?.score)
        })
    }

    /// Trains for one epoch; `validate` scores the weights, with the `part` that tells this evaluation's noise apart.
    ///
    /// # Errors
    /// If shapes do not fit, the substrate refuses, or `validate` fails; the state is then of no more use.
    pub fn run_epoch_with<S: Substrate>(
        &self,
        state: &mut TrainingState,
        substrate: &mut S,
        train: &Samples,
        validate: impl FnOnce(&mut S, &Network, u32) -> Result<Score, Error>,
    ) -> Result<EpochRecord, Error> {
        let settings = &self.settings;
        let (learning_rate, rates) = settings.learning_rates(state.epoch, state.network.weights.len());
        let order = self.shuffled(state.epoch, train.labels.len());
        let batches = order.len().div_ceil(settings.batch_size);
        let mut tally = Tally::default();
        let mut bumped_batches = 0;
        let mut workspace = self.workspace(&state.network);
        for (number, chosen) in order.chunks(settings.batch_size).enumerate() {
            let mut inputs = train.times_of(chosen);
            let labels: Vec<usize> = chosen.iter().map(|&s| train.labels[s]).collect();
            self.add_input_noise(state.epoch, chosen, &mut inputs);
            let run = self.run_id(TRAINING_SESSION, state.epoch, batches, number);
            let spikes = substrate.forward(&state.network, inputs.view(), run)?;
            tally.add(&spikes.layers, &labels, &settings.loss);
            match &mut workspace {
                Some(workspace) => {
                    // The gradient is that of the weights which the substrate had, before any bump.
                    workspace.fill(&state.network, settings.rounding.then_some(&self.scaling));
                    let bump = settings.bump.apply(&mut state.bump, &spikes.layers, &mut state.network.weights)?;
                    bumped_batches += u32::from(bump != Bump::None);
                    if bump != Bump::InsteadOfStep {
                        let measured = if settings.l2_weights > 0.0 { workspace.weights() } else { Vec::new() };
                        let gradients =
                            workspace.gradients(&self.backward, &settings.loss, inputs.view(), &spikes, &labels);
                        l2::add(settings.l2_weights, &measured, gradients);
                        decay(settings.weight_decay, &rates, &mut state.network.weights);
                        settings.optimiser.step(&rates, &mut state.optimiser, &mut state.network.weights, gradients)?;
                    }
                }
                None => bumped_batches += self.learn(state, &rates, inputs.view(), &spikes, &labels)?,
            }
            self.clip(&mut state.network.weights);
        }
        state.epoch += 1;
        let validation = validate(substrate, &state.network, state.epoch)?;
        self.remember(state, validation);
        Ok(EpochRecord {
            epoch: state.epoch,
            learning_rate,
            train: tally.score(),
            validation,
            bumped_batches,
            silent_hidden: tally.silent_hidden(),
        })
    }

    /// Learns from a batch in double precision and says whether neurons were bumped (1) or not (0).
    fn learn(
        &self,
        state: &mut TrainingState,
        rates: &[f64],
        inputs: ArrayView2<f64>,
        spikes: &Spikes,
        labels: &[usize],
    ) -> Result<u32, Error> {
        let settings = &self.settings;
        // The gradient is that of the weights and delays which the substrate had, before any bump.
        let layers = self.on_grid(&state.network);
        let bump = settings.bump.apply(&mut state.bump, &spikes.layers, &mut state.network.weights)?;
        if bump != Bump::InsteadOfStep {
            let gradients = batch::gradients(&self.backward, &settings.loss, &layers, inputs, spikes, labels);
            let (mut by_weights, by_delays) = batch::by_parameters(&state.network, gradients);
            l2::add(settings.l2_weights, layers.iter().map(|layer| &layer.weights), &mut by_weights);
            decay(settings.weight_decay, rates, &mut state.network.weights);
            settings.optimiser.step(rates, &mut state.optimiser, &mut state.network.weights, &by_weights)?;
            if state.network.has_delays() {
                let rate = settings.schedule.learning_rate(settings.delay_learning_rate, state.epoch, settings.epochs);
                let rates = vec![rate; by_delays.len()];
                let parameters = &mut state.network.delay_parameters;
                settings.optimiser.step(&rates, &mut state.delay_optimiser, parameters, &by_delays)?;
            }
        }
        Ok(u32::from(bump != Bump::None))
    }

    /// Keeps the weights of the best epoch, if anything depends on it.
    fn remember(&self, state: &mut TrainingState, validation: Score) {
        let wanted = self.settings.keep == Keep::Best || self.settings.early_stopping_epochs > 0;
        if wanted && state.best.as_ref().is_none_or(|best| validation.is_better_than(&best.validation)) {
            state.best = Some(Best { epoch: state.epoch, validation, network: state.network.clone() });
        }
    }

    /// Weights and delays as the substrate has them.
    fn on_grid(&self, network: &Network) -> Vec<Layer> {
        network.layers(self.settings.rounding.then_some(&self.scaling))
    }

    /// Runs samples without learning. `part` tells the noise of different evaluations apart.
    ///
    /// # Errors
    /// If shapes do not fit or the substrate refuses.
    pub fn evaluate(
        &self,
        network: &Network,
        substrate: &mut impl Substrate,
        samples: &Samples,
        part: u32,
    ) -> Result<Evaluation, Error> {
        let mut tally = Tally::default();
        let mut classes = Vec::with_capacity(samples.labels.len());
        let sizes = network.sizes();
        let mut times: Vec<Vec<f64>> = sizes.iter().map(|n| Vec::with_capacity(samples.labels.len() * n)).collect();
        let size = self.settings.evaluation_batch_size;
        let batches = samples.labels.len().div_ceil(size);
        for (number, labels) in samples.labels.chunks(size).enumerate() {
            let inputs = samples.times(number * size..number * size + labels.len());
            let run = self.run_id(EVALUATION_SESSION, part, batches, number);
            let layers = substrate.forward(network, inputs.view(), run)?.layers;
            classes.extend(tally.add(&layers, labels, &self.settings.loss));
            for (times, layer) in times.iter_mut().zip(&layers) {
                match layer.as_slice() {
                    Some(layer) => times.extend_from_slice(layer),
                    None => times.extend(layer),
                }
            }
        }
        let all = times.into_iter().zip(sizes).map(|(times, n)| rows(times, [samples.labels.len(), n]));
        Ok(Evaluation { score: tally.score(), layers: all.collect::<Result<_, _>>()?, classes })
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

    /// Keeps weights within what a synapse can hold and the settings allow.
    fn clip(&self, weights: &mut [Array2<f64>]) {
        let hardware = if self.settings.rounding { self.scaling.largest_weight() } else { f64::INFINITY };
        let wanted = if self.settings.weight_clip > 0.0 { self.settings.weight_clip } else { f64::INFINITY };
        let largest = hardware.min(wanted);
        for weights in weights {
            weights.mapv_inplace(|w| w.clamp(-largest, largest));
        }
    }
}

/// Adds the rows of another run; a substrate that returns another width is refused.
/// Spike times in rows, as many as they must be.
fn rows(times: Vec<f64>, shape: [usize; 2]) -> Result<Array2<f64>, Error> {
    let found = vec![times.len() / shape[1].max(1), shape[1]];
    let refused = |_| Error::Shape { what: "spike times of the substrate", found, expected: shape.to_vec() };
    Array2::from_shape_vec(shape, times).map_err(refused)
}

#[cfg(test)]
mod tests;
