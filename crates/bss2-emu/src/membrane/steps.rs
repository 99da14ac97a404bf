//! The way of a membrane through its phases: free, held at the reset, not yet able to fire, or held at an operating limit.
//!
//! One step goes to the next change of phase. Whoever wants the spikes takes steps and is told when the threshold is met;
//! whoever knows that none is met coasts, which is the same with an infinite threshold. So the limits act equally on both.

use crate::dynamics::{Dynamics, Outlook, View};

use super::{Membrane, Phase, Place, RELEASE_US, State};

/// What a free potential meets first, after a time.
enum Meeting {
    Nothing,
    Threshold(f64),
    Upper(f64),
    Lower(f64),
}

impl Membrane {
    /// Moves the state forward to `until_us` and reports each spike time on the way.
    pub fn advance(&self, state: &mut State, until_us: f64, mut on_spike: impl FnMut(f64)) {
        while state.time_us < until_us {
            if self.step(state, self.threshold, until_us) {
                on_spike(state.time_us);
                self.force_reset(state);
            }
        }
    }

    /// Forces the reset of the membrane at the present time, as a spike would, without a spike.
    pub fn force_reset(&self, state: &mut State) {
        state.x = self.reset;
        state.phase = Phase::Refractory { until_us: state.time_us + self.refractory_us };
    }

    /// The first spike up to and including `until_us` if no event comes before: as soon as the potential may fire and is at
    /// or above the threshold. The state stays where it is.
    fn next_spike(&self, state: &State, threshold: f64, until_us: f64) -> Option<f64> {
        let mut state = *state;
        loop {
            match state.phase {
                Phase::Refractory { until_us: end } | Phase::Unarmed { until_us: end, .. } => {
                    if end > until_us {
                        return None;
                    }
                    if self.step(&mut state, threshold, until_us) {
                        return Some(state.time_us);
                    }
                }
                _ if state.x >= threshold => return Some(state.time_us),
                _ if state.time_us >= until_us => return None,
                Phase::Free => match self.meeting(&state, threshold, until_us - state.time_us) {
                    Meeting::Nothing => return None,
                    Meeting::Threshold(s) => return Some(state.time_us + s),
                    limit => {
                        self.meet(&mut state, &limit, until_us);
                    }
                },
                Phase::AtLower => self.stay(&mut state, until_us, false),
                Phase::AtUpper => self.stay(&mut state, until_us, true),
            }
        }
    }

    /// Moves the state on to the next change of its phase, or to `until_us`; whether it meets the threshold there.
    fn step(&self, state: &mut State, threshold: f64, until_us: f64) -> bool {
        match state.phase {
            Phase::Free => {
                let meeting = self.meeting(state, threshold, until_us - state.time_us);
                return self.meet(state, &meeting, until_us);
            }
            Phase::Refractory { until_us: end } => self.wait(state, end, until_us),
            Phase::Unarmed { until_us: end, place } => {
                return self.step_unarmed(state, place, end, threshold, until_us);
            }
            Phase::AtLower => self.stay(state, until_us, false),
            Phase::AtUpper => self.stay(state, until_us, true),
        }
        false
    }

    /// What a free potential meets within `span`.
    fn meeting(&self, state: &State, threshold: f64, span: f64) -> Meeting {
        let ceiling = threshold.min(self.upper);
        let highest = state.x.max(0.0) + state.i_exc * self.peak_exc.min(span);
        let lowest = state.x.min(0.0) - state.i_inh * self.peak_inh.min(span);
        if highest < ceiling && lowest > self.lower {
            return Meeting::Nothing;
        }
        let up = self.rising(state).first_crossing(ceiling, span);
        let down = self.falling(state).first_crossing(-self.lower, span);
        match (up, down) {
            (None, None) => Meeting::Nothing,
            (Some(s), d) if d.is_none_or(|d| s <= d) => {
                if threshold <= self.upper {
                    Meeting::Threshold(s)
                } else {
                    Meeting::Upper(s)
                }
            }
            (_, d) => Meeting::Lower(d.unwrap_or(span)),
        }
    }

    /// Moves a free potential to what it meets; whether that is the threshold.
    fn meet(&self, state: &mut State, meeting: &Meeting, until_us: f64) -> bool {
        let (Meeting::Threshold(s) | Meeting::Upper(s) | Meeting::Lower(s)) = *meeting else {
            self.propagate(state, until_us - state.time_us);
            state.time_us = until_us;
            return false;
        };
        self.propagate(state, s);
        state.time_us += s;
        match meeting {
            Meeting::Upper(_) => {
                state.x = self.upper;
                state.phase = Phase::AtUpper;
            }
            Meeting::Lower(_) => {
                state.x = self.lower;
                state.phase = Phase::AtLower;
            }
            Meeting::Threshold(_) | Meeting::Nothing => (),
        }
        matches!(meeting, Meeting::Threshold(_))
    }

    /// Holds the potential at the reset up to its release or up to `until_us`.
    fn wait(&self, state: &mut State, end: f64, until_us: f64) {
        let release = (end - self.holdoff_us).max(state.time_us);
        let stop = release.min(until_us);
        self.decay_currents(state, stop - state.time_us);
        state.time_us = stop;
        if release <= until_us {
            state.phase = if self.holdoff_us > 0.0 {
                Phase::Unarmed { until_us: end, place: Place::Between }
            } else {
                Phase::Free
            };
        }
    }

    /// A step of a potential that cannot fire before `end`; whether it is at the threshold then.
    fn step_unarmed(&self, state: &mut State, place: Place, end: f64, threshold: f64, until_us: f64) -> bool {
        state.phase = place.into();
        if state.time_us < end {
            self.step(state, f64::INFINITY, end.min(until_us));
        }
        if state.time_us < end {
            state.phase = Phase::Unarmed { until_us: end, place: state.phase.into() };
            return false;
        }
        state.x >= threshold
    }

    /// The potential stays at a limit until the currents pull it inwards.
    fn stay(&self, state: &mut State, until_us: f64, at_upper: bool) {
        let span = until_us - state.time_us;
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
}

impl Dynamics for Membrane {
    type State = State;

    fn at_start(&self) -> State {
        State { x: self.start, ..State::at_rest(0.0) }
    }

    fn threshold(&self) -> f64 {
        self.threshold
    }

    fn look_ahead(&self, state: &mut State, threshold: f64, until: f64) -> Outlook {
        self.next_spike(state, threshold, until).map_or(Outlook::Quiet(until), Outlook::Spike)
    }

    fn coast(&self, state: &mut State, until: f64) {
        while state.time_us < until {
            self.step(state, f64::INFINITY, until);
        }
    }

    fn fire(&self, state: &mut State) {
        Membrane::force_reset(self, state);
    }

    fn force_reset(&self, state: &mut State) {
        Membrane::force_reset(self, state);
    }

    fn receive(&self, state: &mut State, input: usize, jump: f64) {
        if input.is_multiple_of(2) {
            state.i_exc += jump;
        } else {
            state.i_inh += jump;
        }
    }

    fn view(&self, state: &State, time: f64) -> View {
        let mut state = *state;
        self.coast(&mut state, time);
        View { potential: state.x, i_exc: state.i_exc, i_inh: state.i_inh, adaptation: 0.0 }
    }
}

impl From<Place> for Phase {
    fn from(place: Place) -> Self {
        match place {
            Place::Between => Self::Free,
            Place::AtLower => Self::AtLower,
            Place::AtUpper => Self::AtUpper,
        }
    }
}

impl From<Phase> for Place {
    fn from(phase: Phase) -> Self {
        match phase {
            Phase::AtLower => Self::AtLower,
            Phase::AtUpper => Self::AtUpper,
            Phase::Unarmed { place, .. } => place,
            Phase::Free | Phase::Refractory { .. } => Self::Between,
        }
    }
}

#[cfg(test)]
mod tests;
