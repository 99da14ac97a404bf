//! Configurations and trials of a study, as this program knows them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::study::{Draft, Outcome, Place, Protocol, Runner, Settings, StudyFile, StudyFolder};
use anyhow::{Context as _, anyhow, bail};
use bss2_emu::ChipSpec;
use bss2_emu::spec::{ParameterSource, Preset};
use calib::{Calibration, Targets};
use ttfs::placement::Placement;
use ttfs::scaling::Scaling;

use super::cost::FirstUsers;
use super::store::Store;
use super::trial;
use crate::config::{Config, Layer, NoiseAwareSettings, SubstrateKind, resolve};
use crate::files::network::SavedNetwork;
use crate::laboratory::{layer_sizes, n_inputs};
use crate::presets;

/// Validation of a noise-aware training begins with this chip: far from those that studies ask for.
const VALIDATION_CHIPS: u64 = 1_000_000;
/// The copy of a given network in the folder of a study.
const NETWORK: &str = "network.npz";

/// What a trial is carried out with.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The configuration, without the seeds of chip and training.
    pub config: Arc<Config>,
    /// What protocols need to know.
    pub settings: Arc<Settings>,
}

/// Carries out the trials of a study.
#[derive(Debug)]
pub struct TrialRunner {
    store: Option<Store>,
    /// The network of the protocol `deploy`, with the digest of its file.
    network: Option<(SavedNetwork, String)>,
    /// Which trials make what others use.
    first_users: FirstUsers,
}

impl TrialRunner {
    /// For the trials of a study in its folder.
    ///
    /// # Errors
    /// If the given network cannot be read.
    pub fn new(study: &StudyFile, folder: &StudyFolder) -> anyhow::Result<Self> {
        let network = needs_network(study).then(|| read_network(&folder.file(NETWORK))).transpose()?;
        Ok(Self { store: Some(Store::new(folder.store())), network, first_users: FirstUsers::of(study) })
    }

    /// For a plan, without a folder; `beside` is where the study file lies.
    ///
    /// # Errors
    /// If the given network cannot be found or read.
    pub fn planning(study: &StudyFile, beside: &Path) -> anyhow::Result<Self> {
        let network = needs_network(study).then(|| read_network(&found(study, beside)?)).transpose()?;
        Ok(Self { store: None, network, first_users: FirstUsers::of(study) })
    }

    /// The given network.
    pub fn network(&self) -> anyhow::Result<&SavedNetwork> {
        self.network.as_ref().map(|(network, _)| network).ok_or_else(|| anyhow!("settings.network is empty"))
    }

    /// What trials share.
    pub fn store(&self) -> anyhow::Result<&Store> {
        self.store.as_ref().ok_or_else(|| anyhow!("a plan has no folder"))
    }
}

fn needs_network(study: &StudyFile) -> bool {
    study.protocols.contains(&Protocol::Deploy)
}

fn read_network(path: &Path) -> anyhow::Result<(SavedNetwork, String)> {
    let bytes = std::fs::read(path).with_context(|| format!("settings.network: cannot read {}", path.display()))?;
    Ok((SavedNetwork::load(path)?, blake3::hash(&bytes).to_hex().to_string()))
}

/// The given network: as named, beside the study, or in the folder of the data sets.
fn found(study: &StudyFile, beside: &Path) -> anyhow::Result<PathBuf> {
    let name = Path::new(&study.settings.network);
    let data = Config::default().data.folder();
    let places = [name.to_owned(), beside.join(name), data.join(name)];
    places.iter().find(|path| path.is_file()).cloned().ok_or_else(|| {
        anyhow!(
            "settings.network: {:?} is neither here, nor beside the study, nor in {} (environment variable BSS2_DATA)",
            study.settings.network,
            data.display()
        )
    })
}

/// Copies the given network into the folder of its study.
///
/// # Errors
/// If it cannot be found, read or written, or the folder has another one.
pub fn keep_network(study: &StudyFile, beside: &Path, folder: &StudyFolder) -> anyhow::Result<()> {
    if needs_network(study) { keep(&found(study, beside)?, folder) } else { Ok(()) }
}

fn keep(path: &Path, folder: &StudyFolder) -> anyhow::Result<()> {
    let read = |path: &Path| std::fs::read(path).with_context(|| format!("cannot read {}", path.display()));
    let (kept, bytes) = (folder.file(NETWORK), read(path)?);
    if !kept.is_file() {
        return Ok(crate::files::write(&kept, &bytes)?);
    }
    if read(&kept)? != bytes {
        bail!(
            "{} differs from {}, the network that this study has begun with; choose another --out",
            path.display(),
            kept.display()
        );
    }
    Ok(())
}

/// Takes the given network over from the folder of a shard.
///
/// # Errors
/// If it cannot be read or written, or is another one than there is already.
pub fn copy_network(from: &StudyFolder, to: &StudyFolder) -> anyhow::Result<()> {
    let path = from.file(NETWORK);
    if path.is_file() { keep(&path, to) } else { Ok(()) }
}

impl Runner for TrialRunner {
    type Config = Setup;

    fn resolve(&self, draft: &Draft) -> Result<Setup, String> {
        self.resolved(draft).map_err(|error| format!("{error:#}"))
    }

    fn address(&self, setup: &Setup, place: Place) -> Result<String, String> {
        self.addressed(setup, place).map_err(|error| format!("{error:#}"))
    }

    fn estimate_s(&self, setup: &Setup, place: Place) -> f64 {
        self.first_users.seconds(setup, place)
    }

    fn run(&self, setup: &Setup, place: Place) -> Result<Outcome, String> {
        trial::run(self, setup, place).map_err(|error| format!("{error:#}"))
    }
}

impl TrialRunner {
    fn resolved(&self, draft: &Draft) -> anyhow::Result<Setup> {
        let mut layers = Vec::new();
        if !draft.base.is_empty() {
            layers.push(presets::named(draft.base)?.layer()?);
        }
        layers.extend(draft.layers.iter().map(|l| Layer { origin: l.origin.clone(), table: l.table.clone() }));
        let mut config = resolve(&layers)?;
        if draft.protocol == Protocol::Deploy {
            let network = self.network()?;
            config.encoding = network.architecture.encoding.clone();
        }
        check(&config, draft.protocol)?;
        Ok(Setup { config: Arc::new(config), settings: Arc::new(draft.settings.clone()) })
    }

    fn addressed(&self, setup: &Setup, place: Place) -> anyhow::Result<String> {
        let Settings { fine_tune_epochs, recovery_margin, drift_hours, .. } = &*setup.settings;
        let own = match place.protocol {
            Protocol::Deploy => {
                let digest = self.network.as_ref().map_or("", |(_, digest)| digest.as_str());
                format!("network = {digest:?}\n")
            }
            Protocol::FineTune => {
                format!("fine_tune_epochs = {fine_tune_epochs}\nrecovery_margin = {recovery_margin}\n")
            }
            Protocol::Drifted | Protocol::Recalibrated => format!("drift_hours = {drift_hours}\n"),
            Protocol::Transfer => format!("source = {:?}\n", place.source),
            _ => String::new(),
        };
        let config = placed(setup, place);
        let config = if place.protocol == Protocol::Ideal { ideal_training(&config)? } else { config };
        // Where nothing is drawn for a sample, a second test is the first.
        let noiseless = config.substrate == SubstrateKind::Ideal && config.perturbation.input_jitter_std == 0.0;
        let repeat = if noiseless { 0 } else { place.repeat };
        let text = format!("protocol = {:?}\nrepeat = {repeat}\n{own}", place.protocol.name());
        Ok(text + &canonical(&config)?)
    }
}

/// Refuses protocols that the configuration has no place for.
fn check(config: &Config, protocol: Protocol) -> anyhow::Result<()> {
    let on_chip = !matches!(protocol, Protocol::Train | Protocol::Deploy);
    if on_chip && config.substrate != SubstrateKind::Chip {
        bail!(
            "substrate: the protocol {} needs \"chip\", which base and keys of the study do not give; the protocol train trains on any substrate",
            protocol.name()
        );
    }
    if protocol == Protocol::Deploy && config.substrate == SubstrateKind::NoiseAware {
        bail!("substrate: \"noise-aware\" is a training; a network is deployed on \"ideal\" or \"chip\"");
    }
    if matches!(protocol, Protocol::Raw | Protocol::Recalibrated) && config.chip.parameters != ParameterSource::Codes {
        bail!(
            "chip.parameters: \"direct\" chips have no calibration to leave out or to repeat; expected \"codes\" (chip.preset = \"bss2\")"
        );
    }
    if config.substrate != SubstrateKind::Ideal && protocol != Protocol::Deploy {
        Placement::with_delays(n_inputs(config)?, &layer_sizes(config)?, config.network.delays)
            .context("the network does not fit on the chip (network.hidden, encoding.copies)")?;
    }
    Ok(())
}

/// The configuration of a trial, with its seeds.
pub fn placed(setup: &Setup, place: Place) -> Config {
    let mut config = (*setup.config).clone();
    config.chip.seed = place.chip;
    config.training.seed = place.seed;
    config
}

/// The training on the ideal substrate whose network goes to chips of a configuration: the nominal threshold and time constant that
/// the targets of the calibration give, weights on the chip's grid.
///
/// # Errors
/// If the targets give no usable threshold, or the network does not fit on the chip.
pub fn ideal_training(config: &Config) -> anyhow::Result<Config> {
    let table = Calibration::from_targets(config.chip.identity(), &config.calibration);
    let units = &config.scaling;
    let scaling = Scaling::measured(&table.measured, units.us_per_time, units.lsb_per_weight, units.latency)
        .context("the targets of the calibration give no usable threshold")?;
    let placement = Placement::with_delays(n_inputs(config)?, &layer_sizes(config)?, config.network.delays)?;
    let scaling = placement.scaling(scaling);
    let mut ideal = config.clone();
    ideal.substrate = SubstrateKind::Ideal;
    ideal.scaling.threshold = scaling.threshold;
    ideal.scaling.tau_mem = scaling.tau_mem;
    Ok(ideal)
}

/// The noise-aware training for chips of a configuration: chips that are set by codes are drawn as calibration leaves them, with
/// noise, event path, circuits and failures as configured.
pub fn noise_aware_training(config: &Config) -> Config {
    let mut training = config.clone();
    training.substrate = SubstrateKind::NoiseAware;
    training.residual_table.clear();
    if training.chip.parameters == ParameterSource::Codes {
        let calibrated = ChipSpec::new(Preset::Bss2Calibrated, VALIDATION_CHIPS);
        let ChipSpec { events, circuits, noise, failures, drift, .. } = config.chip;
        training.chip = ChipSpec { events, circuits, noise, failures, drift, ..calibrated };
    }
    training.chip.seed = VALIDATION_CHIPS;
    training.chip.drift.hours = 0.0;
    training
}

/// A configuration as TOML, without what does not matter on its substrate, files by their digests.
///
/// # Errors
/// If a file cannot be read.
pub fn canonical(config: &Config) -> anyhow::Result<String> {
    let mut config = config.clone();
    let mut files = String::new();
    for (key, path) in [
        ("residual_table", &mut config.residual_table),
        ("from", &mut config.from),
        ("data.file", &mut config.data.file),
        ("data.test_file", &mut config.data.test_file),
    ] {
        if !path.is_empty() {
            let path = std::mem::take(path);
            let bytes = std::fs::read(&path).with_context(|| format!("{key}: cannot read {path}"))?;
            files = format!("{files}{key} = \"{}\"\n", blake3::hash(&bytes).to_hex());
        }
    }
    config.data.folder.clear();
    let neutral = NoiseAwareSettings { validation_chips: 4, test_chips: 10 };
    if config.substrate != SubstrateKind::NoiseAware {
        config.noise_aware = neutral;
    }
    if config.substrate == SubstrateKind::Ideal {
        let seed = if config.perturbation.differs_by_chip() { config.chip.seed } else { 0 };
        config.chip = ChipSpec::new(Preset::Ideal, seed);
        config.calibration = Targets::default();
        config.scaling.latency = ttfs::scaling::Latency::default();
    }
    Ok(files + &config.to_toml()?)
}
