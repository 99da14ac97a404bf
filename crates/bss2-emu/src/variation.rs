//! Frozen variation: what makes one chip differ from another, drawn once from the chip's seed.
//!
//! Deviations are hierarchical (chip, quadrant of 128 neurons, neuron, synapse) and each is drawn at its own address, so
//! that changing one spread, or adding a parameter, leaves all others as they were. Source of the defaults: the `CapMem`
//! codes that the calibrations of three real chips (setups W66, 55, 63; 512 neurons each) needed to reach equal targets, here
//! converted by the transfer of [`crate::transfer`]. Turned around ([`equalising_codes`](crate::transfer::equalising_codes)), the
//! emulated chips show the spreads and correlations of the real ones: the book's page on the raw spread has the comparison.

mod draw;

use serde::{Deserialize, Serialize};

use crate::spec::ranges::{Number, numbers};

pub use draw::{Deviations, NeuronDeviation, RampDeviation, SynapseDeviations};

/// Spreads (standard deviations) of the parameters of an uncalibrated chip.
///
/// `*_rel_std` are standard deviations of the natural logarithm (0.1: about 10 %), `*_codes_std` are in `CapMem` codes,
/// `*_lsb_std` in CADC LSB. `chip`, `quadrant`, `neuron` say what shares a draw.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variation {
    /// Offset of leak and reset shared by a whole chip, in codes. Three chips: mean `v_leak` codes 667, 492, 551.
    pub v_leak_chip_codes_std: f64,
    /// Offset of leak and of reset by neuron. With the offset of all potentials three chips show 29-35 codes within a
    /// quadrant.
    pub v_leak_neuron_codes_std: f64,
    /// Correlation of these offsets of leak and reset. With the offset of all potentials it makes the .62-.77 of three chips.
    pub v_leak_reset_correlation: f64,
    /// Offset of the threshold by chip. Three chips: mean codes 411, 382, 415.
    pub v_threshold_chip_codes_std: f64,
    /// Offset of the threshold by neuron. Two chips, with the offset of all potentials: 16-17 codes within a quadrant.
    pub v_threshold_neuron_codes_std: f64,
    /// Offset of all potentials of a quadrant in LSB. Means of leak, reset and threshold move together from quadrant to
    /// quadrant, by equal amounts in LSB: by 6-30 codes of the leak and 5-22 of the threshold.
    pub v_quadrant_lsb_std: f64,
    /// Offset of all potentials of a neuron in LSB. Within a quadrant leak and threshold correlate by .07-.27.
    pub v_neuron_lsb_std: f64,
    /// Slope of the voltage cells by neuron (a guess: no source).
    pub v_slope_rel_std: f64,
    /// Bias currents of a quadrant: leak conductance, synaptic rates and synaptic strength together. Their codes' means
    /// move together from quadrant to quadrant, those of the leak by 2-6 %, of the synaptic rates by 5-9 %.
    pub bias_quadrant_rel_std: f64,
    /// Correlation of that with the quadrant's offset of potentials: quadrants that need higher voltage codes need lower
    /// current codes. Codes of three chips correlate by -.42 to 0.
    pub bias_voltage_correlation: f64,
    /// Leak conductance by chip. Three chips: mean codes 164, 147, 152.
    pub tau_mem_chip_rel_std: f64,
    /// Leak conductance by neuron. Codes spread by 12-14 % within a quadrant.
    pub tau_mem_neuron_rel_std: f64,
    /// Correlation of that with the neuron's leak offset: higher voltage code, lower bias code. Within a quadrant -.11 to -.20.
    pub tau_mem_leak_correlation: f64,
    /// Synaptic time constants by chip. Three chips: mean codes 82, 137, 141.
    pub tau_syn_chip_rel_std: f64,
    /// Synaptic time constants by neuron. Codes spread by 19-22 % within a quadrant.
    pub tau_syn_neuron_rel_std: f64,
    /// Correlation of the excitatory and inhibitory time constants of a neuron. Within a quadrant -.06 to .08.
    pub tau_syn_correlation: f64,
    /// Synaptic strength by chip (5 %: a guess of the authors of the recordings' analysis).
    pub gain_chip_rel_std: f64,
    /// Synaptic strength by quadrant, both signs together, beyond the bias currents. Codes: 9-13 % between quadrants.
    pub gain_quadrant_rel_std: f64,
    /// Synaptic strength by neuron, both signs together. Within a quadrant the signs correlate by .07-.29 only.
    pub gain_neuron_rel_std: f64,
    /// Synaptic strength by neuron, each sign on its own. Codes: 6 % within a quadrant (inhibition 6-13 %).
    pub gain_sign_rel_std: f64,
    /// Code that nulls the offset of a synaptic input: 290-318 +- 115-135, skewed towards high codes.
    pub shift_codes_std: f64,
    /// Strength of one synapse. Recordings: 5-10 % at most.
    pub synapse_weight_rel_std: f64,
    /// Offset of a CADC channel before calibration. Bound asserted by calix: below 20 LSB.
    pub cadc_offset_lsb_std: f64,
    /// Offset of the CADC reads of a quadrant, from its ramp (a guess, kept small: calix asserts 5 LSB after calibration).
    pub cadc_ramp_offset_lsb_std: f64,
    /// Slope of the CADC reads of a quadrant, from its ramp (a guess, kept small).
    pub cadc_ramp_slope_rel_std: f64,
    /// Offset of the voltage cells of adaptation, exponential term and reversal potentials, by neuron (a guess: as the leak's).
    pub extension_codes_std: f64,
    /// Bias currents of adaptation, exponential term and conductance-based inputs, by neuron (a guess: as the synaptic rates').
    pub extension_bias_rel_std: f64,
    /// Error of a written `CapMem` cell (see [`crate::capmem`]). Silicon: "a few LSB"; calix spreads its start values by 5.
    pub capmem_write_codes_std: f64,
}

impl Variation {
    /// An uncalibrated chip as observed.
    pub const BSS2: Self = Self {
        v_leak_chip_codes_std: 60.0,
        v_leak_neuron_codes_std: 31.0,
        v_leak_reset_correlation: 0.66,
        v_threshold_chip_codes_std: 14.0,
        v_threshold_neuron_codes_std: 13.0,
        v_quadrant_lsb_std: 5.0,
        v_neuron_lsb_std: 3.0,
        v_slope_rel_std: 0.01,
        bias_quadrant_rel_std: 0.065,
        bias_voltage_correlation: 0.6,
        tau_mem_chip_rel_std: 0.05,
        tau_mem_neuron_rel_std: 0.125,
        tau_mem_leak_correlation: 0.18,
        tau_syn_chip_rel_std: 0.2,
        tau_syn_neuron_rel_std: 0.2,
        tau_syn_correlation: 0.03,
        gain_chip_rel_std: 0.05,
        gain_quadrant_rel_std: 0.115,
        gain_neuron_rel_std: 0.023,
        gain_sign_rel_std: 0.06,
        shift_codes_std: 126.0,
        synapse_weight_rel_std: 0.05,
        cadc_offset_lsb_std: 6.0,
        cadc_ramp_offset_lsb_std: 0.5,
        cadc_ramp_slope_rel_std: 0.003,
        extension_codes_std: 31.0,
        extension_bias_rel_std: 0.2,
        capmem_write_codes_std: 4.0,
    };

    /// What no calibration of neurons touches: their synapses. For chips that are set directly.
    pub const CALIBRATED: Self = Self { synapse_weight_rel_std: Self::BSS2.synapse_weight_rel_std, ..Self::IDEAL };

    /// Every neuron and synapse equal.
    pub const IDEAL: Self = Self {
        v_leak_chip_codes_std: 0.0,
        v_leak_neuron_codes_std: 0.0,
        v_leak_reset_correlation: 0.0,
        v_threshold_chip_codes_std: 0.0,
        v_threshold_neuron_codes_std: 0.0,
        v_quadrant_lsb_std: 0.0,
        v_neuron_lsb_std: 0.0,
        v_slope_rel_std: 0.0,
        bias_quadrant_rel_std: 0.0,
        bias_voltage_correlation: 0.0,
        tau_mem_chip_rel_std: 0.0,
        tau_mem_neuron_rel_std: 0.0,
        tau_mem_leak_correlation: 0.0,
        tau_syn_chip_rel_std: 0.0,
        tau_syn_neuron_rel_std: 0.0,
        tau_syn_correlation: 0.0,
        gain_chip_rel_std: 0.0,
        gain_quadrant_rel_std: 0.0,
        gain_neuron_rel_std: 0.0,
        gain_sign_rel_std: 0.0,
        shift_codes_std: 0.0,
        synapse_weight_rel_std: 0.0,
        cadc_offset_lsb_std: 0.0,
        cadc_ramp_offset_lsb_std: 0.0,
        cadc_ramp_slope_rel_std: 0.0,
        extension_codes_std: 0.0,
        extension_bias_rel_std: 0.0,
        capmem_write_codes_std: 0.0,
    };

    /// Keys, values and ranges.
    pub(crate) fn numbers(&self) -> [Number; 28] {
        numbers!(
            self,
            Variation {
                v_leak_chip_codes_std: 0.0..=1000.0,
                v_leak_neuron_codes_std: 0.0..=1000.0,
                v_leak_reset_correlation: -1.0..=1.0,
                v_threshold_chip_codes_std: 0.0..=1000.0,
                v_threshold_neuron_codes_std: 0.0..=1000.0,
                v_quadrant_lsb_std: 0.0..=1000.0,
                v_neuron_lsb_std: 0.0..=1000.0,
                v_slope_rel_std: 0.0..=2.0,
                bias_quadrant_rel_std: 0.0..=2.0,
                bias_voltage_correlation: -1.0..=1.0,
                tau_mem_chip_rel_std: 0.0..=2.0,
                tau_mem_neuron_rel_std: 0.0..=2.0,
                tau_mem_leak_correlation: -1.0..=1.0,
                tau_syn_chip_rel_std: 0.0..=2.0,
                tau_syn_neuron_rel_std: 0.0..=2.0,
                tau_syn_correlation: -1.0..=1.0,
                gain_chip_rel_std: 0.0..=2.0,
                gain_quadrant_rel_std: 0.0..=2.0,
                gain_neuron_rel_std: 0.0..=2.0,
                gain_sign_rel_std: 0.0..=2.0,
                shift_codes_std: 0.0..=1000.0,
                synapse_weight_rel_std: 0.0..=2.0,
                cadc_offset_lsb_std: 0.0..=1000.0,
                cadc_ramp_offset_lsb_std: 0.0..=255.0,
                cadc_ramp_slope_rel_std: 0.0..=2.0,
                extension_codes_std: 0.0..=1000.0,
                extension_bias_rel_std: 0.0..=2.0,
                capmem_write_codes_std: 0.0..=1000.0,
            }
        )
    }
}

impl Default for Variation {
    fn default() -> Self {
        Self::BSS2
    }
}
