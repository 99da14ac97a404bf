//! Where trials are carried out: what a study needs to know of configurations, networks and chips.

use toml::Table;

use crate::{Outcome, Protocol, Settings};

/// Keys of a configuration from one place, with its name for messages.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// Where the keys come from.
    pub origin: String,
    /// The keys.
    pub table: Table,
}

/// What a configuration is made of, later layers winning.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft<'a> {
    /// Preset to begin with; empty: the defaults.
    pub base: &'a str,
    /// The study's keys, those of the axes, those of the protocol.
    pub layers: Vec<Layer>,
    /// What will be done.
    pub protocol: Protocol,
    /// What protocols need to know.
    pub settings: &'a Settings,
}

/// Which trial of a point and a protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// What is done.
    pub protocol: Protocol,
    /// Seed of the chip.
    pub chip: u64,
    /// Seed of the chip that the network comes from (protocol `transfer`).
    pub source: Option<u64>,
    /// Training seed.
    pub seed: u64,
    /// Number of the test, from 0.
    pub repeat: u32,
}

/// Carries out trials.
///
/// Implementations are asked from several threads at once; each trial runs on one thread.
pub trait Runner: Sync {
    /// A checked configuration.
    type Config: Clone + Send + Sync;

    /// Checks a configuration.
    ///
    /// # Errors
    /// What is wrong, with keys and values.
    fn resolve(&self, draft: &Draft) -> Result<Self::Config, String>;

    /// Everything that the result of a trial depends on, as text: equal texts, equal results.
    ///
    /// # Errors
    /// If the configuration and the place do not go together.
    fn address(&self, config: &Self::Config, place: Place) -> Result<String, String>;

    /// About how many seconds of one thread a trial takes.
    fn estimate_s(&self, config: &Self::Config, place: Place) -> f64;

    /// Carries a trial out.
    ///
    /// # Errors
    /// Why it failed.
    fn run(&self, config: &Self::Config, place: Place) -> Result<Outcome, String>;
}
