//! What a calibration aims at.

use std::ops::RangeInclusive;

use bss2_emu::{Problem, Refractory};
use serde::{Deserialize, Deserializer, Serialize};

/// Values that all 512 neurons shall have after calibration.
///
/// The default is the preset of the published time-to-first-spike experiments (`fast-and-deep`); see [`Targets::PRESETS`]. The ranges
/// given with the fields are those that `calix` takes as feasible; outside them [`Targets::warnings`] says so. What no circuit
/// could do is refused by [`Targets::check`].
///
/// ```
/// use calib::Targets;
/// assert!(Targets::default().check().is_empty());
/// let wrong = Targets { tau_mem_us: 3000.0, ..Targets::default() };
/// assert_eq!(wrong.check()[0].to_string(), "tau_mem_us: 3000 is not allowed; expected 0.1..=2000 us");
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
    /// The preset `fast-and-deep`.
    fn default() -> Self {
        Self::FAST_AND_DEEP
    }
}

/// A target, the range in which it can be asked for, and the range in which a chip is known to reach it.
struct Row {
    key: &'static str,
    value: f64,
    allowed: (f64, f64),
    feasible: (f64, f64),
    unit: &'static str,
}

impl Row {
    fn is_allowed(&self) -> bool {
        (self.allowed.0..=self.allowed.1).contains(&self.value)
    }
}

/// A target that cannot be met, and how that is said of one neuron and of several.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fault {
    pub key: &'static str,
    pub value: f64,
    pub is: String,
    pub are: String,
}

impl Fault {
    fn of_all(self) -> Problem {
        Problem { key: self.key.into(), message: format!("{} {}", self.value, self.is) }
    }
}

/// The targets of a stored table, in which no key may be missing: a configuration has defaults, what was aimed at has none.
pub(crate) fn whole_targets<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Targets, D::Error> {
    #[derive(Deserialize)]
    #[serde(remote = "Targets", deny_unknown_fields)]
    struct Whole {
        leak_lsb: f64,
        reset_lsb: f64,
        threshold_lsb: f64,
        tau_mem_us: f64,
        tau_syn_exc_us: f64,
        tau_syn_inh_us: f64,
        i_synin_gm: u16,
        synapse_dac_bias: u16,
        membrane_capacitance: u8,
        refractory_time_us: f64,
    }
    Whole::deserialize(deserializer)
}

impl Targets {
    /// The defaults of `calix`, to which the chips in the laboratory are calibrated every night.
    const CALIX: Self = Self {
        leak_lsb: 80.0,
        reset_lsb: 70.0,
        threshold_lsb: 125.0,
        tau_mem_us: 10.0,
        tau_syn_exc_us: 10.0,
        tau_syn_inh_us: 10.0,
        i_synin_gm: 500,
        synapse_dac_bias: 600,
        membrane_capacitance: 63,
        refractory_time_us: 2.0,
    };
    const FAST_AND_DEEP: Self = Self {
        reset_lsb: 80.0,
        threshold_lsb: 150.0,
        tau_mem_us: 6.0,
        tau_syn_exc_us: 6.0,
        tau_syn_inh_us: 6.0,
        i_synin_gm: 550,
        synapse_dac_bias: 800,
        refractory_time_us: 16.0,
        ..Self::CALIX
    };

    /// Names of the presets, with one line on each.
    pub const PRESETS: [(&'static str, &'static str); 5] = [
        ("calix", "the defaults of calix: 80/70/125 LSB, 10 us, gm 500, DAC bias 600, refractory 2 us"),
        ("hxtorch", "the defaults of hxtorch: as calix, reset 80 LSB"),
        ("spiking2", "second nightly calibration, used for Yin-Yang: 80/80/150 LSB, 6 us, gm 500, DAC bias 1000"),
        ("fast-and-deep", "Fast & Deep: 80/80/150 LSB, 6 us, gm 550, DAC bias 800, refractory 16.38 us"),
        ("fast-and-deep-large", "Fast & Deep with stronger inputs: gm 700"),
    ];

    /// The targets of a preset; `None` for a name that is not in [`Self::PRESETS`].
    ///
    /// ```
    /// use calib::Targets;
    /// assert!(Targets::PRESETS.iter().all(|(name, _)| Targets::preset(name).is_some()));
    /// assert_eq!(Targets::preset("calix").unwrap().reset_lsb, 70.0);
    /// assert_eq!(Targets::preset("fast-and-deep"), Some(Targets::default()));
    /// ```
    pub fn preset(name: &str) -> Option<Self> {
        match name {
            "calix" => Some(Self::CALIX),
            "hxtorch" => Some(Self { reset_lsb: 80.0, ..Self::CALIX }),
            "spiking2" => {
                Some(Self { i_synin_gm: 500, synapse_dac_bias: 1000, refractory_time_us: 2.0, ..Self::FAST_AND_DEEP })
            }
            "fast-and-deep" => Some(Self::FAST_AND_DEEP),
            "fast-and-deep-large" => Some(Self { i_synin_gm: 700, ..Self::FAST_AND_DEEP }),
            _ => None,
        }
    }

    fn rows(&self) -> [Row; 10] {
        let row = |key, value, allowed, feasible, unit| Row { key, value, allowed, feasible, unit };
        let lsb = " CADC LSB";
        [
            row("leak_lsb", self.leak_lsb, (0.0, 255.0), (50.0, 160.0), lsb),
            row("reset_lsb", self.reset_lsb, (0.0, 255.0), (50.0, 160.0), lsb),
            row("threshold_lsb", self.threshold_lsb, (0.0, 255.0), (50.0, 220.0), lsb),
            row("tau_mem_us", self.tau_mem_us, (0.1, 2000.0), (0.5, 60.0), " us"),
            row("tau_syn_exc_us", self.tau_syn_exc_us, (0.1, 100.0), (0.3, 30.0), " us"),
            row("tau_syn_inh_us", self.tau_syn_inh_us, (0.1, 100.0), (0.3, 30.0), " us"),
            row("i_synin_gm", self.i_synin_gm.into(), (1.0, 1022.0), (30.0, 800.0), ""),
            row("synapse_dac_bias", self.synapse_dac_bias.into(), (1.0, 1022.0), (30.0, 1022.0), ""),
            row("membrane_capacitance", self.membrane_capacitance.into(), (0.0, 63.0), (0.0, 63.0), ""),
            row("refractory_time_us", self.refractory_time_us, (0.04, 33_000.0), (0.04, 32.0), " us"),
        ]
    }

    /// The range of a target outside which it is refused, in the unit of its key; `None` for a key that is none.
    ///
    /// ```
    /// use calib::Targets;
    /// assert_eq!(Targets::allowed("tau_mem_us"), Some(0.1..=2000.0));
    /// ```
    pub fn allowed(key: &str) -> Option<RangeInclusive<f64>> {
        let rows = Self::default().rows();
        rows.into_iter().find(|row| row.key == key).map(|row| row.allowed.0..=row.allowed.1)
    }

    /// The range of a target that `calix` takes as feasible, in the unit of its key; `None` for a key that is none.
    ///
    /// ```
    /// use calib::Targets;
    /// assert_eq!(Targets::feasible("tau_syn_exc_us"), Some(0.3..=30.0));
    /// ```
    pub fn feasible(key: &str) -> Option<RangeInclusive<f64>> {
        let rows = Self::default().rows();
        rows.into_iter().find(|row| row.key == key).map(|row| row.feasible.0..=row.feasible.1)
    }

    /// Everything that cannot be calibrated to; empty if nothing is wrong.
    pub fn check(&self) -> Vec<Problem> {
        self.faults().into_iter().map(Fault::of_all).collect()
    }

    /// Targets that can be asked for but lie outside the range that `calix` takes as feasible: some neurons will miss them.
    ///
    /// ```
    /// use calib::Targets;
    /// let slow = Targets { tau_mem_us: 100.0, ..Targets::default() };
    /// assert!(slow.check().is_empty());
    /// assert_eq!(slow.warnings()[0].to_string(), "tau_mem_us: 100 is outside the feasible range 0.5..=60 us");
    /// ```
    pub fn warnings(&self) -> Vec<Problem> {
        self.infeasible().into_iter().map(Fault::of_all).collect()
    }

    /// What [`Self::check`] finds.
    pub(crate) fn faults(&self) -> Vec<Fault> {
        let fault = |row: &Row| {
            let expected = format!("not allowed; expected {}..={}{}", row.allowed.0, row.allowed.1, row.unit);
            Fault { key: row.key, value: row.value, is: format!("is {expected}"), are: format!("are {expected}") }
        };
        let mut faults: Vec<Fault> = self.rows().iter().filter(|row| !row.is_allowed()).map(fault).collect();
        if self.threshold_lsb <= self.leak_lsb {
            faults.push(Fault {
                key: "threshold_lsb",
                value: self.threshold_lsb,
                is: format!("is not above leak_lsb = {}: every neuron would fire without input", self.leak_lsb),
                are: "are not above their leak_lsb and would fire without input".to_owned(),
            });
        }
        faults
    }

    /// What [`Self::warnings`] finds.
    pub(crate) fn infeasible(&self) -> Vec<Fault> {
        let is_feasible = |row: &Row| (row.feasible.0..=row.feasible.1).contains(&row.value);
        let fault = |row: &Row| {
            let range = format!("outside the feasible range {}..={}{}", row.feasible.0, row.feasible.1, row.unit);
            Fault { key: row.key, value: row.value, is: format!("is {range}"), are: format!("are {range}") }
        };
        self.rows().iter().filter(|row| row.is_allowed() && !is_feasible(row)).map(fault).collect()
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
            i_synin_gm: 1023,
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
            assert!(targets.warnings().is_empty(), "{:?}", targets.warnings());
            assert!(targets.refractory().is_some());
        }
    }
}
