//! The register values of a neuron circuit and of what circuits share.

use serde::{Deserialize, Serialize};

use crate::codes::{CapMemCode, NEURONS, QUADRANTS};

/// Refractory counter: a neuron is held at its reset for `counter` periods of a clock of 250 MHz / 2^(scale + 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refractory {
    /// Periods to count.
    pub counter: u8,
    /// Divider of the clock, 0..=15.
    pub scale: u8,
}

impl Refractory {
    /// Counts below this would be rounded by more than 3 %, so a faster clock is taken.
    const SMALLEST_COUNT: u32 = 30;

    /// The setting for a time, as `calix` chooses it: the slowest clock that still gives at least 30 counts.
    ///
    /// ```
    /// use bss2_emu::Refractory;
    /// assert_eq!(Refractory::for_time(2.0), Some(Refractory { counter: 32, scale: 3 }));
    /// assert_eq!(Refractory::for_time(16.0), Some(Refractory { counter: 32, scale: 6 }));
    /// ```
    /// `None` for times that the counter cannot make (below 40 ns or above 33 ms).
    pub fn for_time(time_us: f64) -> Option<Self> {
        let counts = |scale: u8| (time_us * frequency_mhz(scale)) as u32 + 1;
        if !(0.04..=33_000.0).contains(&time_us) {
            return None;
        }
        let scale = (0..=15).rev().find(|s| counts(*s) >= Self::SMALLEST_COUNT).unwrap_or(0);
        u8::try_from(counts(scale)).ok().map(|counter| Self { counter, scale })
    }

    /// The refractory time in us.
    pub fn time_us(self) -> f64 {
        f64::from(self.counter) / frequency_mhz(self.scale)
    }

    /// How long before its end the reset is released at a hold-off code (0..=15), in us: `31 - 2 code` counts, at most the whole
    /// refractory time; at code 15 the reset lasts to the end.
    pub fn holdoff_us(self, code: u8) -> f64 {
        let counts = if code < 15 { 31 - 2 * code } else { 0 };
        f64::from(counts.min(self.counter)) / frequency_mhz(self.scale)
    }
}

fn frequency_mhz(scale: u8) -> f64 {
    250.0 / f64::from(1u32 << (u32::from(scale.min(15)) + 1))
}

/// Register values of one neuron circuit.
#[allow(clippy::struct_excessive_bools, reason = "the circuit has that many switches")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NeuronCodes {
    /// Resting potential.
    pub v_leak: CapMemCode,
    /// Reset potential.
    pub v_reset: CapMemCode,
    /// Firing threshold.
    pub v_threshold: CapMemCode,
    /// Leak conductance; with the capacitance it sets `tau_mem`.
    pub i_bias_leak: CapMemCode,
    /// Time constant of the excitatory input: larger codes are faster.
    pub i_bias_synin_exc_tau: CapMemCode,
    /// Time constant of the inhibitory input.
    pub i_bias_synin_inh_tau: CapMemCode,
    /// Strength of the excitatory input.
    pub i_bias_synin_exc_gm: CapMemCode,
    /// Strength of the inhibitory input.
    pub i_bias_synin_inh_gm: CapMemCode,
    /// Reference of the excitatory input: nulls its offset current.
    pub i_bias_synin_exc_shift: CapMemCode,
    /// Reference of the inhibitory input.
    pub i_bias_synin_inh_shift: CapMemCode,
    /// Constant current onto the membrane.
    pub i_mem_offset: CapMemCode,
    /// Membrane capacitor, 0..=63 (63: about 2.3 pF).
    pub membrane_capacitance: u8,
    /// Divides the leak conductance by 8.
    pub leak_division: bool,
    /// Multiplies the leak conductance by 8.
    pub leak_multiplication: bool,
    /// Connects the excitatory input.
    pub enable_synin_exc: bool,
    /// Connects the inhibitory input.
    pub enable_synin_inh: bool,
    /// Connects the constant current.
    pub enable_mem_offset: bool,
    /// Whether the constant current is drawn from the membrane instead of fed to it.
    pub mem_offset_sink: bool,
    /// Connects the threshold comparator.
    pub enable_threshold: bool,
    /// Refractory time.
    pub refractory: Refractory,
    /// The rest of the circuit; tables without these entries have it switched off.
    #[serde(default, skip_serializing_if = "ExtensionCodes::are_default")]
    pub extension: ExtensionCodes,
}

/// Register values of the parts of a circuit that a current-based leaky integrate-and-fire neuron leaves switched off.
#[allow(clippy::struct_excessive_bools, reason = "the circuit has that many switches")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExtensionCodes {
    /// Reversal potential of the excitatory input, if it is conductance-based.
    pub e_synin_exc_rev: CapMemCode,
    /// Reversal potential of the inhibitory input, if it is conductance-based.
    pub e_synin_inh_rev: CapMemCode,
    /// Potential towards which the adaptation decays.
    pub v_adapt_leak: CapMemCode,
    /// Potential at which the membrane does not drive the adaptation.
    pub v_adapt_ref: CapMemCode,
    /// Onset of the exponential term.
    pub v_exp: CapMemCode,
    /// Conductance of the reset: larger codes reset faster (written, without effect: the reset is instantaneous).
    pub i_bias_reset: CapMemCode,
    /// Strength of the conductance-based modulation of excitation; 0 leaves it current-based.
    pub i_bias_synin_exc_coba: CapMemCode,
    /// Strength of the conductance-based modulation of inhibition.
    pub i_bias_synin_inh_coba: CapMemCode,
    /// Time constant of the adaptation: larger codes are faster.
    pub i_bias_adapt_tau: CapMemCode,
    /// Sub-threshold adaptation.
    pub i_bias_adapt_a: CapMemCode,
    /// Spike-triggered adaptation.
    pub i_bias_adapt_b: CapMemCode,
    /// Sharpness of the exponential term: larger codes are sharper, 0 is none.
    pub i_bias_exp: CapMemCode,
    /// Conductance between circuits of a multi-compartment neuron (written, without effect: compartments are not modelled).
    pub i_bias_nmda: CapMemCode,
    /// Connects the exponential term.
    pub enable_exponential: bool,
    /// Connects the adaptation.
    pub enable_adaptation: bool,
    /// Whether the membrane drives the adaptation the other way (negative a).
    pub adaptation_invert_a: bool,
    /// Whether spikes drive the adaptation the other way (negative b).
    pub adaptation_invert_b: bool,
    /// Makes the excitatory input conductance-based.
    pub enable_synin_exc_coba: bool,
    /// Makes the inhibitory input conductance-based.
    pub enable_synin_inh_coba: bool,
    /// Lengthens the time constant of the excitatory input.
    pub synin_exc_high_resistance: bool,
    /// Lengthens the time constant of the inhibitory input.
    pub synin_inh_high_resistance: bool,
    /// Releases the reset `31 - 2 reset_holdoff` counts before the refractory time is over, 0..=15; 15: at its end.
    pub reset_holdoff: u8,
    /// Lets every excitatory event pass the neuron digitally, as a spike of its own.
    pub enable_bypass: bool,
}

impl ExtensionCodes {
    /// Whether all is as in [`ExtensionCodes::default`].
    pub fn are_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for ExtensionCodes {
    /// All switched off.
    fn default() -> Self {
        let code = |value| CapMemCode::saturating(f64::from(value));
        Self {
            e_synin_exc_rev: code(1022),
            e_synin_inh_rev: code(300),
            v_adapt_leak: code(620),
            v_adapt_ref: code(620),
            v_exp: code(400),
            i_bias_reset: code(1012),
            i_bias_synin_exc_coba: code(0),
            i_bias_synin_inh_coba: code(0),
            i_bias_adapt_tau: code(100),
            i_bias_adapt_a: code(0),
            i_bias_adapt_b: code(0),
            i_bias_exp: code(0),
            i_bias_nmda: code(0),
            enable_exponential: false,
            enable_adaptation: false,
            adaptation_invert_a: false,
            adaptation_invert_b: false,
            enable_synin_exc_coba: false,
            enable_synin_inh_coba: false,
            synin_exc_high_resistance: false,
            synin_inh_high_resistance: false,
            reset_holdoff: 15,
            enable_bypass: false,
        }
    }
}

impl Default for NeuronCodes {
    /// Mid-range values of a fresh chip: leak and threshold far apart, inputs connected.
    fn default() -> Self {
        let code = |value| CapMemCode::saturating(f64::from(value));
        Self {
            v_leak: code(620),
            v_reset: code(620),
            v_threshold: code(410),
            i_bias_leak: code(160),
            i_bias_synin_exc_tau: code(100),
            i_bias_synin_inh_tau: code(100),
            i_bias_synin_exc_gm: code(500),
            i_bias_synin_inh_gm: code(500),
            i_bias_synin_exc_shift: code(314),
            i_bias_synin_inh_shift: code(292),
            i_mem_offset: code(0),
            membrane_capacitance: 63,
            leak_division: false,
            leak_multiplication: false,
            enable_synin_exc: true,
            enable_synin_inh: true,
            enable_mem_offset: false,
            mem_offset_sink: false,
            enable_threshold: true,
            refractory: Refractory { counter: 32, scale: 3 },
            extension: ExtensionCodes::default(),
        }
    }
}

/// The analog configuration of a chip.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeTable {
    /// One entry per neuron, `AtomicNeuron` order.
    pub neurons: Vec<NeuronCodes>,
    /// Bias of the synapses' converters, per quadrant: scales every weight.
    pub synapse_dac_bias: [CapMemCode; 4],
    /// Digital offset of each neuron's CADC channel, -128..=127, added to what is read.
    pub cadc_offset: Vec<i8>,
    /// Start of the CADC ramp per quadrant: a higher start makes all reads smaller.
    #[serde(default = "CodeTable::default_ramp", skip_serializing_if = "CodeTable::is_default_ramp")]
    pub cadc_ramp_offset: [CapMemCode; QUADRANTS],
    /// Steepness of the CADC ramp per quadrant: reads are inversely proportional to it.
    #[serde(default = "CodeTable::default_ramp", skip_serializing_if = "CodeTable::is_default_ramp")]
    pub cadc_ramp_slope: [CapMemCode; QUADRANTS],
}

impl CodeTable {
    /// Default start and steepness of the CADC ramps (a guess).
    pub const CADC_RAMP: u16 = 400;

    fn default_ramp() -> [CapMemCode; QUADRANTS] {
        [CapMemCode::saturating(f64::from(Self::CADC_RAMP)); QUADRANTS]
    }

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
    fn is_default_ramp(codes: &[CapMemCode; QUADRANTS]) -> bool {
        *codes == Self::default_ramp()
    }
}

impl Default for CodeTable {
    fn default() -> Self {
        Self {
            neurons: vec![NeuronCodes::default(); NEURONS],
            synapse_dac_bias: [CapMemCode::saturating(800.0); 4],
            cadc_offset: vec![0; NEURONS],
            cadc_ramp_offset: Self::default_ramp(),
            cadc_ramp_slope: Self::default_ramp(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refractory_settings_are_those_of_calix() {
        assert_eq!(Refractory::for_time(2.0), Some(Refractory { counter: 32, scale: 3 }));
        assert_eq!(Refractory::for_time(1.5).map(|r| r.scale), Some(2));
        let sixteen = Refractory::for_time(16.0).unwrap();
        assert!((sixteen.time_us() - 16.384).abs() < 1e-9);
        assert_eq!(Refractory::for_time(0.01), None);
    }

    #[test]
    fn tables_without_the_newer_codes_have_the_defaults() {
        let json = serde_json::to_value(CodeTable::default()).unwrap();
        assert!(json.get("cadc_ramp_offset").is_none());
        assert_eq!(serde_json::from_value::<CodeTable>(json).unwrap(), CodeTable::default());
        let mut moved = CodeTable::default();
        moved.cadc_ramp_slope[2] = CapMemCode::MAX;
        let json = serde_json::to_value(&moved).unwrap();
        assert_eq!(serde_json::from_value::<CodeTable>(json).unwrap(), moved);
    }
}
