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

/// A list that may be absent: its name, the least value, and what is allowed in words.
type Field<'a> = (&'a str, &'a Option<Vec<f64>>, f64, &'a str);

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
            self.list(population, field, values, least, allowed);
        }
        self.terms(population);
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

    fn list(&mut self, population: &Population, field: &str, values: &[f64], least: f64, allowed: &str) {
        let place = format!("population {:?}: {field}", population.name);
        if values.len() != population.size {
            self.add(&place, format!("{} values for {} neurons (size)", values.len(), population.size));
        }
        for (neuron, value) in values.iter().enumerate() {
            self.number(&format!("{place}[{neuron}]"), *value, least, allowed);
        }
    }

    /// Lists that may be absent, but not one without the others of its term.
    fn terms(&mut self, population: &Population) {
        let p = population;
        let terms: [&[Field]; 3] = [
            &[("i_offset", &p.i_offset, -MOST, ANY)],
            &[("delta_t", &p.delta_t, SHORTEST, POSITIVE), ("v_exp", &p.v_exp, -MOST, ANY)],
            &[
                ("tau_adapt", &p.tau_adapt, SHORTEST, POSITIVE),
                ("a_adapt", &p.a_adapt, -MOST, ANY),
                ("b_adapt", &p.b_adapt, -MOST, ANY),
            ],
        ];
        for term in terms {
            let given = term.iter().find(|field| field.1.is_some());
            for (field, values, least, allowed) in term {
                if let Some(values) = values {
                    self.list(p, field, values, *least, allowed);
                } else if let Some((other, ..)) = given {
                    self.add(&format!("population {:?}: {field}", p.name), format!("is missing beside {other}"));
                }
            }
        }
        for (neuron, (threshold, onset)) in p.v_threshold.iter().zip(p.v_exp.iter().flatten()).enumerate() {
            if threshold <= onset {
                let place = format!("population {:?}: v_threshold[{neuron}]", p.name);
                let message = format!("{threshold} is not allowed; expected a number above v_exp ({onset})");
                self.add(&place, message);
            }
        }
        for (neuron, (a, tau)) in p.a_adapt.iter().flatten().zip(&p.tau_mem).enumerate() {
            if a * tau <= -1.0 && *tau > 0.0 {
                let place = format!("population {:?}: a_adapt[{neuron}]", p.name);
                let message = format!(
                    "{a} is not allowed; expected a number above -1 / tau_mem ({}): the potential would run away from v_leak",
                    -1.0 / tau
                );
                self.add(&place, message);
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
