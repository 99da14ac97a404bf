use ndarray::{Array1, Array2, ArrayView1};
use proptest::prelude::*;

use super::*;
use crate::data::mersenne::Mersenne;

const INF: f64 = f64::INFINITY;
const RATIOS: [f64; 9] = [0.1, 0.3, 0.8, 1.0, 1.0 + 1e-7, 1.7, 2.0, 4.0, 20.0];

fn neuron(tau_mem: f64) -> LifModel {
    LifModel { tau_mem, tau_syn: 1.0, threshold: 1.0 }
}

fn net(random: &mut Mersenne, n: usize, tau_mem: f64) -> (Vec<f64>, Vec<f64>) {
    let mut times: Vec<f64> = (0..n).map(|_| 2.0 * random.random_double()).collect();
    times.sort_by(f64::total_cmp);
    let scale = 1.0 + 1.0 / tau_mem;
    (times, (0..n).map(|_| scale * (3.0 * random.random_double() - 1.0)).collect())
}

/// First crossing on a fine grid of the summed kernel, then bisection: slow, simple, independent of all above.
fn by_search(neuron: &LifModel, times: &[f64], weights: &[f64]) -> f64 {
    let above = |t: f64| neuron.potential(t, times, weights) >= neuron.threshold;
    let steps = 40_000;
    let end = 2.0 + 12.0 * neuron.tau_mem.max(1.0);
    let grid = |k: i32| end * f64::from(k) / f64::from(steps);
    let Some(k) = (1..=steps).find(|&k| above(grid(k))) else { return INF };
    let (mut low, mut high) = (grid(k - 1), grid(k));
    for _ in 0..80 {
        let middle = 0.5 * (low + high);
        if above(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    high
}

#[test]
fn agrees_with_brute_force() {
    let mut random = Mersenne::new(7);
    let (mut spikes, mut silent, mut worst) = (0, 0, 0_f64);
    for tau_mem in RATIOS {
        for _ in 0..60 {
            let (times, weights) = net(&mut random, 8, tau_mem);
            let neuron = neuron(tau_mem);
            let (found, expected) = (neuron.first_spike(&times, &weights), by_search(&neuron, &times, &weights));
            if expected.is_finite() {
                let slope = neuron.slope(expected, &times, &weights);
                let error = (found - expected).abs() * slope.clamp(0.0, 1.0);
                worst = worst.max(error);
                assert!(error < 2e-14 * (1.0 + tau_mem), "ratio {tau_mem}: {found} for {expected}, slope {slope}");
                spikes += 1;
            } else {
                // The grid may step over a grazing crossing; the potential itself decides.
                let v = if found.is_finite() { neuron.potential(found, &times, &weights) } else { 1.0 };
                assert!((v - 1.0).abs() < 1e-12);
                silent += 1;
            }
        }
    }
    eprintln!("{spikes} spikes, {silent} silent, worst error in time x slope {worst:e}");
    assert!(spikes > 200 && silent > 50);
}

#[test]
fn published_closed_forms() {
    // One causal set, absolute times: T = tau (b/a - W(-theta/a e^(b/a))) and T = 2 tau_syn ln(2 a1/(a2 + x)).
    let (times, weights) = ([0.2, 0.5, 0.9], [1.5, -0.2, 2.5]);
    let sum = |f: &dyn Fn(f64) -> f64| -> f64 { times.iter().zip(weights).map(|(&t, w)| w * f(t)).sum() };
    let (a, b) = (sum(&|t| t.exp()), sum(&|t| t * t.exp()));
    let expected = b / a - lambert_w::lambert_w0(-(b / a).exp() / a);
    assert!((neuron(1.0).first_spike(&times, &weights) - expected).abs() < 2e-15);
    let (a1, a2) = (sum(&|t| t.exp()), sum(&|t| (t / 2.0).exp()));
    let x = (a2 * a2 - 4.0 * a1 * 0.5).sqrt();
    let expected = 2.0 * (2.0 * a1 / (a2 + x)).ln();
    assert!((neuron(2.0).first_spike(&times, &weights) - expected).abs() < 2e-15);
}

#[test]
fn continuous_across_equal_time_constants() {
    let mut random = Mersenne::new(11);
    for _ in 0..200 {
        let (times, weights) = net(&mut random, 6, 1.0);
        let at = |ratio| neuron(ratio).first_spike(&times, &weights);
        let equal = at(1.0);
        if equal.is_finite() && neuron(1.0).slope(equal, &times, &weights) > 0.1 {
            for epsilon in [1e-9, -1e-9, 1e-12, -1e-12, 1e-15] {
                assert!((at(1.0 + epsilon) - equal).abs() < 20.0 * f64::abs(epsilon) + 2e-14);
            }
        }
    }
}

#[test]
fn grazing_crossings_are_decided_by_the_peak() {
    for tau_mem in RATIOS {
        let neuron = neuron(tau_mem);
        let peak = neuron.dynamics().psp_peak();
        for relative in [1e-4, 1e-8, 1e-12, 1e-14] {
            let at = |w: f64| neuron.first_spike(&[0.25], &[w / peak]);
            assert_eq!(at(1.0 - relative), INF, "ratio {tau_mem}, {relative}");
            let t = at(1.0 + relative);
            let v = neuron.potential(t, &[0.25], &[(1.0 + relative) / peak]);
            assert!((v - 1.0).abs() < 4e-15, "ratio {tau_mem}, {relative}: {v}");
            // In a train of weak later inputs the same crossing is still seen, between two of them.
            let with_others = [0.25, 30.0, 31.0];
            assert_eq!(neuron.first_spike(&with_others, &[(1.0 + relative) / peak, 0.01, 0.01]), t);
        }
    }
}

#[test]
fn coincident_inputs_act_together() {
    // Excitation and inhibition at the same time: neither is seen alone, whatever their order.
    for weights in [[30.0, -29.0, 0.5], [-29.0, 30.0, 0.5]] {
        assert_eq!(neuron(1.0).first_spike(&[1.0, 1.0, 1.0], &weights), INF);
    }
    let together = neuron(1.0).first_spike(&[1.0], &[4.0]);
    assert_eq!(neuron(1.0).first_spike(&[1.0, 1.0, INF], &[1.5, 2.5, 9.0]), together);
}

#[test]
fn a_spike_just_before_and_at_the_next_input() {
    let alone = neuron(1.0).first_spike(&[0.0], &[4.0]);
    for late in [alone * (1.0 + 1e-14), alone * (1.0 + 1e-10), alone + 0.1] {
        let t = neuron(1.0).first_spike(&[0.0, late], &[4.0, -100.0]);
        assert!((t - alone).abs() < 4e-16 && t <= late);
    }
    assert_eq!(neuron(1.0).first_spike(&[0.0, alone * (1.0 - 1e-10)], &[4.0, -100.0]), INF);
}

#[test]
fn late_times_shift_spikes_and_nothing_else() {
    let (times, weights) = ([0.25, 0.5, 1.0], [2.0, -0.5, 1.5]);
    for tau_mem in RATIOS {
        let early = neuron(tau_mem).first_spike(&times, &weights);
        for shift in [-1e4, 1e3, 1e6] {
            let shifted = neuron(tau_mem).first_spike(&times.map(|t| t + shift), &weights);
            assert!(early == shifted || (shifted - shift - early).abs() < 1e-9, "{shifted}");
        }
        let gap = neuron(tau_mem).first_spike(&[0.0, 1e5, 1e5 + 0.25], &[0.1, 2.0, 2.0]);
        let without = neuron(tau_mem).first_spike(&[1e5, 1e5 + 0.25], &[2.0, 2.0]);
        assert_eq!(gap, without);
    }
}

#[test]
fn nothing_in_nothing_out() {
    assert_eq!(neuron(1.0).first_spike(&[], &[]), INF);
    assert_eq!(neuron(1.0).first_spike(&[INF, INF], &[9.0, 9.0]), INF);
    assert_eq!(neuron(1.0).layer_forward(Array1::zeros(0).view(), Array2::zeros((0, 3)).view()).to_vec(), [INF; 3]);
    assert_eq!(neuron(1.0).layer_forward(Array1::zeros(2).view(), Array2::zeros((2, 0)).view()).len(), 0);
}

proptest! {
    #[test]
    fn layer_equals_neurons(seed in 0_u32..10_000, ratio in 0..RATIOS.len(), n_in in 1_usize..30) {
        let ratio = RATIOS[ratio];
        let mut random = Mersenne::new(seed);
        let n_out = 7;
        // A coarse grid makes coincident inputs; some inputs are silent.
        let times = Array1::from_shape_fn(n_in, |_| match random.randint(12) { 11 => INF, k => 0.2 * f64::from(k) });
        let scale = 2.0 / (n_in as f64).sqrt();
        let weights = Array2::from_shape_fn((n_in, n_out), |_| scale * (3.0 * random.random_double() - 1.0));
        let layer = neuron(ratio).layer_forward(times.view(), weights.view());
        let reversed = weights.t().as_standard_layout().into_owned();
        prop_assert_eq!(&layer, &neuron(ratio).layer_forward(times.view(), reversed.t()));
        let mut order: Vec<usize> = (0..n_in).collect();
        order.sort_by(|&a, &b| times[a].total_cmp(&times[b]));
        let sorted = |values: ArrayView1<f64>| -> Vec<f64> { order.iter().map(|&k| values[k]).collect() };
        for (k, &t) in layer.iter().enumerate() {
            prop_assert_eq!(t, neuron(ratio).first_spike(&sorted(times.view()), &sorted(weights.column(k))));
        }
    }

    #[test]
    fn the_spike_is_a_first_crossing(seed in 0_u32..10_000, ratio in 0.05..30.0_f64) {
        let mut random = Mersenne::new(seed);
        let (times, weights) = net(&mut random, 10, ratio);
        let neuron = neuron(ratio);
        let t = neuron.first_spike(&times, &weights);
        let end = if t.is_finite() { t } else { 3.0 + 10.0 * ratio.max(1.0) };
        if t.is_finite() {
            prop_assert!((neuron.potential(t, &times, &weights) - 1.0).abs() < 1e-12);
            prop_assert!(neuron.slope(t.next_down(), &times, &weights) > -1e-6);
        }
        for k in 0..500 {
            let earlier = end * f64::from(k) / 500.0;
            prop_assert!(neuron.potential(earlier, &times, &weights) < 1.0 + 1e-12);
        }
    }
}
