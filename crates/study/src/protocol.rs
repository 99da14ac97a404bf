//! What is done with a network and a chip in a trial.

use serde::{Deserialize, Serialize};

/// From a training to the number that is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// Trained on the substrate of the configuration, tested there.
    Train,
    /// A given network, not trained, on the substrate of the configuration.
    Deploy,
    /// Trained on the ideal substrate, tested there: what a chip is measured against.
    Ideal,
    /// Trained on the ideal substrate, put on a chip that nobody calibrated.
    Raw,
    /// Trained on the ideal substrate, put on the calibrated chip.
    Calibrated,
    /// Trained on a fresh chip for every batch, put on a calibrated chip that the training never saw.
    NoiseAware,
    /// Trained in the loop on the calibrated chip, tested there.
    InTheLoop,
    /// Trained in the loop on another chip, put on this one, calibrated.
    Transfer,
    /// Trained on fresh chips, then for some epochs in the loop on this one.
    FineTune,
    /// Trained in the loop, then tested on the same chip after some hours, with the calibration of before.
    Drifted,
    /// The same, with the drifted chip calibrated anew.
    Recalibrated,
}

impl Protocol {
    /// All, in the order in which they are reported.
    pub const ALL: [Self; 11] = [
        Self::Train,
        Self::Deploy,
        Self::Ideal,
        Self::Raw,
        Self::Calibrated,
        Self::NoiseAware,
        Self::InTheLoop,
        Self::Transfer,
        Self::FineTune,
        Self::Drifted,
        Self::Recalibrated,
    ];

    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Deploy => "deploy",
            Self::Ideal => "ideal",
            Self::Raw => "raw",
            Self::Calibrated => "calibrated",
            Self::NoiseAware => "noise-aware",
            Self::InTheLoop => "in-the-loop",
            Self::Transfer => "transfer",
            Self::FineTune => "fine-tune",
            Self::Drifted => "drifted",
            Self::Recalibrated => "recalibrated",
        }
    }

    /// The protocol of a name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|protocol| protocol.name() == name)
    }

    /// What is done, in a sentence.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Train => "trained on the substrate of the configuration, tested there",
            Self::Deploy => "the given network, not trained, on the substrate of the configuration",
            Self::Ideal => "trained on the ideal substrate, tested there",
            Self::Raw => {
                "trained on the ideal substrate, put on the chip at one code for all neurons (the medians of its calibration)"
            }
            Self::Calibrated => "trained on the ideal substrate, put on the calibrated chip",
            Self::NoiseAware => {
                "trained on a fresh chip for every batch, put on the calibrated chip, which that training has not seen"
            }
            Self::InTheLoop => "trained in the loop on the calibrated chip, tested there",
            Self::Transfer => "trained in the loop on another chip, put on this one, calibrated",
            Self::FineTune => "the noise-aware network, trained in the loop on this chip for fine_tune_epochs more",
            Self::Drifted => {
                "trained in the loop, tested on the same chip after drift_hours with the calibration of before"
            }
            Self::Recalibrated => "the same, the drifted chip calibrated anew",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_files() {
        for protocol in Protocol::ALL {
            assert_eq!(serde_json::to_value(protocol).unwrap(), protocol.name());
            assert_eq!(Protocol::of_name(protocol.name()), Some(protocol));
            assert!(!protocol.meaning().is_empty());
        }
        assert_eq!(Protocol::of_name("ideal-raw"), None);
    }
}
