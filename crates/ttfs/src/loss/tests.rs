use ndarray::array;
use proptest::prelude::*;

use super::*;

const INF: f64 = f64::INFINITY;

/// One of every kind with settings away from its defaults, so that every term is seen.
fn samples() -> [Loss; 5] {
    [
        Loss::Ttfs(TtfsLoss { xi: 0.3, alpha: 0.02, beta: 0.8 }),
        Loss::ShiftInvariantMse(ShiftInvariantMse { delta_t: 0.4, alpha: 0.03, beta: 1.3 }),
        Loss::ShiftInvariantMse(ShiftInvariantMse { delta_t: -0.4, alpha: 0.0, beta: 1.0 }),
        Loss::Mse(Mse { t_correct: 1.1, t_wrong: 1.9 }),
        Loss::CrossEntropy(CrossEntropy { xi: 0.3, t_silent: 4.0 }),
    ]
}

#[test]
fn closed_forms_of_the_squared_errors() {
    let times = array![1.0, 1.5, 0.8];
    let loss = ShiftInvariantMse { delta_t: 0.2, alpha: 0.1, beta: 2.0 };
    // Relative to output 0: 0.5 - 0.2 and -0.2 - 0.2.
    let (value, gradient) = loss.of_sample(times.view(), 0);
    let late = 0.1 * 0.5_f64.exp();
    assert!((value - (0.5 * (0.09 + 0.16) + late)).abs() < 1e-14);
    for (found, expected) in gradient.iter().zip([-0.3 + 0.4 + late / 2.0, 0.3, -0.4]) {
        assert!((found - expected).abs() < 1e-14);
    }
    let (value, gradient) = Mse { t_correct: 0.9, t_wrong: 1.6 }.of_sample(times.view(), 0);
    assert!((value - 0.5 * (0.01 + 0.01 + 0.64)).abs() < 1e-14);
    assert!(
        (gradient[0] - 0.1).abs() < 1e-14 && (gradient[1] + 0.1).abs() < 1e-14 && (gradient[2] + 0.8).abs() < 1e-14
    );
}

#[test]
fn a_common_shift_costs_nothing_in_the_shift_invariant_loss_alone() {
    let times = array![1.0, 1.5, 0.8];
    let later = &times + 0.7;
    let difference = |loss: Loss| (loss.of_sample(times.view(), 1).0 - loss.of_sample(later.view(), 1).0).abs();
    assert!(difference(Loss::ShiftInvariantMse(ShiftInvariantMse::default())) < 1e-14);
    assert!(difference(Loss::CrossEntropy(CrossEntropy::default())) < 1e-14, "no price for late answers");
    assert!(difference(Loss::Mse(Mse::default())) > 0.1);
    assert!(difference(Loss::default()) > 1e-3, "late answers have a price");
}

#[test]
fn cross_entropy_is_the_published_loss_without_a_price_as_long_as_all_spike() {
    let times = array![1.0, 1.3, 0.7];
    let ttfs = TtfsLoss { xi: 0.25, alpha: 0.0, beta: 1.0 }.of_sample(times.view(), 2);
    let plain = CrossEntropy { xi: 0.25, t_silent: 6.0 }.of_sample(times.view(), 2);
    assert!((ttfs.0 - plain.0).abs() < 1e-14);
    assert!((&ttfs.1 - &plain.1).iter().all(|d| d.abs() < 1e-14));
}

#[test]
fn each_kind_classifies_by_its_own_rule() {
    let times = array![1.4, 0.9, INF, 2.2];
    let chosen = samples().map(|loss| loss.classify(times.view()));
    // Earliest, earliest, latest, closest to 1.1, earliest.
    assert_eq!(chosen, [Some(1), Some(1), Some(3), Some(1), Some(1)]);
    let late = Loss::Mse(Mse { t_correct: 1.7, t_wrong: 1.0 });
    assert_eq!(late.classify(times.view()), Some(0));
    assert_eq!(late.classify(array![1.5, 1.5].view()), Some(0), "the lowest index of equals");
    for loss in samples() {
        assert_eq!(loss.classify(array![INF, INF].view()), None);
        assert_eq!(loss.classify(array![INF, 9.0].view()), Some(1), "{loss:?} chose a silent output");
    }
}

#[test]
fn silence_by_kind() {
    let unscored = (SILENT_LOSS, array![0.0, 0.0, 0.0]);
    let (true_silent, other_silent) = (array![INF, 1.0, 1.2], array![1.0, INF, 1.2]);
    let [ttfs, relative, _, squared, entropy] = samples();
    for loss in [ttfs, relative, squared] {
        assert_eq!(loss.of_sample(true_silent.view(), 0), unscored, "{loss:?}");
    }
    for loss in [relative, squared] {
        assert_eq!(loss.of_sample(other_silent.view(), 0), unscored, "{loss:?}");
    }
    // Left out: the same as with two outputs.
    let (value, gradient) = ttfs.of_sample(other_silent.view(), 0);
    let two = ttfs.of_sample(array![1.0, 1.2].view(), 0);
    assert_eq!((value, gradient[0], gradient[1], gradient[2]), (two.0, two.1[0], 0.0, two.1[1]));
    // A late spike: it costs and competes, and has nothing to move.
    let late = [array![4.0, 1.0, 1.2], array![1.0, 4.0, 1.2]].map(|times| entropy.of_sample(times.view(), 0));
    assert_eq!(entropy.of_sample(true_silent.view(), 0), (late[0].0, array![0.0, 0.0, 0.0]));
    let (value, gradient) = entropy.of_sample(other_silent.view(), 0);
    assert_eq!((value, gradient[0], gradient[1], gradient[2]), (late[1].0, late[1].1[0], 0.0, late[1].1[2]));
}

#[test]
fn the_name_of_the_kind_selects_it_and_foreign_settings_are_refused() {
    for loss in Loss::kinds() {
        let value = serde_json::to_value(loss).unwrap();
        assert_eq!(serde_json::from_value::<Loss>(value).unwrap(), loss);
    }
    let foreign = serde_json::json!({ "kind": "mse", "xi": 0.2 });
    assert!(serde_json::from_value::<Loss>(foreign).unwrap_err().to_string().contains("xi"));
    assert!(serde_json::from_value::<Loss>(serde_json::json!({ "kind": "hinge" })).is_err());
}

#[test]
fn settings_of_other_kinds_without_meaning_are_refused() {
    for loss in Loss::kinds() {
        assert!(loss.check().is_ok());
    }
    assert!(ShiftInvariantMse { delta_t: 0.0, ..ShiftInvariantMse::default() }.check().is_err());
    assert!(ShiftInvariantMse { alpha: -1.0, ..ShiftInvariantMse::default() }.check().is_err());
    assert!(Mse { t_correct: f64::NAN, ..Mse::default() }.check().is_err());
    assert!(Mse { t_wrong: 1.7, t_correct: 1.7 }.check().is_err(), "nothing to tell classes apart");
    assert!(CrossEntropy { xi: 0.0, ..CrossEntropy::default() }.check().is_err());
    assert!(CrossEntropy { t_silent: INF, ..CrossEntropy::default() }.check().is_err());
}

#[test]
fn closed_form_of_two_outputs() {
    let loss = TtfsLoss { xi: 0.5, alpha: 0.1, beta: 2.0 };
    let (value, gradient) = loss.of_sample(array![1.0, 2.0].view(), 1);
    let late = 0.1 * 1_f64.exp();
    assert!((value - ((2_f64.exp() + 1.0).ln() + late)).abs() < 1e-14);
    let p0 = 1.0 / (1.0 + (-2_f64).exp());
    assert!((gradient[0] + p0 / 0.5).abs() < 1e-14);
    assert!((gradient[1] - (p0 / 0.5 + late / 2.0)).abs() < 1e-14);
}

#[test]
fn silence() {
    let loss = TtfsLoss::default();
    assert_eq!(loss.of_sample(array![1.0, INF].view(), 1), (SILENT_LOSS, array![0.0, 0.0]));
    assert_eq!(loss.of_sample(array![INF, INF].view(), 0), (SILENT_LOSS, array![0.0, 0.0]));
    let (value, gradient) = loss.of_sample(array![1.0, INF].view(), 0);
    assert!((value - 0.005 * 1_f64.exp()).abs() < 1e-15);
    assert_eq!(gradient[1], 0.0);
    assert!((gradient[0] - 0.005 * 1_f64.exp()).abs() < 1e-15);
}

#[test]
fn far_apart_times_do_not_overflow() {
    let loss = TtfsLoss { alpha: 0.0, ..TtfsLoss::default() };
    let (value, gradient) = loss.of_sample(array![1e6, 0.0].view(), 0);
    assert!((value - 5e6).abs() < 1e-6);
    assert!((gradient[0] - 5.0).abs() < 1e-12 && (gradient[1] + 5.0).abs() < 1e-12);
    assert_eq!(TtfsLoss::default().of_sample(array![1e6, 0.0].view(), 0).0, SILENT_LOSS);
}

#[test]
fn first_spike_wins() {
    assert_eq!(classify(array![3.0, 1.0, 2.0].view()), Some(1));
    assert_eq!(classify(array![INF, 5.0].view()), Some(1));
    assert_eq!(classify(array![1.0, 1.0].view()), Some(0));
    assert_eq!(classify(Array1::zeros(0).view()), None);
}

#[test]
fn settings_without_meaning_are_refused() {
    assert!(TtfsLoss::default().check().is_ok());
    assert!(TtfsLoss { xi: 0.0, ..TtfsLoss::default() }.check().is_err());
    assert!(TtfsLoss { alpha: -1.0, ..TtfsLoss::default() }.check().is_err());
    assert!(TtfsLoss { beta: INF, ..TtfsLoss::default() }.check().is_err());
}

proptest! {
    #[test]
    fn gradients_are_the_derivatives(
        times in prop::collection::vec(0.1..3.0_f64, 2..8),
        label in 0_usize..2,
        silent in prop::option::of(2_usize..8),
    ) {
        let mut times = Array1::from(times);
        if let Some(time) = silent.and_then(|k| times.get_mut(k)) {
            *time = INF;
        }
        for loss in samples().into_iter().chain([Loss::default()]) {
            let (_, gradient) = loss.of_sample(times.view(), label);
            for k in (0..times.len()).filter(|k| times[*k].is_finite()) {
                let at = |shift: f64| {
                    let mut moved = times.clone();
                    moved[k] += shift;
                    loss.of_sample(moved.view(), label).0
                };
                let h = 1e-5;
                let difference = (at(h) - at(-h)) / (2.0 * h);
                prop_assert!((difference - gradient[k]).abs() < 1e-7, "{loss:?}: {difference} and {}", gradient[k]);
            }
        }
    }
}
