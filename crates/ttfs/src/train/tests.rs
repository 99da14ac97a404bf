mod aids;
mod single;

use super::*;
use crate::data::yin_yang::YinYang;
use crate::encoding::TimeEncoding;
use crate::scaling::Latency;
use crate::substrate::{Ideal, Spikes};

fn scaling() -> Scaling {
    Scaling { us_per_time: 6.0, lsb_per_weight: 30.0, threshold: 2.6, tau_mem: 1.0, latency: Latency::default() }
}

fn samples(seed: u32, n: usize) -> Samples {
    Samples::new(&YinYang::new(seed, n).generate().unwrap(), &TimeEncoding::default())
}

fn trainer(change: impl FnOnce(&mut TrainingSettings)) -> Trainer {
    let mut settings = TrainingSettings { seed: 1, ..TrainingSettings::default() };
    change(&mut settings);
    Trainer::new(settings, scaling()).unwrap()
}

fn train(trainer: &Trainer, epochs: u32) -> (TrainingState, Vec<EpochRecord>) {
    let (train, validation) = (samples(42, 1000), samples(41, 300));
    let mut state = trainer.initial_state(25, &[40, 3]);
    let mut ideal = Ideal { model: scaling().model(), grid: Some(scaling()) };
    let records =
        (0..epochs).map(|_| trainer.run_epoch(&mut state, &mut ideal, &train, &validation).unwrap()).collect();
    (state, records)
}

#[test]
fn an_ideal_network_learns() {
    let (_, records) = train(&trainer(|_| ()), 15);
    let last = records.last().unwrap();
    // Chance is 33 %; a linear classifier reaches 64 %. (The loss is no measure: one silent true output adds 100.)
    assert!(last.validation.accuracy > 0.75, "{last:?}");
    assert!(last.train.accuracy > records[0].train.accuracy + 0.1, "{last:?}");
}

/// Spike times of a network whose spikes take some time to their synapses.
fn delayed(weights: &[Array2<f64>], inputs: &Array2<f64>, [external, internal]: [f64; 2]) -> Vec<Array2<f64>> {
    let model = scaling().model();
    let mut times = inputs + external;
    let mut layers = Vec::new();
    for weights in weights {
        let rows: Vec<f64> =
            times.rows().into_iter().flat_map(|row| model.layer_forward(row, weights.view())).collect();
        let spikes = Array2::from_shape_vec((inputs.nrows(), weights.ncols()), rows).unwrap();
        times = &spikes + internal;
        layers.push(spikes);
    }
    layers
}

/// The gradient knows about latencies: it agrees with finite differences of the delayed network, and without them it does not.
#[test]
fn gradients_account_for_latency() {
    let latencies = [0.08, 0.05];
    let data = samples(7, 6);
    let times = data.times(0..6);
    let trainer = trainer(|_| ());
    let mut state = trainer.initial_state(25, &[30, 3]);
    let loss = trainer.settings.loss;
    let mean_loss = |weights: &[Array2<f64>]| {
        let layers = delayed(weights, &times, latencies);
        let outputs = &layers[1];
        let sum: f64 = outputs.rows().into_iter().zip(&data.labels).map(|(t, &l)| loss.of_sample(t, l).0).sum();
        sum / data.labels.len() as f64
    };
    let layers = delayed(&state.network.weights, &times, latencies);
    assert!(layers[1].iter().all(|t| t.is_finite()), "the test needs spiking outputs");
    let pass = BackwardPass { guard: None, ..trainer.backward.pass };
    let spikes = Spikes::first(layers);
    let gradient = |latencies| -> Vec<Array2<f64>> {
        let backward = batch::Backward { pass, latencies, neurons: None };
        let layers = state.network.layers(None);
        let gradients = batch::gradients(&backward, &loss, &layers, times.view(), &spikes, &data.labels);
        gradients.into_iter().map(|g| g.weights).collect()
    };
    let (with, without) = (gradient(latencies), gradient([0.0, 0.0]));
    let largest = with.iter().flatten().fold(0.0f64, |m, g| m.max(g.abs()));
    let mut worst = [0.0f64; 2];
    let weights = &mut state.network.weights;
    for layer in 0..2 {
        for index in 0..weights[layer].len() {
            let at = (index / weights[layer].ncols(), index % weights[layer].ncols());
            let original = weights[layer][at];
            let h = 1e-6;
            let mut shifted = |step: f64| {
                weights[layer][at] = original + step;
                let value = mean_loss(weights);
                weights[layer][at] = original;
                value
            };
            let difference = (shifted(h) - shifted(-h)) / (2.0 * h);
            worst[0] = worst[0].max((with[layer][at] - difference).abs() / largest);
            worst[1] = worst[1].max((without[layer][at] - difference).abs() / largest);
        }
    }
    assert!(worst[0] < 1e-6, "with latencies off by {} of the largest component", worst[0]);
    assert!(worst[1] > 1e-2, "without latencies off by {} only", worst[1]);
}

#[test]
fn the_same_bytes_for_any_number_of_threads() {
    let with_threads = |n| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
        pool.install(|| train(&trainer(|_| ()), 3))
    };
    let one = with_threads(1);
    assert_eq!(one, with_threads(2));
    assert_eq!(one, with_threads(7));
}

#[test]
fn weights_stay_within_the_synapses_and_silent_neurons_are_bumped() {
    let (state, records) = train(&trainer(|s| s.optimiser.set_learning_rate(0.2)), 3);
    assert!(state.network.weights.iter().flatten().all(|w| w.abs() <= 2.1));
    assert!(records[0].bumped_batches > 0, "initial weights leave most neurons silent: {:?}", records[0]);
}

#[test]
fn input_noise_and_seed_change_the_course() {
    let base = train(&trainer(|_| ()), 1).0;
    assert_ne!(base, train(&trainer(|s| s.input_noise_std = 0.1), 1).0);
    assert_ne!(base, train(&trainer(|s| s.seed = 2), 1).0);
}

#[test]
fn settings_out_of_range_are_refused() {
    let refused = |change: fn(&mut TrainingSettings)| {
        let mut settings = TrainingSettings::default();
        change(&mut settings);
        Trainer::new(settings, scaling()).unwrap_err().to_string()
    };
    assert!(refused(|s| s.epochs = 0).contains("epochs"));
    assert!(refused(|s| s.batch_size = 0).contains("batch_size"));
    assert!(refused(|s| s.optimiser.set_learning_rate(-1.0)).contains("learning_rate"));
    assert!(refused(|s| s.initial_weights.clear()).contains("initial_weights"));
    assert!(refused(|s| s.learning_rate_factors.clear()).contains("learning_rate_factors"));
    assert!(refused(|s| s.learning_rate_factors = vec![-1.0]).contains("learning_rate_factors"));
    assert!(refused(|s| s.l2_weights = f64::NAN).contains("l2_weights"));
    assert!(refused(|s| s.weight_decay = -0.1).contains("weight_decay"));
    assert!(refused(|s| s.weight_clip = -1.0).contains("weight_clip"));
}
