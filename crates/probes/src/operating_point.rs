//! What the neurons are calibrated to before an experiment.

use bss2_emu::parameters::{NOMINAL_GAIN, Terms};
use bss2_emu::{NeuronParameters, Refractory};

/// Common target of all 512 neurons: on a chip that is set by codes, what its calibration aims at; on an emulated chip that
/// is set directly, the values themselves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OperatingPoint {
    /// Resting potential in CADC LSB.
    pub leak_lsb: f64,
    /// Reset potential in CADC LSB.
    pub reset_lsb: f64,
    /// Threshold in CADC LSB, above the leak.
    pub threshold_lsb: f64,
    /// Membrane time constant in us.
    pub tau_mem_us: f64,
    /// Both synaptic time constants in us.
    pub tau_syn_us: f64,
    /// `CapMem` code of the synaptic strength.
    pub i_synin_gm: u16,
    /// Bias code of the synapses' converters.
    pub synapse_dac_bias: u16,
    /// Refractory time in us.
    pub refractory_us: f64,
}

impl OperatingPoint {
    /// What the chips in the laboratory are calibrated to every night: the defaults of `calix`.
    pub const NIGHTLY: Self = Self {
        leak_lsb: 80.0,
        reset_lsb: 70.0,
        threshold_lsb: 125.0,
        tau_mem_us: 10.0,
        tau_syn_us: 10.0,
        i_synin_gm: 500,
        synapse_dac_bias: 600,
        refractory_us: 2.0,
    };

    /// The physical values of a neuron exactly on target, at full membrane capacitance.
    ///
    /// The synaptic gain is the nominal one, in proportion to both biases; the refractory time is the one that the counter
    /// makes (2 us: counter 32 at scale 3, as `calix` sets it).
    ///
    /// ```
    /// use probes::OperatingPoint;
    /// let neuron = OperatingPoint::NIGHTLY.parameters();
    /// // 0.35 CADC LSB per weight LSB: gain tau / e
    /// assert!((neuron.gain_exc * 10.0 / std::f64::consts::E - 0.35).abs() < 1e-12);
    /// assert!((neuron.refractory_us - 2.048).abs() < 1e-12);
    /// ```
    pub fn parameters(&self) -> NeuronParameters {
        let gain = NOMINAL_GAIN * f64::from(self.i_synin_gm) / 550.0 * f64::from(self.synapse_dac_bias) / 800.0;
        NeuronParameters {
            v_leak_lsb: self.leak_lsb,
            v_reset_lsb: self.reset_lsb,
            v_threshold_lsb: self.threshold_lsb,
            tau_mem_us: self.tau_mem_us,
            tau_syn_exc_us: self.tau_syn_us,
            tau_syn_inh_us: self.tau_syn_us,
            gain_exc: gain,
            gain_inh: gain,
            refractory_us: Refractory::for_time(self.refractory_us).map_or(self.refractory_us, Refractory::time_us),
            terms: Terms::default(),
        }
    }

    /// Threshold minus leak in CADC LSB.
    pub fn swing_lsb(&self) -> f64 {
        self.threshold_lsb - self.leak_lsb
    }
}
