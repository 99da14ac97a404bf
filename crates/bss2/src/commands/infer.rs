//! `bss2 infer`: a trained network on the same chip, another chip, or the ideal substrate.

use std::io::Cursor;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use ::calib::Calibration;
use anyhow::{Context as _, bail};
use bss2_emu::spec::ParameterSource;
use bss2_emu::{Cost, Device as _};
use ndarray::Array1;
use ndarray_npy::NpzWriter;
use ttfs::biased::Biased;
use ttfs::ideal_fast::FastIdeal;
use ttfs::samples::Samples;
use ttfs::substrate::{Ideal, Interruptible};
use ttfs::train::{Evaluation, Trainer};

use super::summary::confusion;
use super::{TEST_PART, configure, flag, set_threads, warn_of_other_chip};
use crate::cli::{InferArgs, SubstrateName};
use crate::config::{Config, DataKind, Layer, SubstrateKind};
use crate::console::Console;
use crate::data_sets::{Split, samples};
use crate::files::network::SavedNetwork;
use crate::files::write;
use crate::laboratory::{GivenTable, Laboratory, draw};
use crate::networks::{Found, open};
use crate::site::Site;

/// Evaluates a network on the test samples.
///
/// # Errors
/// If the network, the configuration or the chip cannot be used.
pub fn run(args: &InferArgs) -> anyhow::Result<ExitCode> {
    let console = Console::new(args.output.json);
    set_threads(&args.output)?;
    let inference = inferred(args, console, &AtomicBool::new(false))?;
    inference.say(console);
    console.result(&inference.result())?;
    Ok(ExitCode::SUCCESS)
}

/// What a network did with the test samples.
#[derive(Debug)]
pub struct Inference {
    /// Score, classes and first-spike times of all layers.
    pub evaluation: Evaluation,
    /// Class of each sample.
    pub labels: Vec<usize>,
    n_classes: usize,
    config: Config,
    /// What it ran on, in words.
    on: String,
    /// Passes on a chip that each batch took; 0 without a chip.
    passes: usize,
    wall_s: f64,
}

/// Evaluates a network on the test samples, until the end or until `stop` is set.
///
/// # Errors
/// As [`run`]; with [`bss2_emu::DeviceError::Interrupted`] once `stop` is set.
pub fn inferred(args: &InferArgs, console: Console, stop: &AtomicBool) -> anyhow::Result<Inference> {
    let Found { saved: network, base, table: own_table, has_encoding } = open(&args.network, &args.nir, console)?;
    for text in &args.config.set {
        let is_of = |section| text.trim_start().starts_with(section);
        if is_of("network.") || (has_encoding && is_of("encoding.")) {
            bail!(
                "--set {text}: the network was trained with its own layers and encoding, which cannot be changed here"
            );
        }
    }
    // A network alone knows what it was trained for.
    let base =
        base.or_else(|| Some(flag(&args.network.display().to_string(), "data.kind", network.architecture.task.name())));
    if !has_encoding && args.data.is_none() && args.config.config.is_none() && args.config.set.is_empty() {
        let path = args.network.display();
        bail!("{path}: NIR does not say what the network was trained for; say --data SET|FILE");
    }
    let data = args.data.as_deref().map_or_else(|| Ok(Vec::new()), data_flags)?;
    let (mut config, given) = configure(base, &args.config, &args.chip, data)?;
    if has_encoding {
        config.encoding = network.architecture.encoding.clone();
    }
    config.scaling.lsb_per_weight = network.architecture.scaling.lsb_per_weight;
    config.scaling.us_per_time = network.architecture.scaling.us_per_time;
    let scaling = network.architecture.scaling;
    let trainer = Trainer::new(config.training.clone(), scaling)?;
    let test = samples(&config, Split::Test)?;
    check_fit(&network, &config, &test)?;
    let begun = Instant::now();
    let of_the_run = match config.substrate {
        SubstrateKind::Ideal => SubstrateName::Ideal,
        SubstrateKind::Chip | SubstrateKind::NoiseAware => SubstrateName::Chip,
    };
    let mut passes = 0;
    let (evaluation, on) = match args.substrate.unwrap_or(of_the_run) {
        SubstrateName::Ideal => {
            let grid = network.architecture.grid.then_some(scaling);
            let biases = network.architecture.biases.clone();
            let ideal = Ideal { model: scaling.model(), grid };
            let is_fast = config.engine.is_fast_on_ideal(network.architecture.sizes[0], &network.layers());
            let evaluation = if is_fast && biases.iter().all(Option::is_none) {
                let mut substrate = Interruptible { substrate: FastIdeal(ideal), stop };
                trainer.evaluate(&network.network, &mut substrate, &test, TEST_PART)?
            } else {
                let mut substrate = Interruptible { substrate: Biased { ideal, biases }, stop };
                trainer.evaluate(&network.network, &mut substrate, &test, TEST_PART)?
            };
            (evaluation, "the ideal substrate".to_owned())
        }
        SubstrateName::Chip => {
            if network.architecture.biases.iter().any(Option::is_some) {
                bail!(
                    "{}: layers after the first have a bias spike, which has no place on the chip; --substrate ideal runs this network",
                    args.network.display()
                );
            }
            let n_inputs = network.architecture.sizes.first().copied().unwrap_or(0);
            let site = Site::of(n_inputs, &network.layers(), network.delay_kind())?;
            if site.n_passes() > 1 {
                console.say(format_args!("network {}: {site}", shape(&network)));
            }
            passes = site.n_passes();
            // The table of the run belongs to the run's chip and targets; anything else is calibrated.
            let chip = draw(&config.chip, &config.residual_table)?;
            let fits = |t: &Calibration| t.chip == *chip.identity() && t.targets == config.calibration;
            let own = own_table.filter(fits).map(|table| GivenTable { table, force: false });
            let table = given.or(own);
            if let Some(given) = &table {
                warn_of_other_chip(console, given, chip.identity())?;
            }
            let measured = table.is_none() && config.chip.parameters == ParameterSource::Codes;
            let laboratory = Laboratory::set_up(chip, &config.calibration, &config.scaling, table, &mut |_| ())?;
            if measured {
                console.say(format_args!("chip {} calibrated", laboratory.calibration.chip));
            }
            let on = format!("chip {}", laboratory.chip.identity());
            let substrate = laboratory.place(site, scaling, config.scaling.slot_us, config.engine)?;
            let mut substrate = Interruptible { substrate, stop };
            (trainer.evaluate(&network.network, &mut substrate, &test, TEST_PART)?, on)
        }
    };
    if let Some(path) = &args.times {
        save_times(path, &evaluation, &test.labels)?;
    }
    let (labels, n_classes) = (test.labels, test.n_classes);
    Ok(Inference { evaluation, labels, n_classes, config, on, passes, wall_s: begun.elapsed().as_secs_f64() })
}

/// Sizes of all layers, as people write them.
fn shape(network: &SavedNetwork) -> String {
    network.architecture.sizes.iter().map(ToString::to_string).collect::<Vec<_>>().join("-")
}

/// What `--data` stands for: a data set, or a file with samples.
fn data_flags(text: &str) -> anyhow::Result<Vec<Layer>> {
    if let Some(kind) = DataKind::of_name(text).filter(|kind| *kind != DataKind::File) {
        return Ok(vec![flag("--data", "data.kind", kind.name())]);
    }
    let is_table = Path::new(text).extension().is_some_and(|e| e == "csv" || e == "npz");
    if !is_table {
        let names: Vec<&str> = DataKind::NAMES.iter().map(|(name, _)| *name).filter(|name| *name != "file").collect();
        let nearest =
            names.iter().max_by(|a, b| strsim::jaro_winkler(text, a).total_cmp(&strsim::jaro_winkler(text, b)));
        let hint = nearest.map(|name| format!("; did you mean {name}?")).unwrap_or_default();
        bail!("--data {text}: neither a data set ({}) nor a .csv or .npz file{hint}", names.join(", "));
    }
    Ok(vec![
        flag("--data", "data.kind", DataKind::File.name()),
        flag("--data", "data.file", ""),
        flag("--data", "data.test_file", text),
    ])
}

/// Refuses samples that the network has no inputs or outputs for.
fn check_fit(network: &SavedNetwork, config: &Config, test: &Samples) -> anyhow::Result<()> {
    let (inputs, outputs) = (network.architecture.sizes[0], network.layers().last().copied().unwrap_or(0));
    let file = &config.data.test_file;
    let kind = if config.data.kind == DataKind::File { file.as_str() } else { config.data.kind.name() };
    if test.n_inputs() != inputs {
        bail!("the network has {inputs} inputs, but samples of {kind} in its encoding have {}", test.n_inputs());
    }
    if test.n_classes > outputs {
        bail!("the network has {outputs} outputs, but {kind} has {} classes", test.n_classes);
    }
    Ok(())
}

impl Inference {
    /// What it would take on the chip, if it was one.
    fn cost(&self) -> Option<Cost> {
        let slots = (self.labels.len() * self.passes) as u64;
        (self.passes > 0).then(|| Cost::of_slots(slots, self.config.scaling.slot_us))
    }

    /// Says it to people.
    fn say(&self, console: Console) {
        let Self { evaluation, labels, config, on, .. } = self;
        let score = &evaluation.score;
        console.say(format_args!(
            "{} test samples of {} on {on}: accuracy {:.2} %, loss {:.3}, {:.2} % silent",
            labels.len(),
            config.data.kind.name(),
            100.0 * score.accuracy,
            score.loss,
            100.0 * score.silent
        ));
        if let Some(cost) = self.cost() {
            console.say(format_args!(
                "on the chip {:.3} s in slots of {} us, about {:.1} uJ a sample (an estimate)",
                cost.hardware_s,
                cost.slot_us,
                1e6 * cost.energy_j_estimate / labels.len().max(1) as f64
            ));
        }
    }

    /// The same for a machine.
    pub fn result(&self) -> serde_json::Value {
        let Self { evaluation, labels, config, on, .. } = self;
        let cost = self.cost();
        serde_json::json!({
            "substrate": on,
            "data": config.data.kind,
            "samples": labels.len(),
            "chip_seed": config.chip.seed,
            "test": evaluation.score,
            "confusion": confusion(labels, &evaluation.classes, self.n_classes),
            "hardware": cost,
            "passes": cost.map(|_| self.passes),
            "timings": { "wall_s": self.wall_s },
        })
    }
}

/// Writes `times_0`, `times_1`, ... `(n_samples, n_neurons)` per layer, in `tau_syn`, and `labels`.
fn save_times(path: &Path, evaluation: &Evaluation, labels: &[usize]) -> anyhow::Result<()> {
    let mut npz = NpzWriter::new_compressed(Cursor::new(Vec::new()));
    for (layer, times) in evaluation.layers.iter().enumerate() {
        npz.add_array(format!("times_{layer}"), times).context("the times cannot be encoded")?;
    }
    let labels: Array1<i64> = labels.iter().map(|l| *l as i64).collect();
    npz.add_array("labels", &labels).context("the labels cannot be encoded")?;
    let bytes = npz.finish().context("the times cannot be encoded")?.into_inner();
    Ok(write(path, &bytes)?)
}
