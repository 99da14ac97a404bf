//! What users type to rehearse a deployment.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{ConfigArgs, NirArgs, OutputArgs};

/// What can be done about a deployment.
#[derive(Debug, Subcommand)]
pub enum DeployCommand {
    /// Say what of a chip a network takes, and what its weights lose.
    Check(DeployCheckArgs),
    /// Choose the mapping that loses least on validation samples, and write it.
    Scale(DeployScaleArgs),
    /// Run the network on many virtual chips, raw and calibrated, and say what becomes of it.
    Run(DeployRunArgs),
    /// Write everything that puts the network on a real chip.
    Export(DeployExportArgs),
}

/// Which network, and how it is put on a chip.
#[derive(Debug, Args)]
pub struct DeployNetworkArgs {
    /// A run folder, or a network (.npz of this program or published, .nir).
    #[arg(value_name = "RUN|NET")]
    pub network: PathBuf,
    /// How it is mapped: `auto` (the mapping that loses least on validation samples), a file of `deploy scale`, or KEY=VALUE over what
    /// came before; may be given several times (default: one row for each source, the setting of a
    /// training in the loop; of `deploy scale`: auto).
    #[arg(long, value_name = "auto|FILE|KEY=VALUE")]
    pub scale: Vec<String>,
    /// Samples: yin-yang, mnist, mnist16, fashion-mnist, fashion-mnist16 (default: those that the network was trained for).
    #[arg(long, value_name = "SET")]
    pub data: Option<String>,
    #[command(flatten)]
    pub nir: NirArgs,
    #[command(flatten)]
    pub config: ConfigArgs,
}

/// Arguments of `deploy check`.
#[derive(Debug, Args)]
pub struct DeployCheckArgs {
    #[command(flatten)]
    pub network: DeployNetworkArgs,
    /// Look at this chip, too: calibrate it and say what its threshold is worth (a seed, or a chip.toml).
    #[arg(long, value_name = "SEED|FILE")]
    pub chip: Option<String>,
    /// Draw the two synapse arrays into this folder (placement.svg and .png, one for each pass).
    #[arg(short, long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Arguments of `deploy scale`.
#[derive(Debug, Args)]
pub struct DeployScaleArgs {
    #[command(flatten)]
    pub network: DeployNetworkArgs,
    /// The mapping to write (TOML).
    #[arg(short, long, value_name = "MAPPING.toml")]
    pub out: PathBuf,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Arguments of `deploy run`.
#[derive(Debug, Args)]
pub struct DeployRunArgs {
    #[command(flatten)]
    pub network: DeployNetworkArgs,
    /// Chips, those with the seeds from 1 on.
    #[arg(long, value_name = "N", default_value = "10", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub chips: u16,
    /// Tests of the network on each chip.
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub repeats: u16,
    /// Then train so many epochs in the loop of each calibrated chip, with tests on the way.
    #[arg(long, value_name = "EPOCHS", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub fine_tune: Option<u32>,
    /// Chips that are fine-tuned, the first ones (default: all).
    #[arg(long, value_name = "N", requires = "fine_tune", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub fine_tune_chips: Option<u16>,
    /// Chips on which effects are switched off one at a time; 0: none.
    #[arg(long, value_name = "N", default_value = "5", value_parser = clap::value_parser!(u16).range(0..=1000))]
    pub sensitivity_chips: u16,
    /// Let the rehearsal of the folder become this one, with more chips, say: trials of both keep their results.
    #[arg(long)]
    pub extend: bool,
    /// Folder of the rehearsal; the same command goes on where it was stopped (default: deployments/NAME).
    #[arg(short, long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Arguments of `deploy export`.
#[derive(Debug, Args)]
pub struct DeployExportArgs {
    #[command(flatten)]
    pub network: DeployNetworkArgs,
    /// The folder to write; it must be new or empty.
    #[arg(short, long, value_name = "DIR")]
    pub out: PathBuf,
    #[command(flatten)]
    pub output: OutputArgs,
}
