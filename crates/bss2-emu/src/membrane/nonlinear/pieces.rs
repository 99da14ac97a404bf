//! The course of a neuron, piece by piece: a step of the integrator, or the time for which the potential is held.
//!
//! A piece is planned once and kept until it is used up or an event makes it void. Its end does not depend on the threshold,
//! so that a change of the threshold voids nothing.

use crate::dynamics::{Dynamics, Outlook, View};

use super::dormand_prince::{Step, step};
use super::{Nonlinear, Phase, Piece, State};
use crate::membrane::{Place, RELEASE_US};

/// A first step, in the shortest time constants.
const FIRST: f64 = 0.01;
/// A longest step, in membrane time constants: keeps a neuron at rest from proposing ever longer ones.
const LONGEST: f64 = 1e3;
/// A shortest step, relative to the time: a few rounding errors.
const SHORTEST: f64 = 16.0 * f64::EPSILON;
/// Error that no step can avoid, relative to what is integrated.
const ROUNDING: f64 = 4.0 * f64::EPSILON;

impl Nonlinear {
    fn first_length(&self) -> f64 {
        FIRST * self.shortest_tau()
    }

    /// The piece that begins now. Phases that are over by now are left.
    fn plan(&self, state: &mut State) -> Piece {
        loop {
            let end = match state.phase {
                Phase::Refractory { until_us: end } => end - self.membrane.holdoff_us,
                Phase::Unarmed { until_us: end, .. } => end,
                _ => f64::INFINITY,
            };
            if end > state.time {
                break;
            }
            state.phase = self.after(state.phase);
        }
        if let Phase::Refractory { until_us: end } = state.phase {
            return Piece { end: end - self.membrane.holdoff_us, next: self.after(state.phase), step: None };
        }
        let [lower, upper] = self.limits();
        let slope = || self.rates(&[state.x, state.w], state.currents)[0];
        let place = match Place::from(state.phase) {
            Place::Between if state.x > upper || state.x == upper && slope() > 0.0 => Place::AtUpper,
            Place::Between if state.x < lower || state.x == lower && slope() < 0.0 => Place::AtLower,
            place => place,
        };
        state.phase = located(state.phase, place);
        let held = |x: f64, inwards: f64, state: &mut State| {
            state.x = x;
            let (end, released) = self.release(state, inwards);
            let place = if released { Place::Between } else { place };
            let end = if released { end.max(state.time + RELEASE_US) } else { end };
            Piece { end, next: located(state.phase, place), step: None }
        };
        match place {
            Place::Between => self.moving(state),
            Place::AtUpper => held(upper, -1.0, state),
            Place::AtLower => held(lower, 1.0, state),
        }
    }

    /// The phase after a refractory time, or after the hold-off.
    fn after(&self, phase: Phase) -> Phase {
        match phase {
            Phase::Refractory { until_us } if self.membrane.holdoff_us > 0.0 => {
                Phase::Unarmed { until_us, place: Place::Between }
            }
            phase => Place::from(phase).into(),
        }
    }

    /// A step of a free potential, up to where it meets a limit.
    fn moving(&self, state: &mut State) -> Piece {
        let ([lower, upper], tau_mem) = (self.limits(), 1.0 / self.membrane.rate_mem);
        let (scale, shift) = (self.scale(), self.shortest_tau());
        let scales = [scale, scale / tau_mem];
        let allowed = |from: &[f64; 2], to: &[f64; 2], rates: &[f64; 2]| {
            let size = |i: usize| scales[i] + (to[i] - from[i]).abs() + shift * rates[i].abs();
            std::array::from_fn(|i| self.tolerance * size(i) + ROUNDING * to[i].abs())
        };
        let rates = |span: f64, y: &[f64; 2]| self.rates(y, self.decayed(state.currents, span));
        let shortest = SHORTEST * state.time.max(tau_mem);
        let length = state.length.min(LONGEST * tau_mem);
        let (step, next) = step(state.time, &[state.x, state.w], length, shortest, rates, allowed);
        state.length = next;
        // A potential that has just left its limit is on it: the search begins a little later.
        let after = |on: bool| if on { RELEASE_US / step.length } else { 0.0 };
        let meets = |course: super::quartic::Quartic, level: f64, on: bool| {
            let from = after(on);
            if from < 1.0 { course.first_reach(level, from) } else { None }
        };
        let up = meets(step.course[0], upper, state.x == upper).map(|u| (u, Place::AtUpper));
        let down = meets(step.course[0].negated(), -lower, state.x == lower).map(|u| (u, Place::AtLower));
        let first = [up, down].into_iter().flatten().min_by(|a, b| a.0.total_cmp(&b.0));
        let (end, place) =
            first.map_or((step.end(), Place::Between), |(u, place)| (step.start + u * step.length, place));
        Piece { end: end.max(state.time.next_up()), next: located(state.phase, place), step: Some(step) }
    }

    /// The present piece; planned if there is none.
    fn piece(&self, state: &mut State) -> Piece {
        if let Some(piece) = state.ahead {
            return piece;
        }
        let piece = self.plan(state);
        state.ahead = Some(piece);
        piece
    }

    /// Potential and adaptation at a time of a piece.
    fn at(&self, state: &State, step: Option<&Step<2>>, time: f64) -> [f64; 2] {
        match step {
            Some(step) => step.at(time),
            None => [state.x, self.adapted(state.x, state.w, time - state.time)],
        }
    }
}

impl Piece {
    /// The first time of the piece, from the present on, at which the potential is at or above the threshold.
    fn crossing(&self, state: &State, threshold: f64) -> Option<f64> {
        if state.x >= threshold {
            return Some(state.time);
        }
        let step = self.step.as_ref()?;
        let u = step.course[0].first_reach(threshold, step.place(state.time))?;
        let time = (step.start + u * step.length).max(state.time);
        (time <= self.end).then_some(time)
    }
}

/// A phase in which the potential is free to move, with the potential at a place.
fn located(phase: Phase, place: Place) -> Phase {
    match phase {
        Phase::Unarmed { until_us, .. } => Phase::Unarmed { until_us, place },
        _ => place.into(),
    }
}

impl Dynamics for Nonlinear {
    type State = State;

    fn at_start(&self) -> State {
        let (x, length) = (self.membrane.start, self.first_length());
        State { time: 0.0, x, w: 0.0, currents: [0.0; 2], phase: Phase::Free, ahead: None, length }
    }

    fn threshold(&self) -> f64 {
        self.membrane.threshold
    }

    fn look_ahead(&self, state: &mut State, threshold: f64, until: f64) -> Outlook {
        let piece = self.piece(state);
        let quiet = match state.phase {
            Phase::Refractory { .. } => piece.end,
            Phase::Unarmed { until_us: end, .. } => piece.end.min(end),
            Phase::Free | Phase::AtLower | Phase::AtUpper => match piece.crossing(state, threshold) {
                Some(time) if time <= until => return Outlook::Spike(time),
                Some(_) => until,
                None => piece.end,
            },
        };
        Outlook::Quiet(quiet.min(until))
    }

    fn coast(&self, state: &mut State, until: f64) {
        while state.time < until {
            let piece = self.piece(state);
            let armed = match state.phase {
                Phase::Unarmed { until_us: end, .. } => end,
                _ => f64::INFINITY,
            };
            let stop = until.min(piece.end).min(armed);
            let [x, w] = self.at(state, piece.step.as_ref(), stop);
            state.currents = self.decayed(state.currents, stop - state.time);
            (state.time, state.x, state.w) = (stop, x, w);
            if stop >= piece.end {
                state.phase = piece.next;
                state.ahead = None;
                match Place::from(piece.next) {
                    Place::AtUpper => state.x = self.limits()[1],
                    Place::AtLower => state.x = self.limits()[0],
                    Place::Between => (),
                }
            }
            if stop >= armed {
                state.phase = self.after(state.phase);
                if let Some(piece) = &mut state.ahead {
                    piece.next = self.after(piece.next);
                }
            }
        }
    }

    fn fire(&self, state: &mut State) {
        self.force_reset(state);
        state.w += self.adaptation.map_or(0.0, |adaptation| adaptation.b);
    }

    fn force_reset(&self, state: &mut State) {
        state.x = self.membrane.reset;
        state.phase = Phase::Refractory { until_us: state.time + self.membrane.refractory_us };
        state.ahead = None;
        // The steps of the upstroke that may lie behind were the shortest of all.
        state.length = state.length.max(self.first_length());
    }

    fn receive(&self, state: &mut State, input: usize, jump: f64) {
        state.currents[input % 2] += jump;
        state.ahead = None;
    }

    fn view(&self, state: &State, time: f64) -> View {
        let mut state = state.clone();
        self.coast(&mut state, time);
        let [i_exc, i_inh] = state.currents;
        View { potential: state.x, i_exc, i_inh, adaptation: state.w }
    }
}
