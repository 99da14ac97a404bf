//! One neuron that is moved only when something happens to it, and always knows when it fires next.

use crate::membrane::{Membrane, State};

/// A neuron in a simulation.
#[derive(Debug, Clone)]
pub struct Neuron<'a> {
    membrane: &'a Membrane,
    state: State,
    end: f64,
    next_spike: f64,
}

impl<'a> Neuron<'a> {
    /// At rest at time zero, in a simulation up to and including `end`.
    pub fn at_rest(membrane: &'a Membrane, end: f64) -> Self {
        let mut neuron = Self { membrane, state: State::at_rest(0.0), end, next_spike: f64::INFINITY };
        neuron.look_ahead();
        neuron
    }

    /// Time of the next spike if no event comes before; `+inf` if there is none up to the end.
    pub fn next_spike(&self) -> f64 {
        self.next_spike
    }

    /// Fires at [`next_spike`](Self::next_spike), which must be finite.
    pub fn fire(&mut self) {
        self.membrane.coast(&mut self.state, self.next_spike);
        self.membrane.force_reset(&mut self.state);
        self.look_ahead();
    }

    /// Events with these weights arrive together, at a time before which the neuron does not fire.
    pub fn receive(&mut self, time: f64, weights: impl IntoIterator<Item = f64>) {
        self.membrane.coast(&mut self.state, time);
        for weight in weights {
            self.state.receive(weight.max(0.0), (-weight).max(0.0));
        }
        self.look_ahead();
    }

    fn look_ahead(&mut self) {
        // The interval is searched a little beyond its end, so that what happens at the very end is found.
        let spike = self.membrane.next_spike(&self.state, self.end.next_up());
        self.next_spike = spike.filter(|t| *t <= self.end).unwrap_or(f64::INFINITY);
    }
}
