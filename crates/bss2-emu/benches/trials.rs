//! What a trial of a chip costs in the layered and in the fast engine, and how that grows with neurons, inputs and trials.
//!
//! `cargo bench -p bss2-emu --bench trials`; items are trials. One layer of a calibrated chip with noise and event path, every
//! input with one spike.

use bss2_emu::chip::Engine;
use bss2_emu::device::RowWrite;
use bss2_emu::rng::{Purpose, Stream};
use bss2_emu::routing::{EventAddress, InputChannel, Routing, RowMode};
use bss2_emu::spec::Preset;
use bss2_emu::{
    Chip, ChipSpec, Device, Experiment, Hemisphere, InputSpike, Label, NeuronParameters, NeuronSetting, Record, RunId,
    Trial, WeightCode,
};
use divan::Bencher;
use divan::counter::ItemsCount;

fn main() {
    divan::main();
}

/// A chip with `n_inputs` channels, at most 128, that reach the first `n_neurons` columns of the top hemisphere.
fn chip(engine: Engine, n_inputs: usize, n_neurons: usize) -> Chip {
    let mut draw = Stream::new(1, Purpose::Search, [n_inputs as u32, n_neurons as u32, 0]);
    let mut chip = Chip::draw(&ChipSpec::new(Preset::Bss2Calibrated, 1));
    chip.configure(&NeuronSetting::Direct(vec![NeuronParameters::default(); 512])).expect("a direct chip");
    chip.set_engine(Some(engine));
    let mut routing = Routing::default();
    let mut rows = Vec::new();
    let (label, hemisphere) = (Label::saturating(1.0), Hemisphere::Top);
    // Sums of weights of which most neurons fire.
    let mean = 420.0 / n_inputs as f64;
    for driver in 0..n_inputs {
        let (bus, row_select) = (driver % 4, (driver / 4) as u8);
        let address = EventAddress { hemisphere, bus, row_select, label };
        routing.inputs.push(InputChannel { port: bus as u8, address });
        let weights: Vec<f64> = (0..n_neurons).map(|_| mean + 12.0 * draw.normal()).collect();
        for (row, mode, sign) in [(2 * driver, RowMode::Excitatory, 1.0), (2 * driver + 1, RowMode::Inhibitory, -1.0)] {
            routing.row_modes[0][row] = mode;
            routing.labels[0][row * 256..row * 256 + n_neurons].fill(label);
            let weights = weights.iter().map(|w| WeightCode::saturating(sign * w)).collect();
            rows.push(RowWrite { hemisphere, row, first_column: 0, weights });
        }
    }
    chip.connect(&routing).expect("a routing");
    chip.write_weights(&rows).expect("rows");
    chip
}

fn run(bencher: Bencher<'_, '_>, engine: Engine, [n_inputs, n_neurons, n_trials]: [usize; 3]) {
    let mut chip = chip(engine, n_inputs, n_neurons);
    let mut draw = Stream::new(2, Purpose::Search, [0, 0, 0]);
    let trials = (0..n_trials).map(|_| {
        let spikes = (0..n_inputs).map(|c| InputSpike { time_us: 12.0 * draw.uniform(), channel: c as u16 }).collect();
        Trial { spikes, ..Trial::default() }
    });
    let experiment = Experiment {
        run: RunId { session: 0, index: 0 },
        duration_us: 180.0,
        trials: trials.collect(),
        record: Record::default(),
    };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
    bencher
        .counter(ItemsCount::new(n_trials))
        .bench_local(|| pool.install(|| chip.run(&experiment).expect("a run").trials.len()));
}

const ENGINES: [Engine; 2] = [Engine::Layered, Engine::Fast];

/// 64 inputs, 200 trials.
#[divan::bench(sample_count = 10, args = [[64, 32, 200], [64, 64, 200], [64, 128, 200], [64, 256, 200]], consts = [0, 1])]
fn by_neurons<const ENGINE: usize>(bencher: Bencher<'_, '_>, sizes: [usize; 3]) {
    run(bencher, ENGINES[ENGINE], sizes);
}

/// 128 neurons, 200 trials.
#[divan::bench(sample_count = 10, args = [[8, 128, 200], [32, 128, 200], [128, 128, 200]], consts = [0, 1])]
fn by_inputs<const ENGINE: usize>(bencher: Bencher<'_, '_>, sizes: [usize; 3]) {
    run(bencher, ENGINES[ENGINE], sizes);
}

/// 64 inputs, 128 neurons.
#[divan::bench(sample_count = 10, args = [[64, 128, 1], [64, 128, 10], [64, 128, 100], [64, 128, 1000]], consts = [0, 1])]
fn by_trials<const ENGINE: usize>(bencher: Bencher<'_, '_>, sizes: [usize; 3]) {
    run(bencher, ENGINES[ENGINE], sizes);
}
