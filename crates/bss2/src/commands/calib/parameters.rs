//! The parameters of a neuron that tables speak of, and how they are distributed.

use ::calib::{Calibration, Targets};
use bss2_emu::NeuronParameters;
use bss2_emu::membrane::peak_response;
use serde::Serialize;

use crate::console::Console;

/// A parameter of a neuron.
pub struct Parameter {
    /// Name of its array in `calix`'s `calib_eval.npz`, or one in that manner.
    pub name: &'static str,
    /// What it is, with its unit.
    pub label: &'static str,
    pub unit: &'static str,
    pub value: fn(&NeuronParameters) -> f64,
    /// What is aimed at, if it is a value and not that all are equal.
    pub target: fn(&Targets) -> Option<f64>,
    /// How far from its target, or from the same measurement before, a neuron may be: in units, or as a share.
    pub tolerance: Tolerance,
}

/// How far a value may be off.
#[derive(Debug, Clone, Copy)]
pub enum Tolerance {
    /// In the unit of the parameter.
    Absolute(f64),
    /// As a share of the value.
    Relative(f64),
}

impl Tolerance {
    /// Whether a value is near enough to a reference.
    pub fn allows(self, value: f64, reference: f64) -> bool {
        let most = match self {
            Self::Absolute(most) => most,
            Self::Relative(share) => share * reference.abs(),
        };
        (value - reference).abs() <= most
    }
}

const fn parameter(
    name: &'static str,
    label: &'static str,
    unit: &'static str,
    value: fn(&NeuronParameters) -> f64,
    target: fn(&Targets) -> Option<f64>,
    tolerance: Tolerance,
) -> Parameter {
    Parameter { name, label, unit, value, target, tolerance }
}

const POTENTIAL: Tolerance = Tolerance::Absolute(3.0);
const SHARE: Tolerance = Tolerance::Relative(0.1);

/// All of them, without what is computed from several.
pub const PARAMETERS: [Parameter; 8] = [
    parameter("v_leak", "leak", "CADC LSB", |p| p.v_leak_lsb, |t| Some(t.leak_lsb), POTENTIAL),
    parameter("v_reset", "reset", "CADC LSB", |p| p.v_reset_lsb, |t| Some(t.reset_lsb), POTENTIAL),
    parameter("v_threshold", "threshold", "CADC LSB", |p| p.v_threshold_lsb, |t| Some(t.threshold_lsb), POTENTIAL),
    parameter("tau_mem", "tau_mem", "us", |p| p.tau_mem_us, |t| Some(t.tau_mem_us), SHARE),
    parameter("tau_syn_exc", "tau_syn exc", "us", |p| p.tau_syn_exc_us, |t| Some(t.tau_syn_exc_us), SHARE),
    parameter("tau_syn_inh", "tau_syn inh", "us", |p| p.tau_syn_inh_us, |t| Some(t.tau_syn_inh_us), SHARE),
    parameter("gain_exc", "gain exc", "LSB/us", |p| p.gain_exc, |_| None, SHARE),
    parameter("gain_inh", "gain inh", "LSB/us", |p| p.gain_inh, |_| None, SHARE),
];

/// *Excitability* is the height of a PSP of weight code 1 in percent of (threshold - leak): all parameters that make a neuron
/// fire early or late in one number.
const EXCITABILITY: Parameter = parameter("excitability", "excitability", "%", excitability, |_| None, SHARE);

fn excitability(p: &NeuronParameters) -> f64 {
    let psp_lsb = p.gain_exc * peak_response(p.tau_mem_us, p.tau_syn_exc_us);
    100.0 * psp_lsb / (p.v_threshold_lsb - p.v_leak_lsb)
}

/// Distribution of a parameter over the neurons that are on target.
#[derive(Debug, Clone, Serialize)]
pub struct Spread {
    pub name: String,
    pub target: Option<f64>,
    pub median: f64,
    pub sd: f64,
}

/// Median and standard deviation; zeros of nothing.
pub fn median_and_sd(mut values: Vec<f64>) -> (f64, f64) {
    values.sort_unstable_by(f64::total_cmp);
    let n = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n;
    (values.get(values.len() / 2).copied().unwrap_or(0.0), variance.sqrt())
}

/// What was measured of the neurons on target.
pub fn spreads(table: &Calibration) -> Vec<Spread> {
    PARAMETERS
        .iter()
        .chain([&EXCITABILITY])
        .map(|parameter| {
            let on_target = table.measured.iter().zip(&table.success).filter(|(_, success)| **success);
            let (median, sd) = median_and_sd(on_target.map(|(p, _)| (parameter.value)(p)).collect());
            let name = format!("{} ({})", parameter.label, parameter.unit);
            Spread { name, target: (parameter.target)(&table.targets), median, sd }
        })
        .collect()
}

/// Prints the distributions.
pub fn say_spreads(console: Console, table: &Calibration) {
    console.say("measured on these neurons      target    median       sd   sd/median");
    for Spread { name, target, median, sd } in spreads(table) {
        let target = target.map_or("equal".to_owned(), |t| format!("{t:.3}"));
        let share = if median == 0.0 { 0.0 } else { 100.0 * sd / median };
        console.say(format_args!("  {name:<22} {target:>12} {median:>9.3} {sd:>8.3} {share:>8.2} %"));
    }
}
