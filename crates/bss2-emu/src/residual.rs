//! What a calibration leaves behind: the deviations of neurons that are set directly, without codes.
//!
//! An emulated chip with `parameters = "direct"` takes physical values. Real calibrated neurons miss theirs by a little, always by
//! the same: [`Residual`] says by how much, and each chip draws its own [`NeuronResidual`]s. They can also be given, neuron by
//! neuron, as a table ([`crate::Chip::draw_with_residuals`]).
//!
//! Sizes from recordings of one calibrated chip, fitted neuron by neuron (see the book's chapter on the chip): what a neuron
//! shows in its spike times is one effective gain, log-normal with a standard deviation of 6 % (4-8 % fit the data), in the
//! mean 8 % above what was aimed at (4 % here, see `gain_mean_rel`). The parts below add up to that and do not come on top of it: with
//! [`Residual::BSS2_CALIBRATED`] the factor on all weights with which an ideal neuron fires at the same time spreads by 6.2 %
//! within a chip (a test measures it: twelve chips, four input patterns), before the 5 % of single synapses.

mod neuron;

use serde::{Deserialize, Serialize};

use crate::codes::{NEURONS, NeuronId};
use crate::rng::{Purpose, Stream};
use crate::spec::ranges::{Number, numbers};

pub use neuron::{NeuronResidual, ResidualColumn, ResidualTable, ResidualTableError, SynapseResidual};

/// Spreads of what a calibration leaves behind.
///
/// `*_rel_std` are relative: of potentials to (threshold - leak), of factors the standard deviation of the natural
/// logarithm. `*_mean_rel` is how far the mean of all chips is off.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Residual {
    /// Offset of the leak by neuron. Bound from calix's tests: 5 %.
    pub leak_rel_std: f64,
    /// Offset of the reset by neuron. Bound from calix's tests: 3 %.
    pub reset_rel_std: f64,
    /// Offset of the threshold common to all chips. The authors of the recordings use 5 % in their noise model.
    pub threshold_mean_rel: f64,
    /// Offset of the threshold by neuron. Bound from calix's tests: 2.8 %; the authors' noise model: 3.1 %.
    pub threshold_rel_std: f64,
    /// Membrane time constant by neuron. Recordings bound it to 10 %, calix's tests to 6 %; with 5 % sustained firing spreads as in
    /// the published homeostasis experiment.
    pub tau_mem_rel_std: f64,
    /// Synaptic time constants by neuron, each on its own. Recordings bound it to 10 %, calix's tests to 4-5 %.
    pub tau_syn_rel_std: f64,
    /// Synaptic strength common to all chips: between the recordings of one chip, 7-9 % above its authors' threshold, and the
    /// published experiments after nightly calibrations, which fit 0.
    pub gain_mean_rel: f64,
    /// Synaptic strength by chip (5 %: a guess).
    pub gain_chip_rel_std: f64,
    /// Synaptic strength by neuron, both signs together: what the 6 % of effective gain leave for it.
    pub gain_neuron_rel_std: f64,
    /// Synaptic strength by neuron, each sign on its own: excitation against inhibition spreads by 1.4 times as much.
    /// Recordings bound that to 10 %.
    pub gain_sign_rel_std: f64,
    /// Offset of a CADC channel. Bound asserted by calix: 3 LSB.
    pub cadc_offset_lsb_std: f64,
    /// Error of the delay that a pair of circuits makes. Inferred from the recordings with trained delays: .43 us.
    pub delay_pair_us_std: f64,
}

impl Residual {
    /// Nothing: every neuron is what it was set to.
    pub const NONE: Self = Self {
        leak_rel_std: 0.0,
        reset_rel_std: 0.0,
        threshold_mean_rel: 0.0,
        threshold_rel_std: 0.0,
        tau_mem_rel_std: 0.0,
        tau_syn_rel_std: 0.0,
        gain_mean_rel: 0.0,
        gain_chip_rel_std: 0.0,
        gain_neuron_rel_std: 0.0,
        gain_sign_rel_std: 0.0,
        cadc_offset_lsb_std: 0.0,
        delay_pair_us_std: 0.0,
    };

    /// A calibrated chip as recorded.
    pub const BSS2_CALIBRATED: Self = Self {
        leak_rel_std: 0.02,
        reset_rel_std: 0.03,
        threshold_mean_rel: 0.0,
        threshold_rel_std: 0.03,
        tau_mem_rel_std: 0.05,
        tau_syn_rel_std: 0.04,
        gain_mean_rel: 0.04,
        gain_chip_rel_std: 0.05,
        gain_neuron_rel_std: 0.03,
        gain_sign_rel_std: 0.02,
        cadc_offset_lsb_std: 1.0,
        delay_pair_us_std: 0.43,
    };

    /// The noise model of the authors of Fast & Deep (`fp_mean` .13, `fp_std` .08 at a threshold of 2.6): thresholds alone.
    pub const FAST_AND_DEEP: Self =
        Self { threshold_mean_rel: 0.13 / 2.6, threshold_rel_std: 0.08 / 2.6, ..Self::NONE };

    /// Keys, values and ranges.
    pub(crate) fn numbers(&self) -> [Number; 12] {
        numbers!(
            self,
            Residual {
                leak_rel_std: 0.0..=1.0,
                reset_rel_std: 0.0..=1.0,
                threshold_mean_rel: -0.9..=10.0,
                threshold_rel_std: 0.0..=1.0,
                tau_mem_rel_std: 0.0..=2.0,
                tau_syn_rel_std: 0.0..=2.0,
                gain_mean_rel: -0.9..=10.0,
                gain_chip_rel_std: 0.0..=2.0,
                gain_neuron_rel_std: 0.0..=2.0,
                gain_sign_rel_std: 0.0..=2.0,
                cadc_offset_lsb_std: 0.0..=255.0,
                delay_pair_us_std: 0.0..=100.0,
            }
        )
    }

    /// What the calibration of a chip left behind in one neuron, if its threshold was set `swing_lsb` above its leak.
    pub fn draw(&self, seed: u64, neuron: NeuronId, swing_lsb: f64) -> NeuronResidual {
        use Parameter as P;
        let own = |p| normal(seed, p, Level::Neuron, neuron.index());
        let factor = |spread: f64, p| libm::exp(spread * own(p));
        let gain = (1.0 + self.gain_mean_rel)
            * libm::exp(self.gain_chip_rel_std * normal(seed, P::Gain, Level::Chip, 0))
            * factor(self.gain_neuron_rel_std, P::Gain);
        NeuronResidual {
            v_leak_lsb: swing_lsb * self.leak_rel_std * own(P::Leak),
            v_reset_lsb: swing_lsb * self.reset_rel_std * own(P::Reset),
            v_threshold_lsb: swing_lsb * (self.threshold_mean_rel + self.threshold_rel_std * own(P::Threshold)),
            tau_mem: factor(self.tau_mem_rel_std, P::TauMem),
            tau_syn_exc: factor(self.tau_syn_rel_std, P::TauExc),
            tau_syn_inh: factor(self.tau_syn_rel_std, P::TauInh),
            gain_exc: gain * factor(self.gain_sign_rel_std, P::GainExc),
            gain_inh: gain * factor(self.gain_sign_rel_std, P::GainInh),
            cadc_offset_lsb: self.cadc_offset_lsb_std * own(P::CadcOffset),
        }
    }

    /// Errors of the delays in us, by the index of the neuron whose circuit makes them.
    pub(crate) fn draw_delay_pairs(&self, seed: u64) -> Vec<f64> {
        let error = |n| self.delay_pair_us_std * normal(seed, Parameter::DelayPair, Level::Neuron, n);
        (0..NEURONS).map(error).collect()
    }
}

/// Address component: which parameter a draw is for. Part of the contract; numbers never change.
#[derive(Clone, Copy)]
enum Parameter {
    Leak = 0,
    Reset = 1,
    Threshold = 2,
    TauMem = 3,
    TauExc = 4,
    TauInh = 5,
    Gain = 6,
    GainExc = 7,
    GainInh = 8,
    CadcOffset = 9,
    DelayPair = 10,
}

/// Address component: what shares a draw.
#[derive(Clone, Copy)]
enum Level {
    Chip = 0,
    Neuron = 1,
}

fn normal(seed: u64, parameter: Parameter, level: Level, index: usize) -> f64 {
    Stream::new(seed, Purpose::Residual, [parameter as u32, level as u32, index as u32]).normal()
}

#[cfg(test)]
mod tests;
