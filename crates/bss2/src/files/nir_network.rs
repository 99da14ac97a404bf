//! Trained networks as NIR, for other tools and from them.
//!
//! The graph is that of [`nir::export`]. Its metadata hold, as `bss2`, the JSON of the [`Architecture`], so that a network of this
//! program comes back whole; arrays count where the two do not agree.

use std::path::Path;

use ndarray::Array2;
use nir::import::{Guess, Imported, Options, import};
use nir::{Error, Graph, Metadata};
use ttfs::encoding::TimeEncoding;
use ttfs::network::Network;
use ttfs::scaling::{Latency, Scaling};

use super::network::{Architecture, FORMAT, LARGEST_WEIGHT, SavedNetwork};
use super::published_network::LSB_PER_THRESHOLD;
use super::{FileError, write};
use crate::config::DataKind;

/// Key of the metadata with the architecture.
const ARCHITECTURE: &str = "bss2";
/// Relative difference up to which the architecture and the arrays say the same.
const SAME: f64 = 1e-9;
/// Thresholds outside of this are taken to 1, with the weights.
const THRESHOLDS: std::ops::RangeInclusive<f64> = 0.01..=1000.0;

/// A network from a NIR file.
#[derive(Debug)]
pub struct NirNetwork {
    /// The network. Without an architecture of this program its task is a file, its inputs come without bias and copies, and its
    /// weights are real numbers.
    pub saved: SavedNetwork,
    /// Whether the file has an architecture of this program, which knows task and encoding.
    pub is_own: bool,
    /// What to know about how the file was read.
    pub notes: Vec<String>,
}

/// Writes a network.
///
/// # Errors
/// If it has delays, or the file cannot be written.
pub fn save(saved: &SavedNetwork, path: &Path) -> Result<(), FileError> {
    let refuse = |message: String| FileError::content(path, message);
    let architecture = &saved.architecture;
    let graph = nir::export::export(&saved.network, &architecture.scaling, &architecture.biases);
    let mut graph = graph.map_err(|e| refuse(e.to_string()))?;
    let json = serde_json::to_string(architecture).map_err(|e| refuse(format!("cannot be encoded: {e}")))?;
    graph.metadata.insert(ARCHITECTURE.to_owned(), Metadata::Text(json));
    write(path, &graph.encode().map_err(|e| refuse(e.to_string()))?)
}

/// Reads a network.
///
/// # Errors
/// If the file is damaged or no NIR, or what it holds does not run on the chip: then with all nodes, reasons and remedies.
pub fn load(path: &Path, options: &Options) -> Result<NirNetwork, FileError> {
    let graph = Graph::read(path)?;
    of_graph(&graph, options).map_err(|message| FileError::content(path, message))
}

fn of_graph(graph: &Graph, options: &Options) -> Result<NirNetwork, String> {
    let told = |e: Error| e.to_string();
    let imported = import(graph, options).map_err(told)?;
    let uniform = imported.uniform().map_err(told)?;
    let (tau_mem, threshold, us_per_time) = (uniform.tau_mem, uniform.threshold, uniform.tau_syn_us);
    let (network, biases) = uniform.with_biases(&imported, graph).map_err(told)?;
    let mut notes = said(&imported);
    let own = own_architecture(graph).filter(|own| {
        let same = |a: f64, b: f64| (a / b - 1.0).abs() <= SAME;
        own.shapes() == shapes(&network)
            && own.biases.iter().flatten().eq(biases.iter().flatten())
            && own.scaling.threshold == threshold
            && same(own.scaling.us_per_time, us_per_time)
            && same(own.scaling.model().tau_mem, tau_mem)
            && own.delays.is_empty()
    });
    let is_own = own.is_some();
    if !is_own && graph.metadata.contains_key(ARCHITECTURE) {
        notes.push("its metadata `bss2` do not agree with its arrays and are not used".into());
    }
    let (architecture, network) = match own {
        Some(own) => (own, network),
        None => foreign(network, biases, threshold, us_per_time, tau_mem, &mut notes),
    };
    architecture.check()?;
    for (layer, weights) in imported.layers.iter().zip(&network.weights) {
        if let Some(weight) = weights.iter().find(|w| w.is_nan() || w.abs() > LARGEST_WEIGHT) {
            let name = &layer.name;
            return Err(format!(
                "a weight into {name:?} is {weight:e} in units of the threshold {threshold}; weights must lie within +-{LARGEST_WEIGHT}"
            ));
        }
    }
    Ok(NirNetwork { saved: SavedNetwork { architecture, network }, is_own, notes })
}

/// The network of another tool: what it does not say is what a calibrated chip would have.
fn foreign(
    mut network: Network,
    biases: Vec<Option<f64>>,
    threshold: f64,
    us_per_time: f64,
    tau_mem: f64,
    notes: &mut Vec<String>,
) -> (Architecture, Network) {
    let mut unit = threshold;
    if !THRESHOLDS.contains(&threshold) {
        network.weights.iter_mut().for_each(|weights| *weights /= threshold);
        unit = 1.0;
    }
    let scaling = Scaling {
        us_per_time,
        lsb_per_weight: LSB_PER_THRESHOLD / unit,
        threshold: unit,
        tau_mem,
        latency: Latency::default(),
    };
    let nominal = scaling.model().tau_mem;
    if nominal != tau_mem {
        notes
            .push(format!("tau_mem/tau_syn is {tau_mem:.4}, taken as {nominal}: calibration does not tell them apart"));
    }
    let inputs = shapes(&network).first().map_or(0, |shape| shape[0]);
    let architecture = Architecture {
        format: FORMAT,
        task: DataKind::File,
        encoding: TimeEncoding { bias: None, copies: 1, ..TimeEncoding::default() },
        sizes: std::iter::once(inputs).chain(network.sizes()).collect(),
        scaling,
        delays: Vec::new(),
        biases,
        grid: false,
    };
    (architecture, network)
}

fn shapes(network: &Network) -> Vec<[usize; 2]> {
    network.weights.iter().map(Array2::dim).map(|(rows, columns)| [rows, columns]).collect()
}

fn own_architecture(graph: &Graph) -> Option<Architecture> {
    let Some(Metadata::Text(json)) = graph.metadata.get(ARCHITECTURE) else { return None };
    let own: Architecture = serde_json::from_str(json).ok()?;
    (own.format == FORMAT && own.check().is_ok()).then_some(own)
}

/// How the file was read, guesses as warnings.
fn said(imported: &Imported) -> Vec<String> {
    fn of<T: std::fmt::Display>(guess: &Guess<T>, what: &str, flag: &str) -> String {
        let Guess { value, why, uncertain } = guess;
        if *uncertain {
            format!("WARNING: {what} {value} ({why}). If that is wrong, say {flag}.")
        } else {
            format!("{what} {value}: {why}")
        }
    }
    let unit = of(&imported.time_unit, "time constants are read in", "--nir-time-unit ms|s");
    let spike = of(&imported.spike, "a spike is read as", "--nir-spike delta|current|DT");
    let mut notes = vec![unit, spike];
    if imported.speed_up != 1.0 {
        notes.push(format!("the file has biological time: the chip runs {} times faster", imported.speed_up));
    }
    notes.extend(imported.notes.iter().cloned());
    notes
}
