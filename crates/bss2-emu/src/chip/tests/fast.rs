//! The fast engine on randomly drawn networks: beside the layered one, on any processor, on any number of threads.

use std::sync::atomic::Ordering;

use super::engines::{Dice, id, routing};
use super::*;
use crate::engine::fast::vector::{Kind, WIDEST};
use crate::rng::{Purpose, Stream};

fn chip(seed: u32, dice: &mut Dice) -> Chip {
    let mut spec = ChipSpec::new(Preset::Bss2Calibrated, seed.into());
    spec.noise.threshold_trial_rel_std = [0.0, 0.014][dice.below(2)];
    spec.noise.threshold_spike_rel_std = [0.0, 0.006][dice.below(2)];
    spec.noise.spike_jitter_us_std = [0.0, 0.06][dice.below(2)];
    spec.events.serialisation = dice.chance(0.7);
    spec.circuits.refiring = dice.chance(0.9);
    spec.failures.stuck_synapse_probability = 0.001;
    let mut chip = Chip::draw(&spec);
    let refractory_us = [2.0, 16.0][dice.below(2)];
    let mut parameters = vec![NeuronParameters { refractory_us, ..NeuronParameters::default() }; NEURONS];
    for (n, p) in parameters.iter_mut().enumerate() {
        // Some fire by themselves, some cannot reach their threshold.
        p.v_leak_lsb = if n % 40 == 0 { 155.0 } else { 80.0 };
        p.v_threshold_lsb = if n % 40 == 7 { 240.0 } else { 150.0 };
    }
    chip.configure(&NeuronSetting::Direct(parameters)).unwrap();
    let mut routing = routing(dice);
    routing.background = Default::default();
    routing.delay_pairs.clear();
    routing.logical_neurons = vec![vec![id(3), id(4)], vec![id(40), id(41)], vec![id(260), id(261)]];
    routing.logical_neurons.extend((50..62).chain(150..158).map(|n| vec![id(2 * n), id(2 * n + 1)]));
    // Three, four, seven and eight circuits.
    for (first, circuits) in [(330, 3), (340, 4), (350, 7), (360, 8)] {
        routing.logical_neurons.push((first..first + circuits).map(id).collect());
    }
    chip.connect(&routing).unwrap();
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

fn experiment(dice: &mut Dice) -> Experiment {
    let trial = |dice: &mut Dice| {
        let spikes = (0..60).map(|_| {
            let time = 40.0 * dice.uniform();
            let time_us = if dice.chance(0.5) { libm::rint(time) } else { time };
            InputSpike { time_us, channel: dice.below(30) as u16 }
        });
        Trial { spikes: spikes.collect(), ..Trial::default() }
    };
    let trials = (0..60).map(|_| trial(dice)).collect();
    let record = Record { spike_counters: true, ..Record::default() };
    Experiment { run: RunId { session: 3, index: 1 }, duration_us: 60.003, trials, record }
}

#[test]
fn it_is_within_a_tick_of_the_layered_engine() {
    let (mut spikes, mut moved, mut others, mut again, mut deep) = (0, 0, 0, 0, 0);
    for seed in 0..12 {
        let mut dice = Dice(Stream::new(6, Purpose::Search, [seed, 0, 0]));
        let mut chip = chip(seed, &mut dice);
        let experiment = experiment(&mut dice);
        chip.set_engine(Some(Engine::Layered));
        let exact = chip.run(&experiment).unwrap();
        chip.set_engine(Some(Engine::Fast));
        let fast = chip.run(&experiment).unwrap();
        assert!(chip.fast.is_some(), "chip {seed}");
        for (a, b) in exact.trials.iter().zip(&fast.trials) {
            spikes += a.spikes.len();
            again += a.counters.iter().filter(|c| c.count > 1).count();
            deep += a.spikes.iter().filter(|s| s.neuron.get() >= 256).count();
            let by_neuron = |t: &TrialRecording| {
                let mut list = vec![Vec::new(); NEURONS];
                t.spikes.iter().for_each(|s| list[s.neuron.index()].push(s.time_us));
                list
            };
            for (a, b) in by_neuron(a).iter().zip(&by_neuron(b)) {
                others += usize::from(a.len() != b.len());
                for (a, b) in a.iter().zip(b) {
                    let ticks = ((a - b).abs() / 0.008).round() as usize;
                    moved += usize::from(ticks == 1);
                    others += usize::from(ticks > 1);
                }
            }
        }
    }
    // A spike that moves by a tick may delay others at an interface.
    assert!(spikes > 30_000 && again > 3000 && deep > 10_000, "{spikes} spikes, {again} fired again, {deep} deep");
    assert!(moved * 1000 <= spikes && others * 10_000 <= spikes, "{moved} moved, {others} others of {spikes}");
}

#[test]
fn processors_and_threads_do_not_matter() {
    for seed in [1, 4] {
        let mut dice = Dice(Stream::new(6, Purpose::Search, [seed, 0, 0]));
        let mut chip = chip(seed, &mut dice);
        chip.set_engine(Some(Engine::Fast));
        let experiment = experiment(&mut dice);
        let with_threads = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut chip = chip.clone();
            pool.install(|| chip.run(&experiment).unwrap())
        };
        let one = with_threads(1);
        assert_eq!(one, with_threads(2));
        assert_eq!(one, with_threads(7));
        for kind in [Kind::Half, Kind::Plain] {
            WIDEST.store(kind as u8, Ordering::Relaxed);
            let narrow = with_threads(2);
            WIDEST.store(Kind::Wide as u8, Ordering::Relaxed);
            assert_eq!(one, narrow, "{kind:?}");
        }
    }
}

/// Looks and resets take a run to the layered engine, a loop is refused.
#[test]
fn what_it_cannot_run_it_hands_on() {
    let mut dice = Dice(Stream::new(6, Purpose::Search, [2, 0, 0]));
    let mut chip = chip(2, &mut dice);
    let mut experiment = experiment(&mut dice);
    experiment.trials.truncate(3);
    experiment.record.cadc_times_us = vec![20.0];
    let record = |chip: &mut Chip, engine| {
        chip.set_engine(Some(engine));
        chip.run(&experiment).unwrap()
    };
    assert_eq!(record(&mut chip, Engine::Layered), record(&mut chip, Engine::Fast));
}

/// First spikes are those of the recordings, with any vectors, on any number of threads.
#[test]
fn first_spikes_are_those_that_are_recorded() {
    for seed in [0, 3, 5] {
        let mut dice = Dice(Stream::new(6, Purpose::Search, [seed, 0, 0]));
        let mut chip = chip(seed, &mut dice);
        chip.set_engine(Some(Engine::Fast));
        let experiment = experiment(&mut dice);
        let neurons: Vec<NeuronId> = (0..NEURONS).rev().filter(|n| n % 7 != 3).map(id).collect();
        let stimulus = |trial: usize, spikes: &mut Vec<InputSpike>| spikes.extend(&experiment.trials[trial].spikes);
        let batch = Batch {
            run: experiment.run,
            duration_us: experiment.duration_us,
            n_trials: experiment.trials.len(),
            stimulus: &stimulus,
            neurons: &neurons,
        };
        let mut recorded = FirstSpikes::default();
        batch.by_recording(&mut chip, &mut recorded).unwrap();
        assert!(recorded.times_us.iter().filter(|t| t.is_finite()).count() > 500);
        assert!(recorded.repeats.iter().sum::<u64>() > 0);
        for (kind, threads) in [(Kind::Wide, 1), (Kind::Wide, 7), (Kind::Half, 2), (Kind::Plain, 2)] {
            WIDEST.store(kind as u8, Ordering::Relaxed);
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            // What was in it before is gone.
            let mut dense = FirstSpikes { times_us: vec![1.0; 3], repeats: vec![9; 600] };
            pool.install(|| chip.first_spikes(&batch, &mut dense)).unwrap();
            WIDEST.store(Kind::Wide as u8, Ordering::Relaxed);
            assert_eq!(dense, recorded, "{kind:?}, {threads} threads");
        }
    }
}

#[test]
fn a_batch_is_refused_as_its_trials_are() {
    let mut dice = Dice(Stream::new(6, Purpose::Search, [1, 0, 0]));
    let mut chip = chip(1, &mut dice);
    let neurons = [id(0)];
    for engine in [Engine::Fast, Engine::Layered] {
        chip.set_engine(Some(engine));
        for (late, channel, part) in [(61.0, 0, "at 61 us"), (1.0, 30, "channel 30"), (-1.0, 0, "at -1 us")] {
            let stimulus = |trial: usize, spikes: &mut Vec<InputSpike>| {
                let time_us = if trial >= 41 { late } else { 1.0 };
                spikes.push(InputSpike { time_us, channel: if trial >= 41 { channel } else { 0 } });
            };
            let run = RunId { session: 0, index: 0 };
            let batch = Batch { run, duration_us: 60.0, n_trials: 60, stimulus: &stimulus, neurons: &neurons };
            let error = chip.first_spikes(&batch, &mut FirstSpikes::default()).unwrap_err().to_string();
            assert!(error.starts_with("trial 41: ") && error.contains(part), "{error}");
        }
    }
}

/// Weights that are written again change what they should, and nothing else.
#[test]
fn weights_can_be_written_again() {
    let mut dice = Dice(Stream::new(6, Purpose::Search, [4, 0, 0]));
    let mut chip = chip(4, &mut dice);
    chip.set_engine(Some(Engine::Fast));
    let experiment = experiment(&mut dice);
    let before = chip.run(&experiment).unwrap();
    let half: Vec<u8> = (0..COLUMNS).map(|column| (column % 64) as u8).collect();
    let kept = chip.arrays.weights(0)[5 * COLUMNS..6 * COLUMNS].to_vec();
    chip.write_weights(&[row(Hemisphere::Top, 5, &half)]).unwrap();
    let changed = chip.run(&experiment).unwrap();
    assert_ne!(before, changed);
    let mut fresh = chip.clone();
    fresh.fast = None;
    assert_eq!(changed, fresh.run(&experiment).unwrap());
    let back = RowWrite { hemisphere: Hemisphere::Top, row: 5, first_column: 0, weights: kept };
    chip.write_weights(std::slice::from_ref(&back)).unwrap();
    assert_eq!(before, chip.run(&experiment).unwrap());
}
