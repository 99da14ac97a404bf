//! CPU time per sample of the main jobs, one thread: forward on the emulated chip and on the ideal substrate, epochs in the
//! loop. Written for `docs/results/speed.md`.
//!
//! `cargo run --release -p ttfs --example speed FOLDER [WORDS]`; the folder holds the published files of MNIST. With words, only
//! workloads whose name contains them.

use std::path::Path;

use bss2_emu::chip::Engine;
use bss2_emu::spec::Preset;
use bss2_emu::{Chip, ChipSpec, Device, NeuronParameters, NeuronSetting, RunId};
use ndarray::{Array2, ArrayView2, Axis, Slice};
use ttfs::Error;
use ttfs::bumping::{BumpRule, BumpScope};
use ttfs::data::images::{ImageSet, Part, Pipeline};
use ttfs::data::{Dataset, yin_yang};
use ttfs::encoding::{Background, TimeEncoding};
use ttfs::gradient::Estimator;
use ttfs::ideal_fast::FastIdeal;
use ttfs::network::Network;
use ttfs::on_device::OnDevice;
use ttfs::optimiser::{Adam, Optimiser};
use ttfs::perturbed::{Perturbation, Perturbed};
use ttfs::placement::Placement;
use ttfs::scaling::{Latency, Scaling};
use ttfs::substrate::{Ideal, Spikes, Substrate};
use ttfs::train::{InitialWeights, Precision, Samples, Trainer, TrainingSettings, TrainingState};

const BATCH: usize = 200;

fn main() {
    let folder = std::env::args().nth(1).expect("the folder of the published files of MNIST");
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
    pool.install(|| {
        println!("| workload | us CPU per sample |");
        println!("|---|---|");
        yin_yang(Engine::Layered);
        yin_yang(Engine::Fast);
        perturbed();
        mnist(Path::new(&folder));
    });
}

/// CPU seconds of this thread so far; wall clock where the system does not tell.
fn cpu_s() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let ns = stat.split_whitespace().next().and_then(|n| n.parse::<f64>().ok());
    ns.map_or_else(|| std::time::UNIX_EPOCH.elapsed().map_or(0.0, |t| t.as_secs_f64()), |ns| ns * 1e-9)
}

/// Smallest CPU time of several repetitions, in us per sample.
fn report(name: &str, repetitions: u32, samples: usize, mut work: impl FnMut(u32)) {
    if std::env::args().nth(2).is_some_and(|words| !name.contains(&words)) {
        return;
    }
    let times: Vec<f64> = (0..repetitions)
        .map(|k| {
            let start = cpu_s();
            work(k);
            (cpu_s() - start) * 1e6 / samples as f64
        })
        .collect();
    let least = times.iter().copied().fold(f64::INFINITY, f64::min);
    println!("| {name} | {least:.2} |");
}

fn scaling() -> Scaling {
    let latency = Latency { external_us: 0.47, internal_us: 0.3 };
    Scaling::measured(&[NeuronParameters::default()], 6.0, 30.0, latency).expect("default neurons fire")
}

fn chip(engine: Engine) -> Chip {
    let mut chip = Chip::draw(&ChipSpec::new(Preset::Bss2Calibrated, 1));
    chip.configure(&NeuronSetting::Direct(vec![NeuronParameters::default(); 512])).expect("a direct chip");
    chip.set_engine(Some(engine));
    chip
}

/// A substrate that notes how much of the time was its own.
struct Timed<'a, S> {
    substrate: &'a mut S,
    seconds: f64,
}

impl<S: Substrate> Substrate for Timed<'_, S> {
    fn forward(&mut self, network: &Network, inputs: ArrayView2<f64>, run: RunId) -> Result<Spikes, Error> {
        let start = cpu_s();
        let spikes = self.substrate.forward(network, inputs, run);
        self.seconds += cpu_s() - start;
        spikes
    }
}

/// Epochs of a training, and what of them is not the substrate.
fn epochs(
    name: &str,
    repetitions: u32,
    trainer: &Trainer,
    state: &mut TrainingState,
    substrate: &mut impl Substrate,
    train: &Samples,
) {
    let none = none(train.n_inputs());
    let mut timed = Timed { substrate, seconds: 0.0 };
    let mut rest = f64::INFINITY;
    report(name, repetitions, train.labels.len(), |_| {
        let (start, before) = (cpu_s(), timed.seconds);
        trainer.run_epoch(state, &mut timed, train, &none).expect("an epoch");
        rest = rest.min(cpu_s() - start - (timed.seconds - before));
    });
    if rest.is_finite() {
        println!("| {name}: without the substrate | {:.2} |", rest * 1e6 / train.labels.len() as f64);
    }
}

fn forward(name: &str, substrate: &mut impl Substrate, network: &Network, samples: &Samples) {
    let batches = samples.n_samples() / BATCH;
    let times = samples.times(0..batches * BATCH);
    report(name, 7, batches * BATCH, |k| {
        for b in 0..batches {
            let rows = times.slice_axis(Axis(0), Slice::from(b * BATCH..(b + 1) * BATCH));
            substrate.forward(network, rows, RunId { session: 7, index: k * 100 + b as u32 }).expect("a run");
        }
    });
}

/// No samples, for a validation that takes no time.
fn none(n_inputs: usize) -> Samples {
    let encoding = TimeEncoding { bias: None, copies: 1, ..TimeEncoding::default() };
    let none = Dataset { features: Array2::zeros((0, n_inputs)), labels: Vec::new(), n_classes: 10 };
    Samples::new(&none, &encoding)
}

fn yin_yang(engine: Engine) {
    let scaling = scaling();
    let encoding = TimeEncoding::default();
    let train = Samples::new(&yin_yang::YinYang::new(42, 5000).generate().expect("samples"), &encoding);
    let trainer = Trainer::new(TrainingSettings::default(), scaling).expect("settings");
    let mut state = trainer.initial_state(25, &[120, 3]);
    let placement = Placement::new(25, &[120, 3]).expect("fits");
    let mut device = OnDevice::new(chip(engine), placement, scaling, 180.0).expect("a chip");
    let trainer = match engine {
        Engine::Fast => trainer.with_precision(Precision::Single),
        _ => trainer,
    };
    epochs(
        &format!("Yin-Yang 25-120-3, {engine:?}: epoch in the loop, batch 40"),
        8,
        &trainer,
        &mut state,
        &mut device,
        &train,
    );
    forward(&format!("Yin-Yang 25-120-3, {engine:?}: forward on the chip"), &mut device, &state.network, &train);
    if engine == Engine::Layered {
        return;
    }
    let mut ideal = Ideal { model: scaling.model(), grid: Some(scaling) };
    forward("Yin-Yang 25-120-3: forward, ideal", &mut ideal, &state.network, &train);
    forward("Yin-Yang 25-120-3: forward, ideal, fast", &mut FastIdeal(ideal), &state.network, &train);
}

/// Epochs on the ideal substrate with deviations, as studies of robustness run them.
fn perturbed() {
    let encoding = TimeEncoding { copies: 1, ..TimeEncoding::default() };
    let train = Samples::new(&yin_yang::YinYang::new(42, 5000).generate().expect("samples"), &encoding);
    let scaling = Scaling { threshold: 1.0, tau_mem: 1.0, ..scaling() };
    let settings = TrainingSettings {
        batch_size: 150,
        estimator: Estimator::Model,
        optimiser: Optimiser::Adam(Adam { learning_rate: 0.005, ..Adam::default() }),
        initial_weights: vec![InitialWeights { mean: 1.5, std: 0.8 }, InitialWeights { mean: 0.5, std: 0.8 }],
        bump: BumpRule { value: 5e-4, max_missing: vec![0.3, 0.0], scope: BumpScope::Layer },
        rounding: false,
        ..TrainingSettings::default()
    };
    let trainer = Trainer::new(settings, scaling).expect("settings").with_precision(Precision::Single);
    let spread = |std| Perturbation { tau_mem_rel_std: std, tau_syn_rel_std: std, ..Perturbation::NONE };
    let factor = |tau_mem_factor| Perturbation { tau_mem_factor, ..Perturbation::NONE };
    for (name, perturbation) in
        [("spread 0", spread(0.0)), ("spread .2", spread(0.2)), ("ratio .5", factor(0.5)), ("ratio 3", factor(3.0))]
    {
        let ideal = Ideal { model: scaling.model(), grid: None };
        let mut substrate = Perturbed::new(ideal, perturbation, 1).fast(true);
        let mut state = trainer.initial_state(5, &[120, 3]);
        let name = format!("Yin-Yang 5-120-3, time constants, {name}: epoch");
        epochs(&name, 8, &trainer, &mut state, &mut substrate, &train);
    }
}

/// Images of 16 x 16 pixels: bright ones early, the background silent.
fn samples(folder: &Path, part: Part, n: usize) -> Samples {
    let encoding = TimeEncoding { bias: None, copies: 1, background: Background::Silent, ..TimeEncoding::default() };
    let images = ImageSet::Mnist.load(folder, part, Pipeline::Small).expect("the images");
    Samples::of_images(images.range(0..n), &encoding)
}

fn mnist(folder: &Path) {
    let placement = Placement::joined(256, &[246, 10]).expect("fits");
    let scaling = placement.scaling(scaling());
    let train = samples(folder, Part::Train, 6000);
    let test = samples(folder, Part::Test, 10_000);
    let settings = TrainingSettings {
        batch_size: BATCH,
        evaluation_batch_size: 1000,
        optimiser: Optimiser::Adam(Adam { learning_rate: 0.005, ..Adam::default() }),
        initial_weights: vec![InitialWeights { mean: 0.25, std: 0.4 }, InitialWeights { mean: 0.12, std: 0.4 }],
        bump: BumpRule { max_missing: vec![0.9, 0.5], ..TrainingSettings::default().bump },
        ..TrainingSettings::default()
    };
    let trainer = Trainer::new(settings, scaling).expect("settings");
    let mut state = trainer.initial_state(256, &[246, 10]);
    let mut device = OnDevice::new(chip(Engine::Fast), placement, scaling, 180.0).expect("a chip");
    epochs("MNIST 256-246-10, Fast: epoch in the loop, batch 200", 2, &trainer, &mut state, &mut device, &train);
    let trainer = trainer.with_precision(Precision::Single);
    epochs("MNIST 256-246-10, Fast: epoch, single precision", 3, &trainer, &mut state, &mut device, &train);
    forward("MNIST 256-246-10, Fast: forward on the chip", &mut device, &state.network, &test);
    let placement = device.placement().clone();
    let mut layered = OnDevice::new(chip(Engine::Layered), placement, scaling, 180.0).expect("a chip");
    report("MNIST 256-246-10, Layered: forward on the chip", 2, 200, |_| {
        let rows = test.times(0..BATCH);
        layered.forward(&state.network, rows.view(), RunId { session: 7, index: 0 }).expect("a run");
    });
    ideal_mnist(&trainer, scaling, &train, &test);
}

/// A network that is trained on the ideal substrate for one epoch, so that it does not matter what ran before.
fn ideal_mnist(trainer: &Trainer, scaling: Scaling, train: &Samples, test: &Samples) {
    let mut ideal = Ideal { model: scaling.model(), grid: Some(scaling) };
    let mut fast = FastIdeal(ideal);
    let mut state = trainer.initial_state(256, &[246, 10]);
    trainer.run_epoch(&mut state, &mut fast, train, &none(256)).expect("an epoch");
    forward("MNIST 256-246-10: forward, ideal", &mut ideal, &state.network, test);
    forward("MNIST 256-246-10: forward, ideal, fast", &mut fast, &state.network, test);
    report("MNIST 256-246-10: evaluation, ideal, fast", 9, test.n_samples(), |_| {
        trainer.evaluate(&state.network, &mut fast, test, 0).expect("a run");
    });
    epochs("MNIST 256-246-10: epoch on the ideal substrate", 2, trainer, &mut state, &mut ideal, train);
    epochs("MNIST 256-246-10: epoch, ideal, fast", 4, trainer, &mut state, &mut fast, train);
}
