//! What the program does, for other programs to call.
//!
//! Configurations come as [`Layer`]s of keys, with the same rules and defaults as on the command line, and results are the same to the
//! byte. Nothing is printed unless it is asked for, nobody's signals are caught, and the threads are those of the rayon pool
//! that the caller is in. Long work looks at a flag now and then that tells it to stop.

use std::sync::atomic::AtomicBool;

use anyhow::Context as _;
use bss2_emu::Chip;
use bss2_emu::simulation::Engine;
use bss2_emu::spec::ParameterSource;
use calib::{Calibration, PerNeuron, Targets};
use ttfs::scaling::Scaling;
use ttfs::train::EpochRecord;

use crate::commands;
use crate::console::Console;
use crate::files::simulation::parse;
use crate::program::told_once;

pub use crate::cli::{ChipArgs, ConfigArgs, InferArgs, OutputArgs, SubstrateName, TrainArgs};
pub use crate::commands::infer::Inference;
pub use crate::commands::train::Trained;
pub use crate::config::{Config, ConfigError, EngineKind, Layer, ScalingSettings, resolve};
pub use crate::data_sets::{Split, samples};
pub use crate::files::FileError;
pub use crate::files::network::{Architecture, SavedNetwork};
pub use crate::laboratory::{GivenTable, Survey, draw, surveyed};
pub use crate::site::{OnChip, Site};
pub use crate::stage::ideal_scaling;

/// The layer of keys that a chip stands for: a seed, or a file with the keys of the section `[chip]`.
///
/// # Errors
/// If it is neither, or the file cannot be read.
pub fn chip_layer(seed_or_file: &str) -> anyhow::Result<Layer> {
    let args = ChipArgs { chip: Some(seed_or_file.to_owned()), ..ChipArgs::default() };
    commands::chip_layer(&args)?.context("no chip was named")
}

/// The targets of a name, or those of a file in the names of `calix`, for all neurons or for each.
///
/// # Errors
/// If there is no such preset, with those that there are; if the file cannot be used.
pub fn targets(name_or_file: &str) -> anyhow::Result<(Targets, PerNeuron)> {
    commands::calib::preset::given(name_or_file)
}

/// The table of a chip: measured as `bss2 calib run` does it; of a chip that is set directly, its targets.
///
/// # Errors
/// If the calibration fails, or with [`bss2_emu::DeviceError::Interrupted`] once `stop` is set.
pub fn calibrate(
    chip: &Chip,
    targets: &Targets,
    each: &PerNeuron,
    progress: &mut dyn FnMut(Survey),
    stop: &AtomicBool,
) -> anyhow::Result<Calibration> {
    match chip.spec().parameters {
        ParameterSource::Direct => Ok(Calibration::from_targets(bss2_emu::Device::identity(chip).clone(), targets)),
        ParameterSource::Codes => surveyed(chip.spec(), targets, each, progress, stop),
    }
}

/// The units of a network of single circuits on a calibrated chip; [`Site::scaling`] makes those of its place of them.
///
/// # Errors
/// If the table gives no usable threshold.
pub fn measured_scaling(config: &Config, table: &Calibration) -> anyhow::Result<Scaling> {
    let units = &config.scaling;
    Scaling::measured(&table.measured, units.us_per_time, units.lsb_per_weight, units.latency)
        .context("the calibration gives no usable threshold")
}

/// Trains as `bss2 train`, until the end or until `stop` is set; after the epoch, then. `progress`: whether there is a bar, and lines
/// on stderr; `watch` is told of every epoch.
///
/// # Errors
/// If something in the configuration, the files or the run is wrong; a new run folder is removed then.
pub fn train(
    args: &TrainArgs,
    progress: bool,
    stop: &AtomicBool,
    watch: &mut (dyn FnMut(&EpochRecord) + Send),
) -> anyhow::Result<Trained> {
    let console = if progress { Console::aside() } else { Console::silent() };
    commands::train::trained(args, console, stop, watch)
}

/// Runs a network on the test samples as `bss2 infer`.
///
/// # Errors
/// If the network, the configuration or the chip cannot be used; with [`bss2_emu::DeviceError::Interrupted`] once `stop` is set.
pub fn infer(args: &InferArgs, stop: &AtomicBool) -> anyhow::Result<Inference> {
    commands::infer::inferred(args, Console::silent(), stop)
}

/// Simulates the cases of a text as `bss2 simulate` those of a file; returns the text that it would write.
///
/// # Errors
/// If the text is no such description, or a case cannot be run by this engine.
pub fn simulate(experiment: &[u8], engine: Engine) -> anyhow::Result<Vec<u8>> {
    Ok(commands::simulate::simulated(&parse(experiment)?, engine)?.0)
}

/// The message that the program would print for an error: its causes, each told once.
pub fn message(error: &anyhow::Error) -> String {
    told_once(error)
}
