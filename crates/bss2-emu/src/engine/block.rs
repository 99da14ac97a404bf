//! Four neurons of a layer at a time, from event to event.
//!
//! The neurons of a block share their events, so that the membranes move together: the maps come from a
//! [`DecayTable`], a bound that needs no exponential tells which neurons have nothing to decide, and the
//! arithmetic is the same for all four. A neuron near its threshold or at a limit leaves the common course for one
//! interval: a glance ([`Glance`]) settles nearly all of these, the search of the reference the rest. The currents are the
//! same whatever the potential does.
//!
//! The reference is [`Course`](super::course::Course), one neuron at a time; spikes differ from its by rounding alone.

#![allow(
    clippy::needless_range_loop,
    clippy::needless_bitwise_bool,
    reason = "loops over lanes without branches become vector instructions"
)]

use crate::events::Arrival;
use crate::membrane::glance::{Glance, Outlook};
use crate::membrane::lanes::{Points, larger, smaller};
use crate::membrane::{Membrane, Phase, State};

use super::decay::{Decay, DecayTable, Gap, LANES, Lanes};

/// Jumps of the currents of four neurons for one source, in LSB/us.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Jumps {
    pub exc: Lanes,
    pub inh: Lanes,
}

/// The moments of a trial at which events reach a layer.
#[derive(Debug, Default)]
pub struct Moments {
    moments: Vec<Moment>,
    sources: Vec<u32>,
}

#[derive(Debug)]
struct Moment {
    time_us: f64,
    /// Time since the moment before.
    gap: Gap,
    /// End of its events in the list of sources.
    end: usize,
}

impl Moments {
    /// Takes the sorted events of a layer; simultaneous ones become one moment, those after the trial are left out.
    pub fn set(&mut self, arrivals: &[Arrival], duration_us: f64) {
        self.moments.clear();
        self.sources.clear();
        let mut last = 0.0;
        for arrival in arrivals.iter().take_while(|a| a.time_us <= duration_us) {
            self.sources.push(arrival.source);
            let end = self.sources.len();
            match self.moments.last_mut() {
                Some(moment) if moment.time_us == arrival.time_us => moment.end = end,
                _ => {
                    let gap = Gap::new(arrival.time_us - last);
                    self.moments.push(Moment { time_us: arrival.time_us, gap, end });
                }
            }
            last = arrival.time_us;
        }
    }
}

/// What differs from trial to trial.
#[derive(Debug, Clone, Copy)]
pub struct Start<'a> {
    /// Thresholds for the first spikes.
    pub thresholds: &'a Lanes,
    /// How much higher the resting potentials are, which all potentials are relative to.
    pub shift: &'a Lanes,
}

/// Four neurons in a run.
#[derive(Debug, Clone)]
pub struct Block {
    membranes: [Membrane; LANES],
    peak_exc: Lanes,
    peak_inh: Lanes,
}

impl Block {
    /// At most four membranes; the places left over never fire.
    pub fn new(membranes: impl IntoIterator<Item = Membrane>) -> Self {
        let mut all = [Membrane::new(1.0, 1.0, 1.0); LANES];
        for (place, membrane) in all.iter_mut().zip(membranes) {
            *place = membrane;
        }
        Self { membranes: all, peak_exc: all.map(|m| m.peaks()[0]), peak_inh: all.map(|m| m.peaks()[1]) }
    }

    /// Runs a trial. `jumps` are the currents by source; spikes go to `on_spike` with the lane they come from, in order for
    /// each lane, which gives the threshold for the next.
    pub fn run(
        &self,
        start: &Start<'_>,
        table: &DecayTable,
        jumps: &[Jumps],
        moments: &Moments,
        duration_us: f64,
        on_spike: impl FnMut(usize, f64) -> f64,
    ) {
        let mut membranes = self.membranes;
        for (l, membrane) in membranes.iter_mut().enumerate() {
            if start.shift[l] != 0.0 {
                *membrane = membrane.at_rest_shifted_by(start.shift[l]);
            }
            membrane.threshold = start.thresholds[l];
        }
        let mut course = BlockCourse {
            ceiling: membranes.map(|m| m.threshold.min(m.upper)),
            lower: membranes.map(|m| m.lower),
            membranes,
            block: self,
            now: Points::REST,
            held: [f64::NEG_INFINITY; LANES],
            phase: [Phase::Free; LANES],
            on_spike,
        };
        let (mut time, mut first) = (0.0, 0);
        // Membranes at rest stay there until the first events, unless one fires or is held by itself.
        if course.rest_is_calm() {
            time = moments.moments.first().map_or(duration_us, |moment| moment.time_us);
        }
        for moment in &moments.moments {
            if moment.time_us > time {
                course.advance(time, moment.time_us, &table.over(&moment.gap), moment.gap.span_us);
            }
            for source in &moments.sources[first..moment.end] {
                course.receive(&jumps[*source as usize]);
            }
            (time, first) = (moment.time_us, moment.end);
        }
        course.finish(time, duration_us, table);
    }
}

struct BlockCourse<'a, F> {
    block: &'a Block,
    membranes: [Membrane; LANES],
    /// The nearer of threshold and upper limit.
    ceiling: Lanes,
    lower: Lanes,
    now: Points<LANES>,
    phase: [Phase; LANES],
    /// End of the refractory time; `-inf` for a free membrane, NaN (which compares false) for one at a limit.
    held: Lanes,
    on_spike: F,
}

impl<F: FnMut(usize, f64) -> f64> BlockCourse<'_, F> {
    fn rest_is_calm(&self) -> bool {
        (0..LANES).all(|l| self.ceiling[l] > 0.0 && self.lower[l] < 0.0)
    }

    #[inline]
    fn receive(&mut self, jumps: &Jumps) {
        for l in 0..LANES {
            self.now.exc[l] += jumps.exc[l];
            self.now.inh[l] += jumps.inh[l];
        }
    }

    /// Moves all four on by one interval.
    #[inline]
    fn advance(&mut self, from_us: f64, until_us: f64, decay: &Decay, span: f64) {
        let Points { x, exc, inh } = &self.now;
        let mut to = Points::REST;
        let mut plain = [false; LANES];
        for l in 0..LANES {
            to.x[l] = decay.mem[l] * x[l] + (decay.from_exc[l] * exc[l] - decay.from_inh[l] * inh[l]);
            to.exc[l] = decay.exc[l] * exc[l];
            to.inh[l] = decay.inh[l] * inh[l];
            let highest = larger(x[l], 0.0) + exc[l] * smaller(self.block.peak_exc[l], span);
            let lowest = smaller(x[l], 0.0) - inh[l] * smaller(self.block.peak_inh[l], span);
            plain[l] = (self.held[l] <= from_us) & (highest < self.ceiling[l]) & (lowest > self.lower[l]);
        }
        if plain != [true; LANES] {
            for l in (0..LANES).filter(|l| !plain[*l]) {
                to.x[l] = self.single(l, from_us, until_us, to.lane(l), decay.mem[l]);
            }
        }
        self.now = to;
    }

    /// Moves one neuron on by itself and returns its potential. `to` is where it comes if nothing happens on the way.
    fn single(&mut self, l: usize, from_us: f64, until_us: f64, to: Points<1>, decay_mem: f64) -> f64 {
        if self.held[l] >= until_us {
            return self.now.x[l];
        }
        if self.is_free(l, from_us) {
            match self.membranes[l].glance(self.now.lane(l), to, until_us - from_us, decay_mem) {
                Glance::Calm => return to.x[0],
                Glance::Spike(after_us) => {
                    self.spike(l, from_us + after_us);
                    if self.held[l] >= until_us {
                        return self.now.x[l];
                    }
                }
                Glance::Unclear => (),
            }
        }
        self.search(l, from_us, until_us)
    }

    /// Runs each to the end of the trial, in which no events are left.
    fn finish(&mut self, from_us: f64, until_us: f64, table: &DecayTable) {
        let Points { x, exc, inh } = &self.now;
        let mut plain = [false; LANES];
        for l in 0..LANES {
            let highest = larger(x[l], 0.0) + exc[l] * self.block.peak_exc[l];
            let lowest = smaller(x[l], 0.0) - inh[l] * self.block.peak_inh[l];
            let free = self.held[l] <= from_us;
            plain[l] = (free & (highest < self.ceiling[l]) & (lowest > self.lower[l])) | (self.held[l] >= until_us);
        }
        if plain == [true; LANES] {
            return;
        }
        let span = until_us - from_us;
        let thresholds = self.membranes.map(|m| m.threshold);
        let near_us = table.rates.guess(&self.now, &thresholds).map(|s| smaller(s, span));
        let (near, decay_mem) = table.rates.at(&self.now, &near_us);
        let steps = table.rates.steps(&near, &thresholds);
        for l in 0..LANES {
            if self.is_free(l, from_us) {
                let outlook = Outlook {
                    near_us: near_us[l],
                    near: near.lane(l),
                    decay_mem: decay_mem[l],
                    crossing_us: steps.exact[l].then_some(near_us[l] + steps.us[l]),
                };
                match self.membranes[l].glance_ahead(self.now.lane(l), span, &outlook) {
                    Glance::Calm => continue,
                    Glance::Spike(after_us) => self.spike(l, from_us + after_us),
                    Glance::Unclear => (),
                }
            }
            let held = self.held[l];
            let over =
                held >= until_us || held > from_us && self.membranes[l].stays_calm(self.now.lane(l), held - from_us);
            if !over {
                self.search(l, from_us, until_us);
            }
        }
    }

    /// Whether it moves freely now; ends a refractory time that is over.
    fn is_free(&mut self, l: usize, now_us: f64) -> bool {
        if self.held[l] <= now_us {
            self.set_phase(l, Phase::Free);
        }
        self.phase[l] == Phase::Free
    }

    /// Moves one neuron on by the reference.
    fn search(&mut self, l: usize, from_us: f64, until_us: f64) -> f64 {
        let Points { x: [x], exc: [i_exc], inh: [i_inh] } = self.now.lane(l);
        let mut state = State { time_us: from_us, x, i_exc, i_inh, phase: self.phase[l] };
        while self.membranes[l].advance_to_spike(&mut state, until_us) {
            self.report(l, state.time_us);
            self.membranes[l].force_reset(&mut state);
        }
        self.set_phase(l, state.phase);
        state.x
    }

    fn report(&mut self, l: usize, time_us: f64) {
        let threshold = (self.on_spike)(l, time_us);
        self.membranes[l].threshold = threshold;
        self.ceiling[l] = threshold.min(self.membranes[l].upper);
    }

    fn spike(&mut self, l: usize, time_us: f64) {
        self.report(l, time_us);
        self.now.x[l] = self.membranes[l].reset;
        self.set_phase(l, Phase::Refractory { until_us: time_us + self.membranes[l].refractory_us });
    }

    fn set_phase(&mut self, l: usize, phase: Phase) {
        self.phase[l] = phase;
        self.held[l] = match phase {
            Phase::Free => f64::NEG_INFINITY,
            Phase::Refractory { until_us } => until_us,
            Phase::AtLower | Phase::AtUpper | Phase::Unarmed { .. } => f64::NAN,
        };
    }
}

#[cfg(test)]
mod tests;
