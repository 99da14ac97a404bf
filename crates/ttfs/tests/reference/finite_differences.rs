//! Gradients against central differences of the ideal forward pass, through one layer and through two with the loss.
//!
//! Networks are drawn until every spike of interest crosses with a slope above 0.05 threshold/tau. Components whose
//! perturbation changes who spikes, or which inputs precede a spike, are left out and counted: there the derivative
//! jumps.

use ndarray::{Array1, Array2, ArrayView1};
use ttfs::{
    data::mersenne::Mersenne,
    gradient::{BackwardPass, Estimator},
    loss::TtfsLoss,
    neuron::LifModel,
};

const STEP: f64 = 4e-6;
const BOUND: f64 = 1e-6;
const MIN_SLOPE: f64 = 0.05;

/// Input times, the weights of one or two layers, and what is wanted of the outputs.
#[derive(Clone)]
struct Net {
    model: LifModel,
    times: Array1<f64>,
    layers: Vec<Array2<f64>>,
    loss: TtfsLoss,
    label: usize,
}

/// Spike times of all layers, the input first.
type Spikes = Vec<Array1<f64>>;

impl Net {
    fn draw(random: &mut Mersenne, tau_mem: f64, sizes: &[usize]) -> Self {
        let model = LifModel { tau_mem, ..LifModel::default() };
        let times = Array1::from_shape_fn(sizes[0], |_| 2.0 * random.random_double());
        let layers = sizes.windows(2).map(|pair| {
            let scale = 3.0 * (0.6 + 0.4 / tau_mem) / (pair[0] as f64).sqrt();
            Array2::from_shape_fn((pair[0], pair[1]), |_| scale * (2.5 * random.random_double() - 0.7))
        });
        let layers = layers.collect();
        Self { model, times, layers, loss: TtfsLoss::default(), label: random.randint(3) as usize }
    }

    fn spikes(&self) -> Spikes {
        let mut spikes = vec![self.times.clone()];
        for weights in &self.layers {
            spikes.push(self.model.layer_forward(spikes[spikes.len() - 1].view(), weights.view()));
        }
        spikes
    }

    fn is_steep(&self, spikes: &Spikes) -> bool {
        self.layers.iter().enumerate().all(|(layer, weights)| {
            let times = spikes[layer].to_vec();
            spikes[layer + 1].iter().zip(weights.columns()).all(|(&t, column)| {
                !t.is_finite() || self.model.slope(t, &times, &column.to_vec()) > MIN_SLOPE * self.model.threshold
            })
        })
    }

    fn backward(&self, estimator: Estimator, spikes: &Spikes, errors: Array1<f64>) -> (Vec<Array2<f64>>, Array1<f64>) {
        let pass = BackwardPass { model: self.model, estimator, guard: None };
        let mut by_weights: Vec<_> = self.layers.iter().map(|w| Array2::zeros(w.dim())).collect();
        let mut errors = errors;
        for (layer, weights) in self.layers.iter().enumerate().rev() {
            let (before, after) = (spikes[layer].view(), spikes[layer + 1].view());
            errors = pass.layer(before, weights.view(), after, errors.view(), &mut by_weights[layer]);
        }
        (by_weights, errors)
    }
}

/// Which inputs precede which spikes, in every layer.
fn causal_sets(spikes: &Spikes) -> Vec<bool> {
    let layers = spikes.windows(2);
    layers
        .flat_map(|pair| pair[1].iter().flat_map(|&t| pair[0].iter().map(move |&t_in| t_in <= t && t.is_finite())))
        .collect()
}

#[derive(Default)]
struct Tally {
    compared: usize,
    skipped: usize,
    worst: f64,
}

impl Tally {
    /// Compares one net's gradient with fourth-order central differences of `value`.
    fn compare(&mut self, net: &Net, value: impl Fn(&Spikes) -> f64, gradient: &(Vec<Array2<f64>>, Array1<f64>)) {
        let causal = causal_sets(&net.spikes());
        let difference = |parameter: &dyn Fn(&mut Net) -> &mut f64| -> Option<f64> {
            let mut sum = 0.0;
            for (steps, weight) in [(-2.0, 1.0), (-1.0, -8.0), (1.0, 8.0), (2.0, -1.0)] {
                let mut moved = net.clone();
                *parameter(&mut moved) += steps * STEP;
                let spikes = moved.spikes();
                if causal_sets(&spikes) != causal {
                    return None;
                }
                sum += weight * value(&spikes);
            }
            Some(sum / (12.0 * STEP))
        };
        let mut block = |expected: Vec<Option<f64>>, found: Vec<f64>| {
            let scale = found.iter().fold(0.0, |a: f64, b| a.max(b.abs()));
            for (expected, found) in expected.into_iter().zip(found) {
                let Some(expected) = expected else {
                    self.skipped += 1;
                    continue;
                };
                self.compared += 1;
                let error = (expected - found).abs() / scale.max(1e-3);
                self.worst = self.worst.max(error);
                assert!(error < BOUND, "{found} for {expected}, largest component {scale}, {:?}", net.model);
            }
        };
        for (layer, by_weights) in gradient.0.iter().enumerate() {
            let expected =
                by_weights.indexed_iter().map(|(at, _)| difference(&|net: &mut Net| &mut net.layers[layer][at]));
            block(expected.collect(), by_weights.iter().copied().collect());
        }
        let expected = (0..net.times.len()).map(|k| difference(&|net: &mut Net| &mut net.times[k]));
        block(expected.collect(), gradient.1.to_vec());
    }

    fn report(&self, what: &str) {
        eprintln!(
            "{what}: {} components, {} skipped, worst {:e} of the largest",
            self.compared, self.skipped, self.worst
        );
        assert!(self.skipped * 500 < self.compared, "{} of {} skipped", self.skipped, self.compared);
    }
}

/// Time constants: equal, double, anything else.
fn tau_mem(random: &mut Mersenne, k: usize) -> f64 {
    match k % 5 {
        0 => 1.0,
        1 => 2.0,
        2 => 1.0 + 1e-7,
        _ => 0.3 + 3.7 * random.random_double(),
    }
}

fn nets(seed: u32, n: usize, sizes: &[usize]) -> Vec<(Net, Spikes)> {
    let mut random = Mersenne::new(seed);
    let mut nets = Vec::new();
    while nets.len() < n {
        let tau_mem = tau_mem(&mut random, nets.len());
        let net = Net::draw(&mut random, tau_mem, sizes);
        let spikes = net.spikes();
        let output: ArrayView1<f64> = spikes[spikes.len() - 1].view();
        let answers = output.iter().filter(|t| t.is_finite()).count() >= 2 && output[net.label].is_finite();
        if answers && net.is_steep(&spikes) {
            nets.push((net, spikes));
        }
    }
    nets
}

#[test]
fn one_layer() {
    for estimator in [Estimator::Model, Estimator::Measured] {
        let mut tally = Tally::default();
        for (k, (net, spikes)) in nets(1, 300, &[8, 4]).into_iter().enumerate() {
            let neuron = (k..k + 4).map(|k| k % 4).find(|&neuron| spikes[1][neuron].is_finite()).unwrap();
            let errors = Array1::from_shape_fn(4, |k| f64::from(u8::from(k == neuron)));
            let gradient = net.backward(estimator, &spikes, errors);
            tally.compare(&net, |spikes| spikes[1][neuron], &gradient);
        }
        tally.report(&format!("one layer, {estimator:?}"));
    }
}

#[test]
fn two_layers_and_the_loss() {
    for estimator in [Estimator::Model, Estimator::Measured] {
        let mut tally = Tally::default();
        for (net, spikes) in nets(2, 200, &[8, 6, 3]) {
            let (_, errors) = net.loss.of_sample(spikes[2].view(), net.label);
            let gradient = net.backward(estimator, &spikes, errors);
            tally.compare(&net, |spikes| net.loss.of_sample(spikes[2].view(), net.label).0, &gradient);
        }
        tally.report(&format!("two layers, {estimator:?}"));
    }
}
