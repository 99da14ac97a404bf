//! The result of a trial, as its file holds it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Protocol;
use crate::runner::Place;

/// Version of the results. It is part of every address: results of another version are not taken for this one's.
pub const FORMAT: u32 = 1;

/// What a trial found.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// Numbers by name; `accuracy` is a share of 1.
    pub metrics: BTreeMap<String, f64>,
    /// Lists by name: one value per epoch, say.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub series: BTreeMap<String, Vec<f64>>,
}

impl Outcome {
    /// Adds a number; one that is not finite is left out.
    pub fn put(&mut self, name: &str, value: f64) {
        if value.is_finite() {
            self.metrics.insert(name.to_owned(), value);
        }
    }
}

/// The result of a trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// [`FORMAT`].
    pub format: u32,
    /// Address of the trial.
    pub id: String,
    /// What was done.
    pub protocol: Protocol,
    /// Seed of the chip.
    pub chip: u64,
    /// Seed of the chip that the network came from.
    pub source: Option<u64>,
    /// Training seed.
    pub seed: u64,
    /// Number of the test.
    pub repeat: u32,
    /// What was found; `null` if the trial failed.
    pub outcome: Option<Outcome>,
    /// Why it failed.
    pub error: Option<String>,
}

impl Record {
    pub(crate) fn new(id: &str, place: Place, result: Result<Outcome, String>) -> Self {
        let Place { protocol, chip, source, seed, repeat } = place;
        let (outcome, error) = match result {
            Ok(outcome) => (Some(outcome), None),
            Err(error) => (None, Some(error)),
        };
        Self { format: FORMAT, id: id.to_owned(), protocol, chip, source, seed, repeat, outcome, error }
    }
}

/// What a trial took; kept apart, since it is no result.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Timing {
    /// Wall-clock seconds.
    pub wall_s: f64,
}
