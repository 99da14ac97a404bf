//! Neurons whose membrane equation is not linear between events: integrated with error control, crossings located exactly.
//!
//! ```text
//! dx/dt = -x / tau_mem + (D / tau_mem) e^((x - onset) / D) - w + I_exc - I_inh         x = V - V_rest
//! tau_w dw/dt = a (x - reference) - w,     w -> w + b at a spike
//! I = S tanh(i / S) (e_rev - x) / (e_rev - leak),     di/dt = -i / tau_syn
//! ```
//! Every term can be absent. Potentials are counted as those of [`Membrane`], which holds what both have in common: from
//! `V_rest = v_leak + i_offset tau_mem`, where the linear membrane rests. A constant current is therefore no term of its own:
//! it moves `V_rest`, and `leak`, the potential `v_leak` itself, is `-i_offset tau_mem`.
//!
//! # Accuracy
//!
//! The synaptic currents are exact: they decay by themselves. So is all that happens while the potential is held, at the
//! reset or at an operating limit: the adaptation then relaxes exponentially. A free potential and the adaptation are
//! integrated by steps of order 5(4) (`dormand_prince`), each with an error of at most `tolerance` of a potential that is
//! large for the neuron (`D`, or the way to the threshold) and of the change that it makes, or of what amounts to a shift in
//! time by `tolerance` of the shortest time constant. No step goes across an event, a reset or a contact with a limit. Thresholds and limits are located on the dense output of a step, a polynomial, whose first crossing is found
//! to the last digits (`quartic`).
//!
//! The exponent of the onset ends at [`STEEPEST`]. A potential beyond that is `tau_mem e^-STEEPEST` before infinity, so that
//! the spike comes too late by less than that times `(threshold - onset) / D`: 2e-15 `tau_mem` for each `D`.
//!
//! # Looking ahead
//!
//! Such a neuron sees as far as its step goes. The step is kept: an event that comes before its end is met on its dense
//! output, and nothing is integrated twice unless an event cuts a step short. Steps do not know who looks, nor when the
//! simulation ends.

mod dormand_prince;
mod held;
mod pieces;
mod quartic;

use libm::{exp, tanh};

use super::{Membrane, Phase};

use dormand_prince::Step;

/// Largest exponent of the onset.
pub const STEEPEST: f64 = 34.0;

/// Error allowed to a step by default, relative to the size of what is integrated.
pub const TOLERANCE: f64 = 1e-11;

/// A potential this far from rest is held as at an operating limit: where the equation runs away without limits, in the
/// hold-off or by negative adaptation.
const FARTHEST: f64 = 1e100;

/// A neuron with terms beyond the current-based leaky integrate-and-fire neuron.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Nonlinear {
    /// Time constants, threshold, reset, limits and refractory time.
    pub membrane: Membrane,
    /// Exponential onset of spikes.
    pub onset: Option<Onset>,
    /// Adaptation.
    pub adaptation: Option<Adaptation>,
    /// Reversal potentials of excitation and inhibition; none: current-based.
    pub reversal: [Option<Reversal>; 2],
    /// Largest excitatory and inhibitory current, in potential per time (`+inf`: does not saturate).
    pub saturation: [f64; 2],
    /// Error allowed to a step, relative to the size of what is integrated.
    pub tolerance: f64,
}

/// The exponential term.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Onset {
    /// Sharpness, a positive potential.
    pub slope: f64,
    /// Potential at which the term moves the membrane by `slope / tau_mem`.
    pub at: f64,
}

/// The adaptation current.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adaptation {
    /// Time constant.
    pub tau: f64,
    /// Drive by the membrane, per time.
    pub a: f64,
    /// Step at a spike, in potential per time.
    pub b: f64,
    /// Potential at which the membrane does not drive it.
    pub reference: f64,
}

/// Conductance-based synaptic input.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reversal {
    /// Reversal potential.
    pub at: f64,
    /// Reversal potential minus `v_leak`: positive for excitation, negative for inhibition.
    pub from_leak: f64,
}

/// State of such a neuron at one time.
#[derive(Debug, Clone)]
pub struct State {
    /// Time.
    pub time: f64,
    /// Potential relative to rest.
    pub x: f64,
    /// Adaptation current.
    pub w: f64,
    /// Excitatory and inhibitory synaptic current, both positive.
    pub currents: [f64; 2],
    phase: Phase,
    ahead: Option<Piece>,
    /// Length proposed for the next step.
    length: f64,
}

/// What is known of the course from some time on, if no event comes before its end.
#[derive(Debug, Clone, Copy)]
struct Piece {
    end: f64,
    /// The phase that begins at the end.
    next: Phase,
    /// Of a free potential.
    step: Option<Step<2>>,
}

impl Nonlinear {
    /// A membrane without further terms.
    pub fn new(membrane: Membrane) -> Self {
        Self {
            membrane,
            onset: None,
            adaptation: None,
            reversal: [None; 2],
            saturation: [f64::INFINITY; 2],
            tolerance: TOLERANCE,
        }
    }

    /// The same neuron where leak and resting potential are higher by `shift`.
    #[must_use]
    pub(crate) fn at_rest_shifted_by(&self, shift: f64) -> Self {
        Self {
            membrane: self.membrane.at_rest_shifted_by(shift),
            onset: self.onset.map(|onset| Onset { at: onset.at - shift, ..onset }),
            adaptation: self.adaptation.map(|w| Adaptation { reference: w.reference - shift, ..w }),
            reversal: self.reversal.map(|r| r.map(|r| Reversal { at: r.at - shift, from_leak: r.from_leak - shift })),
            ..*self
        }
    }

    /// Whether it is a current-based leaky integrate-and-fire neuron: its [`Membrane`] alone computes the same, exactly.
    pub fn is_linear(&self) -> bool {
        *self == Self { tolerance: self.tolerance, ..Self::new(self.membrane) }
    }

    /// Derivatives of potential and adaptation, given the synaptic currents of the moment.
    fn rates(&self, &[x, w]: &[f64; 2], currents: [f64; 2]) -> [f64; 2] {
        let drive = self.synaptic(0, x, currents[0]) - self.synaptic(1, x, currents[1]);
        let mut dx = drive - self.membrane.rate_mem * x - w;
        if let Some(Onset { slope, at }) = self.onset {
            dx += slope * self.membrane.rate_mem * exp(((x - at) / slope).min(STEEPEST));
        }
        let dw = self.adaptation.map_or(0.0, |Adaptation { tau, a, reference, .. }| (a * (x - reference) - w) / tau);
        [dx, dw]
    }

    /// What a synaptic current does to the membrane at a potential.
    fn synaptic(&self, input: usize, x: f64, current: f64) -> f64 {
        if current == 0.0 {
            return 0.0;
        }
        let limit = self.saturation[input];
        let current = if limit < f64::INFINITY { limit * tanh(current / limit) } else { current };
        self.reversal[input].map_or(current, |Reversal { at, from_leak }| current * (at - x) / from_leak)
    }

    /// Synaptic currents after a time.
    fn decayed(&self, currents: [f64; 2], span: f64) -> [f64; 2] {
        let decay = |current: f64, rate: f64| if current == 0.0 { 0.0 } else { current * exp(-rate * span) };
        [decay(currents[0], self.membrane.rate_exc), decay(currents[1], self.membrane.rate_inh)]
    }

    /// A potential that is large for this neuron: what errors are measured with.
    fn scale(&self) -> f64 {
        let Membrane { threshold, start, reset, lower, upper, .. } = self.membrane;
        let swings = [(threshold - start).abs().max((threshold - reset).abs()), upper - lower, 1.0];
        let swing = swings.into_iter().find(|swing| *swing > 0.0 && *swing < f64::INFINITY).unwrap_or(1.0);
        self.onset.map_or(swing, |onset| onset.slope.min(swing))
    }

    /// The shortest time constant.
    fn shortest_tau(&self) -> f64 {
        let Membrane { rate_mem, rate_exc, rate_inh, .. } = self.membrane;
        let adaptation = self.adaptation.map_or(0.0, |adaptation| 1.0 / adaptation.tau);
        1.0 / rate_mem.max(rate_exc).max(rate_inh).max(adaptation)
    }

    /// The operating limits; a potential that runs away without them ends somewhere.
    fn limits(&self) -> [f64; 2] {
        [self.membrane.lower.max(-FARTHEST), self.membrane.upper.min(FARTHEST)]
    }
}

#[cfg(test)]
mod tests;
