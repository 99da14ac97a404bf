use ndarray::{Array1, Array2, array, s};

use super::*;
use crate::data::mersenne::Mersenne;
use crate::neuron::NeuronModel;

const INF: f64 = f64::INFINITY;

fn neuron(tau_mem: f64) -> LifModel {
    LifModel { tau_mem, tau_syn: 1.0, threshold: 1.0 }
}

/// One neuron: derivatives by weights and by times for a measured time.
fn column(pass: BackwardPass, times: &[f64], weights: &[f64], t: f64) -> (Vec<f64>, Vec<f64>) {
    let n = times.len();
    let mut by_weights = Array2::zeros((n, 1));
    let weights = Array2::from_shape_vec((n, 1), weights.to_vec()).unwrap();
    let times = Array1::from(times.to_vec());
    let by_times = pass.layer(times.view(), weights.view(), array![t].view(), array![1.0].view(), &mut by_weights);
    (by_weights.column(0).to_vec(), by_times.to_vec())
}

fn pass(tau_mem: f64, estimator: Estimator) -> BackwardPass {
    BackwardPass { model: neuron(tau_mem), estimator, guard: None }
}

fn close(found: &[f64], expected: &[f64], bound: f64) {
    let scale = expected.iter().fold(1e-3, |a: f64, b| a.max(b.abs()));
    for (a, b) in found.iter().zip(expected) {
        assert!((a - b).abs() <= bound * scale, "{found:?} for {expected:?}");
    }
}

const TIMES: [f64; 4] = [0.9, 0.1, 0.4, 2.5];
const WEIGHTS: [f64; 4] = [2.2, 1.9, -0.3, 3.0];

/// The published formulas over the causal set, written out.
fn published(ratio: f64, t: f64) -> (Vec<f64>, Vec<f64>) {
    let pairs: Vec<(f64, f64)> = TIMES.into_iter().zip(WEIGHTS).collect();
    let causal = |t_in: f64| t_in <= t;
    let sum =
        |f: &dyn Fn(f64) -> f64| -> f64 { pairs.iter().filter(|p| causal(p.0)).map(|&(t_in, w)| w * f(t_in)).sum() };
    let each = |f: &dyn Fn(f64, f64) -> f64| -> Vec<f64> {
        pairs.iter().map(|&(t_in, w)| if causal(t_in) { f(t_in, w) } else { 0.0 }).collect()
    };
    if ratio == 1.0 {
        let (a, b) = (sum(&|t| t.exp()), sum(&|t| t * t.exp()));
        let w0 = lambert_w::lambert_w0(-(b / a).exp() / a);
        let front = -1.0 / (a * (1.0 + w0));
        let by_weights = each(&|t_in, _| front * t_in.exp() * (t - t_in));
        return (by_weights, each(&|t_in, w| front * w * t_in.exp() * (t - t_in - 1.0)));
    }
    let c = 0.5;
    let (a1, a2) = (sum(&|t| t.exp()), sum(&|t| (t / 2.0).exp()));
    let x = (a2 * a2 - 4.0 * a1 * c).sqrt();
    let y = (1.0 + c / x * (t / 2.0).exp()) / a1;
    let by_weights = each(&|t_in, _| 2.0 * (y * t_in.exp() - (t_in / 2.0).exp() / x));
    (by_weights, each(&|t_in, w| w * (2.0 * y * t_in.exp() - (t_in / 2.0).exp() / x)))
}

fn sorted() -> (Vec<f64>, Vec<f64>) {
    ([0.1, 0.4, 0.9, 2.5].to_vec(), [1.9, -0.3, 2.2, 3.0].to_vec())
}

#[test]
fn model_form_is_the_published_one_also_away_from_the_models_time() {
    for ratio in [1.0, 2.0] {
        let (times, weights) = sorted();
        let t_model = neuron(ratio).first_spike(&times, &weights);
        assert!((1.0..2.0).contains(&t_model), "{t_model}");
        for t in [t_model, t_model - 0.1, t_model + 0.2, t_model + 0.6, 2.49] {
            let (by_weights, by_times) = column(pass(ratio, Estimator::Model), &TIMES, &WEIGHTS, t);
            let expected = published(ratio, t);
            close(&by_weights, &expected.0, 1e-13);
            close(&by_times, &expected.1, 1e-13);
        }
    }
}

#[test]
fn all_forms_are_the_implicit_derivative_at_the_models_time() {
    let (times, weights) = sorted();
    for ratio in [0.3, 0.9, 1.0, 1.0 + 1e-12, 1.0 + 1e-7, 1.5, 2.0, 4.0] {
        let neuron = neuron(ratio);
        let weights: Vec<f64> = weights.iter().map(|w| w * (0.5 + 0.5 / ratio)).collect();
        let t = neuron.first_spike(&times, &weights);
        let slope = neuron.slope(t, &times, &weights);
        let by_weights: Vec<f64> = times.iter().map(|t_in| -neuron.psp(t - t_in) / slope).collect();
        let by_times: Vec<f64> =
            times.iter().zip(&weights).map(|(t_in, w)| w * neuron.psp_slope(t - t_in) / slope).collect();
        for estimator in [Estimator::Model, Estimator::Measured] {
            let found = column(pass(ratio, estimator), &times, &weights, t);
            close(&found.0, &by_weights, 1e-12);
            close(&found.1, &by_times, 1e-12);
        }
    }
}

#[test]
fn model_form_is_continuous_across_equal_time_constants() {
    let t = 1.9;
    let equal = column(pass(1.0, Estimator::Model), &TIMES, &WEIGHTS, t);
    for epsilon in [1e-3, 1e-6, 1e-9, -1e-9, 1e-13, 1e-15] {
        let near = column(pass(1.0 + epsilon, Estimator::Model), &TIMES, &WEIGHTS, t);
        close(&near.0, &equal.0, 10.0 * f64::abs(epsilon) + 1e-13);
        close(&near.1, &equal.1, 10.0 * f64::abs(epsilon) + 1e-13);
    }
}

#[test]
fn measured_form_has_the_slope_at_the_measured_time() {
    for ratio in [0.4, 1.0, 2.0, 3.0] {
        let neuron = neuron(ratio);
        let t = 1.3;
        let slope = neuron.slope(t, &TIMES, &WEIGHTS);
        let (by_weights, _) = column(pass(ratio, Estimator::Measured), &TIMES, &WEIGHTS, t);
        let expected: Vec<f64> = TIMES.iter().map(|t_in| -neuron.psp(t - t_in) / slope).collect();
        close(&by_weights, &expected, 1e-13);
    }
}

#[test]
fn a_neuron_that_the_model_cannot_make_spike_has_no_gradient() {
    let nothing = (vec![0.0; 2], vec![0.0; 2]);
    for ratio in [0.5, 1.0, 2.0, 3.0] {
        for estimator in [Estimator::Model, Estimator::Measured] {
            let found = |weights: [f64; 2], t| column(pass(ratio, estimator), &[0.0, 0.1], &weights, t);
            // Only inhibition at the measured time, and a spike before every input.
            assert_eq!(found([0.5, -1.0], 0.5), nothing);
            assert_eq!(found([5.0, 5.0], -0.1), nothing);
        }
        // Excitation too weak ever to reach the threshold: only the measured form has an opinion.
        assert_eq!(column(pass(ratio, Estimator::Model), &[0.0, 0.1], &[0.5, 0.5], 0.3), nothing);
        assert!(column(pass(ratio, Estimator::Measured), &[0.0, 0.1], &[0.5, 0.5], 0.3).0[0] < 0.0);
        // Long after the peak the potential falls: only the model form has an opinion.
        assert_eq!(column(pass(ratio, Estimator::Measured), &[0.0, 0.1], &[9.0, 9.0], 9.0), nothing);
        // The published form for 2 then even has the other sign.
        let sign = if ratio == 2.0 { 1.0 } else { -1.0 };
        assert!(sign * column(pass(ratio, Estimator::Model), &[0.0, 0.1], &[9.0, 9.0], 9.0).0[0] > 0.0);
    }
}

#[test]
fn the_guard_takes_whole_columns_of_weights_and_no_error() {
    let times = array![0.2, 0.5, 0.8];
    let weights = array![[2.0, 2.0, 2.0], [1.5, 1.5, 1.5], [0.3, 0.3, 0.3]];
    let outputs = neuron(2.0).layer_forward(times.view(), weights.view());
    let errors = array![1.0, 3.0, 0.1];
    let run = |guard| {
        let mut by_weights = Array2::zeros((3, 3));
        let pass = BackwardPass { guard, ..pass(2.0, Estimator::Measured) };
        let by_times = pass.layer(times.view(), weights.view(), outputs.view(), errors.view(), &mut by_weights);
        (by_weights, by_times)
    };
    let (free, by_times) = run(None);
    let largest = free.column(0).iter().fold(0.0, |a: f64, b| a.max(b.abs()));
    let (guarded, same) = run(Some(largest * (1.0 + 1e-12)));
    assert_eq!(by_times, same);
    assert_eq!(guarded.slice(s![.., 0]), free.slice(s![.., 0]));
    assert_eq!(guarded.slice(s![.., 1]), array![0.0, 0.0, 0.0]);
    assert_eq!(guarded.slice(s![.., 2]), free.slice(s![.., 2]));
    assert_eq!(run(Some(largest * (1.0 - 1e-12))).0.column(0), array![0.0, 0.0, 0.0]);
}

#[test]
fn gradients_add_up_and_the_first_layer_agrees() {
    let (times, weights) = (array![0.2, INF, 0.5], array![[2.0, 0.1], [7.0, 7.0], [1.5, 0.1]]);
    let (outputs, errors) = (array![0.9, INF], array![1.0, 5.0]);
    let pass = pass(1.5, Estimator::Model);
    let mut once = Array2::zeros((3, 2));
    let by_times = pass.layer(times.view(), weights.view(), outputs.view(), errors.view(), &mut once);
    assert_eq!(by_times[1], 0.0);
    assert_eq!(once.column(1), array![0.0, 0.0, 0.0]);
    assert_eq!(once.row(1), array![0.0, 0.0]);
    let mut twice = once.clone();
    pass.first_layer(times.view(), weights.view(), outputs.view(), errors.view(), &mut twice);
    assert_eq!(twice, &once * 2.0);
    // Memory order does not matter.
    let mut transposed = Array2::zeros((2, 3)).reversed_axes();
    let columns = weights.t().as_standard_layout().into_owned();
    pass.layer(times.view(), columns.t(), outputs.view(), errors.view(), &mut transposed);
    assert_eq!(transposed, once);
}

#[test]
fn errors_that_are_not_numbers_count_as_zero() {
    for error in [f64::NAN, INF, 0.0] {
        let mut by_weights = Array2::zeros((1, 1));
        let by_times = pass(1.0, Estimator::Model).layer(
            array![0.0].view(),
            array![[5.0]].view(),
            array![0.3].view(),
            array![error].view(),
            &mut by_weights,
        );
        assert_eq!((by_weights[[0, 0]], by_times[0]), (0.0, 0.0));
    }
}

#[test]
fn a_wide_span_of_times_changes_nothing() {
    let mut random = Mersenne::new(3);
    for ratio in [0.3, 1.0, 1.0 + 1e-7, 2.0, 4.0] {
        for estimator in [Estimator::Model, Estimator::Measured] {
            let weights = Array2::from_shape_fn((6, 4), |_| 3.0 * random.random_double());
            let near = Array1::from_shape_fn(6, |k| 0.3 * k as f64);
            let outputs = neuron(ratio).layer_forward(near.view(), weights.view());
            let errors = array![1.0, -0.5, 2.0, 0.7];
            let run = |times: &Array1<f64>, outputs: &Array1<f64>, weights: &Array2<f64>| {
                let mut by_weights = Array2::zeros(weights.dim());
                let pass = pass(ratio, estimator);
                let by_times = pass.layer(times.view(), weights.view(), outputs.view(), errors.view(), &mut by_weights);
                (by_weights, by_times)
            };
            let (by_weights, by_times) = run(&near, &outputs, &weights);
            // One more input, so long ago that nothing is left of it.
            let mut more = weights.clone();
            more.push_row(array![1.0, 1.0, 1.0, 1.0].view()).unwrap();
            for ago in [-1e3, -1e6] {
                let mut times = near.to_vec();
                times.push(ago);
                let (wide_weights, wide_times) = run(&times.into(), &outputs, &more);
                assert!(wide_weights.iter().chain(&wide_times).all(|x| x.is_finite()));
                let scale = by_weights.iter().fold(1.0, |a: f64, b| a.max(b.abs()));
                assert!((&wide_weights.slice(s![..6, ..]) - &by_weights).iter().all(|d| d.abs() < 1e-12 * scale));
                assert!((&wide_times.slice(s![..6]) - &by_times).iter().all(|d| d.abs() < 1e-12 * scale));
                assert!(wide_weights.row(6).iter().all(|x| x.abs() < 1e-100) && wide_times[6].abs() < 1e-100);
            }
        }
    }
}

#[test]
fn individual_neurons_that_are_equal_have_the_measured_form() {
    let mut random = Mersenne::new(5);
    for ratio in [0.4, 1.0, 1.0 + 1e-7, 2.0, 3.0] {
        let times = Array1::from_shape_fn(7, |_| 2.0 * random.random_double());
        let weights = Array2::from_shape_fn((7, 5), |_| (1.0 + 1.0 / ratio) * (1.5 * random.random_double() - 0.4));
        let outputs = neuron(ratio).layer_forward(times.view(), weights.view()).mapv(|t| t + 0.05);
        let errors = array![1.0, -0.5, 2.0, f64::NAN, 0.3];
        let neurons = [NeuronModel::from(neuron(ratio)); 5];
        for guard in [None, Some(0.4)] {
            let equal = BackwardPass { guard, ..pass(ratio, Estimator::Measured) };
            let individual = IndividualPass { neurons: &neurons, guard };
            let (mut one, mut other) = (Array2::zeros((7, 5)), Array2::zeros((7, 5)));
            let by_times = equal.layer(times.view(), weights.view(), outputs.view(), errors.view(), &mut one);
            let same = individual.layer(times.view(), weights.view(), outputs.view(), errors.view(), &mut other);
            close(&other.iter().copied().collect::<Vec<_>>(), &one.iter().copied().collect::<Vec<_>>(), 1e-12);
            close(&same.to_vec(), &by_times.to_vec(), 1e-12);
        }
    }
}

/// One input whose PSP peaks at `1 + delta` thresholds: the closer to 0, the flatter the crossing.
#[test]
fn derivatives_of_grazing_crossings_are_bounded() {
    let e = std::f64::consts::E;
    let bound = (-1_f64).exp() / SLOPE_FLOOR;
    let (mut cut, mut alive) = (0, 0);
    for exponent in 4..16 {
        let delta = 10_f64.powi(-exponent);
        let weight = e * (1.0 + delta);
        let t = neuron(1.0).first_spike(&[0.0], &[weight]);
        if !t.is_finite() {
            continue;
        }
        let neurons = [NeuronModel::from(neuron(1.0))];
        let mut by_weights = Array2::zeros((1, 1));
        let by_times = IndividualPass { neurons: &neurons, guard: None }.layer(
            array![0.0].view(),
            array![[weight]].view(),
            array![t].view(),
            array![1.0].view(),
            &mut by_weights,
        );
        let individual = (vec![by_weights[[0, 0]]], by_times.to_vec());
        let forms = [Estimator::Model, Estimator::Measured].map(|form| column(pass(1.0, form), &[0.0], &[weight], t));
        for (by_weight, by_time) in forms.into_iter().chain([individual]) {
            assert!(by_weight[0].abs() <= bound && by_time[0].abs() < 1e7, "delta {delta}: {by_weight:?}");
            if by_weight[0] == 0.0 {
                assert!(delta < 1e-10, "cut at {delta}");
                cut += 1;
            } else {
                // The slope at the crossing is sqrt(2 delta) to leading order.
                let leading = -(-1_f64).exp() / (2.0 * delta).sqrt();
                assert!(delta < 1e-11 || (by_weight[0] / leading - 1.0).abs() < 0.1, "{} {leading}", by_weight[0]);
                alive += 1;
            }
        }
    }
    assert!(cut > 0 && alive > 15, "{cut} cut, {alive} alive");
}
