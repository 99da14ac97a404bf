//! The course of a membrane with two synaptic currents between inputs, and its first crossing of a threshold.
//!
//! `V` is a sum of three exponentials. What makes every crossing findable, whatever the time constants, is that one
//! combination of its derivatives has a closed form that does not degenerate:
//!
//! ```text
//! d/ds (V'(s) e^(s/tau_mem)) = e^(s/tau_mem) (I_inh(s)/tau_inh^2 - I_exc(s)/tau_exc^2)
//! ```
//!
//! The right side changes sign at most once, at a time known in closed form. On either side of it `V' e^(s/tau_mem)` is
//! monotone, so `V'` has at most one zero there; and between these zeros `V` is monotone.

use super::kernel::Dynamics;

/// Time constants of a membrane and its two inputs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Course {
    pub(crate) exc: Dynamics,
    pub(crate) inh: Dynamics,
}

/// Potential above the leak and the two currents, neither negative, at one instant.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct State {
    pub(crate) v: f64,
    pub(crate) exc: f64,
    pub(crate) inh: f64,
}

impl Course {
    pub(crate) fn new(tau_mem: f64, tau_exc: f64, tau_inh: f64) -> Self {
        Self { exc: Dynamics::new(tau_mem, tau_exc), inh: Dynamics::new(tau_mem, tau_inh) }
    }

    pub(crate) fn after(&self, state: State, s: f64) -> State {
        State {
            v: state.v * libm::exp(-s / self.exc.tau_mem) + state.exc * self.exc.psp(s)
                - if state.inh == 0.0 { 0.0 } else { state.inh * self.inh.psp(s) },
            exc: state.exc * libm::exp(-s / self.exc.tau_syn),
            inh: state.inh * libm::exp(-s / self.inh.tau_syn),
        }
    }

    pub(crate) fn slope(&self, state: State) -> f64 {
        state.exc / self.exc.tau_syn - state.inh / self.inh.tau_syn - state.v / self.exc.tau_mem
    }

    fn curvature(&self, state: State) -> f64 {
        state.inh / (self.inh.tau_syn * self.inh.tau_syn)
            - state.exc / (self.exc.tau_syn * self.exc.tau_syn)
            - self.slope(state) / self.exc.tau_mem
    }

    /// First time from now, at most `until`, at which the potential reaches `threshold` from below; 0 if it is there.
    pub(crate) fn crossing(&self, state: State, threshold: f64, until: f64) -> Option<f64> {
        if state.v >= threshold {
            return Some(0.0);
        }
        // Excitation can deliver no more than its charge, and the leak pulls down what is above it.
        let share = (until / self.exc.tau_syn).min(1.0);
        if state.v.max(0.0) + state.exc * share < threshold {
            return None;
        }
        let end = until.min(self.horizon(state, threshold));
        let turn = self.turn(state).filter(|turn| (0.0..end).contains(turn));
        let mut from = (0.0, state);
        for to in turn.into_iter().chain([end]) {
            let to = (to, self.after(state, to));
            if let Some(s) = self.crossing_between(state, threshold, from, to) {
                return Some(s);
            }
            from = to;
        }
        None
    }

    /// A time after which the potential stays below the threshold.
    fn horizon(&self, state: State, threshold: f64) -> f64 {
        let mut s = self.exc.psp_peak_time().max(self.exc.tau_mem);
        // Without inhibition, and past the peak of a PSP: an upper bound that only falls.
        let bound = |s: f64| state.v.max(0.0) * libm::exp(-s / self.exc.tau_mem) + state.exc * self.exc.psp(s);
        while bound(s) >= threshold {
            s *= 2.0;
        }
        s
    }

    /// Where `V' e^(s/tau_mem)` has its extremum.
    fn turn(&self, state: State) -> Option<f64> {
        let (tau_exc, tau_inh) = (self.exc.tau_syn, self.inh.tau_syn);
        let gap = (tau_inh - tau_exc) / (tau_exc * tau_inh);
        if gap == 0.0 || state.exc <= 0.0 || state.inh <= 0.0 {
            return None;
        }
        Some((libm::log(state.exc / state.inh) + 2.0 * libm::log(tau_inh / tau_exc)) / gap)
    }

    /// The first crossing between two times, where the slope changes its sign at most once.
    fn crossing_between(&self, state: State, threshold: f64, from: (f64, State), to: (f64, State)) -> Option<f64> {
        let (up, down) = (self.slope(from.1), self.slope(to.1));
        if up <= 0.0 && down <= 0.0 {
            return None;
        }
        let slope = |s: f64| {
            let at = self.after(state, s);
            (self.slope(at), self.curvature(at))
        };
        let (low, high) = if up >= 0.0 && down >= 0.0 {
            (from.0, to.0)
        } else if up > 0.0 {
            (
                from.0,
                root(
                    |s| {
                        let (f, d) = slope(s);
                        (-f, -d)
                    },
                    from.0,
                    to.0,
                ),
            )
        } else {
            (root(slope, from.0, to.0), to.0)
        };
        if self.after(state, high).v < threshold {
            return None;
        }
        let excess = |s: f64| {
            let at = self.after(state, s);
            (at.v - threshold, self.slope(at))
        };
        Some(root(excess, low, high))
    }
}

/// The zero of a function that rises through it between `low` and `high`, by Newton's method kept within its bracket.
fn root(f: impl Fn(f64) -> (f64, f64), mut low: f64, mut high: f64) -> f64 {
    let mut s = 0.5 * (low + high);
    for _ in 0..200 {
        let (value, slope) = f(s);
        if value < 0.0 {
            low = s;
        } else {
            high = s;
        }
        let newton = s - value / slope;
        let next = if newton > low && newton < high { newton } else { 0.5 * (low + high) };
        let done = (next - s).abs() <= 2.0 * f64::EPSILON * s.abs() || high - low <= 2.0 * f64::EPSILON * high;
        s = next;
        if done {
            break;
        }
    }
    s
}
