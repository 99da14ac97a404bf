//! How strong a synapse every neuron needs for the same rate: all that makes neurons differ, in one number.
//!
//! Published experiment (`demos`, `ts_11-plasticity_homeostasis`, 512 neurons of a nightly calibrated chip): one Poisson source of
//! 120 kHz reaches every neuron through one synapse. Every 10 ms a rule on the chip's processor raises the weight of a neuron
//! that fired less than 60 times by one, and lowers that of one that fired more:
//! ```text
//! w <- clamp(w + sign(60 - n), 0, 63)
//! ```
//! After a second all neurons have settled around 6 kHz, at weights of 24.2 in the mean, mostly between 17 and 32, with a standard
//! deviation of 2.5, and one outlier each at 10 and 35. A weight never rests: the counts of 10 ms scatter, and that is part
//! of the published spread. Here the host is the processor, and every period is a trial that begins at rest.

use bss2_emu::codes::NEURONS;
use bss2_emu::{Recording, Trial};

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
/// The same relative to the mean weight, 24.2: what does not depend on the strength that all synapses of a chip share.
pub const RELATIVE_SPREAD: Band =
    Band { name: "weight spread, relative", unit: "of the mean", low: 2.0 / 24.2, high: 3.0 / 24.2, source: SOURCE };
/// Weights between which all but single neurons of the published figure lie.
pub const USUAL: std::ops::RangeInclusive<u8> = 17..=32;

const MOST: u8 = 63;
/// A neuron has settled if its mean rate over the last fifth of the periods is this close to the target, as in the published
/// figure of the rates (5.0 to 7.5 kHz in bins of 50 ms).
const SETTLED_REL: f64 = 0.25;

/// How the weights are regulated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Rate of the source in kHz.
    pub source_khz: f64,
    /// Rate that every neuron shall have, in kHz.
    pub target_khz: f64,
    /// Seed of the source.
    pub seed: u64,
    /// Time between two updates in us.
    pub period_us: f64,
    /// Updates.
    pub periods: usize,
    /// Weight that all synapses begin with. The published one, 0, takes some 30 periods to arrive.
    pub start: u8,
}

impl Default for Settings {
    fn default() -> Self {
        Self { source_khz: 120.0, target_khz: 6.0, seed: 1234, period_us: 10_000.0, periods: 100, start: 0 }
    }
}

/// The course of the weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Weights after each update, `(n_periods, n_neurons)`.
    pub weights: Vec<Vec<u8>>,
    /// Rates before each update in kHz, `(n_periods, n_neurons)`.
    pub rates_khz: Vec<Vec<f64>>,
    /// Target in kHz.
    pub target_khz: f64,
}

impl Outcome {
    /// Weights after the last update of the neurons that have settled.
    pub fn settled(&self) -> Vec<f64> {
        let last = self.weights.last().map_or(&[][..], Vec::as_slice);
        (0..last.len()).filter(|n| self.has_settled(*n)).map(|n| f64::from(last[n])).collect()
    }

    /// Settled weights outside [`USUAL`].
    pub fn outliers(&self) -> Vec<f64> {
        let usual = f64::from(*USUAL.start())..=f64::from(*USUAL.end());
        self.settled().into_iter().filter(|w| !usual.contains(w)).collect()
    }

    /// Mean weight of each neuron over the second half of the periods: what the neuron needs, without the unrest of the rule.
    pub fn mean_weights(&self) -> Vec<f64> {
        let half = &self.weights[self.weights.len() / 2..];
        let of = |n: usize| half.iter().map(|w| f64::from(w[n])).sum::<f64>() / half.len() as f64;
        (0..half.first().map_or(0, Vec::len)).map(of).collect()
    }

    fn has_settled(&self, neuron: usize) -> bool {
        let last = &self.rates_khz[self.rates_khz.len() - self.rates_khz.len().div_ceil(5)..];
        let rate = last.iter().map(|r| r[neuron]).sum::<f64>() / last.len() as f64;
        (rate / self.target_khz - 1.0).abs() < SETTLED_REL
    }

    /// Mean and spread over all neurons that settled, outliers included, beside the published bands. The mean is that over the
    /// second half of the periods: all neurons share the source, whose counts of one period scatter by 3 %.
    pub fn findings(&self) -> Vec<Finding> {
        let settled = self.settled();
        vec![
            Finding { band: MEAN_WEIGHT, value: mean(&self.mean_weights()) },
            Finding { band: WEIGHT_SPREAD, value: sd(&settled) },
            Finding { band: RELATIVE_SPREAD, value: sd(&settled) / mean(&settled) },
        ]
    }
}

/// What the neurons are calibrated to.
pub fn operating_point() -> OperatingPoint {
    OperatingPoint::NIGHTLY
}

/// Regulates the weights of all neurons.
///
/// # Errors
/// [`ProbeError::Setting`] for settings out of range; what the device refuses.
pub fn measure(bench: &mut Bench<'_>, settings: &Settings) -> Result<Outcome, ProbeError> {
    require("source_khz", settings.source_khz, 1.0..=10_000.0, "1..=10000 kHz")?;
    require("target_khz", settings.target_khz, 0.1..=settings.source_khz, "0.1 kHz up to the rate of the source")?;
    require("period_us", settings.period_us, 100.0..=1e5, "100..=100000 us")?;
    require("periods", settings.periods as f64, 1.0..=1e4, "1..=10000")?;
    require("start", settings.start.into(), 0.0..=MOST.into(), "a weight in 0..=63")?;
    let source = Source::new(1);
    bench.connect(&source.routing())?;
    bench.configure(&Adjustment::default())?;
    let target = settings.target_khz * settings.period_us * 1e-3;
    let mut present = [settings.start; NEURONS];
    let (mut weights, mut rates_khz) = (Vec::new(), Vec::new());
    for period in 0..settings.periods {
        bench.write_weights(&source.weights_by_neuron(&present))?;
        let train = poisson(settings.source_khz, settings.period_us, settings.seed, period);
        let trial = Trial { spikes: train.into_iter().flat_map(spike).collect(), ..Trial::default() };
        let counts = counts(&bench.run(settings.period_us, vec![trial], Vec::new())?);
        for (weight, count) in present.iter_mut().zip(&counts) {
            *weight = match f64::from(*count).total_cmp(&target) {
                std::cmp::Ordering::Less => (*weight + 1).min(MOST),
                std::cmp::Ordering::Equal => *weight,
                std::cmp::Ordering::Greater => weight.saturating_sub(1),
            };
        }
        weights.push(present.to_vec());
        rates_khz.push(counts.iter().map(|count| f64::from(*count) / settings.period_us * 1e3).collect());
    }
    Ok(Outcome { weights, rates_khz, target_khz: settings.target_khz })
}

fn counts(recording: &Recording) -> Vec<u32> {
    let mut counts = vec![0; NEURONS];
    for spike in recording.trials.iter().flat_map(|t| &t.spikes) {
        counts[spike.neuron.index()] += 1;
    }
    counts
}
