//! First spikes of neurons that have time constants of their own, all neurons of a layer in step.
//!
//! ```text
//! V = c (x - y)   I = y    x, y -> x + w, y + w at an input    x -> x e^(-s/tau_mem)    y -> y e^(-s/tau_syn)    c = tau_mem/(tau_mem - tau_syn)
//! V(s) <= max(V, 0) + max(I, 0) min(s/tau_syn, k_max)          k_max: peak of the PSP of unit weight
//! ```
//! From event to event a neuron needs two exponentials, by a polynomial that vectorises, and one comparison with the bound; only where that
//! allows a crossing is it looked for, exactly. Double precision throughout: against [`LifModel::first_spike`], the twin, spike times differ by
//! about 1e-12, divided by the slope at grazing crossings. Neurons whose two constants agree to 1e-4 are left to the twin: there `c` is large.

#![allow(clippy::inline_always, reason = "loops must be inlined into a function that is compiled for the processor")]

use bss2_emu::vectors::{Loops, widest};
use ndarray::{Array2, ArrayView1, ArrayView2, Axis};
use rayon::prelude::*;

use crate::Error;
use crate::neuron::{Dynamics, LifModel, Membrane};

/// Relative difference of time constants below which a neuron is left to the twin.
const TOO_EQUAL: f64 = 1e-4;
/// Part of the threshold by which the bound may fall short through rounding.
const SLACK: f64 = 1e-9;

/// The neurons of a layer.
#[derive(Debug, Clone)]
pub struct Neurons {
    models: Vec<LifModel>,
    dynamics: Vec<Dynamics>,
    /// `-1/tau_mem` and `-1/tau_syn`.
    rates: [Vec<f64>; 2],
    c: Vec<f64>,
    peak: Vec<f64>,
    /// Neurons that are left to the twin.
    equal: Vec<usize>,
}

impl Neurons {
    /// Neurons with thresholds that are all the same.
    pub fn new(models: Vec<LifModel>) -> Self {
        let is_equal = |m: &LifModel| (m.tau_mem - m.tau_syn).abs() < TOO_EQUAL * m.tau_syn;
        let peak = |m: &LifModel| {
            let (tau_mem, tau_syn) = (m.tau_mem, m.tau_syn);
            m.psp(libm::log(tau_mem / tau_syn) * tau_mem * tau_syn / (tau_mem - tau_syn))
        };
        Self {
            dynamics: models.iter().map(LifModel::dynamics).collect(),
            rates: [
                models.iter().map(|m| -1.0 / m.tau_mem).collect(),
                models.iter().map(|m| -1.0 / m.tau_syn).collect(),
            ],
            c: models.iter().map(|m| if is_equal(m) { 0.0 } else { m.tau_mem / (m.tau_mem - m.tau_syn) }).collect(),
            peak: models.iter().map(|m| if is_equal(m) { 1.0 } else { peak(m) }).collect(),
            equal: models.iter().enumerate().filter(|(_, m)| is_equal(m)).map(|(n, _)| n).collect(),
            models,
        }
    }

    /// First spikes `(n_samples, n_neurons)` for input times `(n_samples, n_inputs)` and weights `(n_inputs, n_neurons)`.
    ///
    /// # Errors
    /// If the shapes do not belong together.
    pub fn first_spikes(&self, inputs: ArrayView2<f64>, weights: ArrayView2<f64>) -> Result<Array2<f64>, Error> {
        let expected = [inputs.ncols(), self.models.len()];
        if weights.shape() != expected {
            return Err(Error::Shape { what: "weights", found: weights.shape().to_vec(), expected: expected.to_vec() });
        }
        let mut spikes = Array2::from_elem((inputs.nrows(), self.models.len()), f64::INFINITY);
        let dense: Vec<f64> = weights.iter().copied().collect();
        let rows = spikes.axis_iter_mut(Axis(0)).into_par_iter().zip(inputs.axis_iter(Axis(0)).into_par_iter());
        rows.for_each_init(Scratch::default, |scratch, (mut out, times)| {
            scratch.sort(times);
            scratch.x.clear();
            scratch.x.resize(self.models.len(), 0.0);
            scratch.y.clone_from(&scratch.x);
            scratch.spikes.clear();
            scratch.spikes.resize(self.models.len(), f64::INFINITY);
            widest(Layer { neurons: self, weights: &dense, scratch });
            for &neuron in &self.equal {
                let own: Vec<f64> = scratch.order.iter().map(|&(_, input)| weights[[input, neuron]]).collect();
                let sorted: Vec<f64> = scratch.order.iter().map(|&(time, _)| time).collect();
                scratch.spikes[neuron] = self.models[neuron].first_spike(&sorted, &own);
            }
            out.iter_mut().zip(&scratch.spikes).for_each(|(out, spike)| *out = *spike);
        });
        Ok(spikes)
    }
}

/// What a thread keeps from sample to sample.
#[derive(Default)]
struct Scratch {
    order: Vec<(f64, usize)>,
    x: Vec<f64>,
    y: Vec<f64>,
    spikes: Vec<f64>,
}

impl Scratch {
    fn sort(&mut self, times: ArrayView1<f64>) {
        self.order.clear();
        self.order.extend(times.iter().enumerate().filter(|(_, t)| t.is_finite()).map(|(input, t)| (*t, input)));
        self.order.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
}

/// One sample in one layer.
struct Layer<'a> {
    neurons: &'a Neurons,
    weights: &'a [f64],
    scratch: &'a mut Scratch,
}

impl Loops for Layer<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { neurons, weights, scratch } = self;
        let Scratch { order, x, y, spikes } = scratch;
        let n = neurons.models.len();
        let (x, y) = (&mut x[..n], &mut y[..n]);
        let (c, peak, [mem, syn]) = (&neurons.c[..n], &neurons.peak[..n], &neurons.rates);
        let (mem, syn) = (&mem[..n], &syn[..n]);
        let Some(threshold) = neurons.models.first().map(|m| m.threshold * (1.0 - SLACK)) else { return };
        let mut left = n;
        for (k, &(now, input)) in order.iter().enumerate() {
            let row = &weights[input * n..][..n];
            for j in 0..n {
                x[j] += row[j];
                y[j] += row[j];
            }
            let next = order.get(k + 1).map_or(f64::INFINITY, |&(time, _)| time);
            if next == now {
                continue;
            }
            let span = next - now;
            let mut any = false;
            for j in 0..n {
                let rise = (span * -syn[j]).min(peak[j]);
                any |= (c[j] * (x[j] - y[j])).max(0.0) + y[j].max(0.0) * rise >= threshold;
            }
            if any {
                for j in 0..n {
                    let (v, i) = (c[j] * (x[j] - y[j]), y[j]);
                    let rise = (span * -syn[j]).min(peak[j]);
                    if v.max(0.0) + i.max(0.0) * rise < threshold || spikes[j] < f64::INFINITY || c[j] == 0.0 {
                        continue;
                    }
                    let state = Membrane { v, i };
                    if let Some(s) = neurons.dynamics[j].crossing(state, neurons.models[j].threshold, span) {
                        spikes[j] = (now + s).min(next);
                        // So far below that nothing brings it back.
                        (x[j], y[j]) = (-1e30, -1e30);
                        left -= 1;
                    }
                }
                if left == 0 {
                    return;
                }
            }
            if span < f64::INFINITY {
                for j in 0..n {
                    x[j] *= exp(span * mem[j]);
                    y[j] *= exp(span * syn[j]);
                }
            }
        }
    }
}

/// `e^x` for `x <= 0`, to two units in the last place; below -700 it is `e^-700`.
#[inline(always)]
fn exp(x: f64) -> f64 {
    // 1.5 * 2^52: adding it to a small number leaves the nearest integer in the lowest bits.
    const INTEGER: f64 = 6_755_399_441_055_744.0;
    let x = x.max(-700.0);
    let shifted = x * std::f64::consts::LOG2_E + INTEGER;
    let k = shifted - INTEGER;
    let r = (x - k * 6.931_471_803_691_238e-1) - k * 1.908_214_929_270_587_7e-10;
    // Taylor's series: |r| <= ln 2 / 2, the next term is below 2e-16.
    let mut series = 1.0 / 6_227_020_800.0;
    for factorial in
        [479_001_600.0, 39_916_800.0, 3_628_800.0, 362_880.0, 40_320.0, 5040.0, 720.0, 120.0, 24.0, 6.0, 2.0, 1.0, 1.0]
    {
        series = series * r + 1.0 / factorial;
    }
    series * f64::from_bits((shifted.to_bits() << 52).wrapping_add(1023 << 52))
}

#[cfg(test)]
mod tests {
    use bss2_emu::rng::{Purpose, Stream};

    use super::*;

    #[test]
    fn exponentials_are_those_of_the_library() {
        for k in 0..70_000 {
            let x = -0.01 * f64::from(k);
            let (found, wanted) = (exp(x), libm::exp(x.max(-700.0)));
            assert!((found - wanted).abs() <= 4e-16 * wanted, "{x}: {found} {wanted}");
        }
    }

    /// Spike or silence as the twin says, at the same time.
    #[test]
    fn neurons_in_step_agree_with_one_at_a_time() {
        let mut draw = Stream::new(8, Purpose::Search, [0, 0, 0]);
        let (mut spikes, mut silent, mut decisions) = (0, 0, 0);
        for (n_inputs, n) in [(5, 120), (120, 3), (40, 33)] {
            for spread in [0.0, 0.05, 0.4] {
                let mut factor = || (1.0 + spread * draw.normal()).max(0.05);
                let model = |(a, b): (f64, f64)| LifModel { tau_mem: 1.5 * a, tau_syn: b, threshold: 1.0 };
                let models: Vec<LifModel> = (0..n).map(|_| (factor(), factor())).map(model).collect();
                let mut models = models;
                models[1].tau_mem = models[1].tau_syn;
                let mean = 5.0 / n_inputs as f64;
                let weights = Array2::from_shape_simple_fn((n_inputs, n), || mean + 0.8 * draw.normal());
                let inputs = Array2::from_shape_simple_fn((60, n_inputs), || {
                    if draw.uniform() < 0.1 { f64::INFINITY } else { 2.0 * draw.uniform() }
                });
                let found = Neurons::new(models.clone()).first_spikes(inputs.view(), weights.view()).unwrap();
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
