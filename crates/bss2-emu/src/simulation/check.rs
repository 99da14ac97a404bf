//! Everything that can be wrong with a case, all at once, each with its place.

use std::collections::BTreeMap;

use crate::spec::Problem;

use super::{Case, Connection, INPUT, Population};

/// Times and time constants are at least this, where zero is not allowed, and at most [`MOST`]: no sum or product overflows.
const SHORTEST: f64 = 1e-6;
const MOST: f64 = 1e9;

const POSITIVE: &str = "a number in 1e-6..=1e9";
const NOT_NEGATIVE: &str = "a number in 0..=1e9";
const ANY: &str = "a number in -1e9..=1e9";

/// Collects problems of one case.
struct Check<'a> {
    case: &'a Case,
    problems: Vec<Problem>,
    /// Names of the populations in order, without repetitions.
    populations: BTreeMap<&'a str, usize>,
}

/// All problems of a case.
pub(super) fn problems(case: &Case) -> Vec<Problem> {
    let mut check = Check { case, problems: Vec::new(), populations: BTreeMap::new() };
    check.number("duration", case.duration, 0.0, NOT_NEGATIVE);
    for (channel, times) in case.input_spikes.iter().enumerate() {
        for (k, time) in times.iter().enumerate() {
            check.number(&format!("input_spikes[{channel}][{k}]"), *time, 0.0, NOT_NEGATIVE);
        }
    }
    for (index, population) in case.populations.iter().enumerate() {
        check.name(population, index);
        check.population(population);
    }
    for (index, connection) in case.connections.iter().enumerate() {
        check.connection(connection, index);
    }
    check.problems
}

impl<'a> Check<'a> {
    fn add(&mut self, place: &str, message: String) {
        self.problems.push(Problem { key: format!("case {:?}: {place}", self.case.name), message });
    }

    fn number(&mut self, place: &str, value: f64, least: f64, allowed: &str) {
        // A NaN is in no range.
        if !(least..=MOST).contains(&value) {
            self.add(place, Problem::out_of_range("", value, allowed).message);
        }
    }

    fn name(&mut self, population: &'a Population, index: usize) {
        let name = population.name.as_str();
        if name == INPUT {
            self.add(&format!("populations[{index}].name"), format!("{INPUT:?} is the name of the input channels"));
        } else if self.populations.insert(name, index).is_some() {
            self.add(&format!("populations[{index}].name"), format!("there are two populations {name:?}"));
        }
    }

    fn population(&mut self, population: &Population) {
        let place = |field: &str| format!("population {:?}: {field}", population.name);
        let fields = [
            ("tau_mem", &population.tau_mem, SHORTEST, POSITIVE),
            ("tau_syn_exc", &population.tau_syn_exc, SHORTEST, POSITIVE),
            ("tau_syn_inh", &population.tau_syn_inh, SHORTEST, POSITIVE),
            ("v_leak", &population.v_leak, -MOST, ANY),
            ("v_threshold", &population.v_threshold, -MOST, ANY),
            ("v_reset", &population.v_reset, -MOST, ANY),
            ("t_refractory", &population.t_refractory, 0.0, NOT_NEGATIVE),
        ];
        for (field, values, least, allowed) in fields {
            if values.len() != population.size {
                let message = format!("{} values for {} neurons (size)", values.len(), population.size);
                self.add(&place(field), message);
            }
            for (neuron, value) in values.iter().enumerate() {
                self.number(&place(&format!("{field}[{neuron}]")), *value, least, allowed);
            }
        }
        let potentials = population.v_reset.iter().zip(&population.v_threshold);
        for (neuron, ((reset, threshold), refractory)) in potentials.zip(&population.t_refractory).enumerate() {
            if *refractory == 0.0 && reset >= threshold {
                let message = format!(
                    "0 is not allowed where v_reset ({reset}) is not below v_threshold ({threshold}): the neuron would \
                     fire without end"
                );
                self.add(&place(&format!("t_refractory[{neuron}]")), message);
            }
        }
    }

    fn connection(&mut self, connection: &Connection, index: usize) {
        let Connection { from, to, .. } = connection;
        let place = |field: &str| format!("connections[{index}] ({from:?} to {to:?}): {field}");
        self.number(&place("delay"), connection.delay, 0.0, NOT_NEGATIVE);
        let n_from = if from == INPUT { Some(self.case.input_spikes.len()) } else { self.size(from) };
        let n_to = self.size(to);
        if n_from.is_none() {
            self.add(&place("from"), format!("no population {from:?}; expected one of {INPUT:?}, {}", self.known()));
        }
        if to == INPUT {
            self.add(&place("to"), "the input receives no spikes".into());
        } else if n_to.is_none() {
            self.add(&place("to"), format!("no population {to:?}; expected one of {}", self.known()));
        }
        for (k, synapse) in connection.synapses.iter().enumerate() {
            for (end, value, size) in [("pre", synapse.pre, n_from), ("post", synapse.post, n_to)] {
                if let Some(size) = size.filter(|size| value >= *size) {
                    let field = format!("synapses[{k}].{end}");
                    self.add(&place(&field), format!("there is no number {value} among {size}; they count from 0"));
                }
            }
            self.number(&place(&format!("synapses[{k}].weight")), synapse.weight, -MOST, ANY);
        }
    }

    fn size(&self, name: &str) -> Option<usize> {
        self.populations.get(name).map(|index| self.case.populations[*index].size)
    }

    fn known(&self) -> String {
        let names: Vec<String> = self.case.populations.iter().map(|p| format!("{:?}", p.name)).collect();
        names.join(", ")
    }
}
