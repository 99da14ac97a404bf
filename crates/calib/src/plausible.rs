//! Ranges that what is measured of a neuron lies in, whatever the chip: beyond them a routine saw nothing, or a file is wrong.

use std::ops::RangeInclusive;

use bss2_emu::NeuronParameters;

/// Potentials in CADC LSB: those of a converter from 0 to 255, with what is extrapolated beyond it.
pub(crate) const POTENTIAL_LSB: RangeInclusive<f64> = -1000.0..=2000.0;
/// Time constants in us.
pub(crate) const TAU_US: RangeInclusive<f64> = 1e-3..=1e5;
/// Time constants with one code for all neurons, where none may be left.
pub(crate) const UNCALIBRATED_TAU_US: RangeInclusive<f64> = 0.0..=1e5;
/// Gains in LSB/us per unit of weight code; the smallest number above 0 stands for "above 0".
pub(crate) const GAIN: RangeInclusive<f64> = f64::MIN_POSITIVE..=100.0;
/// Refractory times in us.
pub(crate) const REFRACTORY_US: RangeInclusive<f64> = 0.0..=1e5;

/// A value of a neuron, its name and its range.
pub(crate) struct Measured {
    pub name: &'static str,
    pub value: f64,
    pub range: RangeInclusive<f64>,
}

/// Everything measured of a neuron.
pub(crate) fn measured(p: &NeuronParameters) -> [Measured; 9] {
    let one = |name, value, range| Measured { name, value, range };
    [
        one("v_leak_lsb", p.v_leak_lsb, POTENTIAL_LSB),
        one("v_reset_lsb", p.v_reset_lsb, POTENTIAL_LSB),
        one("v_threshold_lsb", p.v_threshold_lsb, POTENTIAL_LSB),
        one("tau_mem_us", p.tau_mem_us, TAU_US),
        one("tau_syn_exc_us", p.tau_syn_exc_us, TAU_US),
        one("tau_syn_inh_us", p.tau_syn_inh_us, TAU_US),
        one("gain_exc", p.gain_exc, GAIN),
        one("gain_inh", p.gain_inh, GAIN),
        one("refractory_us", p.refractory_us, REFRACTORY_US),
    ]
}

/// The range of a list of [`Uncalibrated`](crate::Uncalibrated).
pub(crate) fn uncalibrated(name: &str) -> RangeInclusive<f64> {
    if name.starts_with("tau") { UNCALIBRATED_TAU_US } else { POTENTIAL_LSB }
}

/// How a range is said.
pub(crate) fn said(range: &RangeInclusive<f64>) -> String {
    if *range == GAIN {
        return format!("values above 0 up to {}", range.end());
    }
    if *range.end() == f64::MAX {
        return format!("values from {} on", range.start());
    }
    format!("{}..={}", range.start(), range.end())
}
