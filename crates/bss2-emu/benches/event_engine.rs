//! What a spike costs in the event engine: it grows with the number of its synapses, not with the size of the network.
//!
//! `cargo bench -p bss2-emu --bench event_engine`; items are spikes, so the time per item is the cost of a spike.

use bss2_emu::rng::{Purpose, Stream};
use bss2_emu::simulation::{Case, Connection, Engine, Network, Population, Synapse};
use divan::Bencher;
use divan::counter::ItemsCount;

fn main() {
    divan::main();
}

const DURATION: f64 = 200.0;

/// Recurrent random networks of neurons that fire by themselves, each with `fan_out` weak synapses of either sign.
fn network(size: usize, fan_out: usize) -> Network {
    let mut draw = Stream::new(1, Purpose::Search, [size as u32, fan_out as u32, 0]);
    let mut list = |low: f64, high: f64| (0..size).map(|_| low + (high - low) * draw.uniform()).collect::<Vec<f64>>();
    let population = Population {
        name: "net".into(),
        size,
        tau_mem: list(8.0, 12.0),
        tau_syn_exc: list(4.0, 6.0),
        tau_syn_inh: list(4.0, 6.0),
        v_leak: list(1.1, 1.3),
        v_threshold: vec![1.0; size],
        v_reset: list(-0.2, 0.2),
        t_refractory: vec![2.0; size],
        ..Population::default()
    };
    let synapses = (0..size)
        .flat_map(|pre| (0..fan_out).map(move |k| (pre, k)))
        .map(|(pre, _)| {
            let post = (draw.uniform() * size as f64) as usize;
            Synapse { pre, post, weight: 0.02 * draw.normal() }
        })
        .collect();
    let connections = vec![Connection { from: "net".into(), to: "net".into(), delay: 1.0, synapses }];
    let case = Case {
        name: "bench".into(),
        duration: DURATION,
        input_spikes: Vec::new(),
        populations: vec![population],
        connections,
    };
    case.check().expect("a valid case")
}

fn run(bencher: Bencher<'_, '_>, network: &Network) {
    let spikes = || network.run(Engine::Event).expect("no runaway");
    let count: usize = spikes().populations.iter().flatten().map(Vec::len).sum();
    bencher.counter(ItemsCount::new(count)).bench_local(spikes);
}

/// Sixteen synapses a neuron.
#[divan::bench(sample_count = 10, args = [32, 64, 128, 256, 512])]
fn by_size(bencher: Bencher<'_, '_>, size: usize) {
    run(bencher, &network(size, 16));
}

/// 512 neurons.
#[divan::bench(sample_count = 10, args = [4, 16, 64, 256])]
fn by_fan_out(bencher: Bencher<'_, '_>, fan_out: usize) {
    run(bencher, &network(512, fan_out));
}
