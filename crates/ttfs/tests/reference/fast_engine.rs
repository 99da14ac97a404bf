//! The fast engine of an emulated chip against the one in double precision: the same draws, the same events.

use bss2_emu::chip::Engine;
use bss2_emu::rng::{Purpose, Stream};
use bss2_emu::spec::Preset;
use bss2_emu::{Chip, ChipSpec, Device, NeuronParameters, NeuronSetting, RunId, TrialRecording};
use ndarray::Array2;
use ttfs::network::Network;
use ttfs::on_device::OnDevice;
use ttfs::placement::Placement;
use ttfs::scaling::{Latency, Scaling};

const TICK_US: f64 = 0.008;

/// What sets the engines apart, in spikes.
#[derive(Debug, Default)]
struct Difference {
    spikes: usize,
    /// A tick earlier or later.
    moved: usize,
    /// More than that, or in one of the two only.
    others: usize,
}

impl Difference {
    fn add(&mut self, a: &TrialRecording, b: &TrialRecording) {
        let ordered = |t: &TrialRecording| {
            let mut list: Vec<(u16, f64)> = t.spikes.iter().map(|s| (s.neuron.get(), s.time_us)).collect();
            list.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
            list
        };
        let (a, b) = (ordered(a), ordered(b));
        self.spikes += a.len();
        if a.iter().map(|s| s.0).ne(b.iter().map(|s| s.0)) {
            self.others += a.len().abs_diff(b.len()).max(1);
            return;
        }
        for (a, b) in a.iter().zip(&b) {
            let ticks = ((a.1 - b.1) / TICK_US).abs();
            self.moved += usize::from((0.5..1.5).contains(&ticks));
            self.others += usize::from(ticks >= 1.5);
        }
    }
}

struct Case {
    placement: Placement,
    n_inputs: usize,
    sizes: Vec<usize>,
    /// Sum of the weights that a neuron gets from all of its sources, by layer; their spread.
    drive: [f64; 2],
    spread: f64,
    active: f64,
    refractory_us: f64,
}

fn compare(case: &Case, preset: Preset, seed: u64, samples: usize) -> Difference {
    let mut draw = Stream::new(seed, Purpose::Search, [1, 0, 0]);
    let mut width = case.n_inputs;
    let mut weights = Vec::new();
    for (layer, &size) in case.sizes.iter().enumerate() {
        let mean = case.drive[layer.min(1)] / width as f64;
        weights.push(Array2::from_shape_simple_fn((width, size), || mean + case.spread * draw.normal()));
        width = size;
    }
    let inputs = Array2::from_shape_simple_fn((samples, case.n_inputs), || {
        if draw.uniform() > case.active { f64::INFINITY } else { 2.0 * draw.uniform() }
    });
    let network = Network::new(weights);
    let neuron = NeuronParameters { refractory_us: case.refractory_us, ..NeuronParameters::default() };
    let scaling = Scaling::measured(&[neuron], 6.0, 30.0, Latency::default()).unwrap();
    let record = |engine| {
        let mut spec = ChipSpec::new(preset, seed);
        spec.failures.stuck_synapse_probability = 0.002;
        let mut chip = Chip::draw(&spec);
        chip.configure(&NeuronSetting::Direct(vec![neuron; 512])).unwrap();
        chip.set_engine(Some(engine));
        let mut device = OnDevice::new(chip, case.placement.clone(), scaling, 180.0).unwrap();
        device.record(&network, inputs.view(), RunId { session: 3, index: 5 }, 0.0, |_| ()).unwrap()
    };
    let (exact, fast) = (record(Engine::Layered), record(Engine::Fast));
    let mut difference = Difference::default();
    for (a, b) in exact.iter().zip(&fast) {
        difference.add(a, b);
    }
    difference
}

fn check(difference: &Difference, least: usize) {
    println!("{difference:?}");
    assert!(difference.spikes > least, "{difference:?}");
    assert!(difference.moved * 1000 <= difference.spikes, "{difference:?}");
    assert!(difference.others * 10_000 <= difference.spikes, "{difference:?}");
}

#[test]
fn one_circuit_per_neuron() {
    let case = Case {
        placement: Placement::new(25, &[120, 3]).unwrap(),
        n_inputs: 25,
        sizes: vec![120, 3],
        drive: [15.0, 25.0],
        spread: 0.8,
        active: 1.0,
        refractory_us: 16.384,
    };
    check(&compare(&case, Preset::Bss2Calibrated, 1, 600), 40_000);
}

#[test]
fn two_circuits_per_neuron() {
    let case = Case {
        placement: Placement::joined(256, &[246, 10]).unwrap(),
        n_inputs: 256,
        sizes: vec![246, 10],
        drive: [75.0, 40.0],
        spread: 0.5,
        active: 0.28,
        refractory_us: 16.384,
    };
    check(&compare(&case, Preset::Bss2Calibrated, 2, 150), 15_000);
}

/// Many spikes of each neuron, limits that are hit and let go, three layers.
#[test]
fn refractory_times_that_end_among_the_events() {
    let case = Case {
        placement: Placement::joined(200, &[100, 60, 20]).unwrap(),
        n_inputs: 200,
        sizes: vec![100, 60, 20],
        drive: [90.0, 60.0],
        spread: 0.9,
        active: 0.5,
        refractory_us: 2.0,
    };
    check(&compare(&case, Preset::Bss2Calibrated, 3, 60), 15_000);
}
