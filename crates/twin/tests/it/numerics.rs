//! The emulator with everything off, against an integration on a fine grid that shares nothing with it.

use bss2_emu::spec::Preset;
use bss2_emu::{Chip, ChipSpec, Device as _, NeuronParameters, NeuronSetting, RunId};
use ndarray::{Array2, s};
use ttfs::on_device::OnDevice;
use ttfs::placement::Placement;
use ttfs::substrate::Substrate as _;
use twin::score::{OutputScore, spikes};
use twin::{Profile, Recording};

use crate::data;

/// Step of the integration in tau.
const STEP: f64 = 0.01;
/// End of a sample in tau.
const END: f64 = 30.0;

/// First crossing of `threshold` by `V' = -V + I, I' = -I` with jumps of `I`, by the classical Runge-Kutta method in steps that end at
/// each input; the crossing by bisection of the last step.
fn integrated(inputs: &[f64], weights: &[f64], threshold: f64) -> f64 {
    let mut events: Vec<(f64, f64)> = inputs.iter().copied().zip(weights.iter().copied()).collect();
    events.retain(|(t, _)| t.is_finite());
    events.sort_by(|a, b| a.0.total_cmp(&b.0));
    let step = |(v, i): (f64, f64), h: f64| {
        let f = |(v, i): (f64, f64)| (i - v, -i);
        let k1 = f((v, i));
        let k2 = f((v + 0.5 * h * k1.0, i + 0.5 * h * k1.1));
        let k3 = f((v + 0.5 * h * k2.0, i + 0.5 * h * k2.1));
        let k4 = f((v + h * k3.0, i + h * k3.1));
        (v + h / 6.0 * (k1.0 + 2.0 * (k2.0 + k3.0) + k4.0), i + h / 6.0 * (k1.1 + 2.0 * (k2.1 + k3.1) + k4.1))
    };
    let (mut t, mut state, mut next) = (0.0, (0.0, 0.0), 0);
    while t < END {
        while next < events.len() && events[next].0 <= t {
            state.1 += events[next].1;
            next += 1;
        }
        let until = events.get(next).map_or(END, |e| e.0);
        let h = STEP.min(until - t);
        let after = step(state, h);
        if after.0 >= threshold {
            let (mut low, mut high) = (0.0, h);
            for _ in 0..50 {
                let middle = 0.5 * (low + high);
                if step(state, middle).0 >= threshold { high = middle } else { low = middle }
            }
            return t + 0.5 * (low + high);
        }
        (t, state) = (t + h, after);
    }
    f64::INFINITY
}

fn integrated_network(recording: &Recording, inputs: &Array2<f64>) -> [Array2<f64>; 2] {
    let weights = recording.weights();
    let layer = |sources: &Array2<f64>, weights: &Array2<f64>| {
        let of = |(row, neuron): (usize, usize)| {
            let (times, weights) = (sources.row(row).to_vec(), weights.column(neuron).to_vec());
            integrated(&times, &weights, recording.units.threshold)
        };
        Array2::from_shape_fn((sources.nrows(), weights.ncols()), of)
    };
    let hidden = layer(inputs, &weights[0]);
    let outputs = layer(&hidden, &weights[1]);
    [hidden, outputs]
}

/// The recorded network on an emulated chip without any effect.
fn emulated(recording: &Recording, inputs: &Array2<f64>) -> [Array2<f64>; 2] {
    let mut chip = Chip::draw(&ChipSpec::new(Preset::Ideal, 1));
    let mut neuron = NeuronParameters::default();
    let charge = neuron.gain_exc * recording.units.lsb_per_weight * neuron.tau_syn_exc_us;
    neuron.v_threshold_lsb = neuron.v_leak_lsb + recording.units.threshold * charge;
    chip.configure(&NeuronSetting::Direct(vec![neuron; 512])).unwrap();
    let [n_inputs, n_hidden, n_outputs] = recording.sizes();
    let placement = Placement::new(n_inputs, &[n_hidden, n_outputs]).unwrap();
    let mut substrate = OnDevice::new(chip, placement, recording.scaling(), recording.units.slot_us).unwrap();
    let network = twin::trials::network(recording);
    let found = substrate.forward(&network, inputs.view(), RunId { session: 0, index: 0 }).unwrap();
    [found.layers[0].clone(), found.layers[1].clone()]
}

#[test]
fn with_everything_off_the_emulator_is_the_equation() {
    let Some(recording) = data::recording("with_everything_off_the_emulator_is_the_equation") else { return };
    let inputs = recording.test.inputs.slice(s![..300, ..]).to_owned();
    let reference = integrated_network(&recording, &inputs);
    let weights = recording.weights();
    let closed_form = spikes(&recording, &weights, &Profile::ideal(recording.sizes()), inputs.view());
    for (name, found) in [("chip", emulated(&recording, &inputs)), ("closed form", closed_form)] {
        for (layer, (found, reference)) in found.iter().zip(&reference).enumerate() {
            let same = |(a, b): &(&f64, &f64)| (a.is_infinite() && b.is_infinite()) || (**a - **b).abs() < 1e-4;
            let n = found.iter().zip(reference).filter(same).count();
            assert!(n as f64 >= 0.99 * found.len() as f64, "{name}, layer {layer}: {n} of {}", found.len());
        }
    }
}

/// The numbers of an independent analysis: RMSE .139, agreement .74, accuracy .72 to the last digit given.
#[test]
fn the_ideal_network_is_as_far_from_the_chip_as_known() {
    let Some(recording) = data::recording("the_ideal_network_is_as_far_from_the_chip_as_known") else { return };
    let [_, outputs] = emulated(&recording, &recording.test.inputs);
    let labels = recording.test.labels.clone().unwrap();
    let score = OutputScore::new(outputs.view(), recording.test.outputs.view(), &labels);
    assert!((score.rmse - 0.139).abs() < 1e-3, "{score:?}");
    assert!((score.agreement - 0.739).abs() < 0.005, "{score:?}");
    assert!((score.accuracy - 0.725).abs() < 0.005, "{score:?}");
    assert!((score.chip_accuracy - 0.849).abs() < 1e-9, "{score:?}");
}
