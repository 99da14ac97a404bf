//! What `chip probe` measured: as it is said, and as it is written for machines.

use bss2_emu::ChipIdentity;
use bss2_emu::spec::Preset;
use probes::{Finding, statistics};
use serde::Serialize;

use super::experiments::Report;
use crate::console::Console;

/// The results of all chips.
#[derive(Debug, Serialize)]
pub struct Results {
    version: &'static str,
    preset: Preset,
    summary: Vec<Summary>,
    chips: Vec<ChipResult>,
}

/// The results of one chip.
#[derive(Debug, Serialize)]
pub struct ChipResult {
    /// Its seed.
    pub seed: u64,
    /// Which chip it is.
    pub identity: ChipIdentity,
    /// In the order in which they were made.
    pub experiments: Vec<ExperimentResult>,
}

/// The results of one experiment.
#[derive(Debug, Serialize)]
pub struct ExperimentResult {
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

impl ExperimentResult {
    /// The findings of a report.
    pub fn new(experiment: &str, report: &Report, hardware_time_us: f64) -> Self {
        Self {
            experiment: experiment.to_owned(),
            findings: report.findings.iter().map(Measured::new).collect(),
            notes: report.notes.clone(),
            hardware_time_s: hardware_time_us * 1e-6,
        }
    }

    /// Says each number with its published range.
    pub fn say(&self, console: Console) {
        console.say(&self.experiment);
        for m in &self.findings {
            let verdict = if m.inside { "PASS" } else { "outside" };
            let Measured { name, unit, value, .. } = m;
            let (low, high) = (short(m.low), short(m.high));
            console.say(format_args!("  {name:<30} {value:>9.3}   published {low} to {high} {unit}   {verdict}"));
        }
        for note in &self.notes {
            console.say(format_args!("  {note}"));
        }
    }
}

impl Results {
    /// Sums up the chips.
    pub fn new(preset: Preset, chips: Vec<ChipResult>) -> Self {
        Self { version: env!("CARGO_PKG_VERSION"), preset, summary: sum_up(&chips), chips }
    }

    /// Says each number over all chips, if there are several.
    pub fn say_summary(&self, console: Console) {
        if self.chips.len() < 2 {
            return;
        }
        console.say("all chips                             mean       sd   published");
        for s in &self.summary {
            let Summary { name, unit, mean, sd, inside, chips, .. } = s;
            let (low, high) = (short(s.low), short(s.high));
            console.say(format_args!(
                "  {name:<30} {mean:>9.3} {sd:>8.3}   {low} to {high} {unit}   {inside} of {chips} inside"
            ));
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
