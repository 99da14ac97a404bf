//! `bss2 train`: the main job.

mod start;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use ::calib::Calibration;
use anyhow::{Context as _, anyhow, bail};
use bss2_emu::spec::ParameterSource;
use bss2_emu::{ChipIdentity, Device as _};
use ttfs::gradient::Estimator;
use ttfs::neuron::NeuronModel;
use ttfs::scaling::Scaling;
use ttfs::train::{EpochRecord, Precision, Trainer, TrainingState};

use self::start::{Start, digest, fresh, resumed};
use super::summary::{Finished, Session};
use super::{on_a_worker, report, set_threads, summary, warn_of_other_chip};
use crate::cli::TrainArgs;
use crate::config::{Config, SubstrateKind};
use crate::console::{Console, Progress};
use crate::data_sets::{Splits, splits};
use crate::files::checkpoint::Checkpoint;
use crate::files::network::SavedNetwork;
use crate::files::run_folder::{RunFolder, Writer};
use crate::laboratory::{
    GivenTable, Laboratory, draw, initial_state, layer_sizes, measured_neurons, n_inputs, site, with_delays,
};
use crate::presets;
use crate::stage::{NoiseAware, Stage, ideal_scaling, ideal_stage, training_settings};

/// Epochs between checkpoints.
const CHECKPOINT_EVERY: u32 = 10;
/// Exit code of a command that was interrupted.
const INTERRUPTED: u8 = 130;

/// Trains, or continues.
///
/// # Errors
/// If something in the configuration, the files or the run is wrong; a new run folder is removed then.
pub fn run(args: &TrainArgs) -> anyhow::Result<ExitCode> {
    let console = Console::new(args.output.json);
    set_threads(&args.output)?;
    let interrupted = watch_for_interrupts()?;
    if args.list {
        println!("{}", presets::listed());
        return Ok(ExitCode::SUCCESS);
    }
    let trained = trained(args, console, &interrupted, &mut |_| ())?;
    Ok(if trained.is_finished { ExitCode::SUCCESS } else { ExitCode::from(INTERRUPTED) })
}

/// How a session of training ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trained {
    /// The run folder.
    pub folder: PathBuf,
    /// Whether the last epoch is trained; else `--resume` goes on from the checkpoint.
    pub is_finished: bool,
}

/// Trains, or continues, until the end or until `interrupted` is set. `watch` is told of every epoch.
///
/// # Errors
/// As [`run`].
pub fn trained(
    args: &TrainArgs,
    console: Console,
    interrupted: &AtomicBool,
    watch: &mut (dyn FnMut(&EpochRecord) + Send),
) -> anyhow::Result<Trained> {
    if let Some(path) = &args.resume {
        let start = resumed(path)?;
        if start.folder.summary().is_file() {
            console.say(format_args!("{} is finished already", path.display()));
            console.result(&summary::joined(&start.folder)?)?;
            return Ok(Trained { folder: path.clone(), is_finished: true });
        }
        return on_a_worker(|| train(start, console, interrupted, watch));
    }
    let start = fresh(args)?;
    let folder = start.folder.clone();
    on_a_worker(|| train(start, console, interrupted, watch)).inspect_err(|_| {
        if !folder.checkpoint().exists() {
            folder.discard();
        }
    })
}

fn watch_for_interrupts() -> anyhow::Result<Arc<AtomicBool>> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&interrupted);
    ctrlc::set_handler(move || {
        if seen.swap(true, Ordering::SeqCst) {
            std::process::exit(i32::from(INTERRUPTED));
        }
        eprintln!("\ninterrupted: stopping after the present step, with a checkpoint (again: stop at once)");
    })
    .context("cannot watch for Ctrl-C")?;
    Ok(interrupted)
}

fn train(
    start: Start,
    console: Console,
    interrupted: &AtomicBool,
    watch: &mut (dyn FnMut(&EpochRecord) + Send),
) -> anyhow::Result<Trained> {
    let Start { config, folder, table, initial, checkpoint, mut timings } = start;
    let begun = Instant::now();
    let prepared = prepare(&config, table, console)?;
    console.say(format_args!("run folder {}", folder.path().display()));
    if let Some((_, calibration)) = &prepared.calibrated {
        calibration.save(folder.calibration())?;
    }
    let calibration_s = begun.elapsed().as_secs_f64();

    let data = splits(&config)?;
    let trainer = prepared.trainer(&config)?;
    let Prepared { mut stage, scaling, passes, calibrated, .. } = prepared;
    let mut course = match checkpoint {
        Some(checkpoint) => checkpoint,
        None => Checkpoint {
            config_digest: digest(&folder)?,
            state: match initial {
                Some(network) => with_delays(&config, &trainer, trainer.state_from(network))?,
                None => initial_state(&config, &trainer)?,
            },
            history: Vec::new(),
            trials: 0,
        },
    };
    let first_epoch = course.state.epoch;
    let learning = Instant::now();
    let watched = Watched { console, interrupted, watch };
    run_epochs(&config, &folder, &trainer, &mut stage, &data, &mut course, watched)?;
    timings.sessions.push(Session {
        threads: rayon::current_num_threads(),
        first_epoch,
        last_epoch: course.state.epoch,
        calibration_s,
        training_s: learning.elapsed().as_secs_f64(),
        training_samples_per_s: f64::from(course.state.epoch - first_epoch) * data.train.n_samples() as f64
            / learning.elapsed().as_secs_f64(),
        total_s: begun.elapsed().as_secs_f64(),
    });
    if !trainer.is_finished(&course.state) {
        timings.save(&folder)?;
        console.say(format_args!(
            "stopped after epoch {} of {}; continue with: bss2 train --resume {}",
            course.state.epoch,
            config.training.epochs,
            folder.path().display()
        ));
        return Ok(Trained { folder: folder.path().to_owned(), is_finished: false });
    }

    let (network, kept_epoch) = trainer.kept(&course.state);
    SavedNetwork::new(config.data.kind, &config.encoding, scaling, training_settings(&config).rounding, network)
        .save(&folder.network())?;
    let finished = Finished {
        config: &config,
        calibrated: calibrated.as_ref(),
        scaling,
        passes,
        trainer: &trainer,
        course: &course,
        network,
        kept_epoch,
        test: &data.test,
    };
    let summary = finished.evaluate(&mut stage, console)?;
    report::figures(&finished, &summary, &mut stage, &folder.figures()?)?;
    if let Some(session) = timings.sessions.last_mut() {
        session.total_s = begun.elapsed().as_secs_f64();
    }
    timings.save(&folder)?;
    summary.save(&folder)?;
    summary.say(console, &timings, &folder);
    console.result(&summary::joined(&folder)?)?;
    Ok(Trained { folder: folder.path().to_owned(), is_finished: true })
}

/// What a training runs on, set up.
pub(super) struct Prepared {
    pub stage: Stage,
    pub scaling: Scaling,
    /// Passes that each batch takes on a chip.
    passes: usize,
    /// The chip and its table, whose table may have been measured on another one, on purpose; if there is one chip.
    calibrated: Option<(ChipIdentity, Calibration)>,
    /// What was measured of the neurons of each layer, if there is one chip.
    neurons: Vec<Vec<NeuronModel>>,
    /// Of the gradients: that of the spikes.
    precision: Precision,
}

impl Prepared {
    /// Its trainer.
    ///
    /// # Errors
    /// If a setting is out of its range, or a neuron that was measured cannot fire.
    pub fn trainer(&self, config: &Config) -> anyhow::Result<Trainer> {
        let trainer = Trainer::new(training_settings(config), self.scaling)?.with_precision(self.precision);
        if config.training.estimator == Estimator::Calibrated && !self.neurons.is_empty() {
            return Ok(trainer.with_neurons(self.neurons.clone())?);
        }
        Ok(trainer)
    }
}

fn precision(is_fast: bool) -> Precision {
    if is_fast { Precision::Single } else { Precision::Double }
}

/// Sets up what a training runs on; a table of calibration is measured unless it is given.
///
/// # Errors
/// If the network does not fit, or the chip cannot be calibrated.
pub(super) fn prepare(config: &Config, table: Option<GivenTable>, console: Console) -> anyhow::Result<Prepared> {
    match config.substrate {
        SubstrateKind::Chip => {
            let laboratory = set_up(config, table, console)?;
            let calibrated = Some((laboratory.chip.identity().clone(), laboratory.calibration.clone()));
            let site = site(config)?;
            let (scaling, passes) = (site.scaling(laboratory.scaling), site.n_passes());
            console.say(format_args!("network {}: {site}", shape(config)?));
            // A neuron of several circuits was not measured as one.
            let single = site.whole().filter(|placement| placement.circuits_per_neuron() == 1);
            if single.is_none() && config.training.estimator == Estimator::Calibrated {
                bail!(
                    "training.estimator = \"calibrated\" is for networks that fit on the chip with one circuit per neuron; this \
                     one sits there with {site}"
                );
            }
            let measured = |placement| measured_neurons(placement, &scaling, &laboratory.calibration);
            let neurons = single.map_or_else(Vec::new, measured);
            let precision = precision(config.engine.is_fast_on_chip(site.circuits_per_neuron()));
            let chip = laboratory.place(site, scaling, config.scaling.slot_us, config.engine)?;
            Ok(Prepared { stage: Stage::Chip(chip), scaling, passes, calibrated, neurons, precision })
        }
        SubstrateKind::Ideal => {
            let scaling = ideal_scaling(config);
            let is_fast = config.engine.is_fast_on_ideal(n_inputs(config)?, &layer_sizes(config)?);
            let stage = ideal_stage(config, scaling, is_fast)?;
            console.say(format_args!("ideal substrate: threshold {}, tau_mem {}", scaling.threshold, scaling.tau_mem));
            let precision = precision(is_fast);
            Ok(Prepared { stage, scaling, passes: 1, calibrated: None, neurons: Vec::new(), precision })
        }
        SubstrateKind::NoiseAware => {
            let (chips, scaling) = NoiseAware::new(config)?;
            console.say(format_args!("a fresh chip for every batch: threshold {:.3} nominally", scaling.threshold));
            let passes = site(config)?.n_passes();
            let (precision, neurons) = (precision(chips.is_fast()), Vec::new());
            Ok(Prepared {
                stage: Stage::NoiseAware(Box::new(chips)),
                scaling,
                passes,
                calibrated: None,
                neurons,
                precision,
            })
        }
    }
}

/// Sizes of all layers, as people write them.
fn shape(config: &Config) -> anyhow::Result<String> {
    let sizes = std::iter::once(n_inputs(config)?).chain(layer_sizes(config)?);
    Ok(sizes.map(|n| n.to_string()).collect::<Vec<_>>().join("-"))
}

fn set_up(config: &Config, table: Option<GivenTable>, console: Console) -> anyhow::Result<Laboratory> {
    let measured = table.is_none();
    let begun = Instant::now();
    let chip = draw(&config.chip, &config.residual_table)?;
    if let Some(given) = &table {
        warn_of_other_chip(console, given, chip.identity())?;
    }
    let identity = chip.identity().clone();
    let laboratory = Laboratory::set_up(chip, &config.calibration, &config.scaling, table, &mut |_| ())?;
    let how = match (config.chip.parameters, measured) {
        (ParameterSource::Direct, _) => "set directly",
        (ParameterSource::Codes, true) => "calibrated by measurement",
        (ParameterSource::Codes, false) => "set from its table",
    };
    console.say(format_args!(
        "chip {identity} {how} in {:.1} s: threshold {:.3} in units of {} weight codes",
        begun.elapsed().as_secs_f64(),
        laboratory.scaling.threshold,
        laboratory.scaling.lsb_per_weight,
    ));
    let success = &laboratory.calibration.success;
    let missed = success.iter().filter(|s| !**s).count();
    if missed > success.len() / 20 {
        console.say(format_args!("warning: {missed} of {} neurons missed their calibration targets", success.len()));
    }
    Ok(laboratory)
}

/// Who looks on while epochs go by.
struct Watched<'a> {
    console: Console,
    interrupted: &'a AtomicBool,
    watch: &'a mut (dyn FnMut(&EpochRecord) + Send),
}

/// Trains until the last epoch or an interrupt; metrics and checkpoints are written on the way.
fn run_epochs(
    config: &Config,
    folder: &RunFolder,
    trainer: &Trainer,
    stage: &mut Stage,
    data: &Splits,
    course: &mut Checkpoint,
    watched: Watched,
) -> anyhow::Result<()> {
    let Watched { console, interrupted, watch } = watched;
    let epochs = config.training.epochs;
    let lines: Result<Vec<String>, _> = course.history.iter().map(serde_json::to_string).collect();
    let writer = Writer::start(folder, &lines?)?;
    let mut progress = Progress::new(console, epochs, course.state.epoch, data.train.n_samples());
    let earlier = course.trials;
    let mut outcome = Ok(());
    while !trainer.is_finished(&course.state) && !interrupted.load(Ordering::SeqCst) {
        outcome = epoch(trainer, stage, data, &mut course.state).and_then(|record| {
            progress.epoch(&record);
            watch(&record);
            course.history.push(record);
            course.trials = earlier + stage.trials();
            if !writer.metrics(serde_json::to_string(&record)?) {
                bail!("the metrics cannot be written");
            }
            let due = record.epoch.is_multiple_of(CHECKPOINT_EVERY) || trainer.is_finished(&course.state);
            if due && !writer.checkpoint(course.to_bytes()?) {
                bail!("the checkpoint cannot be written");
            }
            Ok(())
        });
        if outcome.is_err() {
            break;
        }
    }
    progress.finish();
    if outcome.is_ok() && !trainer.is_finished(&course.state) {
        // If the writer has stopped listening, its own error follows.
        writer.checkpoint(course.to_bytes()?);
    }
    // The writer's own error says more than that it stopped listening.
    writer.finish()?;
    outcome
}

/// Trains for one epoch.
///
/// # Errors
/// If the substrate refuses or a weight is no longer a number.
pub(super) fn epoch(
    trainer: &Trainer,
    stage: &mut Stage,
    data: &Splits,
    state: &mut TrainingState,
) -> anyhow::Result<EpochRecord> {
    let record = trainer.run_epoch_with(state, stage, &data.train, |stage, network, part| {
        stage.validate(trainer, network, &data.validation, part)
    })?;
    let network = &state.network;
    if network.weights.iter().chain(&network.delay_parameters).flatten().any(|w| !w.is_finite()) {
        return Err(anyhow!("epoch {}: a weight or a delay is no longer a number", record.epoch));
    }
    Ok(record)
}
