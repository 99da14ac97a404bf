use approx::assert_relative_eq;

use super::*;
use crate::codes::NeuronId;
use crate::codes::{COLUMNS, Hemisphere, Label, WeightCode};
use crate::device::{InputSpike, MadcRequest, ReadoutSource, Record, RunId, Trial, TrialRecording};
use crate::routing::{EventAddress, InputChannel, RowMode};
use crate::spec::{EventPath, Preset};

/// One input channel on driver 0 (rows 0 and 1) of the top array, label 1 for columns 0..`columns`; a second hop from
/// neuron 0 to the same columns of the bottom array.
fn two_layers(columns: usize) -> Routing {
    let mut routing = Routing::default();
    for h in 0..2 {
        routing.row_modes[h][0] = RowMode::Excitatory;
        routing.row_modes[h][1] = RowMode::Inhibitory;
        for row in 0..2 {
            for column in 0..columns {
                routing.labels[h][row * COLUMNS + column] = Label::new(1).unwrap();
            }
        }
    }
    let address = EventAddress { hemisphere: Hemisphere::Top, bus: 0, row_select: 0, label: Label::new(1).unwrap() };
    routing.inputs = vec![InputChannel { port: 0, address }];
    routing.neuron_addresses[0] = Some(1);
    routing.output_to_hemisphere[0][1] = true;
    routing
}

fn row(hemisphere: Hemisphere, row: usize, weights: &[u8]) -> RowWrite {
    let weights = weights.iter().map(|w| WeightCode::new(i64::from(*w)).unwrap()).collect();
    RowWrite { hemisphere, row, first_column: 0, weights }
}

fn experiment(times: &[f64], trials: usize) -> Experiment {
    let spikes = times.iter().map(|&time_us| InputSpike { time_us, channel: 0 }).collect();
    Experiment {
        run: RunId { session: 1, index: 0 },
        duration_us: 100.0,
        trials: vec![Trial { spikes, ..Trial::default() }; trials],
        record: Record::default(),
    }
}

fn ideal() -> Chip {
    let mut chip = Chip::draw(&ChipSpec::new(Preset::Ideal, 1));
    // Threshold low enough for one synapse of weight 63 to fire the neuron.
    let p = NeuronParameters { v_threshold_lsb: 95.0, ..NeuronParameters::default() };
    chip.configure(&NeuronSetting::Direct(vec![p; NEURONS])).unwrap();
    chip.connect(&two_layers(1)).unwrap();
    chip
}

#[test]
fn an_ideal_chip_is_the_closed_form() {
    let mut chip = ideal();
    chip.write_weights(&[row(Hemisphere::Top, 0, &[63]), row(Hemisphere::Bottom, 0, &[60])]).unwrap();
    let spikes = chip.run(&experiment(&[1.0], 1)).unwrap().trials.remove(0).spikes;
    // u e^-u = theta / (j tau), lower branch.
    let crossing = |code: f64| {
        let j = code * crate::parameters::NOMINAL_GAIN;
        let target = 15.0 / (j * 6.0);
        let mut u = target;
        for _ in 0..2000 {
            u = target * libm::exp(u);
        }
        6.0 * u
    };
    let first = 1.0 + crossing(63.0);
    assert_eq!(spikes.iter().map(|s| s.neuron.get()).collect::<Vec<_>>(), [0, 256]);
    assert_relative_eq!(spikes[0].time_us, first, max_relative = 1e-12);
    assert_relative_eq!(spikes[1].time_us, first + crossing(60.0), max_relative = 1e-12);
}

#[test]
fn inhibition_delays_and_new_routing_clears_the_weights() {
    let mut chip = ideal();
    chip.write_weights(&[row(Hemisphere::Top, 0, &[63])]).unwrap();
    let early = chip.run(&experiment(&[1.0], 1)).unwrap().trials.remove(0).spikes[0].time_us;
    chip.write_weights(&[row(Hemisphere::Top, 1, &[8])]).unwrap();
    let late = chip.run(&experiment(&[1.0], 1)).unwrap().trials.remove(0).spikes[0].time_us;
    assert!(late > early);
    chip.connect(&two_layers(1)).unwrap();
    assert!(chip.run(&experiment(&[1.0], 1)).unwrap().trials[0].spikes.is_empty());
}

#[test]
fn trials_are_noisy_repeatable_and_independent_of_threads() {
    let mut chip = Chip::draw(&ChipSpec::new(Preset::Bss2, 3));
    chip.connect(&two_layers(COLUMNS)).unwrap();
    chip.write_weights(&[row(Hemisphere::Top, 0, &[63; COLUMNS]), row(Hemisphere::Bottom, 0, &[63; COLUMNS])]).unwrap();
    let run = experiment(&[1.0, 1.0, 1.5, 2.0, 2.5, 3.0], 40);
    let with_threads = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let mut chip = chip.clone();
        pool.install(|| chip.run(&run).unwrap())
    };
    let one = with_threads(1);
    assert_eq!(one, with_threads(2));
    assert_eq!(one, with_threads(7));
    assert_ne!(one.trials[0], one.trials[1]);
    assert_relative_eq!(one.hardware_time_us, 4000.0);
    for spike in one.trials.iter().flat_map(|t| &t.spikes) {
        let ticks = spike.time_us / 0.008;
        assert!((ticks - ticks.round()).abs() < 1e-6);
    }
}

#[test]
fn jitter_and_threshold_noise_have_their_size() {
    let mut spec = ChipSpec::new(Preset::Ideal, 1);
    spec.noise.spike_jitter_us_std = 0.06;
    let mut chip = Chip::draw(&spec);
    let p = NeuronParameters { v_threshold_lsb: 95.0, ..NeuronParameters::default() };
    chip.configure(&NeuronSetting::Direct(vec![p; NEURONS])).unwrap();
    chip.connect(&two_layers(1)).unwrap();
    chip.write_weights(&[row(Hemisphere::Top, 0, &[63])]).unwrap();
    let times: Vec<f64> =
        chip.run(&experiment(&[1.0], 2000)).unwrap().trials.iter().map(|t| t.spikes[0].time_us).collect();
    let mean = times.iter().sum::<f64>() / 2000.0;
    let sd = (times.iter().map(|t| (t - mean).powi(2)).sum::<f64>() / 2000.0).sqrt();
    // Standard error 1.6 %; bound four times that.
    assert!((sd / 0.06 - 1.0).abs() < 0.065, "{sd}");
}

#[test]
fn latencies_add_up_along_the_way() {
    let mut spec = ChipSpec::new(Preset::Ideal, 1);
    let mut times = Vec::new();
    for events in
        [EventPath::IDEAL, EventPath { latency_external_us: 0.5, latency_internal_us: 0.25, ..EventPath::IDEAL }]
    {
        spec.events = events;
        let mut chip = Chip::draw(&spec);
        let p = NeuronParameters { v_threshold_lsb: 95.0, ..NeuronParameters::default() };
        chip.configure(&NeuronSetting::Direct(vec![p; NEURONS])).unwrap();
        chip.connect(&two_layers(1)).unwrap();
        chip.write_weights(&[row(Hemisphere::Top, 0, &[63]), row(Hemisphere::Bottom, 0, &[63])]).unwrap();
        times.push(chip.run(&experiment(&[1.0], 1)).unwrap().trials.remove(0).spikes);
    }
    assert_relative_eq!(times[1][0].time_us - times[0][0].time_us, 0.5, max_relative = 1e-12);
    assert_relative_eq!(times[1][1].time_us - times[0][1].time_us, 0.75, max_relative = 1e-12);
}

#[test]
fn converters_read_the_resting_potential() {
    let mut spec = ChipSpec::new(Preset::Ideal, 1);
    spec.noise.cadc_lsb_std = 1.0;
    let mut chip = Chip::draw(&spec);
    chip.configure(&NeuronSetting::Direct(vec![NeuronParameters::default(); NEURONS])).unwrap();
    let mut run = experiment(&[], 1);
    run.record.cadc_times_us = vec![10.0, 20.0];
    run.trials[0].madc = Some(MadcRequest { neuron: NeuronId::new(7).unwrap(), source: ReadoutSource::Membrane });
    let trial = chip.run(&run).unwrap().trials.remove(0);
    let mean = trial.cadc[1].iter().map(|v| f64::from(*v)).sum::<f64>() / 512.0;
    assert!((mean - 80.0).abs() < 0.25, "{mean}");
    assert_ne!(trial.cadc[0], trial.cadc[1]);
    assert_eq!(trial.madc.len(), 2941);
    assert_eq!(trial.madc[2000], 297);
    assert_eq!(trial.madc[0], 0);
}

#[test]
fn a_loop_is_run_from_event_to_event_and_refused_layer_by_layer() {
    let mut chip = ideal();
    let p = NeuronParameters { v_threshold_lsb: 95.0, refractory_us: 2.0, ..NeuronParameters::default() };
    let mut spec = ChipSpec::new(Preset::Ideal, 1);
    spec.circuits.refiring = true;
    spec.events.latency_internal_us = 1.0;
    let mut oscillator = Chip::draw(&spec);
    oscillator.configure(&NeuronSetting::Direct(vec![p; NEURONS])).unwrap();
    let mut looped = two_layers(1);
    looped.output_to_hemisphere[0] = [true, true];
    for chip in [&mut chip, &mut oscillator] {
        chip.connect(&looped).unwrap();
        chip.write_weights(&[row(Hemisphere::Top, 0, &[63])]).unwrap();
    }
    let run = experiment(&[1.0], 1);
    // A neuron that excites itself fires again and again, once its refractory time is over.
    let spikes = oscillator.run(&run).unwrap().trials.remove(0).spikes;
    assert!(spikes.len() > 15, "{spikes:?}");
    assert_eq!(chip.run(&run).unwrap().trials[0].spikes.len(), 1);
    chip.set_engine(Some(Engine::Layered));
    let error = chip.run(&run).unwrap_err();
    assert!(error.to_string().contains("reaches itself"), "{error}");
}

#[test]
fn bad_input_is_refused() {
    let mut chip = ideal();
    assert!(matches!(chip.run(&experiment(&[-1.0], 1)), Err(DeviceError::InputSpike { .. })));
    assert!(matches!(chip.run(&experiment(&[f64::NAN], 1)), Err(DeviceError::InputSpike { .. })));
    let short = NeuronSetting::Direct(vec![NeuronParameters::default(); 3]);
    assert!(matches!(chip.configure(&short), Err(DeviceError::WrongLength { found: 3, .. })));
    let negative = NeuronParameters { tau_mem_us: -1.0, ..NeuronParameters::default() };
    let error = chip.configure(&NeuronSetting::Direct(vec![negative; NEURONS])).unwrap_err();
    assert_eq!(error.to_string(), "neuron 0: tau_mem_us = -1 is not a positive time");
    let codes = NeuronSetting::Codes(CodeTable::default());
    assert!(matches!(chip.configure(&codes), Err(DeviceError::Unsupported(_))));
}

#[test]
fn a_forced_reset_moves_every_membrane_to_its_reset() {
    let mut chip = Chip::draw(&ChipSpec::new(Preset::Ideal, 1));
    let p = NeuronParameters { v_reset_lsb: 60.0, ..NeuronParameters::default() };
    chip.configure(&NeuronSetting::Direct(vec![p; NEURONS])).unwrap();
    let mut run = experiment(&[], 1);
    run.trials[0].resets_us = vec![10.0];
    run.record.cadc_times_us = vec![9.0, 12.0, 99.0];
    let cadc = chip.run(&run).unwrap().trials.remove(0).cadc;
    assert_eq!((cadc[0][5], cadc[1][5], cadc[2][5]), (80, 60, 60));
}

/// A look at the membranes takes the run from blocks of four to neurons one by one, and must not change what they do.
#[test]
fn looking_does_not_change_the_spikes() {
    for (seed, preset) in [(1, Preset::Bss2), (2, Preset::Bss2), (3, Preset::Ideal)] {
        let mut spec = ChipSpec::new(preset, seed);
        spec.noise.threshold_trial_rel_std = 0.015;
        let mut chip = Chip::draw(&spec);
        chip.connect(&two_layers(COLUMNS)).unwrap();
        let weights: Vec<u8> = (0..COLUMNS).map(|k| (k * 37 % 64) as u8).collect();
        let flipped: Vec<u8> = weights.iter().map(|w| (63 - w) / 2).collect();
        chip.write_weights(&[
            row(Hemisphere::Top, 0, &weights),
            row(Hemisphere::Top, 1, &flipped),
            row(Hemisphere::Bottom, 0, &weights),
        ])
        .unwrap();
        let mut run = experiment(&[1.0, 1.0, 1.5, 2.0, 2.5, 2.5, 2.5, 3.0, 6.0, 6.0, 30.0, 30.5], 20);
        let blind = chip.run(&run).unwrap();
        run.record.cadc_times_us = vec![50.0];
        let looking = chip.run(&run).unwrap();
        let mut spikes = 0;
        for (a, b) in blind.trials.iter().zip(&looking.trials) {
            let neurons = |t: &TrialRecording| t.spikes.iter().map(|s| s.neuron).collect::<Vec<_>>();
            assert_eq!(neurons(a), neurons(b));
            for (a, b) in a.spikes.iter().zip(&b.spikes) {
                assert_relative_eq!(a.time_us, b.time_us, max_relative = 1e-11);
            }
            spikes += a.spikes.len();
        }
        assert!(spikes > 2000, "{spikes} on chip {seed}");
    }
}

mod engines;
mod fast;
mod whole_circuit;
