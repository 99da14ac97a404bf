//! What neurons show without a calibration.

use serde::{Deserialize, Serialize};

/// Values of 512 neurons, in `AtomicNeuron` order, at one common code: the median of the calibrated ones. `None` where nothing was
/// seen.
///
/// One parameter at a time has its common code, while all others stay calibrated: so does the distribution test of `calix`
/// name and compare them (`calib_eval.npz`, arrays that end in `_uncalibrated`).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Uncalibrated {
    /// Resting potentials in CADC LSB.
    pub v_leak: Vec<Option<f64>>,
    /// Reset potentials in CADC LSB.
    pub v_reset: Vec<Option<f64>>,
    /// Thresholds in CADC LSB.
    pub v_threshold: Vec<Option<f64>>,
    /// Membrane time constants in us.
    pub tau_mem: Vec<Option<f64>>,
    /// Excitatory synaptic time constants in us.
    pub tau_syn_exc: Vec<Option<f64>>,
    /// Inhibitory synaptic time constants in us.
    pub tau_syn_inh: Vec<Option<f64>>,
    /// What each CADC channel reads beside all others at the same potential, in LSB, without digital offsets, at the default ramps.
    pub cadc_offset: Vec<Option<f64>>,
}

impl Uncalibrated {
    /// Names of the lists, as `calix` has them without `_uncalibrated`.
    pub const NAMES: [&'static str; 7] =
        ["v_leak", "v_reset", "v_threshold", "tau_mem", "tau_syn_exc", "tau_syn_inh", "cadc_offset"];

    /// All lists with their names, in the order of [`Self::NAMES`].
    pub fn lists(&self) -> [(&'static str, &[Option<f64>]); 7] {
        let lists = [
            &self.v_leak,
            &self.v_reset,
            &self.v_threshold,
            &self.tau_mem,
            &self.tau_syn_exc,
            &self.tau_syn_inh,
            &self.cadc_offset,
        ];
        std::array::from_fn(|k| (Self::NAMES[k], lists[k].as_slice()))
    }

    /// The list of a name.
    pub fn list(&self, name: &str) -> Option<&[Option<f64>]> {
        self.lists().into_iter().find(|(known, _)| *known == name).map(|(_, values)| values)
    }

    /// From lists in the order of [`Self::NAMES`]; what is not finite was not seen.
    pub(crate) fn from_lists(lists: [Vec<f64>; 7]) -> Self {
        let seen = |values: Vec<f64>| values.into_iter().map(|v| v.is_finite().then_some(v)).collect();
        let [v_leak, v_reset, v_threshold, tau_mem, tau_syn_exc, tau_syn_inh, cadc_offset] = lists.map(seen);
        Self { v_leak, v_reset, v_threshold, tau_mem, tau_syn_exc, tau_syn_inh, cadc_offset }
    }
}
