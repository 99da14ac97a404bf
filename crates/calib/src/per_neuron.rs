//! Targets that differ from neuron to neuron.

use bss2_emu::Problem;
use bss2_emu::codes::NEURONS;
use serde::{Deserialize, Serialize};

use crate::targets::{Fault, Targets};

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

/// Targets of one kind with one fault: that of the common target, or of the first neuron, and those of single neurons.
struct Group {
    fault: Fault,
    own: Vec<(usize, Fault)>,
}

impl Group {
    fn problem(self) -> Problem {
        const SHOWN: usize = 3;
        let Self { fault: Fault { key, value, is, are }, own } = self;
        // What is wrong with all of them in the same way is wrong with the target, not with neurons.
        if own.is_empty() || own.len() == NEURONS && own.iter().all(|(_, f)| f.value == value && f.is == is) {
            return Problem { key: key.into(), message: format!("{value} {is}") };
        }
        if let [(n, Fault { value, is, .. })] = own.as_slice() {
            return Problem { key: format!("{key}[{n}]"), message: format!("{value} {is}") };
        }
        let numbers: Vec<String> = own.iter().take(SHOWN).map(|(n, _)| n.to_string()).collect();
        let more = if own.len() > SHOWN { ", ..." } else { "" };
        let values = || own.iter().map(|(_, fault)| fault.value);
        // NaN is what `min` and `max` pass over; it is refused like the others.
        let (low, high) = (values().fold(f64::NAN, f64::min), values().fold(f64::NAN, f64::max));
        let (count, numbers) = (own.len(), numbers.join(", "));
        Problem { key: key.into(), message: format!("{count} neurons ({numbers}{more}) {are}: {low} to {high}") }
    }
}

impl PerNeuron {
    /// Everything that cannot be calibrated to. Neurons with the same fault are named together, in one entry.
    pub fn check(&self, common: &Targets) -> Vec<Problem> {
        self.judge(common, Targets::faults)
    }

    /// Values outside the feasible range, grouped in the same way.
    ///
    /// ```
    /// use calib::{PerNeuron, Targets};
    /// let leaks = (0..512).map(|n| if n < 256 { 45.0 } else { 80.0 }).collect();
    /// let each = PerNeuron { leak_lsb: leaks, ..PerNeuron::default() };
    /// assert_eq!(
    ///     each.warnings(&Targets::default())[0].to_string(),
    ///     "leak_lsb: 256 neurons (0, 1, 2, ...) are outside the feasible range 50..=160 CADC LSB: 45 to 45"
    /// );
    /// ```
    pub fn warnings(&self, common: &Targets) -> Vec<Problem> {
        self.judge(common, Targets::infeasible)
    }

    fn judge(&self, common: &Targets, faults: fn(&Targets) -> Vec<Fault>) -> Vec<Problem> {
        let wrong = |(key, list): (&str, &[f64])| {
            let message = format!("{} values; a chip has {NEURONS} neurons", list.len());
            (!list.is_empty() && list.len() != NEURONS).then(|| Problem { key: key.into(), message })
        };
        let lengths: Vec<Problem> = self.lists().into_iter().filter_map(wrong).collect();
        if !lengths.is_empty() {
            return lengths;
        }
        let mut groups: Vec<Group> = faults(common).into_iter().map(|fault| Group { fault, own: Vec::new() }).collect();
        if !self.is_empty() {
            for n in 0..NEURONS {
                for fault in faults(&self.of(common, n)) {
                    match groups.iter_mut().find(|g| (g.fault.key, &g.fault.are) == (fault.key, &fault.are)) {
                        Some(group) => group.own.push((n, fault)),
                        None => groups.push(Group { own: vec![(n, fault.clone())], fault }),
                    }
                }
            }
        }
        groups.into_iter().map(Group::problem).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn said(problems: &[Problem]) -> Vec<String> {
        problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn one_line_stands_for_all_neurons_with_the_same_fault() {
        let each = PerNeuron {
            leak_lsb: (0..512).map(|n| if n == 7 { 300.0 } else { 80.0 }).collect(),
            threshold_lsb: (0..512).map(|n| if n < 2 { 70.0 + f64::from(n) } else { 150.0 }).collect(),
            ..PerNeuron::default()
        };
        let expected = [
            "threshold_lsb: 3 neurons (0, 1, 7) are not above their leak_lsb and would fire without input: 70 to 150",
            "leak_lsb[7]: 300 is not allowed; expected 0..=255 CADC LSB",
        ];
        assert_eq!(said(&each.check(&Targets::default())), expected);
        let all = PerNeuron { leak_lsb: vec![45.0; 512], ..PerNeuron::default() };
        let common = Targets { leak_lsb: 45.0, ..Targets::default() };
        let expected = ["leak_lsb: 45 is outside the feasible range 50..=160 CADC LSB"];
        assert_eq!(said(&all.warnings(&common)), expected);
        let none = PerNeuron { tau_mem_us: vec![f64::NAN; 512], ..PerNeuron::default() };
        let message = &said(&none.check(&Targets::default()))[0];
        assert!(message.starts_with("tau_mem_us: 512 neurons (0, 1, 2, ...) are not allowed"), "{message}");
    }
}
