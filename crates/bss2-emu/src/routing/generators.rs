//! Background generators: what they are set to.

use serde::{Deserialize, Serialize};

use crate::codes::Label;

/// When a background generator sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BackgroundKind {
    /// Every period.
    Regular,
    /// In every period with a probability of `rate / 255`: a Poisson process in bins of a period.
    Poisson,
}

/// A background generator: source k of eight sends on bus `k mod 4` of the top (k < 4) or bottom hemisphere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Background {
    /// When it sends.
    pub kind: BackgroundKind,
    /// Period in event clock cycles of 8 ns, at least 1.
    pub period: u16,
    /// Numerator of the probability per period of a Poisson generator.
    pub rate: u8,
    /// Seed of the generator: two chips, or two runs, with equal seeds send the same.
    pub seed: u32,
    /// Row select of its events, 0..=31.
    pub row_select: u8,
    /// Label of its events.
    pub label: Label,
    /// Bits of the label that each event draws at random.
    pub mask: Label,
}
