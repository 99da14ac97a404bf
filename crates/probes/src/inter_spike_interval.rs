//! Which refractory code makes the interval between spikes that is asked for.
//!
//! Published example (`pynn-brainscales`, `examples/isi_calib.py`): one neuron that fires by itself, its leak above the threshold; the
//! refractory counter is swept from 5 to 255 in steps of 10, five runs each, on a clock of 64 ns; the code whose mean interval
//! comes nearest to 10 us must come within 1 us of it.

use bss2_emu::{NeuronId, Refractory, Trial};

use crate::band::{Band, Finding};
use crate::bench::{Adjustment, Bench};
use crate::error::{ProbeError, require};
use crate::operating_point::OperatingPoint;
use crate::statistics::{mean, sd};
use crate::stimulus::Source;

/// Interval of the best code.
pub const BEST_INTERVAL: Band = Band {
    name: "best interval for 10 us",
    unit: "us",
    low: 9.0,
    high: 11.0,
    source: "pynn-brainscales pynn_brainscales2_test_isi_calib.py",
};
const TARGET_US: f64 = 10.0;
const RAISED_BY_LSB: f64 = 60.0;

/// How the sweep is made.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The neuron.
    pub neuron: NeuronId,
    /// Counter values.
    pub counters: Vec<u8>,
    /// Divider of the refractory clock, 0..=15; 3: 64 ns per count.
    pub scale: u8,
    /// Runs of each.
    pub repeats: usize,
    /// Length of a run in us.
    pub duration_us: f64,
}

impl Default for Settings {
    fn default() -> Self {
        let counters = (5..=255).step_by(10).collect();
        Self { neuron: NeuronId::default(), counters, scale: 3, repeats: 5, duration_us: 200.0 }
    }
}

/// Interval at one code.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The counter.
    pub counter: u8,
    /// Mean over the runs of the mean interval in us; `NaN` without two spikes.
    pub mean_us: f64,
    /// Standard deviation over the runs in us.
    pub sd_us: f64,
}

/// Intervals by code.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// In the order of the counters.
    pub intervals: Vec<Interval>,
}

impl Outcome {
    /// The code whose interval comes nearest to 10 us.
    pub fn best(&self) -> Option<Interval> {
        let away = |i: &Interval| (i.mean_us - TARGET_US).abs();
        self.intervals.iter().copied().filter(|i| i.mean_us.is_finite()).min_by(|a, b| away(a).total_cmp(&away(b)))
    }

    /// Its interval beside the published tolerance.
    pub fn findings(&self) -> Vec<Finding> {
        vec![Finding { band: BEST_INTERVAL, value: self.best().map_or(f64::NAN, |best| best.mean_us) }]
    }
}

/// What the neurons are calibrated to: a short way from reset to threshold, which takes 2 us once the leak is raised by 60 LSB.
pub fn operating_point() -> OperatingPoint {
    OperatingPoint { reset_lsb: 80.0, threshold_lsb: 100.0, tau_mem_us: 5.0, ..OperatingPoint::NIGHTLY }
}

/// Sweeps the refractory counter.
///
/// # Errors
/// [`ProbeError::Setting`] for settings out of range; what the device refuses.
pub fn measure(bench: &mut Bench<'_>, settings: &Settings) -> Result<Outcome, ProbeError> {
    require("counters", settings.counters.len() as f64, 1.0..=256.0, "1..=256 counter values")?;
    require("scale", settings.scale.into(), 0.0..=15.0, "0..=15")?;
    require("repeats", settings.repeats as f64, 1.0..=1e4, "1..=10000")?;
    require("duration_us", settings.duration_us, 20.0..=1e5, "20..=100000 us")?;
    bench.connect(&Source::new(1).routing())?;
    let mut intervals = Vec::with_capacity(settings.counters.len());
    for &counter in &settings.counters {
        let refractory = Some(Refractory { counter, scale: settings.scale });
        bench.configure(&Adjustment { raise_leak_lsb: RAISED_BY_LSB, refractory, ..Adjustment::default() })?;
        let mut means_us = Vec::with_capacity(settings.repeats);
        for _ in 0..settings.repeats {
            let recording = bench.run(settings.duration_us, vec![Trial::default()], Vec::new())?;
            let spikes = recording.trials.iter().flat_map(|t| &t.spikes);
            let times: Vec<f64> = spikes.filter(|s| s.neuron == settings.neuron).map(|s| s.time_us).collect();
            let intervals: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
            means_us.push(mean(&intervals));
        }
        intervals.push(Interval { counter, mean_us: mean(&means_us), sd_us: sd(&means_us) });
    }
    Ok(Outcome { intervals })
}
