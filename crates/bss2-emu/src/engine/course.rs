//! The reference: one neuron from event to event.
//!
//! Used for neurons of every kind, where somebody looks at a neuron on the way (converters), where resets are forced, and for
//! neurons without synapses. For plain neurons that nobody disturbs the faster [`block`](super::block) does the same.

use crate::dynamics::{Body, View};
use crate::events::Arrival;

use super::neuron::Neuron;
use super::wiring::Jump;

/// A look at a neuron: by the CADC, as the given row of its samples, or by the MADC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sample {
    Cadc(usize),
    Madc,
}

/// What happens to one neuron in one trial.
pub struct Course<'a> {
    /// Events of all lines, sorted by time.
    pub arrivals: &'a [Arrival],
    /// Their effects on this neuron, sorted by line.
    pub jumps: &'a [Jump],
    /// Times of forced resets, sorted.
    pub resets_us: &'a [f64],
    /// When somebody looks, sorted.
    pub samples: &'a [(f64, Sample)],
    /// End of the trial.
    pub duration_us: f64,
}

impl Course<'_> {
    /// Integrates a neuron. `on_sample` sees it at each sample with its time; `on_spike` hears of each spike and gives the
    /// threshold for the next.
    pub fn run(
        &self,
        body: &Body,
        threshold: f64,
        mut on_sample: impl FnMut(f64, View, Sample),
        mut on_spike: impl FnMut(f64) -> f64,
    ) {
        let mut neuron = Neuron::new(body, self.duration_us);
        neuron.set_threshold(0.0, threshold);
        let mut arrivals = self.arrivals.iter().filter_map(|a| Some((a.time_us, effect(self.jumps, a.source)?)));
        let mut arrival = arrivals.next();
        let mut resets = self.resets_us.iter().copied().peekable();
        let mut samples = self.samples.iter().copied().peekable();
        loop {
            let event = arrival.map_or(f64::INFINITY, |a| a.0);
            let reset = resets.peek().copied().unwrap_or(f64::INFINITY);
            let sample = samples.peek().map_or(f64::INFINITY, |s| s.0);
            let time = event.min(reset).min(sample).min(self.duration_us.next_up());
            loop {
                let due = neuron.due();
                if due > time {
                    break;
                }
                if neuron.proceed() {
                    neuron.set_threshold(due, on_spike(due));
                }
            }
            if time > self.duration_us {
                return;
            }
            if time == event {
                // Simultaneous events act together.
                while let Some((_, effect)) = arrival.filter(|a| a.0 == time) {
                    neuron.receive(time, effect.iter().map(|j| (usize::from(j.input), j.size)));
                    arrival = arrivals.next();
                }
            } else if time == reset {
                neuron.force_reset(time);
                resets.next();
            } else if let Some((_, sample)) = samples.next() {
                on_sample(time, neuron.view_at(time), sample);
            }
        }
    }
}

/// The effects of a line, if it has any.
fn effect(jumps: &[Jump], line: u32) -> Option<&[Jump]> {
    let first = jumps.partition_point(|j| j.line < line);
    let n = jumps[first..].iter().take_while(|j| j.line == line).count();
    (n > 0).then(|| &jumps[first..first + n])
}
