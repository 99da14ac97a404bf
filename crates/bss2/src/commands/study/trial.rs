//! A trial: what each protocol does.

use ::study::{Outcome, Place, Protocol};
use anyhow::{Context as _, bail};

use ttfs::network::Network;
use ttfs::samples::Samples;
use ttfs::substrate::Substrate;
use ttfs::train::{Score, Trainer};

use super::runner::{Setup, TrialRunner, ideal_training, noise_aware_training, placed};
use super::store::Store;
use crate::commands::TEST_PART;
use crate::commands::train::{Prepared, prepare};
use crate::config::{Config, EngineKind, SubstrateKind};
use crate::console::Console;
use crate::data_sets::{Split, samples};
use crate::files::network::SavedNetwork;
use crate::laboratory::{GivenTable, Laboratory, draw};
use crate::site::Site;
use crate::stage::{Stage, perturbed};

/// Samples on which spikes after the first ones are counted.
const REFIRING_SAMPLES: usize = 200;

/// Carries a trial out.
///
/// # Errors
/// Why it failed.
pub fn run(runner: &TrialRunner, setup: &Setup, place: Place) -> anyhow::Result<Outcome> {
    let store = runner.store()?;
    let config = placed(setup, place);
    let in_the_loop = |seed: u64| -> anyhow::Result<(Config, super::store::Trained)> {
        let mut config = config.clone();
        config.chip.seed = seed;
        config.chip.drift.hours = 0.0;
        let trained = store.trained(&config, None)?;
        Ok((config, trained))
    };
    let mut outcome = Outcome::default();
    match place.protocol {
        Protocol::Train => {
            let trained = store.trained(&config, None)?;
            last(&mut outcome, &trained.validation);
            test(store, &config, &trained.network, place, &mut outcome)?;
        }
        Protocol::Deploy => deploy(store, &config, runner.network()?, place, &mut outcome)?,
        Protocol::Ideal => {
            let ideal = ideal_training(&config)?;
            let trained = store.trained(&ideal, None)?;
            last(&mut outcome, &trained.validation);
            test(store, &ideal, &trained.network, place, &mut outcome)?;
        }
        Protocol::Calibrated => {
            let trained = store.trained(&ideal_training(&config)?, None)?;
            test(store, &config, &trained.network, place, &mut outcome)?;
        }
        Protocol::Raw => {
            let trained = store.trained(&ideal_training(&config)?, None)?;
            let table = store.calibration(&config.chip, &config.calibration, false)?;
            let table = table.with_common_codes().context("a chip that is set directly has no codes")?;
            test_with(&config, table, &trained.network, place, &mut outcome)?;
        }
        Protocol::NoiseAware => {
            let trained = store.trained(&noise_aware_training(&config), None)?;
            last(&mut outcome, &trained.validation);
            test(store, &config, &trained.network, place, &mut outcome)?;
        }
        Protocol::InTheLoop => {
            let (config, trained) = in_the_loop(place.chip)?;
            last(&mut outcome, &trained.validation);
            test(store, &config, &trained.network, place, &mut outcome)?;
        }
        Protocol::Transfer => {
            let source = place.source.context("no chip that the network comes from")?;
            let (_, trained) = in_the_loop(source)?;
            test(store, &config, &trained.network, place, &mut outcome)?;
        }
        Protocol::FineTune => fine_tune(store, setup, &config, place, &mut outcome)?,
        Protocol::Drifted | Protocol::Recalibrated => {
            let (_, trained) = in_the_loop(place.chip)?;
            let mut later = config.clone();
            later.chip.drift.hours = setup.settings.drift_hours;
            let anew = place.protocol == Protocol::Recalibrated;
            let table = store.calibration(&later.chip, &later.calibration, anew)?;
            test_with(&later, table, &trained.network, place, &mut outcome)?;
        }
    }
    Ok(outcome)
}

/// The noise-aware network in the loop: how well it is after some epochs, and after how many it had recovered.
fn fine_tune(store: &Store, setup: &Setup, config: &Config, place: Place, outcome: &mut Outcome) -> anyhow::Result<()> {
    let aware = store.trained(&noise_aware_training(config), None)?;
    let reference = store.trained(config, None)?;
    let mut tuning = config.clone();
    tuning.training.epochs = setup.settings.fine_tune_epochs;
    let tuned = store.trained(&tuning, Some(&aware.network))?;
    let mut prepared = store.prepared(config)?;
    let validation = samples(config, Split::Validation)?;
    let trainer = prepared.trainer(config)?;
    let before = prepared.stage.validate(&trainer, &aware.network, &validation, TEST_PART)?.accuracy;
    let course: Vec<f64> = [before].into_iter().chain(tuned.validation).collect();
    let wanted = reference.validation.last().copied().unwrap_or(0.0) - setup.settings.recovery_margin;
    let recovered = course.iter().position(|accuracy| *accuracy >= wanted);
    outcome.put("recovered", f64::from(u8::from(recovered.is_some())));
    if let Some(epochs) = recovered {
        outcome.put("epochs_to_recover", epochs as f64);
    }
    last(outcome, &course);
    outcome.series.insert("validation".into(), course);
    test(store, config, &tuned.network, place, outcome)
}

fn last(outcome: &mut Outcome, validation: &[f64]) {
    if let Some(accuracy) = validation.last() {
        outcome.put("validation_accuracy", *accuracy);
    }
}

/// Test samples on the substrate of a configuration.
fn test(store: &Store, config: &Config, network: &Network, place: Place, outcome: &mut Outcome) -> anyhow::Result<()> {
    test_on(config, store.prepared(config)?, network, place, outcome)
}

/// Test samples on a chip that is set from a table.
fn test_with(
    config: &Config,
    table: calib::Calibration,
    network: &Network,
    place: Place,
    outcome: &mut Outcome,
) -> anyhow::Result<()> {
    let given = GivenTable { table, force: false };
    test_on(config, prepare(config, Some(given), Console::silent())?, network, place, outcome)
}

fn test_on(
    config: &Config,
    prepared: Prepared,
    network: &Network,
    place: Place,
    outcome: &mut Outcome,
) -> anyhow::Result<()> {
    let trainer = prepared.trainer(config)?;
    let mut stage = prepared.stage;
    let test = samples(config, Split::Test)?;
    let part = TEST_PART + place.repeat;
    let score = if let Stage::NoiseAware(chips) = &stage {
        let scores: Vec<Score> =
            chips.test(&trainer, network, &test, part)?.iter().map(|(_, evaluation)| evaluation.score).collect();
        Score::mean(&scores)
    } else {
        trainer.evaluate(network, &mut stage, &test, part)?.score
    };
    put(outcome, score);
    if let Stage::Chip(chip) = &mut stage {
        refiring(outcome, chip, network, &test, place)?;
    }
    Ok(())
}

fn put(outcome: &mut Outcome, score: Score) {
    outcome.put("accuracy", score.accuracy);
    outcome.put("loss", score.loss);
    outcome.put("silent", score.silent);
}

/// How often neurons fire again within a sample.
fn refiring(
    outcome: &mut Outcome,
    chip: &mut impl Substrate,
    network: &Network,
    test: &Samples,
    place: Place,
) -> anyhow::Result<()> {
    let n = test.n_samples().min(REFIRING_SAMPLES);
    let run = bss2_emu::RunId { session: place.seed as u32, index: place.repeat };
    let spikes = chip.forward(network, test.times(0..n).view(), run)?;
    let repeats: u64 = spikes.repeats.iter().sum();
    outcome.put("refired_per_sample", repeats as f64 / n.max(1) as f64);
    Ok(())
}

/// The given network on the substrate of a configuration, in its own units.
fn deploy(
    store: &Store,
    config: &Config,
    saved: &SavedNetwork,
    place: Place,
    outcome: &mut Outcome,
) -> anyhow::Result<()> {
    let scaling = saved.architecture.scaling;
    let mut settings = config.training.clone();
    settings.rounding = saved.architecture.grid;
    let trainer = Trainer::new(settings, scaling)?;
    let test = samples(config, Split::Test)?;
    if test.n_inputs() != saved.architecture.sizes[0] {
        bail!("the network has {} inputs, but the samples have {}", saved.architecture.sizes[0], test.n_inputs());
    }
    let part = TEST_PART + place.repeat;
    let biases = saved.architecture.biases.clone();
    if config.substrate == SubstrateKind::Ideal {
        let mut substrate =
            perturbed(config, scaling, saved.architecture.grid, config.engine == EngineKind::Fast)?.with_biases(biases);
        put(outcome, trainer.evaluate(&saved.network, &mut substrate, &test, part)?.score);
        return Ok(());
    }
    if biases.iter().any(Option::is_some) {
        bail!(
            "layers after the first have a bias spike, which has no place on the chip; substrate = \"ideal\" runs this network"
        );
    }
    let site = Site::of(test.n_inputs(), &saved.layers(), saved.delay_kind())?;
    let table = store.calibration(&config.chip, &config.calibration, false)?;
    let chip = draw(&config.chip, &config.residual_table)?;
    let given = Some(GivenTable { table, force: false });
    let laboratory = Laboratory::set_up(chip, &config.calibration, &config.scaling, given, &mut |_| ())?;
    let mut substrate = laboratory.place(site, scaling, config.scaling.slot_us, config.engine)?;
    put(outcome, trainer.evaluate(&saved.network, &mut substrate, &test, part)?.score);
    refiring(outcome, &mut substrate, &saved.network, &test, place)
}
