//! The configuration of a run: one tree of keys with one source of defaults.
//!
//! Values come, later ones winning, from the defaults, a TOML file (`--config`), the flags of the command line, and
//! `--set key=value`. Everything that is wrong is reported at once, each problem with its key, the value found and what is
//! allowed. The resolved configuration is written beside the results of every run.

mod data;
mod keys;
mod kinds;
mod resolve;

use bss2_emu::chip::Engine;
use bss2_emu::routing::DelayPair;
use bss2_emu::spec::{ParameterSource, Preset};
use bss2_emu::{Chip, ChipSpec, Problem};
use calib::Targets;
use serde::{Deserialize, Serialize};
use ttfs::encoding::TimeEncoding;
use ttfs::network::{DelayKind, DelaySettings};
use ttfs::perturbed::Perturbation;
use ttfs::scaling::Latency;
use ttfs::train::TrainingSettings;

pub use data::{Data, DataKind};
pub use keys::{help, meaning};
pub use resolve::{ConfigError, Layer, assignment, comes_first, nested, resolve, table_from_file};

/// Neurons in a hidden layer; more is a slip of the pen, not a network.
const MOST_NEURONS: usize = 10_000;

/// The configuration of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// File with the residuals of each neuron of the chip (its columns: `files::residual_table`); empty: they are drawn.
    pub residual_table: String,
    /// What a training runs on.
    pub substrate: SubstrateKind,
    /// Run folder, network or checkpoint whose weights a training begins with; empty: they are drawn.
    pub from: String,
    /// How spikes and gradients are computed.
    pub engine: EngineKind,
    /// Samples.
    pub data: Data,
    /// How features become spike times.
    pub encoding: TimeEncoding,
    /// The network.
    pub network: Network,
    /// Training.
    pub training: TrainingSettings,
    /// Training on a fresh chip for every batch.
    pub noise_aware: NoiseAwareSettings,
    /// How the ideal substrate deviates from the exact model.
    #[serde(default)]
    pub perturbation: Perturbation,
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
    /// What delays belong to.
    pub delays: DelayKind,
    /// Shortest delay in `tau_syn`.
    pub delay_shift: f64,
    /// Longest minus shortest delay.
    pub delay_scale: f64,
    /// Standard deviation of the delays' initial parameters.
    pub delay_initial_std: f64,
}

impl Network {
    /// How delays begin.
    pub fn delay_settings(&self) -> DelaySettings {
        let Self { delays: kind, delay_shift: shift, delay_scale: scale, delay_initial_std: initial_std, .. } = *self;
        DelaySettings { kind, shift, scale, initial_std }
    }

    /// What is wrong with the delays, on a chip with `us_per_time` if the network is to run on one.
    fn delay_problem(&self, us_per_time: Option<f64>) -> Option<Problem> {
        let problem = |key: &str, message: String| Some(Problem { key: key.into(), message });
        if let Err(error) = self.delay_settings().check() {
            return problem("network", error.to_string());
        }
        let us_per_time = us_per_time?;
        let [shortest, longest] =
            [*DelayPair::CODES.start(), *DelayPair::CODES.end()].map(|code| 2.0 + f64::from(code) / 8.0);
        let [least, most] = [self.delay_shift, self.delay_shift + self.delay_scale].map(|delay| delay * us_per_time);
        if self.delays == DelayKind::Axonal && (least < shortest || most > longest) {
            return problem(
                "network.delay_shift",
                format!(
                    "delays of {least}..={most} us (delay_shift to delay_shift + delay_scale, times scaling.us_per_time) are not \
                     allowed; the chip's delay pairs make {shortest}..={longest} us"
                ),
            );
        }
        None
    }
}

/// What a training runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum SubstrateKind {
    /// One emulated chip, in the loop.
    Chip,
    /// The exact model: equal neurons, no noise; nothing is drawn or calibrated.
    Ideal,
    /// A fresh chip of the same kind for every batch, set directly.
    NoiseAware,
}

/// How spikes and gradients are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EngineKind {
    /// In double precision; in single precision for networks of two circuits per neuron, which take some 250 times as long otherwise, and
    /// for networks of at least `LARGE` weights on the ideal substrate.
    Auto,
    /// In double precision.
    Exact,
    /// In single precision where the configuration allows it: on chips spikes differ by one tick for at most one in 1000, on the ideal
    /// substrate by about 1e-6 `tau`; gradients by weights by less than 3e-6 of the largest.
    Fast,
}

/// Weights of a network that is large enough for its time to matter.
const LARGE: usize = 10_000;

impl EngineKind {
    /// Tells the chip.
    pub fn choose(self, chip: &mut Chip, circuits_per_neuron: usize) {
        if self.is_fast_on_chip(circuits_per_neuron) {
            chip.set_engine(Some(Engine::Fast));
        }
    }

    /// Whether a network of neurons of so many circuits is computed in single precision on a chip.
    pub fn is_fast_on_chip(self, circuits_per_neuron: usize) -> bool {
        match self {
            Self::Auto => circuits_per_neuron > 1,
            Self::Exact => false,
            Self::Fast => true,
        }
    }

    /// Whether a network of so many inputs and neurons in its layers is computed in single precision on the ideal substrate.
    pub fn is_fast_on_ideal(self, n_inputs: usize, layers: &[usize]) -> bool {
        let sources = std::iter::once(&n_inputs).chain(layers);
        let weights: usize = sources.zip(layers).map(|(sources, neurons)| sources * neurons).sum();
        match self {
            Self::Auto => weights >= LARGE,
            Self::Exact => false,
            Self::Fast => true,
        }
    }
}

/// Chips on which a noise-aware training is judged, by their seeds: validation begins with `chip.seed`, the test after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoiseAwareSettings {
    /// Chips of the validation, the same after every epoch.
    pub validation_chips: u16,
    /// Chips of the test, which training and validation have not seen.
    pub test_chips: u16,
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
    /// Threshold in units of weight on the ideal substrate; that of a chip is measured.
    pub threshold: f64,
    /// Membrane time constant in units of `tau_syn` on the ideal substrate; that of a chip is measured.
    pub tau_mem: f64,
    /// How long spikes take to their synapses, as the backward pass assumes.
    pub latency: Latency,
}

/// Threshold of the authors' chip in units of weight, close to what a calibration with the default targets gives.
const IDEAL_THRESHOLD: f64 = 2.6;
const IDEAL_TAU_MEM: f64 = 1.0;

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
            substrate: SubstrateKind::Chip,
            from: String::new(),
            engine: EngineKind::Auto,
            data: Data::of_kind(DataKind::YinYang),
            encoding: TimeEncoding::default(),
            network: Network {
                hidden: vec![120],
                delays: DelayKind::None,
                delay_shift: DelaySettings::HARDWARE.shift,
                delay_scale: DelaySettings::HARDWARE.scale,
                delay_initial_std: DelaySettings::HARDWARE.initial_std,
            },
            training: TrainingSettings::default(),
            noise_aware: NoiseAwareSettings { validation_chips: 4, test_chips: 10 },
            perturbation: Perturbation::NONE,
            scaling: ScalingSettings {
                us_per_time: 6.0,
                lsb_per_weight: 30.0,
                slot_us: 180.0,
                threshold: IDEAL_THRESHOLD,
                tau_mem: IDEAL_TAU_MEM,
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
        if self.network.hidden.is_empty() || self.network.hidden.iter().any(|size| !(1..=MOST_NEURONS).contains(size)) {
            problems.push(Problem {
                key: "network.hidden".into(),
                message: format!(
                    "{:?} is not allowed; expected one size or more, each in 1..={MOST_NEURONS}",
                    self.network.hidden
                ),
            });
        }
        let us_per_time = (self.substrate != SubstrateKind::Ideal).then_some(self.scaling.us_per_time);
        problems.extend(self.network.delay_problem(us_per_time));
        problems.extend(one("training", self.training.check()));
        problems.extend(one("perturbation", self.perturbation.check()));
        problems.extend(self.problems_of_the_substrate());
        for (name, value, most) in [
            ("scaling.us_per_time", self.scaling.us_per_time, 1000.0),
            ("scaling.lsb_per_weight", self.scaling.lsb_per_weight, 1000.0),
            ("scaling.slot_us", self.scaling.slot_us, 1e5),
            ("scaling.threshold", self.scaling.threshold, 1e4),
            ("scaling.tau_mem", self.scaling.tau_mem, 1e4),
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

    /// What does not go with the substrate.
    fn problems_of_the_substrate(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut refuse = |key: &str, message: String| problems.push(Problem { key: key.into(), message });
        if self.substrate != SubstrateKind::Ideal {
            for (key, value, default) in [
                ("scaling.threshold", self.scaling.threshold, IDEAL_THRESHOLD),
                ("scaling.tau_mem", self.scaling.tau_mem, IDEAL_TAU_MEM),
            ] {
                if value.to_bits() != default.to_bits() {
                    refuse(
                        key,
                        format!("{value} has no effect: on a chip it is measured (substrate = \"ideal\" uses it)"),
                    );
                }
            }
            if !self.training.rounding {
                let message =
                    "false is not allowed: the weights of a chip have 6 bits (substrate = \"ideal\" allows it)";
                refuse("training.rounding", message.into());
            }
        }
        for (name, value) in self.perturbation.deviations() {
            // A key of its own: what is wrong with a whole section would be laid to each value alone.
            let key = format!("perturbation.{name}");
            if self.substrate != SubstrateKind::Ideal {
                let message = "has no effect: a chip has deviations of its own (substrate = \"ideal\" uses it)";
                refuse(&key, format!("{value} {message}"));
            }
            if self.network.delays != DelayKind::None {
                refuse(&key, format!("{value} goes with network.delays = \"none\" only"));
            }
        }
        if self.substrate == SubstrateKind::NoiseAware {
            if self.chip.parameters == ParameterSource::Codes {
                let message = "\"noise-aware\" needs chips that are set directly, without a calibration for each batch: \
                               chip.preset = \"bss2-calibrated\" or \"fast-and-deep\", or chip.parameters = \"direct\"";
                refuse("substrate", message.into());
            }
            if !self.residual_table.is_empty() {
                refuse("residual_table", "is of one chip; a noise-aware training draws many".into());
            }
        }
        for (key, value, most) in [
            ("noise_aware.validation_chips", self.noise_aware.validation_chips, 100),
            ("noise_aware.test_chips", self.noise_aware.test_chips, 1000),
        ] {
            if !(1..=most).contains(&value) {
                refuse(key, format!("{value} is not allowed; expected a number of chips in 1..={most}"));
            }
        }
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
