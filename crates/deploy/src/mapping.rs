//! What there is to choose when a network is put on a chip.

use bss2_emu::{ChipIdentity, Problem};
use calib::{Calibration, Targets};
use serde::{Deserialize, Serialize};
use ttfs::scaling::{Latency, Scaling};

use crate::Error;

/// Most rows of a source: all drivers of a hemisphere.
const MOST_ROWS: usize = 128;

/// How a network is put on a chip.
///
/// The size of weights follows from it: a threshold is worth
///
/// ```text
/// codes = (threshold - leak)/(gain tau_syn)          gain ~ i_synin_gm synapse_dac_bias/C,  C ~ membrane_capacitance + 2
/// ```
/// weight codes, times the circuits of a neuron, and a source with n rows carries at most 63 n. So the network's largest weights fit if the
/// time scale is slow, the strength high, the capacitor small, or the sources have many rows; each has its price: hardware time, the precision of
/// small weights, circuits and rows.
///
/// Potentials are in CADC LSB, codes as in [`Targets`], whose feasible ranges hold here too.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mapping {
    /// Microseconds of hardware per unit of the network's time, which is its `tau_syn`: .3..=30.
    pub us_per_time: f64,
    /// Length of a sample on the chip, in units of the network's time.
    pub slot: f64,
    /// Rows of each input: weights are shared out among them. 1..=128.
    pub input_copies: usize,
    /// Hidden neurons, at most, that get a twin because a weight behind them is larger than a synapse: the two share the weight.
    pub twins: usize,
    /// Rows, at least, that drive a neuron which stands for a bias spike, 1..=128.
    pub bias_rows: usize,
    /// Resting potential.
    pub leak_lsb: f64,
    /// Reset potential.
    pub reset_lsb: f64,
    /// Threshold.
    pub threshold_lsb: f64,
    /// Code of the synaptic strength.
    pub i_synin_gm: u16,
    /// Bias of the synapses' converters.
    pub synapse_dac_bias: u16,
    /// Membrane capacitor, 0..=63.
    pub membrane_capacitance: u8,
    /// Refractory time in us.
    pub refractory_time_us: f64,
}

impl Default for Mapping {
    /// The setting that networks are trained at in the loop (targets `fast-and-deep`), one row for each source.
    fn default() -> Self {
        let targets = Targets::default();
        Self {
            us_per_time: targets.tau_syn_exc_us,
            slot: 10.0,
            input_copies: 1,
            twins: 0,
            bias_rows: 4,
            leak_lsb: targets.leak_lsb,
            reset_lsb: targets.reset_lsb,
            threshold_lsb: targets.threshold_lsb,
            i_synin_gm: targets.i_synin_gm,
            synapse_dac_bias: targets.synapse_dac_bias,
            membrane_capacitance: targets.membrane_capacitance,
            refractory_time_us: targets.refractory_time_us,
        }
    }
}

impl Mapping {
    /// What the chip is calibrated to for a network whose membranes have `tau_mem` in units of its `tau_syn`.
    pub fn targets(&self, tau_mem: f64) -> Targets {
        Targets {
            leak_lsb: self.leak_lsb,
            reset_lsb: self.reset_lsb,
            threshold_lsb: self.threshold_lsb,
            tau_mem_us: self.us_per_time * tau_mem,
            tau_syn_exc_us: self.us_per_time,
            tau_syn_inh_us: self.us_per_time,
            i_synin_gm: self.i_synin_gm,
            synapse_dac_bias: self.synapse_dac_bias,
            membrane_capacitance: self.membrane_capacitance,
            refractory_time_us: self.refractory_time_us,
        }
    }

    /// Length of a sample on the chip in us.
    pub fn slot_us(&self) -> f64 {
        self.slot * self.us_per_time
    }

    /// The nominal units of single circuits: what a chip would have that meets all targets.
    ///
    /// # Errors
    /// [`Error::Mapping`] as [`Self::check`]; [`Error::Network`] if the threshold is not above the leak.
    pub fn nominal(&self, tau_mem: f64, lsb_per_weight: f64) -> Result<Scaling, Error> {
        self.check(tau_mem)?;
        let table = Calibration::from_targets(ChipIdentity(String::new()), &self.targets(tau_mem));
        Ok(Scaling::measured(&table.measured, self.us_per_time, lsb_per_weight, Latency::default())?)
    }

    /// Weight codes that the threshold of a neuron of so many circuits is worth, nominally.
    ///
    /// ```
    /// use deploy::Mapping;
    ///
    /// let codes = |mapping: Mapping| mapping.codes_per_threshold(1.0, 1).unwrap();
    /// assert!((codes(Mapping::default()) - 83.6).abs() < 0.1);
    /// assert!((codes(Mapping { us_per_time: 12.0, ..Mapping::default() }) - 41.8).abs() < 0.1);
    /// ```
    ///
    /// # Errors
    /// As [`Self::nominal`].
    pub fn codes_per_threshold(&self, tau_mem: f64, circuits: usize) -> Result<f64, Error> {
        Ok(self.nominal(tau_mem, 1.0)?.threshold * circuits as f64)
    }

    /// Refuses what no chip can be calibrated to.
    ///
    /// # Errors
    /// [`Error::Mapping`] with everything that is wrong.
    pub fn check(&self, tau_mem: f64) -> Result<(), Error> {
        let mut problems: Vec<Problem> = Vec::new();
        let mut within = |key: &str, value: f64, min: f64, max: f64| {
            if !(min..=max).contains(&value) {
                problems.push(Problem::out_of_range(key, value, &format!("{min}..={max}")));
            }
        };
        within("us_per_time", self.us_per_time, 0.3, 30.0);
        within("slot", self.slot, 1.0, 1000.0);
        within("input_copies", self.input_copies as f64, 1.0, MOST_ROWS as f64);
        within("bias_rows", self.bias_rows as f64, 1.0, MOST_ROWS as f64);
        within("twins", self.twins as f64, 0.0, 256.0);
        // In the names of the mapping: its time scale is what the targets call tau_syn.
        let own = |problem: &Problem| !problem.key.starts_with("tau_syn");
        let targets = self.targets(tau_mem);
        problems.extend(targets.check().into_iter().filter(own));
        problems.extend(targets.warnings().into_iter().filter(own));
        if problems.is_empty() { Ok(()) } else { Err(Error::Mapping(problems)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absurd_mappings_are_refused_with_key_value_and_range() {
        let refused = |mapping: Mapping| mapping.check(1.0).unwrap_err().to_string();
        assert!(Mapping::default().check(1.0).is_ok());
        let message = refused(Mapping { us_per_time: 600.0, input_copies: 0, ..Mapping::default() });
        assert!(message.contains("us_per_time: 600 is not allowed; expected 0.3..=30"), "{message}");
        assert!(message.contains("input_copies: 0"), "{message}");
        assert!(refused(Mapping { i_synin_gm: 1000, ..Mapping::default() }).contains("i_synin_gm: 1000"));
        assert!(refused(Mapping { threshold_lsb: 60.0, ..Mapping::default() }).contains("not above leak_lsb"));
        assert!(refused(Mapping { us_per_time: f64::NAN, ..Mapping::default() }).contains("NaN"));
        // A membrane that is slower than calibration can make it.
        assert!(Mapping { us_per_time: 20.0, ..Mapping::default() }.check(4.0).is_err());
    }

    /// The law of the struct's documentation.
    #[test]
    fn a_threshold_is_worth_fewer_codes_where_synapses_are_stronger() {
        let codes = |change: fn(&mut Mapping)| {
            let mut mapping = Mapping::default();
            change(&mut mapping);
            mapping.codes_per_threshold(1.0, 1).unwrap()
        };
        let base = codes(|_| ());
        let ratio = |change: fn(&mut Mapping)| codes(change) / base;
        assert!((ratio(|m| m.i_synin_gm = 1100 / 2 * 8 / 11 * 2) - 550.0 / 800.0).abs() < 1e-12);
        assert!((ratio(|m| m.synapse_dac_bias = 1000) - 0.8).abs() < 1e-12);
        assert!((ratio(|m| m.membrane_capacitance = 11) - 13.0 / 65.0).abs() < 1e-12);
        assert!((ratio(|m| m.threshold_lsb = 115.0) - 0.5).abs() < 1e-12);
        let two = Mapping::default().codes_per_threshold(1.0, 2).unwrap();
        assert!((two / base - 2.0).abs() < 1e-12);
    }
}
