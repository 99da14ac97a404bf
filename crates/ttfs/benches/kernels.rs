//! What a sample costs in the parts of a training step: a layer forward on the ideal substrate, the backward pass of a whole
//! network, a step of the optimiser.
//!
//! `cargo bench -p ttfs --bench kernels`; items are samples, for the optimiser weights.

use bss2_emu::RunId;
use bss2_emu::rng::{Purpose, Stream};
use divan::Bencher;
use divan::counter::ItemsCount;
use ndarray::{Array2, ArrayView2};
use ttfs::Error;
use ttfs::data::Dataset;
use ttfs::encoding::TimeEncoding;
use ttfs::ideal_fast::FastIdeal;
use ttfs::network::Network;
use ttfs::neuron::LifModel;
use ttfs::optimiser::{Adam, Optimiser};
use ttfs::samples::Samples;
use ttfs::scaling::{Latency, Scaling};
use ttfs::substrate::{Ideal, Spikes, Substrate};
use ttfs::train::{Precision, Trainer, TrainingSettings};

const BATCH: usize = 200;

fn main() {
    divan::main();
}

fn scaling() -> Scaling {
    Scaling { us_per_time: 6.0, lsb_per_weight: 30.0, threshold: 2.6, tau_mem: 1.0, latency: Latency::default() }
}

fn network(sizes: &[usize]) -> Network {
    let mut draw = Stream::new(3, Purpose::Search, [0, 0, 0]);
    let layer = |pair: &[usize]| {
        // Sums of weights of which most neurons fire.
        let mean = 18.0 / (0.4 * pair[0] as f64);
        Array2::from_shape_simple_fn((pair[0], pair[1]), || mean + 0.3 * draw.normal())
    };
    Network::new(sizes.windows(2).map(layer).collect())
}

/// Samples of which 3 in 10 inputs are active, as in images.
fn samples(n_inputs: usize) -> Samples {
    let mut draw = Stream::new(4, Purpose::Search, [0, 0, 0]);
    let features =
        Array2::from_shape_simple_fn((BATCH, n_inputs), || if draw.uniform() < 0.7 { 1.0 } else { draw.uniform() });
    let data = Dataset { features, labels: (0..BATCH).map(|k| k % 3).collect(), n_classes: 3 };
    let background = ttfs::encoding::Background::Silent;
    Samples::new(&data, &TimeEncoding { bias: None, copies: 1, background, ..TimeEncoding::default() })
}

#[divan::bench(sample_count = 20, args = [[256, 246], [246, 10], [784, 350], [25, 120]], consts = [0, 1])]
fn forward<const FAST: usize>(bencher: Bencher, [n_inputs, n]: [usize; 2]) {
    let (network, inputs) = (network(&[n_inputs, n]), samples(n_inputs).times(0..BATCH));
    let mut ideal = Ideal { model: scaling().model(), grid: None };
    let run = RunId { session: 0, index: 0 };
    bencher.counter(ItemsCount::new(BATCH)).bench_local(|| {
        if FAST == 1 {
            FastIdeal(ideal).forward(&network, inputs.view(), run)
        } else {
            ideal.forward(&network, inputs.view(), run)
        }
    });
}

/// The kernels of the ideal path, each with a layer of which it is nearly all: sorting has one neuron and inputs that are all
/// active (a hidden layer's) or mostly silent (an image's), the loop many neurons for many spikes, solving many for few.
#[divan::bench(sample_count = 20, args = [("sorting hidden spikes", 246, 1, 1.0), ("sorting inputs", 256, 1, 0.3),
    ("loop", 256, 1024, 1.0), ("solving", 5, 1024, 1.0)])]
fn ideal(bencher: Bencher, (_, n_inputs, n, active): (&str, usize, usize, f64)) {
    let network = network(&[n_inputs, n]);
    let mut draw = Stream::new(5, Purpose::Search, [0, 0, 0]);
    let mut time = || if draw.uniform() < active { 2.0 * draw.uniform() } else { f64::INFINITY };
    let inputs = Array2::from_shape_simple_fn((BATCH, n_inputs), &mut time);
    let mut fast = FastIdeal(Ideal { model: scaling().model(), grid: None });
    let run = RunId { session: 0, index: 0 };
    bencher.counter(ItemsCount::new(BATCH)).bench_local(|| fast.forward(&network, inputs.view(), run));
}

/// A substrate that costs nothing.
struct Recorded(Spikes);

impl Substrate for Recorded {
    fn forward(&mut self, _: &Network, _: ArrayView2<f64>, _: RunId) -> Result<Spikes, Error> {
        Ok(self.0.clone())
    }
}

/// A whole step but for the substrate: gradients, Adam, bookkeeping.
#[divan::bench(sample_count = 20, args = [[256, 246], [25, 120], [784, 350]], consts = [0, 1])]
fn training_step<const SINGLE: usize>(bencher: Bencher, [n_inputs, n]: [usize; 2]) {
    let train = samples(n_inputs);
    let precision = if SINGLE == 1 { Precision::Single } else { Precision::Double };
    let settings = TrainingSettings { batch_size: BATCH, rounding: false, ..TrainingSettings::default() };
    let trainer = Trainer::new(settings, scaling()).expect("settings").with_precision(precision);
    let start = trainer.state_from(network(&[n_inputs, n, 3]));
    let mut ideal = Ideal { model: LifModel { threshold: 2.6, ..LifModel::default() }, grid: None };
    let run = RunId { session: 0, index: 0 };
    let spikes = ideal.forward(&start.network, train.times(0..BATCH).view(), run).expect("shapes fit");
    let mut recorded = Recorded(spikes);
    let none = Dataset { features: Array2::zeros((0, n_inputs)), labels: Vec::new(), n_classes: 3 };
    let none = Samples::new(&none, &TimeEncoding { bias: None, copies: 1, ..TimeEncoding::default() });
    bencher
        .counter(ItemsCount::new(BATCH))
        .with_inputs(|| start.clone())
        .bench_local_refs(|state| trainer.run_epoch(state, &mut recorded, &train, &none));
}

#[divan::bench(sample_count = 20, args = [[256, 246], [784, 350]])]
fn adam(bencher: Bencher, [n_inputs, n]: [usize; 2]) {
    let adam = Optimiser::Adam(Adam::default());
    let mut weights = network(&[n_inputs, n]).weights;
    let gradients = weights.clone();
    let mut state = adam.initial_state(&weights);
    bencher
        .counter(ItemsCount::new(n_inputs * n))
        .bench_local(|| adam.step(&[0.01], &mut state, &mut weights, &gradients));
}
