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

/// The target of a parameter, if it is the same for all neurons.
pub fn common_target(table: &Calibration, parameter: &Parameter) -> Option<f64> {
    let target = (parameter.target)(&table.targets)?;
    let is_common = |n| (parameter.target)(&table.targets_of(n)) == Some(target);
    (0..table.measured.len()).all(is_common).then_some(target)
}

/// What is known of the neurons of a table.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Whether anything was measured with the table's codes; if not, what the table says of the neurons is their targets.
    pub is_measured: bool,
    /// Neurons that are calibrated: measured, and no code at the end of its range.
    pub calibrated: Vec<usize>,
    /// All others.
    pub missed: Vec<usize>,
    /// Calibrated neurons, all of whose parameters are within the tolerances of their targets.
    pub near_target: usize,
}

impl Outcome {
    pub fn of(table: &Calibration) -> Self {
        let is_measured = table.measurements > 0;
        let is_calibrated = |n: &usize| is_measured && table.success[*n];
        let (calibrated, missed): (Vec<usize>, Vec<usize>) = (0..table.measured.len()).partition(is_calibrated);
        let value = |p: &Parameter, n: usize| (p.value)(&table.measured[n]);
        let median = |p: &Parameter| median_and_sd(calibrated.iter().map(|n| value(p, *n)).collect()).0;
        let medians = PARAMETERS.each_ref().map(median);
        let is_near = |n: &&usize| {
            let targets = table.targets_of(**n);
            PARAMETERS.iter().zip(medians).all(|(parameter, median)| {
                // Where the aim is that all are equal, the median is what they shall be.
                parameter.tolerance.allows(value(parameter, **n), (parameter.target)(&targets).unwrap_or(median))
            })
        };
        let near_target = calibrated.iter().filter(is_near).count();
        Self { is_measured, calibrated, missed, near_target }
    }

    /// In words.
    pub fn said(&self) -> String {
        let (calibrated, near) = (self.calibrated.len(), self.near_target);
        let total = calibrated + self.missed.len();
        if self.is_measured {
            format!("{calibrated} of {total} neurons calibrated, {near} of them near their targets")
        } else {
            format!("{total} neurons, nothing measured")
        }
    }

    /// The neurons that distributions are made of: those that are calibrated, or all of them if none is.
    pub fn shown(&self) -> &[usize] {
        if self.calibrated.is_empty() { &self.missed } else { &self.calibrated }
    }
}

/// Distribution of a parameter over the neurons that are calibrated, or over all if none is.
#[derive(Debug, Clone, Serialize)]
pub struct Spread {
    pub name: String,
    /// None where the aim is that all are equal, or each neuron has its own.
    pub target: Option<f64>,
    pub median: f64,
    pub sd: f64,
    /// Standard deviation of the residual: what was measured less what was aimed at with each neuron.
    pub residual_sd: Option<f64>,
    /// Standard deviation with one code for all neurons, if that was measured.
    pub uncalibrated_sd: Option<f64>,
}

/// Median and standard deviation; zeros of nothing.
pub fn median_and_sd(mut values: Vec<f64>) -> (f64, f64) {
    values.sort_unstable_by(f64::total_cmp);
    let n = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n;
    (values.get(values.len() / 2).copied().unwrap_or(0.0), variance.sqrt())
}

/// What was measured; empty if nothing was.
pub fn spreads(table: &Calibration, outcome: &Outcome) -> Vec<Spread> {
    if !outcome.is_measured {
        return Vec::new();
    }
    let neurons = outcome.shown();
    PARAMETERS
        .iter()
        .chain([&EXCITABILITY])
        .map(|parameter| {
            let value = |n: &usize| (parameter.value)(&table.measured[*n]);
            let (median, sd) = median_and_sd(neurons.iter().map(value).collect());
            let residuals: Option<Vec<f64>> =
                neurons.iter().map(|n| Some(value(n) - (parameter.target)(&table.targets_of(*n))?)).collect();
            let before = table.uncalibrated.as_ref().and_then(|u| u.list(parameter.name));
            Spread {
                name: format!("{} ({})", parameter.label, parameter.unit),
                target: common_target(table, parameter),
                median,
                sd,
                residual_sd: residuals.map(|values| median_and_sd(values).1),
                uncalibrated_sd: before.map(|list| median_and_sd(list.iter().flatten().copied().collect()).1),
            }
        })
        .collect()
}

/// Prints the distributions.
pub fn say_spreads(console: Console, table: &Calibration, outcome: &Outcome) {
    if !outcome.is_measured {
        console.say(match table.codes {
            Some(_) => "nothing was measured with these codes",
            None => "nothing was measured: the chip is set directly",
        });
        return;
    }
    let of = if outcome.calibrated.is_empty() {
        console.say("no neuron is calibrated: what follows is of all neurons, with targets in place of what could not be measured");
        "measured on all neurons   "
    } else {
        "measured on these neurons "
    };
    console.say(format_args!("{of}     target    median       sd   sd/median  residual sd  uncalibrated sd"));
    for Spread { name, target, median, sd, residual_sd, uncalibrated_sd } in spreads(table, outcome) {
        let target = match (target, residual_sd) {
            (Some(target), _) => format!("{target:.3}"),
            (None, Some(_)) => "own".to_owned(),
            (None, None) => "equal".to_owned(),
        };
        let share = if median == 0.0 { 0.0 } else { 100.0 * sd / median };
        let or_none = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.3}"));
        let (residual, before) = (or_none(residual_sd), or_none(uncalibrated_sd));
        console.say(format_args!(
            "  {name:<22} {target:>12} {median:>9.3} {sd:>8.3} {share:>8.2} % {residual:>12} {before:>16}"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bss2_emu::ChipIdentity;

    fn table(measurements: u64) -> Calibration {
        let mut table = Calibration::from_targets(ChipIdentity("A".into()), &Targets::default());
        table.measurements = measurements;
        table
    }

    #[test]
    fn calibrated_is_not_the_same_as_near_the_target() {
        let mut table = table(9);
        table.success[..12].fill(false);
        table.measured[20].v_leak_lsb += 3.5;
        table.measured[21].gain_inh *= 1.2;
        table.measured[22].v_leak_lsb += 2.5;
        let outcome = Outcome::of(&table);
        assert_eq!((outcome.calibrated.len(), outcome.missed.len(), outcome.near_target), (500, 12, 498));
        assert_eq!(outcome.said(), "500 of 512 neurons calibrated, 498 of them near their targets");
        assert_eq!(spreads(&table, &outcome).len(), 9);
    }

    #[test]
    fn that_all_missed_is_not_that_nothing_was_measured() {
        let mut table = table(9);
        table.success.fill(false);
        let outcome = Outcome::of(&table);
        assert_eq!((outcome.shown().len(), outcome.near_target), (512, 0));
        assert_eq!(spreads(&table, &outcome)[0].median, 80.0);
        table.measurements = 0;
        let outcome = Outcome::of(&table);
        assert!(!outcome.is_measured && spreads(&table, &outcome).is_empty());
        assert_eq!(outcome.said(), "512 neurons, nothing measured");
    }
}
