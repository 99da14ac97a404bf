//! When the membranes of a block of neurons, left to themselves, reach the threshold.
//!
//! As for one neuron ([`Dynamics::crossing`](crate::neuron::Dynamics)): a rising potential is concave and has at most one peak, so it
//! crosses on the way there or not at all. With `l` the time from the crossing to the peak and `h = 1 - threshold/V_peak`,
//!
//! ```text
//! 1 - h = e^(l/tau_mem) (1 - L(l)/tau_mem)      L(l) = (e^(gap l) - 1)/gap      q = sqrt(2 tau_mem tau_syn h)
//! l = q/(1 + a q + b q^2) + O(q^4)              a = (1/tau_mem + 1/tau_syn)/6        b = -1/(24 tau_mem tau_syn)
//! ```
//! The series is off by 2 % where a membrane starts at 0 and time constants are within a factor of four. From there Halley's method on the potential itself, whose two exponentials give both derivatives, is exact to rounding after three steps.

#![allow(clippy::inline_always, reason = "must be inlined into a loop that is compiled for the processor")]

use crate::neuron::LifModel;
use crate::wide::{Mask, Wide};

/// Last step of Halley's method, in time constants, beyond which three were not enough.
const LARGEST_STEP: f64 = 1e-5;
/// Slopes at the threshold below this, in thresholds per slower time constant, graze.
const GRAZING: f64 = 0.01;
/// Part of the threshold, and of the terms that the potential is the difference of, within which rounding may decide.
const DOUBT: [f64; 2] = [1e-9, 1e-14];
const STEPS: usize = 3;

/// Constants of the neurons of a block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Constants<const N: usize> {
    pub(super) per_tau_mem: Wide<N>,
    pub(super) per_tau_syn: Wide<N>,
    /// `tau_mem/(tau_mem - tau_syn)`.
    pub(super) c: Wide<N>,
    /// Infinite where there is no neuron, or one for the twin.
    pub(super) threshold: Wide<N>,
    /// Peak of the PSP of unit weight.
    pub(super) psp_peak: Wide<N>,
    ratio: Wide<N>,
    per_gap: Wide<N>,
    two_tau_tau: Wide<N>,
    series: [Wide<N>; 2],
    steep: Wide<N>,
    tau_fast: Wide<N>,
}

impl<const N: usize> Constants<N> {
    /// Of up to `N` neurons, but not of those `left_out`.
    pub(super) fn new(models: &[LifModel], left_out: impl Fn(&LifModel) -> bool) -> Self {
        let of = |number: fn(&LifModel) -> f64, otherwise: f64| {
            let mut wide = Wide::all(otherwise);
            for (x, model) in wide.0.iter_mut().zip(models) {
                if !left_out(model) {
                    *x = number(model);
                }
            }
            wide
        };
        Self {
            per_tau_mem: of(|m| 1.0 / m.tau_mem, 0.5),
            per_tau_syn: of(|m| 1.0 / m.tau_syn, 1.0),
            c: of(|m| m.tau_mem / (m.tau_mem - m.tau_syn), 2.0),
            threshold: of(|m| m.threshold, f64::INFINITY),
            psp_peak: of(|m| m.dynamics().psp_peak(), 0.5),
            ratio: of(|m| m.tau_syn / m.tau_mem, 0.5),
            per_gap: of(|m| 1.0 / m.dynamics().gap, 2.0),
            two_tau_tau: of(|m| 2.0 * m.tau_mem * m.tau_syn, 4.0),
            series: [
                of(|m| (1.0 / m.tau_mem + 1.0 / m.tau_syn) / 6.0, 0.0),
                of(|m| -1.0 / (24.0 * m.tau_mem * m.tau_syn), 0.0),
            ],
            steep: of(|m| GRAZING * m.threshold / m.tau_mem.max(m.tau_syn), 0.0),
            tau_fast: of(|m| m.tau_mem.min(m.tau_syn), 1.0),
        }
    }

    /// `a e^(-s/tau_mem)` and `b e^(-s/tau_syn)`. (A closure would not be compiled for the processor.)
    #[inline(always)]
    fn decayed(&self, a: Wide<N>, b: Wide<N>, s: Wide<N>) -> (Wide<N>, Wide<N>) {
        (a * (-s * self.per_tau_mem).exp(), b * (-s * self.per_tau_syn).exp())
    }

    /// The neurons that are there.
    #[inline(always)]
    pub(super) fn used(&self) -> Mask<N> {
        self.threshold.below(Wide::all(f64::INFINITY))
    }
}

impl Constants<16> {
    /// Two blocks as one.
    #[inline(always)]
    pub(super) fn joined([first, second]: &[Constants<8>; 2]) -> Self {
        let of = |part: fn(&Constants<8>) -> Wide<8>| {
            let mut both = [0.0; 16];
            both[..8].copy_from_slice(&part(first).0);
            both[8..].copy_from_slice(&part(second).0);
            Wide(both)
        };
        Self {
            per_tau_mem: of(|c| c.per_tau_mem),
            per_tau_syn: of(|c| c.per_tau_syn),
            c: of(|c| c.c),
            threshold: of(|c| c.threshold),
            psp_peak: of(|c| c.psp_peak),
            ratio: of(|c| c.ratio),
            per_gap: of(|c| c.per_gap),
            two_tau_tau: of(|c| c.two_tau_tau),
            series: [of(|c| c.series[0]), of(|c| c.series[1])],
            steep: of(|c| c.steep),
            tau_fast: of(|c| c.tau_fast),
        }
    }
}

/// What became of a block of neurons.
pub(super) struct Found<const N: usize> {
    /// Time to the crossing, where there is one.
    pub(super) after: Wide<N>,
    /// Neurons that cross.
    pub(super) spike: Mask<N>,
    /// Neurons of which this cannot be said.
    pub(super) doubt: Mask<N>,
}

/// The first crossings of membranes within `span` from where they are.
#[inline(always)]
pub(super) fn crossing<const N: usize>(constants: &Constants<N>, v: Wide<N>, i: Wide<N>, span: f64) -> Found<N> {
    let Constants { per_tau_mem, per_tau_syn, threshold, .. } = *constants;
    let (zero, one) = (Wide::all(0.0), Wide::all(1.0));
    let b = constants.c * i;
    let a = v + b;

    // V' = 0 where e^(-gap s) is this.
    let at_peak = (one - constants.ratio).mul_add(v / i, one) * constants.ratio;
    let rises = zero.below(i) & zero.below(i * per_tau_syn - v * per_tau_mem) & zero.below(at_peak);
    let top = zero - at_peak.ln() * constants.per_gap;
    let end = top.min(Wide::all(span));
    let (slow, fast) = constants.decayed(a, b, end);
    let above = slow - fast - threshold;
    let rounding = (slow.abs() + fast.abs()).mul_add(Wide::all(DOUBT[1]), threshold * Wide::all(DOUBT[0]));
    let reaches = rises & !above.below(rounding);
    let starts_there = !v.below(threshold * Wide::all(1.0 - DOUBT[0]));
    let grazes = rises & !above.below(-rounding) & !reaches;
    let doubt = starts_there | grazes;
    let sure = reaches & !starts_there;
    if !sure.any() {
        return Found { after: zero, spike: sure, doubt };
    }

    let peak = i * (-top * per_tau_syn).exp() / constants.ratio;
    let h = (one - threshold / peak).max(zero);
    let q = (constants.two_tau_tau * h).sqrt();
    let [first, second] = constants.series;
    let lead = q / q.mul_add(q.mul_add(second, first), one);
    let mut s = (top - lead).max(zero).min(end);
    let (mut step, mut slope) = (zero, zero);
    for _ in 0..STEPS {
        let (slow, fast) = constants.decayed(a, b, s);
        let above = slow - fast - threshold;
        let (slow, fast) = (slow * per_tau_mem, fast * per_tau_syn);
        slope = fast - slow;
        let curve = slow * per_tau_mem - fast * per_tau_syn;
        step = (above + above) * slope / ((slope + slope) * slope - above * curve);
        s = s - step;
    }
    let settled = step.abs().below(constants.tau_fast * Wide::all(LARGEST_STEP));
    let solved = settled & constants.steep.below(slope) & !s.below(zero) & !end.below(s);
    Found { after: s, spike: sure & solved, doubt: doubt | (sure & !solved) }
}
