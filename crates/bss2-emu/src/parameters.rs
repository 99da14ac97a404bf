//! What is written to a neuron and what comes of it.
//!
//! [`NeuronCodes`] are the register values of one circuit, under the names of the chip's own configuration (`lola`,
//! `AtomicNeuron`; `CapMem` cells as in `halco`). [`NeuronParameters`] are the physical values of one neuron: what a
//! calibration measured, or, on an emulated chip that is set directly, what the neuron shall have.

mod registers;

use serde::{Deserialize, Serialize};

pub use registers::{CodeTable, ExtensionCodes, NeuronCodes, Refractory};

/// Physical values of one neuron.
///
/// ```text
/// dV/dt = -(V - v_leak) / tau_mem + I_exc - I_inh,   an event of weight code w raises I_exc by gain_exc w
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NeuronParameters {
    /// Resting potential in CADC LSB.
    pub v_leak_lsb: f64,
    /// Reset potential in CADC LSB.
    pub v_reset_lsb: f64,
    /// Threshold in CADC LSB.
    pub v_threshold_lsb: f64,
    /// Membrane time constant in us.
    pub tau_mem_us: f64,
    /// Time constant of the excitatory input in us.
    pub tau_syn_exc_us: f64,
    /// Time constant of the inhibitory input in us.
    pub tau_syn_inh_us: f64,
    /// Slope of the membrane per unit of excitatory weight code, in LSB/us.
    pub gain_exc: f64,
    /// The same for inhibition, positive.
    pub gain_inh: f64,
    /// Refractory time in us.
    pub refractory_us: f64,
    /// What the neuron has beyond a current-based leaky integrate-and-fire neuron.
    #[serde(default, skip_serializing_if = "Terms::are_off")]
    pub terms: Terms,
}

/// Terms of the membrane equation beyond the current-based leaky integrate-and-fire neuron.
///
/// ```text
/// dV/dt = ... + i_offset + slope / tau_mem e^((V - v_exp) / slope) - w
/// tau_w dw/dt = a (V - v_ref) - w,     w -> w + b at a spike
/// conductance-based: I_exc is scaled by (e_rev - V) / (e_rev - v_leak), I_inh likewise
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Terms {
    /// Constant current onto the membrane in LSB/us.
    pub offset_current: f64,
    /// Exponential onset of spikes.
    pub exponential: Option<Exponential>,
    /// Adaptation.
    pub adaptation: Option<Adaptation>,
    /// Reversal potential of excitation in CADC LSB, above `v_leak`; none: current-based.
    pub reversal_exc_lsb: Option<f64>,
    /// Reversal potential of inhibition in CADC LSB, below `v_leak`; none: current-based.
    pub reversal_inh_lsb: Option<f64>,
    /// How long before the end of the refractory time the membrane is released from its reset, in us.
    pub holdoff_us: f64,
    /// Whether excitatory events pass the neuron digitally.
    pub bypass: bool,
}

impl Terms {
    /// Whether there are none.
    pub fn are_off(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the membrane equation is no longer linear between events.
    pub fn are_nonlinear(&self) -> bool {
        self.exponential.is_some()
            || self.adaptation.is_some()
            || self.reversal_exc_lsb.is_some()
            || self.reversal_inh_lsb.is_some()
    }
}

/// The exponential term.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exponential {
    /// Sharpness of the onset in LSB.
    pub slope_lsb: f64,
    /// Onset in CADC LSB.
    pub v_exp_lsb: f64,
}

/// The adaptation current.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Adaptation {
    /// Time constant in us.
    pub tau_us: f64,
    /// Drive by the membrane in 1/us; may be negative.
    pub a_per_us: f64,
    /// Step at a spike in LSB/us; may be negative.
    pub b_lsb_per_us: f64,
    /// Potential without drive in CADC LSB.
    pub v_ref_lsb: f64,
}

/// Slope of the membrane per unit of weight code at `i_synin_gm` 550, synapse DAC bias 800 and full capacitance, in LSB/us.
///
/// From the measured 0.35 CADC LSB per weight LSB at 10/10 us, gm 500, DAC bias 600: a PSP at equal time constants peaks at
/// `gain tau / e`, and the gain is taken as proportional to both biases.
pub const NOMINAL_GAIN: f64 = 0.35 * std::f64::consts::E / 10.0 * (550.0 / 500.0) * (800.0 / 600.0);

impl Default for NeuronParameters {
    /// The targets of the published experiment: 80/80/150 CADC LSB, 6 us, refractory 16.38 us.
    fn default() -> Self {
        Self {
            v_leak_lsb: 80.0,
            v_reset_lsb: 80.0,
            v_threshold_lsb: 150.0,
            tau_mem_us: 6.0,
            tau_syn_exc_us: 6.0,
            tau_syn_inh_us: 6.0,
            gain_exc: NOMINAL_GAIN,
            gain_inh: NOMINAL_GAIN,
            refractory_us: Refractory { counter: 32, scale: 6 }.time_us(),
            terms: Terms::default(),
        }
    }
}

/// How the neurons of a chip are set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NeuronSetting {
    /// By codes, as on silicon.
    Codes(CodeTable),
    /// Directly by physical values (512 of them): an emulated chip alone can do that.
    Direct(Vec<NeuronParameters>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nominal_gain_gives_the_published_psp() {
        // 0.31 CADC LSB per weight LSB at 6/6 us, and a threshold of about 2.8 in units of 30 weight LSB.
        let psp = NOMINAL_GAIN * 6.0 / std::f64::consts::E;
        assert!((psp - 0.308).abs() < 0.001, "{psp}");
        let theta = 70.0 / (NOMINAL_GAIN * 6.0 * 30.0);
        assert!((theta - 2.786).abs() < 0.01, "{theta}");
    }
}
