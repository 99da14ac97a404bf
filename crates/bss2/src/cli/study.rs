//! What users type for studies.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// What can be done about studies.
#[derive(Debug, Subcommand)]
pub enum StudyCommand {
    /// Say what a study would do: trials, time, what is perturbed and how.
    Plan(StudyPlanArgs),
    /// Carry out what has no result yet; a study that was stopped goes on.
    Run(StudyRunArgs),
    /// Say how far a study is.
    Status(StudyStatusArgs),
    /// Join the folders of several shards.
    Merge(StudyMergeArgs),
    /// Write tables, figures and report from the results that there are.
    Plot(StudyPlotArgs),
}

/// Which study.
#[derive(Debug, Args)]
pub struct StudyArgs {
    /// The study file, or a shipped study by its name (a name that is none lists them all).
    #[arg(value_name = "STUDY.toml|NAME")]
    pub study: String,
    /// The same question asked of less: the section [quick] of the study.
    #[arg(long)]
    pub quick: bool,
    /// Set a key of the study (chips, seeds, repeats, protocols, settings.KEY) or any key of its configuration; may be given
    /// several times.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

/// Arguments of `study plan`.
#[derive(Debug, Args)]
pub struct StudyPlanArgs {
    #[command(flatten)]
    pub study: StudyArgs,
    /// Print the plan as JSON, one trial a line.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `study run`.
#[derive(Debug, Args)]
pub struct StudyRunArgs {
    #[command(flatten)]
    pub study: StudyArgs,
    /// Folder of the study (default: studies-out/NAME).
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Do one of N shares, counted from 1 (default: of a Slurm job array, the task's share).
    #[arg(long, value_name = "I/N")]
    pub shard: Option<String>,
    /// Trials at the same time (default: `SLURM_CPUS_PER_TASK`, else all cores). Results do not depend on it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=512))]
    pub threads: Option<u16>,
    /// Let the study of the folder become this one, with other seeds or values, say: trials of both keep their results.
    #[arg(long)]
    pub extend: bool,
    /// Do failed trials again.
    #[arg(long)]
    pub retry_failed: bool,
    /// Print the result as one line of JSON on stdout; everything else goes to stderr.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `study status`.
#[derive(Debug, Args)]
pub struct StudyStatusArgs {
    /// Folder of the study.
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// Print the result as one line of JSON.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `study merge`.
#[derive(Debug, Args)]
pub struct StudyMergeArgs {
    /// Folders of the shards.
    #[arg(value_name = "DIR", required = true)]
    pub folders: Vec<PathBuf>,
    /// The folder that takes all results.
    #[arg(short, long, value_name = "DIR")]
    pub out: PathBuf,
}

/// Arguments of `study plot`.
#[derive(Debug, Args)]
pub struct StudyPlotArgs {
    /// Folder of the study.
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
}
