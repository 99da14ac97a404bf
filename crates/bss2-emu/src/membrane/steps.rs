//! The way of a membrane through its phases: free, held at the reset, not yet able to fire, or held at an operating limit.
//!
//! One step goes to the next change of phase. Whoever wants the spikes takes steps and is told when the threshold is met;
//! whoever knows that none is met coasts, which is the same with an infinite threshold. So the limits act equally on both.
//!
//! The steps are the same for every membrane whose course between events is known in closed form: a [`Flow`].

use crate::dynamics::{Dynamics, Outlook, View};

use super::{Membrane, Phase, Place, RELEASE_US, State};

/// A membrane that moves in closed form as long as it is free or held.
pub trait Flow {
    /// The membrane at one time; the currents in the [`State`] within may be unused.
    type State: Clone + std::fmt::Debug + AsRef<State> + AsMut<State>;

    /// Threshold, limits, reset, and the times that belong to it.
    fn levels(&self) -> &Membrane;

    /// At time zero, at the start potential.
    fn start(&self) -> Self::State;

    /// Bounds of the potential within a span: lowest, highest.
    fn bounds(&self, state: &Self::State, span: f64) -> (f64, f64);

    /// When the potential first reaches a level within a span, upwards or downwards.
    fn first_crossing(&self, state: &Self::State, level: f64, span: f64, upwards: bool) -> Option<f64>;

    /// When a potential that is held where it is would first move upwards or downwards within a span.
    fn first_pull(&self, state: &Self::State, span: f64, upwards: bool) -> Option<f64>;

    /// Moves potential and currents, not the time.
    fn propagate(&self, state: &mut Self::State, span: f64);

    /// Moves the currents alone, not the time.
    fn decay_currents(&self, state: &mut Self::State, span: f64);

    /// The current of an input jumps.
    fn raise(&self, state: &mut Self::State, input: usize, jump: f64);

    /// Excitatory and inhibitory current.
    fn currents(&self, state: &Self::State) -> [f64; 2];
}

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
        while self.advance_to_spike(state, until_us) {
            on_spike(state.time_us);
            self.force_reset(state);
        }
    }

    /// Moves the state forward to the next spike, or to `until_us` if there is none before it; whether there is.
    pub(crate) fn advance_to_spike(&self, state: &mut State, until_us: f64) -> bool {
        while state.time_us < until_us {
            if step(self, state, self.threshold, until_us) {
                return true;
            }
        }
        false
    }

    /// Forces the reset of the membrane at the present time, as a spike would, without a spike.
    pub fn force_reset(&self, state: &mut State) {
        state.x = self.reset;
        state.phase = Phase::Refractory { until_us: state.time_us + self.refractory_us };
    }
}

/// The first spike up to and including `until_us` if no event comes before: as soon as the potential may fire and is at or
/// above the threshold. The state stays where it is.
pub(super) fn next_spike<F: Flow>(flow: &F, state: &F::State, threshold: f64, until_us: f64) -> Option<f64> {
    let mut state = state.clone();
    loop {
        let State { time_us, x, phase, .. } = *state.as_ref();
        match phase {
            Phase::Refractory { until_us: end } | Phase::Unarmed { until_us: end, .. } => {
                if end > until_us {
                    return None;
                }
                if step(flow, &mut state, threshold, until_us) {
                    return Some(state.as_ref().time_us);
                }
            }
            _ if x >= threshold => return Some(time_us),
            _ if time_us >= until_us => return None,
            Phase::Free => match meeting(flow, &state, threshold, until_us - time_us) {
                Meeting::Nothing => return None,
                Meeting::Threshold(s) => return Some(time_us + s),
                limit => {
                    meet(flow, &mut state, &limit, until_us);
                }
            },
            Phase::AtLower => stay(flow, &mut state, until_us, false),
            Phase::AtUpper => stay(flow, &mut state, until_us, true),
        }
    }
}

/// Moves to `until_us`, before which the threshold is not met.
pub(super) fn coast<F: Flow>(flow: &F, state: &mut F::State, until_us: f64) {
    while state.as_ref().time_us < until_us {
        step(flow, state, f64::INFINITY, until_us);
    }
}

/// Moves the state on to the next change of its phase, or to `until_us`; whether it meets the threshold there.
fn step<F: Flow>(flow: &F, state: &mut F::State, threshold: f64, until_us: f64) -> bool {
    match state.as_ref().phase {
        Phase::Free => {
            let meeting = meeting(flow, state, threshold, until_us - state.as_ref().time_us);
            return meet(flow, state, &meeting, until_us);
        }
        Phase::Refractory { until_us: end } => wait(flow, state, end, until_us),
        Phase::Unarmed { until_us: end, place } => {
            return step_unarmed(flow, state, (place, end), threshold, until_us);
        }
        Phase::AtLower => stay(flow, state, until_us, false),
        Phase::AtUpper => stay(flow, state, until_us, true),
    }
    false
}

/// What a free potential meets within `span`.
fn meeting<F: Flow>(flow: &F, state: &F::State, threshold: f64, span: f64) -> Meeting {
    let Membrane { lower, upper, .. } = *flow.levels();
    let ceiling = threshold.min(upper);
    let (lowest, highest) = flow.bounds(state, span);
    if highest < ceiling && lowest > lower {
        return Meeting::Nothing;
    }
    let up = flow.first_crossing(state, ceiling, span, true);
    let down = flow.first_crossing(state, lower, span, false);
    match (up, down) {
        (None, None) => Meeting::Nothing,
        (Some(s), d) if d.is_none_or(|d| s <= d) => {
            if threshold <= upper {
                Meeting::Threshold(s)
            } else {
                Meeting::Upper(s)
            }
        }
        (_, d) => Meeting::Lower(d.unwrap_or(span)),
    }
}

/// Moves a free potential to what it meets; whether that is the threshold.
fn meet<F: Flow>(flow: &F, state: &mut F::State, meeting: &Meeting, until_us: f64) -> bool {
    let (Meeting::Threshold(s) | Meeting::Upper(s) | Meeting::Lower(s)) = *meeting else {
        flow.propagate(state, until_us - state.as_ref().time_us);
        state.as_mut().time_us = until_us;
        return false;
    };
    flow.propagate(state, s);
    let Membrane { lower, upper, .. } = *flow.levels();
    let state = state.as_mut();
    state.time_us += s;
    match meeting {
        Meeting::Upper(_) => {
            state.x = upper;
            state.phase = Phase::AtUpper;
        }
        Meeting::Lower(_) => {
            state.x = lower;
            state.phase = Phase::AtLower;
        }
        Meeting::Threshold(_) | Meeting::Nothing => (),
    }
    matches!(meeting, Meeting::Threshold(_))
}

/// Holds the potential at the reset up to its release or up to `until_us`.
fn wait<F: Flow>(flow: &F, state: &mut F::State, end: f64, until_us: f64) {
    let holdoff_us = flow.levels().holdoff_us;
    let now = state.as_ref().time_us;
    let release = (end - holdoff_us).max(now);
    let stop = release.min(until_us);
    flow.decay_currents(state, stop - now);
    let state = state.as_mut();
    state.time_us = stop;
    if release <= until_us {
        state.phase =
            if holdoff_us > 0.0 { Phase::Unarmed { until_us: end, place: Place::Between } } else { Phase::Free };
    }
}

/// A step of a potential that cannot fire before `end`; whether it is at the threshold then.
fn step_unarmed<F: Flow>(
    flow: &F,
    state: &mut F::State,
    (place, end): (Place, f64),
    threshold: f64,
    until_us: f64,
) -> bool {
    state.as_mut().phase = place.into();
    if state.as_ref().time_us < end {
        step(flow, state, f64::INFINITY, end.min(until_us));
    }
    let state = state.as_mut();
    if state.time_us < end {
        state.phase = Phase::Unarmed { until_us: end, place: state.phase.into() };
        return false;
    }
    state.x >= threshold
}

/// The potential stays at a limit until the currents pull it inwards.
fn stay<F: Flow>(flow: &F, state: &mut F::State, until_us: f64, at_upper: bool) {
    let now = state.as_ref().time_us;
    let span = until_us - now;
    let stop = match flow.first_pull(state, span, !at_upper) {
        Some(s) => {
            state.as_mut().phase = Phase::Free;
            s.max(RELEASE_US).min(span)
        }
        None => span,
    };
    flow.decay_currents(state, stop);
    state.as_mut().time_us = if stop == span { until_us } else { now + stop };
}

impl<F: Flow> Dynamics for F {
    type State = F::State;

    fn at_start(&self) -> F::State {
        self.start()
    }

    fn threshold(&self) -> f64 {
        self.levels().threshold
    }

    fn look_ahead(&self, state: &mut F::State, threshold: f64, until: f64) -> Outlook {
        next_spike(self, state, threshold, until).map_or(Outlook::Quiet(until), Outlook::Spike)
    }

    fn coast(&self, state: &mut F::State, until: f64) {
        coast(self, state, until);
    }

    fn fire(&self, state: &mut F::State) {
        self.levels().force_reset(state.as_mut());
    }

    fn force_reset(&self, state: &mut F::State) {
        self.levels().force_reset(state.as_mut());
    }

    fn receive(&self, state: &mut F::State, input: usize, jump: f64) {
        self.raise(state, input, jump);
    }

    fn view(&self, state: &F::State, time: f64) -> View {
        let mut state = state.clone();
        coast(self, &mut state, time);
        let [i_exc, i_inh] = self.currents(&state);
        View { potential: state.as_ref().x, i_exc, i_inh, adaptation: 0.0 }
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
