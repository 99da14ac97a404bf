//! What a training runs on: a chip in the loop, the ideal substrate, or a fresh chip for every batch.

use anyhow::Context as _;
use bss2_emu::rng::derive;
use bss2_emu::{Chip, ChipSpec, Device as _, NeuronSetting, RunId};
use calib::Calibration;
use ndarray::ArrayView2;
use ttfs::ideal_fast::FastIdeal;
use ttfs::network::Network;
use ttfs::perturbed::{Perturbation, Perturbed};
use ttfs::scaling::{Latency, Scaling};
use ttfs::substrate::{Ideal, Spikes, Substrate};
use ttfs::train::{Evaluation, Samples, Score, Trainer, TrainingSettings};

use crate::config::{Config, EngineKind};
use crate::laboratory::{n_inputs, site};
use crate::site::{OnChip, Site};

/// Number added to the training seed for the chips of a noise-aware training.
const TRAINING_CHIPS: u64 = 40;

/// What a training runs on.
#[derive(Debug)]
pub enum Stage {
    /// One chip.
    Chip(OnChip),
    /// The exact model.
    Ideal(Ideal),
    /// The same in single precision.
    FastIdeal(FastIdeal),
    /// The exact model with deviations.
    Perturbed(Box<Perturbed>),
    /// A fresh chip for every batch.
    NoiseAware(Box<NoiseAware>),
}

/// The units of the ideal substrate: nothing is measured, and spikes act at once. Bits of a perturbation are its grid.
pub fn ideal_scaling(config: &Config) -> Scaling {
    let units = &config.scaling;
    let perturbation = &config.perturbation;
    let steps = f64::from((1_u32 << perturbation.weight_bits) - 1);
    let has_grid = perturbation.weight_bits > 0 && perturbation.weight_range > 0.0;
    Scaling {
        us_per_time: units.us_per_time,
        lsb_per_weight: if has_grid { steps / perturbation.weight_range } else { units.lsb_per_weight },
        threshold: units.threshold,
        tau_mem: units.tau_mem,
        latency: Latency::default(),
    }
}

/// Most bits of a weight that a training knows: those of a synapse.
const TRAINED_BITS: u8 = 6;

/// The substrate of a configuration that is ideal but for its perturbation; `scaling` as [`ideal_scaling`] gives it.
///
/// # Errors
/// If the shape of the data cannot be known.
pub fn perturbed(config: &Config, scaling: Scaling, rounding: bool, is_fast: bool) -> anyhow::Result<Perturbed> {
    let bias_block = config.encoding.bias.map(|_| n_inputs(config)).transpose()?.map(|n| n / config.encoding.copies);
    Ok(Perturbed::new(ideal(scaling, rounding), config.perturbation, config.chip.seed)
        .fast(is_fast)
        .bias_in_blocks_of(bias_block))
}

/// What a training on the ideal substrate runs on: the exact model itself, unless it is perturbed or to be fast.
///
/// # Errors
/// If the perturbation has weights that no training knows, or the shape of the data cannot be known.
pub fn ideal_stage(config: &Config, scaling: Scaling, is_fast: bool) -> anyhow::Result<Stage> {
    let perturbation = config.perturbation;
    if perturbation == Perturbation::NONE {
        let ideal = ideal(scaling, config.training.rounding);
        return Ok(if is_fast { Stage::FastIdeal(FastIdeal(ideal)) } else { Stage::Ideal(ideal) });
    }
    if perturbation.weight_bits > TRAINED_BITS {
        anyhow::bail!(
            "perturbation.weight_bits: {} is not allowed in a training; expected at most {TRAINED_BITS}, those of a synapse, or 0 for any weight",
            perturbation.weight_bits
        );
    }
    if perturbation.weight_bits > 0 && perturbation.weight_range == 0.0 {
        anyhow::bail!(
            "perturbation.weight_range: 0 is not allowed in a training with perturbation.weight_bits; expected a positive number"
        );
    }
    Ok(Stage::Perturbed(Box::new(perturbed(config, scaling, training_settings(config).rounding, is_fast)?)))
}

/// The settings of a training: a perturbation with bits bounds and rounds the weights.
pub fn training_settings(config: &Config) -> TrainingSettings {
    let mut settings = config.training.clone();
    let perturbation = config.perturbation;
    if perturbation.weight_bits > 0 {
        settings.rounding = true;
        let wanted = if settings.weight_clip > 0.0 { settings.weight_clip } else { f64::INFINITY };
        settings.weight_clip = wanted.min(perturbation.weight_range);
    }
    settings
}

/// The ideal substrate of a training or of its network: with weights on the chip's grid only if it was trained with them.
pub fn ideal(scaling: Scaling, rounding: bool) -> Ideal {
    Ideal { model: scaling.model(), grid: rounding.then_some(scaling) }
}

impl Stage {
    /// The chip, if it is one.
    pub fn chip(&mut self) -> Option<&mut OnChip> {
        match self {
            Self::Chip(chip) => Some(chip),
            _ => None,
        }
    }

    /// Trials that were run on the chip; 0 if it is none.
    pub fn trials(&self) -> u64 {
        match self {
            Self::Chip(chip) => chip.trials(),
            _ => 0,
        }
    }

    /// Scores validation samples: for a noise-aware training the mean over its fixed set of chips.
    ///
    /// # Errors
    /// If shapes do not fit or a chip refuses.
    pub fn validate(
        &mut self,
        trainer: &Trainer,
        network: &Network,
        samples: &Samples,
        part: u32,
    ) -> Result<Score, ttfs::Error> {
        let Self::NoiseAware(chips) = self else {
            return Ok(trainer.evaluate(network, self, samples, part)?.score);
        };
        let mut scores = Vec::new();
        for chip in &mut chips.validation {
            scores.push(trainer.evaluate(network, chip, samples, part)?.score);
        }
        Ok(Score::mean(&scores))
    }
}

impl Substrate for Stage {
    fn forward(&mut self, network: &Network, inputs: ArrayView2<f64>, run: RunId) -> Result<Spikes, ttfs::Error> {
        match self {
            Self::Chip(chip) => chip.forward(network, inputs, run),
            Self::Ideal(ideal) => ideal.forward(network, inputs, run),
            Self::FastIdeal(ideal) => ideal.forward(network, inputs, run),
            Self::Perturbed(perturbed) => perturbed.forward(network, inputs, run),
            Self::NoiseAware(chips) => chips.forward(network, inputs, run),
        }
    }
}

/// Chips of one kind, set directly: a fresh one, addressed by the run, for every batch; fixed ones for validation and test.
#[derive(Debug)]
pub struct NoiseAware {
    kind: Kind,
    seed: u64,
    validation: Vec<OnChip>,
    test_seeds: Vec<u64>,
}

/// What all chips of a noise-aware training have in common.
#[derive(Debug)]
struct Kind {
    spec: ChipSpec,
    setting: NeuronSetting,
    site: Site,
    scaling: Scaling,
    slot_us: f64,
    engine: EngineKind,
}

impl Kind {
    /// The chip with a seed, set and connected.
    fn chip(&self, seed: u64) -> Result<OnChip, ttfs::Error> {
        let mut chip = Chip::draw(&ChipSpec { seed, ..self.spec });
        chip.configure(&self.setting)?;
        self.site.clone().on(chip, self.scaling, self.slot_us, self.engine)
    }
}

impl NoiseAware {
    /// The chips of a configuration and their nominal units.
    ///
    /// # Errors
    /// If the network does not fit on a chip or the targets give no usable threshold.
    pub fn new(config: &Config) -> anyhow::Result<(Self, Scaling)> {
        let table = Calibration::from_targets(config.chip.identity(), &config.calibration);
        let units = &config.scaling;
        let scaling = Scaling::measured(&table.measured, units.us_per_time, units.lsb_per_weight, units.latency)
            .context("the targets of the calibration give no usable threshold")?;
        let site = site(config)?;
        let scaling = site.scaling(scaling);
        let kind = Kind {
            spec: config.chip,
            setting: table.setting(),
            site,
            scaling,
            slot_us: units.slot_us,
            engine: config.engine,
        };
        // Seeds of the user's, so that each of these chips can be looked at again; configurations know seeds up to 2^63.
        let (validation, test) = (config.noise_aware.validation_chips, config.noise_aware.test_chips);
        let mut seeds =
            (0..u64::from(validation) + u64::from(test)).map(|n| config.chip.seed.wrapping_add(n) & (i64::MAX as u64));
        let validation: Result<_, _> =
            seeds.by_ref().take(usize::from(validation)).map(|seed| kind.chip(seed)).collect();
        let test_seeds = seeds.collect();
        Ok((
            Self { kind, seed: derive(config.training.seed, TRAINING_CHIPS), validation: validation?, test_seeds },
            scaling,
        ))
    }

    /// Whether its chips are computed in single precision.
    pub fn is_fast(&self) -> bool {
        self.kind.engine.is_fast_on_chip(self.kind.site.circuits_per_neuron())
    }

    /// Runs samples on every chip of the test: its seed and what it did.
    ///
    /// # Errors
    /// If shapes do not fit or a chip refuses.
    pub fn test(
        &self,
        trainer: &Trainer,
        network: &Network,
        samples: &Samples,
        part: u32,
    ) -> Result<Vec<(u64, Evaluation)>, ttfs::Error> {
        let on = |&seed: &u64| Ok((seed, trainer.evaluate(network, &mut self.kind.chip(seed)?, samples, part)?));
        self.test_seeds.iter().map(on).collect()
    }
}

impl Substrate for NoiseAware {
    fn forward(&mut self, network: &Network, inputs: ArrayView2<f64>, run: RunId) -> Result<Spikes, ttfs::Error> {
        let seed = derive(self.seed, u64::from(run.session) << 32 | u64::from(run.index));
        self.kind.chip(seed)?.forward(network, inputs, run)
    }
}

#[cfg(test)]
mod tests {
    use bss2_emu::spec::Preset;
    use ndarray::Array2;

    use super::*;
    use crate::config::SubstrateKind;

    fn config() -> Config {
        let mut config = Config { substrate: SubstrateKind::NoiseAware, ..Config::default() };
        config.chip = ChipSpec::new(Preset::Bss2Calibrated, 1);
        config.chip.noise = bss2_emu::noise::Noise::OFF;
        config.network.hidden = vec![20];
        config
    }

    #[test]
    fn every_batch_has_a_chip_of_its_own_and_the_same_address_the_same_chip() {
        let (mut chips, scaling) = NoiseAware::new(&config()).unwrap();
        let network = Network::new(vec![Array2::from_elem((25, 20), 0.9), Array2::from_elem((20, 3), 0.8)]);
        let inputs = Array2::from_shape_fn((2, 25), |(sample, channel)| 0.2 + 0.05 * (sample + channel % 5) as f64);
        let mut run = |index| chips.forward(&network, inputs.view(), RunId { session: 5, index }).unwrap().layers;
        let (first, second, again) = (run(0), run(1), run(0));
        assert_eq!(first, again);
        assert!(first[0].iter().all(|t| t.is_finite()));
        assert_ne!(first[0], second[0], "noise is off: only another chip differs");
        // Neurons with equal weights fire at the same time on the ideal substrate, but not on a chip.
        let same =
            ideal(scaling, true).forward(&network, inputs.view(), RunId { session: 5, index: 0 }).unwrap().layers;
        assert_eq!(same[0][[0, 0]], same[0][[0, 7]]);
        assert_ne!(first[0][[0, 0]], first[0][[0, 7]]);
    }

    #[test]
    fn validation_and_test_have_chips_that_differ() {
        let mut config = config();
        config.noise_aware = crate::config::NoiseAwareSettings { validation_chips: 2, test_chips: 3 };
        let (chips, _) = NoiseAware::new(&config).unwrap();
        assert_eq!(chips.validation.len(), 2);
        assert_eq!(chips.test_seeds, [3, 4, 5]);
    }
}
