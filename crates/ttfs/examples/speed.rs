//! CPU time per sample of the main jobs, one thread: forward on the emulated chip and on the ideal substrate, epochs in the
//! loop. Written for `docs/results/speed.md`.
//!
//! `cargo run --release -p ttfs --example speed [FOLDER]`; the folder holds `mnist16-train.bin` and `mnist16-t10k.bin`: per image
//! one byte of label and 256 of grey. Without it the images are drawn at random, as many active pixels as MNIST has.

use std::path::Path;

use bss2_emu::chip::Engine;
use bss2_emu::rng::{Purpose, Stream};
use bss2_emu::spec::Preset;
use bss2_emu::{Chip, ChipSpec, Device, NeuronParameters, NeuronSetting, RunId};
use ndarray::{Array2, Axis, Slice};
use ttfs::bumping::BumpRule;
use ttfs::data::yin_yang;
use ttfs::encoding::TimeEncoding;
use ttfs::ideal_fast::FastIdeal;
use ttfs::on_device::OnDevice;
use ttfs::optimiser::Adam;
use ttfs::placement::Placement;
use ttfs::scaling::{Latency, Scaling};
use ttfs::substrate::{Ideal, Substrate};
use ttfs::train::{InitialWeights, Samples, Trainer, TrainingSettings};

const BATCH: usize = 200;

fn main() {
    let folder = std::env::args().nth(1);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
    pool.install(|| {
        println!("| workload | us CPU per sample |");
        println!("|---|---|");
        yin_yang(Engine::Layered);
        yin_yang(Engine::Fast);
        mnist(folder.as_deref());
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

fn forward(name: &str, substrate: &mut impl Substrate, weights: &[Array2<f64>], times: &Array2<f64>) {
    let batches = (times.nrows() / BATCH).min(10);
    report(name, 7, batches * BATCH, |k| {
        for b in 0..batches {
            let rows = times.slice_axis(Axis(0), Slice::from(b * BATCH..(b + 1) * BATCH));
            substrate.forward(weights, rows, RunId { session: 7, index: k * 100 + b as u32 }).expect("a run");
        }
    });
}

fn yin_yang(engine: Engine) {
    let scaling = scaling();
    let encoding = TimeEncoding::default();
    let train = Samples::new(&yin_yang::YinYang::new(42, 5000).generate().expect("samples"), &encoding);
    let none = Samples { times: Array2::zeros((0, 25)), labels: vec![] };
    let trainer = Trainer::new(TrainingSettings::default(), scaling).expect("settings");
    let mut state = trainer.initial_state(25, &[120, 3]);
    let placement = Placement::new(25, &[120, 3]).expect("fits");
    let mut device = OnDevice::new(chip(engine), placement, scaling, 180.0).expect("a chip");
    report(&format!("Yin-Yang 25-120-3, {engine:?}: epoch of 5000 in the loop, batch 40"), 4, 5000, |_| {
        trainer.run_epoch(&mut state, &mut device, &train, &none).expect("an epoch");
    });
    forward(&format!("Yin-Yang 25-120-3, {engine:?}: forward on the chip"), &mut device, &state.weights, &train.times);
    if engine == Engine::Layered {
        return;
    }
    let mut ideal = Ideal { model: scaling.model(), grid: Some(scaling) };
    forward("Yin-Yang 25-120-3: forward, ideal", &mut ideal, &state.weights, &train.times);
    forward("Yin-Yang 25-120-3: forward, ideal, fast", &mut FastIdeal(ideal), &state.weights, &train.times);
}

/// Images of 16 x 16 grey values with their labels.
fn images(folder: Option<&str>, name: &str, n: usize) -> (Vec<u8>, Vec<usize>) {
    if let Some(folder) = folder {
        let bytes = std::fs::read(Path::new(folder).join(name)).expect("the images");
        let records = bytes.chunks_exact(257).take(n);
        return (records.clone().flat_map(|r| &r[1..]).copied().collect(), records.map(|r| r[0].into()).collect());
    }
    let mut draw = Stream::new(1, Purpose::Search, [0, 0, 0]);
    let pixels = (0..256 * n).map(|_| if draw.uniform() < 0.286 { (1.0 + 254.9 * draw.uniform()) as u8 } else { 0 });
    (pixels.collect(), (0..n).map(|k| k % 10).collect())
}

/// Bright pixels early, the background silent.
fn samples((pixels, labels): (Vec<u8>, Vec<usize>)) -> Samples {
    let time = |p: u8| if p == 0 { f64::INFINITY } else { 0.15 + 1.85 * (1.0 - f64::from(p) / 255.0) };
    let times = pixels.iter().map(|p| time(*p)).collect();
    Samples { times: Array2::from_shape_vec((labels.len(), 256), times).expect("256 pixels"), labels }
}

fn mnist(folder: Option<&str>) {
    let placement = Placement::joined(256, &[246, 10]).expect("fits");
    let scaling = placement.scaling(scaling());
    let train = samples(images(folder, "mnist16-train.bin", 6000));
    let test = samples(images(folder, "mnist16-t10k.bin", 10_000));
    let none = Samples { times: Array2::zeros((0, 256)), labels: vec![] };
    let settings = TrainingSettings {
        batch_size: BATCH,
        adam: Adam { learning_rate: 0.005, ..Adam::default() },
        initial_weights: vec![InitialWeights { mean: 0.25, std: 0.4 }, InitialWeights { mean: 0.12, std: 0.4 }],
        bump: BumpRule { max_missing: vec![0.9, 0.5], ..TrainingSettings::default().bump },
        ..TrainingSettings::default()
    };
    let trainer = Trainer::new(settings, scaling).expect("settings");
    let mut state = trainer.initial_state(256, &[246, 10]);
    let mut device = OnDevice::new(chip(Engine::Fast), placement, scaling, 180.0).expect("a chip");
    report("MNIST 256-246-10, Fast: epoch in the loop, batch 200", 3, train.labels.len(), |_| {
        trainer.run_epoch(&mut state, &mut device, &train, &none).expect("an epoch");
    });
    forward("MNIST 256-246-10, Fast: forward on the chip", &mut device, &state.weights, &test.times);
    let placement = device.placement().clone();
    let mut layered = OnDevice::new(chip(Engine::Layered), placement, scaling, 180.0).expect("a chip");
    report("MNIST 256-246-10, Layered: forward on the chip", 2, 200, |_| {
        let rows = test.times.slice_axis(Axis(0), Slice::from(0..BATCH));
        layered.forward(&state.weights, rows, RunId { session: 7, index: 0 }).expect("a run");
    });
    let mut ideal = Ideal { model: scaling.model(), grid: Some(scaling) };
    forward("MNIST 256-246-10: forward, ideal", &mut ideal, &state.weights, &test.times);
    forward("MNIST 256-246-10: forward, ideal, fast", &mut FastIdeal(ideal), &state.weights, &test.times);
    report("MNIST 256-246-10: epoch on the ideal substrate, batch 200", 2, train.labels.len(), |_| {
        trainer.run_epoch(&mut state, &mut ideal, &train, &none).expect("an epoch");
    });
}
