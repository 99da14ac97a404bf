use super::*;
use crate::data::yin_yang::YinYang;
use crate::encoding::TimeEncoding;
use crate::scaling::Latency;
use crate::substrate::Ideal;

fn scaling() -> Scaling {
    Scaling { us_per_time: 6.0, lsb_per_weight: 30.0, threshold: 2.6, tau_mem: 1.0, latency: Latency::default() }
}

fn samples(seed: u32, n: usize) -> Samples {
    Samples::new(&YinYang::new(seed, n).generate().unwrap(), &TimeEncoding::default())
}

fn trainer(change: impl FnOnce(&mut TrainingSettings)) -> Trainer {
    let mut settings = TrainingSettings { seed: 1, ..TrainingSettings::default() };
    change(&mut settings);
    Trainer::new(settings, scaling()).unwrap()
}

fn train(trainer: &Trainer, epochs: u32) -> (TrainingState, Vec<EpochRecord>) {
    let (train, validation) = (samples(42, 1000), samples(41, 300));
    let mut state = trainer.initial_state(25, &[40, 3]);
    let mut ideal = Ideal { model: scaling().model(), grid: Some(scaling()) };
    let records =
        (0..epochs).map(|_| trainer.run_epoch(&mut state, &mut ideal, &train, &validation).unwrap()).collect();
    (state, records)
}

#[test]
fn an_ideal_network_learns() {
    let (_, records) = train(&trainer(|_| ()), 15);
    let last = records.last().unwrap();
    // Chance is 33 %; a linear classifier reaches 64 %.
    assert!(last.validation.accuracy > 0.75, "{last:?}");
    assert!(last.train.loss < records[3].train.loss);
}

#[test]
fn the_same_bytes_for_any_number_of_threads() {
    let with_threads = |n| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
        pool.install(|| train(&trainer(|_| ()), 3))
    };
    let one = with_threads(1);
    assert_eq!(one, with_threads(2));
    assert_eq!(one, with_threads(7));
}

#[test]
fn weights_stay_within_the_synapses_and_silent_neurons_are_bumped() {
    let (state, records) = train(&trainer(|s| s.adam.learning_rate = 0.2), 3);
    assert!(state.weights.iter().flatten().all(|w| w.abs() <= 2.1));
    assert!(records[0].bumped_batches > 0, "initial weights leave most neurons silent: {:?}", records[0]);
}

#[test]
fn input_noise_and_seed_change_the_course() {
    let base = train(&trainer(|_| ()), 1).0;
    assert_ne!(base, train(&trainer(|s| s.input_noise_std = 0.1), 1).0);
    assert_ne!(base, train(&trainer(|s| s.seed = 2), 1).0);
}

#[test]
fn settings_out_of_range_are_refused() {
    let refused = |change: fn(&mut TrainingSettings)| {
        let mut settings = TrainingSettings::default();
        change(&mut settings);
        Trainer::new(settings, scaling()).unwrap_err().to_string()
    };
    assert!(refused(|s| s.epochs = 0).contains("epochs"));
    assert!(refused(|s| s.batch_size = 0).contains("batch_size"));
    assert!(refused(|s| s.adam.learning_rate = -1.0).contains("learning_rate"));
    assert!(refused(|s| s.initial_weights.clear()).contains("initial_weights"));
}
