//! Networks of two circuits per neuron on a chip: the ideal chip is the ideal network, through routing and labels.

use bss2_emu::rng::{Purpose, Stream};
use bss2_emu::spec::Preset;
use bss2_emu::{Chip, ChipSpec, Device, NeuronParameters, NeuronSetting, RunId};
use ndarray::Array2;
use ttfs::network::Network;
use ttfs::on_device::OnDevice;
use ttfs::placement::Placement;
use ttfs::scaling::{Latency, Scaling};
use ttfs::substrate::{Ideal, Substrate};

const SAMPLES: usize = 12;

/// Weights on the chip's own grid, and input times of which a good part is silent.
fn network(n_inputs: usize, sizes: &[usize]) -> (Network, Array2<f64>) {
    let mut draw = Stream::new(9, Purpose::Search, [0, 0, 0]);
    let mut width = n_inputs;
    let mut weights = Vec::new();
    for (layer, &size) in sizes.iter().enumerate() {
        let mean = if layer == 0 { 45.0 } else { 55.0 } / width as f64;
        weights.push(Array2::from_shape_simple_fn((width, size), || mean + 0.5 * draw.normal()));
        width = size;
    }
    let inputs = Array2::from_shape_simple_fn((SAMPLES, n_inputs), || {
        if draw.uniform() < 0.6 { f64::INFINITY } else { 2.0 * draw.uniform() }
    });
    (Network::new(weights), inputs)
}

#[test]
fn an_ideal_chip_of_joined_neurons_is_the_ideal_network() {
    for (n_inputs, sizes) in [(256, &[246, 10][..]), (200, &[100, 100, 56]), (30, &[7])] {
        let (network, inputs) = network(n_inputs, sizes);
        let neurons = vec![NeuronParameters::default(); 512];
        let mut chip = Chip::draw(&ChipSpec::new(Preset::Ideal, 1));
        chip.configure(&NeuronSetting::Direct(neurons.clone())).unwrap();
        let placement = Placement::joined(n_inputs, sizes).unwrap();
        let of_circuits = Scaling::measured(&neurons, 6.0, 30.0, Latency::default()).unwrap();
        let scaling = placement.scaling(of_circuits);
        let mut device = OnDevice::new(chip, placement, scaling, 180.0).unwrap();
        let run = RunId { session: 0, index: 0 };
        let measured = device.forward(&network, inputs.view(), run).unwrap().layers;
        let mut ideal = Ideal { model: scaling.model(), grid: Some(scaling) };
        let expected = ideal.forward(&network, inputs.view(), run).unwrap().layers;
        for (layer, (found, expected)) in measured.iter().zip(&expected).enumerate() {
            let mut spikes = 0;
            for (a, b) in found.iter().zip(expected) {
                // 1e-12 where the crossing is not grazing; deeper layers inherit the errors of their inputs.
                assert!(a == b || (a - b).abs() < 1e-8, "layer {layer}: {a} not {b}");
                spikes += usize::from(b.is_finite());
            }
            let share = spikes as f64 / expected.len() as f64;
            assert!(share > 0.2 && (layer > 0 || share < 1.0), "layer {layer}: {share}");
        }
    }
}
