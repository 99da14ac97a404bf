//! Thresholds that were crossed within a step: when.
//!
//! That a membrane is above its ceiling at the end of a step says that it has fired; when it did matters to nobody before its refractory
//! time ends. So the steps in which membranes crossed are noted whole, and the crossings solved together, sixteen at a time, by the
//! Taylor series of the potential and two steps of Newton's method. What they do not decide is solved in double precision.

#![allow(clippy::inline_always, clippy::needless_range_loop, reason = "vector code: see the module of vectors")]

use crate::events::TICK_US;

use super::kernel::Now;
use super::series::Series;
use super::tables::Block;
use super::vector::{LANES, Lanes, Mask, Vector, lanes_of};

/// Room for steps; a power of two above the number of lanes.
const ROOM: usize = 2 * LANES;

/// Crossings that are not solved yet. A lane has one of them at most: it does not go on before it is solved.
#[derive(Debug)]
pub struct Crossings<const K: usize> {
    /// Steps in which lanes crossed, and room for one that nobody may have crossed in.
    steps: [Step<K>; ROOM],
    /// By lane: the step it crossed in.
    step_of: [u8; LANES],
}

/// The membranes of a block at the beginning of a step, in memory.
#[derive(Debug, Clone, Copy)]
pub struct Step<const K: usize> {
    pub x: Lanes,
    pub exc: [Lanes; K],
    pub inh: [Lanes; K],
    /// Potentials at the end.
    to: Lanes,
    pub tick: u32,
    pub ticks: u32,
    /// Bits of the lanes that crossed.
    pub crossed: u32,
}

impl<const K: usize> Step<K> {
    /// When it begins and ends.
    #[inline(always)]
    pub fn bounds_us(&self) -> (f64, f64) {
        (f64::from(self.tick) * TICK_US, f64::from(self.tick + self.ticks) * TICK_US)
    }

    /// Notes the membranes as they are, their potentials at the end and who crosses.
    #[inline(always)]
    pub fn note<V: Vector>(&mut self, now: &Now<V, K>, to: V, tick: u32, ticks: u32, crossed: u32) {
        (self.tick, self.ticks, self.crossed) = (tick, ticks, crossed);
        (self.x, self.to) = (now.x.store(), to.store());
        for k in 0..K {
            (self.exc[k], self.inh[k]) = (now.exc[k].store(), now.inh[k].store());
        }
    }
}

impl<const K: usize> Crossings<K> {
    pub fn new() -> Self {
        let none = Lanes::all(0.0);
        let step = Step { x: none, exc: [none; K], inh: [none; K], to: none, tick: 0, ticks: 0, crossed: 0 };
        Self { steps: [step; ROOM], step_of: [0; LANES] }
    }

    /// The step with this number.
    #[inline(always)]
    pub fn step(&mut self, number: u32) -> &mut Step<K> {
        &mut self.steps[number as usize % ROOM]
    }

    /// The step that a lane crossed in.
    #[inline(always)]
    pub fn step_of(&self, lane: usize) -> &Step<K> {
        &self.steps[usize::from(self.step_of[lane]) % ROOM]
    }

    /// Who crossed in the first `n_steps` steps, when, in us after the beginning of the step, and which of these times are good.
    #[inline(always)]
    pub fn solve<V: Vector>(&mut self, block: &Block<K>, ceilings: &Lanes, n_steps: u32) -> (u32, Lanes, u32) {
        let zero = V::splat(0.0);
        let (mut crossed, mut x, mut to, mut span) = (0, zero, zero, zero);
        let (mut exc, mut inh) = ([zero; K], [zero; K]);
        for (number, step) in self.steps[..n_steps as usize % ROOM].iter().enumerate() {
            let here = V::Mask::of(step.crossed);
            (x, to) = (V::select(here, V::load(&step.x), x), V::select(here, V::load(&step.to), to));
            span = V::select(here, V::splat(block.steps[step.ticks as usize].span_us), span);
            for k in 0..K {
                exc[k] = V::select(here, V::load(&step.exc[k]), exc[k]);
                inh[k] = V::select(here, V::load(&step.inh[k]), inh[k]);
            }
            crossed |= step.crossed;
            for lane in lanes_of(step.crossed) {
                self.step_of[lane] = number as u8;
            }
        }
        let series = Series::new(block, x, exc, inh);
        let missing = V::load(ceilings).sub(x);
        // The parabola with this slope at the beginning and this end.
        let slope = series.slope();
        let bend = slope.neg_mul_add(span, to.sub(x)).div(span.mul(span));
        let root = bend.mul(missing).mul_add(V::splat(4.0), slope.mul(slope)).max(zero).sqrt();
        let mut s = missing.add(missing).div(slope.add(root));
        let (mut last, mut gradient) = (zero, zero);
        for _ in 0..2 {
            let (change, slope) = series.change_and_slope(s);
            gradient = slope;
            last = missing.sub(change).div(gradient);
            s = s.add(last);
        }
        let small = span.mul(V::splat(1e-3));
        let good = small
            .at_least(last.max(zero.sub(last)))
            .and(gradient.at_least(V::splat(f32::MIN_POSITIVE)))
            .and(s.at_least(zero))
            .and(span.mul(V::splat(1.000_01)).at_least(s));
        (crossed, s.min(span).store(), good.bits())
    }
}
