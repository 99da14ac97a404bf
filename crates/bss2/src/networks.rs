//! Trained networks by path, whatever their format: a run folder, `.npz` (of this program or published), or `.nir`.

use std::path::Path;

use anyhow::bail;
use calib::{Calibration, Targets};
use nir::import::Options;
use toml::{Table, Value};

use crate::cli::NirArgs;
use crate::commands::config_of;
use crate::config::Layer;
use crate::console::Console;
use crate::files::network::SavedNetwork;
use crate::files::nir_network;
use crate::files::run_folder::RunFolder;

/// A network, and what its place knows beside it.
#[derive(Debug)]
pub struct Found {
    /// The network.
    pub saved: SavedNetwork,
    /// The configuration that it brings along: that of its run, or what its file says.
    pub base: Option<Layer>,
    /// The calibration of its run.
    pub table: Option<Calibration>,
    /// Whether task and encoding are its own; those of other tools' files are not known.
    pub has_encoding: bool,
}

/// Whether a name is that of a NIR file.
pub fn is_nir(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "nir")
}

/// Reads a network, and says how a NIR file was understood.
///
/// # Errors
/// If there is none, it is damaged, unfinished, or cannot run on the chip; flags for NIR with another format.
pub fn open(path: &Path, args: &NirArgs, console: Console) -> anyhow::Result<Found> {
    if is_nir(path) {
        return of_nir(path, args, console);
    }
    if let Some(flag) = args.given() {
        bail!("{}: {flag} is for .nir files; this network says its units itself", path.display());
    }
    if !path.is_dir() {
        return Ok(Found { saved: SavedNetwork::load(path)?, base: None, table: None, has_encoding: true });
    }
    let folder = RunFolder::open(path)?;
    if !folder.network().exists() {
        bail!("{}: the training is not finished; continue it with: bss2 train --resume {0}", path.display());
    }
    let base = Some(config_of(&folder)?);
    // A training without a chip of its own leaves no table.
    let table = folder.calibration().exists().then(|| Calibration::load(folder.calibration())).transpose()?;
    Ok(Found { saved: SavedNetwork::load(&folder.network())?, base, table, has_encoding: true })
}

fn of_nir(path: &Path, args: &NirArgs, console: Console) -> anyhow::Result<Found> {
    let Some(tau_syn_us) = Targets::allowed("tau_syn_exc_us") else { bail!("no range for tau_syn") };
    let options = Options { time_unit: args.time_unit, spike: args.spike, tau_syn: args.tau_syn, tau_syn_us };
    let nir_network::NirNetwork { saved, is_own, notes } = nir_network::load(path, &options)?;
    for note in &notes {
        console.say(format_args!("{}: {note}", path.display()));
    }
    let scaling = saved.architecture.scaling;
    let mut calibration = Table::new();
    for (key, us) in [
        ("tau_mem_us", scaling.us_per_time * scaling.model().tau_mem),
        ("tau_syn_exc_us", scaling.us_per_time),
        ("tau_syn_inh_us", scaling.us_per_time),
    ] {
        calibration.insert(key.into(), us.into());
    }
    let mut table = Table::from_iter([("calibration".to_owned(), Value::Table(calibration))]);
    table.insert("data".into(), Table::from_iter([("kind".to_owned(), saved.architecture.task.name().into())]).into());
    if !is_own {
        let encoding = Table::from_iter([("bias".to_owned(), "none".into()), ("copies".to_owned(), 1.into())]);
        table.insert("encoding".into(), encoding.into());
    }
    let base = Some(Layer { origin: path.display().to_string(), table });
    Ok(Found { saved, base, table: None, has_encoding: is_own })
}
