//! The configuration of a run: one tree of keys with one source of defaults.
//!
//! Values come, later ones winning, from the defaults, a TOML file (`--config`), the flags of the command line, and
//! `--set key=value`. Everything that is wrong is reported at once, each problem with its key, the value found and what is
//! allowed. The resolved configuration is written beside the results of every run.

mod data;
mod keys;
mod resolve;

use bss2_emu::spec::Preset;
use bss2_emu::{ChipSpec, Problem};
use calib::Targets;
use serde::{Deserialize, Serialize};
use ttfs::encoding::TimeEncoding;
use ttfs::scaling::Latency;
use ttfs::train::TrainingSettings;

pub use data::{Data, DataKind};
pub use keys::{help, meaning};
pub use resolve::{ConfigError, Layer, assignment, nested, resolve, table_from_file};

/// The configuration of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// File with the residuals of each neuron of the chip (see [`crate::files::residual_table`]); empty: they are drawn.
    pub residual_table: String,
    /// Samples.
    pub data: Data,
    /// How features become spike times.
    pub encoding: TimeEncoding,
    /// The network.
    pub network: Network,
    /// Training.
    pub training: TrainingSettings,
    /// Between the network's units and the chip's.
    pub scaling: ScalingSettings,
    /// What the chip is calibrated to.
    pub calibration: Targets,
    /// The chip.
    pub chip: ChipSpec,
}

/// Layers of the network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// Sizes of the hidden layers.
    pub hidden: Vec<usize>,
}

/// Constants of the bridge between model and hardware that are chosen, not measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScalingSettings {
    /// Microseconds of hardware per unit of model time.
    pub us_per_time: f64,
    /// Weight codes per unit of weight.
    pub lsb_per_weight: f64,
    /// Length of a sample on the chip in us.
    pub slot_us: f64,
    /// How long spikes take to their synapses, as the backward pass assumes.
    pub latency: Latency,
}

/// Latencies of a kind of chip that the backward pass assumes: those of the recordings of silicon, or none.
fn latency(preset: Preset) -> Latency {
    match preset {
        Preset::Bss2 | Preset::Bss2Calibrated => Latency { external_us: 0.47, internal_us: 0.3 },
        Preset::FastAndDeep | Preset::Ideal => Latency::default(),
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            residual_table: String::new(),
            data: Data::of_kind(DataKind::YinYang),
            encoding: TimeEncoding::default(),
            network: Network { hidden: vec![120] },
            training: TrainingSettings::default(),
            scaling: ScalingSettings {
                us_per_time: 6.0,
                lsb_per_weight: 30.0,
                slot_us: 180.0,
                latency: latency(Preset::Bss2),
            },
            calibration: Targets::default(),
            chip: ChipSpec::new(Preset::Bss2, 1),
        }
    }
}

impl Config {
    /// Everything that is wrong with the values; empty if nothing is.
    pub fn problems(&self) -> Vec<Problem> {
        let under = |prefix: &str, problems: Vec<Problem>| {
            let prefix = prefix.to_owned();
            problems.into_iter().map(move |p| Problem { key: format!("{prefix}.{}", p.key), message: p.message })
        };
        let one = |key: &str, check: Result<(), ttfs::Error>| {
            check.err().map(|error| Problem { key: key.to_owned(), message: error.to_string() })
        };
        let mut problems = Vec::new();
        problems.extend(self.data.problems());
        problems.extend(one("encoding", self.encoding.check()));
        if self.network.hidden.is_empty() || self.network.hidden.contains(&0) {
            problems.push(Problem {
                key: "network.hidden".into(),
                message: format!(
                    "{:?} is not allowed; expected one size or more, each at least 1",
                    self.network.hidden
                ),
            });
        }
        problems.extend(one("training", self.training.check()));
        let layers = self.network.hidden.len() + 1;
        if self.training.bump.max_missing.len() != layers {
            problems.push(Problem {
                key: "training.bump.max_missing".into(),
                message: format!(
                    "{:?} is not allowed; expected one share for each of the {layers} layers",
                    self.training.bump.max_missing
                ),
            });
        }
        for (name, value, most) in [
            ("scaling.us_per_time", self.scaling.us_per_time, 1000.0),
            ("scaling.lsb_per_weight", self.scaling.lsb_per_weight, 1000.0),
            ("scaling.slot_us", self.scaling.slot_us, 1e5),
        ] {
            if !(value > 0.0 && value <= most) {
                problems.push(Problem::out_of_range(name, value, &format!("a positive number up to {most}")));
            }
        }
        let latest = self.encoding.bias.into_iter().fold(self.encoding.t_late, f64::max) * self.scaling.us_per_time;
        if self.scaling.slot_us < latest {
            problems.push(Problem::out_of_range(
                "scaling.slot_us",
                self.scaling.slot_us,
                &format!("at least {latest}, the time of the last input spike"),
            ));
        }
        for (name, value) in [
            ("scaling.latency.external_us", self.scaling.latency.external_us),
            ("scaling.latency.internal_us", self.scaling.latency.internal_us),
        ] {
            if !(0.0..=100.0).contains(&value) {
                problems.push(Problem::out_of_range(name, value, "a number in 0..=100"));
            }
        }
        problems.extend(under("calibration", self.calibration.check()));
        problems.extend(under("chip", self.chip.problems()));
        problems
    }

    /// The configuration as TOML, as it is written beside results.
    ///
    /// # Errors
    /// If a value cannot be written as TOML (an integer beyond 2^63).
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        toml::to_string(self)
    }
}
