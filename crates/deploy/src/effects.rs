//! What can be switched off, one by one, to find what hurts a network most.
//!
//! Effects of chips that are set directly, with what calibration leaves behind (`chip.preset = "bss2-calibrated"`): there each
//! parameter's deviation has a size of its own, which a calibrated chip's has not.

use bss2_emu::ChipSpec;
use bss2_emu::spec::EventPath;

/// An effect of a chip.
#[derive(Debug, Clone, Copy)]
pub struct Effect {
    /// Name, as tables write it.
    pub name: &'static str,
    /// What it is.
    pub meaning: &'static str,
    off: fn(&mut ChipSpec),
}

impl Effect {
    /// The chip without it.
    #[must_use]
    pub fn off(&self, spec: &ChipSpec) -> ChipSpec {
        let mut spec = *spec;
        (self.off)(&mut spec);
        spec
    }
}

/// All effects.
pub const EFFECTS: [Effect; 11] = [
    Effect {
        name: "threshold",
        meaning: "thresholds that differ from neuron to neuron",
        off: |s| (s.residual.threshold_rel_std, s.residual.threshold_mean_rel) = (0.0, 0.0),
    },
    Effect { name: "leak", meaning: "resting potentials that differ", off: |s| s.residual.leak_rel_std = 0.0 },
    Effect {
        name: "tau-mem",
        meaning: "membrane time constants that differ",
        off: |s| s.residual.tau_mem_rel_std = 0.0,
    },
    Effect {
        name: "tau-syn",
        meaning: "synaptic time constants that differ",
        off: |s| s.residual.tau_syn_rel_std = 0.0,
    },
    Effect {
        name: "gain-chip",
        meaning: "a synaptic strength of the whole chip that is off",
        off: |s| (s.residual.gain_chip_rel_std, s.residual.gain_mean_rel) = (0.0, 0.0),
    },
    Effect {
        name: "gain-neuron",
        meaning: "synaptic strengths that differ from neuron to neuron",
        off: |s| (s.residual.gain_neuron_rel_std, s.residual.gain_sign_rel_std) = (0.0, 0.0),
    },
    Effect { name: "synapses", meaning: "synapses that differ", off: |s| s.variation.synapse_weight_rel_std = 0.0 },
    Effect {
        name: "threshold-noise",
        meaning: "threshold noise of trials, spikes and runs",
        off: |s| {
            s.noise.threshold_trial_rel_std = 0.0;
            s.noise.threshold_spike_rel_std = 0.0;
            s.noise.threshold_run_rel_std = 0.0;
        },
    },
    Effect { name: "jitter", meaning: "jitter of spikes", off: |s| s.noise.spike_jitter_us_std = 0.0 },
    Effect {
        name: "event-path",
        meaning: "latencies, the grid of 8 ns, and events that queue",
        off: |s| s.events = EventPath::IDEAL,
    },
    Effect {
        name: "limits",
        meaning: "operating limits of the membrane, and neurons that fire again",
        off: |s| (s.circuits.operating_limits, s.circuits.refiring) = (false, false),
    },
];

#[cfg(test)]
mod tests {
    use bss2_emu::spec::Preset;

    use super::*;

    #[test]
    fn every_effect_is_there_and_is_switched_off_alone() {
        let spec = ChipSpec::new(Preset::Bss2Calibrated, 1);
        let others: Vec<ChipSpec> = EFFECTS.iter().map(|effect| effect.off(&spec)).collect();
        for (k, (effect, without)) in EFFECTS.iter().zip(&others).enumerate() {
            assert_ne!(*without, spec, "{}", effect.name);
            assert!(without.problems().is_empty(), "{}", effect.name);
            assert!(others[..k].iter().all(|other| other != without), "{}", effect.name);
        }
        // All off: nothing but rounding is left.
        let none = EFFECTS.iter().fold(spec, |spec, effect| effect.off(&spec));
        let ideal = ChipSpec::new(Preset::Ideal, 1);
        assert_eq!((none.events, none.circuits.refiring), (ideal.events, ideal.circuits.refiring));
        assert_eq!(none.residual.gain_neuron_rel_std, 0.0);
    }
}
