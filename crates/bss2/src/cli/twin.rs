//! What users type for twins of real chips.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{ChipArgs, ConfigArgs, NirArgs, OutputArgs};

/// What can be done about twins.
#[derive(Debug, Subcommand)]
pub enum TwinCommand {
    /// Record a network on an emulated chip, in the form in which recordings of real chips are read.
    Record(TwinRecordArgs),
    /// Fit a model of the chip to a recording; the result is a chip that --chip takes.
    Fit(TwinFitArgs),
    /// Say how far a twin is from a recording.
    Score(TwinScoreArgs),
    /// Show what a twin says about its chip.
    Show(TwinShowArgs),
}

/// Arguments of `twin record`.
#[derive(Debug, Args)]
pub struct TwinRecordArgs {
    /// A run folder, or a network (.npz, .nir), with one hidden layer.
    #[arg(value_name = "RUN|NET")]
    pub network: PathBuf,
    /// The recording to write.
    #[arg(short, long, value_name = "REC.npz")]
    pub out: PathBuf,
    #[command(flatten)]
    pub nir: NirArgs,
    #[command(flatten)]
    pub chip: ChipArgs,
    #[command(flatten)]
    pub config: ConfigArgs,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Which samples of a recording a fit looks at.
#[derive(Debug, Clone, Args)]
pub struct RowArgs {
    /// Training samples whose outputs are fitted, counted from 0, the last one left out (default: the first seven tenths); the others
    /// are held out.
    #[arg(long, value_name = "FIRST..END")]
    pub rows: Option<String>,
    /// Of every ten test samples, so many give their hidden spikes to the fit; the others are held out. Outputs of test samples are
    /// never fitted.
    #[arg(long, value_name = "N", default_value = "7", value_parser = clap::value_parser!(u8).range(0..=10))]
    pub hidden_rows: u8,
}

/// Arguments of `twin fit`.
#[derive(Debug, Args)]
pub struct TwinFitArgs {
    /// The recording.
    #[arg(value_name = "REC.npz")]
    pub recording: PathBuf,
    /// The twin to write.
    #[arg(short, long, value_name = "TWIN.npz")]
    pub out: PathBuf,
    #[command(flatten)]
    pub rows: RowArgs,
    /// Seed of the twin's noise, and of what the recording does not show.
    #[arg(long, value_name = "N", default_value = "1")]
    pub seed: u64,
    /// Draw measured against emulated times, residuals, gains and silence into this file (.svg or .png).
    #[arg(long, value_name = "FIGURE")]
    pub figure: Option<PathBuf>,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Arguments of `twin score`.
#[derive(Debug, Args)]
pub struct TwinScoreArgs {
    /// The recording.
    #[arg(value_name = "REC.npz")]
    pub recording: PathBuf,
    /// The twin.
    #[arg(value_name = "TWIN.npz")]
    pub twin: PathBuf,
    #[command(flatten)]
    pub rows: RowArgs,
    /// Emulated trials of the test samples with noise.
    #[arg(long, value_name = "N", default_value = "4", value_parser = clap::value_parser!(u16).range(2..=1000))]
    pub trials: u16,
    /// Switch the noise off: what is left of the trials is then the same each time.
    #[arg(long)]
    pub no_noise: bool,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Arguments of `twin show`.
#[derive(Debug, Args)]
pub struct TwinShowArgs {
    /// The twin.
    #[arg(value_name = "TWIN.npz")]
    pub twin: PathBuf,
    /// Write the keys that `--chip TWIN.npz` sets as a configuration (TOML), for `--config` and for study files.
    #[arg(long, value_name = "FILE.toml")]
    pub config_out: Option<PathBuf>,
    /// Print the result as one line of JSON on stdout; everything else goes to stderr.
    #[arg(long)]
    pub json: bool,
}
