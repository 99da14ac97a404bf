//! `bss2 chip probe`: experiments on calibrated chips, beside what was published for silicon.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use bss2_emu::codes::NEURONS;
use bss2_emu::spec::ParameterSource;
use bss2_emu::{Chip, ChipSpec, Device as _, NeuronSetting};
use calib::{Calibration, Targets, calibrate};
use probes::{Bench, Finding, statistics};
use serde::Serialize;

use super::describe::describe;
use super::experiments::{Report, has_band, key, make, named, operating_point, targets};
use crate::cli::{ExperimentName, ProbeArgs};
use crate::commands::{configure, set_threads};
use crate::console::Console;
use crate::figures::chart;
use crate::files::{FileError, write};

/// Makes one experiment, or all with a published range, on one chip or several.
///
/// # Errors
/// If the configuration is wrong, a table belongs to another chip or to other targets, an experiment fails, or a file cannot be
/// written. That a chip lies outside a published range is a result, no error.
pub fn run(args: &ProbeArgs) -> anyhow::Result<ExitCode> {
    let console = Console::new(args.output.json);
    set_threads(&args.output)?;
    let (config, table) = configure(None, &args.config, &args.chip, Vec::new())?;
    check(args, &config.chip, table.as_ref())?;
    let specs: Vec<ChipSpec> =
        (0..u64::from(args.chips)).map(|k| ChipSpec { seed: config.chip.seed + k, ..config.chip }).collect();
    // Nothing is computed for folders that cannot be written to.
    let folders = args.out.as_deref().map(|out| folders(out, &specs)).transpose()?;

    let mut chips = Vec::with_capacity(specs.len());
    for (k, spec) in specs.iter().enumerate() {
        let folder = folders.as_ref().map(|f| f[k].as_path());
        chips.push(Laboratory { console, spec, table: table.as_ref(), made: Vec::new() }.all(args.experiment, folder)?);
    }
    let result =
        Outcome { version: env!("CARGO_PKG_VERSION"), preset: config.chip.preset, summary: sum_up(&chips), chips };
    if result.chips.len() > 1 {
        say_summary(console, &result.summary);
    }
    let json = serde_json::to_value(&result)?;
    if let Some(out) = &args.out {
        write(&out.join(format!("{}.json", key(args.experiment))), format!("{json:#}\n").as_bytes())?;
        console.say(format_args!("figures and tables in {}", out.display()));
    }
    console.result(&json)?;
    Ok(ExitCode::SUCCESS)
}

fn check(args: &ProbeArgs, spec: &ChipSpec, table: Option<&Calibration>) -> anyhow::Result<()> {
    let last = spec.seed.checked_add(u64::from(args.chips) - 1).filter(|last| i64::try_from(*last).is_ok());
    if last.is_none() {
        bail!("--chips {}: seeds go up to {}, and the first is {}", args.chips, i64::MAX, spec.seed);
    }
    if args.experiment == ExperimentName::CodeSweep && spec.parameters == ParameterSource::Direct {
        bail!("code-sweep: this chip is set directly (chip.parameters = \"direct\") and has no codes to sweep");
    }
    let Some(table) = table else { return Ok(()) };
    if args.chips > 1 {
        bail!(
            "--calibration {}: a table belongs to one chip; leave out --chips",
            shown(args.chip.calibration.as_ref())
        );
    }
    table.require_chip(&spec.identity())?;
    let needed = targets(&operating_point(args.experiment));
    if args.experiment != ExperimentName::All && has_band(args.experiment) && table.targets != needed {
        bail!(
            "--calibration {}: {} has its published range at other targets: {}",
            shown(args.chip.calibration.as_ref()),
            key(args.experiment),
            differences(&table.targets, &needed)?.join(", ")
        );
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
fn folders(out: &Path, specs: &[ChipSpec]) -> anyhow::Result<Vec<PathBuf>> {
    let mut folders = Vec::with_capacity(specs.len());
    for spec in specs {
        let folder = if specs.len() == 1 { out.to_owned() } else { out.join(format!("chip-{}", spec.seed)) };
        std::fs::create_dir_all(&folder).map_err(|source| FileError::Io {
            action: "create",
            path: folder.clone(),
            source,
        })?;
        write(&folder.join("chip.toml"), describe(spec)?.as_bytes())?;
        folders.push(folder);
    }
    Ok(folders)
}

/// What was measured, as it is printed for machines.
#[derive(Debug, Serialize)]
struct Outcome {
    version: &'static str,
    preset: bss2_emu::spec::Preset,
    summary: Vec<Summary>,
    chips: Vec<ChipResult>,
}

#[derive(Debug, Serialize)]
struct ChipResult {
    seed: u64,
    identity: String,
    experiments: Vec<ExperimentResult>,
}

#[derive(Debug, Serialize)]
struct ExperimentResult {
    experiment: String,
    findings: Vec<Measured>,
    notes: Vec<String>,
    hardware_time_s: f64,
}

/// A number beside its published range.
#[derive(Debug, Clone, Serialize)]
struct Measured {
    name: &'static str,
    unit: &'static str,
    value: f64,
    low: f64,
    high: f64,
    inside: bool,
    source: &'static str,
}

impl Measured {
    fn new(finding: &Finding) -> Self {
        let band = finding.band;
        Self {
            name: band.name,
            unit: band.unit,
            value: finding.value,
            low: band.low,
            high: band.high,
            inside: finding.is_inside(),
            source: band.source,
        }
    }
}

/// A number over all chips.
#[derive(Debug, Serialize)]
struct Summary {
    experiment: String,
    name: &'static str,
    unit: &'static str,
    low: f64,
    high: f64,
    source: &'static str,
    mean: f64,
    sd: f64,
    min: f64,
    max: f64,
    inside: usize,
    chips: usize,
}

/// One chip, and the settings that were found for it so far.
struct Laboratory<'a> {
    console: Console,
    spec: &'a ChipSpec,
    table: Option<&'a Calibration>,
    made: Vec<Calibration>,
}

impl Laboratory<'_> {
    fn all(mut self, name: ExperimentName, folder: Option<&Path>) -> anyhow::Result<ChipResult> {
        let mut chip = Chip::draw(self.spec);
        self.console.say(format_args!("chip {}", chip.identity()));
        let mut experiments = Vec::new();
        for name in named(name) {
            let setting = self.setting(&mut chip, name)?;
            let mut bench = Bench::new(&mut chip, setting);
            let report = make(name, &mut bench).with_context(|| format!("{} failed", key(name)))?;
            let hardware_time_s = bench.hardware_time_us() * 1e-6;
            self.say(name, &report);
            if let Some(folder) = folder {
                let title = format!("{} on chip {}", key(name), self.spec.identity());
                chart(&title, &report.view.panels).save(folder, &key(name))?;
                write(&folder.join(format!("{}.csv", key(name))), report.view.csv.as_bytes())?;
            }
            let findings = report.findings.iter().map(Measured::new).collect();
            experiments.push(ExperimentResult {
                experiment: key(name),
                findings,
                notes: report.notes,
                hardware_time_s,
            });
        }
        Ok(ChipResult { seed: self.spec.seed, identity: self.spec.identity().to_string(), experiments })
    }

    /// The setting at which an experiment is made: that of the table if it fits (or the experiment has no published range), the
    /// targets themselves on a chip that is set directly, else that of a calibration to them.
    fn setting(&mut self, chip: &mut Chip, name: ExperimentName) -> anyhow::Result<NeuronSetting> {
        let point = operating_point(name);
        let needed = targets(&point);
        let fits = |table: &&Calibration| table.targets == needed || !has_band(name);
        if let Some(table) = self.table.filter(fits).or_else(|| self.made.iter().find(fits)) {
            return Ok(table.setting());
        }
        if self.spec.parameters == ParameterSource::Direct {
            return Ok(NeuronSetting::Direct(vec![point.parameters(); NEURONS]));
        }
        let console = self.console;
        console.say(format_args!("  calibrating for {}", key(name)));
        let made = calibrate(chip, &needed, &mut |step| {
            console.say(format_args!("  {:2}/{} {}", step.index, step.of, step.name));
        })
        .context("the calibration of the chip failed")?;
        let setting = made.setting();
        self.made.push(made);
        Ok(setting)
    }

    fn say(&self, name: ExperimentName, report: &Report) {
        let console = self.console;
        console.say(format_args!("{}", key(name)));
        for finding in &report.findings {
            let verdict = if finding.is_inside() { "PASS" } else { "outside" };
            let band = finding.band;
            console.say(format_args!(
                "  {:<30} {:>9.3}   published {} to {} {}   {verdict}",
                band.name,
                finding.value,
                short(band.low),
                short(band.high),
                band.unit
            ));
        }
        for note in &report.notes {
            console.say(format_args!("  {note}"));
        }
    }
}

/// A limit of a band without digits that nobody needs.
fn short(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

fn sum_up(chips: &[ChipResult]) -> Vec<Summary> {
    let Some(first) = chips.first() else { return Vec::new() };
    let mut summary = Vec::new();
    for (e, experiment) in first.experiments.iter().enumerate() {
        for (f, finding) in experiment.findings.iter().enumerate() {
            let all: Vec<&Measured> = chips.iter().map(|c| &c.experiments[e].findings[f]).collect();
            let values: Vec<f64> = all.iter().map(|m| m.value).collect();
            summary.push(Summary {
                experiment: experiment.experiment.clone(),
                name: finding.name,
                unit: finding.unit,
                low: finding.low,
                high: finding.high,
                source: finding.source,
                mean: statistics::mean(&values),
                sd: statistics::sd(&values),
                min: values.iter().copied().fold(f64::INFINITY, f64::min),
                max: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
                inside: all.iter().filter(|m| m.inside).count(),
                chips: chips.len(),
            });
        }
    }
    summary
}

fn say_summary(console: Console, summary: &[Summary]) {
    console.say("all chips                             mean       sd   published");
    for s in summary {
        console.say(format_args!(
            "  {:<30} {:>9.3} {:>8.3}   {} to {} {}   {} of {} inside",
            s.name,
            s.mean,
            s.sd,
            short(s.low),
            short(s.high),
            s.unit,
            s.inside,
            s.chips
        ));
    }
}
