//! What trials share: trained networks and calibrations, each made once, addressed by what it depends on.

use std::path::PathBuf;

use ::calib::{Calibration, PerNeuron, Targets, calibrate_each};
use ::study::Lock;
use anyhow::Context as _;
use bss2_emu::spec::ParameterSource;
use bss2_emu::{Chip, ChipSpec};
use ttfs::network::Network;

use super::runner::canonical;
use crate::commands::train::{Prepared, epoch, prepare};
use crate::config::{Config, SubstrateKind};
use crate::console::Console;
use crate::data_sets::splits;
use crate::files::checkpoint::Checkpoint;
use crate::files::{initial_weights, write};
use crate::laboratory::{GivenTable, calibrated, initial_state, with_delays};
use crate::stage::training_settings;

/// A trained network.
#[derive(Debug, Clone)]
pub struct Trained {
    /// The network that the training ended with.
    pub network: Network,
    /// Validation accuracy after each epoch.
    pub validation: Vec<f64>,
}

/// The folder of what trials share.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
}

impl Store {
    /// A store in a folder.
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Makes what has no file yet, once: who comes later waits for it. A file that cannot be read is made anew.
    fn once<T>(
        &self,
        name: &str,
        read: impl Fn(&std::path::Path) -> Option<T>,
        make: impl FnOnce(&std::path::Path) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let path = self.path.join(name);
        if let Some(found) = read(&path) {
            return Ok(found);
        }
        let _lock = Lock::take(&self.path.join(format!("{name}.lock")))?;
        match read(&path) {
            Some(found) => Ok(found),
            None => make(&path),
        }
    }

    /// The calibration of a chip: measured, or for a chip that is set directly its targets.
    ///
    /// `drifted`: whether it was measured after the chip's drift, not before.
    ///
    /// # Errors
    /// If the calibration fails.
    pub fn calibration(&self, spec: &ChipSpec, targets: &Targets, drifted: bool) -> anyhow::Result<Calibration> {
        if spec.parameters == ParameterSource::Direct {
            return Ok(Calibration::from_targets(spec.identity(), targets));
        }
        let mut spec = *spec;
        if !drifted {
            spec.drift.hours = 0.0;
        }
        let text = format!("{}\n{}", toml::to_string(&spec)?, toml::to_string(targets)?);
        let name = format!("{}.bss2cal", digest("calibration", &text));
        self.once(
            &name,
            |path| Calibration::load(path).ok(),
            |path| {
                let table = if drifted {
                    let mut chip = Chip::draw(&spec);
                    calibrate_each(&mut chip, targets, &PerNeuron::default(), &mut |_| ())
                        .context("the calibration of the drifted chip failed")?
                        .calibration
                } else {
                    calibrated(&spec, targets, &PerNeuron::default(), &mut |_| ())?.1
                };
                table.save(path)?;
                // What later trials read is what this one goes on with.
                Ok(Calibration::load(path)?)
            },
        )
    }

    /// What a network of a configuration runs on, its chip calibrated.
    ///
    /// # Errors
    /// If the chip cannot be calibrated or the network does not fit.
    pub fn prepared(&self, config: &Config) -> anyhow::Result<Prepared> {
        let table = match config.substrate {
            SubstrateKind::Chip => {
                let table = self.calibration(&config.chip, &config.calibration, false)?;
                (config.chip.parameters == ParameterSource::Codes).then_some(table)
            }
            _ => None,
        };
        prepare(config, table.map(|table| GivenTable { table, force: false }), Console::silent())
    }

    /// The network of a training; `start` is the network that it begins with, none: as the configuration says.
    ///
    /// # Errors
    /// If the training fails.
    pub fn trained(&self, config: &Config, start: Option<&Network>) -> anyhow::Result<Trained> {
        let mut text = canonical(config)?;
        if let Some(network) = start {
            let bytes = bincode::serde::encode_to_vec(network, bincode::config::standard())?;
            text = format!("{text}start = \"{}\"\n", blake3::hash(&bytes).to_hex());
        }
        let name = format!("{}.bss2ckpt", digest("network", &text));
        let read = |path: &std::path::Path| Checkpoint::load(path).ok();
        let course = self.once(&name, read, |path| {
            let course = self.train(config, start)?;
            write(path, &course.to_bytes()?)?;
            Ok(course)
        })?;
        let settings = training_settings(config);
        let network = match (&course.state.best, settings.keep) {
            (Some(best), ttfs::train::Keep::Best) => best.network.clone(),
            _ => course.state.network.clone(),
        };
        Ok(Trained { network, validation: course.history.iter().map(|record| record.validation.accuracy).collect() })
    }

    fn train(&self, config: &Config, start: Option<&Network>) -> anyhow::Result<Checkpoint> {
        let prepared = self.prepared(config)?;
        let trainer = prepared.trainer(config)?;
        let mut stage = prepared.stage;
        let data = splits(config)?;
        let given = match start {
            Some(network) => Some(network.clone()),
            None if config.from.is_empty() => None,
            None => Some(initial_weights::load(std::path::Path::new(&config.from))?.network),
        };
        let state = match given {
            Some(network) => with_delays(config, &trainer, trainer.state_from(network))?,
            None => initial_state(config, &trainer)?,
        };
        let mut course = Checkpoint { config_digest: [0; 32], state, history: Vec::new(), trials: 0 };
        while !trainer.is_finished(&course.state) {
            let record = epoch(&trainer, &mut stage, &data, &mut course.state)?;
            course.history.push(record);
        }
        course.trials = stage.trials();
        Ok(course)
    }
}

fn digest(what: &str, text: &str) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(format!("bss2 study {what} {}\n", ::study::FORMAT).as_bytes());
    hasher.update(text.as_bytes());
    hasher.finalize().to_hex()[..32].to_owned()
}
