//! The experiments by name: what each calibrates to, how it is made, and what it leaves to look at.

use calib::Targets;
use clap::ValueEnum as _;
use probes::code_sweep::{self, Swept};
use probes::{
    Bench, Finding, OperatingPoint, ProbeError, dynamic_range, homeostasis, inter_spike_interval, leak_over_threshold,
    limits, membrane_trace, psp_repeatability, rate_curve, statistics, weight_scale,
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

/// All that have a published range.
const WITH_BANDS: [ExperimentName; 7] = [
    ExperimentName::Limits,
    ExperimentName::WeightScale,
    ExperimentName::Homeostasis,
    ExperimentName::DynamicRange,
    ExperimentName::LeakOverThreshold,
    ExperimentName::PspRepeatability,
    ExperimentName::InterSpikeInterval,
];

/// The experiments that a name stands for.
pub fn named(name: ExperimentName) -> Vec<ExperimentName> {
    if name == ExperimentName::All { WITH_BANDS.to_vec() } else { vec![name] }
}

/// Name of an experiment in results and file names.
pub fn key(name: ExperimentName) -> String {
    name.to_possible_value().map(|v| v.get_name().to_owned()).unwrap_or_default()
}

/// Whether an experiment has a published range, which holds at its own operating point only.
pub fn has_band(name: ExperimentName) -> bool {
    WITH_BANDS.contains(&name)
}

/// What the neurons are calibrated to.
pub fn operating_point(name: ExperimentName) -> OperatingPoint {
    match name {
        ExperimentName::LeakOverThreshold => leak_over_threshold::operating_point(),
        ExperimentName::InterSpikeInterval => inter_spike_interval::operating_point(),
        _ => OperatingPoint::NIGHTLY,
    }
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

/// Makes an experiment with its default settings.
///
/// # Errors
/// Of the experiment.
pub fn make(name: ExperimentName, bench: &mut Bench<'_>) -> Result<Report, ProbeError> {
    match name {
        ExperimentName::All | ExperimentName::Limits => {
            let outcome = limits::measure(bench, &limits::Settings::default())?;
            Ok(Report { findings: outcome.findings(), view: views::limits(&outcome), notes: Vec::new() })
        }
        ExperimentName::WeightScale => {
            let outcome = weight_scale::measure(bench, &weight_scale::Settings::default())?;
            Ok(Report { findings: outcome.findings(), view: views::weight_scale(&outcome), notes: Vec::new() })
        }
        ExperimentName::Homeostasis => {
            let outcome = homeostasis::measure(bench, &homeostasis::Settings::default())?;
            let settled = outcome.settled().len();
            let notes = vec![format!("{settled} of 512 neurons settle, {} outside 17..=32", outcome.outliers().len())];
            Ok(Report { findings: outcome.findings(), view: views::homeostasis(&outcome), notes })
        }
        ExperimentName::DynamicRange => {
            let outcome = dynamic_range::measure(bench, &dynamic_range::Settings::default())?;
            Ok(Report { findings: outcome.findings(), view: views::dynamic_range(&outcome), notes: Vec::new() })
        }
        ExperimentName::LeakOverThreshold => {
            let outcome = leak_over_threshold::measure(bench, &leak_over_threshold::Settings::default())?;
            let (mean, sd) = (statistics::mean(&outcome.rates_khz), statistics::sd(&outcome.rates_khz));
            let notes = vec![format!("rates {mean:.1} +- {sd:.1} kHz, without trimming to the rate")];
            Ok(Report { findings: outcome.findings(), view: views::leak_over_threshold(&outcome), notes })
        }
        ExperimentName::PspRepeatability => {
            let outcome = psp_repeatability::measure(bench, &psp_repeatability::Settings::default())?;
            let notes = vec![format!(
                "rms {:.3}, largest single sample {:.3} of threshold - leak",
                outcome.rms(),
                outcome.largest()
            )];
            Ok(Report { findings: outcome.findings(), view: views::psp_repeatability(&outcome), notes })
        }
        ExperimentName::InterSpikeInterval => {
            let outcome = inter_spike_interval::measure(bench, &inter_spike_interval::Settings::default())?;
            let notes = outcome.best().map(|best| format!("best counter {} at scale 3", best.counter));
            Ok(Report {
                findings: outcome.findings(),
                view: views::inter_spike_interval(&outcome),
                notes: notes.into_iter().collect(),
            })
        }
        ExperimentName::RateCurve => {
            let outcome = rate_curve::measure(bench, &rate_curve::Settings::default())?;
            Ok(Report { findings: Vec::new(), view: views::rate_curve(&outcome), notes: Vec::new() })
        }
        ExperimentName::MembraneTrace => {
            let outcome = membrane_trace::measure(bench, &membrane_trace::Settings::default())?;
            let notes = vec![format!("the neuron fired {} times", outcome.fired_us.len())];
            Ok(Report { findings: Vec::new(), view: views::membrane_trace(&outcome), notes })
        }
        ExperimentName::CodeSweep => {
            let sweeps: Result<Vec<code_sweep::Outcome>, ProbeError> =
                [Swept::Leak, Swept::LeakBias, Swept::Strength, Swept::SynapticTau]
                    .into_iter()
                    .map(|swept| code_sweep::measure(bench, swept, &code_sweep::Settings::of(swept)))
                    .collect();
            Ok(Report { findings: Vec::new(), view: views::code_sweeps(&sweeps?), notes: Vec::new() })
        }
    }
}
