//! One trial of sixteen neurons.

#![allow(clippy::inline_always, clippy::needless_range_loop, reason = "vector code: see the module of vectors")]

use crate::dynamics::Body;

use super::crossings::Crossings;
use super::look::Look;
use super::rest::Rest;
use super::tables::{Block, Step, ticks_before};
use super::vector::{ALL, LANES, Lanes, Mask, Vector, Work, lanes_of};

/// How low the threshold for the next spike can be, relative to that for the last: ten standard deviations of the largest noise that
/// this engine takes.
pub const SMALLEST_THRESHOLD: f32 = 0.8;

/// A step to the next event, at most the longest of the tables, and the line of the event. Events of one tick follow each other by
/// steps of no length; what is longer than the longest step takes several, which end with the line that has no synapses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stride {
    pub ticks: u32,
    pub line: u32,
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
    /// Jumps of the currents in LSB/us: for each line those of the `2 K` inputs; none for the last line.
    pub jumps: &'a [Lanes],
    /// When the first event arrives; the first step has no length.
    pub start: u32,
    pub strides: &'a [Stride],
    pub duration_us: f64,
    /// Room for crossings; none are left in it.
    pub open: &'a mut Crossings<K>,
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
        let out = restless | (!block.used & ALL);
        let mut now = Now {
            x: zero,
            exc: [zero; K],
            inh: [zero; K],
            ceiling,
            floor: V::load(&block.lower),
            noted: 0,
            waiting: 0,
            release: u32::MAX,
        };
        let mut course = Course {
            block,
            silence: &self.jumps[self.jumps.len() - 2 * K..],
            ceilings: ceiling.store(),
            count: [0; LANES],
            until_us: [f64::INFINITY; LANES],
            release: [u32::MAX; LANES],
            crossings: self.open,
            limited,
            free: ALL,
            redo: restless,
            around: self.around,
        };
        course.block(&mut now, out);
        let (mut tick, steps, rate) = (self.start, &block.steps[..], V::load(&block.rate_mem));
        for stride in self.strides {
            let jumps = &self.jumps[2 * K * stride.line as usize..][..2 * K];
            course.step(&mut now, steps, rate, (tick, stride.ticks), jumps);
            tick += stride.ticks;
        }
        if self.strides.is_empty() {
            return course.redo;
        }
        V::apart(Rest { course: &mut course, now, tick, duration_us: self.duration_us });
        course.redo
    }
}

/// The membranes at one time, and what changes often. Kept in registers.
#[derive(Clone, Copy)]
pub struct Now<V: Vector, const K: usize> {
    pub x: V,
    pub exc: [V; K],
    pub inh: [V; K],
    /// The nearer of threshold and upper limit; out of reach for lanes that are not free.
    pub ceiling: V,
    /// The lower limit; likewise.
    pub floor: V,
    /// Steps with crossings that are not solved yet.
    pub noted: u32,
    /// Lanes that crossed in them.
    pub waiting: u32,
    /// A tick before the end of the first refractory time that ends.
    pub release: u32,
}

/// What changes rarely on the way.
pub(super) struct Course<'a, S, const K: usize> {
    pub block: &'a Block<K>,
    /// Jumps of nothing.
    pub silence: &'a [Lanes],
    /// The last ceilings of all lanes, free or not.
    pub ceilings: Lanes,
    /// Spikes so far.
    pub count: [u32; LANES],
    /// Ends of the refractory times, once the crossings are solved, and a tick before each.
    pub until_us: [f64; LANES],
    pub release: [u32; LANES],
    /// Thresholds that were crossed when nobody knows yet; the steps that are noted are in there.
    pub crossings: &'a mut Crossings<K>,
    /// Lanes whose ceiling is the upper limit.
    pub limited: u32,
    /// Lanes that are neither refractory nor left out; those that wait for their crossing to be solved still count as free. The
    /// potentials of the others mean nothing.
    pub free: u32,
    pub redo: u32,
    pub around: S,
}

#[inline(always)]
pub fn sum<V: Vector, const K: usize>(currents: &[V; K]) -> V {
    let mut sum = currents[0];
    for current in &currents[1..] {
        sum = sum.add(*current);
    }
    sum
}

/// The potential after a step in which nothing happens.
#[inline(always)]
pub fn coast<V: Vector, const K: usize>(row: &Step<K>, now: &Now<V, K>) -> V {
    // The potential enters last: nothing waits for it.
    let mut charge = now.exc[0].mul(V::load(&row.from_exc[0]));
    for k in 1..K {
        charge = now.exc[k].mul_add(V::load(&row.from_exc[k]), charge);
    }
    for k in 0..K {
        charge = now.inh[k].neg_mul_add(V::load(&row.from_inh[k]), charge);
    }
    now.x.mul_add(V::load(&row.mem), charge)
}

/// The currents after a step and the event at its end.
#[inline(always)]
pub(super) fn receive<V: Vector, const K: usize>(row: &Step<K>, now: &mut Now<V, K>, jumps: &[Lanes]) {
    for k in 0..K {
        now.exc[k] = now.exc[k].mul_add(V::load(&row.exc[k]), V::load(&jumps[2 * k]));
        now.inh[k] = now.inh[k].mul_add(V::load(&row.inh[k]), V::load(&jumps[2 * k + 1]));
    }
}

impl<S: Surroundings, const K: usize> Course<'_, S, K> {
    /// Moves all on by some ticks, at most the longest step, and lets an event arrive. `steps` and `rate` are those of the
    /// block; its caller has them at hand.
    #[inline(always)]
    pub fn step<V: Vector>(
        &mut self,
        now: &mut Now<V, K>,
        steps: &[Step<K>],
        rate: V,
        (tick, ticks): (u32, u32),
        jumps: &[Lanes],
    ) {
        let row = &steps[ticks as usize];
        let to = coast(row, now);
        let span = V::splat(row.span_us);
        let inh = sum(&now.inh);
        // x' = exc - inh - x / tau_mem <= exc now - inh then - x / tau_mem.
        let drive = inh.neg_mul_add(V::load(&row.least_inh), sum(&now.exc));
        let rise = rate.neg_mul_add(now.x, drive);
        let highest = rise.mul_add(span, now.x);
        let lowest = inh.neg_mul_add(span, now.x.min(V::splat(0.0)));
        let low = now.floor.at_least(lowest);
        if highest.at_least(now.ceiling).or(low).bits() != 0 || now.release <= tick + ticks {
            // Who is above the ceiling at the end has fired, and when is a question for later. Noting the whole step in place
            // spares a look out of line, which only other cases need.
            let above = to.at_least(now.ceiling);
            let ceiling = V::select(above, V::splat(f32::INFINITY), now.ceiling);
            let crossed = above.bits();
            let unclear = highest.at_least(ceiling).or(low).bits() | crossed & self.limited;
            self.crossings.step(now.noted).note(now, to, tick, ticks, crossed);
            if unclear != 0 || now.release <= tick + ticks {
                *now = V::apart(Look { course: self, now: *now, ticks, tick, jumps });
                return;
            }
            now.ceiling = ceiling;
            now.floor = V::select(above, V::splat(f32::NEG_INFINITY), now.floor);
            now.noted += 1;
            now.waiting |= crossed;
            now.release = now.release.min(tick + self.block.refractory_ticks);
        }
        now.x = to;
        receive(row, now, jumps);
    }

    /// Takes lanes out of those that are free.
    #[inline(always)]
    pub fn block<V: Vector>(&mut self, now: &mut Now<V, K>, lanes: u32) {
        let mask = V::Mask::of(lanes);
        self.free &= !lanes;
        now.ceiling = V::select(mask, V::splat(f32::INFINITY), now.ceiling);
        now.floor = V::select(mask, V::splat(f32::NEG_INFINITY), now.floor);
    }

    /// Lanes are given up: the reference does them from the start.
    #[inline(always)]
    pub fn leave<V: Vector>(&mut self, now: &mut Now<V, K>, lanes: u32) {
        if lanes != 0 {
            self.redo |= lanes;
            self.block(now, lanes);
            for l in lanes_of(lanes) {
                self.hold(l, f64::INFINITY);
            }
            self.look_for_release(now);
        }
    }

    /// A lane is refractory until a time; infinity for one that is not or that is left out.
    #[inline(always)]
    pub fn hold(&mut self, lane: usize, until_us: f64) {
        (self.until_us[lane], self.release[lane]) = (until_us, ticks_before(until_us));
    }

    #[inline(always)]
    pub fn look_for_release<V: Vector>(&mut self, now: &mut Now<V, K>) {
        now.release = self.release.iter().copied().fold(u32::MAX, u32::min);
        if now.noted > 0 {
            now.release = now.release.min(self.crossings.step(0).tick + self.block.refractory_ticks);
        }
    }
}
