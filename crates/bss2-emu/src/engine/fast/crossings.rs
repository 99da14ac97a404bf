//! Thresholds that were crossed within a step: when.
//!
//! That a membrane is above its ceiling at the end of a step says that it has fired; when it did matters to nobody before its refractory
//! time ends. So crossings are collected and solved together, sixteen at a time, by the Taylor series of the potential and two
//! steps of Newton's method. What they do not decide is solved in double precision.

#![allow(clippy::inline_always, clippy::needless_range_loop, reason = "vector code: see the module of vectors")]

use super::tables::Block;
use super::vector::{LANES, Lanes, Mask, Vector};

/// Order of the series of the potential within a step.
const ORDER: usize = 7;

/// Up to sixteen crossings that are not solved yet, of any lanes.
#[derive(Debug)]
pub struct Crossings<const K: usize> {
    pub n: usize,
    /// Lane and number of the spike.
    pub who: [(usize, u32); LANES],
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

/// The membranes of a block in a step, in memory.
#[derive(Debug)]
pub struct Step<const K: usize> {
    pub span_us: f32,
    pub from_us: f64,
    pub until_us: f64,
    pub x: Lanes,
    pub exc: [Lanes; K],
    pub inh: [Lanes; K],
    pub ceiling: Lanes,
    pub to: Lanes,
}

impl<const K: usize> Crossings<K> {
    pub fn new() -> Self {
        let none = Lanes::all(0.0);
        Self {
            n: 0,
            who: [(0, 0); LANES],
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

    /// Notes that a lane has crossed its ceiling for the `count`th time. There must be room.
    #[inline(always)]
    pub fn push(&mut self, block: &Block<K>, step: &Step<K>, l: usize, count: u32) {
        let n = self.n % LANES;
        self.n = n + 1;
        self.who[n] = (l, count);
        (self.from_us[n], self.until_us[n], self.span_us.0[n]) = (step.from_us, step.until_us, step.span_us);
        (self.x.0[n], self.to.0[n], self.ceiling.0[n]) = (step.x.0[l], step.to.0[l], step.ceiling.0[l]);
        self.rate_mem.0[n] = block.rate_mem.0[l];
        for k in 0..K {
            (self.exc[k].0[n], self.inh[k].0[n]) = (step.exc[k].0[l], step.inh[k].0[l]);
            (self.rate_exc[k].0[n], self.rate_inh[k].0[n]) = (block.rate_exc[k].0[l], block.rate_inh[k].0[l]);
        }
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
            derivative = rate.neg_mul_add(derivative, super::kernel::sum(&exc).sub(super::kernel::sum(&inh)));
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
