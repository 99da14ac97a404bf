//! Crossings in the interval in which a neuron was left, all neurons of a block in step, and what is to be looked at again.

#![allow(
    clippy::inline_always,
    clippy::needless_bitwise_bool,
    reason = "loops must be inlined into a function that is compiled for the processor, and must not branch"
)]

use bss2_emu::vectors::{LANES, Lanes, Loops};

use super::arrivals::{Arrivals, TOGETHER};
use super::weights::Weights;

/// Part of the threshold, or of a step of Newton's method, that single precision is not trusted with.
const DOUBT: f32 = 1e-5;

/// The neurons of a layer after the loop, one vector after the other: those that may cross as they were then, the others as they are at
/// the end.
#[derive(Debug, Default)]
pub(super) struct Left {
    pub(super) a: Vec<Lanes>,
    pub(super) u: Vec<Lanes>,
    /// Number of the spike that began the last interval, or a larger one.
    pub(super) interval: Vec<Lanes>,
}

impl Left {
    /// Makes room for so many vectors.
    pub(super) fn resize(&mut self, vectors: usize) {
        for list in [&mut self.a, &mut self.u, &mut self.interval] {
            list.resize(vectors, Lanes::all(0.0));
        }
    }
}

/// The intervals in which neurons were left, one number for each.
#[derive(Debug, Default)]
pub(super) struct Intervals {
    number: Vec<u32>,
    time: Vec<f64>,
    shrink: Vec<f32>,
    span: Vec<f32>,
    after: Vec<f32>,
    verdict: Vec<u32>,
}

/// A neuron that the loop left in an interval in which it was not found to cross.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pending {
    pub(super) sample: usize,
    pub(super) neuron: usize,
    interval: usize,
    a: f32,
    u: f32,
}

/// First spikes of a sample, in `tau`; what needs a second look goes into `pending`.
pub(super) struct Settle<'a> {
    pub(super) left: &'a Left,
    pub(super) arrivals: &'a Arrivals,
    pub(super) theta: f32,
    pub(super) sample: usize,
    pub(super) times: &'a mut [f64],
    pub(super) intervals: &'a mut Intervals,
    pub(super) pending: &'a mut Vec<Pending>,
}

impl Loops for Settle<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        // 2^23: what is added to it is a whole number in the lowest bits.
        const INTEGER: f32 = 8_388_608.0;
        let Self { left, arrivals, theta, sample, times, intervals, pending } = self;
        let Intervals { number, time, shrink, span, after, verdict } = intervals;
        let (n, width) = (arrivals.times.len(), left.a.len() * LANES);
        for list in [&mut *shrink, span, after] {
            list.resize(width, 0.0);
        }
        time.resize(width, 0.0);
        for list in [&mut *number, verdict] {
            list.resize(width, 0);
        }
        let last = n - 1;
        for (number, interval) in number.as_chunks_mut::<LANES>().0.iter_mut().zip(&left.interval) {
            for (number, interval) in number.iter_mut().zip(&interval.0) {
                *number = (interval.min(last as f32) + INTEGER).to_bits() & 0x7f_ffff;
            }
        }
        let (times_of, shrink_of, span_of) = (&arrivals.times[..n], &arrivals.shrink[..n], &arrivals.span[..n]);
        for (((&number, time), shrink), span) in number.iter().zip(&mut *time).zip(&mut *shrink).zip(&mut *span) {
            let number = number as usize;
            (*time, *shrink, *span) = (times_of[number], shrink_of[number], span_of[number]);
        }
        let lists = left.a.iter().zip(&left.u).zip(shrink.as_chunks::<LANES>().0).zip(span.as_chunks::<LANES>().0);
        let lists = lists.zip(number.as_chunks::<LANES>().0);
        let found = after.as_chunks_mut::<LANES>().0.iter_mut().zip(verdict.as_chunks_mut::<LANES>().0);
        let per_theta = 1.0 / theta;
        for (((((a, u), shrink), span), number), (after, verdict)) in lists.zip(found) {
            for l in 0..LANES {
                let i = a.0[l] * shrink[l];
                // The line after the last spike is known where that one is.
                let length = if span[l] < f32::INFINITY { span[l] } else { 0.0 };
                let v = (-length).mul_add(a.0[l], u.0[l]) * shrink[l];
                let found = crossing(v, i, span[l], theta, per_theta);
                // Behind an interval without a crossing there are others.
                let is_early = (found.1 == SILENT) & (number[l] != last as u32);
                (after[l], verdict[l]) = (found.0, if is_early { OPEN } else { found.1 });
            }
        }
        for (((spike, time), &after), &verdict) in times.iter_mut().zip(&*time).zip(&*after).zip(&*verdict) {
            let crossing = time + f64::from(after);
            *spike = if verdict == SPIKE { crossing } else { f64::INFINITY };
        }
        for (vector, verdicts) in verdict.as_chunks::<LANES>().0.iter().enumerate() {
            if verdicts.iter().fold(0, |all, verdict| all | verdict) & OPEN == 0 {
                continue;
            }
            let neurons = vector * LANES..times.len().min((vector + 1) * LANES);
            for neuron in neurons.filter(|&neuron| verdict[neuron] == OPEN) {
                let (a, u) = (left.a[vector].0[neuron % LANES], left.u[vector].0[neuron % LANES]);
                pending.push(Pending { sample, neuron, interval: number[neuron] as usize, a, u });
            }
        }
    }
}

/// The membrane crosses.
const SPIKE: u32 = 0;
/// It does not.
const SILENT: u32 = 1;
/// Either.
const OPEN: u32 = 2;

/// Range of `p` in which the crossing is known well enough.
const GRAZING: f32 = 0.02;
const STEEP: f32 = 2.5;

/// The first `s` in `0..=span` with `v + i s = theta e^s`, and what it is worth.
#[inline(always)]
fn crossing(v: f32, i: f32, span: f32, theta: f32, per_theta: f32) -> (f32, u32) {
    // The line is highest above the curve at `top`, and l before the root: above/i = e^-l - 1 + l = p^2/2.
    let top = ln((i * per_theta).max(1.0));
    let above = (top - 1.0) + v / i;
    let p = (2.0 * above).max(0.0).sqrt();
    // l/p to 3e-8 of l, by interpolation between the zeros of a Chebyshev polynomial.
    let mut series = -9.223_437_8e-7_f32;
    for factor in [
        1.373_349e-5,
        -6.188_008_5e-5,
        9.496_133e-5,
        -2.061_960_8e-4,
        3.373_879e-4,
        3.660_918_2e-3,
        2.778_643_8e-2,
        0.166_665_99,
        1.0,
    ] {
        series = p.mul_add(series, factor);
    }
    let s = (-p).mul_add(series, top);
    let is_sure = (s >= 0.0) & (s <= span) & (p > GRAZING) & (p < STEEP);
    // Where the line is highest above the curve, if that is within the interval.
    let highest = if i > theta { i * above } else { v - theta };
    let is_silent = (top <= span) & (highest < -DOUBT * i.abs().max(theta));
    (
        s,
        if is_sure {
            SPIKE
        } else if is_silent {
            SILENT
        } else {
            OPEN
        },
    )
}

/// Whether and when a neuron spikes that was looked at in vain in the interval in which it was left; `None` if single precision
/// cannot tell.
pub(super) struct Resume<'a> {
    pub(super) weights: &'a Weights,
    pub(super) arrivals: &'a Arrivals,
    pub(super) theta: f32,
    pub(super) pending: Pending,
}

impl Loops for Resume<'_> {
    type Output = Option<f64>;

    #[inline(always)]
    fn run(self) -> Option<f64> {
        let Self { weights, arrivals, theta, pending } = self;
        let Pending { neuron, interval, mut a, mut u, .. } = pending;
        let last = arrivals.times.len() - 1;
        let mut before = if interval == last { u } else { arrivals.span[interval].mul_add(-a, u) };
        for k in interval..=last {
            if k > interval {
                let (events, l) = (&arrivals.events[k / TOGETHER], k % TOGETHER);
                a = weights.of(events.source[l] as usize, neuron).mul_add(events.growth[l], a);
                before = u;
                u = a.mul_add(events.span[l], u);
                if u <= events.tangent[l] && k < last {
                    continue;
                }
            }
            let (v, i, span) = (before * arrivals.shrink[k], a * arrivals.shrink[k], arrivals.span[k]);
            match crossing(v, i, span, theta, 1.0 / theta) {
                (after, SPIKE) => return Some(arrivals.times[k] + f64::from(after)),
                (_, OPEN) if !stays_below(v, i, span, theta) => return None,
                _ => {}
            }
        }
        Some(f64::INFINITY)
    }
}

/// Whether the line is below the curve where it is highest above it within the interval.
#[inline(always)]
fn stays_below(v: f32, i: f32, span: f32, theta: f32) -> bool {
    let top = ln((i / theta).max(1.0)).min(span);
    i.mul_add(top, v) - theta * exp(top) < -DOUBT * i.abs().max(theta)
}

/// `e^x` for moderate `x`, to a few units in the last place.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    // 1.5 * 2^23: adding it to a small number leaves the nearest integer in the lowest bits.
    const INTEGER: f32 = 12_582_912.0;
    let shifted = x.mul_add(std::f32::consts::LOG2_E, INTEGER);
    let k = shifted - INTEGER;
    let r = k.mul_add(2.121_944_4e-4, k.mul_add(-0.693_359_4, x));
    let mut series = 1.389e-3_f32;
    for factor in [8.333_45e-3, 4.166_58e-2, 1.666_666_5e-1, 0.5, 1.0, 1.0] {
        series = r.mul_add(series, factor);
    }
    let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(127 << 23));
    if x.abs() < 80.0 { series * power } else { f32::NAN }
}

/// `ln x` for `x >= 1`, to 2e-7 of 1 or of itself, whichever is larger.
#[inline(always)]
fn ln(x: f32) -> f32 {
    // x = (1 + f) 2^k with 1 + f in 0.7..1.4; the polynomial is that of the Cephes library.
    const HALF_ROOT: u32 = 0x3f35_04f3;
    let shifted = x.to_bits().wrapping_sub(HALF_ROOT);
    let k = (shifted as i32 >> 23) as f32;
    let f = f32::from_bits((shifted & 0x007f_ffff) + HALF_ROOT) - 1.0;
    let mut series = 7.037_683_6e-2_f32;
    for factor in [
        -0.115_146_1,
        0.116_769_99,
        -0.124_201_41,
        0.142_493_23,
        -0.166_680_58,
        0.200_007_15,
        -0.249_999_94,
        0.333_333_3,
        -0.5,
    ] {
        series = f.mul_add(series, factor);
    }
    let fraction = (f * f).mul_add(series, k.mul_add(-2.121_944_4e-4, f));
    k.mul_add(0.693_359_4, fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crossings_solve_their_equation() {
        let (theta, mut sure) = (1.3_f32, 0);
        for (k, j) in (0..200).flat_map(|k| (0..200).map(move |j| (k, j))) {
            let (v, i) = (theta * (j as f32 / 200.0 - 0.3), theta * (1.0 + k as f32 * 0.05));
            let (s, verdict) = crossing(v, i, f32::INFINITY, theta, 1.0 / theta);
            let [v, i, theta] = [v, i, theta].map(f64::from);
            let highest = v + i * libm::log(i / theta) - i;
            if verdict == SPIKE {
                let growth = theta * libm::exp(f64::from(s));
                let error = (v + i * f64::from(s) - growth) / (i - growth);
                // What single precision knows of the highest point, divided by the slope.
                assert!(error.abs() < 5e-7 * (1.0 + i / (i - growth)), "{error} for {v} {i}");
                sure += 1;
            } else if verdict == SILENT {
                assert!(highest < 0.0, "{v} {i}");
            } else {
                assert!(highest.abs() < 1e-3 * i || i > 10.0 * theta || s <= 0.0, "{v} {i}");
            }
        }
        assert!(sure > 25_000, "{sure}");
    }

    #[test]
    fn elementary_functions_agree_with_the_library() {
        for k in 0..4000 {
            let x = 1.0 + 0.01 * (k * k) as f32 / 40.0;
            assert!((ln(x) - libm::logf(x)).abs() <= 2e-7 * libm::logf(x).max(1.0), "{x}");
            let y = -20.0 + 0.01 * k as f32;
            assert!((exp(y) / libm::expf(y) - 1.0).abs() < 1e-6, "{y}");
        }
    }
}
