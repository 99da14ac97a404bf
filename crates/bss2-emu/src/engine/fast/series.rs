//! The potentials of sixteen membranes within a step, as Taylor series in time.

#![allow(clippy::inline_always, clippy::needless_range_loop, reason = "vector code: see the module of vectors")]

use super::kernel::sum;
use super::tables::Block;
use super::vector::{Mask, Vector};

/// Order of the series: with time constants of 2 us and more the rest is below what an `f32` tells, for the longest step.
const ORDER: usize = 7;

/// `V(s) = V(0) + c_1 s + c_2 s^2 + ...`, for as long as no event comes.
#[derive(Clone, Copy)]
pub struct Series<V> {
    start: V,
    coefficients: [V; ORDER],
}

/// A polynomial, the constant first, and its derivative.
#[inline(always)]
fn polynomial<V: Vector>(coefficients: &[V; ORDER], s: V) -> (V, V) {
    let (mut value, mut change) = (coefficients[ORDER - 1], V::splat(0.0));
    for coefficient in coefficients[..ORDER - 1].iter().rev() {
        change = change.mul_add(s, value);
        value = value.mul_add(s, *coefficient);
    }
    (value, change)
}

impl<V: Vector> Series<V> {
    /// The series of membranes with these potentials and currents.
    #[inline(always)]
    pub fn new<const K: usize>(block: &Block<K>, start: V, mut exc: [V; K], mut inh: [V; K]) -> Self {
        let zero = V::splat(0.0);
        let rate = V::load(&block.rate_mem);
        let mut coefficients = [zero; ORDER];
        let mut derivative = start;
        let mut factorial = 1.0;
        for (n, coefficient) in coefficients.iter_mut().enumerate() {
            derivative = rate.neg_mul_add(derivative, sum(&exc).sub(sum(&inh)));
            factorial /= (n + 1) as f32;
            *coefficient = derivative.mul(V::splat(factorial));
            for k in 0..K {
                exc[k] = zero.sub(exc[k].mul(V::load(&block.rate_exc[k])));
                inh[k] = zero.sub(inh[k].mul(V::load(&block.rate_inh[k])));
            }
        }
        Self { start, coefficients }
    }

    /// Slope at the beginning.
    #[inline(always)]
    pub fn slope(&self) -> V {
        self.coefficients[0]
    }

    /// How far the potential is from its start after a time, and its slope there.
    #[inline(always)]
    pub fn change_and_slope(&self, s: V) -> (V, V) {
        let (value, change) = polynomial(&self.coefficients, s);
        (value.mul(s), change.mul_add(s, value))
    }

    /// A bound of the potentials from above that peak within the span, and where it is one: where they rise at the beginning, fall
    /// at the end with slope `last` and bend downwards at both ends and at the peak. It is above the peak by no more than rounding.
    #[inline(always)]
    pub fn peak(&self, span: V, last: V, bend_at_end: V) -> (V, V::Mask) {
        let zero = V::splat(0.0);
        let mut slopes = self.coefficients;
        for (n, slope) in slopes.iter_mut().enumerate() {
            *slope = slope.mul(V::splat((n + 1) as f32));
        }
        let first = self.slope();
        let mut s = span.mul(first).div(first.sub(last)).max(zero).min(span);
        let (mut slope, mut bend) = polynomial(&slopes, s);
        for _ in 0..2 {
            s = s.sub(slope.div(bend)).max(zero).min(span);
            (slope, bend) = polynomial(&slopes, s);
        }
        let (change, _) = self.change_and_slope(s);
        // What bends downwards is below its tangents.
        let highest = slope.max(zero.sub(slope)).mul_add(span, self.start.add(change));
        let least = V::splat(f32::MIN_POSITIVE);
        let mut sure = first.at_least(least);
        for falling in [last, slopes[1], bend_at_end, bend] {
            sure = sure.and(zero.sub(falling).at_least(least));
        }
        (highest, sure)
    }
}

/// `e^-u` for `u` up to .5.
#[inline(always)]
pub fn decay<V: Vector>(u: V) -> V {
    let one = V::splat(1.0);
    let mut sum = one;
    for n in 0..=ORDER {
        // A closure would be compiled without the vector instructions of its caller.
        sum = sum.mul(u).neg_mul_add(V::splat(1.0 / (ORDER + 1 - n) as f32), one);
    }
    sum
}
