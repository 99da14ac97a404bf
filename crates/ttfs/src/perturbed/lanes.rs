//! First spikes of neurons that have time constants of their own, all neurons of a layer in step.
//!
//! ```text
//! V(s) = a e^(-s/tau_mem) - b e^(-s/tau_syn)     a = V + c I    b = c I    c = tau_mem/(tau_mem - tau_syn)    V, I -> V, I + w at an input
//! V(s) <= max(V, 0) + max(I, 0) min(s/tau_syn, k_max)          k_max: peak of the PSP of unit weight
//! ```
//! From event to event a neuron needs two exponentials and one comparison with the bound; only where that allows a crossing is it looked
//! for ([`crossing()`]), for a block of neurons at a time. Double precision throughout: against [`LifModel::first_spike`], the twin, spike
//! times differ by about 1e-12, divided by the slope at grazing crossings. What grazes so closely that rounding decides is left to the twin's
//! own solution, and neurons whose two constants agree to 1e-4 to the twin altogether: there `c` is large.

#![allow(clippy::inline_always, reason = "loops must be inlined into a function that is compiled for the processor")]

mod crossing;

use bss2_emu::vectors::{Instructions, Loops};
use ndarray::{Array2, ArrayView1, ArrayView2, Axis};
use rayon::prelude::*;

use self::crossing::{Constants, crossing};
use crate::Error;
use crate::ideal_fast::events::Events;
use crate::neuron::{Dynamics, LifModel, Membrane};
use crate::wide::Wide;

/// Relative difference of time constants below which a neuron is left to the twin.
const TOO_EQUAL: f64 = 1e-4;
/// Part of the threshold by which the bound may fall short through rounding.
const SLACK: f64 = 1e-9;

/// Neurons that go through all spikes together; half as many where no more are left.
const BLOCK: usize = 16;
const HALF: usize = BLOCK / 2;

/// The neurons of a layer.
#[derive(Debug, Clone)]
pub struct Neurons {
    models: Vec<LifModel>,
    dynamics: Vec<Dynamics>,
    constants: Vec<Constants<HALF>>,
    /// Neurons that are left to the twin.
    equal: Vec<usize>,
}

impl Neurons {
    /// Neurons with thresholds that are all the same.
    pub fn new(models: Vec<LifModel>) -> Self {
        let is_equal = |m: &LifModel| (m.tau_mem - m.tau_syn).abs() < TOO_EQUAL * m.tau_syn;
        Self {
            dynamics: models.iter().map(LifModel::dynamics).collect(),
            constants: models.chunks(HALF).map(|models| Constants::new(models, is_equal)).collect(),
            equal: models.iter().enumerate().filter(|(_, m)| is_equal(m)).map(|(n, _)| n).collect(),
            models,
        }
    }

    /// First spikes `(n_samples, n_neurons)` for input times `(n_samples, n_inputs)` and weights `(n_inputs, n_neurons)`.
    ///
    /// # Errors
    /// If the shapes do not belong together.
    pub fn first_spikes(&self, inputs: ArrayView2<f64>, weights: ArrayView2<f64>) -> Result<Array2<f64>, Error> {
        self.by(Instructions::widest(), inputs, weights)
    }

    fn by(
        &self,
        instructions: Instructions,
        inputs: ArrayView2<f64>,
        weights: ArrayView2<f64>,
    ) -> Result<Array2<f64>, Error> {
        let expected = [inputs.ncols(), self.models.len()];
        if weights.shape() != expected {
            return Err(Error::Shape { what: "weights", found: weights.shape().to_vec(), expected: expected.to_vec() });
        }
        let mut spikes = Array2::from_elem((inputs.nrows(), self.models.len()), f64::INFINITY);
        let width = self.constants.len() * HALF;
        let mut padded = vec![0.0; inputs.ncols() * width];
        for (padded, weights) in padded.chunks_exact_mut(width.max(1)).zip(weights.rows()) {
            padded.iter_mut().zip(weights).for_each(|(padded, w)| *padded = *w);
        }
        let rows = spikes.axis_iter_mut(Axis(0)).into_par_iter().zip(inputs.axis_iter(Axis(0)).into_par_iter());
        rows.for_each_init(Scratch::default, |scratch, (mut out, times)| {
            scratch.sort(times, instructions);
            let Scratch { events, spikes, .. } = scratch;
            spikes.clear();
            spikes.resize(width, f64::INFINITY);
            instructions.run(Layer { neurons: self, weights: &padded, events, spikes });
            for &neuron in &self.equal {
                let own: Vec<f64> = events.list.iter().map(|event| weights[[event.input as usize, neuron]]).collect();
                spikes[neuron] = self.models[neuron].first_spike(&events.times, &own);
            }
            out.iter_mut().zip(&*spikes).for_each(|(out, spike)| *out = *spike);
        });
        Ok(spikes)
    }
}

/// What a thread keeps from sample to sample.
#[derive(Default)]
struct Scratch {
    events: Events,
    times: Vec<f64>,
    spikes: Vec<f64>,
}

impl Scratch {
    fn sort(&mut self, times: ArrayView1<f64>, instructions: Instructions) {
        if let Some(times) = times.to_slice() {
            self.events.sort(times, instructions);
        } else {
            self.times.clear();
            self.times.extend(times);
            self.events.sort(&self.times, instructions);
        }
    }
}

/// One sample in one layer.
struct Layer<'a> {
    neurons: &'a Neurons,
    /// `(n_inputs, n_neurons)` with zeros for the neurons that fill up the last block.
    weights: &'a [f64],
    events: &'a Events,
    spikes: &'a mut [f64],
}

impl Loops for Layer<'_> {
    type Output = ();

    #[inline(always)]
    fn run(mut self) {
        let (pairs, rest) = self.neurons.constants.as_chunks::<2>();
        for (number, pair) in pairs.iter().enumerate() {
            self.block::<BLOCK>(&Constants::joined(pair), number * BLOCK);
        }
        for constants in rest {
            self.block::<HALF>(constants, pairs.len() * BLOCK);
        }
    }
}

impl Layer<'_> {
    /// Takes a block of neurons from spike to spike.
    #[inline(always)]
    fn block<const N: usize>(&mut self, constants: &Constants<N>, from: usize) {
        let width = self.spikes.len();
        let zero = Wide::all(0.0);
        let (mut v, mut i) = (zero, zero);
        let mut alive = constants.used();
        let least = constants.threshold * Wide::all(1.0 - SLACK);
        let mut left = alive.count();
        for (k, (&now, event)) in self.events.times.iter().zip(&self.events.list).enumerate() {
            if left == 0 {
                return;
            }
            i = i + Wide::from(&self.weights[event.input as usize * width + from..]);
            let next = self.events.times.get(k + 1).map_or(f64::INFINITY, |&time| time);
            if next == now {
                continue;
            }
            let span = next - now;
            let rise = (Wide::all(span) * constants.per_tau_syn).min(constants.psp_peak);
            let most = i.max(zero).mul_add(rise, v.max(zero));
            let may = alive & !most.below(least);
            if may.any() {
                let found = crossing(constants, v, i, span);
                let (spike, doubt) = (may & found.spike, may & found.doubt);
                for l in 0..N {
                    let s = if spike.0[l] != 0 {
                        found.after.0[l]
                    } else if doubt.0[l] != 0
                        && let Some(s) = self.by_the_twin(from + l, Membrane { v: v.0[l], i: i.0[l] }, span)
                    {
                        s
                    } else {
                        continue;
                    };
                    self.spikes[from + l] = (now + s).min(next);
                    alive.0[l] = 0;
                    left -= 1;
                }
            }
            if span < f64::INFINITY {
                let keep = (Wide::all(-span) * constants.per_tau_mem).exp();
                let fade = (Wide::all(-span) * constants.per_tau_syn).exp();
                v = v.mul_add(keep, constants.c * i * (keep - fade));
                i = i * fade;
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn by_the_twin(&self, neuron: usize, state: Membrane, span: f64) -> Option<f64> {
        self.neurons.dynamics[neuron].crossing(state, self.neurons.models[neuron].threshold, span)
    }
}

#[cfg(test)]
mod tests {
    use bss2_emu::rng::{Purpose, Stream};

    use super::*;

    /// Spike or silence as the twin says, at the same time.
    #[test]
    fn neurons_in_step_agree_with_one_at_a_time() {
        let mut draw = Stream::new(8, Purpose::Search, [0, 0, 0]);
        let (mut spikes, mut silent, mut decisions) = (0, 0, 0);
        for (n_inputs, n) in [(5, 120), (120, 3), (40, 33)] {
            for (ratio, spread) in [(1.5, 0.0), (1.5, 0.05), (1.0, 0.02), (1.0, 0.4), (0.3, 0.0), (4.0, 0.1)] {
                let mut factor = || (1.0 + spread * draw.normal()).max(0.05);
                let model = |(a, b): (f64, f64)| LifModel { tau_mem: ratio * a, tau_syn: b, threshold: 1.0 };
                let models: Vec<LifModel> = (0..n).map(|_| (factor(), factor())).map(model).collect();
                let mut models = models;
                models[1].tau_mem = models[1].tau_syn;
                let mean = 5.0 / n_inputs as f64;
                let weights = Array2::from_shape_simple_fn((n_inputs, n), || mean + 0.8 * draw.normal());
                let inputs = Array2::from_shape_simple_fn((60, n_inputs), || {
                    if draw.uniform() < 0.1 { f64::INFINITY } else { 2.0 * draw.uniform() }
                });
                let neurons = Neurons::new(models.clone());
                let found = neurons.first_spikes(inputs.view(), weights.view()).unwrap();
                for instructions in Instructions::available() {
                    assert_eq!(neurons.by(instructions, inputs.view(), weights.view()).unwrap(), found);
                }
                for (times, found) in inputs.rows().into_iter().zip(found.rows()) {
                    let mut order: Vec<usize> = (0..n_inputs).collect();
                    order.sort_by(|&a, &b| times[a].total_cmp(&times[b]));
                    let sorted: Vec<f64> = order.iter().map(|&k| times[k]).collect();
                    for (j, model) in models.iter().enumerate() {
                        let own: Vec<f64> = order.iter().map(|&k| weights[[k, j]]).collect();
                        let wanted = model.first_spike(&sorted, &own);
                        if wanted.is_finite() != found[j].is_finite() {
                            decisions += 1;
                        } else if wanted.is_finite() {
                            spikes += 1;
                            assert!((wanted - found[j]).abs() < 1e-7, "{model:?}: {wanted} {}", found[j]);
                        } else {
                            silent += 1;
                        }
                    }
                }
            }
        }
        assert!(spikes > 5000 && silent > 3000, "{spikes} {silent}");
        assert_eq!(decisions, 0);
    }
}
