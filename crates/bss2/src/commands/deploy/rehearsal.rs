//! Trials of a rehearsal: a chip, raw or calibrated or fine-tuned, and how far it is from the ideal model.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use ::study::{Draft, Outcome, Place, Protocol, Runner};
use anyhow::{Context as _, bail};
use bss2_emu::spec::ParameterSource;
use deploy::agreement::{LayerAgreement, flips, of_layers};
use deploy::{Expansion, Origin};
use ndarray::{Array2, Axis};
use ttfs::biased::Biased;
use ttfs::network::Network;
use ttfs::samples::Samples;
use ttfs::substrate::Ideal;
use ttfs::train::{Evaluation, Precision, Trainer};

use super::super::TEST_PART;
use super::super::study::runner::{Setup, canonical, placed};
use super::super::study::store::Store;
use super::job::{Fitted, Job, Placed};
use crate::config::{Config, Layer, resolve};
use crate::data_sets::Split;

/// Epochs after which a fine-tuned network is tested, beside the last one.
const TESTED_AFTER: [u32; 8] = [0, 1, 2, 5, 10, 20, 50, 100];
/// Validation samples after each epoch.
const VALIDATION: usize = 1000;
/// Seconds of one thread for a calibration, and for a synapse that a sample passes: of a training sample on the fast engine
/// with Yin-Yang, November 2026. Estimates, good to a factor of two.
const CALIBRATION_S: f64 = 4.5;
const SYNAPSE_S: f64 = 2.2e-8;

/// Carries out the trials of a rehearsal.
pub struct Rehearsal<'a> {
    job: &'a Job,
    fitted: &'a Fitted,
    store: Store,
    /// Digest of network and mapping.
    digest: String,
    reference: Mutex<Option<Arc<Reference>>>,
}

/// What chips are compared with.
struct Reference {
    test: Samples,
    ideal: Evaluation,
}

impl<'a> Rehearsal<'a> {
    /// For a network in its place; `store` is the folder of what trials share.
    ///
    /// # Errors
    /// If network or mapping cannot be put in words.
    pub fn new(job: &'a Job, fitted: &'a Fitted, store: &Path) -> anyhow::Result<Self> {
        Ok(Self {
            job,
            fitted,
            store: Store::new(store.to_owned()),
            digest: digest(job, fitted)?,
            reference: Mutex::new(None),
        })
    }

    /// Test samples, and what the ideal model makes of them: worked out once.
    fn reference(&self, config: &Config) -> anyhow::Result<Arc<Reference>> {
        let mut kept = self.reference.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reference) = &*kept {
            return Ok(Arc::clone(reference));
        }
        let test = self.job.samples(config, Split::Test)?;
        let ideal = self.job.ideal(config, &test)?;
        let reference = Arc::new(Reference { test, ideal });
        *kept = Some(Arc::clone(&reference));
        Ok(reference)
    }

    /// The accuracy of the ideal model on the test samples, and spikes of each layer.
    ///
    /// # Errors
    /// If the samples cannot be read.
    pub fn ideal(&self, config: &Config) -> anyhow::Result<(f64, Vec<Array2<f64>>)> {
        let reference = self.reference(config)?;
        Ok((reference.ideal.score.accuracy, reference.ideal.layers.clone()))
    }

    fn carried_out(&self, setup: &Setup, place: Place) -> anyhow::Result<Outcome> {
        let config = placed(setup, place);
        let table = self.store.calibration(&config.chip, &config.calibration, false)?;
        let table = match place.protocol {
            Protocol::Raw => table.with_common_codes().context("a chip that is set directly has no codes")?,
            Protocol::Calibrated | Protocol::FineTune => table,
            other => bail!("a deployment has no protocol {}", other.name()),
        };
        let reference = self.reference(&config)?;
        let mut chip = self.job.on_chip(&config, self.fitted, Some(table))?;
        let mut outcome = Outcome::default();
        outcome.put("missed_targets", chip.missed as f64);
        outcome.put("codes_per_threshold", chip.scaling.threshold * chip.scaling.lsb_per_weight);
        if place.protocol == Protocol::FineTune {
            self.fine_tune(&config, setup.settings.fine_tune_epochs, &mut chip, &reference, &mut outcome)?;
            return Ok(outcome);
        }
        let found = chip.evaluate(&config, self.fitted, &reference.test, TEST_PART + place.repeat)?;
        self.compare(&config, &chip, &found, &reference, place, &mut outcome)?;
        Ok(outcome)
    }

    /// What the chip did, beside the ideal model.
    fn compare(
        &self,
        config: &Config,
        chip: &Placed,
        found: &Evaluation,
        reference: &Reference,
        place: Place,
        outcome: &mut Outcome,
    ) -> anyhow::Result<()> {
        outcome.put("accuracy", found.score.accuracy);
        outcome.put("loss", found.score.loss);
        outcome.put("silent_samples", found.score.silent);
        let labels = &reference.test.labels;
        let flips = flips(&found.classes, &reference.ideal.classes, labels);
        for (name, value) in [("flip_lost", flips.lost), ("flip_won", flips.won), ("same_class", flips.same)] {
            outcome.put(name, value);
        }
        let layers = trained_layers(&self.fitted.expansion, &found.layers);
        for (number, agreement) in of_layers(&layers, &reference.ideal.layers).into_iter().enumerate() {
            let LayerAgreement { silent, silent_ideal, never, agree, shift, spread } = agreement;
            for (name, value) in [
                ("silent", silent),
                ("silent_ideal", silent_ideal),
                ("never", never),
                ("agree", agree),
                ("shift", shift),
                ("spread", spread),
            ] {
                outcome.put(&format!("layer{}_{name}", number + 1), value);
            }
        }
        for (number, layer) in layers.iter().enumerate().take(layers.len() - 1) {
            let accuracy = self.ideal_behind(config, chip, layer, number, labels)?;
            outcome.put(&format!("ideal_behind_layer{}", number + 1), accuracy);
        }
        if place.repeat == 0 {
            for (number, layer) in layers.iter().enumerate() {
                outcome.series.insert(format!("rates_layer{}", number + 1), rates(layer));
            }
        }
        Ok(())
    }

    /// Accuracy if the layers behind this one (from 0) were ideal: what is lost up to here.
    fn ideal_behind(
        &self,
        config: &Config,
        chip: &Placed,
        layer: &Array2<f64>,
        number: usize,
        labels: &[usize],
    ) -> anyhow::Result<f64> {
        let architecture = &self.job.network.architecture;
        let [external, internal] = chip.scaling.latencies();
        // The ideal layers have no latency, and their bias spikes none either.
        let mut times = layer.mapv(|t| t - external - number as f64 * internal);
        if let Some(bias) = architecture.biases.get(number).copied().flatten() {
            times.push_column(ndarray::Array1::from_elem(times.nrows(), bias).view())?;
        }
        let rest = Network::new(self.job.network.network.weights[number + 1..].to_vec());
        let grid = architecture.grid.then_some(architecture.scaling);
        let ideal = Ideal { model: architecture.scaling.model(), grid };
        let biases = architecture.biases.iter().skip(number + 1).copied().collect();
        let run = bss2_emu::RunId { session: 0, index: 0 };
        let spikes = ttfs::substrate::Substrate::forward(&mut Biased { ideal, biases }, &rest, times.view(), run)?;
        let loss = &config.training.loss;
        let right = spikes.layers.last().map_or(0, |outputs| {
            outputs
                .rows()
                .into_iter()
                .zip(labels)
                .filter(|(times, label)| loss.classify(times.view()) == Some(**label))
                .count()
        });
        Ok(right as f64 / labels.len().max(1) as f64)
    }

    /// Trains in the loop and tests on the way.
    fn fine_tune(
        &self,
        config: &Config,
        epochs: u32,
        chip: &mut Placed,
        reference: &Reference,
        outcome: &mut Outcome,
    ) -> anyhow::Result<()> {
        let mut settings = config.training.clone();
        settings.epochs = epochs;
        let trainer = Trainer::new(settings, chip.scaling)?.with_precision(Precision::Single);
        let channels = self.fitted.expansion.channels();
        let on_channels = |samples: Samples| samples.with_channels(channels.to_vec());
        let train = on_channels(self.job.samples(config, Split::Train)?)?;
        let validation = on_channels(self.job.samples(config, Split::Validation)?.first(VALIDATION))?;
        let test = on_channels(reference.test.clone())?;
        let mut state = trainer.state_from(chip.network.clone());
        let (mut after, mut accuracies, mut validated) = (Vec::new(), Vec::new(), Vec::new());
        loop {
            let epoch = state.epoch;
            if TESTED_AFTER.contains(&epoch) || epoch == epochs {
                let score = trainer.evaluate(&state.network, &mut chip.chip, &test, TEST_PART + epoch)?.score;
                outcome.put(&format!("accuracy_after_{epoch}"), score.accuracy);
                outcome.put("accuracy", score.accuracy);
                after.push(f64::from(epoch));
                accuracies.push(score.accuracy);
            }
            if trainer.is_finished(&state) {
                break;
            }
            let record = trainer.run_epoch(&mut state, &mut chip.chip, &train, &validation)?;
            if state.network.weights.iter().flatten().any(|w| !w.is_finite()) {
                bail!("epoch {}: a weight is no longer a number", state.epoch);
            }
            validated.push(record.validation.accuracy);
        }
        outcome.series.insert("test_epochs".into(), after);
        outcome.series.insert("test_accuracy".into(), accuracies);
        outcome.series.insert("validation_accuracy".into(), validated);
        Ok(())
    }
}

/// Digest of what is deployed: the weights and all that belongs to them, and the mapping.
pub fn digest(job: &Job, fitted: &Fitted) -> anyhow::Result<String> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&serde_json::to_vec(&job.network.architecture)?);
    hasher.update(&bincode::serde::encode_to_vec(&job.network.network, bincode::config::standard())?);
    hasher.update(toml::to_string(&fitted.mapping)?.as_bytes());
    Ok(hasher.finalize().to_hex()[..32].to_owned())
}

/// Spike times of the neurons of the trained network: of twins the first one, without bias neurons.
fn trained_layers(expansion: &Expansion, layers: &[Array2<f64>]) -> Vec<Array2<f64>> {
    let first = |origin: &Origin| matches!(origin, Origin::Neuron { twin: 0, .. });
    let of = |(times, origins): (&Array2<f64>, &Vec<Origin>)| {
        let own: Vec<usize> = origins.iter().enumerate().filter(|(_, o)| first(o)).map(|(k, _)| k).collect();
        times.select(Axis(1), &own)
    };
    layers.iter().zip(expansion.layers()).map(of).collect()
}

/// Share of the samples in which each neuron spikes.
pub fn rates(times: &Array2<f64>) -> Vec<f64> {
    let share = |column: ndarray::ArrayView1<f64>| column.iter().filter(|t| t.is_finite()).count() as f64;
    times.columns().into_iter().map(|c| share(c) / times.nrows().max(1) as f64).collect()
}

impl Runner for Rehearsal<'_> {
    type Config = Setup;

    fn resolve(&self, draft: &Draft) -> Result<Setup, String> {
        let layers: Vec<Layer> =
            draft.layers.iter().map(|l| Layer { origin: l.origin.clone(), table: l.table.clone() }).collect();
        let config = resolve(&layers).map_err(|error| error.to_string())?;
        if draft.protocol == Protocol::Raw && config.chip.parameters != ParameterSource::Codes {
            return Err("chip.parameters: \"direct\" chips have no calibration to leave out; expected \"codes\"".into());
        }
        Ok(Setup { config: Arc::new(config), settings: Arc::new(draft.settings.clone()) })
    }

    fn address(&self, setup: &Setup, place: Place) -> Result<String, String> {
        let epochs = if place.protocol == Protocol::FineTune { setup.settings.fine_tune_epochs } else { 0 };
        let canonical = canonical(&placed(setup, place)).map_err(|error| format!("{error:#}"))?;
        Ok(format!(
            "deployment = {:?}\nprotocol = {:?}\nrepeat = {}\nepochs = {epochs}\n{canonical}",
            self.digest,
            place.protocol.name(),
            place.repeat
        ))
    }

    fn estimate_s(&self, setup: &Setup, place: Place) -> f64 {
        let sizes = self.fitted.expansion.sizes();
        let sources = std::iter::once(self.fitted.expansion.n_inputs()).chain(sizes.iter().copied());
        let synapses: usize = sources.zip(&sizes).map(|(a, b)| a * b).sum();
        let sample = synapses as f64 * SYNAPSE_S * self.fitted.site.n_passes() as f64;
        let data = &setup.config.data;
        let test = data.test_size as f64 * sample;
        let own = match place.protocol {
            Protocol::FineTune => f64::from(setup.settings.fine_tune_epochs) * data.train_size as f64 * sample,
            Protocol::Raw => CALIBRATION_S,
            _ if setup.config.chip.parameters == ParameterSource::Codes => 0.1,
            _ => 0.05,
        };
        own + test
    }

    fn run(&self, setup: &Setup, place: Place) -> Result<Outcome, String> {
        self.carried_out(setup, place).map_err(|error| format!("{error:#}"))
    }
}
