//! What a finished training amounts to: the results, and apart from them the wall-clock times.

use std::path::Path;

use ::calib::Calibration;
use anyhow::Context as _;
use bss2_emu::spec::ParameterSource;
use bss2_emu::{Chip, ChipIdentity, ChipSpec, Cost};
use serde::{Deserialize, Serialize};
use ttfs::on_device::OnDevice;
use ttfs::placement::Placement;
use ttfs::scaling::Scaling;
use ttfs::substrate::{Ideal, Substrate};
use ttfs::train::{Evaluation, Samples, Score, Trainer};

use super::TEST_PART;
use crate::config::Config;
use crate::console::Console;
use crate::files::checkpoint::{self, Checkpoint};
use crate::files::run_folder::RunFolder;
use crate::files::{FileError, write};
use crate::laboratory::{Laboratory, layer_sizes, n_inputs};

/// A training at its end, before the test samples have been looked at.
pub(super) struct Finished<'a> {
    pub config: &'a Config,
    pub calibration: &'a Calibration,
    /// The chip; its table may have been measured on another one, on purpose.
    pub identity: ChipIdentity,
    pub scaling: Scaling,
    pub trainer: &'a Trainer,
    pub course: &'a Checkpoint,
    pub test: &'a Samples,
}

/// `summary.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Summary {
    pub task: String,
    pub network: Vec<usize>,
    pub epochs: u32,
    pub training_seed: u64,
    pub chip: ChipSummary,
    /// Test samples on the chip that the network was trained on.
    pub test: Score,
    /// The last epoch.
    pub train: Score,
    pub validation: Score,
    /// The same weights elsewhere, test samples.
    pub elsewhere: Elsewhere,
    /// Rows: true class; columns: class chosen, last column: no output spike.
    pub confusion: Vec<Vec<u64>>,
    pub hardware: Hardware,
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

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Elsewhere {
    /// On the exact model.
    pub ideal: Score,
    /// On another chip with a calibration of its own; `null` if that chip could not be calibrated.
    pub other_chip: Option<Score>,
    pub other_chip_seed: u64,
}

/// Emulated time: what the runs would take on the chip.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Hardware {
    pub calibration_s: f64,
    /// Training and validation.
    pub training: Cost,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Versions {
    pub bss2: String,
    pub checkpoint: u32,
    pub calibration: u32,
}

impl Finished<'_> {
    /// Looks at the test samples, once: on the chip, on the ideal substrate, on another chip.
    pub fn evaluate(&self, substrate: &mut OnDevice<Chip>, console: Console) -> anyhow::Result<Summary> {
        let test = self.on(substrate)?;
        let ideal = self.on(&mut Ideal { model: self.scaling.model(), grid: Some(self.scaling) })?;
        let other = ChipSpec { seed: self.config.chip.seed.wrapping_add(1) & (i64::MAX as u64), ..self.config.chip };
        if other.parameters == ParameterSource::Codes {
            console.say(format_args!("calibrating chip {} to see what these weights do there", other.seed));
        }
        // A chip that cannot be calibrated (an event path that loses everything, say) is no reason to lose a training.
        let other_chip = match self.elsewhere(&other).and_then(|mut substrate| self.on(&mut substrate)) {
            Ok(evaluation) => Some(evaluation.score),
            Err(error) => {
                console.say(format_args!("warning: chip {} cannot be compared with: {error:#}", other.seed));
                None
            }
        };
        let classes = test.classes();
        let last = self.course.history.last().context("no epoch was trained")?;
        let config = self.config;
        Ok(Summary {
            task: config.data.kind.name().into(),
            network: [n_inputs(config)?].into_iter().chain(layer_sizes(config)?).collect(),
            epochs: self.course.state.epoch,
            training_seed: config.training.seed,
            chip: ChipSummary {
                seed: config.chip.seed,
                identity: self.identity.to_string(),
                threshold: self.scaling.threshold,
                neurons_on_target: self.calibration.success.iter().filter(|s| **s).count(),
            },
            test: test.score,
            train: last.train,
            validation: last.validation,
            elsewhere: Elsewhere { ideal: ideal.score, other_chip, other_chip_seed: other.seed },
            confusion: confusion(&self.test.labels, &classes, self.test.n_classes),
            hardware: Hardware {
                calibration_s: self.calibration.hardware_time_us * 1e-6,
                training: Cost::of_slots(self.course.trials, config.scaling.slot_us),
            },
            versions: Versions {
                bss2: env!("CARGO_PKG_VERSION").into(),
                checkpoint: checkpoint::VERSION,
                calibration: ::calib::FORMAT,
            },
            classes,
        })
    }

    fn on(&self, substrate: &mut impl Substrate) -> anyhow::Result<Evaluation> {
        Ok(self.trainer.evaluate(&self.course.state.weights, substrate, self.test, TEST_PART)?)
    }

    fn elsewhere(&self, spec: &ChipSpec) -> anyhow::Result<OnDevice<Chip>> {
        let config = self.config;
        let laboratory = Laboratory::set_up(Chip::draw(spec), &config.calibration, &config.scaling, None, &mut |_| ())?;
        let placement = Placement::new(n_inputs(config)?, &layer_sizes(config)?)?;
        laboratory.place(placement, self.scaling, config.scaling.slot_us)
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
        console.say(format_args!("test accuracy on chip {}      {}", self.chip.seed, percent(&self.test)));
        console.say(format_args!("  same weights, ideal model  {}", percent(&self.elsewhere.ideal)));
        console.say(format_args!(
            "  same weights, chip {:<8}{}",
            self.elsewhere.other_chip_seed,
            self.elsewhere.other_chip.as_ref().map_or("not known".to_owned(), percent)
        ));
        console.say(format_args!(
            "{} epochs in {wall:.1} s ({speed:.0} samples/s); on the chip {:.1} s of training (about {:.1} J, an estimate) and {:.1} s \
             of calibration",
            self.epochs,
            self.hardware.training.hardware_s,
            self.hardware.training.energy_j_estimate,
            self.hardware.calibration_s
        ));
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
