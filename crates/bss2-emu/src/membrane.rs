//! The membrane of one neuron: exact integration between events and exact first crossings.
//!
//! ```text
//! dx/dt = -x / tau_mem + i_exc(t) - i_inh(t)        x = V - V_rest
//! di/dt = -i / tau_syn                              one time constant for excitation, one for inhibition
//! ```
//! The solution between events is a sum of three exponentials. Two facts make crossings safe to find for any set of time
//! constants, equal ones included. First, `y(t) = x'(t) e^(t/tau_mem)` has the derivative
//! `y' = e^(t/tau_mem) (i_inh/tau_inh - i_exc/tau_exc)`, which is zero at most once, at a time known in closed form: on
//! either side of it `x'` has at most one zero. So the membrane is monotone on at most four known pieces, and a crossing
//! can neither be missed nor invented. Second, the response to a current over a time `s` is
//! `e^(-s/tau_mem) (e^(d s) - 1) / d`, `d = 1/tau_mem - 1/tau_syn`, which is smooth through `d = 0`.
//!
//! After a spike the potential is held at the reset for the refractory time; synaptic currents go on. The reset may be
//! released some time, the hold-off, before the refractory time is over: the potential is then free, but the neuron cannot
//! fire yet. The operating limits of the circuit hold the potential where it hits them until the currents pull it back.

pub(crate) mod glance;
pub(crate) mod joined;
pub(crate) mod lanes;
pub mod nonlinear;
mod search;
mod steps;

use libm::{exp, log1p};

use search::{Course, Curve as _};
use steps::Flow;

/// Constants of one neuron in one trial. Times in us, potentials in CADC LSB relative to the resting potential.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Membrane {
    rate_mem: f64,
    rate_exc: f64,
    rate_inh: f64,
    /// Largest response to a unit excitatory current; bounds the potential without any exponential.
    peak_exc: f64,
    peak_inh: f64,
    /// Firing threshold; infinite for a neuron that does not fire.
    pub threshold: f64,
    /// Potential during the refractory time.
    pub reset: f64,
    /// Lower operating limit (`-inf`: none).
    pub lower: f64,
    /// Upper operating limit (`+inf`: none).
    pub upper: f64,
    /// Refractory time (`+inf`: fires once).
    pub refractory_us: f64,
    /// How long before the end of the refractory time the reset is released; finite, not negative. Blocks do not know it: such
    /// a neuron runs by itself.
    pub holdoff_us: f64,
    /// Potential at time zero.
    pub start: f64,
}

/// State of a membrane at one time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct State {
    /// Time in us.
    pub time_us: f64,
    /// Potential relative to rest, in CADC LSB.
    pub x: f64,
    /// Excitatory synaptic current in LSB/us.
    pub i_exc: f64,
    /// Inhibitory synaptic current in LSB/us, positive.
    pub i_inh: f64,
    pub(crate) phase: Phase,
}

/// What the potential is doing; the currents always go on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Phase {
    Free,
    Refractory {
        until_us: f64,
    },
    AtLower,
    AtUpper,
    /// Released from the reset before the refractory time is over: moves, but cannot fire.
    Unarmed {
        until_us: f64,
        place: Place,
    },
}

/// Where a potential that cannot fire yet is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Place {
    Between,
    AtLower,
    AtUpper,
}

/// Shortest time for which a potential that has just left an operating limit is still held: keeps rounding errors at the
/// moment of release from being taken for a new contact.
const RELEASE_US: f64 = 1e-6;

impl Membrane {
    /// A membrane without threshold and limits.
    pub fn new(tau_mem_us: f64, tau_syn_exc_us: f64, tau_syn_inh_us: f64) -> Self {
        Self {
            rate_mem: 1.0 / tau_mem_us,
            rate_exc: 1.0 / tau_syn_exc_us,
            rate_inh: 1.0 / tau_syn_inh_us,
            peak_exc: peak_response(tau_mem_us, tau_syn_exc_us),
            peak_inh: peak_response(tau_mem_us, tau_syn_inh_us),
            threshold: f64::INFINITY,
            reset: 0.0,
            lower: f64::NEG_INFINITY,
            upper: f64::INFINITY,
            refractory_us: f64::INFINITY,
            holdoff_us: 0.0,
            start: 0.0,
        }
    }

    /// The same membrane where the resting potential is higher by `shift`.
    #[must_use]
    pub(crate) fn at_rest_shifted_by(&self, shift: f64) -> Self {
        Self {
            threshold: self.threshold - shift,
            reset: self.reset - shift,
            lower: self.lower - shift,
            upper: self.upper - shift,
            ..*self
        }
    }

    /// Largest responses to a unit excitatory and a unit inhibitory current, in us.
    pub(crate) fn peaks(&self) -> [f64; 2] {
        [self.peak_exc, self.peak_inh]
    }

    /// Inverse time constants in 1/us: membrane, excitation, inhibition.
    pub(crate) fn rates_per_us(&self) -> [f64; 3] {
        [self.rate_mem, self.rate_exc, self.rate_inh]
    }

    /// The membrane from now on, with "up" as the direction of interest.
    fn rising(&self, state: &State) -> Course {
        Course {
            rate_mem: self.rate_mem,
            rate_up: self.rate_exc,
            rate_down: self.rate_inh,
            x: state.x,
            up: state.i_exc,
            down: state.i_inh,
        }
    }

    /// The same membrane upside down, so that one search serves thresholds and lower limits.
    fn falling(&self, state: &State) -> Course {
        Course {
            rate_mem: self.rate_mem,
            rate_up: self.rate_inh,
            rate_down: self.rate_exc,
            x: -state.x,
            up: state.i_inh,
            down: state.i_exc,
        }
    }
}

impl Flow for Membrane {
    type State = State;

    fn levels(&self) -> &Membrane {
        self
    }

    fn start(&self) -> State {
        State { x: self.start, ..State::at_rest(0.0) }
    }

    fn bounds(&self, state: &State, span: f64) -> (f64, f64) {
        let lowest = state.x.min(0.0) - state.i_inh * self.peak_inh.min(span);
        let highest = state.x.max(0.0) + state.i_exc * self.peak_exc.min(span);
        (lowest, highest)
    }

    fn first_crossing(&self, state: &State, level: f64, span: f64, upwards: bool) -> Option<f64> {
        if upwards {
            self.rising(state).first_crossing(level, span)
        } else {
            self.falling(state).first_crossing(-level, span)
        }
    }

    fn first_pull(&self, state: &State, span: f64, upwards: bool) -> Option<f64> {
        let view = if upwards { self.rising(state) } else { self.falling(state) };
        view.first_rise(span)
    }

    fn propagate(&self, state: &mut State, span: f64) {
        let decay_mem = exp(-self.rate_mem * span);
        state.x *= decay_mem;
        if state.i_exc != 0.0 {
            let decay = exp(-self.rate_exc * span);
            state.x += state.i_exc * response(decay_mem, decay, self.rate_mem - self.rate_exc, span);
            state.i_exc *= decay;
        }
        if state.i_inh != 0.0 {
            let decay = exp(-self.rate_inh * span);
            state.x -= state.i_inh * response(decay_mem, decay, self.rate_mem - self.rate_inh, span);
            state.i_inh *= decay;
        }
    }

    fn decay_currents(&self, state: &mut State, span: f64) {
        if state.i_exc != 0.0 {
            state.i_exc *= exp(-self.rate_exc * span);
        }
        if state.i_inh != 0.0 {
            state.i_inh *= exp(-self.rate_inh * span);
        }
    }

    fn raise(&self, state: &mut State, input: usize, jump: f64) {
        if input.is_multiple_of(2) {
            state.i_exc += jump;
        } else {
            state.i_inh += jump;
        }
    }

    fn currents(&self, state: &State) -> [f64; 2] {
        [state.i_exc, state.i_inh]
    }
}

impl AsRef<State> for State {
    fn as_ref(&self) -> &State {
        self
    }
}

impl AsMut<State> for State {
    fn as_mut(&mut self) -> &mut State {
        self
    }
}

impl State {
    /// At rest at a time.
    pub fn at_rest(time_us: f64) -> Self {
        Self { time_us, x: 0.0, i_exc: 0.0, i_inh: 0.0, phase: Phase::Free }
    }

    /// An event arrives: the currents jump by `exc` and `inh` (LSB/us).
    pub fn receive(&mut self, exc: f64, inh: f64) {
        self.i_exc += exc;
        self.i_inh += inh;
    }
}

/// Integral of a decaying unit current over a time `span`, filtered by the membrane:
/// `e^(-span/tau_mem) (e^(d span) - 1) / d` with `d = rate_mem - rate_syn`.
fn response(decay_mem: f64, decay_syn: f64, d: f64, span: f64) -> f64 {
    let z = d * span;
    if z.abs() < 1e-2 {
        // Taylor series of (e^z - 1)/z; the first neglected term is below 2e-16.
        let series = 1.0 + z / 2.0 * (1.0 + z / 3.0 * (1.0 + z / 4.0 * (1.0 + z / 5.0 * (1.0 + z / 6.0))));
        decay_mem * span * series
    } else {
        (decay_syn - decay_mem) / d
    }
}

/// Largest value over time of the response to a unit current, in us.
pub fn peak_response(tau_mem_us: f64, tau_syn_us: f64) -> f64 {
    let r = tau_mem_us / tau_syn_us - 1.0;
    let log_ratio_over_r = if r.abs() < 1e-9 { 1.0 - r / 2.0 } else { log1p(r) / r };
    let time = tau_mem_us * log_ratio_over_r;
    // At the peak dx/dt = 0, so x = tau_mem * i.
    tau_mem_us * exp(-time / tau_syn_us)
}

#[cfg(test)]
mod tests;
