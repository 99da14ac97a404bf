//! How strong a synapse every neuron needs for the same rate: all that makes neurons differ, in one number.
//!
//! Published experiment (`demos`, `ts_11-plasticity_homeostasis`, 512 neurons of a nightly calibrated chip): one Poisson source of
//! 120 kHz reaches every neuron through one synapse; a rule on the chip's processor moves each weight by one until the
//! neuron fires at 6 kHz. The weights settle at 24.2 in the mean, mostly between 17 and 32, with a standard deviation of 2.5,
//! and one outlier each at 10 and 35.
//!
//! Here the weight is found by bisection over 0..=63, under the same trains in every step, and interpolated between the last
//! weight below and the first above the target: the weights of the published rule swing between these two.

use bss2_emu::codes::NEURONS;
use bss2_emu::{Trial, TrialRecording};

use crate::band::{Band, Finding};
use crate::bench::{Adjustment, Bench};
use crate::error::{ProbeError, require};
use crate::operating_point::OperatingPoint;
use crate::statistics::{mean, sd};
use crate::stimulus::{Source, poisson, spike};

const SOURCE: &str = "demos ts_11-plasticity_homeostasis (figure)";
/// Published mean weight.
pub const MEAN_WEIGHT: Band = Band { name: "mean weight", unit: "weight LSB", low: 20.0, high: 28.0, source: SOURCE };
/// Published spread of the weights.
pub const WEIGHT_SPREAD: Band = Band { name: "weight spread", unit: "weight LSB", low: 2.0, high: 3.0, source: SOURCE };
/// Weights between which all but single neurons of the published figure lie.
pub const USUAL: std::ops::RangeInclusive<f64> = 17.0..=32.0;

const MOST: u8 = 63;

/// How the weights are found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Rate of the source in kHz.
    pub source_khz: f64,
    /// Rate that every neuron shall have, in kHz.
    pub target_khz: f64,
    /// Seed of the source.
    pub seed: u64,
    /// Length of a trial in us.
    pub duration_us: f64,
    /// Trials of each step, each with trains of its own.
    pub trials: usize,
}

impl Default for Settings {
    /// Rates as published. 100 ms in all: 600 spikes per neuron and step; the count of the source's 12000 spikes, common to all
    /// neurons, has a standard deviation of 1 %.
    fn default() -> Self {
        Self { source_khz: 120.0, target_khz: 6.0, seed: 1234, duration_us: 10_000.0, trials: 10 }
    }
}

/// The weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Weight that yields the target rate; none where even the largest is too weak.
    pub weights: Vec<Option<f64>>,
    /// Rate at the last whole weight below, in kHz.
    pub rates_khz: Vec<f64>,
}

impl Outcome {
    /// Weights of the neurons that settled.
    pub fn settled(&self) -> Vec<f64> {
        self.weights.iter().flatten().copied().collect()
    }

    /// Settled weights outside [`USUAL`].
    pub fn outliers(&self) -> Vec<f64> {
        self.settled().into_iter().filter(|w| !USUAL.contains(w)).collect()
    }

    /// Mean and spread over all neurons that settled, outliers included, beside the published bands.
    pub fn findings(&self) -> Vec<Finding> {
        let settled = self.settled();
        vec![Finding { band: MEAN_WEIGHT, value: mean(&settled) }, Finding { band: WEIGHT_SPREAD, value: sd(&settled) }]
    }
}

/// What the neurons are calibrated to.
pub fn operating_point() -> OperatingPoint {
    OperatingPoint::NIGHTLY
}

/// Finds the weights of all neurons.
///
/// # Errors
/// [`ProbeError::Setting`] for settings out of range; what the device refuses.
pub fn measure(bench: &mut Bench<'_>, settings: &Settings) -> Result<Outcome, ProbeError> {
    require("source_khz", settings.source_khz, 1.0..=10_000.0, "1..=10000 kHz")?;
    require("target_khz", settings.target_khz, 0.1..=settings.source_khz, "0.1 kHz up to the rate of the source")?;
    require("duration_us", settings.duration_us, 100.0..=1e5, "100..=100000 us")?;
    require("trials", settings.trials as f64, 1.0..=1e4, "1..=10000")?;
    let source = Source::new(1);
    bench.connect(&source.routing())?;
    bench.configure(&Adjustment::default())?;
    let trials: Vec<Trial> = (0..settings.trials)
        .map(|trial| {
            let train = poisson(settings.source_khz, settings.duration_us, settings.seed, trial);
            Trial { spikes: train.into_iter().flat_map(spike).collect(), ..Trial::default() }
        })
        .collect();
    let mut rates_at = |weights: &[u8; NEURONS]| {
        bench.write_weights(&source.weights_by_neuron(weights))?;
        let recording = bench.run(settings.duration_us, trials.clone(), Vec::new())?;
        let time_us = settings.duration_us * settings.trials as f64;
        Ok::<_, ProbeError>(rates_khz(&recording.trials, time_us))
    };

    // The target lies between the rates of `low` and `high`; no neuron fires at weight 0.
    let mut low = [(0_u8, 0.0_f64); NEURONS];
    let mut high = [(MOST, f64::NAN); NEURONS];
    let at_most = rates_at(&[MOST; NEURONS])?;
    for (high, rate) in high.iter_mut().zip(&at_most) {
        high.1 = *rate;
    }
    while (0..NEURONS).any(|n| high[n].0 - low[n].0 > 1) {
        let middle: [u8; NEURONS] = std::array::from_fn(|n| low[n].0.midpoint(high[n].0));
        let rates = rates_at(&middle)?;
        for n in 0..NEURONS {
            if high[n].0 - low[n].0 <= 1 {
                continue;
            }
            let place = if rates[n] < settings.target_khz { &mut low[n] } else { &mut high[n] };
            *place = (middle[n], rates[n]);
        }
    }
    let weights = (0..NEURONS)
        .map(|n| {
            let ((below, slow), (above, fast)) = (low[n], high[n]);
            let share = (settings.target_khz - slow) / (fast - slow);
            (fast >= settings.target_khz).then(|| f64::from(below) + share * f64::from(above - below))
        })
        .collect();
    Ok(Outcome { weights, rates_khz: low.iter().map(|(_, rate)| *rate).collect() })
}

fn rates_khz(trials: &[TrialRecording], time_us: f64) -> Vec<f64> {
    let mut counts = vec![0_u32; NEURONS];
    for spike in trials.iter().flat_map(|t| &t.spikes) {
        counts[spike.neuron.index()] += 1;
    }
    counts.into_iter().map(|count| f64::from(count) / time_us * 1e3).collect()
}
