//! The spikes that reach a layer in one sample, in order, and what they mean to all of its neurons alike.

#![allow(clippy::inline_always, reason = "loops must be inlined into a function that is compiled for the processor")]

use bss2_emu::vectors::Loops;

use super::solve::exp;

/// Spikes that are kept together.
pub(super) const TOGETHER: usize = 16;

/// Spikes in the loop over the neurons.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(super) struct Events {
    pub(super) source: [u32; TOGETHER],
    /// `e^t`, times counted from the first spike.
    pub(super) growth: [f32; TOGETHER],
    /// Time to the next spike; 0 for the last one.
    pub(super) span: [f32; TOGETHER],
    /// A line that is not above it at the next spike is below the threshold until then; infinite for the last one.
    pub(super) tangent: [f32; TOGETHER],
}

impl Events {
    /// They change nothing, for a layer with so many sources; their row of weights is the one behind all others.
    fn none(n_sources: usize) -> Self {
        Self {
            source: [n_sources as u32; TOGETHER],
            growth: [0.0; TOGETHER],
            span: [0.0; TOGETHER],
            tangent: [f32::INFINITY; TOGETHER],
        }
    }
}

/// The spikes of one sample: in `events` with some at the end that change nothing, in the other lists one number for each.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    pub(super) events: Vec<Events>,
    pub(super) sources: Vec<u32>,
    /// In `tau`.
    pub(super) times: Vec<f64>,
    /// `e^-t`
    pub(super) shrink: Vec<f32>,
    /// Time to the next spike; infinite for the last one.
    pub(super) span: Vec<f32>,
    since: Vec<f32>,
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
            for time in times {
                *time /= tau;
            }
        }
    }

    /// From the first spike to the last.
    pub(super) fn span(&self) -> Option<f64> {
        Some(self.times.last()? - self.times.first()?)
    }

    /// Adds events that change nothing, so that there are at least so many.
    pub(super) fn fill_up(&mut self, n_events: usize, n_sources: usize) {
        self.events.resize(n_events.div_ceil(TOGETHER), Events::none(n_sources));
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

/// Works out what spikes mean, for a threshold and a layer with so many sources.
pub(super) struct Weigh<'a> {
    pub(super) arrivals: &'a mut Arrivals,
    pub(super) theta: f32,
    pub(super) n_sources: usize,
}

impl Loops for Weigh<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { arrivals: Arrivals { events, sources, times, shrink, span, since }, theta, n_sources } = self;
        let (Some(&first), n) = (times.first(), times.len()) else { return };
        events.clear();
        events.resize(n.div_ceil(TOGETHER), Events::none(n_sources));
        since.resize(n.next_multiple_of(TOGETHER), 0.0);
        span.resize(n.next_multiple_of(TOGETHER), 0.0);
        shrink.resize(n, 0.0);
        for (since, time) in since.iter_mut().zip(&*times) {
            *since = (time - first) as f32;
        }
        for ((span, time), next) in span.iter_mut().zip(&*times).zip(&times[1..]) {
            *span = (next - time) as f32;
        }
        span[n - 1..].fill(0.0);
        for (shrink, since) in shrink.iter_mut().zip(&*since) {
            *shrink = exp(-*since);
        }
        let lists = since.as_chunks::<TOGETHER>().0.iter().zip(span.as_chunks::<TOGETHER>().0);
        for (events, (since, span)) in events.iter_mut().zip(lists) {
            for (growth, since) in events.growth.iter_mut().zip(since) {
                *growth = exp(*since);
            }
            events.span = *span;
            for ((tangent, growth), span) in events.tangent.iter_mut().zip(&events.growth).zip(span) {
                *tangent = theta * growth * (1.0 + span);
            }
        }
        for (events, sources) in events.iter_mut().zip(sources.chunks(TOGETHER)) {
            events.source[..sources.len()].copy_from_slice(sources);
        }
        if let Some(events) = events.last_mut() {
            let last = (n - 1) % TOGETHER;
            events.tangent[last..].fill(f32::INFINITY);
            events.growth[last + 1..].fill(0.0);
        }
        span[n - 1] = f32::INFINITY;
    }
}
