//! The description of an emulated chip: what is drawn, what is noisy, what is switched on.
//!
//! A [`ChipSpec`] is what a `chip.toml` holds. Three kinds of things are kept apart: what is frozen (variation, what calibration
//! leaves behind, failures: differs from chip to chip), temporal noise and drift (differs from run to run) and the effects of circuits and event path, which every chip has and which
//! can be switched off one by one. With the preset [`Preset::Ideal`] all are off and the chip is the closed-form model.

pub(crate) mod ranges;

use ranges::Number;
use serde::{Deserialize, Serialize};

use crate::device::ChipIdentity;
use crate::drift::Drift;
use crate::failures::Failures;
use crate::noise::Noise;
use crate::residual::Residual;
use crate::variation::Variation;

/// Where the values of a chip description start from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// An uncalibrated chip with the spreads, noise and event path observed on silicon.
    Bss2,
    /// A calibrated chip without the calibration: parameters set directly, missed by what calibration leaves behind on silicon.
    /// Noise, event path and circuits as [`Preset::Bss2`].
    Bss2Calibrated,
    /// The noise model with which the authors of Fast & Deep simulate the chip (their "hardware-aware" simulation, threshold 2.6):
    /// thresholds with a fixed pattern (mean +5 %, sd 3.1 %) and fresh noise in each batch (1.5 %), spikes with a jitter of
    /// .01 tau at 6 us. Nothing else differs from [`Preset::Ideal`]: no mismatch of weights, time constants or leak, no event path, no
    /// limits, and neurons fire once, since their simulation knows first spikes only.
    FastAndDeep,
    /// No variation, no noise, no event path, no limits, no re-firing, parameters set directly.
    Ideal,
}

impl Preset {
    /// All, with the names that they have in files.
    pub const NAMES: [(&'static str, Self); 4] = [
        ("bss2", Self::Bss2),
        ("bss2-calibrated", Self::Bss2Calibrated),
        ("fast-and-deep", Self::FastAndDeep),
        ("ideal", Self::Ideal),
    ];
}

/// How neurons are set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ParameterSource {
    /// By `CapMem` codes through each neuron's own transfer functions.
    Codes,
    /// By physical values, without codes.
    Direct,
}

/// The way of an event through the chip.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventPath {
    /// From a spike sent from outside to its synapses, in us. Recordings: .47 us.
    pub latency_external_us: f64,
    /// From a neuron's spike to the synapses it reaches on chip, in us. Recordings: .2-.7 us, weakly determined.
    pub latency_internal_us: f64,
    /// Whether events are taken to the 8 ns time grid.
    pub time_grid: bool,
    /// Whether each event port, neuron event output and bus passes one event per 8 ns; needs the time grid.
    pub serialisation: bool,
    /// Probability that a spike is lost on its way. Recordings: at most 1e-3.
    pub loss_probability: f64,
}

impl EventPath {
    /// As recorded on silicon.
    pub const BSS2: Self = Self {
        latency_external_us: 0.47,
        latency_internal_us: 0.3,
        time_grid: true,
        serialisation: true,
        loss_probability: 0.0,
    };
    /// Events arrive at once and exactly.
    pub const IDEAL: Self = Self {
        latency_external_us: 0.0,
        latency_internal_us: 0.0,
        time_grid: false,
        serialisation: false,
        loss_probability: 0.0,
    };
}

/// Effects of the neuron circuits.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Circuits {
    /// Whether the membrane is held at its operating limits.
    pub operating_limits: bool,
    /// Lower limit in CADC LSB. Silicon: reads of 25 +- 20; inhibition goes down to 16-19 in the published dynamic range.
    pub lower_limit_lsb: f64,
    /// Upper limit in CADC LSB. Silicon: reads of 228 +- 20.
    pub upper_limit_lsb: f64,
    /// Whether a neuron can fire again within a trial.
    pub refiring: bool,
    /// Weight code at which a synaptic current saturates, `I -> S tanh(I / S)` with the current S of that weight; 0: not at
    /// all. Recordings: linear up to 300.
    pub synaptic_saturation_codes: f64,
}

impl Circuits {
    /// As on silicon.
    pub const BSS2: Self = Self {
        operating_limits: true,
        lower_limit_lsb: 20.0,
        upper_limit_lsb: 228.0,
        refiring: true,
        synaptic_saturation_codes: 0.0,
    };
    /// Unlimited membranes that fire once per trial.
    pub const IDEAL: Self = Self { operating_limits: false, refiring: false, ..Self::BSS2 };
}

/// The description of an emulated chip.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChipSpec {
    /// Which chip of the family: seeds the frozen variation and the temporal noise.
    pub seed: u64,
    /// What the values below started from.
    pub preset: Preset,
    /// How neurons are set.
    pub parameters: ParameterSource,
    /// The way of events.
    pub events: EventPath,
    /// Effects of the neuron circuits.
    pub circuits: Circuits,
    /// Temporal noise.
    pub noise: Noise,
    /// Frozen variation.
    pub variation: Variation,
    /// What calibration leaves behind, frozen: the deviations of a chip that is set directly.
    #[serde(default)]
    pub residual: Residual,
    /// Circuits that do not work, frozen.
    #[serde(default)]
    pub failures: Failures,
    /// How far the chip has drifted since its calibration.
    #[serde(default)]
    pub drift: Drift,
}

/// Something wrong in a description: which key, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {message}")]
pub struct Problem {
    /// The key, dotted.
    pub key: String,
    /// The value found and what is allowed.
    pub message: String,
}

impl Problem {
    /// A number outside its range.
    pub fn out_of_range(key: impl Into<String>, value: f64, allowed: &str) -> Self {
        Self { key: key.into(), message: format!("{value} is not allowed; expected {allowed}") }
    }
}

impl ChipSpec {
    /// The chip of a preset and a seed.
    pub fn new(preset: Preset, seed: u64) -> Self {
        let bss2 = Self {
            seed,
            preset,
            parameters: ParameterSource::Codes,
            events: EventPath::BSS2,
            circuits: Circuits::BSS2,
            noise: Noise::BSS2,
            variation: Variation::BSS2,
            residual: Residual::NONE,
            failures: Failures::NONE,
            drift: Drift::NONE,
        };
        let ideal = Self {
            parameters: ParameterSource::Direct,
            events: EventPath::IDEAL,
            circuits: Circuits::IDEAL,
            noise: Noise::OFF,
            variation: Variation::IDEAL,
            ..bss2
        };
        match preset {
            Preset::Bss2 => Self {
                // No calibration sets the delays.
                residual: Residual { delay_pair_us_std: Residual::BSS2_CALIBRATED.delay_pair_us_std, ..Residual::NONE },
                ..bss2
            },
            Preset::Bss2Calibrated => Self {
                parameters: ParameterSource::Direct,
                variation: Variation::CALIBRATED,
                residual: Residual::BSS2_CALIBRATED,
                ..bss2
            },
            Preset::FastAndDeep => Self {
                // Relative to the mean threshold with its fixed pattern.
                noise: Noise { threshold_run_rel_std: 0.04 / 2.73, spike_jitter_us_std: 0.06, ..Noise::OFF },
                residual: Residual::FAST_AND_DEEP,
                ..ideal
            },
            Preset::Ideal => ideal,
        }
    }

    /// Identity of the chip: the same for the same seed and frozen deviations, whatever its noise, event path and drift.
    pub fn identity(&self) -> ChipIdentity {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"bss2-emu chip 2");
        hasher.update(&self.seed.to_le_bytes());
        for (section, number) in self.frozen() {
            for part in [section.as_bytes(), b".", number.key.as_bytes(), b"=", &number.value.to_le_bytes()] {
                hasher.update(part);
            }
        }
        ChipIdentity(format!("emulated-{}-{}", self.seed, &hasher.finalize().to_hex()[..12]))
    }

    /// The numbers that decide how chips of this description differ, with their sections.
    fn frozen(&self) -> impl Iterator<Item = (&'static str, Number)> {
        let of = |section| move |number| (section, number);
        let variation = self.variation.numbers().into_iter().map(of("variation"));
        let residual = self.residual.numbers().into_iter().map(of("residual"));
        variation.chain(residual).chain(self.failures.numbers().into_iter().map(of("failures")))
    }

    /// Everything that is wrong with the description; empty if nothing is.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems: Vec<Problem> =
            self.frozen().filter_map(|(section, number)| number.problem(section)).collect();
        problems.extend(self.drift.numbers().iter().filter_map(|number| number.problem("drift")));
        let mut at_least_zero = |key: String, value: f64, most: f64| {
            if !(0.0..=most).contains(&value) {
                problems.push(Problem::out_of_range(key, value, &format!("a number in 0..={most}")));
            }
        };
        let noise = &self.noise;
        for (name, value, most) in [
            ("threshold_trial_rel_std", noise.threshold_trial_rel_std, 1.0),
            ("threshold_spike_rel_std", noise.threshold_spike_rel_std, 1.0),
            ("leak_trial_rel_std", noise.leak_trial_rel_std, 1.0),
            ("threshold_run_rel_std", noise.threshold_run_rel_std, 1.0),
            ("threshold_run_correlation", noise.threshold_run_correlation, 0.9),
            ("spike_jitter_us_std", noise.spike_jitter_us_std, 100.0),
            ("cadc_lsb_std", noise.cadc_lsb_std, 100.0),
            ("madc_lsb_std", noise.madc_lsb_std, 100.0),
        ] {
            at_least_zero(format!("noise.{name}"), value, most);
        }
        let events = &self.events;
        at_least_zero("events.latency_external_us".into(), events.latency_external_us, 100.0);
        at_least_zero("events.latency_internal_us".into(), events.latency_internal_us, 100.0);
        at_least_zero("events.loss_probability".into(), events.loss_probability, 1.0);
        at_least_zero("circuits.lower_limit_lsb".into(), self.circuits.lower_limit_lsb, 255.0);
        at_least_zero("circuits.upper_limit_lsb".into(), self.circuits.upper_limit_lsb, 255.0);
        at_least_zero("circuits.synaptic_saturation_codes".into(), self.circuits.synaptic_saturation_codes, 1e6);
        if self.events.serialisation && !self.events.time_grid {
            let message = "true is not allowed without events.time_grid: one event per tick needs ticks".into();
            problems.push(Problem { key: "events.serialisation".into(), message });
        }
        if self.circuits.lower_limit_lsb >= self.circuits.upper_limit_lsb {
            problems.push(Problem::out_of_range(
                "circuits.lower_limit_lsb",
                self.circuits.lower_limit_lsb,
                "a value below circuits.upper_limit_lsb",
            ));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_named_as_in_files_and_have_no_problems() {
        for (name, preset) in Preset::NAMES {
            assert_eq!(serde_json::to_value(preset).unwrap(), name);
            assert_eq!(ChipSpec::new(preset, 1).problems(), []);
        }
    }

    #[test]
    fn identity_follows_seed_and_variation_but_not_noise() {
        let chip = ChipSpec::new(Preset::Bss2, 1);
        let quiet = ChipSpec { noise: Noise::OFF, events: EventPath::IDEAL, ..chip };
        assert_eq!(chip.identity(), quiet.identity());
        assert_ne!(chip.identity(), ChipSpec::new(Preset::Bss2, 2).identity());
        assert_ne!(chip.identity(), ChipSpec::new(Preset::Ideal, 1).identity());
        let calibrated = ChipSpec::new(Preset::Bss2Calibrated, 1);
        let threshold = Residual { threshold_rel_std: 0.01, ..calibrated.residual };
        assert_ne!(calibrated.identity(), ChipSpec { residual: threshold, ..calibrated }.identity());
    }

    #[test]
    fn every_problem_is_reported_with_key_and_value() {
        let mut chip = ChipSpec::new(Preset::Bss2, 1);
        assert!(chip.problems().is_empty());
        chip.noise.spike_jitter_us_std = -1.0;
        chip.events.loss_probability = f64::NAN;
        let text: Vec<String> = chip.problems().iter().map(ToString::to_string).collect();
        assert_eq!(text[0], "noise.spike_jitter_us_std: -1 is not allowed; expected a number in 0..=100");
        assert!(text[1].starts_with("events.loss_probability: NaN"));
    }
}
