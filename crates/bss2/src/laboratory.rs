//! A chip on the bench: drawn, calibrated or set from a table, and ready for a network.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use anyhow::Context as _;
use bss2_emu::device::Interruptible;
use bss2_emu::spec::ParameterSource;
use bss2_emu::{Chip, ChipIdentity, ChipSpec, Device, NeuronId};
use calib::{Calibration, PerNeuron, Step, Targets, calibrate_each, evaluate};
use ttfs::network::DelayKind;
use ttfs::neuron::NeuronModel;
use ttfs::placement::Placement;
use ttfs::scaling::Scaling;
use ttfs::train::{Trainer, TrainingState};

use crate::config::{Config, EngineKind, ScalingSettings};
use crate::data_sets::shape;
use crate::files::residual_table;
use crate::site::{OnChip, Site};

/// A table to set a chip with.
#[derive(Debug, Clone)]
pub struct GivenTable {
    /// The table.
    pub table: Calibration,
    /// Whether it may have been measured on another chip.
    pub force: bool,
}

impl GivenTable {
    /// Refuses the table of another chip, unless it is applied on purpose. Returns whether it is of another chip.
    ///
    /// # Errors
    /// With both chips, and how to apply it all the same.
    pub fn check(&self, identity: &ChipIdentity) -> anyhow::Result<bool> {
        match self.table.require_chip(identity) {
            Ok(()) => Ok(false),
            Err(_) if self.force => Ok(true),
            Err(error) => Err(anyhow::anyhow!("{error}; --force applies it all the same")),
        }
    }
}

/// A calibrated chip and the units it defines.
#[derive(Debug)]
pub struct Laboratory {
    /// The configured chip.
    pub chip: Chip,
    /// What it was set with.
    pub calibration: Calibration,
    /// Units, with the threshold as measured.
    pub scaling: Scaling,
}

/// Draws a chip; `residual_table` names a file with the residuals of its neurons, if it is not empty.
///
/// # Errors
/// If the file is not such a table, or the chip is set by codes and cannot take one.
pub fn draw(spec: &ChipSpec, residual_table: &str) -> anyhow::Result<Chip> {
    if residual_table.is_empty() {
        return Ok(Chip::draw(spec));
    }
    let table = residual_table::load(Path::new(residual_table))?;
    Chip::draw_with_residuals(spec, table).with_context(|| format!("the table {residual_table} cannot be used"))
}

/// Calibrates a chip that is set by codes. Its drift counts from this moment.
///
/// # Errors
/// If the calibration fails.
pub fn calibrated(
    spec: &ChipSpec,
    targets: &Targets,
    each: &PerNeuron,
    progress: &mut dyn FnMut(Step),
) -> anyhow::Result<(Chip, Calibration)> {
    let mut chip = fresh(spec);
    let calibrated =
        calibrate_each(&mut chip, targets, each, progress).context("the calibration of the chip failed")?;
    Ok((chip, calibrated.calibration))
}

/// What a table of calibration holds that is kept: as `calibrated`, and what the same chip shows at common codes.
///
/// # Errors
/// If the calibration fails, or with [`bss2_emu::DeviceError::Interrupted`] once `stop` is set.
pub fn surveyed(
    spec: &ChipSpec,
    targets: &Targets,
    each: &PerNeuron,
    progress: &mut dyn FnMut(Survey),
    stop: &AtomicBool,
) -> anyhow::Result<Calibration> {
    let mut chip = Interruptible::new(fresh(spec), stop);
    let calibrated = calibrate_each(&mut chip, targets, each, &mut |step| progress(Survey::Calibrating(step)))
        .context("the calibration of the chip failed")?;
    let mut table = calibrated.calibration;
    progress(Survey::Comparing);
    let evaluation = evaluate(&mut chip, &table).context("the chip cannot be measured")?;
    table.uncalibrated = Some(evaluation.uncalibrated());
    Ok(table)
}

/// What begins while a chip is surveyed.
#[derive(Debug, Clone, Copy)]
pub enum Survey {
    /// A routine of its calibration.
    Calibrating(Step),
    /// Measuring the same chip with common codes.
    Comparing,
}

/// A chip whose drift counts from now.
fn fresh(spec: &ChipSpec) -> Chip {
    let mut spec = *spec;
    spec.drift.hours = 0.0;
    Chip::draw(&spec)
}

impl Laboratory {
    /// Sets a chip: directly if it is such a chip, else with the table, else by a calibration.
    ///
    /// # Errors
    /// If the table belongs to another chip, or the calibration fails.
    pub fn set_up(
        mut chip: Chip,
        targets: &Targets,
        units: &ScalingSettings,
        table: Option<GivenTable>,
        progress: &mut dyn FnMut(Step),
    ) -> anyhow::Result<Self> {
        let calibration = match (table, chip.spec().parameters) {
            (Some(given), _) => {
                given.check(chip.identity())?;
                given.table
            }
            (None, ParameterSource::Direct) => Calibration::from_targets(chip.identity().clone(), targets),
            (None, ParameterSource::Codes) => calibrated(chip.spec(), targets, &PerNeuron::default(), progress)?.1,
        };
        chip.configure(&calibration.setting())?;
        let scaling = Scaling::measured(&calibration.measured, units.us_per_time, units.lsb_per_weight, units.latency)
            .context("the calibration gives no usable threshold")?;
        Ok(Self { chip, calibration, scaling })
    }

    /// Puts a network on the chip; `scaling` in the units of its site ([`Site::scaling`]).
    ///
    /// # Errors
    /// If the chip refuses the routing.
    pub fn place(self, site: Site, scaling: Scaling, slot_us: f64, engine: EngineKind) -> anyhow::Result<OnChip> {
        Ok(site.on(self.chip, scaling, slot_us, engine)?)
    }
}

/// Where the network of a configuration sits.
///
/// # Errors
/// If it does not fit and cannot be divided, or its size cannot be known.
pub fn site(config: &Config) -> anyhow::Result<Site> {
    Site::of(n_inputs(config)?, &layer_sizes(config)?, config.network.delays)
}

/// Number of input channels: what the encoding makes of the features of the data set.
///
/// # Errors
/// If it takes a file to know their number, and that cannot be read.
pub fn n_inputs(config: &Config) -> anyhow::Result<usize> {
    Ok(config.encoding.n_inputs(shape(&config.data)?.0))
}

/// Sizes of all layers: the hidden ones and one output per class.
///
/// # Errors
/// If it takes a file to know the number of classes, and that cannot be read.
pub fn layer_sizes(config: &Config) -> anyhow::Result<Vec<usize>> {
    Ok(config.network.hidden.iter().copied().chain([shape(&config.data)?.1]).collect())
}

/// The state before the first epoch: copies of a feature share one axonal delay.
///
/// # Errors
/// If the settings of delays are out of their ranges, or the shape of the data cannot be known.
pub fn initial_state(config: &Config, trainer: &Trainer) -> anyhow::Result<TrainingState> {
    let state = trainer.initial_state(n_inputs(config)?, &layer_sizes(config)?);
    with_delays(config, trainer, state)
}

/// Gives a network that has none the delays that the configuration asks for.
///
/// # Errors
/// As [`initial_state`].
pub fn with_delays(config: &Config, trainer: &Trainer, mut state: TrainingState) -> anyhow::Result<TrainingState> {
    if config.network.delays != DelayKind::None && !state.network.has_delays() {
        let block = n_inputs(config)? / config.encoding.copies;
        trainer.add_delays(&mut state, &config.network.delay_settings(), block)?;
    }
    Ok(state)
}

/// What calibration measured of the placed neurons; the common model where it measured nothing that could fire.
pub fn measured_neurons(placement: &Placement, scaling: &Scaling, calibration: &Calibration) -> Vec<Vec<NeuronModel>> {
    let of = |neuron: &NeuronId| {
        let measured = scaling.neuron(&calibration.measured[neuron.index()]);
        if measured.check().is_ok() { measured } else { scaling.model().into() }
    };
    placement.neurons.iter().map(|layer| layer.iter().map(of).collect()).collect()
}
