//! A circuit that hands events on: digitally at once (bypass), or after a delay (delay pair).

use crate::dynamics::{Dynamics, Outlook, View};

/// Hands on an excitatory event as a spike. While one is on its way no other is taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Relay {
    /// From the event to the spike, in us.
    pub delay_us: f64,
}

/// A relay on its way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RelayState {
    time_us: f64,
    /// When it sends; infinite if it waits.
    sends_us: f64,
}

impl Dynamics for Relay {
    type State = RelayState;

    fn at_start(&self) -> RelayState {
        RelayState { time_us: 0.0, sends_us: f64::INFINITY }
    }

    fn threshold(&self) -> f64 {
        f64::INFINITY
    }

    fn look_ahead(&self, state: &mut RelayState, _threshold: f64, until: f64) -> Outlook {
        if state.sends_us <= until { Outlook::Spike(state.sends_us) } else { Outlook::Quiet(until) }
    }

    fn coast(&self, state: &mut RelayState, until: f64) {
        state.time_us = until;
    }

    fn fire(&self, state: &mut RelayState) {
        state.sends_us = f64::INFINITY;
    }

    fn force_reset(&self, state: &mut RelayState) {
        state.sends_us = f64::INFINITY;
    }

    fn receive(&self, state: &mut RelayState, input: usize, jump: f64) {
        if input.is_multiple_of(2) && jump > 0.0 && state.sends_us == f64::INFINITY {
            state.sends_us = state.time_us + self.delay_us;
        }
    }

    fn view(&self, _state: &RelayState, _time: f64) -> View {
        View { potential: 0.0, i_exc: 0.0, i_inh: 0.0, adaptation: 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_handed_on_and_others_meanwhile_are_not() {
        let relay = Relay { delay_us: 8.25 };
        let mut state = relay.at_start();
        assert_eq!(relay.look_ahead(&mut state, 0.0, 100.0), Outlook::Quiet(100.0));
        relay.coast(&mut state, 1.0);
        relay.receive(&mut state, 1, 5.0);
        relay.receive(&mut state, 0, 0.0);
        assert_eq!(relay.look_ahead(&mut state, 0.0, 100.0), Outlook::Quiet(100.0));
        relay.receive(&mut state, 0, 5.0);
        relay.coast(&mut state, 3.0);
        relay.receive(&mut state, 2, 5.0);
        assert_eq!(relay.look_ahead(&mut state, 0.0, 100.0), Outlook::Spike(9.25));
        relay.coast(&mut state, 9.25);
        relay.fire(&mut state);
        relay.receive(&mut state, 0, 5.0);
        assert_eq!(relay.look_ahead(&mut state, 0.0, 100.0), Outlook::Spike(17.5));
    }
}
