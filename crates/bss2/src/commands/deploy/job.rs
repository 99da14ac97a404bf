//! A network, the mapping that puts it on a chip, and what follows from both.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use bss2_emu::spec::Preset;
use bss2_emu::{Chip, ChipSpec};
use calib::Calibration;
use deploy::{Expansion, Mapping, Trained};
use toml::{Table, Value};
use ttfs::biased::Biased;
use ttfs::network::{DelayKind, Network};
use ttfs::placement::Placement;
use ttfs::samples::Samples;
use ttfs::scaling::Scaling;
use ttfs::substrate::Ideal;
use ttfs::train::{Evaluation, Trainer};

use super::super::{TEST_PART, flag};
use crate::cli::DeployNetworkArgs;
use crate::config::{Config, DataKind, Layer, assignment, comes_first, resolve, table_from_file};
use crate::console::Console;
use crate::data_sets::{Split, samples};
use crate::files::network::SavedNetwork;
use crate::laboratory::{GivenTable, Laboratory, draw};
use crate::networks::{Found, open};
use crate::presets;
use crate::site::{OnChip, Site};

/// Threshold in units of weight that the recipes belong to: Yin-Yang, and images.
const RECIPE_THRESHOLDS: [f64; 2] = [2.79, 4.38];
/// A network that is trained already learns in smaller steps than a new one, by this.
const FINE_TUNING_RATE: f64 = 0.5;

/// What is asked for.
#[derive(Debug)]
pub struct Job {
    /// As users named it.
    pub path: PathBuf,
    /// The network.
    pub network: SavedNetwork,
    /// What users said of samples, training and chip, without the mapping.
    layers: Vec<Layer>,
}

/// A network in its place.
#[derive(Debug, Clone)]
pub struct Fitted {
    /// How it is put there.
    pub mapping: Mapping,
    /// The network that sits there.
    pub expansion: Expansion,
    /// Where.
    pub site: Site,
    /// Weight codes that a threshold of its neurons is worth, nominally.
    pub codes: f64,
}

/// A mapping over another: files first, then single keys. `auto` is left to who can judge.
///
/// # Errors
/// If a file cannot be read, or a key or value is none.
pub fn mapping(texts: &[String]) -> anyhow::Result<(Mapping, bool)> {
    let over: Vec<String> = texts.iter().filter(|text| *text != "auto").cloned().collect();
    Ok((mapping_over(&Mapping::default(), &over)?, over.len() < texts.len()))
}

/// The same over a given mapping.
///
/// # Errors
/// As [`mapping`].
pub fn mapping_over(base: &Mapping, texts: &[String]) -> anyhow::Result<Mapping> {
    let mut table = Table::try_from(base)?;
    for text in texts {
        let over = if text.contains('=') {
            assignment(text)
                .map_err(|_| anyhow!("--scale {text:?}: no assignment; write KEY=VALUE, for example us_per_time=12.0"))?
                .table
        } else {
            if !Path::new(text).is_file() {
                bail!("--scale {text}: neither auto, nor a file, nor KEY=VALUE");
            }
            table_from_file(Path::new(text))?
        };
        for (key, value) in over {
            let Some(known) = table.get(&key) else {
                let keys: Vec<&str> = table.keys().map(String::as_str).collect();
                bail!("--scale {text}: unknown key {key:?}; known are {}", keys.join(", "));
            };
            // Whole numbers are numbers, too.
            let value = match (known, value) {
                (Value::Float(_), Value::Integer(n)) => Value::Float(n as f64),
                (_, value) => value,
            };
            table.insert(key, value);
        }
    }
    table.try_into().map_err(|e: toml::de::Error| anyhow!("--scale: {}", e.message()))
}

impl Job {
    /// Reads the network and what users said.
    ///
    /// # Errors
    /// If the network or the configuration cannot be used.
    pub fn new(args: &DeployNetworkArgs, console: Console) -> anyhow::Result<Self> {
        let Found { saved: network, has_encoding, .. } = open(&args.network, &args.nir, console)?;
        let kind = match &args.data {
            None if !has_encoding => bail!(
                "{}: NIR does not say what the network was trained for; say --data SET",
                args.network.display()
            ),
            None => network.architecture.task,
            Some(text) => DataKind::of_name(text)
                .filter(|kind| *kind != DataKind::File)
                .ok_or_else(|| anyhow!("--data {text}: no data set; a file of samples is given by --set data.kind=file with data.file and data.test_file"))?,
        };
        let mut layers =
            vec![recipe(kind)?, flag("--data", "data.kind", kind.name()), flag("deploy", "engine", "fast")];
        if let Some(path) = &args.config.config {
            layers.push(Layer { origin: path.display().to_string(), table: table_from_file(path)? });
        }
        let assignments: Result<Vec<Layer>, _> = args.config.set.iter().map(|text| assignment(text)).collect();
        for layer in assignments? {
            for (section, how) in [
                ("encoding", "belongs to the network"),
                ("calibration", "is set by --scale"),
                ("scaling", "is set by --scale"),
                ("network", "belongs to the network"),
            ] {
                if layer.table.contains_key(section) {
                    bail!("{}: the section {section} {how} and cannot be set here", layer.origin);
                }
            }
            if comes_first(&layer) { layers.insert(2, layer) } else { layers.push(layer) }
        }
        let job = Self { path: args.network.clone(), network, layers };
        let trained = job.trained();
        if trained.network.has_delays() {
            return Err(deploy::Error::Delays.into());
        }
        Ok(job)
    }

    /// The network in its own units.
    pub fn trained(&self) -> Trained<'_> {
        let architecture = &self.network.architecture;
        let model = architecture.scaling.model();
        Trained {
            network: &self.network.network,
            biases: &architecture.biases,
            threshold: model.threshold,
            tau_mem: model.tau_mem,
        }
    }

    /// Where the network sits with a mapping.
    ///
    /// # Errors
    /// If it fits nowhere, or the mapping cannot be.
    pub fn fitted(&self, mapping: &Mapping) -> anyhow::Result<Fitted> {
        let trained = self.trained();
        let mut circuits = 1;
        // More circuits make larger thresholds and so more twins; a few rounds settle it.
        for _ in 0..4 {
            let expansion = Expansion::with_circuits(&trained, mapping, circuits)?;
            let site = Site::of(expansion.n_inputs(), &expansion.sizes(), DelayKind::None)
                .with_context(|| format!("{}: the network does not fit", self.path.display()))?;
            let found = site.circuits_per_neuron();
            if found == circuits {
                let codes = mapping.codes_per_threshold(trained.tau_mem, circuits)?;
                return Ok(Fitted { mapping: *mapping, expansion, site, codes });
            }
            circuits = found;
        }
        bail!(
            "{}: twins take more circuits, which take other twins; choose fewer (--scale twins=0)",
            self.path.display()
        )
    }

    /// The configuration of a network in its place.
    ///
    /// # Errors
    /// If what users said cannot be used.
    pub fn config(&self, fitted: &Fitted) -> anyhow::Result<Config> {
        let encoding = &self.network.architecture.encoding;
        let latest = encoding.bias.into_iter().fold(encoding.t_late, f64::max);
        if fitted.mapping.slot < latest {
            bail!(
                "slot: {} is not allowed; expected at least {latest}, the time of the last input spike",
                fitted.mapping.slot
            );
        }
        let mut layers = self.layers.clone();
        let recipe = resolve(&layers[..1])?;
        // In units in which the threshold is that of the recipe, its steps, bumps and limits mean what they did there.
        let usual = RECIPE_THRESHOLDS[usize::from(recipe.data.kind != DataKind::YinYang)];
        let rate = recipe.training.optimiser.learning_rate() * FINE_TUNING_RATE;
        layers.insert(1, flag("deploy", "training.optimiser.learning_rate", rate));
        layers.insert(1, flag("deploy", "scaling.slot_us", fitted.mapping.slot_us()));
        let mut config = resolve(&layers)?;
        config.encoding = self.network.architecture.encoding.clone();
        config.scaling.lsb_per_weight = fitted.codes / usual;
        config.scaling.us_per_time = fitted.mapping.us_per_time;
        config.scaling.slot_us = fitted.mapping.slot_us();
        config.calibration = fitted.mapping.targets(self.trained().tau_mem);
        config.training.rounding = true;
        Ok(config)
    }

    /// Samples in the encoding of the trained network.
    ///
    /// # Errors
    /// If they cannot be read, or do not go with the network.
    pub fn samples(&self, config: &Config, split: Split) -> anyhow::Result<Samples> {
        let found = samples(config, split)?;
        let (inputs, outputs) =
            (self.network.architecture.sizes[0], self.network.layers().last().copied().unwrap_or(0));
        if found.n_inputs() != inputs {
            let kind = config.data.kind.name();
            bail!("the network has {inputs} inputs, but samples of {kind} in its encoding have {}", found.n_inputs());
        }
        if found.n_classes > outputs {
            bail!("the network has {outputs} outputs, but {} has {} classes", config.data.kind.name(), found.n_classes);
        }
        Ok(found)
    }

    /// The trained network on the exact model, with real weights.
    ///
    /// # Errors
    /// If the samples do not fit.
    pub fn ideal(&self, config: &Config, samples: &Samples) -> anyhow::Result<Evaluation> {
        let architecture = &self.network.architecture;
        let trainer = Trainer::new(config.training.clone(), architecture.scaling)?;
        let grid = architecture.grid.then_some(architecture.scaling);
        let ideal = Ideal { model: architecture.scaling.model(), grid };
        let mut biased = Biased { ideal, biases: architecture.biases.clone() };
        Ok(trainer.evaluate(&self.network.network, &mut biased, samples, TEST_PART)?)
    }

    /// Puts the network on a chip, set with a table or calibrated.
    ///
    /// # Errors
    /// If the chip cannot be set.
    pub fn on_chip(&self, config: &Config, fitted: &Fitted, table: Option<Calibration>) -> anyhow::Result<Placed> {
        let chip = draw(&config.chip, &config.residual_table)?;
        self.on(chip, config, fitted, table)
    }

    /// The same on the chip without deviations, noise, limits and event path.
    ///
    /// # Errors
    /// If the chip cannot be set.
    pub fn on_ideal_chip(&self, config: &Config, fitted: &Fitted) -> anyhow::Result<Placed> {
        self.on(Chip::draw(&ChipSpec::new(Preset::Ideal, 1)), config, fitted, None)
    }

    fn on(&self, chip: Chip, config: &Config, fitted: &Fitted, table: Option<Calibration>) -> anyhow::Result<Placed> {
        let given = table.map(|table| GivenTable { table, force: false });
        let laboratory = Laboratory::set_up(chip, &config.calibration, &config.scaling, given, &mut |_| ())?;
        let scaling = fitted.site.scaling(laboratory.scaling);
        let missed = laboratory.calibration.success.iter().filter(|success| !**success).count();
        let network = fitted.expansion.network(&self.trained(), &scaling);
        let chip = laboratory.place(fitted.site.clone(), scaling, config.scaling.slot_us, config.engine)?;
        Ok(Placed { chip, scaling, network, missed })
    }

    /// Sizes of all layers, as people write them.
    pub fn shape(&self) -> String {
        self.network.architecture.sizes.iter().map(ToString::to_string).collect::<Vec<_>>().join("-")
    }

    /// A name for folders and titles.
    pub fn name(&self) -> String {
        self.path.file_stem().map_or_else(|| "network".to_owned(), |stem| stem.to_string_lossy().into_owned())
    }
}

/// A network on a chip.
pub struct Placed {
    /// The chip.
    pub chip: OnChip,
    /// Its units.
    pub scaling: Scaling,
    /// The network as it sits there.
    pub network: Network,
    /// Neurons that missed their calibration targets.
    pub missed: usize,
}

impl Placed {
    /// Runs samples of the network's encoding.
    ///
    /// # Errors
    /// If shapes do not fit or the chip refuses.
    pub fn evaluate(
        &mut self,
        config: &Config,
        fitted: &Fitted,
        samples: &Samples,
        part: u32,
    ) -> anyhow::Result<Evaluation> {
        let samples = samples.clone().with_channels(fitted.expansion.channels().to_vec())?;
        let trainer = Trainer::new(config.training.clone(), self.scaling)?;
        Ok(trainer.evaluate(&self.network, &mut self.chip, &samples, part)?)
    }
}

impl Fitted {
    /// The placements of all passes, with the first layer and neuron of each.
    pub fn placements(&self) -> Vec<(&Placement, usize, usize)> {
        match &self.site {
            Site::Whole(placement) => vec![(&**placement, 0, 0)],
            Site::Divided(passes) => passes
                .passes()
                .iter()
                .map(|pass| {
                    let first = if pass.layers.len() == 1 { pass.neurons.start } else { 0 };
                    (&pass.placement, pass.layers.start, first)
                })
                .collect(),
        }
    }

    /// Most sources of a neuron.
    pub fn fan_in(&self) -> usize {
        let sizes = self.expansion.sizes();
        std::iter::once(self.expansion.n_inputs()).chain(sizes).rev().skip(1).max().unwrap_or(0)
    }
}

/// How a data set is trained in the loop: what fine-tuning goes on with.
fn recipe(kind: DataKind) -> anyhow::Result<Layer> {
    if kind.images().is_none() {
        // Found on validation samples of four chips: with the push towards early spikes of a new training (.1) a trained network loses.
        let text = "training.loss.alpha = 0.005\ntraining.schedule.kind = \"cosine\"\n";
        return Ok(Layer { origin: "recipe of fine-tuning".into(), table: text.parse()? });
    }
    let preset = presets::named("mnist16-chip")?.layer()?;
    let mut table = Table::new();
    if let Some(Value::Table(training)) = preset.table.get("training") {
        let mut training = training.clone();
        // Against what many epochs from small weights would do: a trained network has its weights.
        training.insert("weight_decay".into(), 0.0.into());
        table.insert("training".into(), training.into());
    }
    table.insert("data".into(), Value::Table(Table::from_iter([("kind".to_owned(), kind.name().into())])));
    Ok(Layer { origin: preset.origin, table })
}
