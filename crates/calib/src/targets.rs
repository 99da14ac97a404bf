//! What a calibration aims at.

use bss2_emu::{Problem, Refractory};
use serde::{Deserialize, Serialize};

/// Values that all 512 neurons shall have after calibration.
///
/// The default is the preset of the published time-to-first-spike experiments ("fast-and-deep"). Ranges are those that
/// `calix` takes as feasible.
///
/// ```
/// use calib::Targets;
/// assert!(Targets::default().check().is_empty());
/// let wrong = Targets { tau_mem_us: 100.0, ..Targets::default() };
/// assert_eq!(wrong.check()[0].to_string(), "tau_mem_us: 100 is not allowed; expected 0.5..=60 us");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Targets {
    /// Resting potential in CADC LSB, 50..=160.
    pub leak_lsb: f64,
    /// Reset potential in CADC LSB, 50..=160.
    pub reset_lsb: f64,
    /// Threshold in CADC LSB, 50..=220, above the leak.
    pub threshold_lsb: f64,
    /// Membrane time constant in us, .5..=60.
    pub tau_mem_us: f64,
    /// Excitatory synaptic time constant in us, .3..=30.
    pub tau_syn_exc_us: f64,
    /// Inhibitory synaptic time constant in us, .3..=30.
    pub tau_syn_inh_us: f64,
    /// `CapMem` code of the synaptic strength, 30..=800: the inputs are matched to the median amplitude at this code.
    pub i_synin_gm: u16,
    /// Bias of the synapses' converters, the same in all quadrants, 30..=1022.
    pub synapse_dac_bias: u16,
    /// Membrane capacitor, 0..=63.
    pub membrane_capacitance: u8,
    /// Refractory time in us, .04..=32.
    pub refractory_time_us: f64,
}

impl Default for Targets {
    fn default() -> Self {
        Self {
            leak_lsb: 80.0,
            reset_lsb: 80.0,
            threshold_lsb: 150.0,
            tau_mem_us: 6.0,
            tau_syn_exc_us: 6.0,
            tau_syn_inh_us: 6.0,
            i_synin_gm: 550,
            synapse_dac_bias: 800,
            membrane_capacitance: 63,
            refractory_time_us: 16.0,
        }
    }
}

impl Targets {
    /// Everything that is wrong with them; empty if nothing is.
    pub fn check(&self) -> Vec<Problem> {
        let rows = [
            ("leak_lsb", self.leak_lsb, 50.0, 160.0, " CADC LSB"),
            ("reset_lsb", self.reset_lsb, 50.0, 160.0, " CADC LSB"),
            ("threshold_lsb", self.threshold_lsb, 50.0, 220.0, " CADC LSB"),
            ("tau_mem_us", self.tau_mem_us, 0.5, 60.0, " us"),
            ("tau_syn_exc_us", self.tau_syn_exc_us, 0.3, 30.0, " us"),
            ("tau_syn_inh_us", self.tau_syn_inh_us, 0.3, 30.0, " us"),
            ("i_synin_gm", self.i_synin_gm.into(), 30.0, 800.0, ""),
            ("synapse_dac_bias", self.synapse_dac_bias.into(), 30.0, 1022.0, ""),
            ("membrane_capacitance", self.membrane_capacitance.into(), 0.0, 63.0, ""),
            ("refractory_time_us", self.refractory_time_us, 0.04, 32.0, " us"),
        ];
        let mut problems: Vec<Problem> = rows
            .into_iter()
            .filter(|(_, value, min, max, _)| !(*min..=*max).contains(value))
            .map(|(key, value, min, max, unit)| Problem::out_of_range(key, value, &format!("{min}..={max}{unit}")))
            .collect();
        if self.threshold_lsb <= self.leak_lsb {
            problems.push(Problem {
                key: "threshold_lsb".into(),
                message: format!(
                    "{} is not above leak_lsb = {}: every neuron would fire without input",
                    self.threshold_lsb, self.leak_lsb
                ),
            });
        }
        problems
    }

    /// The refractory counter, computed as `calix` does. Times that the counter cannot make do not pass [`Self::check`].
    pub(crate) fn refractory(&self) -> Option<Refractory> {
        Refractory::for_time(self.refractory_time_us)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_is_reported() {
        let targets = Targets {
            leak_lsb: 160.0,
            threshold_lsb: 150.0,
            i_synin_gm: 900,
            membrane_capacitance: 64,
            tau_syn_exc_us: f64::NAN,
            ..Targets::default()
        };
        let keys: Vec<String> = targets.check().into_iter().map(|p| p.key).collect();
        assert_eq!(keys, ["tau_syn_exc_us", "i_synin_gm", "membrane_capacitance", "threshold_lsb"]);
    }

    #[test]
    fn both_ends_of_every_range_are_allowed() {
        let low = Targets {
            leak_lsb: 50.0,
            reset_lsb: 50.0,
            tau_mem_us: 0.5,
            tau_syn_exc_us: 0.3,
            tau_syn_inh_us: 0.3,
            i_synin_gm: 30,
            synapse_dac_bias: 30,
            membrane_capacitance: 0,
            refractory_time_us: 0.04,
            ..Targets::default()
        };
        let high = Targets {
            leak_lsb: 160.0,
            reset_lsb: 160.0,
            threshold_lsb: 220.0,
            tau_mem_us: 60.0,
            tau_syn_exc_us: 30.0,
            tau_syn_inh_us: 30.0,
            i_synin_gm: 800,
            synapse_dac_bias: 1022,
            membrane_capacitance: 63,
            refractory_time_us: 32.0,
        };
        for targets in [low, high] {
            assert!(targets.check().is_empty(), "{:?}", targets.check());
            assert!(targets.refractory().is_some());
        }
    }
}
