//! What a training starts from: what the user asks for, or what an earlier session left.

use std::path::Path;

use ::calib::Calibration;
use anyhow::{Context as _, anyhow, bail};
use bss2_emu::Device as _;
use ndarray::Array2;
use toml::{Table, Value};
use ttfs::network::Network;

use super::super::summary::Timings;
use super::super::{config_of, configure, flag};
use crate::cli::TrainArgs;
use crate::config::{Config, Layer, SubstrateKind, resolve};
use crate::data_sets::splits;
use crate::files::checkpoint::Checkpoint;
use crate::files::initial_weights::{self, InitialWeights};
use crate::files::run_folder::RunFolder;
use crate::files::{residual_table, write};
use crate::laboratory::{GivenTable, draw, layer_sizes, n_inputs, site};
use crate::presets;

/// What a training starts from.
pub(super) struct Start {
    pub config: Config,
    pub folder: RunFolder,
    pub table: Option<GivenTable>,
    /// A network to begin with; none: it is drawn.
    pub initial: Option<Network>,
    pub checkpoint: Option<Checkpoint>,
    pub timings: Timings,
}

/// A new run.
pub(super) fn fresh(args: &TrainArgs) -> anyhow::Result<Start> {
    let mut flags: Vec<Layer> = Vec::new();
    if let Some(substrate) = args.substrate {
        flags.push(flag("--substrate", "substrate", Value::try_from(substrate)?));
    }
    if let Some(seed) = args.seed {
        let seed = i64::try_from(seed).map_err(|_| anyhow!("--seed {seed}: seeds go up to {}", i64::MAX))?;
        flags.push(flag("--seed", "training.seed", seed));
    }
    if let Some(epochs) = args.epochs {
        flags.push(flag("--epochs", "training.epochs", i64::from(epochs)));
    }
    if let Some(hidden) = args.hidden {
        flags.push(flag("--hidden", "network.hidden", vec![Value::Integer(i64::from(hidden))]));
    }
    let mut base: Vec<Layer> = Vec::new();
    if let Some(name) = &args.preset {
        base.push(presets::named(name)?.layer()?);
    }
    if let Some(path) = &args.from {
        flags.push(flag("--from", "from", path.display().to_string()));
        base.push(shape_of(&initial_weights::load(path)?)?);
    }
    let (config, table) = configure(base, &args.config, &args.chip, flags)?;
    // What does not fit is said before anything is made.
    if config.substrate != SubstrateKind::Ideal {
        site(&config).context(
            "the network does not fit on the chip (network.hidden or --hidden, network.delays, encoding.copies)",
        )?;
    }
    if let Some(given) = &table {
        if config.substrate != SubstrateKind::Chip {
            bail!("--calibration: a table belongs to one chip, but the training runs on another substrate");
        }
        given.check(draw(&config.chip, &config.residual_table)?.identity())?;
    }
    let initial = (!config.from.is_empty()).then(|| initial_weights::load(Path::new(&config.from))).transpose()?;
    if let Some(initial) = &initial {
        fits(&initial.network.weights, &config)
            .and_then(|()| same_delays(&initial.network, &config))
            .map_err(|error| anyhow!("{}: {error}", initial.file.display()))?;
    }
    let on = match config.substrate {
        SubstrateKind::Chip => format!("chip{}", config.chip.seed),
        SubstrateKind::Ideal => "ideal".into(),
        SubstrateKind::NoiseAware => "noise-aware".into(),
    };
    // Missing or damaged data sets, too.
    drop(splits(&config)?);
    let name = format!("{}-{on}-seed{}", config.data.kind.name(), config.training.seed);
    let folder = RunFolder::create(args.out.as_deref(), &name)?;
    if let Err(error) = describe(&config, initial.as_ref(), &folder) {
        folder.discard();
        return Err(error);
    }
    let initial = initial.map(|initial| initial.network);
    Ok(Start { config, folder, table, initial, checkpoint: None, timings: Timings::default() })
}

/// The keys of a configuration that follow from the weights to begin with; files and flags win over them.
fn shape_of(initial: &InitialWeights) -> anyhow::Result<Layer> {
    let hidden = initial.network.weights.iter().rev().skip(1).rev().map(|w| Value::try_from(w.ncols()));
    let hidden: Vec<Value> = hidden.collect::<Result<_, _>>()?;
    let mut network = Table::from_iter([("hidden".to_owned(), Value::Array(hidden))]);
    if let Some(range) = initial.network.delays.first().filter(|_| initial.network.has_delays()) {
        network.insert("delays".into(), Value::try_from(range.kind)?);
        network.insert("delay_shift".into(), range.shift.into());
        network.insert("delay_scale".into(), range.scale.into());
    }
    let mut table = Table::from_iter([("network".to_owned(), Value::Table(network))]);
    if let Some(encoding) = &initial.encoding {
        table.insert("encoding".into(), Value::try_from(encoding)?);
    }
    Ok(Layer { origin: initial.file.display().to_string(), table })
}

/// Refuses delays of another kind or range than the configuration's: a network without any can be given some.
fn same_delays(network: &Network, config: &Config) -> anyhow::Result<()> {
    let asked = config.network.delay_settings();
    match network.delays.first().filter(|_| network.has_delays()) {
        Some(range) if (range.kind, range.shift, range.scale) != (asked.kind, asked.shift, asked.scale) => {
            Err(anyhow!(
                "network.delays: the network has {:?} delays of {} to {} tau_syn, and they cannot be exchanged for {:?} delays of {} to {}",
                range.kind,
                range.shift,
                range.shift + range.scale,
                asked.kind,
                asked.shift,
                asked.shift + asked.scale
            ))
        }
        _ => Ok(()),
    }
}

/// Refuses weights of other layers than the configuration's.
fn fits(weights: &[Array2<f64>], config: &Config) -> anyhow::Result<()> {
    let sizes: Vec<usize> = [n_inputs(config)?].into_iter().chain(layer_sizes(config)?).collect();
    let found: Vec<usize> =
        weights.first().map(Array2::nrows).into_iter().chain(weights.iter().map(Array2::ncols)).collect();
    if found == sizes && weights.windows(2).all(|w| w[0].ncols() == w[1].nrows()) {
        return Ok(());
    }
    Err(anyhow!(
        "weights for layers of {found:?} neurons (inputs first); the configuration has {sizes:?} (data.kind, encoding.copies, network.hidden)"
    ))
}

/// Writes what the run depends on into its folder.
fn describe(config: &Config, initial: Option<&InitialWeights>, folder: &RunFolder) -> anyhow::Result<()> {
    let text = config.to_toml().context("the configuration cannot be written as TOML")?;
    write(&folder.config(), text.as_bytes())?;
    if !config.residual_table.is_empty() {
        residual_table::keep(Path::new(&config.residual_table), folder.path())?;
    }
    if let Some(initial) = initial {
        initial_weights::keep(initial, folder.path())?;
    }
    Ok(())
}

/// An earlier run.
pub(super) fn resumed(path: &Path) -> anyhow::Result<Start> {
    let folder = RunFolder::open(path)?;
    let config = resolve(&[config_of(&folder)?])?;
    let timings = Timings::load(&folder)?;
    let table = folder.calibration().exists().then(|| Calibration::load(folder.calibration())).transpose()?;
    // The run has accepted this table before, if need be on purpose.
    let table = table.map(|table| GivenTable { table, force: true });
    if !folder.checkpoint().exists() {
        // Stopped before the first checkpoint: the run begins again.
        let from = (!config.from.is_empty())
            .then(|| initial_weights::kept(folder.path()).unwrap_or_else(|| (&config.from).into()));
        let initial = from.map(|file| initial_weights::load(&file)).transpose()?.map(|initial| initial.network);
        if let Some(network) = &initial {
            fits(&network.weights, &config)?;
        }
        return Ok(Start { config, folder, table, initial, checkpoint: None, timings });
    }
    let checkpoint = Checkpoint::load(&folder.checkpoint())?;
    if checkpoint.config_digest != digest(&folder)? || fits(&checkpoint.state.network.weights, &config).is_err() {
        bail!(
            "{}: the checkpoint belongs to another configuration or calibration than config.toml and calibration.json",
            path.display()
        );
    }
    Ok(Start { config, folder, table, initial: None, checkpoint: Some(checkpoint), timings })
}

/// Digest of what a training depends on: the resolved configuration and, on a chip, the calibration.
pub(super) fn digest(folder: &RunFolder) -> anyhow::Result<[u8; 32]> {
    let mut hasher = blake3::Hasher::new();
    for path in [folder.config(), folder.calibration()] {
        if path == folder.calibration() && !path.exists() {
            continue;
        }
        let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        hasher.update(blake3::hash(&bytes).as_bytes());
    }
    Ok(*hasher.finalize().as_bytes())
}
