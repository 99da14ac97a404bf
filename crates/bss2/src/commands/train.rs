//! `bss2 train`: the main job.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use ::calib::Calibration;
use anyhow::{Context as _, anyhow, bail};
use bss2_emu::spec::ParameterSource;
use bss2_emu::{Chip, Device as _};
use ttfs::on_device::OnDevice;
use ttfs::placement::Placement;
use ttfs::train::{EpochRecord, Trainer, TrainingState};

use super::summary::{Finished, Session, Timings};
use super::{config_of, configure, flag, report, set_threads, summary, warn_of_other_chip};
use crate::cli::TrainArgs;
use crate::config::{Config, Layer, resolve};
use crate::console::{Console, Progress};
use crate::data_sets::{Splits, splits};
use crate::files::checkpoint::Checkpoint;
use crate::files::network::SavedNetwork;
use crate::files::run_folder::{RunFolder, Writer};
use crate::files::{residual_table, write};
use crate::laboratory::{GivenTable, Laboratory, draw, layer_sizes, n_inputs};
use crate::presets;

/// Epochs between checkpoints.
const CHECKPOINT_EVERY: u32 = 10;
/// Exit code of a command that was interrupted.
const INTERRUPTED: u8 = 130;

/// What a training starts from: nothing, or what an earlier session left.
struct Start {
    config: Config,
    folder: RunFolder,
    table: Option<GivenTable>,
    checkpoint: Option<Checkpoint>,
    timings: Timings,
}

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
    if let Some(path) = &args.resume {
        let start = resumed(path)?;
        if start.folder.summary().is_file() {
            console.say(format_args!("{} is finished already", path.display()));
            console.result(&summary::joined(&start.folder)?)?;
            return Ok(ExitCode::SUCCESS);
        }
        return train(start, console, &interrupted);
    }
    let start = fresh(args)?;
    let folder = start.folder.clone();
    train(start, console, &interrupted).inspect_err(|_| {
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

fn fresh(args: &TrainArgs) -> anyhow::Result<Start> {
    let preset = args.preset.as_deref().map(|name| anyhow::Ok(presets::named(name)?.layer()?)).transpose()?;
    let mut flags: Vec<Layer> = Vec::new();
    if let Some(seed) = args.seed {
        let seed = i64::try_from(seed).map_err(|_| anyhow!("--seed {seed}: seeds go up to {}", i64::MAX))?;
        flags.push(flag("--seed", "training.seed", seed));
    }
    if let Some(epochs) = args.epochs {
        flags.push(flag("--epochs", "training.epochs", i64::from(epochs)));
    }
    if let Some(hidden) = args.hidden {
        flags.push(flag("--hidden", "network.hidden", vec![toml::Value::Integer(i64::from(hidden))]));
    }
    let (config, table) = configure(preset, &args.config, &args.chip, flags)?;
    // What does not fit is said before anything is made.
    Placement::new(n_inputs(&config)?, &layer_sizes(&config)?)
        .context("the network does not fit on the chip (network.hidden or --hidden, encoding.copies)")?;
    if let Some(given) = &table {
        given.check(draw(&config.chip, &config.residual_table)?.identity())?;
    }
    // Missing or damaged data sets, too.
    drop(splits(&config)?);
    let name = format!("{}-chip{}-seed{}", config.data.kind.name(), config.chip.seed, config.training.seed);
    let folder = RunFolder::create(args.out.as_deref(), &name)?;
    let text = config.to_toml().context("the configuration cannot be written as TOML")?;
    let mut written = write(&folder.config(), text.as_bytes());
    if !config.residual_table.is_empty() {
        written = written.and_then(|()| residual_table::keep(Path::new(&config.residual_table), folder.path()));
    }
    if let Err(error) = written {
        folder.discard();
        return Err(error.into());
    }
    Ok(Start { config, folder, table, checkpoint: None, timings: Timings::default() })
}

fn resumed(path: &Path) -> anyhow::Result<Start> {
    let folder = RunFolder::open(path)?;
    let config = resolve(&[config_of(&folder)?])?;
    let timings = Timings::load(&folder)?;
    let table = folder.calibration().exists().then(|| Calibration::load(folder.calibration())).transpose()?;
    // The run has accepted this table before, if need be on purpose.
    let table = table.map(|table| GivenTable { table, force: true });
    if !folder.checkpoint().exists() {
        // Stopped before the first checkpoint: the run begins again.
        return Ok(Start { config, folder, table, checkpoint: None, timings });
    }
    let checkpoint = Checkpoint::load(&folder.checkpoint())?;
    let sizes: Vec<usize> = [n_inputs(&config)?].into_iter().chain(layer_sizes(&config)?).collect();
    let fits =
        checkpoint.state.weights.iter().map(|w| (w.nrows(), w.ncols())).eq(sizes.windows(2).map(|s| (s[0], s[1])));
    if checkpoint.config_digest != digest(&folder)? || !fits {
        bail!(
            "{}: the checkpoint belongs to another configuration or calibration than config.toml and calibration.json",
            path.display()
        );
    }
    Ok(Start { config, folder, table, checkpoint: Some(checkpoint), timings })
}

/// Digest of what a training depends on: the resolved configuration and the calibration.
fn digest(folder: &RunFolder) -> anyhow::Result<[u8; 32]> {
    let mut hasher = blake3::Hasher::new();
    for path in [folder.config(), folder.calibration()] {
        let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        hasher.update(blake3::hash(&bytes).as_bytes());
    }
    Ok(*hasher.finalize().as_bytes())
}

fn train(start: Start, console: Console, interrupted: &AtomicBool) -> anyhow::Result<ExitCode> {
    let Start { config, folder, table, checkpoint, mut timings } = start;
    let begun = Instant::now();
    let laboratory = set_up(&config, table, console)?;
    console.say(format_args!("run folder {}", folder.path().display()));
    laboratory.calibration.save(folder.calibration())?;
    let calibration = laboratory.calibration.clone();
    let identity = laboratory.chip.identity().clone();
    let scaling = laboratory.scaling;
    let calibration_s = begun.elapsed().as_secs_f64();

    let data = splits(&config)?;
    let trainer = Trainer::new(config.training.clone(), scaling)?;
    let placement = Placement::new(n_inputs(&config)?, &layer_sizes(&config)?)?;
    let mut substrate = laboratory.place(placement, scaling, config.scaling.slot_us)?;
    let mut course = match checkpoint {
        Some(checkpoint) => checkpoint,
        None => Checkpoint {
            config_digest: digest(&folder)?,
            state: trainer.initial_state(n_inputs(&config)?, &layer_sizes(&config)?),
            history: Vec::new(),
            trials: 0,
        },
    };
    let first_epoch = course.state.epoch;
    let learning = Instant::now();
    run_epochs(&config, &folder, &trainer, &mut substrate, &data, &mut course, console, interrupted)?;
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
    if course.state.epoch < config.training.epochs {
        timings.save(&folder)?;
        console.say(format_args!(
            "stopped after epoch {} of {}; continue with: bss2 train --resume {}",
            course.state.epoch,
            config.training.epochs,
            folder.path().display()
        ));
        return Ok(ExitCode::from(INTERRUPTED));
    }

    SavedNetwork::new(config.data.kind, &config.encoding, scaling, &course.state.weights).save(&folder.network())?;
    let finished = Finished {
        config: &config,
        calibration: &calibration,
        identity,
        scaling,
        trainer: &trainer,
        course: &course,
        test: &data.test,
    };
    let summary = finished.evaluate(&mut substrate, console)?;
    report::figures(&finished, &summary, &mut substrate, &folder.figures()?)?;
    if let Some(session) = timings.sessions.last_mut() {
        session.total_s = begun.elapsed().as_secs_f64();
    }
    timings.save(&folder)?;
    summary.save(&folder)?;
    summary.say(console, &timings, &folder);
    console.result(&summary::joined(&folder)?)?;
    Ok(ExitCode::SUCCESS)
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

/// Trains until the last epoch or an interrupt; metrics and checkpoints are written on the way.
#[expect(clippy::too_many_arguments, reason = "the parts of a training, each used here alone")]
fn run_epochs(
    config: &Config,
    folder: &RunFolder,
    trainer: &Trainer,
    substrate: &mut OnDevice<Chip>,
    data: &Splits,
    course: &mut Checkpoint,
    console: Console,
    interrupted: &AtomicBool,
) -> anyhow::Result<()> {
    let epochs = config.training.epochs;
    let lines: Result<Vec<String>, _> = course.history.iter().map(serde_json::to_string).collect();
    let writer = Writer::start(folder, &lines?)?;
    let mut progress = Progress::new(console, epochs, course.state.epoch, data.train.n_samples());
    let earlier = course.trials;
    let mut outcome = Ok(());
    while course.state.epoch < epochs && !interrupted.load(Ordering::SeqCst) {
        outcome = epoch(trainer, substrate, data, &mut course.state).and_then(|record| {
            progress.epoch(&record);
            course.history.push(record);
            course.trials = earlier + substrate.trials();
            if !writer.metrics(serde_json::to_string(&record)?) {
                bail!("the metrics cannot be written");
            }
            let due = record.epoch.is_multiple_of(CHECKPOINT_EVERY) || record.epoch == epochs;
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
    if outcome.is_ok() && course.state.epoch < epochs {
        // If the writer has stopped listening, its own error follows.
        writer.checkpoint(course.to_bytes()?);
    }
    // The writer's own error says more than that it stopped listening.
    writer.finish()?;
    outcome
}

fn epoch(
    trainer: &Trainer,
    substrate: &mut OnDevice<Chip>,
    data: &Splits,
    state: &mut TrainingState,
) -> anyhow::Result<EpochRecord> {
    let record = trainer.run_epoch(state, substrate, &data.train, &data.validation)?;
    if state.weights.iter().flatten().any(|w| !w.is_finite()) {
        return Err(anyhow!("epoch {}: a weight is no longer a number", record.epoch));
    }
    Ok(record)
}
