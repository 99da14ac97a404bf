use super::*;
use crate::data::mersenne::Mersenne;

const INF: f64 = f64::INFINITY;

fn neuron(tau_mem: f64, tau_syn_exc: f64, tau_syn_inh: f64) -> NeuronModel {
    NeuronModel { tau_mem, tau_syn_exc, tau_syn_inh, ..NeuronModel::from(LifModel::default()) }
}

/// Time constants: every kind of coincidence and near-coincidence, and anything.
fn taus(random: &mut Mersenne, k: usize) -> [f64; 3] {
    let mut any = || 0.3 + 3.7 * random.random_double();
    match k % 8 {
        0 => [1.0, 1.0, 1.0],
        1 => [1.0, 1.0, 1.0 + 1e-7],
        2 => [1.0 + 1e-7, 1.0, 1.0 - 1e-7],
        3 => [2.0, 1.0, 2.0],
        4 => [any(), 1.0, 1.0],
        5 => [1.0 + 1e-12, 1.0 + 2e-12, any()],
        _ => [any(), any(), any()],
    }
}

fn inputs(random: &mut Mersenne, n: usize, most: f64) -> (Vec<f64>, Vec<f64>) {
    let mut times: Vec<f64> = (0..n).map(|_| 3.0 * random.random_double()).collect();
    times.sort_by(f64::total_cmp);
    (times, (0..n).map(|_| most * (1.6 * random.random_double() - 0.6)).collect())
}

#[test]
fn equal_synapses_are_the_common_model() {
    let mut random = Mersenne::new(11);
    let mut spikes = 0;
    for k in 0..600 {
        let tau_mem = [1.0, 1.0 + 1e-9, 2.0, 0.3 + 3.7 * random.random_double()][k % 4];
        let model = LifModel { tau_mem, ..LifModel::default() };
        let (times, weights) = inputs(&mut random, 12, 1.2);
        let (one, other) =
            (model.first_spike(&times, &weights), neuron(tau_mem, 1.0, 1.0).first_spike(&times, &weights));
        assert_eq!(one.is_finite(), other.is_finite(), "{model:?}");
        if one.is_finite() {
            spikes += 1;
            let slope = model.slope(one, &times, &weights);
            assert!((one - other).abs() < 1e-14 * (1.0 + 10.0 / slope), "{one} {other}, slope {slope}");
        }
    }
    assert!((150..500).contains(&spikes), "{spikes}");
}

#[test]
fn no_crossing_is_missed_or_invented() {
    let mut random = Mersenne::new(12);
    let mut spikes = 0;
    for k in 0..400 {
        let [tau_mem, exc, inh] = taus(&mut random, k);
        let neuron = neuron(tau_mem, exc, inh);
        let n = [3, 10, 40, 300][k % 4];
        let (times, weights) = inputs(&mut random, n, 4.0 / (n as f64).sqrt());
        let t = neuron.first_spike(&times, &weights);
        let end = if t.is_finite() { t } else { 40.0 };
        if t.is_finite() {
            spikes += 1;
            let v = neuron.potential(t, &times, &weights);
            assert!((v - 1.0).abs() < 1e-12 * n as f64, "{neuron:?}: {v} at {t}");
            assert!(neuron.slope(t, &times, &weights) > -1e-9);
        }
        for step in 0..4000 {
            let at = end * f64::from(step) / 4000.0;
            assert!(
                neuron.potential(at, &times, &weights) < 1.0 + 1e-12,
                "{neuron:?}: above the threshold at {at} of {t}"
            );
        }
    }
    assert!((100..360).contains(&spikes), "{spikes}");
}

/// The peak of the potential after the last of these inputs.
fn peak(neuron: &NeuronModel, times: &[f64], weights: &[f64]) -> f64 {
    let last = times[times.len() - 1];
    let at = |s: f64| neuron.potential(last + s, times, weights);
    let highest = (0..20_000).map(|k| f64::from(k) * 1e-3).max_by(|a, b| at(*a).total_cmp(&at(*b))).unwrap();
    let (mut low, mut high) = (highest - 1e-3, highest + 1e-3);
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        if neuron.slope(last + middle, times, weights) > 0.0 { low = middle } else { high = middle }
    }
    at(low)
}

#[test]
fn grazing_crossings_are_told_from_misses() {
    let mut random = Mersenne::new(13);
    for k in 0..200 {
        let [tau_mem, exc, inh] = taus(&mut random, k);
        let mut neuron = neuron(tau_mem, exc, inh);
        let (times, weights) = ([0.0, 0.2, 0.3], [1.0, -0.4, 1.5]);
        let peak = peak(&neuron, &times, &weights);
        neuron.threshold = peak * (1.0 - 1e-13);
        assert!(neuron.first_spike(&times, &weights).is_finite(), "{neuron:?}");
        neuron.threshold = peak * (1.0 + 1e-13);
        assert_eq!(neuron.first_spike(&times, &weights), INF, "{neuron:?}");
    }
}

#[test]
fn inhibition_that_ends_lets_the_potential_rise_again() {
    // Strong fast inhibition on top of slow excitation: down first, then up to the threshold.
    let neuron = neuron(1.0, 8.0, 0.2);
    let (times, weights) = ([0.0, 0.0], [20.0, -6.0]);
    assert!(neuron.slope(0.0, &times, &weights) < 0.0);
    let t = neuron.first_spike(&times, &weights);
    assert!(t > 0.5 && (neuron.potential(t, &times, &weights) - 1.0).abs() < 1e-13, "{t}");
}

#[test]
fn coincident_inputs_act_together_and_a_leak_shifts_the_threshold() {
    let one = neuron(1.4, 1.0, 0.7);
    assert_eq!(one.first_spike(&[0.3, 0.3, 0.5], &[2.0, 3.0, 1.0]), one.first_spike(&[0.3, 0.5], &[5.0, 1.0]));
    let (times, weights) = ([0.0, 0.5], [2.0, 3.0]);
    let raised = NeuronModel { leak: 0.25, threshold: 1.25, ..one };
    assert_eq!(raised.first_spike(&times, &weights), one.first_spike(&times, &weights));
    assert_eq!(raised.potential(0.0, &[], &[]), 0.25);
    assert!(NeuronModel { leak: 1.0, ..one }.check().is_err());
    assert!(NeuronModel { gain_inh: f64::NAN, ..one }.check().is_err());
    assert_eq!(one.first_spike(&[0.1, INF], &[0.5, 50.0]), INF);
}

#[test]
fn a_layer_is_its_neurons() {
    let mut random = Mersenne::new(14);
    let neurons: Vec<NeuronModel> = (0..6)
        .map(|k| {
            let [m, e, i] = taus(&mut random, k);
            neuron(m, e, i)
        })
        .collect();
    let times = ndarray::array![0.9, INF, 0.1, 0.4, 0.4];
    let weights = ndarray::Array2::from_shape_fn((5, 6), |_| 4.0 * random.random_double() - 1.0);
    let spikes = layer_forward(&neurons, times.view(), weights.view());
    for (j, neuron) in neurons.iter().enumerate() {
        let own: Vec<f64> = [2, 3, 4, 0].iter().map(|&k| weights[[k, j]]).collect();
        assert_eq!(spikes[j], neuron.first_spike(&[0.1, 0.4, 0.4, 0.9], &own));
    }
}
