//! Axonal delays on the emulated chip against the ideal substrate with the same weights and delays.
//!
//! On an ideal chip delay pairs are exact, so spike times agree to what the chip's own arithmetic allows (1e-9 tau, bounded here).
//! On a chip whose pairs miss by .43 us the measured ends of delays say so.

use bss2_emu::spec::{ParameterSource, Preset};
use bss2_emu::{Chip, ChipSpec, Device as _, NeuronParameters, NeuronSetting, RunId};
use ndarray::{Array2, Axis};
use ttfs::data::yin_yang::YinYang;
use ttfs::encoding::TimeEncoding;
use ttfs::gradient::Estimator;
use ttfs::loss::{Loss, TtfsLoss};
use ttfs::network::{DelayKind, DelaySettings, Network};
use ttfs::on_device::OnDevice;
use ttfs::placement::Placement;
use ttfs::scaling::{Latency, Scaling};
use ttfs::substrate::{Ideal, Spikes, Substrate as _};
use ttfs::train::{Samples, Trainer, TrainingSettings, TrainingState};

/// Yin-Yang as in the published experiment with delays: 20 inputs (no bias), 30 hidden neurons, 3 outputs.
const SIZES: [usize; 2] = [30, 3];
const RUN: RunId = RunId { session: 0, index: 0 };

fn scaling() -> Scaling {
    Scaling::measured(&[NeuronParameters::default()], 6.0, 30.0, Latency::default()).unwrap()
}

fn device(preset: Preset, change: impl FnOnce(&mut ChipSpec)) -> OnDevice<Chip> {
    let mut spec = ChipSpec::new(preset, 3);
    spec.parameters = ParameterSource::Direct;
    change(&mut spec);
    let mut chip = Chip::draw(&spec);
    chip.configure(&NeuronSetting::Direct(vec![NeuronParameters::default(); 512])).unwrap();
    let placement = Placement::with_delays(20, &SIZES, DelayKind::Axonal).unwrap();
    OnDevice::new(chip, placement, scaling(), 180.0).unwrap()
}

fn samples(n: usize) -> Samples {
    let encoding = TimeEncoding { bias: None, ..TimeEncoding::default() };
    Samples::new(&YinYang::new(42, n).generate().unwrap(), &encoding)
}

fn trainer() -> Trainer {
    // Delays make all outputs late by some 5 tau: the price of lateness, exponential in time, would drown the rest.
    let loss = Loss::Ttfs(TtfsLoss { alpha: 0.0, ..TtfsLoss::default() });
    let settings = TrainingSettings { estimator: Estimator::Measured, loss, ..TrainingSettings::default() };
    Trainer::new(settings, scaling()).unwrap()
}

fn start(trainer: &Trainer) -> TrainingState {
    let mut state = trainer.initial_state(20, &SIZES);
    let settings = DelaySettings { kind: DelayKind::Axonal, ..DelaySettings::HARDWARE };
    trainer.add_delays(&mut state, &settings, 4).unwrap();
    state
}

fn on_ideal(network: &Network, samples: &Samples) -> Spikes {
    let mut ideal = Ideal { model: scaling().model(), grid: Some(scaling()) };
    ideal.forward(network, samples.times(0..samples.n_samples()).view(), RUN).unwrap()
}

/// Largest difference of finite times; who spikes must be the same.
fn apart(one: &[Array2<f64>], other: &[Array2<f64>]) -> f64 {
    let pairs = one.iter().flatten().zip(other.iter().flatten());
    pairs.fold(0.0, |most: f64, (a, b)| {
        assert_eq!(a.is_finite(), b.is_finite());
        if a.is_finite() { most.max((a - b).abs()) } else { most }
    })
}

#[test]
fn an_ideal_chip_is_the_ideal_substrate() {
    let (trainer, samples) = (trainer(), samples(100));
    let network = start(&trainer).network;
    // One spike per neuron and sample, as in the model.
    let mut device = device(Preset::Ideal, |spec| spec.circuits.refiring = false);
    let chip = device.forward(&network, samples.times(0..samples.n_samples()).view(), RUN).unwrap();
    let ideal = on_ideal(&network, &samples);
    let spikes = ideal.layers[1].iter().filter(|t| t.is_finite()).count();
    assert!(spikes > 150, "{spikes} output spikes of 300");
    assert!(apart(&chip.layers, &ideal.layers) < 1e-9, "{:e}", apart(&chip.layers, &ideal.layers));
    // The pairs report when they sent: the delays on the grid later.
    let ttfs::network::Delays::Axonal(delays) = network.layers(Some(&scaling()))[1].delays.clone() else { panic!() };
    let expected = &ideal.layers[0] + &delays;
    let measured = chip.delayed[1].clone().unwrap();
    assert!(apart(&[measured], &[expected]) < 1e-9);
    assert_eq!(chip.repeats, [0, 0]);
}

#[test]
fn a_pair_that_is_off_is_seen_to_be_off() {
    let (trainer, samples) = (trainer(), samples(20));
    let network = start(&trainer).network;
    let mut device = device(Preset::Ideal, |spec| {
        spec.circuits.refiring = false;
        spec.residual.delay_pair_us_std = 0.43;
    });
    let chip = device.forward(&network, samples.times(0..samples.n_samples()).view(), RUN).unwrap();
    let ttfs::network::Delays::Axonal(delays) = network.layers(Some(&scaling()))[1].delays.clone() else { panic!() };
    let error = chip.delayed[1].clone().unwrap() - &chip.layers[0] - &delays;
    // One error for each pair, the same in all samples; .43 us are .072 tau.
    let of_pairs: Vec<f64> = error
        .axis_iter(Axis(1))
        .filter_map(|column| {
            let finite: Vec<f64> = column.iter().copied().filter(|e| e.is_finite()).collect();
            let first = *finite.first()?;
            assert!(finite.iter().all(|e| (e - first).abs() < 1e-9));
            Some(first)
        })
        .collect();
    let spread = (of_pairs.iter().map(|e| e * e).sum::<f64>() / of_pairs.len() as f64).sqrt();
    assert!(of_pairs.len() > 20 && (0.04..0.11).contains(&spread), "{} pairs, {spread}", of_pairs.len());
}

#[test]
fn delays_learn_on_the_chip() {
    let (trainer, train) = (trainer(), samples(400));
    let mut state = start(&trainer);
    let before = state.network.clone();
    let mut device = device(Preset::Bss2Calibrated, |_| ());
    let mut accuracy = Vec::new();
    for _ in 0..6 {
        accuracy.push(trainer.run_epoch(&mut state, &mut device, &train, &train).unwrap().validation.accuracy);
    }
    for layer in 0..2 {
        let moved = &state.network.delay_parameters[layer] - &before.delay_parameters[layer];
        assert!(moved.iter().any(|d| d.abs() > 0.01), "delays of layer {layer} stand still");
    }
    eprintln!("{accuracy:?}");
    assert!(accuracy[5] > 0.5 && accuracy[5] > accuracy[0], "{accuracy:?}");
}

#[test]
fn delays_that_no_pair_can_make_are_refused() {
    let (trainer, samples) = (trainer(), samples(1));
    let mut state = trainer.initial_state(20, &SIZES);
    let settings = DelaySettings { kind: DelayKind::Axonal, ..DelaySettings::SIMULATION };
    trainer.add_delays(&mut state, &settings, 4).unwrap();
    let error = device(Preset::Ideal, |_| ())
        .forward(&state.network, samples.times(0..samples.n_samples()).view(), RUN)
        .unwrap_err();
    assert!(error.to_string().contains("8.25..=33.25"), "{error}");
}
