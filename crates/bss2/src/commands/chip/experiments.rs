//! The experiments by name: what each calibrates to, how it is made, and what it leaves to look at.

use calib::Targets;
use clap::ValueEnum as _;
use probes::code_sweep::{self, Swept};
use probes::{
    Bench, Finding, OperatingPoint, ProbeError, background, dynamic_range, homeostasis, inter_spike_interval,
    leak_over_threshold, limits, membrane_trace, psp_repeatability, rate_curve, statistics, weight_scale,
};

use super::views::{self, View};
use crate::cli::ExperimentName;

/// What an experiment left behind.
pub struct Report {
    /// Its numbers beside the published ranges; none for what is only to be looked at.
    pub findings: Vec<Finding>,
    /// Figure and table.
    pub view: View,
    /// More to say, in a line each.
    pub notes: Vec<String>,
}

/// An experiment, ready to be made.
pub struct Experiment {
    /// Its name in results and of its files.
    pub key: String,
    /// What the neurons are calibrated to.
    pub operating_point: OperatingPoint,
    /// Whether it has a published range, which holds at that operating point only.
    pub has_band: bool,
    /// Makes it with its default settings.
    pub make: fn(&mut Bench<'_>) -> Result<Report, ProbeError>,
}

/// All that have a published range.
const WITH_BANDS: [ExperimentName; 8] = [
    ExperimentName::Limits,
    ExperimentName::WeightScale,
    ExperimentName::Homeostasis,
    ExperimentName::DynamicRange,
    ExperimentName::LeakOverThreshold,
    ExperimentName::PspRepeatability,
    ExperimentName::InterSpikeInterval,
    ExperimentName::Background,
];

/// The experiments that a name stands for.
pub fn named(name: ExperimentName) -> Vec<Experiment> {
    let one = |operating_point, make| {
        vec![Experiment { key: key(name), operating_point, has_band: WITH_BANDS.contains(&name), make }]
    };
    match name {
        ExperimentName::All => WITH_BANDS.into_iter().flat_map(named).collect(),
        ExperimentName::Limits => one(limits::operating_point(), make_limits),
        ExperimentName::WeightScale => one(weight_scale::operating_point(), make_weight_scale),
        ExperimentName::Homeostasis => one(homeostasis::operating_point(), make_homeostasis),
        ExperimentName::DynamicRange => one(dynamic_range::operating_point(), make_dynamic_range),
        ExperimentName::LeakOverThreshold => one(leak_over_threshold::operating_point(), make_leak_over_threshold),
        ExperimentName::PspRepeatability => one(psp_repeatability::operating_point(), make_psp_repeatability),
        ExperimentName::InterSpikeInterval => one(inter_spike_interval::operating_point(), make_inter_spike_interval),
        ExperimentName::Background => one(background::operating_point(), make_background),
        ExperimentName::RateCurve => one(rate_curve::operating_point(), make_rate_curve),
        ExperimentName::MembraneTrace => one(membrane_trace::operating_point(), make_membrane_trace),
        ExperimentName::CodeSweep => one(code_sweep::operating_point(), make_code_sweep),
    }
}

/// A name as users type it.
pub fn key(name: ExperimentName) -> String {
    name.to_possible_value().map(|v| v.get_name().to_owned()).unwrap_or_default()
}

/// An operating point as the targets of a calibration.
pub fn targets(point: &OperatingPoint) -> Targets {
    Targets {
        leak_lsb: point.leak_lsb,
        reset_lsb: point.reset_lsb,
        threshold_lsb: point.threshold_lsb,
        tau_mem_us: point.tau_mem_us,
        tau_syn_exc_us: point.tau_syn_us,
        tau_syn_inh_us: point.tau_syn_us,
        i_synin_gm: point.i_synin_gm,
        synapse_dac_bias: point.synapse_dac_bias,
        membrane_capacitance: 63,
        refractory_time_us: point.refractory_us,
    }
}

fn make_limits(bench: &mut Bench<'_>) -> Result<Report, ProbeError> {
    let outcome = limits::measure(bench, &limits::Settings::default())?;
    Ok(Report { findings: outcome.findings(), view: views::limits(&outcome), notes: Vec::new() })
}

fn make_weight_scale(bench: &mut Bench<'_>) -> Result<Report, ProbeError> {
    let outcome = weight_scale::measure(bench, &weight_scale::Settings::default())?;
    Ok(Report { findings: outcome.findings(), view: views::weight_scale(&outcome), notes: Vec::new() })
}

fn make_homeostasis(bench: &mut Bench<'_>) -> Result<Report, ProbeError> {
    let settings = homeostasis::Settings::default();
    let outcome = homeostasis::measure(bench, &settings)?;
    let (settled, outliers) = (outcome.settled().len(), outcome.outliers().len());
    let notes = vec![format!("{settled} of 512 neurons settle, {outliers} outside 17..=32")];
    Ok(Report { findings: outcome.findings(), view: views::homeostasis(&outcome, settings.period_us), notes })
}

fn make_dynamic_range(bench: &mut Bench<'_>) -> Result<Report, ProbeError> {
    let outcome = dynamic_range::measure(bench, &dynamic_range::Settings::default())?;
    Ok(Report { findings: outcome.findings(), view: views::dynamic_range(&outcome), notes: Vec::new() })
}

fn make_leak_over_threshold(bench: &mut Bench<'_>) -> Result<Report, ProbeError> {
    let outcome = leak_over_threshold::measure(bench, &leak_over_threshold::Settings::default())?;
    let (mean, sd) = (statistics::mean(&outcome.rates_khz), statistics::sd(&outcome.rates_khz));
    let notes = vec![format!("rates {mean:.1} +- {sd:.1} kHz, not trimmed to the rate")];
    Ok(Report { findings: outcome.findings(), view: views::leak_over_threshold(&outcome), notes })
}

fn make_psp_repeatability(bench: &mut Bench<'_>) -> Result<Report, ProbeError> {
    let outcome = psp_repeatability::measure(bench, &psp_repeatability::Settings::default())?;
    let (rms, largest) = (outcome.rms(), outcome.largest());
    let notes = vec![format!("rms {rms:.3}, largest single sample {largest:.3} of threshold - leak")];
    Ok(Report { findings: outcome.findings(), view: views::psp_repeatability(&outcome), notes })
}

fn make_inter_spike_interval(bench: &mut Bench<'_>) -> Result<Report, ProbeError> {
    let outcome = inter_spike_interval::measure(bench, &inter_spike_interval::Settings::default())?;
    let note = outcome.best().map(|best| format!("best counter {} at scale 3", best.counter));
    let view = views::inter_spike_interval(&outcome);
    Ok(Report { findings: outcome.findings(), view, notes: note.into_iter().collect() })
}

fn make_background(bench: &mut Bench<'_>) -> Result<Report, ProbeError> {
    let settings = background::Settings::default();
    let outcome = background::measure(bench, &settings)?;
    let [a, b] = outcome.counts;
    let notes = vec![format!("{a} and {b} spikes in a second, {:.0} expected", outcome.expected)];
    Ok(Report { findings: outcome.findings(), view: views::background(&outcome), notes })
}

fn make_rate_curve(bench: &mut Bench<'_>) -> Result<Report, ProbeError> {
    let outcome = rate_curve::measure(bench, &rate_curve::Settings::default())?;
    Ok(Report { findings: Vec::new(), view: views::rate_curve(&outcome), notes: Vec::new() })
}

fn make_membrane_trace(bench: &mut Bench<'_>) -> Result<Report, ProbeError> {
    let outcome = membrane_trace::measure(bench, &membrane_trace::Settings::default())?;
    let notes = vec![format!("the neuron fired {} times", outcome.fired_us.len())];
    Ok(Report { findings: Vec::new(), view: views::membrane_trace(&outcome), notes })
}

fn make_code_sweep(bench: &mut Bench<'_>) -> Result<Report, ProbeError> {
    let swept = [Swept::Leak, Swept::LeakBias, Swept::Strength, Swept::SynapticTau];
    let sweeps: Result<Vec<code_sweep::Outcome>, ProbeError> =
        swept.into_iter().map(|swept| code_sweep::measure(bench, swept, &code_sweep::Settings::of(swept))).collect();
    Ok(Report { findings: Vec::new(), view: views::code_sweeps(&sweeps?), notes: Vec::new() })
}
