//! What the codes of a neuron do: one code swept over its range, everything else as calibrated.
//!
//! | sweep | observable | on silicon (`demos`) |
//! |---|---|---|
//! | [`Swept::Leak`] | resting potential, CADC | about 0.27 LSB per code (`cns_01`, `fp_calibration`) |
//! | [`Swept::LeakBias`] | 1 / `tau_mem` from the decay after a forced reset, CADC | nearly linear (`cns_01`) |
//! | [`Swept::Strength`] | PSP height, CADC | rises with `i_synin_gm` (`fp_synapticInput`) |
//! | [`Swept::SynapticTau`] | PSP height, CADC | falls with the bias of the time constant (`fp_synapticInput`) |
//!
//! All 512 neurons are measured at once. Only chips that are set by codes have codes to sweep.

use bss2_emu::codes::NEURONS;
use bss2_emu::{CapMemCode, NeuronCodes, Refractory, Trial, TrialRecording};

use crate::bench::{Bench, cadc_times};
use crate::error::{ProbeError, require};
use crate::operating_point::OperatingPoint;
use crate::statistics::line;
use crate::stimulus::{Sign, Source, spike};

/// Which code is swept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Swept {
    /// `v_leak`.
    Leak,
    /// `i_bias_leak`.
    LeakBias,
    /// `i_bias_synin_exc_gm`.
    Strength,
    /// `i_bias_synin_exc_tau`.
    SynapticTau,
}

/// How a sweep is made.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The codes, 0..=1022.
    pub codes: Vec<u16>,
    /// Trials per code, averaged.
    pub trials: usize,
    /// Weight of the event of PSP sweeps, 1..=63.
    pub weight: u8,
}

impl Settings {
    /// Codes at equal distances over the useful range of each.
    pub fn of(swept: Swept) -> Self {
        let codes = match swept {
            Swept::Leak => (0..=1000).step_by(50).collect(),
            Swept::LeakBias => (25..=500).step_by(25).collect(),
            Swept::Strength => (0..=1000).step_by(100).collect(),
            Swept::SynapticTau => (20..=300).step_by(20).collect(),
        };
        Self { codes, trials: 20, weight: 40 }
    }
}

/// A sweep.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// What was swept.
    pub swept: Swept,
    /// The codes.
    pub codes: Vec<u16>,
    /// Observable, `(n_codes, n_neurons)`; `NaN` where nothing was seen.
    pub values: Vec<Vec<f64>>,
}

/// What the neurons are calibrated to.
pub fn operating_point() -> OperatingPoint {
    OperatingPoint::NIGHTLY
}

const TRIAL_US: f64 = 120.0;
const EVENT_US: f64 = 10.0;
/// About 0.1 us: a forced reset that lets go at once.
const SHORT: Refractory = Refractory { counter: 12, scale: 0 };
/// Distance from rest below which a decay is lost in the converter's noise, in LSB.
const SEEN_LSB: f64 = 2.0;

/// Sweeps a code.
///
/// # Errors
/// [`ProbeError::NeedsCodes`] on a chip that is set directly; [`ProbeError::Setting`] for settings out of range; what the
/// device refuses.
pub fn measure(bench: &mut Bench<'_>, swept: Swept, settings: &Settings) -> Result<Outcome, ProbeError> {
    require("trials", settings.trials as f64, 1.0..=1e4, "1..=10000")?;
    require("weight", settings.weight.into(), 1.0..=63.0, "a weight in 1..=63")?;
    let source = Source::new(1);
    bench.connect(&source.routing())?;
    let stimulated = matches!(swept, Swept::Strength | Swept::SynapticTau);
    if stimulated {
        bench.write_weights(&source.weights(Sign::Excitatory, &[settings.weight]))?;
    }
    let trial = Trial {
        spikes: if stimulated { spike(EVENT_US).to_vec() } else { Vec::new() },
        resets_us: if swept == Swept::LeakBias { vec![EVENT_US] } else { Vec::new() },
        madc: None,
    };
    let times = cadc_times(TRIAL_US);
    let mut values = Vec::with_capacity(settings.codes.len());
    for &code in &settings.codes {
        require("codes", code.into(), 0.0..=1022.0, "codes in 0..=1022")?;
        bench.configure_codes(|codes| set(swept, codes, code))?;
        let recording = bench.run(TRIAL_US, vec![trial.clone(); settings.trials], times.clone())?;
        let observe = |n| {
            let trace = mean_trace(&recording.trials, n);
            match swept {
                Swept::Leak => trace.iter().sum::<f64>() / trace.len() as f64,
                Swept::LeakBias => decay_rate(&times, &trace),
                Swept::Strength | Swept::SynapticTau => height(&times, &trace),
            }
        };
        values.push((0..NEURONS).map(observe).collect());
    }
    Ok(Outcome { swept, codes: settings.codes.clone(), values })
}

fn set(swept: Swept, codes: &mut NeuronCodes, value: u16) {
    let code = CapMemCode::saturating(value.into());
    match swept {
        Swept::Leak => codes.v_leak = code,
        Swept::LeakBias => {
            codes.i_bias_leak = code;
            codes.refractory = SHORT;
            // Far below the leak, so that there is a decay to see.
            codes.v_reset = CapMemCode::saturating(f64::from(codes.v_reset.get()) - 100.0);
        }
        Swept::Strength => codes.i_bias_synin_exc_gm = code,
        Swept::SynapticTau => codes.i_bias_synin_exc_tau = code,
    }
}

fn mean_trace(trials: &[TrialRecording], neuron: usize) -> Vec<f64> {
    let samples = trials.first().map_or(0, |t| t.cadc.len());
    let mean = |k: usize| trials.iter().map(|t| f64::from(t.cadc[k][neuron])).sum::<f64>() / trials.len() as f64;
    (0..samples).map(mean).collect()
}

/// Mean of the samples before the event.
fn rest(times: &[f64], trace: &[f64]) -> f64 {
    let before: Vec<f64> = times.iter().zip(trace).filter(|(t, _)| **t < EVENT_US).map(|(_, v)| *v).collect();
    before.iter().sum::<f64>() / before.len() as f64
}

fn height(times: &[f64], trace: &[f64]) -> f64 {
    trace.iter().copied().fold(f64::NEG_INFINITY, f64::max) - rest(times, trace)
}

/// Rate of the return to rest in 1/us: slope of the logarithm, over the samples that stand clear of the noise.
fn decay_rate(times: &[f64], trace: &[f64]) -> f64 {
    let rest = rest(times, trace);
    let after = times.iter().zip(trace).filter(|(t, _)| **t > EVENT_US + 0.5);
    let points: Vec<(f64, f64)> =
        after.map(|(t, v)| (*t, rest - v)).take_while(|(_, d)| *d > SEEN_LSB).map(|(t, d)| (t, libm::log(d))).collect();
    if points.len() < 3 { f64::NAN } else { -line(&points).0 }
}
