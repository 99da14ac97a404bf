//! The ideal network in single precision, all neurons of a layer in step.
//!
//! For `tau_mem = tau_syn = tau` and times in `tau` from the first spike on, undecayed sums say everything:
//!
//! ```text
//! a = sum w_i e^(t_i)     b = sum w_i t_i e^(t_i)     V(t) = e^-t (t a - b):     the line u(t) = t a - b against theta e^t
//! ```
//! From event to event a layer needs two multiplications per neuron, `a += w e` and `u += dt a`, and one comparison: a line that is
//! below the tangent of `theta e^t` at the beginning of an interval is below the curve, which is convex. A neuron that is not stays
//! as it is, without a branch, and all are solved together at the end: `v + i s = theta e^s` by a polynomial in the square root of how far
//! the line is above the curve where it is highest (Lambert's W around its branch point), without an iteration. False alarms of the tangent go
//! on from where they are; what single precision cannot decide (a grazing crossing, a crossing at the very end of an interval) is left to
//! [`LifModel`], the twin in double precision.
//!
//! Sixteen samples go together: their spikes are sorted in the lanes of one network (`order`), and blocks of weights are used for all of them
//! (`pass`).
//!
//! Against that twin spike times differ by about 1e-6 `tau`, at grazing crossings by up to 1e-4; spike or silence differ
//! within 1e-5 of the threshold.

mod arrivals;
pub(crate) mod events;
mod order;
mod pass;
mod solve;
mod weights;

use bss2_emu::RunId;
use bss2_emu::vectors::Instructions;
use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;

use crate::Error;
use crate::network::Network;
use crate::neuron::LifModel;
use crate::scaling::Scaling;
use crate::substrate::{Ideal, Spikes, Substrate};
use arrivals::{Arrivals, Weigh};
use order::{MOST_SOURCES, Order, SAMPLES, Sort};
use pass::Pass;
use solve::{Intervals, Left, Pending, Resume, Settle};
use weights::Weights;

/// Longest span of input times, in `tau`: beyond it the sums leave the range of an `f32`.
const LONGEST_SPAN: f64 = 30.0;

/// The ideal network, fast: as [`Ideal`], in single precision for equal time constants, without delays and for layers of at most 4096
/// sources; else it is [`Ideal`] itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FastIdeal(pub Ideal);

impl FastIdeal {
    /// Whether this network is run in single precision.
    pub fn applies_to(&self, network: &Network) -> bool {
        self.0.model.tau_mem == self.0.model.tau_syn
            && !network.has_delays()
            && network.weights.iter().all(|weights| weights.nrows() <= MOST_SOURCES)
    }

    fn run(&self, network: &Network, inputs: ArrayView2<f64>, instructions: Instructions) -> Vec<Array2<f64>> {
        let layers: Vec<Layer> =
            network.weights.iter().map(|weights| Layer::new(self.0, weights, instructions)).collect();
        let n_samples = inputs.nrows();
        let mut times: Vec<Array2<f64>> =
            layers.iter().map(|layer| Array2::zeros((n_samples, layer.weights.n_neurons))).collect();
        // Few samples are shared out evenly; who is beside whom changes nothing.
        let size = n_samples.div_ceil(rayon::current_num_threads()).clamp(1, SAMPLES);
        let mut groups: Vec<Vec<&mut [f64]>> = (0..n_samples.div_ceil(size)).map(|_| Vec::new()).collect();
        for (times, layer) in times.iter_mut().zip(&layers) {
            let width = size * layer.weights.n_neurons;
            let Some(times) = times.as_slice_mut().filter(|_| width > 0) else { continue };
            for (group, times) in groups.iter_mut().zip(times.chunks_mut(width)) {
                group.push(times);
            }
        }
        let inputs = inputs.as_standard_layout();
        let inputs = inputs.as_slice().unwrap_or_default();
        let width = layers.first().map_or(0, |layer| layer.weights.n_sources);
        groups.into_par_iter().enumerate().for_each_init(Scratch::default, |scratch, (number, mut group)| {
            let from = number * size;
            let n = size.min(n_samples - from);
            for (place, layer) in layers.iter().enumerate() {
                let (before, after) = group.split_at_mut(place);
                let sources = before.last().map_or(&inputs[from * width..][..n * width], |times| &**times);
                if let Some(out) = after.first_mut() {
                    layer.run(sources, out, n, scratch);
                }
            }
        });
        times
    }
}

impl Substrate for FastIdeal {
    fn forward(&mut self, network: &Network, inputs: ArrayView2<f64>, run: RunId) -> Result<Spikes, Error> {
        if !self.applies_to(network) {
            return self.0.forward(network, inputs, run);
        }
        network.check(inputs)?;
        Ok(Spikes::first(self.run(network, inputs, Instructions::widest())))
    }
}

/// What a thread keeps from samples to samples.
#[derive(Default)]
struct Scratch {
    order: Order,
    arrivals: [Arrivals; SAMPLES],
    left: [Left; SAMPLES],
    intervals: Intervals,
    pending: Vec<Pending>,
}

/// One layer.
struct Layer<'a> {
    model: LifModel,
    grid: Option<Scaling>,
    exact: &'a Array2<f64>,
    weights: Weights,
    instructions: Instructions,
}

impl<'a> Layer<'a> {
    fn new(ideal: Ideal, exact: &'a Array2<f64>, instructions: Instructions) -> Self {
        let all = exact.as_standard_layout();
        let all = all.as_slice().unwrap_or_default();
        let n_neurons = exact.ncols();
        let weights = Weights::new(exact.dim(), |source, row| {
            let weights = &all[source * n_neurons..][..n_neurons];
            match ideal.grid {
                Some(grid) => grid.rounded_singles(weights, row),
                None => row.iter_mut().zip(weights).for_each(|(row, w)| *row = *w as f32),
            }
        });
        Self { model: ideal.model, grid: ideal.grid, exact, weights, instructions }
    }

    /// First spikes of up to [`SAMPLES`] samples, one after the other in `sources` and `out`.
    fn run(&self, sources: &[f64], out: &mut [f64], n: usize, scratch: &mut Scratch) {
        let Scratch { order, arrivals, left, intervals, pending } = scratch;
        let (tau, theta, instructions) = (self.model.tau_mem, self.model.threshold as f32, self.instructions);
        let Weights { n_sources, n_neurons, .. } = self.weights;
        let sources = |sample: usize| &sources[sample * n_sources..][..n_sources];
        instructions.run(Sort { order, samples: (0..n).map(sources) });
        let mut times: Vec<&mut [f64]> = out.chunks_exact_mut(n_neurons).collect();
        let mut samples = Vec::with_capacity(n);
        for (sample, arrivals) in arrivals.iter_mut().enumerate().take(n) {
            arrivals.take(order.counts[sample], order.sources(sample), sources(sample), tau);
            match arrivals.span() {
                None => times[sample].fill(f64::INFINITY),
                Some(span) if span > LONGEST_SPAN => {
                    for (neuron, time) in times[sample].iter_mut().enumerate() {
                        *time = tau * self.by_the_twin(arrivals, neuron);
                    }
                }
                Some(_) => {
                    instructions.run(Weigh { arrivals, theta, n_sources });
                    samples.push(sample);
                }
            }
        }
        samples.sort_by_key(|&sample| order.counts[sample]);
        let most = samples.last().map_or(0, |&sample| order.counts[sample]);
        for &sample in &samples {
            arrivals[sample].fill_up(most, n_sources);
            left[sample].resize(self.weights.vectors());
        }
        let (weights, arrivals) = (&self.weights, &arrivals[..]);
        instructions.with_vectors(Pass { weights, arrivals, samples: &samples, left });
        pending.clear();
        for &sample in &samples {
            let (left, arrivals, times) = (&left[sample], &arrivals[sample], &mut *times[sample]);
            instructions.run(Settle { left, arrivals, theta, sample, times, intervals, pending });
        }
        for &pending in &*pending {
            let arrivals = &arrivals[pending.sample];
            let found = instructions.run(Resume { weights, arrivals, theta, pending });
            times[pending.sample][pending.neuron] = found.unwrap_or_else(|| self.by_the_twin(arrivals, pending.neuron));
        }
        if tau != 1.0 {
            for &sample in &samples {
                times[sample].iter_mut().for_each(|time| *time *= tau);
            }
        }
    }

    /// One neuron in double precision, in `tau`.
    #[cold]
    #[inline(never)]
    fn by_the_twin(&self, arrivals: &Arrivals, neuron: usize) -> f64 {
        let unit = LifModel { tau_mem: 1.0, tau_syn: 1.0, threshold: self.model.threshold };
        let weights = arrivals.sources.iter().map(|&source| self.exact[[source as usize, neuron]]);
        let column: Vec<f64> = match self.grid {
            Some(grid) => weights.map(|weight| grid.rounded(weight)).collect(),
            None => weights.collect(),
        };
        unit.first_spike(&arrivals.times, &column)
    }
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
    fn nothing_comes_of_nothing_and_long_spans_are_taken() {
        let model = LifModel { tau_mem: 1.0, tau_syn: 1.0, threshold: 1.0 };
        let network = Network::new(vec![Array2::from_elem((2, 3), 4.0)]);
        let inputs = ndarray::array![[f64::INFINITY, f64::INFINITY], [0.0, 100.0]];
        let run = RunId { session: 0, index: 0 };
        let times = FastIdeal(Ideal { model, grid: None }).forward(&network, inputs.view(), run).unwrap().layers;
        assert!(times[0].row(0).iter().all(|t| *t == f64::INFINITY));
        assert!((times[0][[1, 0]] - model.first_spike(&[0.0], &[4.0])).abs() < 1e-12);
    }

    /// A network of some depth and inputs for it, silent ones and copies at the same time among them.
    fn drawn(depth: usize) -> (Network, Array2<f64>) {
        let mut draw = Stream::new(depth as u64, Purpose::Search, [1, 0, 0]);
        let mut width = 40;
        let sizes = std::iter::repeat_n(90, depth - 1).chain([10]);
        let weights = sizes.map(|n| {
            let mean = 11.0 / width as f64;
            let weights = Array2::from_shape_simple_fn((width, n), || mean + 0.4 * draw.normal());
            width = n;
            weights
        });
        let network = Network::new(weights.collect());
        let inputs = Array2::from_shape_simple_fn((60, 40), || {
            if draw.uniform() < 0.3 { f64::INFINITY } else { (20.0 * draw.uniform()).floor() * 0.1 }
        });
        (network, inputs)
    }

    fn ideal() -> Ideal {
        Ideal { model: LifModel { tau_mem: 1.0, tau_syn: 1.0, threshold: 1.3 }, grid: None }
    }

    #[test]
    fn layers_of_all_depths_are_close_to_their_twin() {
        for depth in 1..=4 {
            let (network, inputs) = drawn(depth);
            let run = RunId { session: 0, index: 0 };
            let layers = FastIdeal(ideal()).forward(&network, inputs.view(), run).unwrap().layers;
            let (mut spikes, mut differ) = (0, 0);
            for (number, (times, weights)) in layers.iter().zip(&network.weights).enumerate() {
                let sources = if number == 0 { &inputs } else { &layers[number - 1] };
                let exact = ideal().forward(&Network::new(vec![weights.clone()]), sources.view(), run).unwrap();
                for (found, exact) in times.iter().zip(&exact.layers[0]) {
                    differ += usize::from(found.is_finite() != exact.is_finite());
                    if found.is_finite() && exact.is_finite() {
                        spikes += 1;
                        assert!((found - exact).abs() < 1e-4, "{found} not {exact}");
                    }
                }
            }
            assert!(spikes > 300 * depth && differ <= 1, "{spikes} spikes, {differ} decisions");
        }
    }

    #[test]
    fn instructions_and_threads_do_not_matter() {
        let (network, inputs) = drawn(3);
        let fast = FastIdeal(ideal());
        let plain = fast.run(&network, inputs.view(), Instructions::available()[0]);
        for instructions in Instructions::available() {
            assert_eq!(fast.run(&network, inputs.view(), instructions), plain, "{instructions:?}");
        }
        for threads in [1, 2, 7] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let run = RunId { session: 0, index: 0 };
            let spikes = pool.install(|| FastIdeal(ideal()).forward(&network, inputs.view(), run).unwrap());
            assert_eq!(spikes.layers, plain, "{threads} threads");
        }
    }
}
