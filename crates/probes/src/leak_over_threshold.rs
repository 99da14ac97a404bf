//! Whether neurons that fire by themselves fire at the rate they were set for.
//!
//! With the leak above the threshold a neuron fires by itself, every
//! ```text
//! T = t_refractory + tau_mem ln((leak - reset) / (leak - threshold))
//! ```
//! Asserted on silicon (`calix`, `tests/hw/py/test_neuron_spiking.py`, target 100 kHz): more than 90 % of the neurons fire
//! above 0.9 times the target, more than 90 % below 1.15 times. There the leak is 110 and the reset 60, and the threshold of each
//! neuron is trimmed to the rate; here nothing is trimmed. The neurons are set to what gives 100 kHz by the formula, in a
//! regime within the feasible ranges of `calix` where the rate depends less on the threshold: leak 140, threshold 105, reset 60.
//! (Leaks much above that are beyond the last code of some chips, emulated and real.)

use bss2_emu::Trial;
use bss2_emu::codes::NEURONS;

use crate::band::{Band, Finding};
use crate::bench::{Adjustment, Bench};
use crate::error::{ProbeError, require};
use crate::operating_point::OperatingPoint;
use crate::stimulus::Source;

const SOURCE: &str = "calix tests/hw/py/test_neuron_spiking.py";
/// Share of neurons above 0.9 times the target.
pub const FAST_ENOUGH: Band =
    Band { name: "faster than 90 kHz", unit: "of neurons", low: 0.9, high: 1.0, source: SOURCE };
/// Share of neurons below 1.15 times the target.
pub const SLOW_ENOUGH: Band =
    Band { name: "slower than 115 kHz", unit: "of neurons", low: 0.9, high: 1.0, source: SOURCE };

const TARGET_KHZ: f64 = 100.0;
/// Leak that is calibrated to, below the threshold, and how far it is raised then.
const CALIBRATED_LEAK_LSB: f64 = 90.0;
const RAISED_BY_LSB: f64 = 50.0;
const RESET_LSB: f64 = 60.0;
const THRESHOLD_LSB: f64 = 105.0;

/// How rates are measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Length of a trial in us.
    pub duration_us: f64,
    /// Trials: each has threshold noise of its own.
    pub trials: usize,
}

impl Default for Settings {
    /// 10 ms in all: 1000 spikes of each neuron.
    fn default() -> Self {
        Self { duration_us: 1000.0, trials: 10 }
    }
}

/// Rates of all neurons.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Target in kHz.
    pub target_khz: f64,
    /// Spikes per time in kHz.
    pub rates_khz: Vec<f64>,
}

impl Outcome {
    /// Shares of neurons beside the published bands.
    pub fn findings(&self) -> Vec<Finding> {
        let share = |within: &dyn Fn(f64) -> bool| {
            self.rates_khz.iter().filter(|rate| within(**rate / self.target_khz)).count() as f64 / NEURONS as f64
        };
        vec![
            Finding { band: FAST_ENOUGH, value: share(&|r| r > 0.9) },
            Finding { band: SLOW_ENOUGH, value: share(&|r| r < 1.15) },
        ]
    }
}

/// What the neurons are calibrated to: nightly, except for the potentials and for the membrane time constant that makes the period
/// 10 us once the leak is raised.
pub fn operating_point() -> OperatingPoint {
    let nightly = OperatingPoint::NIGHTLY;
    let leak = CALIBRATED_LEAK_LSB + RAISED_BY_LSB;
    let free_us = 1e3 / TARGET_KHZ - nightly.parameters().refractory_us;
    OperatingPoint {
        leak_lsb: CALIBRATED_LEAK_LSB,
        reset_lsb: RESET_LSB,
        threshold_lsb: THRESHOLD_LSB,
        tau_mem_us: free_us / libm::log((leak - RESET_LSB) / (leak - THRESHOLD_LSB)),
        ..nightly
    }
}

/// Raises the leak and counts spikes.
///
/// # Errors
/// [`ProbeError::Setting`] for settings out of range; what the device refuses.
pub fn measure(bench: &mut Bench<'_>, settings: &Settings) -> Result<Outcome, ProbeError> {
    require("duration_us", settings.duration_us, 50.0..=1e5, "50..=100000 us")?;
    require("trials", settings.trials as f64, 1.0..=1e4, "1..=10000")?;
    bench.connect(&Source::new(1).routing())?;
    bench.configure(&Adjustment { raise_leak_lsb: RAISED_BY_LSB, ..Adjustment::default() })?;
    let recording = bench.run(settings.duration_us, vec![Trial::default(); settings.trials], Vec::new())?;
    let mut counts = vec![0_u32; NEURONS];
    for spike in recording.trials.iter().flat_map(|t| &t.spikes) {
        counts[spike.neuron.index()] += 1;
    }
    let time_us = settings.duration_us * settings.trials as f64;
    let rates_khz = counts.into_iter().map(|count| f64::from(count) / time_us * 1e3).collect();
    Ok(Outcome { target_khz: TARGET_KHZ, rates_khz })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_regime_is_feasible() {
        let point = operating_point();
        assert!((0.5..60.0).contains(&point.tau_mem_us) && point.leak_lsb < point.threshold_lsb);
        // 7.952 us / ln(80 / 35)
        assert!((point.tau_mem_us - 9.6194).abs() < 1e-3, "{}", point.tau_mem_us);
    }
}
