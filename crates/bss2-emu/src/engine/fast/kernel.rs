//! One trial of eight neurons.

#![allow(clippy::inline_always, clippy::needless_range_loop, reason = "vector code: see the module of vectors")]

use crate::dynamics::{Body, Dynamics, Outlook};
use crate::events::TICK_US;
use crate::membrane::joined::Joined;
use crate::membrane::{Phase, State};

use super::tables::{Block, LONGEST_STEP};
use super::vector::{Apart, LANES, Lanes, Vector, Work};

/// Order of the series of the potential within a step.
const ORDER: usize = 6;

/// A longer time is as good as this one for a bound of what a refractory time leaves of the currents.
const LONGEST_HOLD_US: f64 = 1e3;
/// How low the threshold for the next spike can be, relative to that for the last: ten standard deviations of the largest noise that
/// this engine takes.
pub const SMALLEST_THRESHOLD: f32 = 0.8;

/// Events that arrive at one tick: the end of their lines in the list of lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    pub tick: u32,
    pub end: u32,
}

/// Who knows the neurons of a block in a trial.
pub trait Surroundings {
    /// The neuron of a lane, for the reference.
    fn body(&self, lane: usize) -> &Body;
    /// The threshold of a lane after `count` spikes.
    fn threshold(&self, lane: usize, count: u32) -> f64;
    /// A lane fires, for the `count`th time.
    fn spike(&mut self, lane: usize, count: u32, time_us: f64);
}

/// A trial of a block.
pub struct Trial<'a, S, const K: usize> {
    pub block: &'a Block<K>,
    /// Thresholds for the first spikes.
    pub thresholds: &'a Lanes,
    /// Jumps of the currents in LSB/us: for each line those of the `2 K` inputs.
    pub jumps: &'a [Lanes],
    pub moments: &'a [Moment],
    pub lines: &'a [u32],
    pub duration_us: f64,
    pub around: S,
}

impl<S: Surroundings, const K: usize> Work for Trial<'_, S, K> {
    /// Bits of the lanes that the reference has to do from the start: what they did here is void.
    type Output = u32;

    #[inline(always)]
    fn with<V: Vector>(self) -> u32 {
        let zero = V::splat(0.0);
        let block = self.block;
        // A neuron that would reach its upper limit first has that for a threshold here.
        let (threshold, upper) = (V::load(self.thresholds), V::load(&block.upper));
        let limited = threshold.at_least(upper).bits();
        let ceiling = threshold.min(upper);
        // Neurons that do not rest without events are left out, and so are the places that nobody has.
        let restless = zero.at_least(ceiling).or(V::load(&block.lower).at_least(zero)).bits() & block.used;
        let out = restless | (!block.used & 0xff);
        let mut now = Now {
            x: zero,
            exc: [zero; K],
            inh: [zero; K],
            ceiling,
            held: mask(out),
            free: !out & 0xff,
            release_us: f64::INFINITY,
        };
        let mut course = Course {
            block,
            lanes: [Lane { count: 0, until_us: f64::INFINITY }; LANES],
            limited,
            redo: restless,
            around: self.around,
        };
        let mut first = 0;
        let mut tick = self.moments.first().map_or(0, |moment| moment.tick);
        for moment in self.moments {
            let mut left = moment.tick - tick;
            while left > 0 {
                let ticks = left.min(LONGEST_STEP);
                course.step(&mut now, ticks, tick);
                tick += ticks;
                left -= ticks;
            }
            let lines = &self.lines[first..moment.end as usize];
            for line in lines {
                let jumps = &self.jumps[2 * K * *line as usize..][..2 * K];
                for k in 0..K {
                    now.exc[k] = now.exc[k].add(V::load(&jumps[2 * k]));
                    now.inh[k] = now.inh[k].add(V::load(&jumps[2 * k + 1]));
                }
            }
            first = moment.end as usize;
        }
        if self.moments.is_empty() {
            return course.redo;
        }
        V::apart(Rest { course, now, tick, duration_us: self.duration_us })
    }
}

/// All bits of the lanes whose bit is set.
#[inline(always)]
fn mask<V: Vector>(bits: u32) -> V {
    let mut lanes = Lanes::all(0.0);
    for l in 0..LANES {
        lanes.0[l] = f32::from_bits(0_u32.wrapping_sub(bits >> l & 1));
    }
    V::load(&lanes)
}

#[derive(Debug, Clone, Copy)]
struct Lane {
    count: u32,
    /// End of the refractory time.
    until_us: f64,
}

/// The membranes at one time. Kept in registers.
#[derive(Clone, Copy)]
struct Now<V, const K: usize> {
    x: V,
    exc: [V; K],
    inh: [V; K],
    /// The nearer of threshold and upper limit.
    ceiling: V,
    /// Refractory lanes, and those that are left out.
    held: V,
    /// The same as bits: those that are not.
    free: u32,
    /// End of the first refractory time that ends.
    release_us: f64,
}

/// What changes rarely on the way.
struct Course<'a, S, const K: usize> {
    block: &'a Block<K>,
    lanes: [Lane; LANES],
    /// Lanes whose ceiling is the upper limit.
    limited: u32,
    redo: u32,
    around: S,
}

/// A step that somebody has to look at.
struct Look<'c, 'a, V, S, const K: usize> {
    course: &'c mut Course<'a, S, K>,
    /// At its beginning.
    now: Now<V, K>,
    ticks: u32,
    from_us: f64,
    until_us: f64,
    /// Where the membranes come if nothing happens on the way.
    to: V,
    exc: [V; K],
    inh: [V; K],
    /// Upper bound of the potential.
    highest: V,
}

/// The rest of a trial, without events.
struct Rest<'a, V, S, const K: usize> {
    course: Course<'a, S, K>,
    now: Now<V, K>,
    tick: u32,
    duration_us: f64,
}

impl<V: Vector, S: Surroundings, const K: usize> Apart<V> for Rest<'_, V, S, K> {
    type Output = u32;

    #[inline(always)]
    fn run(self) -> u32 {
        let Self { mut course, mut now, tick, duration_us } = self;
        course.finish(&mut now, tick, duration_us);
        course.redo
    }
}

impl<V: Vector, S: Surroundings, const K: usize> Apart<V> for Look<'_, '_, V, S, K> {
    /// The membranes at the end, with the currents of the beginning, and the potentials.
    type Output = (Now<V, K>, V);

    #[inline(always)]
    fn run(self) -> (Now<V, K>, V) {
        let Self { course, mut now, ticks, from_us, until_us, to, exc, inh, highest } = self;
        let step = Stretch { ticks, from_us, until_us, to, exc, inh, highest };
        let to = course.look(&mut now, &step);
        (now, to)
    }
}

/// The step of a [`Look`].
struct Stretch<V, const K: usize> {
    ticks: u32,
    from_us: f64,
    until_us: f64,
    to: V,
    exc: [V; K],
    inh: [V; K],
    highest: V,
}

#[inline(always)]
fn sum<V: Vector, const K: usize>(currents: &[V; K]) -> V {
    let mut sum = currents[0];
    for current in &currents[1..] {
        sum = sum.add(*current);
    }
    sum
}

/// An upper bound of `e^-u`: `e^u` is more than the first terms of its series.
#[inline(always)]
fn decay_at_most<V: Vector>(u: V) -> V {
    let one = V::splat(1.0);
    let third = u.mul_add(V::splat(1.0 / 4.0), one).mul(u).mul_add(V::splat(1.0 / 3.0), one);
    one.div(third.mul(u).mul_add(V::splat(0.5), one).mul_add(u, one))
}

impl<S: Surroundings, const K: usize> Course<'_, S, K> {
    /// Moves all on by some ticks, at most the longest step.
    #[inline(always)]
    fn step<V: Vector>(&mut self, now: &mut Now<V, K>, ticks: u32, tick: u32) {
        let row = &self.block.steps[ticks as usize];
        let from_us = f64::from(tick) * TICK_US;
        let until_us = f64::from(tick + ticks) * TICK_US;
        let (mut exc, mut inh) = (now.exc, now.inh);
        for k in 0..K {
            exc[k] = exc[k].mul(V::load(&row.exc[k]));
            inh[k] = inh[k].mul(V::load(&row.inh[k]));
        }
        if now.free != 0 || now.release_us <= until_us {
            // The potential enters last: nothing waits for it.
            let mut charge = now.exc[0].mul(V::load(&row.from_exc[0]));
            let mut lack = now.inh[0].mul(V::load(&row.from_inh[0]));
            for k in 1..K {
                charge = now.exc[k].mul_add(V::load(&row.from_exc[k]), charge);
                lack = now.inh[k].mul_add(V::load(&row.from_inh[k]), lack);
            }
            let mut to = now.x.mul_add(V::load(&row.mem), charge.sub(lack));
            let span = V::load(&row.span_us);
            // x' = exc - inh - x / tau_mem <= exc now - inh then - x / tau_mem.
            let drive = sum(&now.exc).sub(sum(&inh));
            let rise = V::load(&self.block.rate_mem).neg_mul_add(now.x, drive);
            let highest = rise.max(V::splat(0.0)).mul_add(span, now.x);
            let lowest = sum(&now.inh).neg_mul_add(span, now.x.min(V::splat(0.0)));
            let near = highest.at_least(now.ceiling).or(V::load(&self.block.lower).at_least(lowest));
            if now.held.and_not(near).bits() != 0 || now.release_us <= until_us {
                let look = Look { course: self, now: *now, ticks, from_us, until_us, to, exc, inh, highest };
                (*now, to) = V::apart(look);
            }
            now.x = V::select(now.held, now.x, to);
        }
        (now.exc, now.inh) = (exc, inh);
    }

    /// Moves all on by a step in which something may happen to some; the potentials then.
    #[inline(always)]
    fn look<V: Vector>(&mut self, now: &mut Now<V, K>, step: &Stretch<V, K>) -> V {
        let zero = V::splat(0.0);
        let span = V::load(&self.block.steps[step.ticks as usize].span_us);
        let (lower, rate) = (V::load(&self.block.lower), V::load(&self.block.rate_mem));
        let low_now = sum(&step.exc).sub(sum(&now.inh));
        let lowest = rate.neg_mul_add(now.x, low_now).min(zero).mul_add(span, now.x);
        let near_lower = lower.at_least(lowest);
        // The ceiling is reached at a time s from below, and left again with at most the slopes `rise` and `fall`:
        // x + rise s >= ceiling and to + fall (span - s) >= ceiling.
        let drive = sum(&now.exc).sub(sum(&step.inh));
        let rise = rate.neg_mul_add(now.x, drive).max(zero);
        let fall = rate.mul_add(now.ceiling, zero.sub(low_now)).max(zero);
        let (before, after) = (now.ceiling.sub(now.x), now.ceiling.sub(step.to));
        let roof = before.mul(fall).add(after.mul(rise));
        let near_ceiling = step
            .highest
            .at_least(now.ceiling)
            .and(step.to.at_least(now.ceiling).or(span.mul(rise).mul(fall).at_least(roof)));
        // Where nothing can pull it up from the lower limit, the potential is the free one or the limit.
        let pinned = rate.mul(lower).at_least(drive);
        let mut to = V::select(near_lower.and(pinned), step.to.max(lower), step.to);
        let mut unclear = (near_lower.bits() & !pinned.bits() | near_ceiling.bits()) & now.free;
        let crossed = step.to.at_least(now.ceiling).bits() & !near_lower.bits() & !self.limited & unclear;
        if crossed != 0 {
            let (after, solved) = self.solve(now, step, span);
            let fired = crossed & solved;
            let after = after.store();
            for l in (0..LANES).filter(|l| fired & 1 << l != 0) {
                let time_us = step.from_us + f64::from(after.0[l]);
                self.lanes[l].count += 1;
                self.around.spike(l, self.lanes[l].count, time_us);
                self.hold(now, l, time_us + self.block.refractory_us[l]);
            }
            let fired_mask: V = mask(fired);
            to = V::select(fired_mask, V::load(&self.block.reset), to);
            now.x = V::select(fired_mask, to, now.x);
            now.held = now.held.or(fired_mask);
            unclear &= !fired;
        }
        let mut left = unclear & self.limited;
        self.leave(now, left);
        unclear &= !left;
        if now.release_us <= step.until_us {
            for l in 0..LANES {
                unclear |= u32::from(self.lanes[l].until_us <= step.until_us) << l;
            }
        }
        if unclear != 0 {
            let mut potentials = V::select(now.held, now.x, to).store();
            left = self.one_by_one(now, unclear, (step.from_us, step.until_us), &mut potentials);
            to = V::load(&potentials);
            now.x = to;
            self.leave(now, left);
        }
        to
    }

    /// When the membranes that are above their ceiling at the end of a step have reached it, and which of these times are good.
    #[inline(always)]
    fn solve<V: Vector>(&self, now: &Now<V, K>, step: &Stretch<V, K>, span: V) -> (V, u32) {
        let zero = V::splat(0.0);
        let rate = V::load(&self.block.rate_mem);
        let (mut exc, mut inh) = (now.exc, now.inh);
        let mut series = [zero; ORDER];
        let mut derivative = now.x;
        let mut factorial = 1.0;
        for (n, coefficient) in series.iter_mut().enumerate() {
            derivative = rate.neg_mul_add(derivative, sum(&exc).sub(sum(&inh)));
            factorial /= (n + 1) as f32;
            *coefficient = derivative.mul(V::splat(factorial));
            for k in 0..K {
                exc[k] = zero.sub(exc[k].mul(V::load(&self.block.rate_exc[k])));
                inh[k] = zero.sub(inh[k].mul(V::load(&self.block.rate_inh[k])));
            }
        }
        let missing = now.ceiling.sub(now.x);
        // The parabola with this slope at the beginning and this end.
        let slope = series[0];
        let bend = slope.neg_mul_add(span, step.to.sub(now.x)).div(span.mul(span));
        let root = bend.mul(missing).mul_add(V::splat(4.0), slope.mul(slope)).max(zero).sqrt();
        let mut s = missing.add(missing).div(slope.add(root));
        let (mut last, mut gradient) = (zero, zero);
        for _ in 0..2 {
            let (mut value, mut change) = (series[ORDER - 1], zero);
            for coefficient in series[..ORDER - 1].iter().rev() {
                change = change.mul_add(s, value);
                value = value.mul_add(s, *coefficient);
            }
            gradient = change.mul_add(s, value);
            last = value.neg_mul_add(s, missing).div(gradient);
            s = s.add(last);
        }
        let small = span.mul(V::splat(1e-3));
        let good = small
            .at_least(last.max(zero.sub(last)))
            .and(gradient.at_least(V::splat(f32::MIN_POSITIVE)))
            .and(s.at_least(zero))
            .and(span.mul(V::splat(1.000_01)).at_least(s));
        (s.min(span), good.bits())
    }

    /// Lanes are given up: the reference does them from the start.
    #[inline(always)]
    fn leave<V: Vector>(&mut self, now: &mut Now<V, K>, lanes: u32) {
        if lanes != 0 {
            self.redo |= lanes;
            now.free &= !lanes;
            now.held = now.held.or(mask(lanes));
            for l in (0..LANES).filter(|l| lanes & 1 << l != 0) {
                self.lanes[l].until_us = f64::INFINITY;
            }
            self.look_for_release(now);
        }
    }

    #[inline(always)]
    fn hold<V: Vector>(&mut self, now: &mut Now<V, K>, l: usize, until_us: f64) {
        now.free &= !(1 << l);
        self.lanes[l].until_us = until_us;
        now.release_us = now.release_us.min(until_us);
    }

    #[inline(always)]
    fn look_for_release<V: Vector>(&self, now: &mut Now<V, K>) {
        now.release_us = self.lanes.iter().map(|lane| lane.until_us).fold(f64::INFINITY, f64::min);
    }

    /// Moves lanes by the reference; `potentials` become theirs at the end. The lanes that cannot go on here.
    #[cold]
    #[inline(never)]
    fn one_by_one<V: Vector>(
        &mut self,
        now: &mut Now<V, K>,
        chosen: u32,
        (from_us, until_us): (f64, f64),
        potentials: &mut Lanes,
    ) -> u32 {
        let x = now.x.store();
        let (exc, inh) = (now.exc.map(V::store), now.inh.map(V::store));
        let mut ceilings = now.ceiling.store();
        let mut left = 0;
        for l in (0..LANES).filter(|l| chosen & 1 << l != 0) {
            let lane = self.lanes[l];
            let phase =
                if lane.until_us < f64::INFINITY { Phase::Refractory { until_us: lane.until_us } } else { Phase::Free };
            let state = State {
                time_us: from_us,
                x: f64::from(x.0[l]),
                i_exc: f64::from(exc[0].0[l]),
                i_inh: f64::from(inh[0].0[l]),
                phase,
            };
            let currents = (0..K).flat_map(|k| [exc[k].0[l], inh[k].0[l]]).map(f64::from);
            let end = self.move_one(l, state, currents, until_us);
            potentials.0[l] = end.x as f32;
            self.lanes[l].until_us = f64::INFINITY;
            match end.phase {
                Phase::Refractory { until_us } => {
                    potentials.0[l] = self.block.reset.0[l];
                    self.hold(now, l, until_us);
                }
                Phase::AtLower => potentials.0[l] = self.block.lower.0[l],
                Phase::AtUpper | Phase::Unarmed { .. } => left |= 1 << l,
                Phase::Free => (),
            }
            if end.phase == Phase::Free || end.phase == Phase::AtLower {
                now.free |= 1 << l;
                let threshold = self.around.threshold(l, self.lanes[l].count) as f32;
                ceilings.0[l] = threshold.min(self.block.upper.0[l]);
                if threshold >= self.block.upper.0[l] {
                    self.limited |= 1 << l;
                }
            }
        }
        now.ceiling = V::load(&ceilings);
        now.held = mask(!now.free & 0xff);
        self.look_for_release(now);
        left
    }

    /// Moves one neuron by the reference and reports its spikes.
    fn move_one(&mut self, l: usize, state: State, currents: impl Iterator<Item = f64>, until_us: f64) -> State {
        let first = self.lanes[l].count;
        let mut spikes = Vec::new();
        let around = &self.around;
        let mut threshold = around.threshold(l, first);
        let on_spike = &mut |time_us: f64| {
            spikes.push(time_us);
            around.threshold(l, first + spikes.len() as u32)
        };
        let end = match around.body(l) {
            Body::Lif(membrane) => *advance(membrane, state, &mut threshold, until_us, on_spike).as_ref(),
            Body::Joined(joined) => {
                let state = Joined::state(state, currents.collect());
                *advance(joined, state, &mut threshold, until_us, on_spike).as_ref()
            }
            Body::Relay(_) | Body::Nonlinear(_) => state,
        };
        let mut count = first;
        for time_us in spikes {
            count += 1;
            self.around.spike(l, count, time_us);
        }
        self.lanes[l].count = count;
        end
    }

    /// Runs the rest of the trial, in which no events are left.
    #[inline(always)]
    fn finish<V: Vector>(&mut self, now: &mut Now<V, K>, mut tick: u32, duration_us: f64) {
        let zero = V::splat(0.0);
        loop {
            let (mut most, mut least) = (zero, zero);
            for k in 0..K {
                most = now.exc[k].mul_add(V::load(&self.block.peak_exc[k]), most);
                least = now.inh[k].mul_add(V::load(&self.block.peak_inh[k]), least);
            }
            let highest = now.x.max(zero).add(most);
            let lowest = now.x.min(zero).sub(least);
            let near = highest.at_least(now.ceiling).or(V::load(&self.block.lower).at_least(lowest));
            let near = near.bits() & now.free;
            let now_us = f64::from(tick) * TICK_US;
            if near != 0 && f64::from(tick + LONGEST_STEP) * TICK_US <= duration_us {
                self.step(now, LONGEST_STEP, tick);
                tick += LONGEST_STEP;
                continue;
            }
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
        (0..LANES).map(|l| u32::from(self.lanes[l].until_us < time_us) << l).sum()
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
        for (held, lane) in held.0.iter_mut().zip(&self.lanes) {
            *held = (lane.until_us - now_us).clamp(0.0, LONGEST_HOLD_US) as f32;
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
        let ceiling = now.ceiling.mul(V::splat(SMALLEST_THRESHOLD));
        let near = highest.at_least(ceiling).or(V::load(&self.block.lower).at_least(lowest));
        near.bits() & released
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
