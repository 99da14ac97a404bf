//! What a finished training amounts to: the results, and apart from them the wall-clock times.

use std::path::Path;

use ::calib::Calibration;
use anyhow::Context as _;
use bss2_emu::cost::POWER_W_ESTIMATE;
use bss2_emu::spec::ParameterSource;
use bss2_emu::{Chip, ChipIdentity, ChipSpec, Cost};
use serde::{Deserialize, Serialize};
use ttfs::network::Network;
use ttfs::scaling::Scaling;
use ttfs::substrate::Substrate;
use ttfs::train::{Evaluation, Samples, Score, Trainer};

use super::TEST_PART;
use crate::config::{Config, SubstrateKind};
use crate::console::Console;
use crate::files::checkpoint::{self, Checkpoint};
use crate::files::run_folder::RunFolder;
use crate::files::{FileError, write};
use crate::laboratory::{Laboratory, layer_sizes, n_inputs, site};
use crate::site::OnChip;
use crate::stage::{Stage, ideal, training_settings};

/// Classes, confusion, score and, of a noise-aware training, the chips.
type OnTest = (Vec<Option<usize>>, Vec<Vec<u64>>, Score, Vec<TestChip>);

/// A training at its end, before the test samples have been looked at.
pub(super) struct Finished<'a> {
    pub config: &'a Config,
    /// The chip and its table, which may have been measured on another one, on purpose; none without one chip.
    pub calibrated: Option<&'a (ChipIdentity, Calibration)>,
    pub scaling: Scaling,
    /// Passes that each batch takes on the chip.
    pub passes: usize,
    pub trainer: &'a Trainer,
    pub course: &'a Checkpoint,
    /// The network that the training ends with, and the number of epochs that made it.
    pub network: &'a Network,
    pub kept_epoch: u32,
    pub test: &'a Samples,
}

/// `summary.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Summary {
    pub task: String,
    pub network: Vec<usize>,
    pub substrate: SubstrateKind,
    /// Epochs trained, and the one whose weights were kept.
    pub epochs: u32,
    pub kept_epoch: u32,
    pub training_seed: u64,
    /// The chip that the network was trained on; `null` if it was not one.
    pub chip: Option<ChipSummary>,
    /// Test samples on what the network was trained on; of a noise-aware training the mean over its test chips.
    pub test: Score,
    /// The chips of the test of a noise-aware training.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub test_chips: Vec<TestChip>,
    /// The epoch that was kept.
    pub train: Score,
    pub validation: Score,
    /// The same weights elsewhere, test samples.
    pub elsewhere: Elsewhere,
    /// Rows: true class; columns: class chosen, last column: no output spike.
    pub confusion: Vec<Vec<u64>>,
    /// `null` if no chip was used.
    pub hardware: Option<Hardware>,
    pub versions: Versions,
    #[serde(skip)]
    pub classes: Vec<Option<usize>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct ChipSummary {
    pub seed: u64,
    pub identity: String,
    /// Threshold in units of weight, as the calibration measured it.
    pub threshold: f64,
    pub neurons_on_target: usize,
}

/// A chip that a noise-aware training had not seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct TestChip {
    pub seed: u64,
    pub test: Score,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Elsewhere {
    /// On the exact model.
    pub ideal: Score,
    /// On another chip with a calibration of its own; `null` if that chip could not be calibrated or the training was not on one.
    pub other_chip: Option<Score>,
    pub other_chip_seed: Option<u64>,
}

/// Emulated time: what the runs would take on the chip.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Hardware {
    pub calibration_s: f64,
    /// Configurations of the chip that each batch takes: more than one for a network larger than the chip.
    #[serde(default = "one")]
    pub passes: usize,
    /// Training and validation, a slot for each sample and pass.
    pub training: Cost,
    /// One sample of the trained network.
    pub inference: Cost,
}

/// Passes in summaries of before there could be several.
fn one() -> usize {
    1
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Versions {
    pub bss2: String,
    pub checkpoint: u32,
    pub calibration: u32,
}

impl Finished<'_> {
    /// Looks at the test samples, once: on what the network was trained on, on the ideal substrate, on another chip.
    pub fn evaluate(&self, stage: &mut Stage, console: Console) -> anyhow::Result<Summary> {
        let config = self.config;
        let (classes, confusion, test, test_chips) = match stage {
            Stage::NoiseAware(chips) => {
                self.on_unseen(&chips.test(self.trainer, self.network, self.test, TEST_PART)?)
            }
            stage => {
                let test = self.on(stage)?;
                (
                    test.classes.clone(),
                    confusion(&self.test.labels, &test.classes, self.test.n_classes),
                    test.score,
                    Vec::new(),
                )
            }
        };
        let ideal = self.on(&mut ideal(self.scaling, training_settings(config).rounding))?;
        let other_chip_seed =
            (config.substrate == SubstrateKind::Chip).then(|| config.chip.seed.wrapping_add(1) & (i64::MAX as u64));
        let other_chip = other_chip_seed.and_then(|seed| self.on_other(seed, console));
        let kept = (self.kept_epoch as usize).checked_sub(1).and_then(|n| self.course.history.get(n));
        let kept = kept.context("no epoch was trained")?;
        Ok(Summary {
            task: config.data.kind.name().into(),
            network: [n_inputs(config)?].into_iter().chain(layer_sizes(config)?).collect(),
            substrate: config.substrate,
            epochs: self.course.state.epoch,
            kept_epoch: self.kept_epoch,
            training_seed: config.training.seed,
            chip: self.calibrated.map(|(identity, calibration)| ChipSummary {
                seed: config.chip.seed,
                identity: identity.to_string(),
                threshold: self.scaling.threshold,
                neurons_on_target: calibration.success.iter().filter(|s| **s).count(),
            }),
            test,
            test_chips,
            train: kept.train,
            validation: kept.validation,
            elsewhere: Elsewhere { ideal: ideal.score, other_chip, other_chip_seed },
            confusion,
            hardware: self.calibrated.map(|(_, calibration)| Hardware {
                calibration_s: calibration.hardware_time_us * 1e-6,
                passes: self.passes,
                training: Cost::of_slots(self.course.trials, config.scaling.slot_us),
                inference: Cost::of_slots(self.passes as u64, config.scaling.slot_us),
            }),
            versions: Versions {
                bss2: env!("CARGO_PKG_VERSION").into(),
                checkpoint: checkpoint::VERSION,
                calibration: ::calib::FORMAT,
            },
            classes,
        })
    }

    /// What the test chips of a noise-aware training amount to: classes on the first, counts and scores over all.
    fn on_unseen(&self, chips: &[(u64, Evaluation)]) -> OnTest {
        let classes = chips.first().map(|(_, evaluation)| evaluation.classes.clone()).unwrap_or_default();
        let all: Vec<Option<usize>> = chips.iter().flat_map(|(_, evaluation)| evaluation.classes.clone()).collect();
        let labels: Vec<usize> = self.test.labels.iter().copied().cycle().take(all.len()).collect();
        let chips: Vec<TestChip> =
            chips.iter().map(|(seed, evaluation)| TestChip { seed: *seed, test: evaluation.score }).collect();
        let scores: Vec<Score> = chips.iter().map(|chip| chip.test).collect();
        (classes, confusion(&labels, &all, self.test.n_classes), Score::mean(&scores), chips)
    }

    /// The weights on another chip. One that cannot be calibrated (an event path that loses everything, say) is no reason to
    /// lose a training.
    fn on_other(&self, seed: u64, console: Console) -> Option<Score> {
        let other = ChipSpec { seed, ..self.config.chip };
        if other.parameters == ParameterSource::Codes {
            console.say(format_args!("calibrating chip {seed} to see what these weights do there"));
        }
        match self.elsewhere(&other).and_then(|mut substrate| self.on(&mut substrate)) {
            Ok(evaluation) => Some(evaluation.score),
            Err(error) => {
                console.say(format_args!("warning: chip {seed} cannot be compared with: {error:#}"));
                None
            }
        }
    }

    fn on(&self, substrate: &mut impl Substrate) -> anyhow::Result<Evaluation> {
        Ok(self.trainer.evaluate(self.network, substrate, self.test, TEST_PART)?)
    }

    fn elsewhere(&self, spec: &ChipSpec) -> anyhow::Result<OnChip> {
        let config = self.config;
        let laboratory = Laboratory::set_up(Chip::draw(spec), &config.calibration, &config.scaling, None, &mut |_| ())?;
        laboratory.place(site(config)?, self.scaling, config.scaling.slot_us, config.engine)
    }
}

/// Counts of chosen classes by true class, for `n` classes; the last column counts samples without an output spike.
pub(super) fn confusion(labels: &[usize], classes: &[Option<usize>], n: usize) -> Vec<Vec<u64>> {
    let mut counts = vec![vec![0; n + 1]; n];
    for (&label, class) in labels.iter().zip(classes) {
        counts[label][class.unwrap_or(n)] += 1;
    }
    counts
}

impl Summary {
    /// What the test was on, in words.
    pub fn place(&self) -> String {
        match (&self.chip, self.test_chips.len()) {
            (Some(chip), _) => format!("chip {}", chip.seed),
            (None, 0) => "the ideal model".into(),
            (None, n) => format!("{n} unseen chips"),
        }
    }

    pub fn save(&self, folder: &RunFolder) -> anyhow::Result<()> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        Ok(write(&folder.summary(), text.as_bytes())?)
    }

    pub fn say(&self, console: Console, timings: &Timings, folder: &RunFolder) {
        let percent = |score: &Score| format!("{:.2} % ({:.2} % silent)", 100.0 * score.accuracy, 100.0 * score.silent);
        let wall: f64 = timings.sessions.iter().map(|s| s.total_s).sum();
        let speed = timings.sessions.last().map_or(0.0, |s| s.training_samples_per_s);
        console.say("");
        console.say(format_args!("{:<28} {}", format!("test accuracy on {}", self.place()), percent(&self.test)));
        if !self.test_chips.is_empty() {
            let worst = self.test_chips.iter().map(|chip| chip.test.accuracy).fold(1.0, f64::min);
            console.say(format_args!("  on the worst of them       {:.2} %", 100.0 * worst));
        }
        if self.substrate != SubstrateKind::Ideal {
            console.say(format_args!("  same weights, ideal model  {}", percent(&self.elsewhere.ideal)));
        }
        if let Some(seed) = self.elsewhere.other_chip_seed {
            let score = self.elsewhere.other_chip.as_ref().map_or("not known".to_owned(), percent);
            console.say(format_args!("  same weights, chip {seed:<8}{score}"));
        }
        if self.kept_epoch != self.epochs {
            console.say(format_args!("weights of epoch {}, the best on validation", self.kept_epoch));
        }
        console.say(format_args!("{} epochs in {wall:.1} s ({speed:.0} samples/s)", self.epochs));
        if let Some(hardware) = &self.hardware {
            console.say(format_args!(
                "on the chip {:.1} s of training (about {:.1} J, an estimate) and {:.1} s of calibration",
                hardware.training.hardware_s, hardware.training.energy_j_estimate, hardware.calibration_s
            ));
            let Cost { slot_us, energy_j_estimate, .. } = hardware.inference;
            console.say(format_args!(
                "a sample takes the chip {slot_us:.0} us and about {:.1} uJ (an estimate: {:.0} mW, whole chip, as published)",
                1e6 * energy_j_estimate,
                1e3 * POWER_W_ESTIMATE
            ));
        }
        console.say(format_args!("results and figures in {}", folder.path().display()));
    }
}

/// `timings.json`: everything that the clock on the wall says.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Timings {
    pub sessions: Vec<Session>,
}

/// One session of a run: from the start, or from a resume, to the end or an interrupt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Session {
    pub threads: usize,
    pub first_epoch: u32,
    pub last_epoch: u32,
    pub calibration_s: f64,
    pub training_s: f64,
    pub training_samples_per_s: f64,
    pub total_s: f64,
}

impl Timings {
    /// Those of the sessions before; none if there is no file.
    pub fn load(folder: &RunFolder) -> anyhow::Result<Self> {
        let path = folder.timings();
        if !path.exists() {
            return Ok(Self::default());
        }
        read_json(&path)
    }

    pub fn save(&self, folder: &RunFolder) -> Result<(), anyhow::Error> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        write(&folder.timings(), text.as_bytes()).map_err(FileError::into)
    }
}

/// `summary.json` and `timings.json` as one object.
pub(super) fn joined(folder: &RunFolder) -> anyhow::Result<serde_json::Value> {
    let mut summary: serde_json::Value = read_json(&folder.summary())?;
    summary["timings"] = serde_json::to_value(Timings::load(folder)?)?;
    summary["run"] = folder.path().display().to_string().into();
    Ok(summary)
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is not what it should be", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silent_samples_have_a_column_of_their_own() {
        let counts = confusion(&[0, 0, 1, 2], &[Some(0), None, Some(2), Some(2)], 3);
        assert_eq!(counts, [[1, 0, 0, 1], [0, 0, 1, 0], [0, 0, 1, 0]]);
    }
}
