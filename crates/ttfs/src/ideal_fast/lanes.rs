//! The loop over spikes with neurons in the lanes, and the solution of what may cross.

#![allow(
    clippy::inline_always,
    clippy::needless_bitwise_bool,
    reason = "loops must be inlined into a function that is compiled for the processor, and must not branch"
)]

use bss2_emu::vectors::Loops;

use super::events::{Event, Events};

/// Neurons that go through all spikes together; fewer where a layer has only few more.
pub(super) const WIDE: usize = 64;
pub(super) const NARROW: usize = 16;

/// Part of the threshold, or of a step of Newton's method, that single precision is not trusted with.
const DOUBT: f32 = 1e-5;

/// Weights in the order in which the loop needs them: block by block, input by input, neuron by neuron.
#[derive(Debug, Default)]
pub(super) struct Weights {
    pub(super) n_inputs: usize,
    pub(super) n_neurons: usize,
    /// Neurons in wide blocks; those after them are in narrow ones.
    wide: usize,
    rows: Vec<f32>,
}

impl Weights {
    /// Takes weights of `(input, neuron)`.
    pub(super) fn new((n_inputs, n_neurons): (usize, usize), mut rows: impl FnMut(usize, &mut [f32])) -> Self {
        let rest = n_neurons % WIDE;
        let wide = n_neurons - rest + if rest > WIDE / 2 { WIDE } else { 0 };
        let width = wide + n_neurons.saturating_sub(wide).next_multiple_of(NARROW);
        let mut weights = Self { n_inputs, n_neurons, wide, rows: vec![0.0; n_inputs * width] };
        let mut row = vec![0.0; width];
        for input in 0..n_inputs {
            rows(input, &mut row[..n_neurons]);
            for from in (0..wide).step_by(WIDE) {
                weights.rows[from * n_inputs + input * WIDE..][..WIDE].copy_from_slice(&row[from..][..WIDE]);
            }
            for from in (wide..width).step_by(NARROW) {
                weights.rows[from * n_inputs + input * NARROW..][..NARROW].copy_from_slice(&row[from..][..NARROW]);
            }
        }
        weights
    }

    /// Neurons with those that fill up the last block.
    pub(super) fn width(&self) -> usize {
        self.wide + self.n_neurons.saturating_sub(self.wide).next_multiple_of(NARROW)
    }

    /// One weight.
    fn of(&self, input: usize, neuron: usize) -> f32 {
        let size = if neuron < self.wide { WIDE } else { NARROW };
        self.rows[(neuron - neuron % size) * self.n_inputs + input * size + neuron % size]
    }
}

/// What is known of a membrane in the interval in which it may cross.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u32)]
pub(super) enum Verdict {
    /// It crosses.
    #[default]
    Spike,
    /// It does not.
    None,
    /// Single precision cannot tell.
    Doubt,
}

/// All neurons of a layer after the loop: those that may cross as they were then, the others as they are at the end.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    a: Vec<f32>,
    u: Vec<f32>,
    /// Number of the spike that began the last interval.
    pub(super) interval: Vec<u32>,
    v: Vec<f32>,
    i: Vec<f32>,
    span: Vec<f32>,
    /// Time from the beginning of the interval to the crossing.
    pub(super) after: Vec<f32>,
    pub(super) verdict: Vec<u32>,
}

/// All spikes through all neurons.
pub(super) struct Run<'a> {
    pub(super) weights: &'a Weights,
    pub(super) events: &'a Events,
    pub(super) lanes: &'a mut Lanes,
    pub(super) theta: f32,
}

impl Loops for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { weights, events, lanes, theta } = self;
        let width = weights.width();
        for list in [&mut lanes.a, &mut lanes.u, &mut lanes.v, &mut lanes.i, &mut lanes.span, &mut lanes.after] {
            list.resize(width, 0.0);
        }
        for list in [&mut lanes.interval, &mut lanes.verdict] {
            list.resize(width, 0);
        }
        for from in (0..weights.wide).step_by(WIDE) {
            block::<WIDE>(&weights.rows[from * weights.n_inputs..], &events.list, lanes, from);
        }
        for from in (weights.wide..width).step_by(NARROW) {
            block::<NARROW>(&weights.rows[from * weights.n_inputs..], &events.list, lanes, from);
        }
        let Lanes { a, u, interval, v, i, span, after, verdict } = lanes;
        let last = events.list.len() - 1;
        for ((((a, u), interval), v), (i, span)) in
            a.iter().zip(&*u).zip(&*interval).zip(v.iter_mut()).zip(i.iter_mut().zip(span.iter_mut()))
        {
            let k = (*interval as usize).min(last);
            let event = &events.list[k];
            let shrink = 1.0 / event.growth;
            *v = (-event.span).mul_add(*a, *u) * shrink;
            *i = *a * shrink;
            *span = if k == last { f32::INFINITY } else { event.span };
        }
        for ((((v, i), span), after), verdict) in v.iter().zip(&*i).zip(&*span).zip(after.iter_mut()).zip(verdict) {
            (*after, *verdict) = crossing(*v, *i, *span, theta);
        }
    }
}

/// Takes a block of neurons from spike to spike. A neuron that may cross stays as it is.
#[inline(always)]
fn block<const N: usize>(rows: &[f32], events: &[Event], lanes: &mut Lanes, from: usize) {
    let rows = rows.as_chunks::<N>().0;
    let (mut a, mut u) = ([0.0_f32; N], [0.0_f32; N]);
    let (mut alive, mut passed) = ([u32::MAX; N], [u32::MAX; N]);
    for event in events {
        let Some(w) = rows.get(event.input as usize) else { return };
        let mut kept = [0.0; N];
        for l in 0..N {
            kept[l] = f32::from_bits(w[l].to_bits() & alive[l]);
        }
        for l in 0..N {
            a[l] = kept[l].mul_add(event.growth, a[l]);
        }
        for l in 0..N {
            kept[l] = f32::from_bits(a[l].to_bits() & alive[l]);
        }
        for l in 0..N {
            u[l] = kept[l].mul_add(event.span, u[l]);
        }
        for l in 0..N {
            passed[l] = passed[l].wrapping_sub(alive[l]);
        }
        for l in 0..N {
            alive[l] &= u32::from(u[l] < event.tangent).wrapping_neg();
        }
    }
    lanes.a[from..][..N].copy_from_slice(&a);
    lanes.u[from..][..N].copy_from_slice(&u);
    lanes.interval[from..][..N].copy_from_slice(&passed);
}

/// The first `s` in `0..=span` with `v + i s = theta e^s`, and what it is worth.
#[inline(always)]
fn crossing(v: f32, i: f32, span: f32, theta: f32) -> (f32, u32) {
    // The line is highest above the curve at `top`, and l before the root: above/i = e^-l - 1 + l = p^2/2, a series in p.
    let top = ln((i / theta).max(1.0));
    let p = (2.0 * (i.mul_add(top, v) - i) / i).max(0.0).sqrt();
    let mut series = 1.0 / 270.0_f32;
    for factor in [1.0 / 36.0, 1.0 / 6.0, 1.0] {
        series = p.mul_add(series, factor);
    }
    let mut s = top - p * series;
    let mut step = 0.0;
    for _ in 0..2 {
        let growth = theta * exp(s);
        step = (i.mul_add(s, v) - growth) / (i - growth);
        s -= step;
    }
    let is_sure = (s >= 0.0) & (s <= span) & (step.abs() <= DOUBT) & (i - theta * exp(s) > 1e-2 * theta);
    // Where the line is highest above the curve within the interval.
    let top = top.min(span);
    let above = i.mul_add(top, v) - theta * exp(top);
    let is_none = above < -DOUBT * i.abs().max(theta);
    let verdict = if is_none { Verdict::None as u32 } else { Verdict::Doubt as u32 };
    (s, if is_sure { Verdict::Spike as u32 } else { verdict })
}

/// Whether and when a neuron spikes that was looked at in vain in the interval in which it was left; `None` if single precision
/// cannot tell.
pub(super) struct Resume<'a> {
    pub(super) weights: &'a Weights,
    pub(super) events: &'a Events,
    pub(super) lanes: &'a Lanes,
    pub(super) theta: f32,
    pub(super) neuron: usize,
}

impl Loops for Resume<'_> {
    type Output = Option<f64>;

    #[inline(always)]
    fn run(self) -> Option<f64> {
        let Self { weights, events, lanes, theta, neuron } = self;
        let (mut a, mut u) = (lanes.a[neuron], lanes.u[neuron]);
        let last = events.list.len() - 1;
        for k in lanes.interval[neuron] as usize + 1..=last {
            let event = &events.list[k];
            a = weights.of(event.input as usize, neuron).mul_add(event.growth, a);
            let before = u;
            u = a.mul_add(event.span, u);
            if u < event.tangent && k < last {
                continue;
            }
            let span = if k == last { f32::INFINITY } else { event.span };
            let (after, verdict) = crossing(before / event.growth, a / event.growth, span, theta);
            if verdict == Verdict::Spike as u32 {
                return Some(events.times[k] + f64::from(after));
            }
            if verdict == Verdict::Doubt as u32 {
                return None;
            }
        }
        Some(f64::INFINITY)
    }
}

/// `e^x` for moderate `x`, to a few units in the last place.
#[inline(always)]
fn exp(x: f32) -> f32 {
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

/// `ln x` for `x >= 1`, to 3e-7.
#[inline(always)]
fn ln(x: f32) -> f32 {
    // x = m 2^k with m in 0.7..1.4, and ln m = 2 artanh((m - 1)/(m + 1)).
    const HALF_ROOT: u32 = 0x3f35_04f3;
    let shifted = x.to_bits().wrapping_sub(HALF_ROOT);
    let k = (shifted as i32 >> 23) as f32;
    let m = f32::from_bits((shifted & 0x007f_ffff) + HALF_ROOT);
    let z = (m - 1.0) / (m + 1.0);
    let square = z * z;
    let mut series = 0.222_222_22_f32;
    for factor in [0.285_714_3, 0.4, 0.666_666_7, 2.0] {
        series = square.mul_add(series, factor);
    }
    k.mul_add(std::f32::consts::LN_2, z * series)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elementary_functions_agree_with_the_library() {
        for k in 0..4000 {
            let x = 1.0 + 0.01 * (k * k) as f32 / 40.0;
            assert!((ln(x) - libm::logf(x)).abs() <= 3e-7 * (1.0 + libm::logf(x)), "{x}");
            let y = -20.0 + 0.01 * k as f32;
            assert!((exp(y) / libm::expf(y) - 1.0).abs() < 1e-6, "{y}");
        }
    }

    #[test]
    fn the_neurons_of_all_blocks_have_their_weights() {
        for n in [1, 16, 17, 33, 64, 90, 100, 120, 246] {
            let weights = Weights::new((5, n), |input, row| {
                for (j, w) in row.iter_mut().enumerate() {
                    *w = (1000 * input + j) as f32;
                }
            });
            assert!((0..5).all(|input| (0..n).all(|j| weights.of(input, j) == (1000 * input + j) as f32)));
        }
    }
}
