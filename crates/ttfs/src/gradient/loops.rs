//! The inner loops of the backward pass: one input, all neurons of a layer. Compiled for the widest vectors of the processor; the
//! arithmetic is the same on all.

#![allow(clippy::inline_always, reason = "loops must be inlined into a function that is compiled for the processor")]

use std::borrow::Cow;

use bss2_emu::vectors::Loops;
use ndarray::{Array1, ArrayView1};

/// The numbers of a row in one piece.
pub(super) fn contiguous(row: ArrayView1<'_, f64>) -> Cow<'_, [f64]> {
    row.to_slice().map_or_else(|| Cow::Owned(row.to_vec()), Cow::Borrowed)
}

/// The numbers of an array that was made here, and so is in one piece.
pub(super) fn slice_mut(array: &mut Array1<f64>) -> &mut [f64] {
    array.as_slice_mut().unwrap_or_default()
}

/// Per neuron: its measured time, its kernel, and the factor on it.
#[derive(Clone, Copy)]
pub(super) struct Columns<'a> {
    pub(super) until: &'a [f64],
    pub(super) p: &'a [f64],
    pub(super) g: &'a [f64],
    pub(super) factor: &'a [f64],
}

/// Adds an input's `w e` and `w e q` to the sums of the neurons that it precedes.
pub(super) struct Charges<'a> {
    pub(super) plain: &'a mut [f64],
    pub(super) lagged: &'a mut [f64],
    pub(super) weights: &'a [f64],
    pub(super) until: &'a [f64],
    /// `t`, `e`, `q`.
    pub(super) input: (f64, f64, f64),
}

impl Loops for Charges<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { plain, lagged, weights, until, input: (t, e, q) } = self;
        for (((plain, lagged), &w), &until) in plain.iter_mut().zip(lagged).zip(weights).zip(until) {
            let x = if t <= until { w * e } else { 0.0 };
            *plain += x;
            *lagged += x * q;
        }
    }
}

/// Takes an input's part off the gradients by its weights.
pub(super) struct WeightGradients<'a> {
    pub(super) gradients: &'a mut [f64],
    pub(super) factors: Columns<'a>,
    pub(super) t: f64,
    pub(super) scale: f64,
    pub(super) q: f64,
}

impl Loops for WeightGradients<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { gradients, factors: Columns { until, p, g, factor }, t, scale, q } = self;
        for ((((gradient, &until), &p), &g), &factor) in gradients.iter_mut().zip(until).zip(p).zip(g).zip(factor) {
            *gradient -= if t <= until { scale * factor * (p - q * g) } else { 0.0 };
        }
    }
}

/// An input's terms of the gradient by its time, neuron by neuron.
pub(super) struct TimeTerms<'a> {
    pub(super) terms: &'a mut [f64],
    pub(super) weights: &'a [f64],
    pub(super) factors: Columns<'a>,
    pub(super) t: f64,
    pub(super) q: f64,
    pub(super) per_tau: f64,
}

impl Loops for TimeTerms<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { terms, weights, factors: Columns { until, p, g, factor }, t, q, per_tau } = self;
        let rows = terms.iter_mut().zip(weights).zip(until).zip(p).zip(g).zip(factor);
        for (((((term, &w), &until), &p), &g), &factor) in rows {
            *term = if t <= until { w * factor * (1.0 - (p - q * g) * per_tau) } else { 0.0 };
        }
    }
}
