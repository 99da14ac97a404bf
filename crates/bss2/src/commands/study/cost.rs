//! What trials will take, roughly: for plans, and for shares of work that are equally long.

use std::fmt::Write as _;

use ::study::{Place, Plan, Protocol, StudyFile, TransferPairs};
use bss2_emu::spec::ParameterSource;
use ttfs::perturbed::Perturbation;

use super::definitions;
use super::runner::Setup;
use crate::config::{Config, DataKind, EngineKind, SubstrateKind};
use crate::laboratory::layer_sizes;

/// Synapses of the networks that the costs below were measured with: 5-120-3 on the ideal substrate, 25-120-3 on chips.
const SYNAPSES_IDEAL: f64 = 960.0;
const SYNAPSES_CHIP: f64 = 3360.0;
/// Microseconds of one thread for a training sample, validation included: CPU times of ten epochs of Yin-Yang with AVX-512,
/// November 2026. Estimates, good to a factor of two.
const IDEAL_FAST_US: f64 = 8.0;
const IDEAL_US: f64 = 26.0;
const OTHER_TAU_US: f64 = 38.0;
const IN_STEP_US: f64 = 25.0;
const CHIP_FAST_US: f64 = 22.0;
const CHIP_US: f64 = 81.0;
const NOISE_AWARE_FAST_US: f64 = 133.0;
const NOISE_AWARE_US: f64 = 223.0;
/// Seconds of one thread for a calibration.
const CALIBRATION_S: f64 = 4.5;
/// A smaller network costs at least this part of the one that was measured.
const LEAST_PART: f64 = 0.3;
/// What setting up and testing takes at least.
const TEST_S: f64 = 0.1;

/// Which trials of a study are the first to need what others need, too, and so wait for its making.
#[derive(Debug)]
pub struct FirstUsers {
    protocols: Vec<Protocol>,
    chip: u64,
    seed: u64,
    /// Whether each chip has a training seed of its own.
    paired: bool,
    /// Chips that the network of a chip goes to.
    targets: usize,
}

impl FirstUsers {
    /// Those of a study.
    pub fn of(study: &StudyFile) -> Self {
        let (chips, seeds) = (study.chips.list(), study.seeds.list());
        Self {
            protocols: study.protocols.clone(),
            chip: chips.first().copied().unwrap_or(0),
            seed: seeds.first().copied().unwrap_or(0),
            paired: study.paired,
            targets: match study.settings.transfer {
                TransferPairs::Next => 1,
                TransferPairs::All => chips.len().saturating_sub(1).max(1),
            },
        }
    }

    /// Whether a protocol is the first of `users` in the study.
    fn first(&self, protocol: Protocol, users: &[Protocol]) -> bool {
        self.protocols.iter().find(|p| users.contains(p)) == Some(&protocol)
    }

    /// Seconds of one thread that a trial takes.
    pub fn seconds(&self, setup: &Setup, place: Place) -> f64 {
        use Protocol::{
            Calibrated, Deploy, Drifted, FineTune, Ideal, InTheLoop, NoiseAware, Raw, Recalibrated, Train, Transfer,
        };
        let (config, protocol) = (&*setup.config, place.protocol);
        let epochs = config.training.epochs;
        let training = |us: f64, epochs: u32, on_chip: bool| {
            f64::from(epochs) * samples(config) * us * synapses(config, on_chip) * 1e-6
        };
        let by_engine = |fast, exact| if config.engine == EngineKind::Fast { fast } else { exact };
        let in_the_loop = |epochs| training(by_engine(CHIP_FAST_US, CHIP_US), epochs, true);
        let ideal = || training(ideal_us(config), epochs, false);
        let noise_aware = || training(by_engine(NOISE_AWARE_FAST_US, NOISE_AWARE_US), epochs, true);
        let on_chip = config.substrate == SubstrateKind::Chip;
        let calibration = if on_chip && config.chip.parameters == ParameterSource::Codes { CALIBRATION_S } else { 0.0 };
        let (for_chips, for_seeds) = (self.paired || place.seed == self.seed, self.paired || place.chip == self.chip);

        let mut seconds = TEST_S;
        let measured =
            [Train, Deploy, Raw, Calibrated, NoiseAware, InTheLoop, Transfer, FineTune, Drifted, Recalibrated];
        if for_chips && self.first(protocol, &measured) {
            seconds += calibration / if protocol == Transfer { self.targets as f64 } else { 1.0 };
        }
        if for_seeds && self.first(protocol, &[Ideal, Raw, Calibrated]) {
            seconds += ideal();
        }
        if for_seeds && self.first(protocol, &[NoiseAware, FineTune]) {
            seconds += noise_aware();
        }
        if self.first(protocol, &[InTheLoop, Transfer, FineTune, Drifted, Recalibrated]) {
            seconds += in_the_loop(epochs) / if protocol == Transfer { self.targets as f64 } else { 1.0 };
        }
        seconds
            + match (protocol, config.substrate) {
                (Train, SubstrateKind::Chip) => in_the_loop(epochs),
                (Train, SubstrateKind::Ideal) => ideal(),
                (Train, SubstrateKind::NoiseAware) => noise_aware(),
                (FineTune, _) => in_the_loop(setup.settings.fine_tune_epochs),
                (Recalibrated, _) => calibration,
                _ => 0.0,
            }
    }
}

fn ideal_us(config: &Config) -> f64 {
    let Perturbation { tau_mem_rel_std, tau_syn_rel_std, tau_mem_factor, .. } = config.perturbation;
    let spread = tau_mem_rel_std > 0.0 || tau_syn_rel_std > 0.0;
    let unequal = tau_mem_factor * config.scaling.tau_mem != 1.0;
    match (config.engine, spread, unequal) {
        (EngineKind::Fast, false, false) => IDEAL_FAST_US,
        (EngineKind::Fast, ..) | (_, true, _) => IN_STEP_US,
        (_, _, true) => OTHER_TAU_US,
        _ => IDEAL_US,
    }
}

/// Training samples of an epoch; of a file that is not read for a plan, as many as Yin-Yang has.
fn samples(config: &Config) -> f64 {
    if config.data.kind == DataKind::File && config.data.train_size == 0 {
        5000.0
    } else {
        config.data.train_size as f64
    }
}

/// Synapses of the network, relative to the one that was measured.
fn synapses(config: &Config, us_on_chip: bool) -> f64 {
    let features = config.data.kind.shape().map_or(4, |(features, _)| features);
    let Ok(layers) = layer_sizes(config) else { return 1.0 };
    let mut width = config.encoding.n_inputs(features);
    let mut synapses = 0;
    for layer in layers {
        synapses += width * layer;
        width = layer;
    }
    let measured = if us_on_chip { SYNAPSES_CHIP } else { SYNAPSES_IDEAL };
    (synapses as f64 / measured).max(LEAST_PART)
}

/// A number of seconds, for people.
pub fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 90.0 => format!("{s:.0} s"),
        s if s < 5400.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

/// So many of something, for people.
pub fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// What a study would do, in words.
pub fn described(plan: &Plan<Setup>) -> String {
    let study = &plan.study;
    let mut text = format!("{}\n", study.title);
    if !study.description.is_empty() {
        let _ = writeln!(text, "{}", study.description.trim());
    }
    let _ = writeln!(
        text,
        "\n{}, {}, {}{}, {} of each network: {}",
        count(plan.points.len(), "point"),
        count(study.chips.list().len(), "chip"),
        count(study.seeds.list().len(), "training seed"),
        if study.paired { " (in pairs)" } else { "" },
        count(study.repeats as usize, "test"),
        count(plan.trials.len(), "trial")
    );
    for (number, axis) in study.axes.iter().enumerate() {
        let own = plan.points.iter().flat_map(|p| &p.values).filter(|v| v.axis == number);
        let mut values: Vec<&str> = own.map(|v| v.text.as_str()).collect();
        let mut seen = std::collections::BTreeSet::new();
        values.retain(|value| seen.insert(*value));
        let _ = writeln!(text, "  {}: {}", axis.name, values.join(", "));
    }
    let _ = writeln!(text, "\ntrials by protocol, about so long on one thread:");
    let mut whole = 0.0;
    for (protocol, trials, seconds) in plan.by_protocol() {
        let _ = writeln!(text, "  {:12} {trials:6}  {:>8}  {}", protocol.name(), duration(seconds), protocol.meaning());
        whole += seconds;
    }
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let _ = writeln!(text, "  about {} on the {threads} cores of this machine", duration(whole / threads as f64));
    let definitions = definitions::of(study);
    if !definitions.is_empty() {
        let _ = writeln!(text, "\nwhat is set, and what it means:");
        for (key, meaning) in definitions {
            let _ = writeln!(text, "  {key}: {meaning}");
        }
    }
    text
}
