//! Networks in several passes on a chip: the ideal chip is the ideal network, whatever is replayed.

use bss2_emu::rng::{Purpose, Stream};
use bss2_emu::spec::Preset;
use bss2_emu::{Chip, ChipSpec, Device, NeuronParameters, NeuronSetting, RunId};
use ndarray::{Array2, concatenate, s};
use ttfs::Error;
use ttfs::in_passes::InPasses;
use ttfs::network::{DelayKind, DelaySettings, Network};
use ttfs::on_device::OnDevice;
use ttfs::placement::Placement;
use ttfs::scaling::{Latency, Scaling};
use ttfs::substrate::{Ideal, Substrate};

const RUN: RunId = RunId { session: 4, index: 3 };

/// Weights that let a good part of each layer fire, in units in which neurons have `circuits` circuits; inputs partly silent.
fn network(n_inputs: usize, sizes: &[usize], circuits: usize, samples: usize) -> (Network, Array2<f64>) {
    let mut draw = Stream::new(11, Purpose::Search, [0, 0, 0]);
    let mut width = n_inputs;
    let mut weights = Vec::new();
    for (layer, &size) in sizes.iter().enumerate() {
        let mean = if layer == 0 { 22.0 } else { 14.0 } * circuits as f64 / width as f64;
        let std = if layer == 0 { 0.5 } else { 0.3 };
        weights.push(Array2::from_shape_simple_fn((width, size), || mean + std * draw.normal()));
        width = size;
    }
    let inputs = Array2::from_shape_simple_fn((samples, n_inputs), || {
        if draw.uniform() < 0.6 { f64::INFINITY } else { 2.0 * draw.uniform() }
    });
    (Network::new(weights), inputs)
}

fn chip(spec: &ChipSpec) -> Chip {
    let mut chip = Chip::draw(spec);
    chip.configure(&NeuronSetting::Direct(vec![NeuronParameters::default(); 512])).unwrap();
    chip
}

fn of_circuits(latency: Latency) -> Scaling {
    Scaling::measured(&[NeuronParameters::default()], 6.0, 30.0, latency).unwrap()
}

/// Runs a network in passes on an ideal chip and compares it with the ideal network.
fn is_ideal(n_inputs: usize, sizes: &[usize], samples: usize, n_passes: usize) {
    let passes = Placement::partitioned(n_inputs, sizes).unwrap();
    assert_eq!(passes.passes().len(), n_passes);
    let (network, inputs) = network(n_inputs, sizes, passes.circuits_per_neuron(), samples);
    let scaling = passes.scaling(of_circuits(Latency::default()));
    let mut device = InPasses::new(chip(&ChipSpec::new(Preset::Ideal, 1)), passes, scaling, 180.0).unwrap();
    let measured = device.forward(&network, inputs.view(), RUN).unwrap().layers;
    assert_eq!(device.trials(), (samples * n_passes) as u64);
    let mut ideal = Ideal { model: scaling.model(), grid: Some(scaling) };
    let expected = ideal.forward(&network, inputs.view(), RUN).unwrap().layers;
    for (layer, (found, expected)) in measured.iter().zip(&expected).enumerate() {
        let mut spikes = 0;
        for (a, b) in found.iter().zip(expected) {
            // 1e-12 where the crossing is not grazing; deeper layers inherit the errors of their inputs.
            assert!(a == b || (a - b).abs() < 1e-8, "{n_inputs}-{sizes:?} layer {layer}: {a} not {b}");
            spikes += usize::from(b.is_finite());
        }
        let share = spikes as f64 / expected.len() as f64;
        assert!(share > 0.1 && (layer > 0 || share < 1.0), "{n_inputs}-{sizes:?} layer {layer}: {share}");
    }
}

#[test]
fn an_ideal_chip_in_passes_is_the_ideal_network() {
    is_ideal(300, &[200, 10], 6, 3);
    is_ideal(100, &[128, 128, 128, 3], 6, 2);
    is_ideal(300, &[600, 5], 3, 7);
}

#[test]
fn mnist_in_full_size_is_the_ideal_network() {
    is_ideal(784, &[350, 10], 2, 6);
}

#[test]
fn a_network_that_fits_runs_as_on_a_plain_chip() {
    for (n_inputs, sizes) in [(25, &[60, 3][..]), (150, &[40, 10])] {
        let passes = Placement::partitioned(n_inputs, sizes).unwrap();
        let scaling = passes.scaling(of_circuits(Latency::default()));
        let (network, inputs) = network(n_inputs, sizes, passes.circuits_per_neuron(), 8);
        let spec = ChipSpec::new(Preset::Bss2Calibrated, 5);
        let placement = Placement::fitting(n_inputs, sizes).unwrap();
        let mut plain = OnDevice::new(chip(&spec), placement, scaling, 180.0).unwrap();
        let mut passes = InPasses::new(chip(&spec), passes, scaling, 180.0).unwrap();
        let expected = plain.forward(&network, inputs.view(), RUN).unwrap();
        assert_eq!(passes.forward(&network, inputs.view(), RUN).unwrap(), expected);
        assert!(expected.layers[1].iter().any(|t| t.is_finite()));
    }
}

/// A spike that is replayed acts when it would have acted on chip, also if it was stamped before what it is sent earlier by.
#[test]
fn replayed_spikes_arrive_after_the_internal_latency() {
    for latency in [Latency { external_us: 0.47, internal_us: 0.3 }, Latency { external_us: 0.1, internal_us: 0.6 }] {
        let mut spec = ChipSpec::new(Preset::Ideal, 1);
        (spec.events.latency_external_us, spec.events.latency_internal_us) = (latency.external_us, latency.internal_us);
        let (n_inputs, sizes) = (300, [200, 10]);
        let passes = Placement::partitioned(n_inputs, &sizes).unwrap();
        let scaling = passes.scaling(of_circuits(latency));
        let (network, mut inputs) = network(n_inputs, &sizes, passes.circuits_per_neuron(), 4);
        // Hidden neurons fire at once.
        inputs.slice_mut(s![0, ..]).fill(0.0);
        let measured = InPasses::new(chip(&spec), passes, scaling, 180.0)
            .and_then(|mut device| device.forward(&network, inputs.view(), RUN))
            .unwrap();
        let [external, internal] = scaling.latencies();
        let mut ideal = Ideal { model: scaling.model(), grid: Some(scaling) };
        let mut alone = |layer: usize, sources: Array2<f64>| {
            let layer = Network::new(vec![network.weights[layer].clone()]);
            ideal.forward(&layer, sources.view(), RUN).unwrap().layers.remove(0)
        };
        let hidden = alone(0, inputs.mapv(|t| t + external));
        let outputs = alone(1, hidden.mapv(|t| t + internal));
        for (found, expected) in measured.layers.iter().zip([hidden, outputs]) {
            assert!(expected.iter().any(|t| t.is_finite()));
            for (a, b) in found.iter().zip(&expected) {
                assert!(a == b || (a - b).abs() < 1e-8, "{a} not {b}");
            }
        }
    }
}

#[test]
fn passes_have_noise_of_their_own_and_repeat_with_their_address() {
    let (n_inputs, sizes) = (300, [340, 10]);
    let passes = Placement::partitioned(n_inputs, &sizes).unwrap();
    assert_eq!(passes.passes().len(), 3);
    let (mut network, inputs) = network(n_inputs, &sizes, passes.circuits_per_neuron(), 4);
    // Both parts of the layer are the same neurons, on the same circuits.
    let half = network.weights[0].slice(s![.., ..170]).to_owned();
    network.weights[0] = concatenate![ndarray::Axis(1), half, half];
    let scaling = passes.scaling(of_circuits(Latency::default()));
    let mut spec = ChipSpec::new(Preset::Bss2Calibrated, 5);
    let hidden = |spec: &ChipSpec, index| {
        let mut device = InPasses::new(chip(spec), passes.clone(), scaling, 180.0).unwrap();
        device.forward(&network, inputs.view(), RunId { index, ..RUN }).unwrap().layers.remove(0)
    };
    let first = hidden(&spec, 3);
    assert_ne!(first.slice(s![.., ..170]), first.slice(s![.., 170..]));
    assert_eq!(first, hidden(&spec, 3));
    assert_ne!(first, hidden(&spec, 4));
    spec.noise = bss2_emu::noise::Noise::OFF;
    let quiet = hidden(&spec, 3);
    assert_eq!(quiet.slice(s![.., ..170]), quiet.slice(s![.., 170..]));
}

#[test]
fn what_does_not_belong_is_refused() {
    let passes = Placement::partitioned(300, &[200, 10]).unwrap();
    let scaling = passes.scaling(of_circuits(Latency::default()));
    let mut device = InPasses::new(chip(&ChipSpec::new(Preset::Ideal, 1)), passes, scaling, 180.0).unwrap();
    let (mut right, inputs) = network(300, &[200, 10], 3, 1);
    let (wrong, _) = network(300, &[199, 10], 3, 1);
    assert!(matches!(device.forward(&wrong, inputs.view(), RUN), Err(Error::Shape { .. })));
    let (few, small) = network(20, &[200, 10], 3, 1);
    assert!(matches!(device.forward(&few, small.view(), RUN), Err(Error::Shape { .. })));
    let delays = DelaySettings { kind: DelayKind::Axonal, ..DelaySettings::SIMULATION };
    right.set_delays(&delays, 300, |_| 0.0);
    assert!(matches!(device.forward(&right, inputs.view(), RUN), Err(Error::DelaysInPasses)));
}
