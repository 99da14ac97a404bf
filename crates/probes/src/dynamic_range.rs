//! How far the membrane follows its inputs.
//!
//! Published experiment (`demos`, `ts_06-dynamic_range`, neurons 0, 64, ..., 448): comparators off, one event at once through as
//! many synapses as the total weight needs, total weights 0, 32, ..., 288 of either sign; the largest (inhibition: smallest) MADC
//! sample of one trace of 1 ms. Excitation is linear to the end, inhibition flattens.
//!
//! Chip, calibration and converter of that figure are not known. So the measured curves are put on the published one by one
//! affine map, fitted to excitation alone: the shift takes the largest sample without input to the published 262, the scale is
//! the ratio of the PSPs. What is compared is the shape.

use bss2_emu::device::{MADC_INTERVAL_US, MADC_INVALID_US};
use bss2_emu::{MadcRequest, NeuronId, ReadoutSource, Trial};

use crate::band::{Band, Finding};
use crate::bench::{Adjustment, Bench};
use crate::error::{ProbeError, require};
use crate::operating_point::OperatingPoint;
use crate::statistics::{interpolate, mean, slope_through_origin};
use crate::stimulus::{Sign, Source, spike, split};

const SOURCE: &str = "demos ts_06-dynamic_range (figure), 15 % of the span";
/// Largest deviation of excitation from the published line, relative to its span.
pub const EXCITATION: Band =
    Band { name: "excitation against published", unit: "of the span", low: 0.0, high: 0.15, source: SOURCE };
/// Largest deviation of inhibition from the published points, relative to their span.
pub const INHIBITION: Band =
    Band { name: "inhibition against published", unit: "of the span", low: 0.0, high: 0.15, source: SOURCE };
/// Published largest samples under excitation: (total weight, MADC LSB), the ends of a line.
pub const PUBLISHED_EXCITATION: [(f64, f64); 2] = [(0.0, 262.0), (288.0, 489.0)];
/// Published smallest samples under inhibition.
pub const PUBLISHED_INHIBITION: [(f64, f64); 6] =
    [(32.0, 231.0), (64.0, 204.0), (128.0, 163.0), (192.0, 138.0), (256.0, 122.0), (288.0, 117.0)];

/// How the range is measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The neurons.
    pub neurons: Vec<NeuronId>,
    /// Total weights, ascending from 0, at most 2000.
    pub weights: Vec<u16>,
    /// Length of a trace in us, up to 2200 (65535 samples).
    pub duration_us: f64,
}

impl Default for Settings {
    fn default() -> Self {
        let neurons = NeuronId::all().filter(|n| n.index() % 64 == 0).collect();
        Self { neurons, weights: (0..=288).step_by(32).collect(), duration_us: 1000.0 }
    }
}

/// Extremes of the traces in MADC LSB, `(n_weights, n_neurons)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Total weights.
    pub weights: Vec<u16>,
    /// Largest samples under excitation.
    pub excitation: Vec<Vec<f64>>,
    /// Smallest samples under inhibition.
    pub inhibition: Vec<Vec<f64>>,
}

impl Outcome {
    /// Means over the neurons, put on the published scale: `(total weight, excitation, inhibition)` in published MADC LSB.
    pub fn on_published_scale(&self) -> Vec<(f64, f64, f64)> {
        let zero = self.excitation.first().map_or(f64::NAN, |n| mean(n));
        let [(_, published_zero), _] = PUBLISHED_EXCITATION;
        let weights = || self.weights.iter().map(|w| f64::from(*w));
        let rises = weights()
            .zip(&self.excitation)
            .map(|(w, values)| (mean(values) - zero, interpolate(&PUBLISHED_EXCITATION, w) - published_zero));
        let scale = slope_through_origin(rises);
        let onto = |value: f64| published_zero + scale * (value - zero);
        weights()
            .zip(self.excitation.iter().zip(&self.inhibition))
            .map(|(w, (exc, inh))| (w, onto(mean(exc)), onto(mean(inh))))
            .collect()
    }

    /// Largest deviations from the published curves at the published weights, relative to the curves' spans.
    pub fn findings(&self) -> Vec<Finding> {
        let scaled = self.on_published_scale();
        let excitation: Vec<(f64, f64)> = scaled.iter().map(|(w, exc, _)| (*w, *exc)).collect();
        let inhibition: Vec<(f64, f64)> = scaled.iter().map(|(w, _, inh)| (*w, *inh)).collect();
        let [(_, zero), (_, top)] = PUBLISHED_EXCITATION;
        let bottom = PUBLISHED_INHIBITION.last().map_or(f64::NAN, |p| p.1);
        let largest = |deviations: &mut dyn Iterator<Item = f64>| deviations.map(f64::abs).fold(0.0, f64::max);
        let exc =
            largest(&mut excitation.iter().map(|(w, v)| v - interpolate(&PUBLISHED_EXCITATION, *w))) / (top - zero);
        let inh =
            largest(&mut PUBLISHED_INHIBITION.iter().map(|(w, v)| v - interpolate(&inhibition, *w))) / (zero - bottom);
        vec![Finding { band: EXCITATION, value: exc }, Finding { band: INHIBITION, value: inh }]
    }
}

/// What the neurons are calibrated to.
pub fn operating_point() -> OperatingPoint {
    OperatingPoint::NIGHTLY
}

/// Measures the extremes of the chosen neurons.
///
/// # Errors
/// [`ProbeError::Setting`] for settings out of range; what the device refuses.
pub fn measure(bench: &mut Bench<'_>, settings: &Settings) -> Result<Outcome, ProbeError> {
    let total = settings.weights.iter().copied().max().unwrap_or(0);
    require("weights", total.into(), 1.0..=2000.0, "total weights up to 2000, the largest at least 1")?;
    require("neurons", settings.neurons.len() as f64, 1.0..=512.0, "1..=512 neurons")?;
    require("duration_us", settings.duration_us, 50.0..=2200.0, "50..=2200 us")?;
    let source = Source::new(split(total).len());
    bench.connect(&source.routing())?;
    bench.configure(&Adjustment::silent())?;
    let trials: Vec<Trial> = settings
        .neurons
        .iter()
        .map(|&neuron| Trial {
            spikes: spike(0.5 * settings.duration_us).to_vec(),
            madc: Some(MadcRequest { neuron, source: ReadoutSource::Membrane }),
            ..Trial::default()
        })
        .collect();
    let valid = libm::ceil(MADC_INVALID_US / MADC_INTERVAL_US) as usize;
    let mut extremes = |sign: Sign| {
        let mut all = Vec::with_capacity(settings.weights.len());
        for &weight in &settings.weights {
            bench.write_weights(&source.weights(sign, &split(weight)))?;
            let recording = bench.run(settings.duration_us, trials.clone(), Vec::new())?;
            let extreme = |trace: &[u16]| match sign {
                Sign::Excitatory => trace.iter().max().copied(),
                Sign::Inhibitory => trace.iter().min().copied(),
            };
            let of = |trace: &Vec<u16>| trace.get(valid..).and_then(extreme).map_or(f64::NAN, f64::from);
            all.push(recording.trials.iter().map(|t| of(&t.madc)).collect());
        }
        Ok::<Vec<Vec<f64>>, ProbeError>(all)
    };
    let (excitation, inhibition) = (extremes(Sign::Excitatory)?, extremes(Sign::Inhibitory)?);
    Ok(Outcome { weights: settings.weights.clone(), excitation, inhibition })
}
