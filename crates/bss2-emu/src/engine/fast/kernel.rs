//! One trial of sixteen neurons.

#![allow(clippy::inline_always, clippy::needless_range_loop, reason = "vector code: see the module of vectors")]

use crate::dynamics::Body;
use crate::events::TICK_US;

use super::crossings::Crossings;
use super::look::Look;
use super::rest::Rest;
use super::tables::Block;
use super::vector::{ALL, LANES, Lanes, Mask, Vector, Work};

/// How low the threshold for the next spike can be, relative to that for the last: ten standard deviations of the largest noise that
/// this engine takes.
pub const SMALLEST_THRESHOLD: f32 = 0.8;

/// A step from one moment to the next, at most the longest of the tables, and the end of the lines in the list of lines whose
/// events arrive then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stride {
    pub ticks: u32,
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
    /// When the first events arrive.
    pub start: u32,
    /// The first has no length.
    pub strides: &'a [Stride],
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
        let out = restless | (!block.used & ALL);
        let mut now = Now {
            x: zero,
            exc: [zero; K],
            inh: [zero; K],
            ceiling,
            held: V::Mask::of(out),
            free: !out & ALL,
            release: u32::MAX,
        };
        let mut course = Course {
            block,
            lanes: [Lane { count: 0, until_us: f64::INFINITY }; LANES],
            crossings: Crossings::new(),
            limited,
            redo: restless,
            around: self.around,
        };
        let (mut first, mut tick) = (0, self.start);
        for (number, stride) in self.strides.iter().enumerate() {
            if number > 0 {
                course.step(&mut now, stride.ticks, tick);
                tick += stride.ticks;
            }
            let end = stride.end as usize;
            for line in &self.lines[first..end] {
                let jumps = &self.jumps[2 * K * *line as usize..][..2 * K];
                for k in 0..K {
                    now.exc[k] = now.exc[k].add(V::load(&jumps[2 * k]));
                    now.inh[k] = now.inh[k].add(V::load(&jumps[2 * k + 1]));
                }
            }
            first = end;
        }
        if self.strides.is_empty() {
            return course.redo;
        }
        V::apart(Rest { course, now, tick, duration_us: self.duration_us })
    }
}

/// A neuron in a trial.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lane {
    /// Spikes so far.
    pub count: u32,
    /// End of the refractory time; while the crossing is not solved yet, a time before it.
    pub until_us: f64,
}

/// The membranes at one time. Kept in registers.
#[derive(Clone, Copy)]
pub(super) struct Now<V: Vector, const K: usize> {
    pub x: V,
    pub exc: [V; K],
    pub inh: [V; K],
    /// The nearer of threshold and upper limit.
    pub ceiling: V,
    /// Refractory lanes, and those that are left out.
    pub held: V::Mask,
    /// The same as bits: those that are not.
    pub free: u32,
    /// A tick before the end of the first refractory time that ends.
    pub release: u32,
}

/// What changes rarely on the way.
pub(super) struct Course<'a, S, const K: usize> {
    pub block: &'a Block<K>,
    pub lanes: [Lane; LANES],
    /// Thresholds that were crossed when nobody knows yet.
    pub crossings: Crossings<K>,
    /// Lanes whose ceiling is the upper limit.
    pub limited: u32,
    pub redo: u32,
    pub around: S,
}

#[inline(always)]
pub(super) fn sum<V: Vector, const K: usize>(currents: &[V; K]) -> V {
    let mut sum = currents[0];
    for current in &currents[1..] {
        sum = sum.add(*current);
    }
    sum
}

/// The potential and the currents after a step in which nothing happens.
#[inline(always)]
pub(super) fn coast<V: Vector, const K: usize>(block: &Block<K>, now: &Now<V, K>, ticks: u32) -> (V, [V; K], [V; K]) {
    let row = &block.steps[ticks as usize];
    let (mut exc, mut inh) = (now.exc, now.inh);
    for k in 0..K {
        exc[k] = exc[k].mul(V::load(&row.exc[k]));
        inh[k] = inh[k].mul(V::load(&row.inh[k]));
    }
    // The potential enters last: nothing waits for it.
    let mut charge = now.exc[0].mul(V::load(&row.from_exc[0]));
    let mut lack = now.inh[0].mul(V::load(&row.from_inh[0]));
    for k in 1..K {
        charge = now.exc[k].mul_add(V::load(&row.from_exc[k]), charge);
        lack = now.inh[k].mul_add(V::load(&row.from_inh[k]), lack);
    }
    (now.x.mul_add(V::load(&row.mem), charge.sub(lack)), exc, inh)
}

impl<S: Surroundings, const K: usize> Course<'_, S, K> {
    /// Moves all on by some ticks, at most the longest step.
    #[inline(always)]
    pub fn step<V: Vector>(&mut self, now: &mut Now<V, K>, ticks: u32, tick: u32) {
        let (to, exc, inh) = coast(self.block, now, ticks);
        let due = now.release <= tick + ticks;
        if now.free != 0 || due {
            let span = V::splat(self.block.spans_us[ticks as usize]);
            // x' = exc - inh - x / tau_mem <= exc now - inh then - x / tau_mem.
            let drive = sum(&now.exc).sub(sum(&inh));
            let rise = V::load(&self.block.rate_mem).neg_mul_add(now.x, drive);
            let highest = rise.max(V::splat(0.0)).mul_add(span, now.x);
            let lowest = sum(&now.inh).neg_mul_add(span, now.x.min(V::splat(0.0)));
            let near = highest.at_least(now.ceiling).or(V::load(&self.block.lower).at_least(lowest));
            if now.held.and_not(near).bits() != 0 || due {
                *now = V::apart(Look { course: self, now: *now, ticks, tick });
                return;
            }
            now.x = V::select(now.held, now.x, to);
        }
        (now.exc, now.inh) = (exc, inh);
    }

    /// Lanes are given up: the reference does them from the start.
    #[inline(always)]
    pub fn leave<V: Vector>(&mut self, now: &mut Now<V, K>, lanes: u32) {
        if lanes != 0 {
            self.redo |= lanes;
            now.free &= !lanes;
            now.held = now.held.or(V::Mask::of(lanes));
            for l in (0..LANES).filter(|l| lanes & 1 << l != 0) {
                self.lanes[l].until_us = f64::INFINITY;
            }
            self.look_for_release(now);
        }
    }

    /// A lane fires, and is refractory until some time or a little later.
    #[inline(always)]
    pub fn hold<V: Vector>(&mut self, now: &mut Now<V, K>, l: usize, until_us: f64) {
        now.free &= !(1 << l);
        self.lanes[l].until_us = until_us;
        now.release = now.release.min(tick_before(until_us));
    }

    #[inline(always)]
    pub fn look_for_release<V: Vector>(&self, now: &mut Now<V, K>) {
        now.release = tick_before(self.lanes.iter().map(|lane| lane.until_us).fold(f64::INFINITY, f64::min));
    }
}

/// A tick that is not after a time.
#[inline(always)]
fn tick_before(time_us: f64) -> u32 {
    (time_us * (1.0 / TICK_US) - 1e-3) as u32
}
