//! The ideal network in single precision, all neurons of a layer in step.
//!
//! For `tau_mem = tau_syn = tau` and times in `tau` from the first spike on, undecayed sums say everything:
//!
//! ```text
//! a = sum w_i e^(t_i)     b = sum w_i t_i e^(t_i)     V(t) = e^-t (t a - b):     the line u(t) = t a - b against theta e^t
//! ```
//! From event to event a layer needs two multiplications per neuron, `a += w e` and `u += dt a`, and one comparison: a line that is
//! below the tangent of `theta e^t` at the beginning of an interval is below the curve, which is convex. The few that are not are solved
//! together: `v + i s = theta e^s` by Newton's method, which on this concave difference comes from the left and never
//! passes the root. What single precision cannot decide (a false alarm of the tangent, a grazing crossing) is left to
//! [`LifModel`], the twin in double precision.
//!
//! Against that twin spike times differ by about 1e-6 `tau`, at grazing crossings by up to 1e-4; spike or silence differ
//! within 1e-5 of the threshold.

#![allow(clippy::inline_always, reason = "loops must be inlined into a function that is compiled for the processor")]

use bss2_emu::RunId;
use bss2_emu::vectors::{Loops, widest};
use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;

use crate::Error;
use crate::network::Network;
use crate::neuron::LifModel;
use crate::substrate::{Ideal, Spikes, Substrate};

/// Longest span of input times, in `tau`: beyond it the sums leave the range of an `f32`.
const LONGEST_SPAN: f64 = 30.0;
/// Part of the threshold, or of a step of Newton's method, that single precision is not trusted with.
const DOUBT: f32 = 1e-5;

/// The ideal network, fast: as [`Ideal`], in single precision for equal time constants and without delays; else it is [`Ideal`] itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FastIdeal(pub Ideal);

impl Substrate for FastIdeal {
    fn forward(&mut self, network: &Network, inputs: ArrayView2<f64>, run: RunId) -> Result<Spikes, Error> {
        let model = self.0.model;
        if model.tau_mem != model.tau_syn || network.has_delays() {
            return self.0.forward(network, inputs, run);
        }
        network.check(inputs)?;
        let mut layers: Vec<Array2<f64>> = Vec::new();
        for weights in &network.weights {
            let exact = self.0.grid.map_or_else(|| weights.clone(), |grid| weights.mapv(|w| grid.rounded(w)));
            let dense: Vec<f32> = exact.iter().map(|w| *w as f32).collect();
            let sources = layers.last().map_or(inputs, |times| times.view());
            let mut times = Array2::from_elem((inputs.nrows(), weights.ncols()), f64::INFINITY);
            times.axis_iter_mut(Axis(0)).into_par_iter().zip(sources.axis_iter(Axis(0)).into_par_iter()).for_each_init(
                Scratch::default,
                |scratch, (mut out, sources)| {
                    scratch.sort(sources.iter().map(|t| t / model.tau_mem));
                    let layer = Layer { model: &model, exact: &exact, dense: &dense, scratch };
                    let spikes = widest(layer);
                    for (out, t) in out.iter_mut().zip(spikes) {
                        *out = t * model.tau_mem;
                    }
                },
            );
            layers.push(times);
        }
        Ok(Spikes::first(layers))
    }
}

/// What a thread keeps from sample to sample.
#[derive(Default)]
struct Scratch {
    /// Spikes that come, by time: bits of the time above the input.
    order: Vec<(u64, u32)>,
    a: Vec<f32>,
    u: Vec<f32>,
    pending: Pending,
    spikes: Vec<f64>,
}

/// Membranes that may cross within an interval: `v + i s = theta e^s`.
#[derive(Default)]
struct Pending {
    neuron: Vec<u32>,
    /// Beginning of the interval and its length.
    from: Vec<f64>,
    span: Vec<f32>,
    v: Vec<f32>,
    i: Vec<f32>,
    s: Vec<f32>,
    /// Last step of Newton's method.
    step: Vec<f32>,
}

impl Pending {
    fn clear(&mut self) {
        self.neuron.clear();
        self.from.clear();
        for list in [&mut self.span, &mut self.v, &mut self.i, &mut self.s, &mut self.step] {
            list.clear();
        }
    }

    fn push(&mut self, neuron: usize, from: f64, span: f32, v: f32, i: f32) {
        self.neuron.push(neuron as u32);
        self.from.push(from);
        self.span.push(span);
        self.v.push(v);
        self.i.push(i);
    }

    #[inline(always)]
    fn solve(&mut self, theta: f32) {
        let n = self.v.len();
        self.s.resize(n, 0.0);
        self.step.resize(n, 0.0);
        for (((v, i), s), step) in self.v.iter().zip(&self.i).zip(&mut self.s).zip(&mut self.step) {
            // With 1 + s + s^2/2 for e^s, which is less: the root comes before the true one.
            let (slope, missing) = (i - theta, theta - v);
            let mut t = 2.0 * missing / (slope + (slope * slope - 2.0 * theta * missing).max(0.0).sqrt());
            for _ in 0..4 {
                let growth = theta * exp(t);
                *step = (v + i * t - growth) / (i - growth);
                t -= *step;
            }
            *s = t;
        }
    }
}

/// `e^x` for moderate `x`, to a few units in the last place.
#[inline(always)]
fn exp(x: f32) -> f32 {
    // 1.5 * 2^23: adding it to a small number leaves the nearest integer in the lowest bits.
    const INTEGER: f32 = 12_582_912.0;
    let shifted = x * std::f32::consts::LOG2_E + INTEGER;
    let k = shifted - INTEGER;
    let r = (x - k * 0.693_359_4) - k * -2.121_944_4e-4;
    let series =
        1.0 + r * (1.0 + r * (0.5 + r * (1.666_666_5e-1 + r * (4.166_58e-2 + r * (8.333_45e-3 + r * 1.389e-3)))));
    let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(127 << 23));
    if x.abs() < 80.0 { series * power } else { f32::NAN }
}

impl Scratch {
    fn sort(&mut self, times: impl Iterator<Item = f64>) {
        self.order.clear();
        let finite = times.zip(0..).filter(|(t, _)| t.is_finite());
        // Shifted to positive numbers, which are ordered as their bits are.
        self.order.extend(finite.map(|(t, input)| (ordered(t), input)));
        self.order.sort_unstable();
    }
}

/// Bits whose order is that of the numbers.
fn ordered(t: f64) -> u64 {
    let bits = (t + 0.0).to_bits();
    if bits >> 63 == 0 { bits | 1 << 63 } else { !bits }
}

/// The number of ordered bits.
fn time(bits: u64) -> f64 {
    f64::from_bits(if bits >> 63 == 1 { bits & !(1 << 63) } else { !bits })
}

/// One sample in one layer, times in `tau`.
struct Layer<'a> {
    model: &'a LifModel,
    exact: &'a Array2<f64>,
    dense: &'a [f32],
    scratch: &'a mut Scratch,
}

impl<'a> Loops for Layer<'a> {
    type Output = std::vec::Drain<'a, f64>;

    #[inline(always)]
    fn run(self) -> Self::Output {
        let Self { model, exact, dense, scratch } = self;
        let n = exact.ncols();
        let Scratch { order, a, u, pending, spikes } = scratch;
        spikes.clear();
        spikes.resize(n, f64::INFINITY);
        let span = |order: &[(u64, u32)]| Some(time(order.last()?.0) - time(order.first()?.0));
        let theta = model.threshold as f32;
        let Some(whole) = span(order) else { return spikes.drain(..) };
        let unit = LifModel { tau_mem: 1.0, tau_syn: 1.0, threshold: model.threshold };
        if whole > LONGEST_SPAN {
            for (neuron, spike) in spikes.iter_mut().enumerate() {
                *spike = by_the_twin(&unit, order, exact, neuron);
            }
            return spikes.drain(..);
        }
        a.clear();
        a.resize(n, 0.0);
        u.clear();
        u.resize(n, 0.0);
        pending.clear();
        let start = time(order[0].0);
        for (k, &(bits, input)) in order.iter().enumerate() {
            let now = time(bits);
            let growth = libm::exp(now - start) as f32;
            let row = &dense[input as usize * n..][..n];
            let Some(&(next, _)) = order.get(k + 1) else {
                for (a, w) in a.iter_mut().zip(row) {
                    *a += w * growth;
                }
                // To the end of all times: what peaks above the threshold.
                for j in 0..n {
                    let (v, i) = (u[j] / growth, a[j] / growth);
                    if i > theta {
                        let peak = v + i * (libm::logf(i / theta) - 1.0);
                        if peak >= -DOUBT * i {
                            pending.push(j, now, f32::INFINITY, v, i);
                        }
                    }
                }
                break;
            };
            let span = (time(next) - now) as f32;
            let tangent = theta * growth * (1.0 + span);
            let mut any = false;
            for ((a, u), w) in a.iter_mut().zip(u.iter_mut()).zip(row) {
                *a += w * growth;
                *u += span * *a;
                any |= *u >= tangent;
            }
            if any {
                for j in 0..n {
                    if u[j] >= tangent {
                        pending.push(j, now, span, (u[j] - span * a[j]) / growth, a[j] / growth);
                        // Nothing that comes brings it back.
                        (a[j], u[j]) = (f32::NEG_INFINITY, f32::NEG_INFINITY);
                    }
                }
            }
        }
        pending.solve(theta);
        for k in 0..pending.neuron.len() {
            let (neuron, s) = (pending.neuron[k] as usize, pending.s[k]);
            let sure = s >= 0.0
                && s <= pending.span[k]
                && pending.step[k].abs() <= DOUBT
                && pending.i[k] - theta * exp(s) > 1e-2 * theta;
            spikes[neuron] =
                if sure { pending.from[k] + f64::from(s) } else { by_the_twin(&unit, order, exact, neuron) };
        }
        spikes.drain(..)
    }
}

/// One neuron in double precision.
#[cold]
#[inline(never)]
fn by_the_twin(model: &LifModel, order: &[(u64, u32)], weights: &Array2<f64>, neuron: usize) -> f64 {
    let times: Vec<f64> = order.iter().map(|(bits, _)| time(*bits)).collect();
    let column: Vec<f64> = order.iter().map(|(_, input)| weights[[*input as usize, neuron]]).collect();
    model.first_spike(&times, &column)
}

#[cfg(test)]
mod tests {
    use bss2_emu::rng::{Purpose, Stream};

    use super::*;

    #[test]
    fn single_precision_is_close_to_its_twin() {
        let mut draw = Stream::new(4, Purpose::Search, [0, 0, 0]);
        let (mut spikes, mut far, mut decisions) = (0, 0, 0);
        for (n_inputs, n, tau) in [(256, 246, 1.0), (25, 120, 6.0), (5, 33, 1.0)] {
            let mean = 22.0 / n_inputs as f64;
            let weights = vec![
                Array2::from_shape_simple_fn((n_inputs, n), || mean + 0.4 * draw.normal()),
                Array2::from_shape_simple_fn((n, 10), || 20.0 / n as f64 + 0.3 * draw.normal()),
            ];
            let inputs = Array2::from_shape_simple_fn((200, n_inputs), || {
                if draw.uniform() < 0.3 { f64::INFINITY } else { tau * (2.0 * draw.uniform() - 0.1) }
            });
            let model = LifModel { tau_mem: tau, tau_syn: tau, threshold: 2.8 };
            let run = RunId { session: 0, index: 0 };
            let mut ideal = Ideal { model, grid: None };
            let network = Network::new(weights);
            let exact = ideal.forward(&network, inputs.view(), run).unwrap().layers;
            let fast = FastIdeal(ideal).forward(&network, inputs.view(), run).unwrap().layers;
            // Each layer against the twin on the same inputs.
            let behind = Network::new(network.weights[1..].to_vec());
            let second = ideal.forward(&behind, fast[0].view(), run).unwrap().layers;
            for (a, b) in fast[0].iter().zip(&exact[0]).chain(fast[1].iter().zip(&second[0])) {
                if a.is_finite() != b.is_finite() {
                    decisions += 1;
                } else if a.is_finite() {
                    spikes += 1;
                    let error = (a - b).abs() / tau;
                    assert!(error < 1e-4, "{a} not {b}");
                    far += usize::from(error > 3e-6);
                }
            }
        }
        assert!(spikes > 60_000, "{spikes}");
        assert!(far * 1000 < spikes && decisions * 10_000 < spikes, "{far} far, {decisions} decisions of {spikes}");
    }

    #[test]
    fn ordered_bits_keep_the_order() {
        let times = [-3.0, -1e-9, 0.0, 1e-300, 0.5, 7.0];
        for pair in times.windows(2) {
            assert!(ordered(pair[0]) < ordered(pair[1]));
        }
        assert!(times.iter().all(|t| time(ordered(*t)) == *t));
        assert_eq!(ordered(-0.0), ordered(0.0));
    }

    #[test]
    fn nothing_comes_of_nothing_and_long_spans_are_taken() {
        let model = LifModel { tau_mem: 1.0, tau_syn: 1.0, threshold: 1.0 };
        let network = Network::new(vec![Array2::from_elem((2, 3), 4.0)]);
        let inputs = ndarray::array![[f64::INFINITY, f64::INFINITY], [0.0, 100.0]];
        let run = RunId { session: 0, index: 0 };
        let times = FastIdeal(Ideal { model, grid: None }).forward(&network, inputs.view(), run).unwrap().layers;
        assert!(times[0].row(0).iter().all(|t| *t == f64::INFINITY));
        assert!((times[0][[1, 0]] - model.first_spike(&[0.0], &[4.0])).abs() < 1e-12);
    }
}
