//! What users type.

// These comments are the texts of --help, for terminals: brackets and angles in them are what users type.
#![allow(rustdoc::broken_intra_doc_links, rustdoc::invalid_html_tags)]

mod deploy;
mod network;
mod study;
mod twin;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::config::{Layer, SubstrateKind};

pub use deploy::{DeployCheckArgs, DeployCommand, DeployExportArgs, DeployNetworkArgs, DeployRunArgs, DeployScaleArgs};
pub use network::{NetworkCommand, NetworkConvertArgs, NetworkShowArgs, NirArgs};
pub use study::{StudyArgs, StudyCommand, StudyMergeArgs, StudyPlanArgs, StudyPlotArgs, StudyRunArgs, StudyStatusArgs};
pub use twin::{RowArgs, TwinCommand, TwinFitArgs, TwinRecordArgs, TwinScoreArgs, TwinShowArgs};

/// Emulated BrainScaleS-2 chips: calibrate them, train spiking networks on them in the loop, and see what the network does
/// elsewhere.
#[derive(Debug, Parser)]
#[command(name = "bss2", version, max_term_width = 110)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Train a network in the loop on an emulated chip (default: Yin-Yang, 5-120-3, about a minute).
    Train(TrainArgs),
    /// Run a trained network on the same chip, another chip, or the ideal substrate.
    Infer(InferArgs),
    /// Compute the spikes of networks given by explicit neuron parameters, exactly and without a chip.
    Simulate(SimulateArgs),
    /// Measure how fast this machine runs, trains and computes: MNIST and Yin-Yang on an emulated chip and on the ideal substrate.
    Bench(BenchArgs),
    /// Look at trained networks, and write them in other formats: .npz, .nir.
    #[command(subcommand)]
    Network(NetworkCommand),
    /// Calibrate a chip by measurement.
    #[command(subcommand)]
    Calib(CalibCommand),
    /// Draw chips, look at them, and make the experiments with them that silicon was measured by.
    #[command(subcommand)]
    Chip(ChipCommand),
    /// Ask one question of many chips and trainings: robustness, transfer, protocols.
    #[command(subcommand)]
    Study(StudyCommand),
    /// Rehearse a deployment: what will a chip do with this network?
    #[command(subcommand)]
    Deploy(DeployCommand),
    /// Fit an emulated chip to recordings of a real one, and hold it against them.
    #[command(subcommand)]
    Twin(TwinCommand),
}

/// What can be done about chips.
#[derive(Debug, Subcommand)]
pub enum ChipCommand {
    /// Write the complete, commented description of a chip, which --chip takes.
    Draw(DrawArgs),
    /// Show what a laboratory could not know: the true parameters of all neurons at the default setting.
    Show(ShowArgs),
    /// Make an experiment on a calibrated chip and compare it with what was published for silicon.
    Probe(ProbeArgs),
}

/// Arguments of `chip draw`.
#[derive(Debug, Args)]
pub struct DrawArgs {
    /// Which chip of the family.
    #[arg(long, value_name = "N", default_value = "1")]
    pub seed: u64,
    /// What the description starts from: bss2, bss2-calibrated, fast-and-deep or ideal.
    #[arg(long, value_name = "PRESET", default_value = "bss2")]
    pub preset: String,
    /// Set a key of the description, for example `noise.cadc_lsb_std=0.5`; may be given several times.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// The file to write.
    #[arg(short, long, value_name = "CHIP.toml")]
    pub out: PathBuf,
}

/// Arguments of `chip show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The chip: a seed, or a chip.toml with the keys of the [chip] section.
    #[arg(value_name = "SEED|FILE")]
    pub chip: String,
    /// Draw histograms by quadrant into this file (.svg or .png).
    #[arg(short, long, value_name = "FIGURE")]
    pub out: Option<PathBuf>,
    /// Write the parameters of every neuron into this file.
    #[arg(long, value_name = "FILE.csv")]
    pub csv: Option<PathBuf>,
    /// Set any key of the description as in a configuration, for example `chip.preset=bss2-calibrated`.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Print the result as one line of JSON on stdout; everything else goes to stderr.
    #[arg(long)]
    pub json: bool,
}

/// An experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExperimentName {
    /// All that have a published range.
    All,
    /// Where membranes rest, and between which limits they move.
    Limits,
    /// The hardware weight of the software model's weight 1.
    WeightScale,
    /// Weights that make all neurons fire equally often under one Poisson source.
    Homeostasis,
    /// How far the membrane follows simultaneous inputs of either sign.
    DynamicRange,
    /// Rates of neurons whose leak lies above their threshold.
    LeakOverThreshold,
    /// Ten times the same PSP.
    PspRepeatability,
    /// The refractory code for an interval of 10 us.
    InterSpikeInterval,
    /// What a Poisson source of the chip sends, through neurons that are bypassed.
    Background,
    /// Rate against constant current.
    RateCurve,
    /// MADC trace of a stimulated neuron.
    MembraneTrace,
    /// What the codes of a neuron do; chips that are set by codes only.
    CodeSweep,
}

/// Arguments of `chip probe`.
#[derive(Debug, Args)]
pub struct ProbeArgs {
    /// What to measure.
    #[arg(value_enum, value_name = "EXPERIMENT")]
    pub experiment: ExperimentName,
    #[command(flatten)]
    pub chip: ChipArgs,
    /// Measure this many chips: the one named and those with the next seeds.
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub chips: u16,
    /// Write figures, tables and the description of the chip into this folder; files of the same name are replaced.
    #[arg(short, long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub config: ConfigArgs,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// What can be done about calibrations.
#[derive(Debug, Subcommand)]
pub enum CalibCommand {
    /// Calibrate a chip and write its table.
    Run(CalibArgs),
    /// Write a table in another format: .bss2cal, .json, .csv or .npz.
    Convert(ConvertArgs),
    /// Show what a table says: targets, what was measured, which neurons missed.
    Show(TableArgs),
    /// Compare two tables.
    Diff(DiffArgs),
    /// Measure a chip again with the codes of its table.
    Verify(VerifyArgs),
    /// Write what a real chip must be calibrated to for a trained network, in the names and units of calix.
    Targets(TargetsArgs),
}

/// Which chip.
#[derive(Debug, Default, Args)]
pub struct ChipArgs {
    /// The chip: a seed, a chip.toml with the keys of the [chip] section, or a twin of a real chip (.npz, see `twin fit`).
    #[arg(long, value_name = "SEED|FILE")]
    pub chip: Option<String>,
    /// Short for --chip SEED.
    #[arg(long, value_name = "SEED", conflicts_with = "chip")]
    pub chip_seed: Option<u64>,
    /// What the calibration left behind in each neuron, as a CSV or npz table, for a chip that is set directly
    /// (`chip.parameters = "direct"`; key `residual_table`).
    #[arg(long, value_name = "FILE")]
    pub residual_table: Option<PathBuf>,
    /// Set the chip from this calibration table (.bss2cal, .json, .csv, .npz) instead of calibrating it.
    #[arg(long, value_name = "FILE")]
    pub calibration: Option<PathBuf>,
    /// Apply a table that was measured on another chip, on purpose.
    #[arg(long)]
    pub force: bool,
}

/// Where configuration comes from.
#[derive(Debug, Default, Args)]
pub struct ConfigArgs {
    /// Configuration file (TOML); a config.toml of a run is one.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Set any configuration key; may be given several times. `train --help` lists all keys.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Values of a program that calls this one; those of a file come before them, flags after them.
    #[arg(skip)]
    pub given: Vec<Layer>,
}

/// How to work and report.
#[derive(Debug, Default, Args)]
pub struct OutputArgs {
    /// Print the result as one line of JSON on stdout; everything else goes to stderr.
    #[arg(long)]
    pub json: bool,
    /// Threads to compute with (default: all cores). Results do not depend on it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=512))]
    pub threads: Option<u16>,
}

/// Arguments of `train`.
#[derive(Debug, Default, Args)]
pub struct TrainArgs {
    /// Begin with the settings of a published experiment; --config, flags and --set win over it.
    #[arg(long, value_name = "NAME")]
    pub preset: Option<String>,
    /// List the presets: network, substrate, source.
    #[arg(long)]
    pub list: bool,
    /// Which chip, and what sets it.
    #[command(flatten)]
    pub chip: ChipArgs,
    /// What to train on: a chip in the loop, the ideal model without any chip, or a fresh chip for every batch (key substrate).
    #[arg(long, value_enum)]
    pub substrate: Option<SubstrateKind>,
    /// Begin with the weights of this run folder, network.npz or checkpoint; its layers and encoding are the defaults then (key
    /// from).
    #[arg(long, value_name = "RUN|NET.npz|CKPT")]
    pub from: Option<PathBuf>,
    /// Seed of initial weights, sample order and noise (key training.seed).
    #[arg(long)]
    pub seed: Option<u64>,
    /// Passes over the training samples (key training.epochs).
    #[arg(long)]
    pub epochs: Option<u32>,
    /// Hidden neurons (key network.hidden).
    #[arg(long, value_name = "N")]
    pub hidden: Option<u32>,
    /// Run folder; it must be new or empty (default: runs/<DATA>-chip<SEED>-seed<SEED>).
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Continue the run in this folder; it ends with the same bytes as an uninterrupted one.
    #[arg(
        long,
        value_name = "RUN",
        conflicts_with_all = ["preset", "list", "chip", "chip_seed", "residual_table", "calibration", "force", "substrate", "from", "seed", "epochs", "hidden", "out", "config", "set"]
    )]
    pub resume: Option<PathBuf>,
    /// Where configuration comes from.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// How to work and report.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// What a network runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SubstrateName {
    /// An emulated chip.
    Chip,
    /// The exact model: equal neurons, no noise; weights on the chip's grid if the network was trained so.
    Ideal,
}

/// Arguments of `infer`.
#[derive(Debug, Default, Args)]
pub struct InferArgs {
    /// A run folder, or a network (.npz, .nir).
    #[arg(value_name = "RUN|NET")]
    pub network: PathBuf,
    /// What a NIR file does not say.
    #[command(flatten)]
    pub nir: NirArgs,
    /// Which chip, and what sets it.
    #[command(flatten)]
    pub chip: ChipArgs,
    /// Which test samples: yin-yang, mnist, mnist16, fashion-mnist, fashion-mnist16, or a .csv or .npz file (default: those of the
    /// task that the network was trained for).
    #[arg(long, value_name = "SET|FILE")]
    pub data: Option<String>,
    /// What to run it on (default: for a run folder of the ideal substrate that, else a chip).
    #[arg(long, value_enum)]
    pub substrate: Option<SubstrateName>,
    /// Write first-spike times of all layers and labels to this .npz (in units of the synaptic time constant, inf for silence).
    #[arg(long, value_name = "FILE.npz")]
    pub times: Option<PathBuf>,
    /// Where configuration comes from.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// How to work and report.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// A group of workloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Workloads {
    /// 256-246-10 on images of 16 x 16 pixels, what each effect of the chip costs, and growth with threads.
    Mnist,
    /// 25-120-3; needs no files.
    YinYang,
}

/// Arguments of `bench`.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// Run this group alone.
    #[arg(long, value_enum, value_name = "GROUP")]
    pub only: Option<Workloads>,
    /// How often each workload is timed; medians and ranges are over these.
    #[arg(long, value_name = "N", default_value = "5", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub repeats: u16,
    /// Time at most this many samples of each workload (default: all 10,000 test and 60,000 training images; 5000 of Yin-Yang).
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(10..=60_000))]
    pub samples: Option<u32>,
    /// Run the first 1000 of the samples (all, if there are fewer) by the engine in double precision, too, and compare all spikes; too many differences are an
    /// error.
    #[arg(long)]
    pub verify: bool,
    /// The folder above the published files of MNIST (default: key `data.folder`, i.e. `BSS2_DATA` or ./data).
    #[arg(long, value_name = "FOLDER")]
    pub data: Option<PathBuf>,
    /// How to work and report.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// How `simulate` computes; the spikes are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EngineName {
    /// From event to event: for every network.
    Event,
    /// One population after the other: for feed-forward networks.
    Layered,
}

/// Arguments of `simulate`.
#[derive(Debug, Args)]
pub struct SimulateArgs {
    /// Networks with their input (JSON; the page "Simulating networks" of the book describes it).
    #[arg(value_name = "EXPERIMENT.json")]
    pub experiment: PathBuf,
    /// Write the spike times to this file (JSON) instead of stdout.
    #[arg(short, long, value_name = "SPIKES.json")]
    pub out: Option<PathBuf>,
    /// How to compute.
    #[arg(long, value_enum, default_value = "event")]
    pub engine: EngineName,
}

/// Arguments of `calib run`.
#[derive(Debug, Args)]
pub struct CalibArgs {
    /// Which chip, and what sets it.
    #[command(flatten)]
    pub chip: ChipArgs,
    /// What to calibrate to: a preset (fast-and-deep, fast-and-deep-large, hxtorch, calix, spiking2), or a file of targets in the
    /// names and units of calix, for all neurons or for each, as `calib targets` writes it (.json, .csv, .npz);
    /// `--set calibration.KEY=VALUE` changes single targets.
    #[arg(long, value_name = "PRESET|FILE")]
    pub target: Option<String>,
    /// The table to write; the extension chooses the format: .bss2cal, .json, .csv or .npz.
    #[arg(short, long, value_name = "FILE")]
    pub out: PathBuf,
    /// Where configuration comes from.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// How to work and report.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Arguments of `calib convert`.
#[derive(Debug, Args)]
pub struct ConvertArgs {
    /// The table to read.
    #[arg(value_name = "FROM")]
    pub from: PathBuf,
    /// The table to write; the extension chooses the format. A file of this name is replaced.
    #[arg(value_name = "TO")]
    pub to: PathBuf,
    /// Write the table of a chip that nobody calibrated: the same chip with one code for all neurons, the median of their codes.
    #[arg(long)]
    pub uncalibrated: bool,
}

/// Arguments of `calib show`.
#[derive(Debug, Args)]
pub struct TableArgs {
    /// The table.
    #[arg(value_name = "FILE")]
    pub table: PathBuf,
    /// Draw histograms and a map of success into this file (.svg or .png).
    #[arg(short, long, value_name = "FIGURE")]
    pub out: Option<PathBuf>,
    /// Print the result as one line of JSON on stdout; everything else goes to stderr.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `calib diff`.
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// A table.
    #[arg(value_name = "A")]
    pub a: PathBuf,
    /// The table to compare it with; differences are B - A.
    #[arg(value_name = "B")]
    pub b: PathBuf,
    /// Print the result as one line of JSON on stdout; everything else goes to stderr.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `calib verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The table.
    #[arg(value_name = "FILE")]
    pub table: PathBuf,
    /// Which chip, and what sets it.
    #[command(flatten)]
    pub chip: ChipArgs,
    /// Where configuration comes from.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// How to work and report.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Arguments of `calib targets`.
#[derive(Debug, Args)]
pub struct TargetsArgs {
    /// A run folder, or a network.npz.
    #[arg(value_name = "RUN|NET.npz")]
    pub network: PathBuf,
    /// The targets to write (.json, .csv or .npz); a script that hands them to calix appears beside it.
    #[arg(short, long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Where configuration comes from.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Print the result as one line of JSON on stdout; everything else goes to stderr.
    #[arg(long)]
    pub json: bool,
}
