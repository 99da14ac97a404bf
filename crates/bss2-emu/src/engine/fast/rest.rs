//! What is left of a trial when no more events come, and what the reference does for single neurons.

#![allow(clippy::inline_always, clippy::needless_range_loop, reason = "vector code: see the module of vectors")]

use crate::dynamics::{Body, Dynamics, Outlook};
use crate::events::TICK_US;
use crate::membrane::joined::Joined;
use crate::membrane::{Phase, State};

use super::kernel::{Course, Now, SMALLEST_THRESHOLD, Surroundings, sum};
use super::series::{Series, decay};
use super::tables::{LEFT_AFTER_LONG, LONGEST_HOLD_US, LONGEST_STEP, Step, Tail};
use super::vector::{Apart, LANES, Lanes, Mask, Vector, lanes_of};

/// The rest of a trial, without events.
pub(super) struct Rest<'c, 'a, V: Vector, S, const K: usize> {
    pub course: &'c mut Course<'a, S, K>,
    pub now: Now<V, K>,
    pub tick: u32,
    pub duration_us: f64,
}

impl<V: Vector, S: Surroundings, const K: usize> Apart<V> for Rest<'_, '_, V, S, K> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { course, mut now, tick, duration_us } = self;
        course.finish(&mut now, tick, duration_us);
    }
}

/// An upper bound of `e^-u`: `e^u` is more than the first terms of its series.
#[inline(always)]
fn decay_at_most<V: Vector>(u: V) -> V {
    let one = V::splat(1.0);
    let third = u.mul_add(V::splat(1.0 / 4.0), one).mul(u).mul_add(V::splat(1.0 / 3.0), one);
    one.div(third.mul(u).mul_add(V::splat(0.5), one).mul_add(u, one))
}

/// A bound of what potentials can reach if no events come: by currents towards it, against those of the other sign.
#[inline(always)]
fn reach<V: Vector>(tail: &Tail, x: V, towards: V, against: V) -> V {
    let zero = V::splat(0.0);
    let x = x.max(zero);
    let net = against.neg_mul_add(V::load(&tail.spared), towards).max(zero);
    let late = towards.mul_add(V::load(&tail.late), x.mul(V::splat(LEFT_AFTER_LONG)));
    net.mul_add(V::load(&tail.peak), x).max(late)
}

impl<S: Surroundings, const K: usize> Course<'_, S, K> {
    /// Solves the crossings that were noted.
    #[inline(always)]
    pub fn settle<V: Vector>(&mut self, now: &mut Now<V, K>) {
        if now.noted == 0 {
            return;
        }
        self.free &= !now.waiting;
        let (crossed, after, good) = self.crossings.solve::<V>(self.block, &self.ceilings, now.noted);
        let mut left = 0;
        for l in lanes_of(crossed) {
            self.count[l] += 1;
            let count = self.count[l];
            let (from_us, _) = self.crossings.step_of(l).bounds_us();
            let time_us = if good & 1 << l != 0 {
                Some(from_us + f64::from(after.0[l]))
            } else {
                self.solve_exactly(l, count - 1)
            };
            if let Some(time_us) = time_us {
                self.around.spike(l, count, time_us);
                self.hold(l, time_us + self.block.refractory_us[l]);
            } else {
                left |= 1 << l;
            }
        }
        (now.noted, now.waiting) = (0, 0);
        self.look_for_release(now);
        self.leave(now, left);
    }

    /// When a noted crossing happens in double precision, if it does.
    #[cold]
    #[inline(never)]
    fn solve_exactly(&self, l: usize, spikes_before: u32) -> Option<f64> {
        let step = self.crossings.step_of(l);
        let (from_us, until_us) = step.bounds_us();
        let state = State {
            time_us: from_us,
            x: f64::from(step.x.0[l]),
            i_exc: f64::from(step.exc[0].0[l]),
            i_inh: f64::from(step.inh[0].0[l]),
            phase: Phase::Free,
        };
        let threshold = self.around.threshold(l, spikes_before);
        match self.around.body(l) {
            Body::Lif(membrane) => first_spike(membrane, state, threshold, until_us),
            Body::Joined(joined) => {
                let currents = (0..K).flat_map(|k| [step.exc[k].0[l], step.inh[k].0[l]]).map(f64::from);
                first_spike(
                    joined,
                    Joined::state(state, currents.take(joined.n_inputs()).collect()),
                    threshold,
                    until_us,
                )
            }
            Body::Relay(_) | Body::Nonlinear(_) => None,
        }
    }

    /// Moves lanes by the reference; `potentials` become theirs at the end. The lanes that cannot go on here.
    #[cold]
    #[inline(never)]
    pub fn one_by_one<V: Vector>(
        &mut self,
        now: &mut Now<V, K>,
        chosen: u32,
        (from_us, until_us): (f64, f64),
        potentials: &mut Lanes,
    ) -> u32 {
        let x = now.x.store();
        let (exc, inh) = (now.exc.map(V::store), now.inh.map(V::store));
        let (mut ceilings, mut floors) = (now.ceiling.store(), now.floor.store());
        let (mut left, mut blocked) = (0, 0);
        for l in lanes_of(chosen) {
            let until_free_us = self.until_us[l];
            let phase =
                if until_free_us < f64::INFINITY { Phase::Refractory { until_us: until_free_us } } else { Phase::Free };
            let state = State {
                time_us: from_us,
                // What is refractory is at the reset potential.
                x: f64::from(if self.free & 1 << l == 0 { self.block.reset.0[l] } else { x.0[l] }),
                i_exc: f64::from(exc[0].0[l]),
                i_inh: f64::from(inh[0].0[l]),
                phase,
            };
            let currents = (0..K).flat_map(|k| [exc[k].0[l], inh[k].0[l]]).map(f64::from);
            // Who is free has its threshold for a ceiling, if that is not the upper limit.
            let known = self.free & !self.limited & 1 << l != 0;
            let threshold = if known { f64::from(self.ceilings.0[l]) } else { self.around.threshold(l, self.count[l]) };
            let (end, threshold) = self.move_one(l, (state, threshold), currents, until_us);
            potentials.0[l] = end.x as f32;
            self.hold(l, f64::INFINITY);
            match end.phase {
                Phase::Refractory { until_us } => {
                    blocked |= 1 << l;
                    self.hold(l, until_us);
                }
                Phase::AtLower => potentials.0[l] = self.block.lower.0[l],
                Phase::AtUpper | Phase::Unarmed { .. } => left |= 1 << l,
                Phase::Free => (),
            }
            if end.phase == Phase::Free || end.phase == Phase::AtLower {
                self.free |= 1 << l;
                floors.0[l] = self.block.lower.0[l];
                ceilings.0[l] = self.arm(l, threshold);
            }
        }
        (now.ceiling, now.floor) = (V::load(&ceilings), V::load(&floors));
        self.block(now, blocked);
        self.look_for_release(now);
        left
    }

    /// The ceiling of a lane with a new threshold.
    #[inline(always)]
    fn arm(&mut self, l: usize, threshold: f64) -> f32 {
        let (threshold, upper) = (threshold as f32, self.block.upper.0[l]);
        self.ceilings.0[l] = threshold.min(upper);
        self.limited = self.limited & !(1 << l) | u32::from(threshold >= upper) << l;
        self.ceilings.0[l]
    }

    /// Lets lanes go whose refractory times end within a step, and moves them to its end; `potentials` become theirs there. The
    /// lanes that may do something on the way: nothing has happened to them.
    #[inline(always)]
    pub fn let_go<V: Vector>(
        &mut self,
        now: &mut Now<V, K>,
        released: u32,
        (row, from_us): (&Step<K>, f64),
        potentials: &mut V,
    ) -> u32 {
        let zero = V::splat(0.0);
        let (block, span) = (self.block, V::splat(row.span_us));
        let (mut held, mut ceilings) = (Lanes::all(0.0), self.ceilings);
        for l in lanes_of(released) {
            held.0[l] = (self.until_us[l] - from_us) as f32;
            ceilings.0[l] = (self.around.threshold(l, self.count[l]) as f32).min(block.upper.0[l]);
        }
        let held = V::load(&held).max(zero).min(span);
        let (mut exc, mut inh) = (now.exc, now.inh);
        for k in 0..K {
            exc[k] = exc[k].mul(decay(held.mul(V::load(&block.rate_exc[k]))));
            inh[k] = inh[k].mul(decay(held.mul(V::load(&block.rate_inh[k]))));
        }
        let (reset, lower, ceiling) = (V::load(&block.reset), V::load(&block.lower), V::load(&ceilings));
        let left = span.sub(held);
        let drive = sum(&inh).neg_mul_add(V::load(&row.least_inh), sum(&exc));
        let highest = V::load(&block.rate_mem).neg_mul_add(reset, drive).max(zero).mul_add(left, reset);
        let lowest = sum(&inh).neg_mul_add(left, reset.min(zero));
        let busy = highest.at_least(ceiling).or(lower.at_least(lowest)).bits() & released;
        let gone = released & !busy;
        let (change, _) = Series::new(block, reset, exc, inh).change_and_slope(left);
        let mask = V::Mask::of(gone);
        *potentials = V::select(mask, reset.add(change), *potentials);
        now.ceiling = V::select(mask, ceiling, now.ceiling);
        now.floor = V::select(mask, lower, now.floor);
        for l in lanes_of(gone) {
            self.hold(l, f64::INFINITY);
            self.ceilings.0[l] = ceilings.0[l];
        }
        let limited = ceiling.at_least(V::load(&block.upper)).bits();
        self.limited = self.limited & !gone | limited & gone;
        self.free |= gone;
        self.look_for_release(now);
        busy
    }

    /// Moves one neuron by the reference and reports its spikes; also its threshold then.
    fn move_one(
        &mut self,
        l: usize,
        (state, mut threshold): (State, f64),
        currents: impl Iterator<Item = f64>,
        until_us: f64,
    ) -> (State, f64) {
        let first = self.count[l];
        let mut spikes = Vec::new();
        let around = &self.around;
        let on_spike = &mut |time_us: f64| {
            spikes.push(time_us);
            around.threshold(l, first + spikes.len() as u32)
        };
        let end = match around.body(l) {
            Body::Lif(membrane) => *advance(membrane, state, &mut threshold, until_us, on_spike).as_ref(),
            Body::Joined(joined) => {
                let state = Joined::state(state, currents.take(joined.n_inputs()).collect());
                *advance(joined, state, &mut threshold, until_us, on_spike).as_ref()
            }
            Body::Relay(_) | Body::Nonlinear(_) => state,
        };
        let mut count = first;
        for time_us in spikes {
            count += 1;
            self.around.spike(l, count, time_us);
        }
        self.count[l] = count;
        (end, threshold)
    }

    /// Runs the rest of the trial, in which no events are left.
    #[inline(always)]
    fn finish<V: Vector>(&mut self, now: &mut Now<V, K>, mut tick: u32, duration_us: f64) {
        let zero = V::splat(0.0);
        loop {
            let (exc, inh) = (sum(&now.exc), sum(&now.inh));
            let highest = reach(&self.block.tails[0], now.x, exc, inh);
            let lowest = zero.sub(reach(&self.block.tails[1], zero.sub(now.x), inh, exc));
            let near = highest.at_least(now.ceiling).or(now.floor.at_least(lowest)).bits();
            let now_us = f64::from(tick) * TICK_US;
            if near != 0 && f64::from(tick + LONGEST_STEP) * TICK_US <= duration_us {
                let (steps, rate) = (&self.block.steps[..], V::load(&self.block.rate_mem));
                self.step(now, steps, rate, (tick, LONGEST_STEP), self.silence);
                tick += LONGEST_STEP;
                continue;
            }
            self.settle(now);
            let near = near & self.free;
            let chosen = near | self.refiring(now, now_us, duration_us);
            if chosen != 0 {
                let left = self.one_by_one(now, chosen, (now_us, duration_us), &mut Lanes::all(0.0));
                self.leave(now, left);
            }
            return;
        }
    }

    /// Lanes whose refractory time ends before a time.
    #[inline(always)]
    fn released_by(&self, time_us: f64) -> u32 {
        (0..LANES).map(|l| u32::from(self.until_us[l] < time_us) << l).sum()
    }

    /// Refractory lanes that may do something once they are released, if no events come.
    #[inline(always)]
    fn refiring<V: Vector>(&self, now: &Now<V, K>, now_us: f64, duration_us: f64) -> u32 {
        let released = self.released_by(duration_us);
        if released == 0 {
            return 0;
        }
        let zero = V::splat(0.0);
        let mut held = Lanes::all(0.0);
        for (held, until_us) in held.0.iter_mut().zip(&self.until_us) {
            *held = (until_us - now_us).clamp(0.0, LONGEST_HOLD_US) as f32;
        }
        let held = V::load(&held);
        let (mut most, mut least) = (zero, zero);
        for k in 0..K {
            let exc = now.exc[k].mul(decay_at_most(held.mul(V::load(&self.block.rate_exc[k]))));
            let inh = now.inh[k].mul(decay_at_most(held.mul(V::load(&self.block.rate_inh[k]))));
            most = exc.mul_add(V::load(&self.block.peak_exc[k]), most);
            least = inh.mul_add(V::load(&self.block.peak_inh[k]), least);
        }
        let reset = V::load(&self.block.reset);
        let highest = reset.max(zero).add(most);
        let lowest = reset.min(zero).sub(least);
        // The threshold for the next spike is not known here, but it is not that much lower.
        let ceiling = V::load(&self.ceilings).mul(V::splat(SMALLEST_THRESHOLD));
        let near = highest.at_least(ceiling).or(V::load(&self.block.lower).at_least(lowest));
        near.bits() & released
    }
}

/// When a neuron of the reference fires first.
fn first_spike<D: Dynamics>(dynamics: &D, mut state: D::State, threshold: f64, until_us: f64) -> Option<f64> {
    match dynamics.look_ahead(&mut state, threshold, until_us) {
        Outlook::Spike(time_us) => Some(time_us),
        Outlook::Quiet(_) => None,
    }
}

/// Moves a neuron of the reference and reports its spikes.
fn advance<D: Dynamics>(
    dynamics: &D,
    mut state: D::State,
    threshold: &mut f64,
    until_us: f64,
    on_spike: &mut impl FnMut(f64) -> f64,
) -> D::State {
    loop {
        match dynamics.look_ahead(&mut state, *threshold, until_us) {
            Outlook::Spike(time_us) => {
                dynamics.coast(&mut state, time_us);
                dynamics.fire(&mut state);
                *threshold = on_spike(time_us);
            }
            Outlook::Quiet(_) => {
                dynamics.coast(&mut state, until_us);
                return state;
            }
        }
    }
}
