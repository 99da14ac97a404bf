//! Gradients of whole networks against central differences: every kind of delay, one to four layers, equal and individual
//! neurons of all ratios of time constants.
//!
//! Networks are drawn until every spike crosses with a slope above [`MIN_SLOPE`] threshold/tau. Components whose perturbation
//! changes who spikes, or which inputs precede a spike, are left out and counted.

use bss2_emu::RunId;
use ndarray::{Array1, Array2, Axis, ShapeBuilder as _};
use ttfs::{
    data::mersenne::Mersenne,
    gradient::{Arrivals, BackwardPass, Estimator, IndividualPass, LayerGradient, LayerPass},
    network::{DelayKind, DelaySettings, Delays, Layer, Network},
    neuron::{LifModel, NeuronModel},
    substrate::{Ideal, Individual, Substrate as _},
};

const STEP: f64 = 4e-6;
const BOUND: f64 = 1e-6;
const MIN_SLOPE: f64 = 0.1;

/// Who computes.
#[derive(Clone)]
enum Neurons {
    Equal(LifModel, Estimator),
    Individual(Vec<Vec<NeuronModel>>),
}

#[derive(Clone)]
struct Case {
    neurons: Neurons,
    network: Network,
    times: Array1<f64>,
    /// Derivative of the value by each output time.
    errors: Array1<f64>,
}

/// Times of all layers, the input first.
type Spikes = Vec<Array1<f64>>;

impl Case {
    fn spikes(&self) -> Spikes {
        let inputs = self.times.clone().insert_axis(Axis(0));
        let run = RunId { session: 0, index: 0 };
        let spikes = match &self.neurons {
            Neurons::Equal(model, _) => Ideal { model: *model, grid: None }.forward(&self.network, inputs.view(), run),
            Neurons::Individual(neurons) => {
                Individual { neurons: neurons.clone(), grid: None }.forward(&self.network, inputs.view(), run)
            }
        };
        let layers = spikes.unwrap().layers.into_iter().map(|times| times.row(0).to_owned());
        std::iter::once(self.times.clone()).chain(layers).collect()
    }

    fn value(&self, spikes: &Spikes) -> f64 {
        let outputs = &spikes[spikes.len() - 1];
        outputs.iter().zip(&self.errors).filter(|(t, _)| t.is_finite()).map(|(t, error)| t * error).sum()
    }

    fn neuron(&self, layer: usize, j: usize) -> NeuronModel {
        match &self.neurons {
            Neurons::Equal(model, _) => (*model).into(),
            Neurons::Individual(neurons) => neurons[layer][j],
        }
    }

    /// Gradient by weights, by parameters of delays, and by the input times.
    fn gradient(&self, spikes: &Spikes) -> (Vec<Array2<f64>>, Vec<Array2<f64>>, Array1<f64>) {
        let layers = self.network.layers(None);
        let mut gradients: Vec<LayerGradient> = layers.iter().map(LayerGradient::zeros).collect();
        let mut errors = self.errors.clone();
        for (l, layer) in layers.iter().enumerate().rev() {
            let pass = match &self.neurons {
                Neurons::Equal(model, estimator) => {
                    LayerPass::Equal(BackwardPass { model: *model, estimator: *estimator, guard: None })
                }
                Neurons::Individual(neurons) => {
                    LayerPass::Individual(IndividualPass { neurons: &neurons[l], guard: None })
                }
            };
            let arrivals = Arrivals::Sent(spikes[l].view());
            errors = pass.layer(layer, arrivals, spikes[l + 1].view(), errors.view(), &mut gradients[l], true).unwrap();
        }
        let network = &self.network;
        let by_parameters = network.delays.iter().zip(&network.delay_parameters).zip(&gradients);
        let by_parameters = by_parameters.map(|((range, p), g)| range.by_parameters(p, &g.delays)).collect();
        (gradients.into_iter().map(|g| g.weights).collect(), by_parameters, errors)
    }

    /// Which inputs precede which spikes, in every layer, and whether all spikes are steep.
    fn causality(&self, spikes: &Spikes) -> (Vec<bool>, bool) {
        let (mut causal, mut steep) = (Vec::new(), true);
        for (l, layer) in self.network.layers(None).iter().enumerate() {
            for (j, &t) in spikes[l + 1].iter().enumerate() {
                let arrive: Vec<f64> =
                    spikes[l].iter().enumerate().map(|(i, t_in)| t_in + delay(layer, i, j)).collect();
                causal.extend(arrive.iter().map(|t_in| *t_in <= t && t.is_finite()));
                let slope = self.neuron(l, j).slope(t, &arrive, &layer.weights.column(j).to_vec());
                steep &= !t.is_finite() || slope > MIN_SLOPE;
            }
        }
        (causal, steep)
    }
}

fn delay(layer: &Layer, i: usize, j: usize) -> f64 {
    match &layer.delays {
        Delays::None => 0.0,
        Delays::Axonal(delays) => delays[i],
        Delays::Dendritic(delays) => delays[j],
        Delays::Synaptic(delays) => delays[[i, j]],
    }
}

fn tau(random: &mut Mersenne, k: usize) -> f64 {
    match k % 5 {
        0 => 1.0,
        1 => 2.0,
        2 => 1.0 + 1e-7,
        _ => 0.3 + 3.7 * random.random_double(),
    }
}

fn draw(random: &mut Mersenne, k: usize, kind: DelayKind, sizes: &[usize], individual: bool) -> Case {
    let tau_mem = tau(random, k);
    let network = sizes.windows(2).map(|pair| {
        let scale = 3.0 * (0.6 + 0.4 / tau_mem) / (pair[0] as f64).sqrt();
        Array2::from_shape_fn((pair[0], pair[1]).f(), |_| scale * (2.5 * random.random_double() - 0.7))
    });
    let mut network = Network::new(network.collect());
    let settings = DelaySettings { kind, ..DelaySettings::SIMULATION };
    // The inputs are two copies of a block.
    network.set_delays(&settings, sizes[0] / 2, |_| 2.0 * random.random_double() - 1.0);
    let neurons = if individual {
        let layers = sizes[1..].iter().map(|n| {
            let neurons = (0..*n).map(|j| NeuronModel {
                tau_mem: tau(random, k + j),
                tau_syn_exc: [1.0, 1.0 + 1e-7, 0.7 + 0.6 * random.random_double()][(k + j) % 3],
                tau_syn_inh: [1.0, 0.5 + random.random_double()][(k + j) % 2],
                leak: 0.1 * random.random_double(),
                threshold: 0.9 + 0.3 * random.random_double(),
                gain_exc: 0.8 + 0.4 * random.random_double(),
                gain_inh: 0.8 + 0.4 * random.random_double(),
            });
            neurons.collect()
        });
        Neurons::Individual(layers.collect())
    } else {
        let estimator = [Estimator::Model, Estimator::Measured, Estimator::Calibrated][k / 5 % 3];
        Neurons::Equal(LifModel { tau_mem, ..LifModel::default() }, estimator)
    };
    Case {
        neurons,
        network,
        times: Array1::from_shape_fn(sizes[0], |_| 2.0 * random.random_double()),
        errors: Array1::from_shape_fn(sizes[sizes.len() - 1], |_| 2.0 * random.random_double() - 1.0),
    }
}

#[derive(Default)]
struct Tally {
    compared: usize,
    skipped: usize,
    worst: f64,
}

impl Tally {
    fn compare(&mut self, case: &Case, spikes: &Spikes) {
        let (causal, _) = case.causality(spikes);
        let difference = |parameter: &dyn Fn(&mut Case) -> &mut f64| -> Option<f64> {
            let mut sum = 0.0;
            for (steps, weight) in [(-2.0, 1.0), (-1.0, -8.0), (1.0, 8.0), (2.0, -1.0)] {
                let mut moved = case.clone();
                *parameter(&mut moved) += steps * STEP;
                let spikes = moved.spikes();
                if moved.causality(&spikes).0 != causal {
                    return None;
                }
                sum += weight * moved.value(&spikes);
            }
            Some(sum / (12.0 * STEP))
        };
        let (by_weights, by_delays, by_times) = case.gradient(spikes);
        for l in 0..by_weights.len() {
            let expected = by_weights[l]
                .indexed_iter()
                .map(|(at, _)| difference(&|case: &mut Case| &mut case.network.weights[l][at]));
            self.block(expected.collect(), by_weights[l].iter().copied().collect());
            let expected = by_delays[l]
                .indexed_iter()
                .map(|(at, _)| difference(&|case: &mut Case| &mut case.network.delay_parameters[l][at]));
            self.block(expected.collect(), by_delays[l].iter().copied().collect());
        }
        let expected = (0..case.times.len()).map(|k| difference(&|case: &mut Case| &mut case.times[k]));
        self.block(expected.collect(), by_times.to_vec());
    }

    fn block(&mut self, expected: Vec<Option<f64>>, found: Vec<f64>) {
        let scale = found.iter().fold(1e-3, |a: f64, b| a.max(b.abs()));
        for (expected, found) in expected.into_iter().zip(found) {
            let Some(expected) = expected else {
                self.skipped += 1;
                continue;
            };
            self.compared += 1;
            let error = (expected - found).abs() / scale;
            self.worst = self.worst.max(error);
            assert!(error < BOUND, "{found} for {expected}, largest component {scale}");
        }
    }
}

fn check(seed: u32, individual: bool) {
    for kind in [DelayKind::None, DelayKind::Axonal, DelayKind::Dendritic, DelayKind::Synaptic] {
        for depth in 1..=4 {
            let mut random = Mersenne::new(seed + depth as u32);
            let sizes: Vec<usize> = std::iter::once(6).chain((1..depth).map(|_| 5)).chain([3]).collect();
            let (mut tally, mut cases) = (Tally::default(), 0);
            while cases < 15 {
                let case = draw(&mut random, cases, kind, &sizes, individual);
                let spikes = case.spikes();
                let outputs = &spikes[depth];
                if outputs.iter().filter(|t| t.is_finite()).count() >= 2 && case.causality(&spikes).1 {
                    tally.compare(&case, &spikes);
                    cases += 1;
                }
            }
            let Tally { compared, skipped, worst } = tally;
            eprintln!(
                "{kind:?}, {depth} layers, individual {individual}: {compared} components, {skipped} skipped, worst {worst:e}"
            );
            assert!(skipped * 50 < compared, "{skipped} of {compared} skipped");
        }
    }
}

#[test]
fn networks_of_equal_neurons() {
    check(20, false);
}

#[test]
fn networks_of_individual_neurons() {
    check(40, true);
}
