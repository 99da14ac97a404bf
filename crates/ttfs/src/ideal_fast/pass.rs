//! The loop over spikes: blocks of neurons, and within them several samples side by side, since one alone would wait for its own sums.

#![allow(clippy::inline_always, reason = "must be inlined into a function that is compiled for the processor")]

use bss2_emu::vectors::{Lanes, Vector, Work};

use super::arrivals::{Arrivals, Events, TOGETHER};
use super::solve::Left;
use super::weights::{WIDE, Weights};

/// Samples that go through a wide block together, and through a block of one vector.
const BESIDE_WIDE: usize = 1;
const BESIDE_NARROW: usize = 8;

/// Samples through all neurons of a layer.
pub(super) struct Pass<'a> {
    pub(super) weights: &'a Weights,
    pub(super) arrivals: &'a [Arrivals],
    /// The samples, best in the order of their numbers of spikes: those that go together take as long as the longest of them.
    pub(super) samples: &'a [usize],
    pub(super) left: &'a mut [Left],
}

impl Work for Pass<'_> {
    type Output = ();

    #[inline(always)]
    fn with<V: Vector>(mut self) {
        let weights = self.weights;
        for (first, rows) in weights.wide() {
            self.block::<V, WIDE, BESIDE_WIDE>(first, rows);
        }
        for (first, rows) in weights.narrow() {
            self.block::<V, 1, BESIDE_NARROW>(first, rows);
        }
    }
}

impl Pass<'_> {
    /// Takes all samples through a block of `N` vectors of neurons, `M` samples at a time.
    #[inline(always)]
    fn block<V: Vector, const N: usize, const M: usize>(&mut self, first: usize, rows: &[[Lanes; N]]) {
        for samples in self.samples.chunks(M) {
            let number = |place: usize| samples[place.min(samples.len() - 1)];
            let n = samples.iter().map(|&sample| self.arrivals[sample].times.len()).max().unwrap_or(0);
            let events: [&[Events]; M] = std::array::from_fn(|place| &self.arrivals[number(place)].events[..]);
            let all = through::<V, N, M>(rows, events, n);
            for (&sample, membranes) in samples.iter().zip(&all) {
                let left = &mut self.left[sample];
                for (vector, membranes) in (first..).zip(membranes) {
                    left.a[vector] = membranes.a.store();
                    left.u[vector] = membranes.u.store();
                    left.interval[vector] = membranes.passed.store();
                }
            }
        }
    }
}

/// A vector of neurons.
#[derive(Clone, Copy)]
struct Membranes<V> {
    a: V,
    u: V,
    passed: V,
}

/// Takes neurons from spike to spike. One that may cross stays as it is: it has passed fewer intervals than there were, which is how
/// it is told from the others. (A mask from step to step would be moved to a general register and back.)
#[inline(always)]
fn through<V: Vector, const N: usize, const M: usize>(
    rows: &[[Lanes; N]],
    events: [&[Events]; M],
    n: usize,
) -> [[Membranes<V>; N]; M] {
    let (zero, one) = (V::splat(0.0), V::splat(1.0));
    let mut all = [[Membranes { a: zero, u: zero, passed: zero }; N]; M];
    let mut number = zero;
    for part in 0..n.div_ceil(TOGETHER) {
        let events = events.map(|events| &events[part]);
        for k in 0..TOGETHER.min(n - part * TOGETHER) {
            for m in 0..M {
                let weights = &rows[events[m].source[k] as usize];
                let (growth, span) = (V::splat(events[m].growth[k]), V::splat(events[m].span[k]));
                let tangent = V::splat(events[m].tangent[k]);
                for (membranes, weights) in all[m].iter_mut().zip(weights) {
                    let Membranes { a, u, passed } = *membranes;
                    let is_free = passed.at_least(number);
                    let a = V::select(is_free, V::load(weights).mul_add(growth, a), a);
                    let u = V::select(is_free, a.mul_add(span, u), u);
                    let passes = tangent.at_least_where(u, is_free);
                    let passed = V::select(passes, passed.add(one), passed);
                    *membranes = Membranes { a, u, passed };
                }
            }
            number = number.add(one);
        }
    }
    all
}
