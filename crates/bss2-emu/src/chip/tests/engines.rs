//! Both engines on randomly drawn feed-forward networks with everything that makes them hard: mismatch, noise, re-firing,
//! crowded interfaces, joined circuits, delay pairs, background events, converters and forced resets.

use super::*;
use crate::Refractory;
use crate::rng::{Purpose, Stream};
use crate::routing::{Background, BackgroundKind, DelayPair};

/// Draws that build a case.
pub struct Dice(pub Stream);

impl Dice {
    pub fn below(&mut self, n: usize) -> usize {
        (self.0.uniform() * n as f64) as usize
    }

    pub fn uniform(&mut self) -> f64 {
        self.0.uniform()
    }

    pub fn chance(&mut self, probability: f64) -> bool {
        self.0.uniform() < probability
    }

    fn label(&mut self, labels: usize) -> Label {
        Label::new(1 + self.below(labels) as i64).unwrap()
    }
}

pub fn id(n: usize) -> NeuronId {
    NeuronId::new(n as i64).unwrap()
}

/// Inputs reach both hemispheres, neurons of the top one reach the bottom one.
pub fn routing(dice: &mut Dice) -> Routing {
    let mut routing = Routing::default();
    for h in 0..2 {
        for driver in 0..24 {
            routing.driver_masks[h][driver] = [31, 31, 24, 0][dice.below(4)];
            for row in [2 * driver, 2 * driver + 1] {
                routing.row_modes[h][row] = [RowMode::Excitatory, RowMode::Inhibitory][row % 2];
                for column in 0..COLUMNS {
                    if dice.chance(0.3) {
                        routing.labels[h][row * COLUMNS + column] = dice.label(4);
                    }
                }
            }
        }
    }
    for _ in 0..30 {
        let hemisphere = Hemisphere::BOTH[dice.below(2)];
        let (bus, row_select) = (dice.below(4), dice.below(6) as u8);
        let address = EventAddress { hemisphere, bus, row_select, label: dice.label(4) };
        routing.inputs.push(InputChannel { port: dice.below(4) as u8, address });
    }
    for neuron in 0..COLUMNS {
        routing.neuron_addresses[neuron] = Some((dice.below(4) << 6) as u8 | dice.label(4).get());
    }
    for output in &mut routing.output_to_hemisphere {
        output[1] = dice.chance(0.8);
    }
    routing.logical_neurons =
        vec![vec![id(3), id(4)], vec![id(40), id(41), id(42)], vec![id(260), id(261)], vec![id(400), id(401)]];
    routing.delay_pairs = vec![
        DelayPair { neuron: id(100), code: 50 },
        DelayPair { neuron: id(140), code: 77 },
        DelayPair { neuron: id(300), code: 60 },
    ];
    let label = Label::new(1).unwrap();
    let mask = Label::new(2).unwrap();
    for (k, kind) in [(1, BackgroundKind::Regular), (6, BackgroundKind::Poisson)] {
        routing.background[k] =
            Some(Background { kind, period: 900, rate: 60, seed: dice.below(99) as u32, row_select: 1, label, mask });
    }
    routing
}

fn chip(seed: u32, dice: &mut Dice) -> Chip {
    let mut spec = ChipSpec::new([Preset::Bss2, Preset::Bss2Calibrated][seed as usize % 2], seed.into());
    spec.noise.leak_trial_rel_std = [0.0, 0.01][dice.below(2)];
    spec.noise.threshold_spike_rel_std = [0.0, 0.006][dice.below(2)];
    spec.events.loss_probability = [0.0, 0.1][dice.below(2)];
    spec.events.serialisation = dice.chance(0.75);
    spec.events.time_grid = spec.events.serialisation || dice.chance(0.5);
    spec.circuits.refiring = dice.chance(0.9);
    let mut chip = Chip::draw(&spec);
    let refractory_us = [0.5, 2.0, 16.0][dice.below(3)];
    if seed.is_multiple_of(2) {
        let mut table = CodeTable::default();
        for (n, codes) in table.neurons.iter_mut().enumerate() {
            codes.refractory = Refractory::for_time(refractory_us).unwrap();
            codes.extension.reset_holdoff = if n % 9 == 0 { 12 } else { 15 };
            codes.extension.enable_bypass = n % 50 == 7;
        }
        chip.configure(&NeuronSetting::Codes(table)).unwrap();
    } else {
        let mut parameters = vec![NeuronParameters { refractory_us, ..NeuronParameters::default() }; NEURONS];
        for (n, p) in parameters.iter_mut().enumerate() {
            p.terms.holdoff_us = if n % 9 == 0 { 0.3 } else { 0.0 };
            p.terms.bypass = n % 50 == 7;
            // Some fire by themselves.
            p.v_leak_lsb = if n % 40 == 0 { 155.0 } else { 80.0 };
        }
        chip.configure(&NeuronSetting::Direct(parameters)).unwrap();
    }
    chip.connect(&routing(dice)).unwrap();
    let mut rows = Vec::new();
    for hemisphere in Hemisphere::BOTH {
        for r in 0..48 {
            let weights: Vec<u8> =
                (0..COLUMNS).map(|_| if dice.chance(0.5) { dice.below(64) as u8 } else { 0 }).collect();
            rows.push(row(hemisphere, r, &weights));
        }
    }
    chip.write_weights(&rows).unwrap();
    chip
}

fn drawn_experiment(dice: &mut Dice) -> Experiment {
    let trial = |k: usize, dice: &mut Dice| {
        let spikes = (0..60).map(|_| {
            let time = 40.0 * dice.0.uniform();
            // Many at once.
            let time_us = if dice.chance(0.5) { libm::rint(time) } else { time };
            InputSpike { time_us, channel: dice.below(30) as u16 }
        });
        let spikes = spikes.collect();
        let neuron = id([41, 3, 100, 300, 12, 401][dice.below(6)]);
        let source = ReadoutSource::Membrane;
        let madc = (k % 3 == 1).then_some(MadcRequest { neuron, source });
        let resets_us = if k % 3 == 2 { vec![30.0, 12.0] } else { Vec::new() };
        Trial { spikes, resets_us, madc }
    };
    let trials = (0..4).map(|k| trial(k, dice)).collect();
    let cadc_times_us = if dice.chance(0.3) { vec![20.0, 5.0, 20.0] } else { Vec::new() };
    let record = Record { cadc_times_us, spike_counters: true };
    Experiment { run: RunId { session: 3, index: 1 }, duration_us: 60.0, trials, record }
}

#[test]
fn they_record_the_same_to_the_last_tick() {
    let (mut spikes, mut again, mut deep) = (0, 0, 0);
    for seed in 0..40 {
        let mut dice = Dice(Stream::new(5, Purpose::Search, [seed, 0, 0]));
        let mut chip = chip(seed, &mut dice);
        let experiment = drawn_experiment(&mut dice);
        chip.set_engine(Some(Engine::Layered));
        let layered = chip.run(&experiment).unwrap();
        chip.set_engine(Some(Engine::Event));
        let event = chip.run(&experiment).unwrap();
        for (k, (a, b)) in layered.trials.iter().zip(&event.trials).enumerate() {
            assert_eq!(a.spikes.len(), b.spikes.len(), "chip {seed}, trial {k}");
            for (a, b) in a.spikes.iter().zip(&b.spikes) {
                assert_eq!(a.neuron, b.neuron, "chip {seed}, trial {k}: {a:?} {b:?}");
                let bound = if chip.spec.events.time_grid { 0.0 } else { 1e-9 };
                assert!((a.time_us - b.time_us).abs() <= bound, "chip {seed}, trial {k}: {a:?} {b:?}");
            }
            assert_eq!((&a.counters, &a.cadc, &a.madc), (&b.counters, &b.cadc, &b.madc), "chip {seed}, trial {k}");
            spikes += a.spikes.len();
            deep += a.spikes.iter().filter(|s| s.neuron.get() >= 256).count();
            again += a.counters.iter().filter(|c| c.count > 1).count();
        }
    }
    assert!(spikes > 20_000 && again > 4000 && deep > 10_000, "{spikes} spikes, {again} fired again, {deep} deep");
}
