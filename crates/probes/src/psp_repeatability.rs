//! How much one PSP differs from the next.
//!
//! Published (`demos`, `ts_12-hxtorch_snn_intro`, figure of the trace scaling): CADC traces of one PSP of one neuron, repeated ten
//! times, lie on top of each other within +-0.05 of (threshold - leak). That is read by eye off a bundle of ten curves; here it
//! is the half width of the bundle, mean over the trace. The largest single deviation from the mean trace is reported, too:
//! of a few hundred samples with a noise of 1 LSB it is some 3 LSB, wherever the membrane.

use bss2_emu::{NeuronId, Trial};

use crate::band::{Band, Finding};
use crate::bench::{Adjustment, Bench, cadc_times};
use crate::error::{ProbeError, require};
use crate::operating_point::OperatingPoint;
use crate::statistics::mean;
use crate::stimulus::{Sign, Source, spike};

/// Half width of a bundle of ten PSPs relative to (threshold - leak).
pub const BUNDLE: Band = Band {
    name: "half width of ten PSPs",
    unit: "of threshold - leak",
    low: 0.0,
    high: 0.05,
    source: "demos ts_12-hxtorch_snn_intro (figure)",
};

/// How the PSP is repeated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// The neuron.
    pub neuron: NeuronId,
    /// Weight of the synapse, 1..=63; published: 55.
    pub weight: u8,
    /// Runs of one trial each.
    pub runs: usize,
    /// Length of a trial in us.
    pub duration_us: f64,
    /// Time of the event in us.
    pub event_us: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { neuron: NeuronId::default(), weight: 55, runs: 10, duration_us: 50.0, event_us: 10.0 }
    }
}

/// The traces.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Sampling times in us.
    pub times_us: Vec<f64>,
    /// CADC reads, `(n_runs, n_samples)`.
    pub traces_lsb: Vec<Vec<f64>>,
    /// Threshold minus leak that the neuron is set to, in LSB.
    pub swing_lsb: f64,
}

impl Outcome {
    /// Mean over the runs.
    pub fn mean_trace_lsb(&self) -> Vec<f64> {
        let n = self.traces_lsb.len() as f64;
        (0..self.times_us.len()).map(|k| self.traces_lsb.iter().map(|t| t[k]).sum::<f64>() / n).collect()
    }

    /// Half width of the bundle, mean over the trace, relative to threshold minus leak.
    pub fn half_width(&self) -> f64 {
        let widths: Vec<f64> = (0..self.times_us.len())
            .map(|k| {
                let reads = || self.traces_lsb.iter().map(|t| t[k]);
                reads().fold(f64::NEG_INFINITY, f64::max) - reads().fold(f64::INFINITY, f64::min)
            })
            .collect();
        0.5 * mean(&widths) / self.swing_lsb
    }

    /// Root mean square of the deviations from the mean trace, relative to threshold minus leak.
    pub fn rms(&self) -> f64 {
        let squares: Vec<f64> = self.deviations_lsb().map(|d| d * d).collect();
        libm::sqrt(mean(&squares)) / self.swing_lsb
    }

    /// Largest deviation of any sample from the mean trace, relative to threshold minus leak.
    pub fn largest(&self) -> f64 {
        self.deviations_lsb().map(f64::abs).fold(0.0, f64::max) / self.swing_lsb
    }

    fn deviations_lsb(&self) -> impl Iterator<Item = f64> {
        let centre = self.mean_trace_lsb();
        self.traces_lsb.iter().flat_map(move |t| t.iter().zip(&centre).map(|(v, c)| v - c).collect::<Vec<f64>>())
    }

    /// The bundle beside the published one.
    pub fn findings(&self) -> Vec<Finding> {
        vec![Finding { band: BUNDLE, value: self.half_width() }]
    }
}

/// What the neurons are calibrated to.
pub fn operating_point() -> OperatingPoint {
    OperatingPoint::NIGHTLY
}

/// Repeats a PSP.
///
/// # Errors
/// [`ProbeError::Setting`] for settings out of range; what the device refuses.
pub fn measure(bench: &mut Bench<'_>, settings: &Settings) -> Result<Outcome, ProbeError> {
    require("weight", settings.weight.into(), 1.0..=63.0, "a weight in 1..=63")?;
    require("runs", settings.runs as f64, 2.0..=1e4, "2..=10000")?;
    require("duration_us", settings.duration_us, 10.0..=1e4, "10..=10000 us")?;
    require("event_us", settings.event_us, 0.0..=settings.duration_us, "a time within the trial")?;
    let source = Source::new(1);
    bench.connect(&source.routing())?;
    bench.configure(&Adjustment::default())?;
    bench.write_weights(&source.weights(Sign::Excitatory, &[settings.weight]))?;
    let times_us = cadc_times(settings.duration_us);
    let trial = Trial { spikes: spike(settings.event_us).to_vec(), ..Trial::default() };
    let mut traces_lsb = Vec::with_capacity(settings.runs);
    for _ in 0..settings.runs {
        let recording = bench.run(settings.duration_us, vec![trial.clone()], times_us.clone())?;
        let of_neuron = |row: &Vec<u8>| f64::from(row[settings.neuron.index()]);
        traces_lsb.push(recording.trials.iter().flat_map(|t| &t.cadc).map(of_neuron).collect());
    }
    Ok(Outcome { times_us, traces_lsb, swing_lsb: operating_point().swing_lsb() })
}
