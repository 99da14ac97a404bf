use ndarray::array;

use super::*;

#[test]
fn two_steps_by_hand() {
    let adam = Optimiser::Adam(Adam { learning_rate: 0.1, beta1: 0.5, beta2: 0.75, eps: 0.5 });
    let mut weights = vec![array![[1.0]], array![[-2.0]]];
    let mut state = adam.initial_state(&weights);
    // Step 1: m = g/2, v = g^2/4, m/(1 - 1/2) = g, sqrt(v)/sqrt(1/4) = |g|.
    adam.step(&[0.1; 2], &mut state, &mut weights, &[array![[2.0]], array![[-1.0]]]).unwrap();
    assert!((weights[0][[0, 0]] - (1.0 - 0.1 * 2.0 / 2.5)).abs() < 1e-15);
    assert!((weights[1][[0, 0]] - (-2.0 + 0.1 / 1.5)).abs() < 1e-15);
    // Step 2 of layer 0, g = 4: m = 1/2 + 2 = 5/2, v = 3/4 + 4 = 19/4; corrections 3/4 and 7/16.
    let before = weights[0][[0, 0]];
    adam.step(&[0.2; 2], &mut state, &mut weights, &[array![[4.0]], array![[0.0]]]).unwrap();
    let expected = before - 0.2 * (2.5 / 0.75) / ((4.75_f64 / 0.4375).sqrt() + 0.5);
    assert!((weights[0][[0, 0]] - expected).abs() < 1e-15);
    assert_eq!(state.steps, 2);
    assert_eq!((state.moments[0][0][[0, 0]], state.moments[1][0][[0, 0]]), (2.5, 4.75));
}

#[test]
fn finds_the_bottom_of_a_valley() {
    let adam = Optimiser::default();
    let mut weights = vec![array![[3.0, -1.0]]];
    let mut state = adam.initial_state(&weights);
    for _ in 0..4000 {
        let gradient = &weights[0] * &array![[2.0, 200.0]];
        adam.step(&[0.01], &mut state, &mut weights, &[gradient]).unwrap();
    }
    assert!(weights[0].iter().all(|w| w.abs() < 1e-3), "{weights:?}");
}

#[test]
fn momentum_by_hand() {
    let sgd = Optimiser::Sgd(Sgd { learning_rate: 1.0, momentum: 0.5 });
    let mut weights = vec![array![[1.0]], array![[1.0]]];
    let mut state = sgd.initial_state(&weights);
    // Velocities 2, 5 and 2.5 with gradients 2, 4, 0; layer 1 goes at half the rate.
    for (gradient, expected) in [(2.0, [0.8, 0.9]), (4.0, [0.3, 0.65]), (0.0, [0.05, 0.525])] {
        let gradients = [array![[gradient]], array![[gradient]]];
        sgd.step(&[0.1, 0.05], &mut state, &mut weights, &gradients).unwrap();
        assert!((weights[0][[0, 0]] - expected[0]).abs() < 1e-15, "{weights:?}");
        assert!((weights[1][[0, 0]] - expected[1]).abs() < 1e-15, "{weights:?}");
    }
    assert_eq!(state.steps, 3);
}

#[test]
fn each_layer_has_its_own_rate() {
    let adam = Optimiser::default();
    let mut weights = vec![array![[1.0]], array![[1.0]]];
    let mut state = adam.initial_state(&weights);
    adam.step(&[0.1, 0.03], &mut state, &mut weights, &[array![[7.0]], array![[7.0]]]).unwrap();
    assert!((weights[0][[0, 0]] - 0.9).abs() < 1e-8 && (weights[1][[0, 0]] - 0.97).abs() < 1e-8);
}

#[test]
fn the_state_of_another_optimiser_is_refused() {
    let mut weights = vec![array![[1.0]]];
    let mut state = Optimiser::Sgd(Sgd::default()).initial_state(&weights);
    let refused = Optimiser::default().step(&[0.1], &mut state, &mut weights, &[array![[1.0]]]);
    assert!(matches!(refused, Err(Error::Shape { .. })));
    assert_eq!((state.steps, weights[0][[0, 0]]), (0, 1.0));
    assert!(Optimiser::default().step(&[0.1; 2], &mut state, &mut weights, &[array![[1.0]]]).is_err());
}

#[test]
fn shapes_that_do_not_fit_change_nothing() {
    let adam = Optimiser::default();
    let mut weights = vec![array![[1.0, 2.0]]];
    let mut state = adam.initial_state(&weights);
    let before = (state.clone(), weights.clone());
    for wrong in [vec![], vec![array![[1.0], [2.0]]]] {
        assert!(matches!(adam.step(&[0.1], &mut state, &mut weights, &wrong), Err(Error::Shape { .. })));
    }
    assert_eq!((state, weights), before);
}

#[test]
fn stairs() {
    let schedule = StepSchedule::default();
    for (epoch, factor) in [(0, 1.0), (19, 1.0), (20, 0.95), (39, 0.95), (60, 0.857_375)] {
        assert!((schedule.learning_rate(0.002, epoch) - 0.002 * factor).abs() < 1e-17);
    }
}

#[test]
fn schedules() {
    let rate = |schedule: Schedule, epoch| schedule.learning_rate(0.5, epoch, 10);
    let [step, constant, _] = Schedule::kinds();
    assert_eq!((rate(constant, 0), rate(constant, 9)), (0.5, 0.5));
    assert_eq!(rate(step, 9), 0.5);
    let cosine = Schedule::Cosine(CosineSchedule { final_factor: 0.2 });
    // cos 0, 36, 90, 162 degrees.
    for (epoch, cos) in [(0, 1.0), (2, 0.809_016_994_374_947_5), (5, 0.0), (9, -0.951_056_516_295_153_5)] {
        let expected = 0.5 * (0.2 + 0.8 * 0.5 * (1.0 + cos));
        assert!((rate(cosine, epoch) - expected).abs() < 1e-15, "{epoch}");
    }
}

#[test]
fn the_name_of_the_kind_selects_optimiser_and_schedule() {
    for optimiser in Optimiser::kinds() {
        let value = serde_json::to_value(optimiser).unwrap();
        assert_eq!(serde_json::from_value::<Optimiser>(value).unwrap(), optimiser);
    }
    for schedule in Schedule::kinds() {
        let value = serde_json::to_value(schedule).unwrap();
        assert_eq!(serde_json::from_value::<Schedule>(value).unwrap(), schedule);
    }
    let foreign = serde_json::json!({ "kind": "sgd", "beta1": 0.9 });
    assert!(serde_json::from_value::<Optimiser>(foreign).unwrap_err().to_string().contains("beta1"));
    let foreign = serde_json::json!({ "kind": "constant", "gamma": 0.9 });
    assert!(serde_json::from_value::<Schedule>(foreign).unwrap_err().to_string().contains("gamma"));
}

#[test]
fn settings_without_meaning_are_refused() {
    assert!(Adam::default().check().is_ok());
    assert!(Adam { beta2: 1.0, ..Adam::default() }.check().is_err());
    assert!(Adam { learning_rate: f64::NAN, ..Adam::default() }.check().is_err());
    assert!(StepSchedule::default().check().is_ok());
    assert!(StepSchedule { step_epochs: 0, ..StepSchedule::default() }.check().is_err());
    assert!(StepSchedule { gamma: 1.5, ..StepSchedule::default() }.check().is_err());
    assert!(Sgd { momentum: 1.0, ..Sgd::default() }.check().is_err());
    assert!(Sgd { learning_rate: 0.0, ..Sgd::default() }.check().is_err());
    assert!(CosineSchedule { final_factor: -0.1 }.check().is_err());
}
