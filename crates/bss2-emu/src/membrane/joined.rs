//! Several circuits joined to one membrane: a logical neuron.
//!
//! ```text
//! dx/dt = -x / tau_mem + sum_c (i_exc_c(t) - i_inh_c(t))      every circuit keeps the time constants of its own inputs
//! ```
//! The joined membrane has the sum of the capacitances and of the leak conductances; the currents of one circuit move it less,
//! by its share of the capacitance. Between events the solution is a sum of up to 2n + 1 exponentials for n circuits, and first
//! crossings are as safe as with one: `y(t) = x'(t) e^(t/tau_mem)` is monotone between the zeros of
//! `sum_j s_j r_j i_j e^(-r_j t)` (`r_j` rates, `s_j` = +1 for excitation), a sum of 2n exponentials. These are found by Rolle's
//! theorem: divided by its slowest term, the sum has a derivative with one term less.

use libm::exp;

use super::search::Curve;
use super::steps::Flow;
use super::{Membrane, State, peak_response, response};

/// The membrane of several circuits.
#[derive(Debug, Clone)]
pub struct Joined {
    /// Time constant of the membrane and its levels; its own two inputs are not used.
    pub membrane: Membrane,
    inputs: Vec<Input>,
}

#[derive(Debug, Clone, Copy)]
struct Input {
    rate: f64,
    /// Largest response to a unit current.
    peak: f64,
    /// +1 for excitation, -1 for inhibition.
    sign: f64,
}

/// A joined membrane at one time.
#[derive(Debug, Clone)]
pub struct JoinedState {
    /// Without currents.
    state: State,
    /// By input, not negative.
    currents: Vec<f64>,
}

impl AsRef<State> for JoinedState {
    fn as_ref(&self) -> &State {
        &self.state
    }
}

impl AsMut<State> for JoinedState {
    fn as_mut(&mut self) -> &mut State {
        &mut self.state
    }
}

impl Joined {
    /// A membrane without threshold and limits; `tau_syn_us` are the time constants of the excitatory and the inhibitory input
    /// of each circuit.
    pub fn new(tau_mem_us: f64, tau_syn_us: &[[f64; 2]]) -> Self {
        let input = |tau: f64, sign| Input { rate: 1.0 / tau, peak: peak_response(tau_mem_us, tau), sign };
        Self {
            membrane: Membrane::new(tau_mem_us, tau_mem_us, tau_mem_us),
            inputs: tau_syn_us.iter().flat_map(|[exc, inh]| [input(*exc, 1.0), input(*inh, -1.0)]).collect(),
        }
    }

    /// Number of inputs: two for each circuit.
    pub(crate) fn n_inputs(&self) -> usize {
        self.inputs.len()
    }

    /// Inverse time constant of an input in 1/us, and its largest response to a unit current in us.
    pub(crate) fn input(&self, input: usize) -> (f64, f64) {
        (self.inputs[input].rate, self.inputs[input].peak)
    }

    /// A state with these currents, by input.
    pub(crate) fn state(state: State, currents: Vec<f64>) -> JoinedState {
        JoinedState { state, currents }
    }

    /// The same membrane where the resting potential is higher by `shift`.
    #[must_use]
    pub(crate) fn at_rest_shifted_by(&self, shift: f64) -> Self {
        Self { membrane: self.membrane.at_rest_shifted_by(shift), inputs: self.inputs.clone() }
    }

    /// The membrane from now on, seen with "up" (+1) or "down" (-1) as the direction of interest.
    fn course(&self, state: &JoinedState, direction: f64) -> JoinedCourse {
        let currents = self.inputs.iter().zip(&state.currents).filter(|(_, current)| **current != 0.0);
        JoinedCourse {
            rate_mem: self.membrane.rate_mem,
            x: direction * state.state.x,
            terms: currents
                .map(|(input, current)| Term { rate: input.rate, size: direction * input.sign * current })
                .collect(),
        }
    }
}

impl Flow for Joined {
    type State = JoinedState;

    fn levels(&self) -> &Membrane {
        &self.membrane
    }

    fn start(&self) -> JoinedState {
        JoinedState { state: self.membrane.start(), currents: vec![0.0; self.inputs.len()] }
    }

    fn bounds(&self, state: &JoinedState, span: f64) -> (f64, f64) {
        let x = state.state.x;
        let (mut lowest, mut highest) = (x.min(0.0), x.max(0.0));
        for (input, current) in self.inputs.iter().zip(&state.currents) {
            let most = current * input.peak.min(span);
            if input.sign > 0.0 {
                highest += most;
            } else {
                lowest -= most;
            }
        }
        (lowest, highest)
    }

    fn first_crossing(&self, state: &JoinedState, level: f64, span: f64, upwards: bool) -> Option<f64> {
        let direction = if upwards { 1.0 } else { -1.0 };
        self.course(state, direction).first_crossing(direction * level, span)
    }

    fn first_pull(&self, state: &JoinedState, span: f64, upwards: bool) -> Option<f64> {
        self.course(state, if upwards { 1.0 } else { -1.0 }).first_rise(span)
    }

    fn propagate(&self, state: &mut JoinedState, span: f64) {
        state.state.x = self.course(state, 1.0).at(span).0;
        self.decay_currents(state, span);
    }

    fn decay_currents(&self, state: &mut JoinedState, span: f64) {
        for (input, current) in self.inputs.iter().zip(&mut state.currents) {
            if *current != 0.0 {
                *current *= exp(-input.rate * span);
            }
        }
    }

    fn raise(&self, state: &mut JoinedState, input: usize, jump: f64) {
        state.currents[input] += jump;
    }

    fn currents(&self, state: &JoinedState) -> [f64; 2] {
        let of_sign = |k: usize| state.currents.iter().skip(k).step_by(2).sum();
        [of_sign(0), of_sign(1)]
    }
}

/// `size e^(-rate t)`.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Term {
    rate: f64,
    size: f64,
}

struct JoinedCourse {
    rate_mem: f64,
    x: f64,
    terms: Vec<Term>,
}

impl Curve for JoinedCourse {
    fn start(&self) -> f64 {
        self.x
    }

    fn at(&self, s: f64) -> (f64, f64) {
        let mem = exp(-self.rate_mem * s);
        let (mut x, mut drive) = (self.x * mem, 0.0);
        for Term { rate, size } in &self.terms {
            let decay = exp(-rate * s);
            x += size * response(mem, decay, self.rate_mem - rate, s);
            drive += size * decay;
        }
        (x, drive - self.rate_mem * x)
    }

    fn curvature(&self, s: f64, slope: f64) -> f64 {
        let change: f64 = self.terms.iter().map(|t| t.rate * t.size * exp(-t.rate * s)).sum();
        -change - self.rate_mem * slope
    }

    fn pull(&self, s: f64) -> f64 {
        let drive: f64 = self.terms.iter().map(|t| t.size * exp(-t.rate * s)).sum();
        drive - self.rate_mem * self.x
    }

    fn turns(&self, span: f64) -> impl IntoIterator<Item = f64> {
        zeros(self.terms.iter().map(|t| Term { size: t.rate * t.size, ..*t }).collect(), span)
    }
}

/// The zeros of a sum of exponentials within `(0, span)` at which its sign changes, ascending.
fn zeros(mut terms: Vec<Term>, span: f64) -> Vec<f64> {
    terms.sort_unstable_by(|a, b| a.rate.total_cmp(&b.rate));
    terms.dedup_by(|from, into| {
        let equal = from.rate == into.rate;
        if equal {
            into.size += from.size;
        }
        equal
    });
    terms.retain(|t| t.size != 0.0);
    let changes_sign = terms.windows(2).any(|w| w[0].size.signum() != w[1].size.signum());
    let Some(slowest) = terms.first().copied().filter(|_| changes_sign) else {
        return Vec::new();
    };
    // Over its slowest term the sum is a constant plus terms whose derivative has one term less.
    for term in &mut terms {
        term.rate -= slowest.rate;
    }
    let sum = |t: f64| terms.iter().map(|term| term.size * exp(-term.rate * t)).sum::<f64>();
    let derivative = terms[1..].iter().map(|t| Term { size: -t.rate * t.size, ..*t }).collect();
    let mut found = Vec::new();
    let (mut from, mut before) = (0.0, sum(0.0));
    for to in zeros(derivative, span).into_iter().chain([span]) {
        let after = sum(to);
        if before.signum() != after.signum() && before != 0.0 {
            found.push(bisect(&sum, from, to, before));
        }
        (from, before) = (to, after);
    }
    found
}

/// The zero of a monotone function between two times; `before` is its value at the first.
fn bisect(function: &impl Fn(f64) -> f64, from: f64, to: f64, before: f64) -> f64 {
    let (mut a, mut b) = (from, to);
    for _ in 0..200 {
        let middle = 0.5 * (a + b);
        if middle <= a || middle >= b {
            break;
        }
        if function(middle).signum() == before.signum() {
            a = middle;
        } else {
            b = middle;
        }
    }
    b
}

#[cfg(test)]
mod tests;
