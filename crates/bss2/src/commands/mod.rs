//! The commands, and what they share: from arguments to a checked configuration.

pub mod bench;
pub mod calib;
pub mod chip;
pub mod deploy;
pub mod infer;
pub mod network;
pub mod simulate;
pub mod study;
pub mod train;
pub mod twin;

mod page;
mod report;
mod summary;

use std::path::Path;

use ::calib::Calibration;
use anyhow::{Context as _, anyhow};
use bss2_emu::ChipIdentity;
use toml::{Table, Value};
use ttfs::scaling::Latency;

use crate::cli::{ChipArgs, ConfigArgs, OutputArgs};
use crate::config::{Config, Layer, assignment, comes_first, nested, resolve, table_from_file};
use crate::console::Console;
use crate::files::residual_table;
use crate::files::run_folder::RunFolder;
use crate::laboratory::GivenTable;

/// Applies `--threads`.
fn set_threads(output: &OutputArgs) -> anyhow::Result<()> {
    if let Some(threads) = output.threads {
        rayon::ThreadPoolBuilder::new()
            .num_threads(usize::from(threads))
            .build_global()
            .context("cannot start the threads")?;
    }
    Ok(())
}

/// Does work on one of the threads that share it out. Other threads have to be woken for each piece that they hand over, which a
/// batch of training does several times.
fn on_a_worker<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    rayon::scope(|_| work())
}

/// A value that a flag sets.
fn flag(name: &str, key: &str, value: impl Into<Value>) -> Layer {
    Layer { origin: name.to_owned(), table: nested(key, value.into()) }
}

/// The layer that `--chip` or `--chip-seed` stands for.
pub(crate) fn chip_layer(args: &ChipArgs) -> anyhow::Result<Option<Layer>> {
    let seed = |name: &str, seed: u64| {
        let seed = i64::try_from(seed).map_err(|_| anyhow!("{name} {seed}: seeds go up to {}", i64::MAX))?;
        anyhow::Ok(Some(flag(name, "chip.seed", seed)))
    };
    if let Some(value) = args.chip_seed {
        return seed("--chip-seed", value);
    }
    let Some(chip) = &args.chip else { return Ok(None) };
    if let Ok(value) = chip.parse() {
        return seed("--chip", value);
    }
    let path = Path::new(chip);
    if !path.exists() {
        anyhow::bail!("--chip {chip}: neither a seed (a whole number) nor a file");
    }
    if path.extension().is_some_and(|e| e == "npz") {
        return twin_layer(path).map(Some);
    }
    let table = Table::from_iter([("chip".to_owned(), Value::Table(table_from_file(path)?))]);
    Ok(Some(Layer { origin: chip.clone(), table }))
}

/// The keys that a twin sets: its chip, what its neurons and synapses are off, the threshold that it was recorded at, its latencies.
fn twin_layer(path: &Path) -> anyhow::Result<Layer> {
    let twin = ::twin::Twin::load(path)?;
    let Latency { external_us, internal_us } = twin.latency();
    let latency = Table::from_iter([
        ("external_us".to_owned(), external_us.into()),
        ("internal_us".to_owned(), internal_us.into()),
    ]);
    let mut table = Table::from_iter([
        ("residual_table".to_owned(), path.display().to_string().into()),
        ("chip".to_owned(), Value::try_from(twin.spec())?),
    ]);
    table.extend(nested("calibration.threshold_lsb", twin.threshold_lsb().into()));
    table.extend(nested("scaling.latency", latency.into()));
    Ok(Layer { origin: path.display().to_string(), table })
}

/// The configuration of an earlier run, with the run's own copy of a table of residuals.
pub fn config_of(folder: &RunFolder) -> anyhow::Result<Layer> {
    let mut table = table_from_file(&folder.config())?;
    if let Some(path) = residual_table::kept(folder.path()) {
        table.insert("residual_table".into(), path.display().to_string().into());
    }
    Ok(Layer { origin: folder.config().display().to_string(), table })
}

/// Resolves the configuration: the base, the file, what a calling program gives, the flags, `--set`; then the table that `--calibration` names.
fn configure(
    base: impl IntoIterator<Item = Layer>,
    config: &ConfigArgs,
    chip: &ChipArgs,
    flags: Vec<Layer>,
) -> anyhow::Result<(Config, Option<GivenTable>)> {
    let mut layers: Vec<Layer> = base.into_iter().collect();
    if let Some(path) = &config.config {
        layers.push(Layer { origin: path.display().to_string(), table: table_from_file(path)? });
    }
    layers.extend(config.given.iter().cloned());
    if let Some(named) = chip_layer(chip)? {
        // A table of residuals belongs to the chip that is left.
        layers.push(flag(&named.origin, "residual_table", ""));
        layers.push(named);
    }
    if let Some(path) = &chip.residual_table {
        layers.push(flag("--residual-table", "residual_table", path.display().to_string()));
    }
    layers.extend(flags);
    let assignments: Result<Vec<Layer>, _> = config.set.iter().map(|text| assignment(text)).collect();
    // Presets and kinds first, so that keys set beside them win whatever their order.
    let (first, others): (Vec<Layer>, Vec<Layer>) = assignments?.into_iter().partition(comes_first);
    layers.extend(first);
    layers.extend(others);
    let mut resolved = resolve(&layers)?;
    let table = chip.calibration.as_ref().map(Calibration::load).transpose()?;
    let given = table.map(|table| GivenTable { table, force: chip.force });
    if let Some(given) = &given {
        resolved.calibration = given.table.targets;
    }
    Ok((resolved, given))
}

/// Says so if a table of another chip is applied on purpose.
fn warn_of_other_chip(console: Console, given: &GivenTable, identity: &ChipIdentity) -> anyhow::Result<()> {
    if given.check(identity)? {
        let measured = &given.table.chip;
        console.say(format_args!("warning: the table of chip {measured} is applied to chip {identity} (--force)"));
    }
    Ok(())
}

/// Number that tells the noise of the one look at the test samples from that of all validations.
const TEST_PART: u32 = 1 << 20;
