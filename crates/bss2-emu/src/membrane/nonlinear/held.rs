//! Potentials that are held, at the reset or at an operating limit, while currents and adaptation go on: closed forms.

use libm::exp;

use super::{Adaptation, Nonlinear, State};

/// Points at which the pull on a held potential is looked at before the neuron is asked again.
const POINTS: u32 = 64;
/// Such points in the shortest of the time constants that matter.
const POINTS_PER_TIME_CONSTANT: f64 = 16.0;

impl Nonlinear {
    /// The adaptation current after a time at a held potential.
    pub(super) fn adapted(&self, x: f64, w: f64, span: f64) -> f64 {
        self.adaptation.map_or(w, |Adaptation { tau, a, reference, .. }| {
            let rest = a * (x - reference);
            rest + (w - rest) * exp(-span / tau)
        })
    }

    /// When a potential that is held at a limit is pulled off it, towards `inwards` (the sign of its derivative), or how far
    /// ahead it is not: the time, and whether it is released then.
    ///
    /// The pull is a sum of a constant and at most three decaying terms. It is looked at 16 times in the shortest time
    /// constant; a pull that turns round twice in between would have moved the potential by next to nothing.
    pub(super) fn release(&self, state: &State, inwards: f64) -> (f64, bool) {
        let pull = |span: f64| {
            let w = self.adapted(state.x, state.w, span);
            inwards * self.rates(&[state.x, w], self.decayed(state.currents, span))[0]
        };
        if pull(0.0) > 0.0 {
            return (state.time, true);
        }
        let Some(fastest) = self.fastest(state) else { return (f64::INFINITY, false) };
        // Once the decaying terms together are weaker than the constant, nothing can change any more.
        let constant = pull(f64::INFINITY);
        let adaptation = state.w - self.adapted(state.x, state.w, f64::INFINITY);
        let synaptic = |input: usize| self.synaptic(input, state.x, state.currents[input]).abs();
        if constant < -(adaptation.abs() + synaptic(0) + synaptic(1)) {
            return (f64::INFINITY, false);
        }
        let spacing = fastest / POINTS_PER_TIME_CONSTANT;
        for k in 1..=POINTS {
            let span = f64::from(k) * spacing;
            if pull(span) > 0.0 {
                let (mut a, mut b) = (span - spacing, span);
                loop {
                    let middle = 0.5 * (a + b);
                    if middle <= a || middle >= b {
                        return (state.time + b, true);
                    }
                    if pull(middle) > 0.0 {
                        b = middle;
                    } else {
                        a = middle;
                    }
                }
            }
        }
        (state.time + f64::from(POINTS) * spacing, false)
    }

    /// The shortest time constant of what still changes at a held potential.
    fn fastest(&self, state: &State) -> Option<f64> {
        let rates = [self.membrane.rate_exc, self.membrane.rate_inh];
        let synaptic = (0..2).filter(|input| state.currents[*input] != 0.0).map(|input| rates[input]);
        let adaptation = self.adaptation.map(|adaptation| 1.0 / adaptation.tau);
        synaptic.chain(adaptation).reduce(f64::max).map(|rate| 1.0 / rate)
    }
}
