//! Files of `bss2 simulate`: networks in, spike times out, both JSON.

use std::path::Path;

use bss2_emu::simulation::{Case, Connection, Network, Population, Spikes};
use serde::de::IgnoredAny;
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Serialize, Serializer};

use super::FileError;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Experiment {
    cases: Vec<CaseWithSpikes>,
    #[serde(default, rename = "source")]
    _source: IgnoredAny,
}

/// A case that may carry the spikes that somebody else expects, so that reference files can be read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename = "case")]
struct CaseWithSpikes {
    name: String,
    duration: f64,
    input_spikes: Vec<Vec<f64>>,
    populations: Vec<Population>,
    connections: Vec<Connection>,
    #[serde(default, rename = "spikes")]
    _spikes: IgnoredAny,
}

/// Reads the cases of a file.
///
/// # Errors
/// If it cannot be read or is not what it should be; the message names the file, line and column.
pub fn load(path: &Path) -> Result<Vec<Case>, FileError> {
    let text = std::fs::read(path).map_err(FileError::io("read", path))?;
    parse(&text).map_err(|e| FileError::content(path, e.to_string()))
}

/// The cases of a text, the content of such a file.
///
/// # Errors
/// If it is not what it should be; the message names line and column.
pub fn parse(text: &[u8]) -> serde_json::Result<Vec<Case>> {
    let experiment: Experiment = serde_json::from_slice(text)?;
    let case = |c: CaseWithSpikes| {
        let CaseWithSpikes { name, duration, input_spikes, populations, connections, .. } = c;
        Case { name, duration, input_spikes, populations, connections }
    };
    Ok(experiment.cases.into_iter().map(case).collect())
}

/// The spikes of one case.
#[derive(Debug, Serialize)]
pub struct CaseSpikes {
    name: String,
    spikes: ByPopulation,
}

/// Spike times by neuron, by population, in the order of the description.
#[derive(Debug)]
struct ByPopulation(Vec<(String, Vec<Vec<f64>>)>);

impl Serialize for ByPopulation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, neurons) in &self.0 {
            map.serialize_entry(name, neurons)?;
        }
        map.end()
    }
}

impl CaseSpikes {
    /// Names the spikes of a case.
    pub fn new(case: &Case, network: &Network, spikes: Spikes) -> Self {
        let names = network.population_names().map(ToOwned::to_owned);
        Self { name: case.name.clone(), spikes: ByPopulation(names.zip(spikes.populations).collect()) }
    }

    /// Number of spikes.
    pub fn count(&self) -> usize {
        self.spikes.0.iter().flat_map(|(_, neurons)| neurons).map(Vec::len).sum()
    }
}

/// The content of a file of spikes.
///
/// # Errors
/// If it cannot be encoded.
pub fn encode(cases: &[CaseSpikes]) -> serde_json::Result<Vec<u8>> {
    #[derive(Serialize)]
    struct Results<'a> {
        cases: &'a [CaseSpikes],
    }
    let mut text = serde_json::to_vec(&Results { cases })?;
    text.push(b'\n');
    Ok(text)
}
