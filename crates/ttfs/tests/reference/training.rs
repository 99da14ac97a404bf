//! Training of deep networks, with delays and with neurons that differ, on substrates without noise.

use ttfs::data::yin_yang::YinYang;
use ttfs::encoding::TimeEncoding;
use ttfs::gradient::Estimator;
use ttfs::loss::{Loss, TtfsLoss};
use ttfs::network::{DelayKind, DelaySettings, Network};
use ttfs::neuron::NeuronModel;
use ttfs::scaling::{Latency, Scaling};
use ttfs::substrate::{Ideal, Individual, Substrate};
use ttfs::train::{EpochRecord, InitialWeights, Samples, Trainer, TrainingSettings};

fn scaling() -> Scaling {
    Scaling { us_per_time: 6.0, lsb_per_weight: 30.0, threshold: 2.6, tau_mem: 1.0, latency: Latency::default() }
}

fn trainer(estimator: Estimator, layers: usize) -> Trainer {
    let mut settings = TrainingSettings { seed: 1, estimator, ..TrainingSettings::default() };
    settings.loss = Loss::Ttfs(TtfsLoss { alpha: 0.0, ..TtfsLoss::default() });
    settings.bump.max_missing = vec![0.9; layers];
    // Deep networks are silent unless every layer can drive the next.
    settings.initial_weights = vec![InitialWeights { mean: 0.8, std: 1.0 }, InitialWeights { mean: 0.9, std: 0.8 }];
    Trainer::new(settings, scaling()).unwrap()
}

fn ideal() -> Ideal {
    Ideal { model: scaling().model(), grid: Some(scaling()) }
}

fn run(
    trainer: &Trainer,
    substrate: &mut impl Substrate,
    (sizes, kind): (&[usize], DelayKind),
    epochs: u32,
) -> (Network, Vec<EpochRecord>) {
    let samples = Samples::new(&YinYang::new(42, 500).generate().unwrap(), &TimeEncoding::default());
    let mut state = trainer.initial_state(25, sizes);
    trainer.add_delays(&mut state, &DelaySettings { kind, ..DelaySettings::SIMULATION }, 5).unwrap();
    let records = (0..epochs).map(|_| trainer.run_epoch(&mut state, substrate, &samples, &samples).unwrap()).collect();
    (state.network, records)
}

#[test]
fn networks_of_four_layers_learn_with_every_kind_of_delay() {
    for kind in [DelayKind::None, DelayKind::Axonal, DelayKind::Dendritic, DelayKind::Synaptic] {
        let sizes = [30, 25, 20, 3];
        let (_, records) = run(&trainer(Estimator::Measured, 4), &mut ideal(), (&sizes, kind), 8);
        let accuracy: Vec<f64> = records.iter().map(|r| r.validation.accuracy).collect();
        eprintln!("{kind:?}: {accuracy:?}");
        assert!(accuracy[7] > 0.65, "{kind:?}: {accuracy:?}");
    }
}

#[test]
fn the_same_bytes_for_any_number_of_threads() {
    for (estimator, kind) in [(Estimator::Measured, DelayKind::Axonal), (Estimator::Calibrated, DelayKind::Synaptic)] {
        let with_threads = |n| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
            pool.install(|| {
                let sizes = [20, 3];
                let trainer = trainer(estimator, 2).with_neurons(different(&sizes)).unwrap();
                run(&trainer, &mut Individual { neurons: different(&sizes), grid: None }, (&sizes, kind), 2)
            })
        };
        let one = with_threads(1);
        assert_eq!(one, with_threads(2));
        assert_eq!(one, with_threads(7));
    }
}

/// Neurons with time constants, thresholds and gains up to 20 % off.
fn different(sizes: &[usize]) -> Vec<Vec<NeuronModel>> {
    let off = |k: usize| 0.8 + 0.4 * ((k * 7919) % 101) as f64 / 100.0;
    let neuron = |k: usize| NeuronModel {
        tau_mem: off(k),
        tau_syn_exc: off(k + 31),
        tau_syn_inh: off(k + 57),
        threshold: 2.6 * off(k + 11),
        gain_inh: off(k + 83),
        ..NeuronModel::from(scaling().model())
    };
    sizes.iter().enumerate().map(|(l, n)| (0..*n).map(|j| neuron(1000 * l + j)).collect()).collect()
}

#[test]
fn without_measured_neurons_calibrated_is_measured() {
    let of = |estimator| run(&trainer(estimator, 2), &mut ideal(), (&[20, 3], DelayKind::None), 2);
    assert_eq!(of(Estimator::Calibrated), of(Estimator::Measured));
    assert_ne!(of(Estimator::Calibrated).0, of(Estimator::Model).0);
}

#[test]
fn neurons_that_are_not_those_of_the_network_are_refused() {
    let trainer = trainer(Estimator::Measured, 2);
    let state = trainer.initial_state(25, &[20, 3]);
    let samples = Samples::new(&YinYang::new(42, 5).generate().unwrap(), &TimeEncoding::default());
    let mut substrate = Individual { neurons: different(&[20, 4]), grid: None };
    let error = trainer.evaluate(&state.network, &mut substrate, &samples, 0).unwrap_err();
    assert!(error.to_string().contains("neurons of each layer: shape [20, 4], but [20, 3]"), "{error}");
    let mut dead = different(&[20, 3]);
    dead[1][0].threshold = -1.0;
    assert!(trainer.with_neurons(dead).unwrap_err().to_string().contains("threshold - leak"));
}
