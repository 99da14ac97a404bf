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
//! After a spike the potential is held at the reset for the refractory time; synaptic currents go on. The operating
//! limits of the circuit hold the potential where it hits them until the currents pull it back.

use libm::{exp, log, log1p};

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
    phase: Phase,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Phase {
    Free,
    Refractory { until_us: f64 },
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
        }
    }

    /// Moves the state forward to `until_us` and reports each spike time on the way.
    pub fn advance(&self, state: &mut State, until_us: f64, mut on_spike: impl FnMut(f64)) {
        while state.time_us < until_us {
            let span = until_us - state.time_us;
            match state.phase {
                Phase::Free => self.advance_free(state, span, until_us, &mut on_spike),
                Phase::Refractory { until_us: end } => {
                    let stop = end.min(until_us);
                    self.decay_currents(state, stop - state.time_us);
                    state.time_us = stop;
                    if end <= until_us {
                        state.phase = Phase::Free;
                    }
                }
                Phase::AtLower => self.advance_held(state, span, until_us, false),
                Phase::AtUpper => self.advance_held(state, span, until_us, true),
            }
        }
    }

    /// Forces the reset of the membrane at the present time, as a spike would, without a spike.
    pub fn force_reset(&self, state: &mut State) {
        state.x = self.reset;
        state.phase = Phase::Refractory { until_us: state.time_us + self.refractory_us };
    }

    fn advance_free(&self, state: &mut State, span: f64, until_us: f64, on_spike: &mut impl FnMut(f64)) {
        let highest = state.x.max(0.0) + state.i_exc * self.peak_exc.min(span);
        let lowest = state.x.min(0.0) - state.i_inh * self.peak_inh.min(span);
        if highest < self.threshold.min(self.upper) && lowest > self.lower {
            self.propagate(state, span);
            state.time_us = until_us;
            return;
        }
        let ceiling = self.threshold.min(self.upper);
        let up = self.rising(state).first_crossing(ceiling, span);
        let down = self.falling(state).first_crossing(-self.lower, span);
        match (up, down) {
            (None, None) => {
                self.propagate(state, span);
                state.time_us = until_us;
            }
            (Some(s), d) if d.is_none_or(|d| s <= d) => {
                self.propagate(state, s);
                state.time_us += s;
                if self.threshold <= self.upper {
                    on_spike(state.time_us);
                    self.force_reset(state);
                } else {
                    state.x = self.upper;
                    state.phase = Phase::AtUpper;
                }
            }
            (_, d) => {
                let s = d.unwrap_or(span);
                self.propagate(state, s);
                state.time_us += s;
                state.x = self.lower;
                state.phase = Phase::AtLower;
            }
        }
    }

    /// The potential stays at a limit until the currents pull it inwards.
    fn advance_held(&self, state: &mut State, span: f64, until_us: f64, at_upper: bool) {
        let view = if at_upper { self.falling(state) } else { self.rising(state) };
        let stop = match view.first_rise(span) {
            Some(s) => {
                state.phase = Phase::Free;
                s.max(RELEASE_US).min(span)
            }
            None => span,
        };
        self.decay_currents(state, stop);
        state.time_us = if stop == span { until_us } else { state.time_us + stop };
    }

    fn decay_currents(&self, state: &mut State, span: f64) {
        if state.i_exc != 0.0 {
            state.i_exc *= exp(-self.rate_exc * span);
        }
        if state.i_inh != 0.0 {
            state.i_inh *= exp(-self.rate_inh * span);
        }
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

/// A membrane seen with "up" as the direction of interest.
struct Course {
    rate_mem: f64,
    rate_up: f64,
    rate_down: f64,
    x: f64,
    up: f64,
    down: f64,
}

impl Course {
    /// Potential and its time derivative after a time.
    fn at(&self, s: f64) -> (f64, f64) {
        let mem = exp(-self.rate_mem * s);
        let mut x = self.x * mem;
        let mut drive = 0.0;
        if self.up != 0.0 {
            let decay = exp(-self.rate_up * s);
            x += self.up * response(mem, decay, self.rate_mem - self.rate_up, s);
            drive += self.up * decay;
        }
        if self.down != 0.0 {
            let decay = exp(-self.rate_down * s);
            x -= self.down * response(mem, decay, self.rate_mem - self.rate_down, s);
            drive -= self.down * decay;
        }
        (x, drive - self.rate_mem * x)
    }

    /// Second derivative, given the potential's first.
    fn curvature(&self, s: f64, slope: f64) -> f64 {
        let mut drive = 0.0;
        if self.up != 0.0 {
            drive -= self.rate_up * self.up * exp(-self.rate_up * s);
        }
        if self.down != 0.0 {
            drive += self.rate_down * self.down * exp(-self.rate_down * s);
        }
        drive - self.rate_mem * slope
    }

    /// The one time at which the weighted slope `x' e^(t/tau_mem)` may turn around.
    fn turning_time(&self) -> Option<f64> {
        let (u, d) = (self.up * self.rate_up, self.down * self.rate_down);
        let difference = self.rate_up - self.rate_down;
        (u > 0.0 && d > 0.0 && difference != 0.0).then(|| log(u / d) / difference)
    }

    /// First time in `[0, span]` at which the potential reaches `level` from below; at once if it is there already.
    fn first_crossing(&self, level: f64, span: f64) -> Option<f64> {
        if level == f64::INFINITY {
            return None;
        }
        if self.x >= level {
            // A potential that leaves its limit starts on it: only an outward course counts.
            let (_, slope) = self.at(0.0);
            if self.x > level || slope > 0.0 {
                return Some(0.0);
            }
        }
        let turn = self.turning_time().filter(|t| *t > 0.0 && *t < span);
        // From a limit the search starts just inside, where the potential is below the level.
        let mut from = if self.x >= level { RELEASE_US.min(span) } else { 0.0 };
        let mut slope_from = self.at(from).1;
        for to in turn.into_iter().chain([span]) {
            let (x_to, slope_to) = self.at(to);
            if slope_from > 0.0 && slope_to < 0.0 {
                let top = self.zero_of_slope(from, to);
                if self.at(top).0 >= level {
                    return Some(self.root(level, from, top));
                }
            } else if x_to >= level {
                return Some(self.root(level, from, to));
            }
            from = to;
            slope_from = slope_to;
        }
        None
    }

    /// First time in `[0, span]` at which a potential held at its present value would rise.
    fn first_rise(&self, span: f64) -> Option<f64> {
        let pull =
            |s: f64| self.up * exp(-self.rate_up * s) - self.down * exp(-self.rate_down * s) - self.rate_mem * self.x;
        if pull(0.0) > 0.0 {
            return Some(0.0);
        }
        let turn = self.turning_time().filter(|t| *t > 0.0 && *t < span);
        let mut from = 0.0;
        for to in turn.into_iter().chain([span]) {
            if pull(to) > 0.0 {
                let (mut a, mut b) = (from, to);
                for _ in 0..200 {
                    let middle = 0.5 * (a + b);
                    if middle <= a || middle >= b {
                        break;
                    }
                    if pull(middle) > 0.0 { b = middle } else { a = middle }
                }
                return Some(b);
            }
            from = to;
        }
        None
    }

    /// The maximum between a rising and a falling end: safeguarded Newton on the slope.
    fn zero_of_slope(&self, from: f64, to: f64) -> f64 {
        let (mut a, mut b) = (from, to);
        let mut s = 0.5 * (a + b);
        for _ in 0..200 {
            let slope = self.at(s).1;
            if slope > 0.0 {
                a = s
            } else {
                b = s
            }
            let step = s - slope / self.curvature(s, slope);
            let next = if step > a && step < b { step } else { 0.5 * (a + b) };
            if next == s || b - a <= f64::EPSILON * b || (next - s).abs() <= 1e-15 * b {
                break;
            }
            s = next;
        }
        s
    }

    /// The crossing between an end below and an end at or above `level`: safeguarded Newton on the potential.
    fn root(&self, level: f64, below: f64, above: f64) -> f64 {
        let (mut a, mut b) = (below, above);
        let mut s = a;
        for _ in 0..200 {
            let (x, slope) = self.at(s);
            let excess = x - level;
            if excess >= 0.0 {
                b = s
            } else {
                a = s
            }
            let step = s - excess / slope;
            let next = if step > a && step < b { step } else { 0.5 * (a + b) };
            if (next - s).abs() <= 2e-16 * b || b - a <= 2e-16 * b {
                return next;
            }
            s = next;
        }
        s
    }
}

#[cfg(test)]
mod tests;
