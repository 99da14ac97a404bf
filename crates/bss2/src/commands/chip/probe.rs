//! `bss2 chip probe`: experiments on calibrated chips, beside what was published for silicon.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use bss2_emu::codes::NEURONS;
use bss2_emu::spec::ParameterSource;
use bss2_emu::{Chip, ChipSpec, Device as _, NeuronSetting};
use calib::{Calibration, Targets, calibrate};
use probes::Bench;

use super::describe::describe;
use super::experiments::{Experiment, key, named, targets};
use super::results::{ChipResult, ExperimentResult, Results};
use crate::cli::{ExperimentName, ProbeArgs};
use crate::commands::{configure, set_threads, warn_of_other_chip};
use crate::config::Config;
use crate::console::Console;
use crate::figures::chart;
use crate::files::{FileError, residual_table, write};
use crate::laboratory::draw;

/// Makes one experiment, or all with a published range, on one chip or several.
///
/// # Errors
/// If the configuration is wrong, a table belongs to another chip or to other targets, an experiment fails, or a file cannot be
/// written. That a chip lies outside a published range is a result, no error.
pub fn run(args: &ProbeArgs) -> anyhow::Result<ExitCode> {
    let console = Console::new(args.output.json);
    set_threads(&args.output)?;
    let (config, given) = configure(None, &args.config, &args.chip, Vec::new())?;
    // A table of residuals is part of the chip's identity.
    let first = draw(&config.chip, &config.residual_table)?;
    if let Some(given) = &given {
        warn_of_other_chip(console, given, first.identity())?;
    }
    let table = given.map(|given| given.table);
    check(args, &config, table.as_ref())?;
    let specs: Vec<ChipSpec> =
        (0..u64::from(args.chips)).map(|k| ChipSpec { seed: config.chip.seed + k, ..config.chip }).collect();
    // Nothing is computed for folders that cannot be written to.
    let folders = args.out.as_deref().map(|out| folders(out, &specs, &config.residual_table)).transpose()?;

    let mut chips = Vec::with_capacity(specs.len());
    for (k, spec) in specs.iter().enumerate() {
        let folder = folders.as_ref().map(|f| f[k].as_path());
        let residual_table = config.residual_table.as_str();
        let chip = OneChip { console, spec, residual_table, table: table.as_ref(), made: Vec::new() };
        chips.push(chip.all(args.experiment, folder)?);
    }
    let results = Results::new(config.chip.preset, chips);
    results.say_summary(console);
    let json = serde_json::to_value(&results)?;
    if let Some(out) = &args.out {
        write(&out.join(format!("{}.json", key(args.experiment))), format!("{json:#}\n").as_bytes())?;
        console.say(format_args!("figures and tables in {}", out.display()));
    }
    console.result(&json)?;
    Ok(ExitCode::SUCCESS)
}

fn check(args: &ProbeArgs, config: &Config, table: Option<&Calibration>) -> anyhow::Result<()> {
    let spec = &config.chip;
    let last = spec.seed.checked_add(u64::from(args.chips) - 1).filter(|last| i64::try_from(*last).is_ok());
    if last.is_none() {
        bail!("--chips {}: seeds go up to {}, and the first is {}", args.chips, i64::MAX, spec.seed);
    }
    if args.experiment == ExperimentName::CodeSweep && spec.parameters == ParameterSource::Direct {
        bail!("code-sweep: this chip is set directly (chip.parameters = \"direct\") and has no codes to sweep");
    }
    if args.chips > 1 && !config.residual_table.is_empty() {
        bail!("residual_table = {:?}: a table belongs to one chip; leave out --chips", config.residual_table);
    }
    let Some(table) = table else { return Ok(()) };
    if args.chips > 1 {
        bail!(
            "--calibration {}: a table belongs to one chip; leave out --chips",
            shown(args.chip.calibration.as_ref())
        );
    }
    // Of all experiments, those at other targets are calibrated for.
    let alone = named(args.experiment).into_iter().filter(|_| args.experiment != ExperimentName::All);
    for experiment in alone.filter(|e| e.has_band) {
        let needed = targets(&experiment.operating_point);
        if table.targets != needed {
            bail!(
                "--calibration {}: {} has its published range at other targets: {}",
                shown(args.chip.calibration.as_ref()),
                experiment.key,
                differences(&table.targets, &needed)?.join(", ")
            );
        }
    }
    Ok(())
}

fn shown(path: Option<&PathBuf>) -> String {
    path.map(|p| p.display().to_string()).unwrap_or_default()
}

/// Keys whose values differ, with the one that is needed.
fn differences(found: &Targets, needed: &Targets) -> anyhow::Result<Vec<String>> {
    let (found, needed) = (toml::Table::try_from(found)?, toml::Table::try_from(needed)?);
    let differing = needed.iter().filter(|(key, value)| found.get(*key) != Some(value));
    Ok(differing.map(|(key, value)| format!("{key} = {value}")).collect())
}

/// One folder per chip, with its description.
fn folders(out: &Path, specs: &[ChipSpec], residual_table: &str) -> anyhow::Result<Vec<PathBuf>> {
    let mut folders = Vec::with_capacity(specs.len());
    for spec in specs {
        let folder = if specs.len() == 1 { out.to_owned() } else { out.join(format!("chip-{}", spec.seed)) };
        std::fs::create_dir_all(&folder).map_err(|source| FileError::Io {
            action: "create",
            path: folder.clone(),
            source,
        })?;
        let identity = draw(spec, residual_table)?.identity().clone();
        write(&folder.join("chip.toml"), describe(spec, &identity)?.as_bytes())?;
        if !residual_table.is_empty() {
            residual_table::keep(Path::new(residual_table), &folder)?;
        }
        folders.push(folder);
    }
    Ok(folders)
}

/// One chip, and the settings that were found for it so far.
struct OneChip<'a> {
    console: Console,
    spec: &'a ChipSpec,
    residual_table: &'a str,
    table: Option<&'a Calibration>,
    made: Vec<Calibration>,
}

impl OneChip<'_> {
    fn all(mut self, name: ExperimentName, folder: Option<&Path>) -> anyhow::Result<ChipResult> {
        let mut chip = draw(self.spec, self.residual_table)?;
        self.console.say(format_args!("chip {}", chip.identity()));
        let mut experiments = Vec::new();
        for experiment in named(name) {
            let setting = self.setting(&mut chip, &experiment)?;
            let mut bench = Bench::new(&mut chip, setting);
            let report = (experiment.make)(&mut bench).with_context(|| format!("{} failed", experiment.key))?;
            let result = ExperimentResult::new(&experiment.key, &report, bench.hardware_time_us());
            result.say(self.console);
            if let Some(folder) = folder {
                let title = format!("{} on chip {}", experiment.key, chip.identity());
                chart(&title, &report.view.panels).save(folder, &experiment.key)?;
                write(&folder.join(format!("{}.csv", experiment.key)), report.view.csv.as_bytes())?;
            }
            experiments.push(result);
        }
        Ok(ChipResult { seed: self.spec.seed, identity: chip.identity().clone(), experiments })
    }

    /// The setting at which an experiment is made: that of the table if it fits (or the experiment has no published range), the
    /// targets themselves on a chip that is set directly, else that of a calibration to them.
    fn setting(&mut self, chip: &mut Chip, experiment: &Experiment) -> anyhow::Result<NeuronSetting> {
        let needed = targets(&experiment.operating_point);
        let fits = |table: &&Calibration| table.targets == needed || !experiment.has_band;
        if let Some(table) = self.table.filter(fits).or_else(|| self.made.iter().find(fits)) {
            return Ok(table.setting());
        }
        if self.spec.parameters == ParameterSource::Direct {
            return Ok(NeuronSetting::Direct(vec![experiment.operating_point.parameters(); NEURONS]));
        }
        let console = self.console;
        console.say(format_args!("calibrating for {}", experiment.key));
        let made = calibrate(chip, &needed, &mut |step| {
            console.say(format_args!("{:2}/{} {}", step.index, step.of, step.name));
        })
        .context("the calibration of the chip failed")?;
        let setting = made.setting();
        self.made.push(made);
        Ok(setting)
    }
}
