//! The spikes that reach a layer in one sample, in order, and what they mean to all of its neurons alike.

#![allow(clippy::inline_always, reason = "loops must be inlined into a function that is compiled for the processor")]

use bss2_emu::vectors::Loops;

use super::solve::exp;

/// One spike in the loop over the neurons.
#[derive(Debug, Clone, Copy)]
pub(super) struct Event {
    pub(super) source: u32,
    /// `e^t`, times counted from the first spike.
    pub(super) growth: f32,
    /// Time to the next spike; 0 for the last one.
    pub(super) span: f32,
    /// A line that is not above it at the next spike is below the threshold until then; infinite for the last one.
    pub(super) tangent: f32,
}

impl Event {
    /// Changes nothing, for a layer with so many sources; its row of weights is the one behind all others.
    fn none(n_sources: usize) -> Self {
        Self { source: n_sources as u32, growth: 0.0, span: 0.0, tangent: f32::INFINITY }
    }
}

/// One spike where a crossing after it is solved.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Origin {
    /// In `tau`.
    pub(super) time: f64,
    /// `e^-t`
    pub(super) shrink: f32,
    /// Time to the next spike; infinite for the last one.
    pub(super) span: f32,
}

/// The spikes of one sample.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    /// With events that change nothing at the end, as many as the sample with the most spikes has.
    pub(super) events: Vec<Event>,
    /// Without them.
    pub(super) origins: Vec<Origin>,
    pub(super) sources: Vec<u32>,
    /// In `tau`.
    pub(super) times: Vec<f64>,
    since: Vec<f32>,
    growth: Vec<f32>,
    shrink: Vec<f32>,
}

impl Arrivals {
    /// Takes `n` spikes in the order of keys, which cannot tell times that are very close: those few are exchanged.
    pub(super) fn take(&mut self, n: usize, sources: impl Iterator<Item = u32>, all_times: &[f64], tau: f64) {
        self.sources.resize(n, 0);
        self.times.resize(n, 0.0);
        let (ordered, times) = (&mut self.sources[..], &mut self.times[..]);
        let mut last = f64::NEG_INFINITY;
        for (k, source) in sources.take(n).enumerate() {
            let time = all_times[source as usize];
            (ordered[k], times[k]) = (source, time);
            if time < last {
                sink(&mut ordered[..=k], &mut times[..=k]);
            } else {
                last = time;
            }
        }
        if tau != 1.0 {
            times.iter_mut().for_each(|time| *time /= tau);
        }
    }

    /// From the first spike to the last.
    pub(super) fn span(&self) -> Option<f64> {
        Some(self.times.last()? - self.times.first()?)
    }

    /// Adds events that change nothing.
    pub(super) fn fill_up(&mut self, n_events: usize, n_sources: usize) {
        self.events.resize(n_events, Event::none(n_sources));
    }
}

/// Moves the last spike before those that come after it.
#[cold]
#[inline(never)]
fn sink(sources: &mut [u32], times: &mut [f64]) {
    let mut place = times.len() - 1;
    while place > 0 && times[place - 1] > times[place] {
        times.swap(place - 1, place);
        sources.swap(place - 1, place);
        place -= 1;
    }
}

/// Works out what spikes mean, for a threshold.
pub(super) struct Weigh<'a> {
    pub(super) arrivals: &'a mut Arrivals,
    pub(super) theta: f32,
}

impl Loops for Weigh<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { arrivals: Arrivals { events, origins, sources, times, since, growth, shrink }, theta } = self;
        let (Some(&first), n) = (times.first(), times.len()) else { return };
        for list in [&mut *since, growth, shrink] {
            list.resize(n, 0.0);
        }
        events.resize(n, Event::none(0));
        origins.resize(n, Origin::default());
        for (since, time) in since.iter_mut().zip(&*times) {
            *since = (time - first) as f32;
        }
        for (growth, since) in growth.iter_mut().zip(&*since) {
            *growth = exp(*since);
        }
        for (shrink, since) in shrink.iter_mut().zip(&*since) {
            *shrink = exp(-*since);
        }
        let (events, origins, sources) = (&mut events[..n], &mut origins[..n], &sources[..n]);
        let (times, growth, shrink) = (&times[..n], &growth[..n], &shrink[..n]);
        for k in 0..n - 1 {
            let (time, growth, span) = (times[k], growth[k], (times[k + 1] - times[k]) as f32);
            events[k] = Event { source: sources[k], growth, span, tangent: theta * growth * (1.0 + span) };
            origins[k] = Origin { time, shrink: shrink[k], span };
        }
        let k = n - 1;
        events[k] = Event { source: sources[k], growth: growth[k], span: 0.0, tangent: f32::INFINITY };
        origins[k] = Origin { time: times[k], shrink: shrink[k], span: f32::INFINITY };
    }
}
