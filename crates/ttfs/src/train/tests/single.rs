//! Gradients in single precision against those in double precision.

use bss2_emu::vectors::Instructions;

use super::*;
use crate::train::single::Workspace;

/// Spikes of a drawn network of some depth, some neurons silent.
fn network(depth: usize) -> (Network, Samples, Spikes) {
    let sizes: Vec<usize> = std::iter::repeat_n(40, depth - 1).chain([3]).collect();
    let trainer = trainer(|settings| {
        settings.initial_weights = vec![InitialWeights { mean: 0.8, std: 1.0 }, InitialWeights { mean: 0.5, std: 0.6 }];
    });
    let data = samples(7, 64);
    let network = trainer.initial_state(25, &sizes).network;
    let mut ideal = Ideal { model: scaling().model(), grid: None };
    let spikes = ideal.forward(&network, data.times(0..64).view(), RunId { session: 0, index: 0 }).unwrap();
    (network, data, spikes)
}

fn pass(estimator: Estimator) -> batch::Backward {
    let pass = BackwardPass { model: scaling().model(), estimator, guard: Some(0.2) };
    batch::Backward { pass, latencies: [0.0, 0.0], neurons: None }
}

#[test]
fn gradients_of_all_depths_are_close_to_their_twin() {
    for depth in 1..=4 {
        for estimator in [Estimator::Measured, Estimator::Model] {
            let (network, data, spikes) = network(depth);
            let (backward, loss) = (pass(estimator), TrainingSettings::default().loss);
            let inputs = data.times(0..64);
            let exact = batch::gradients(&backward, &loss, &network.layers(None), inputs.view(), &spikes, &data.labels);
            let mut workspace = Workspace::new(&network, Instructions::widest());
            // Twice: what a batch leaves behind does not enter the next one.
            for _ in 0..2 {
                workspace.fill(&network, None);
                let found = workspace.gradients(&backward, &loss, inputs.view(), &spikes, &data.labels);
                assert_eq!(found.len(), depth);
                for (found, exact) in found.iter().zip(&exact) {
                    let largest = exact.weights.iter().fold(0.0, |most: f64, g| most.max(g.abs()));
                    assert!(largest > 0.0);
                    for (found, exact) in found.iter().zip(&exact.weights) {
                        assert!((found - exact).abs() < 3e-6 * largest, "{found} not {exact} of {largest}");
                    }
                }
            }
        }
    }
}

#[test]
fn any_number_of_threads_gives_the_same_weights() {
    let train = samples(42, 300);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let trainer = trainer(|settings| settings.batch_size = 150).with_precision(Precision::Single);
            let mut state = trainer.initial_state(25, &[130, 3]);
            let mut ideal = Ideal { model: scaling().model(), grid: Some(scaling()) };
            for _ in 0..2 {
                trainer.run_epoch(&mut state, &mut ideal, &train, &train).unwrap();
            }
            state.network
        })
    };
    let one = run(1);
    assert_eq!(one, run(2));
    assert_eq!(one, run(7));
}

#[test]
fn single_precision_learns_what_double_precision_does() {
    let weights = |precision| {
        let train = samples(42, 400);
        let trainer = trainer(|settings| settings.l2_weights = 0.1).with_precision(precision);
        let mut state = trainer.initial_state(25, &[40, 3]);
        let mut ideal = Ideal { model: scaling().model(), grid: Some(scaling()) };
        trainer.run_epoch(&mut state, &mut ideal, &train, &train).unwrap();
        state.network.weights
    };
    let (single, double) = (weights(Precision::Single), weights(Precision::Double));
    let mut moved = false;
    for (single, double) in single.iter().flatten().zip(double.iter().flatten()) {
        assert!((single - double).abs() < 1e-3, "{single} not {double}");
        moved |= single != double;
    }
    assert!(moved, "the precision makes a difference");
}
