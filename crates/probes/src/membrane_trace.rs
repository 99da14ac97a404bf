//! What the membrane of a neuron does when it is stimulated, as the MADC sees it (`demos`, `ts_00-single_neuron`).

use bss2_emu::device::{MADC_INTERVAL_US, MADC_INVALID_US};
use bss2_emu::{InputSpike, MadcRequest, NeuronId, ReadoutSource, Trial};

use crate::bench::{Adjustment, Bench};
use crate::error::{ProbeError, require};
use crate::operating_point::OperatingPoint;
use crate::stimulus::{Sign, Source, spike};

/// What the neuron receives.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The neuron.
    pub neuron: NeuronId,
    /// Weight of each of the two synapses that every spike passes, 0..=63.
    pub weight: u8,
    /// Times of excitatory spikes in us.
    pub spikes_us: Vec<f64>,
    /// Length of the trace in us, up to 2200.
    pub duration_us: f64,
}

impl Default for Settings {
    /// The weights of the published figure: 31 through two synapses. Two PSPs apart, then four that add up to a spike.
    fn default() -> Self {
        let spikes_us = vec![20.0, 90.0, 160.0, 164.0, 168.0, 172.0];
        Self { neuron: NeuronId::default(), weight: 31, spikes_us, duration_us: 260.0 }
    }
}

/// A trace.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Times of the valid samples in us.
    pub times_us: Vec<f64>,
    /// Samples in MADC LSB.
    pub samples: Vec<u16>,
    /// Recorded spikes of the neuron in us.
    pub fired_us: Vec<f64>,
    /// Spikes that it received.
    pub received_us: Vec<f64>,
}

/// What the neurons are calibrated to.
pub fn operating_point() -> OperatingPoint {
    OperatingPoint::NIGHTLY
}

/// Records the trace.
///
/// # Errors
/// [`ProbeError::Setting`] for settings out of range; what the device refuses.
pub fn measure(bench: &mut Bench<'_>, settings: &Settings) -> Result<Outcome, ProbeError> {
    require("weight", settings.weight.into(), 0.0..=63.0, "a weight in 0..=63")?;
    require("duration_us", settings.duration_us, 10.0..=2200.0, "10..=2200 us")?;
    for time in &settings.spikes_us {
        require("spikes_us", *time, 0.0..=settings.duration_us, "times within the trace")?;
    }
    let source = Source::new(2);
    bench.connect(&source.routing())?;
    bench.configure(&Adjustment::default())?;
    bench.write_weights(&source.weights(Sign::Excitatory, &[settings.weight; 2]))?;
    let spikes: Vec<InputSpike> = settings.spikes_us.iter().flat_map(|t| spike(*t)).collect();
    let madc = Some(MadcRequest { neuron: settings.neuron, source: ReadoutSource::Membrane });
    let recording = bench.run(settings.duration_us, vec![Trial { spikes, madc, ..Trial::default() }], Vec::new())?;
    let trial = recording.trials.first().cloned().unwrap_or_default();
    let samples = trial.madc.iter().enumerate().map(|(k, v)| (k as f64 * MADC_INTERVAL_US, *v));
    let (times_us, samples) = samples.filter(|(time, _)| *time >= MADC_INVALID_US).unzip();
    let fired_us = trial.spikes.iter().filter(|s| s.neuron == settings.neuron).map(|s| s.time_us).collect();
    Ok(Outcome { times_us, samples, fired_us, received_us: settings.spikes_us.clone() })
}
