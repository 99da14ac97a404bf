//! What users type about networks as files.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use nir::{Spike, TimeUnit};

/// What can be done about networks.
#[derive(Debug, Subcommand)]
pub enum NetworkCommand {
    /// Say what a network is: layers, constants, ranges of the weights.
    Show(NetworkShowArgs),
    /// Write a network in another format: .npz or .nir.
    Convert(NetworkConvertArgs),
}

/// What NIR files do not say.
#[derive(Debug, Default, Args)]
pub struct NirArgs {
    /// Unit of the time constants of a .nir file, ms or s (default: what the file says, or a guess).
    #[arg(long = "nir-time-unit", value_name = "ms|s")]
    pub time_unit: Option<TimeUnit>,
    /// What a spike of a .nir file is: `delta` (area 1, the letter of NIR), `current` (adds its weight to the synaptic current), or
    /// the time step of the tool that wrote it, in the file's unit (default: what the file says, or a guess).
    #[arg(long = "nir-spike", value_name = "delta|current|DT", allow_negative_numbers = true)]
    pub spike: Option<Spike>,
    /// Give neurons of a .nir file that have no synapses (LIF) this synaptic time constant, in the file's unit.
    #[arg(long = "nir-tau-syn", value_name = "TAU", value_parser = positive, allow_negative_numbers = true)]
    pub tau_syn: Option<f64>,
}

impl NirArgs {
    /// The first flag that was given.
    pub fn given(&self) -> Option<&'static str> {
        [
            (self.time_unit.is_some(), "--nir-time-unit"),
            (self.spike.is_some(), "--nir-spike"),
            (self.tau_syn.is_some(), "--nir-tau-syn"),
        ]
        .into_iter()
        .find_map(|(given, name)| given.then_some(name))
    }
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() && value > 0.0 => Ok(value),
        _ => Err("needed is a number above 0".into()),
    }
}

/// Arguments of `network show`.
#[derive(Debug, Args)]
pub struct NetworkShowArgs {
    /// A run folder, or a network (.npz, .nir).
    #[arg(value_name = "RUN|NET")]
    pub network: PathBuf,
    #[command(flatten)]
    pub nir: NirArgs,
    /// Print the result as one line of JSON on stdout; everything else goes to stderr.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `network convert`.
#[derive(Debug, Args)]
pub struct NetworkConvertArgs {
    /// A run folder, or the network to read (.npz, .nir).
    #[arg(value_name = "FROM")]
    pub from: PathBuf,
    /// The network to write; the extension chooses the format (.npz, .nir). A file of this name is replaced.
    #[arg(value_name = "TO")]
    pub to: PathBuf,
    #[command(flatten)]
    pub nir: NirArgs,
}
