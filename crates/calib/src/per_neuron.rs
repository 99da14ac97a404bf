//! Targets that differ from neuron to neuron.

use bss2_emu::Problem;
use bss2_emu::codes::NEURONS;
use serde::{Deserialize, Serialize};

use crate::targets::Targets;

/// Lists of 512 values, in `AtomicNeuron` order, that take the place of the common value of [`Targets`]; a list that is empty does not.
///
/// ```
/// use calib::{PerNeuron, Targets};
/// let thresholds = (0..512).map(|n| if n < 256 { 150.0 } else { 140.0 }).collect();
/// let each = PerNeuron { threshold_lsb: thresholds, ..PerNeuron::default() };
/// assert!(each.check(&Targets::default()).is_empty());
/// let short = PerNeuron { leak_lsb: vec![80.0; 511], ..PerNeuron::default() };
/// let problem = short.check(&Targets::default())[0].to_string();
/// assert_eq!(problem, "leak_lsb: 511 values; a chip has 512 neurons");
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PerNeuron {
    /// Resting potentials in CADC LSB.
    pub leak_lsb: Vec<f64>,
    /// Reset potentials in CADC LSB.
    pub reset_lsb: Vec<f64>,
    /// Thresholds in CADC LSB.
    pub threshold_lsb: Vec<f64>,
    /// Membrane time constants in us.
    pub tau_mem_us: Vec<f64>,
    /// Excitatory synaptic time constants in us.
    pub tau_syn_exc_us: Vec<f64>,
    /// Inhibitory synaptic time constants in us.
    pub tau_syn_inh_us: Vec<f64>,
}

impl PerNeuron {
    /// Everything that cannot be calibrated to; the keys of single values carry the neuron's number.
    pub fn check(&self, common: &Targets) -> Vec<Problem> {
        self.judge(common, Targets::check)
    }

    /// Values outside the feasible range.
    pub fn warnings(&self, common: &Targets) -> Vec<Problem> {
        self.judge(common, Targets::warnings)
    }

    fn judge(&self, common: &Targets, of: impl Fn(&Targets) -> Vec<Problem>) -> Vec<Problem> {
        let wrong = |(key, list): (&str, &[f64])| {
            let message = format!("{} values; a chip has {NEURONS} neurons", list.len());
            (!list.is_empty() && list.len() != NEURONS).then(|| Problem { key: key.into(), message })
        };
        let lengths: Vec<Problem> = self.lists().into_iter().filter_map(wrong).collect();
        if !lengths.is_empty() {
            return lengths;
        }
        let mut problems = of(common);
        if self.is_empty() {
            return problems;
        }
        for n in 0..NEURONS {
            for problem in of(&self.of(common, n)) {
                if !problems.iter().any(|p| p.key == problem.key && p.message == problem.message) {
                    problems.push(Problem { key: format!("{}[{n}]", problem.key), ..problem });
                }
            }
        }
        problems
    }

    /// Whether all neurons have the common targets.
    pub fn is_empty(&self) -> bool {
        self.lists().iter().all(|(_, list)| list.is_empty())
    }

    /// The same without lists that say what the common targets say already.
    #[must_use]
    pub fn reduced(mut self, common: &Targets) -> Self {
        for (list, value) in [
            (&mut self.leak_lsb, common.leak_lsb),
            (&mut self.reset_lsb, common.reset_lsb),
            (&mut self.threshold_lsb, common.threshold_lsb),
            (&mut self.tau_mem_us, common.tau_mem_us),
            (&mut self.tau_syn_exc_us, common.tau_syn_exc_us),
            (&mut self.tau_syn_inh_us, common.tau_syn_inh_us),
        ] {
            if list.iter().all(|own| *own == value) {
                list.clear();
            }
        }
        self
    }

    /// All lists with their keys.
    pub fn lists(&self) -> [(&'static str, &[f64]); 6] {
        [
            ("leak_lsb", &self.leak_lsb),
            ("reset_lsb", &self.reset_lsb),
            ("threshold_lsb", &self.threshold_lsb),
            ("tau_mem_us", &self.tau_mem_us),
            ("tau_syn_exc_us", &self.tau_syn_exc_us),
            ("tau_syn_inh_us", &self.tau_syn_inh_us),
        ]
    }

    /// A target of all 512 neurons.
    pub(crate) fn all(&self, common: &Targets, field: fn(&Targets) -> f64) -> Vec<f64> {
        (0..NEURONS).map(|n| field(&self.of(common, n))).collect()
    }

    /// The targets of one neuron; lists that are too short do not count.
    pub fn of(&self, common: &Targets, neuron: usize) -> Targets {
        let or = |list: &[f64], value: f64| list.get(neuron).copied().unwrap_or(value);
        Targets {
            leak_lsb: or(&self.leak_lsb, common.leak_lsb),
            reset_lsb: or(&self.reset_lsb, common.reset_lsb),
            threshold_lsb: or(&self.threshold_lsb, common.threshold_lsb),
            tau_mem_us: or(&self.tau_mem_us, common.tau_mem_us),
            tau_syn_exc_us: or(&self.tau_syn_exc_us, common.tau_syn_exc_us),
            tau_syn_inh_us: or(&self.tau_syn_inh_us, common.tau_syn_inh_us),
            ..*common
        }
    }
}
