//! The reference: one neuron from event to event.
//!
//! Used where somebody looks at a neuron on the way (converters), where resets are forced, and for neurons without synapses;
//! everywhere else the faster [`block`](super::block) does the same.

use crate::events::Arrival;
use crate::membrane::{Membrane, State};

use super::layered::Layer;

/// A look at a neuron: by the CADC, as the given row of its samples, or by the MADC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sample {
    Cadc(usize),
    Madc,
}

/// What happens to one neuron in one trial.
pub struct Course<'a> {
    /// Events, sorted by time.
    pub arrivals: &'a [Arrival],
    /// The neuron's layer and its place there; `None` for a neuron without synapses.
    pub place: Option<(&'a Layer, usize)>,
    /// Times of forced resets, sorted.
    pub resets_us: &'a [f64],
    /// End of the trial.
    pub duration_us: f64,
}

impl Course<'_> {
    /// Integrates the neuron. `on_sample` sees the state at each of `samples` (sorted).
    pub fn run(
        &self,
        membrane: &Membrane,
        samples: &[(f64, Sample)],
        mut on_sample: impl FnMut(&State, Sample),
        mut on_spike: impl FnMut(f64),
    ) {
        let mut state = State::at_rest(0.0);
        let mut samples = samples.iter().copied().peekable();
        let mut resets = self.resets_us.iter().copied().peekable();
        let arrivals = if self.place.is_some() { self.arrivals } else { &[] };
        let mut next = 0;
        while next < arrivals.len() || samples.peek().is_some() || resets.peek().is_some() {
            let event = arrivals.get(next).map_or(f64::INFINITY, |a| a.time_us);
            let reset = resets.peek().copied().unwrap_or(f64::INFINITY);
            let sample = samples.peek().map_or(f64::INFINITY, |s| s.0);
            let time = event.min(reset).min(sample);
            if time > self.duration_us {
                break;
            }
            if time == event
                && let Some((layer, k)) = self.place
            {
                let (exc, inh) = layer.jumps(arrivals[next].source, k);
                if exc != 0.0 || inh != 0.0 {
                    membrane.advance(&mut state, time, &mut on_spike);
                    state.receive(exc, inh);
                }
                next += 1;
                continue;
            }
            membrane.advance(&mut state, time, &mut on_spike);
            if time == reset {
                membrane.force_reset(&mut state);
                resets.next();
            } else if let Some((_, sample)) = samples.next() {
                on_sample(&state, sample);
            }
        }
        membrane.advance(&mut state, self.duration_us, &mut on_spike);
    }
}
