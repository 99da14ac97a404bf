//! What the workloads of one task share: a chip that is really calibrated, a network that was really trained on it, samples.

use anyhow::Context as _;
use bss2_emu::chip::Engine;
use bss2_emu::spec::Preset;
use bss2_emu::{Chip, ChipSpec, Device as _, NeuronParameters, NeuronSetting};
use ndarray::Array2;
use ttfs::data::Dataset;
use ttfs::data::images::Part;
use ttfs::ideal_fast::FastIdeal;
use ttfs::on_device::OnDevice;
use ttfs::optimiser::{Adam, Optimiser};
use ttfs::placement::Placement;
use ttfs::samples::Samples;
use ttfs::scaling::Scaling;
use ttfs::train::{InitialWeights, Precision, Trainer, TrainingState};

use super::progress;
use super::workloads::median_neuron;
use crate::config::{Config, Layer, resolve};
use crate::data_sets::{Split, samples};
use crate::laboratory::{Laboratory, initial_state, layer_sizes, n_inputs};
use crate::presets;
use crate::stage::ideal;

/// The chip of all workloads.
pub const CHIP_SEED: u64 = 1;
/// Samples of a training batch of MNIST, whatever the preset says: the batch that goals and other programs' timings are stated for.
const MNIST_BATCH: usize = 200;
/// Epochs that make the network of Yin-Yang.
const YIN_YANG_EPOCHS: u32 = 10;

/// A task on a chip.
#[derive(Debug)]
pub struct Job {
    pub name: String,
    pub config: Config,
    pub spec: ChipSpec,
    /// What the chip was calibrated to be.
    pub setting: NeuronSetting,
    /// What the calibration measured of its neurons.
    measured: Vec<NeuronParameters>,
    pub placement: Placement,
    pub scaling: Scaling,
    pub trainer: Trainer,
    /// After the training that made the network.
    pub state: TrainingState,
    pub train: Samples,
    /// What forward workloads run.
    pub test: Samples,
    /// No samples, for a validation that takes no time.
    pub none: Samples,
}

/// The samples of MNIST, 16 x 16 pixels as the preset `mnist16-chip` makes them, for batches of [`MNIST_BATCH`].
#[derive(Debug)]
pub struct Mnist {
    config: Config,
    train: Samples,
    test: Samples,
}

impl Mnist {
    /// Loads at most so many samples of each part.
    ///
    /// # Errors
    /// If the files are not there, with the folder and what runs without them.
    pub fn load(folder: Option<Layer>, most: Option<usize>) -> anyhow::Result<Self> {
        let mut config = resolve(
            &[Some(presets::named("mnist16-chip")?.layer()?), folder].into_iter().flatten().collect::<Vec<_>>(),
        )?;
        let (set, pipeline) = config.data.kind.images().context("the preset has images")?;
        let part = |part| {
            let images = set.load(&config.data.folder(), part, pipeline);
            let images = images
                .context("the MNIST workloads need the published files; `bss2 bench --only yin-yang` runs without")?;
            let n = most.unwrap_or(usize::MAX).min(images.labels.len());
            anyhow::Ok(Samples::of_images(images.range(0..n), &config.encoding))
        };
        let (train, test) = (part(Part::Train)?, part(Part::Test)?);
        // The preset's recipe is made for many epochs; this one has a network that works after one.
        let training = &mut config.training;
        training.batch_size = MNIST_BATCH;
        training.optimiser = Optimiser::Adam(Adam { learning_rate: 0.005, ..Adam::default() });
        training.initial_weights =
            vec![InitialWeights { mean: 0.25, std: 0.4 }, InitialWeights { mean: 0.12, std: 0.4 }];
        training.bump.max_missing = vec![0.9, 0.5];
        Ok(Self { config, train, test })
    }
}

impl Job {
    /// 256-246-10: one epoch of training makes the network.
    ///
    /// # Errors
    /// If the calibration or the training fails.
    pub fn mnist(data: Mnist) -> anyhow::Result<Self> {
        Self::new("MNIST 256-246-10", data.config, (data.train, data.test), 1)
    }

    /// 25-120-3: ten epochs of training make the network.
    ///
    /// # Errors
    /// If the calibration or the training fails.
    pub fn yin_yang(most: Option<usize>) -> anyhow::Result<Self> {
        let mut config = resolve(&[presets::named("yin-yang-chip")?.layer()?])?;
        config.data.train_size = config.data.train_size.min(most.unwrap_or(usize::MAX));
        let train = samples(&config, Split::Train)?;
        Self::new("Yin-Yang 25-120-3", config, (train.clone(), train), YIN_YANG_EPOCHS)
    }

    fn new(name: &str, config: Config, (train, test): (Samples, Samples), epochs: u32) -> anyhow::Result<Self> {
        let spec = ChipSpec::new(Preset::Bss2, CHIP_SEED);
        let step = progress::step(&format!("{name}: calibrating chip {CHIP_SEED}"));
        let laboratory =
            Laboratory::set_up(Chip::draw(&spec), &config.calibration, &config.scaling, None, &mut |_| ())?;
        drop(step);
        let placement = Placement::with_delays(n_inputs(&config)?, &layer_sizes(&config)?, config.network.delays)?;
        let scaling = placement.scaling(laboratory.scaling);
        // As `bss2 train` does on the substrates that are timed here.
        let trainer = Trainer::new(config.training.clone(), scaling)?.with_precision(Precision::Single);
        let state = initial_state(&config, &trainer)?;
        let empty =
            Dataset { features: Array2::zeros((0, train.n_inputs())), labels: Vec::new(), n_classes: train.n_classes };
        let encoding = ttfs::encoding::TimeEncoding { bias: None, copies: 1, ..config.encoding.clone() };
        let none = Samples::new(&empty, &encoding);
        let setting = laboratory.calibration.setting();
        let measured = laboratory.calibration.measured;
        let name = name.to_owned();
        let mut job =
            Self { name, config, spec, setting, measured, placement, scaling, trainer, state, train, test, none };
        let step = progress::step(&format!("{}: training the network in the loop", job.name));
        let mut device = job.whole(&job.spec, Engine::Fast)?;
        for _ in 0..epochs {
            job.trainer.run_epoch(&mut job.state, &mut device, &job.train, &job.none)?;
        }
        drop(step);
        Ok(job)
    }

    /// The network's place on a chip of this description with the calibration of the job's.
    ///
    /// # Errors
    /// If the chip refuses.
    pub fn whole(&self, spec: &ChipSpec, engine: Engine) -> anyhow::Result<OnDevice<Chip>> {
        self.placed(spec, &self.setting, engine)
    }

    /// The same with another setting.
    ///
    /// # Errors
    /// If the chip refuses.
    pub fn placed(&self, spec: &ChipSpec, setting: &NeuronSetting, engine: Engine) -> anyhow::Result<OnDevice<Chip>> {
        let mut chip = Chip::draw(spec);
        chip.configure(setting)?;
        chip.set_engine(Some(engine));
        Ok(OnDevice::new(chip, self.placement.clone(), self.scaling, self.config.scaling.slot_us)?)
    }

    /// The neuron that has the median of everything that was measured.
    pub fn median_neuron(&self) -> NeuronParameters {
        median_neuron(&self.measured)
    }

    /// The ideal substrate in the same units.
    pub fn ideal(&self) -> FastIdeal {
        FastIdeal(ideal(self.scaling, self.config.training.rounding))
    }
}
