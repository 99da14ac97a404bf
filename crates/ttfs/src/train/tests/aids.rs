//! Every choice of a training does what it says.

use super::*;
use crate::bumping::BumpRule;
use crate::loss::{CrossEntropy, Loss, Mse, ShiftInvariantMse};
use crate::optimiser::{CosineSchedule, Optimiser, Schedule, Sgd};

/// Nothing but gradient steps changes weights.
fn no_bumps(settings: &mut TrainingSettings) {
    settings.bump = BumpRule { max_missing: vec![1.0, 1.0], ..settings.bump.clone() };
}

fn largest(weights: &Array2<f64>) -> f64 {
    weights.iter().fold(0.0, |m, w| m.max(w.abs()))
}

fn accuracy_with(loss: Loss) -> f64 {
    let (_, records) = train(
        &trainer(|s| {
            s.loss = loss;
            s.bump.max_missing = vec![0.9, 0.05];
        }),
        12,
    );
    records.last().unwrap().validation.accuracy
}

#[test]
fn a_network_learns_with_every_loss() {
    // Chance is 33 %, a linear classifier reaches 64 %. Absolute times are slower to learn.
    for (loss, least) in [
        (Loss::CrossEntropy(CrossEntropy::default()), 0.7),
        (Loss::ShiftInvariantMse(ShiftInvariantMse::default()), 0.75),
        (Loss::Mse(Mse { t_correct: 2.4, t_wrong: 1.9 }), 0.66),
    ] {
        let accuracy = accuracy_with(loss);
        assert!(accuracy > least, "{loss:?}: {accuracy}");
    }
}

#[test]
fn gradient_descent_learns_and_momentum_matters() {
    let course = |momentum| {
        let sgd = Optimiser::Sgd(Sgd { learning_rate: 0.1, momentum });
        train(&trainer(|s| s.optimiser = sgd), 10)
    };
    let ((with, records), (without, _)) = (course(0.9), course(0.0));
    assert!(records.last().unwrap().validation.accuracy > 0.6, "{records:?}");
    assert_ne!(with.network.weights, without.network.weights);
}

#[test]
fn the_schedule_and_the_factors_of_the_layers_make_the_steps() {
    let settings = |s: &mut TrainingSettings| {
        no_bumps(s);
        s.epochs = 2;
        s.schedule = Schedule::Cosine(CosineSchedule { final_factor: 0.0 });
        s.learning_rate_factors = vec![0.5, 0.0];
    };
    let trainer = trainer(settings);
    let before = trainer.initial_state(25, &[40, 3]);
    let (after, records) = train(&trainer, 2);
    assert!((records[1].learning_rate / records[0].learning_rate - 0.5).abs() < 1e-12, "{records:?}");
    assert_eq!(before.network.weights[1], after.network.weights[1], "layer 1 has the factor 0");
    assert_ne!(before.network.weights[0], after.network.weights[0]);
    let halved = trainer.settings.learning_rates(0, 3).1;
    assert_eq!(halved, [0.5 * 0.012, 0.0, 0.0], "the last factor serves all layers after it");
}

#[test]
fn weights_stay_within_the_clip_and_without_rounding_exceed_the_synapses() {
    let (clipped, _) = train(&trainer(|s| s.weight_clip = 0.7), 1);
    assert!(clipped.network.weights.iter().all(|w| largest(w) <= 0.7) && largest(&clipped.network.weights[0]) == 0.7);
    // The clip does not reach beyond the hardware.
    let (wide, _) = train(&trainer(|s| s.weight_clip = 50.0), 1);
    assert_eq!(largest(&wide.network.weights[0]), scaling().largest_weight());
    let free = trainer(|s| s.rounding = false);
    let state = free.initial_state(25, &[40, 3]);
    assert!(largest(&state.network.weights[0]) > scaling().largest_weight());
}

/// Straight-through: the gradient is taken at the weights on the grid, and without rounding at the weights themselves.
#[test]
fn rounding_decides_at_which_weights_the_gradient_is_taken() {
    let mut state = trainer(|_| ()).initial_state(25, &[40, 3]);
    state.network.weights[0][[0, 0]] = 0.51;
    assert_eq!(trainer(|_| ()).on_grid(&state.network)[0].weights[[0, 0]], 0.5);
    assert_eq!(trainer(|s| s.rounding = false).on_grid(&state.network)[0].weights, state.network.weights[0]);
}

#[test]
fn a_price_on_weights_makes_them_smaller() {
    let mean_square = |l2_weights, weight_decay| {
        let (state, _) = train(
            &trainer(|s| {
                no_bumps(s);
                s.l2_weights = l2_weights;
                s.weight_decay = weight_decay;
            }),
            4,
        );
        state.network.weights.iter().flatten().map(|w| w * w).sum::<f64>()
    };
    let (free, priced, decayed) = (mean_square(0.0, 0.0), mean_square(5.0, 0.0), mean_square(0.0, 0.2));
    assert!(priced < 0.9 * free, "{priced} and {free}");
    assert!(decayed < 0.9 * free, "{decayed} and {free}");
}

/// A neuron that no sample makes spike has no gradient: all that changes its weights is the decay.
#[test]
fn a_weight_without_gradient_shrinks_by_rate_and_decay_at_every_step() {
    let trainer = trainer(|s| {
        no_bumps(s);
        s.weight_decay = 0.5;
        s.learning_rate_factors = vec![0.1, 1.0];
    });
    let mut state = trainer.initial_state(25, &[40, 3]);
    state.network.weights[0].column_mut(7).fill(-0.5);
    let mut ideal = Ideal { model: scaling().model(), grid: Some(scaling()) };
    trainer.run_epoch(&mut state, &mut ideal, &samples(42, 200), &samples(41, 10)).unwrap();
    let (rate, steps) = (0.1 * trainer.settings.optimiser.learning_rate(), state.optimiser.steps);
    let expected = -0.5 * libm::pow(1.0 - 0.5 * rate, steps as f64);
    assert!((state.network.weights[0][[3, 7]] - expected).abs() < 1e-12);
    assert!(steps > 1 && expected > -0.5);
}

#[test]
fn the_best_epoch_is_kept() {
    let noisy = |keep| {
        trainer(|s| {
            s.keep = keep;
            // Steps too large to settle: the last epoch is not the best.
            s.optimiser.set_learning_rate(0.1);
        })
    };
    let (best, last) = (noisy(Keep::Best), noisy(Keep::Last));
    let (state, records) = train(&best, 8);
    let first_best = records.iter().fold(&records[0], |best, record| {
        if record.validation.is_better_than(&best.validation) { record } else { best }
    });
    assert!(first_best.epoch < 8, "the test needs a best epoch before the last: {records:?}");
    let (network, epoch) = best.kept(&state);
    assert_eq!(epoch, first_best.epoch);
    assert_eq!(*network, train(&last, epoch).0.network);
    let (state, _) = train(&last, 8);
    assert_eq!(state.best, None, "nothing is stored that nobody asked for");
    assert_eq!(last.kept(&state), (&state.network, 8));
}

#[test]
fn a_training_that_gets_no_better_stops() {
    // No steps and no bumps: the first epoch is the best.
    let trainer = trainer(|s| {
        no_bumps(s);
        s.learning_rate_factors = vec![0.0];
        s.early_stopping_epochs = 3;
    });
    let (state, _) = train(&trainer, 3);
    assert!(!trainer.is_finished(&state));
    let (state, _) = train(&trainer, 4);
    assert_eq!(state.best.as_ref().unwrap().epoch, 1);
    assert!(trainer.is_finished(&state));
    assert_eq!(trainer.kept(&state).1, 4, "the last weights, unless the best are asked for");
    let patient = Trainer::new(TrainingSettings { early_stopping_epochs: 0, ..trainer.settings.clone() }, scaling());
    assert!(!patient.unwrap().is_finished(&state));
}

#[test]
fn a_training_goes_on_from_given_weights() {
    let trainer = trainer(|s| s.weight_clip = 1.5);
    let (trained, _) = train(&trainer, 3);
    let state = trainer.state_from(trained.network.clone());
    assert_eq!((state.epoch, &state.network.weights), (0, &trained.network.weights));
    let larger = trained.network.weights.iter().map(|w| w * 10.0).collect();
    let state = trainer.state_from(Network::new(larger));
    assert_eq!(largest(&state.network.weights[0]), 1.5);
}

#[test]
fn scores_compare_by_accuracy_then_loss() {
    let score = |accuracy, loss| Score { loss, accuracy, silent: 0.0 };
    assert!(score(0.9, 2.0).is_better_than(&score(0.8, 1.0)));
    assert!(score(0.9, 1.0).is_better_than(&score(0.9, 2.0)));
    assert!(!score(0.9, 1.0).is_better_than(&score(0.9, 1.0)));
    let mean = Score::mean(&[score(0.9, 1.0), score(0.7, 2.0)]);
    assert!((mean.accuracy - 0.8).abs() < 1e-15 && (mean.loss - 1.5).abs() < 1e-15);
    assert_eq!(Score::mean(&[]), Score::default());
}
