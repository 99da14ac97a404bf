//! Thresholds that were crossed within a step: when.
//!
//! That a membrane is above its ceiling at the end of a step says that it has fired; when it did matters to nobody before its refractory
//! time ends. So the steps in which membranes crossed are noted whole, and the crossings solved together, sixteen at a time, by the
//! Taylor series of the potential and two steps of Newton's method. What they do not decide is solved in double precision.

#![allow(clippy::inline_always, clippy::needless_range_loop, reason = "vector code: see the module of vectors")]

use crate::events::TICK_US;

use super::kernel::{Now, sum};
use super::tables::Block;
use super::vector::{LANES, Lanes, Mask, Vector};

/// Room for steps; a power of two above the number of lanes.
const ROOM: usize = 2 * LANES;
/// Order of the series of the potential within a step.
const ORDER: usize = 7;

/// Crossings that are not solved yet. A lane has one of them at most: it does not go on before it is solved.
#[derive(Debug)]
pub struct Crossings<const K: usize> {
    /// Steps in which lanes crossed, and room for one that nobody may have crossed in.
    steps: [Step<K>; ROOM],
    /// Lanes.
    pub who: [usize; LANES],
    /// Beginning of the step, and its end.
    pub from_us: [f64; LANES],
    pub until_us: [f64; LANES],
    span_us: Lanes,
    /// At the beginning.
    pub x: Lanes,
    pub exc: [Lanes; K],
    pub inh: [Lanes; K],
    ceiling: Lanes,
    /// Potential at the end, had it not fired.
    to: Lanes,
    rate_mem: Lanes,
    rate_exc: [Lanes; K],
    rate_inh: [Lanes; K],
}

/// The membranes of a block at the beginning of a step, in memory.
#[derive(Debug, Clone, Copy)]
pub struct Step<const K: usize> {
    x: Lanes,
    exc: [Lanes; K],
    inh: [Lanes; K],
    /// Potentials at the end.
    to: Lanes,
    pub tick: u32,
    ticks: u32,
    /// Bits of the lanes that crossed.
    pub crossed: u32,
}

impl<const K: usize> Step<K> {
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
        Self {
            steps: [step; ROOM],
            who: [0; LANES],
            from_us: [0.0; LANES],
            until_us: [0.0; LANES],
            span_us: none,
            x: none,
            exc: [none; K],
            inh: [none; K],
            ceiling: none,
            to: none,
            rate_mem: none,
            rate_exc: [none; K],
            rate_inh: [none; K],
        }
    }

    /// The step with this number.
    #[inline(always)]
    pub fn step(&mut self, number: u32) -> &mut Step<K> {
        &mut self.steps[number as usize % ROOM]
    }

    /// Picks out who crossed in the first `n_steps` steps, and what is needed to know when. How many.
    #[inline(always)]
    pub fn pick(&mut self, block: &Block<K>, ceilings: &Lanes, n_steps: u32) -> usize {
        let mut n = 0;
        for step in &self.steps[..n_steps as usize % ROOM] {
            let (from_us, span_us) = (f64::from(step.tick) * TICK_US, block.steps[step.ticks as usize].span_us);
            let until_us = f64::from(step.tick + step.ticks) * TICK_US;
            let mut crossed = step.crossed;
            while crossed != 0 && n < LANES {
                let l = crossed.trailing_zeros() as usize % LANES;
                crossed &= crossed - 1;
                self.who[n] = l;
                (self.from_us[n], self.until_us[n], self.span_us.0[n]) = (from_us, until_us, span_us);
                (self.x.0[n], self.to.0[n], self.ceiling.0[n]) = (step.x.0[l], step.to.0[l], ceilings.0[l]);
                self.rate_mem.0[n] = block.rate_mem.0[l];
                for k in 0..K {
                    (self.exc[k].0[n], self.inh[k].0[n]) = (step.exc[k].0[l], step.inh[k].0[l]);
                    (self.rate_exc[k].0[n], self.rate_inh[k].0[n]) = (block.rate_exc[k].0[l], block.rate_inh[k].0[l]);
                }
                n += 1;
            }
        }
        n
    }

    /// When the ceilings were crossed, in us after the beginning of the step, and which of these times are good.
    #[inline(always)]
    pub fn solve<V: Vector>(&self) -> (Lanes, u32) {
        let zero = V::splat(0.0);
        let (span, rate) = (V::load(&self.span_us), V::load(&self.rate_mem));
        let (x, to) = (V::load(&self.x), V::load(&self.to));
        let load = |lanes: &[Lanes; K]| {
            let mut vectors = [zero; K];
            for k in 0..K {
                vectors[k] = V::load(&lanes[k]);
            }
            vectors
        };
        let (mut exc, mut inh) = (load(&self.exc), load(&self.inh));
        let mut series = [zero; ORDER];
        let mut derivative = x;
        let mut factorial = 1.0;
        for (n, coefficient) in series.iter_mut().enumerate() {
            derivative = rate.neg_mul_add(derivative, sum(&exc).sub(sum(&inh)));
            factorial /= (n + 1) as f32;
            *coefficient = derivative.mul(V::splat(factorial));
            for k in 0..K {
                exc[k] = zero.sub(exc[k].mul(V::load(&self.rate_exc[k])));
                inh[k] = zero.sub(inh[k].mul(V::load(&self.rate_inh[k])));
            }
        }
        let missing = V::load(&self.ceiling).sub(x);
        // The parabola with this slope at the beginning and this end.
        let slope = series[0];
        let bend = slope.neg_mul_add(span, to.sub(x)).div(span.mul(span));
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
        (s.min(span).store(), good.bits())
    }
}
