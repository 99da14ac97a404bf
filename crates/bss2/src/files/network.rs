//! Trained networks as `.npz`, for NumPy and for `bss2 infer`.
//!
//! | key | content |
//! |---|---|
//! | `weights_0`, `weights_1`, ... | f8 `(n_sources, n_neurons)`, layer by layer, in units of weight |
//! | `delay_parameters_0`, ... | f8, only with delays: see [`ttfs::network::Network`] |
//! | `architecture` | u1, JSON in UTF-8: the fields of [`Architecture`] |

use std::io::Cursor;
use std::path::Path;

use ndarray::{Array1, Array2};
use ndarray_npy::{NpzReader, NpzWriter};
use serde::{Deserialize, Serialize};
use ttfs::encoding::TimeEncoding;
use ttfs::network::{DelayKind, DelayRange, Network};
use ttfs::scaling::Scaling;

use super::{FileError, published_network};
use crate::config::DataKind;

/// Version of the file that this program writes. Version 1 had neither `biases` nor `grid`.
pub(super) const FORMAT: u32 = 2;
/// Weights beyond this are damage, not training.
pub(super) const LARGEST_WEIGHT: f64 = 1e6;

/// How HDF5 files begin.
const HDF5: &[u8] = b"\x89HDF\r\n\x1a\n";

/// What belongs to the weights of a network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Architecture {
    /// Version of the file.
    pub format: u32,
    /// Data set.
    pub task: DataKind,
    /// How features become spike times.
    pub encoding: TimeEncoding,
    /// Sizes: inputs, then layers.
    pub sizes: Vec<usize>,
    /// Units of time and weight, and the threshold that training assumed.
    pub scaling: Scaling,
    /// Kind and range of the delays of each layer; left out without delays.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub delays: Vec<DelayRange>,
    /// Times in `tau_syn` of bias spikes, one for each layer after the first (`null`: none): the last row of the weights of such a
    /// layer is for it. Empty: no layer has one. The bias of the first layer is among the inputs.
    #[serde(default)]
    pub biases: Vec<Option<f64>>,
    /// Whether the network was trained with weights on the chip's grid, `code = round(lsb_per_weight w)`, and runs so on the
    /// ideal substrate.
    #[serde(default = "on_grid")]
    pub grid: bool,
}

/// What networks of version 1 were.
fn on_grid() -> bool {
    true
}

/// A trained network.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedNetwork {
    /// Everything but the weights and the parameters of delays.
    pub architecture: Architecture,
    /// Weights and delays.
    pub network: Network,
}

impl Architecture {
    /// Whether this can be a network for the task, in units that a chip could have.
    pub(super) fn check(&self) -> Result<(), String> {
        self.scaling.check().map_err(|e| e.to_string())?;
        self.encoding.check().map_err(|e| e.to_string())?;
        for (name, value) in [
            ("us_per_time", self.scaling.us_per_time),
            ("lsb_per_weight", self.scaling.lsb_per_weight),
            ("threshold", self.scaling.threshold),
            ("tau_mem", self.scaling.tau_mem),
        ] {
            if !(1e-3..=1e4).contains(&value) {
                return Err(format!("`scaling.{name}` is {value:e}; allowed are 0.001..=10000"));
            }
        }
        let sizes = &self.sizes;
        if sizes.len() < 2 || sizes.contains(&0) {
            return Err(format!("sizes {sizes:?}; needed are inputs and layers of at least one neuron"));
        }
        if let Some((features, classes)) = self.task.shape() {
            let inputs = self.encoding.n_inputs(features);
            if sizes[0] != inputs || sizes.last() != Some(&classes) {
                let task = self.task.name();
                return Err(format!(
                    "sizes {sizes:?}; needed for {task} are {inputs} inputs (as `encoding` says), layers of at least one neuron, and {classes} outputs"
                ));
            }
        }
        if !self.biases.is_empty() && self.biases.len() != sizes.len() - 2 {
            return Err(format!(
                "`biases` {:?}; needed is one entry for each layer after the first, or none",
                self.biases
            ));
        }
        if !self.biases.is_empty() && !self.delays.is_empty() {
            return Err("`biases` and `delays` together: this program has no place for a bias behind delays".into());
        }
        if !self.delays.is_empty() && self.delays.len() != sizes.len() - 1 {
            return Err(format!("`delays` has {} entries; needed is one for each layer", self.delays.len()));
        }
        if let Some(bias) = self.biases.iter().flatten().find(|bias| !(0.0..=1e3).contains(*bias)) {
            return Err(format!("`biases` contains {bias}; allowed are 0..=1000"));
        }
        Ok(())
    }

    /// Shapes of the weights of all layers.
    pub(super) fn shapes(&self) -> Vec<[usize; 2]> {
        let bias = |layer: usize| layer > 0 && self.biases.get(layer - 1).is_some_and(Option::is_some);
        self.sizes.windows(2).enumerate().map(|(layer, s)| [s[0] + usize::from(bias(layer)), s[1]]).collect()
    }
}

impl SavedNetwork {
    /// Puts a network together without biases behind the first layer; `grid`: whether it was trained with weights on the chip's grid.
    pub fn new(task: DataKind, encoding: &TimeEncoding, scaling: Scaling, grid: bool, network: &Network) -> Self {
        let weights = &network.weights;
        let sizes = weights.first().map(Array2::nrows).into_iter().chain(weights.iter().map(Array2::ncols)).collect();
        let delays = if network.has_delays() { network.delays.clone() } else { Vec::new() };
        let encoding = encoding.clone();
        let architecture =
            Architecture { format: FORMAT, task, encoding, sizes, scaling, delays, biases: Vec::new(), grid };
        Self { architecture, network: network.clone() }
    }

    /// Puts a network without delays together; `architecture` in JSON, as files hold it.
    ///
    /// # Errors
    /// What is wrong with the architecture, or which weights do not belong to it.
    pub fn of_parts(architecture: &str, weights: Vec<Array2<f64>>) -> Result<Self, String> {
        let architecture: Architecture = serde_json::from_str(architecture)
            .map_err(|e| format!("the architecture is not what it should be: {e}"))?;
        architecture.check()?;
        if !architecture.delays.is_empty() {
            return Err("`delays`: a network of weights alone has none".into());
        }
        let shapes = architecture.shapes();
        if weights.len() != shapes.len() {
            return Err(format!("weights of {} layers; `sizes` says {}", weights.len(), shapes.len()));
        }
        for (layer, (weights, shape)) in weights.iter().zip(shapes).enumerate() {
            check_weights(&format!("weights of layer {layer}"), weights, shape)?;
        }
        Ok(Self { architecture, network: Network::new(weights) })
    }

    /// Sizes of the layers, without the inputs.
    pub fn layers(&self) -> Vec<usize> {
        self.network.sizes()
    }

    /// What its delays belong to.
    pub fn delay_kind(&self) -> DelayKind {
        self.network.delays.first().map_or(DelayKind::None, |range| range.kind)
    }

    /// Writes the file.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), FileError> {
        let encode = |e: &dyn std::fmt::Display| FileError::content(path, format!("cannot be encoded: {e}"));
        let mut npz = NpzWriter::new_compressed(Cursor::new(Vec::new()));
        for (layer, weights) in self.network.weights.iter().enumerate() {
            npz.add_array(format!("weights_{layer}"), weights).map_err(|e| encode(&e))?;
        }
        if self.network.has_delays() {
            for (layer, parameters) in self.network.delay_parameters.iter().enumerate() {
                npz.add_array(format!("delay_parameters_{layer}"), parameters).map_err(|e| encode(&e))?;
            }
        }
        let json = serde_json::to_vec(&self.architecture).map_err(|e| encode(&e))?;
        npz.add_array("architecture", &Array1::from(json)).map_err(|e| encode(&e))?;
        let bytes = npz.finish().map_err(|e| encode(&e))?.into_inner();
        super::write(path, &bytes)
    }

    /// Reads a file: one of this program's, or a published network as `published_network` describes it.
    ///
    /// # Errors
    /// If it is missing, is no network, or its parts do not belong together.
    pub fn load(path: &Path) -> Result<Self, FileError> {
        let bytes = std::fs::read(path).map_err(FileError::io("read", path))?;
        if bytes.starts_with(HDF5) {
            let message = "a NIR file where an .npz is needed; write one with: bss2 network convert NET.nir NET.npz";
            return Err(FileError::content(path, message));
        }
        Self::decode(bytes).map_err(|message| FileError::content(path, message))
    }

    fn decode(bytes: Vec<u8>) -> Result<Self, String> {
        let mut npz = NpzReader::new(Cursor::new(bytes)).map_err(|e| format!("not an .npz file: {e}"))?;
        let names = npz.names().map_err(|e| format!("not an .npz file: {e}"))?;
        let has = |name: &str| names.iter().any(|n| n.trim_end_matches(".npy") == name);
        let published = !has("architecture") && has(published_network::CONFIGURATION);
        let architecture = if published { published_network::architecture(&mut npz)? } else { described(&mut npz)? };
        architecture.check()?;
        let mut weights = Vec::new();
        for (layer, shape) in architecture.shapes().into_iter().enumerate() {
            let name = format!("weights_{layer}");
            let array: Array2<f64> = npz.by_name(&name).map_err(|e| format!("`{name}`: {e}"))?;
            check_weights(&format!("`{name}`"), &array, shape)?;
            weights.push(array);
        }
        let layers = weights.len();
        let mut network = Network::new(weights);
        if !architecture.delays.is_empty() {
            network.delays.clone_from(&architecture.delays);
            network.delay_parameters.clear();
            for layer in 0..layers {
                let name = format!("delay_parameters_{layer}");
                let array: Array2<f64> = npz.by_name(&name).map_err(|e| format!("`{name}`: {e}"))?;
                if array.iter().any(|p| !p.is_finite()) {
                    return Err(format!("`{name}` contains what is not a number"));
                }
                network.delay_parameters.push(array);
            }
        }
        if architecture.biases.is_empty() {
            let inputs = architecture.sizes.first().copied().unwrap_or(0);
            network.check(Array2::zeros((0, inputs)).view()).map_err(|e| e.to_string())?;
        }
        let needed = layers + 1 + if architecture.delays.is_empty() { 0 } else { layers };
        if !published && names.len() != needed {
            return Err(format!("{} arrays; an architecture with these sizes has {needed}", names.len()));
        }
        Ok(Self { architecture, network })
    }
}

/// Refuses weights of another shape than the architecture's, or that are damage.
fn check_weights(name: &str, weights: &Array2<f64>, shape: [usize; 2]) -> Result<(), String> {
    if weights.shape() != shape {
        return Err(format!("{name} has shape {:?}, `architecture` says {shape:?}", weights.shape()));
    }
    match weights.iter().find(|w| w.is_nan() || w.abs() > LARGEST_WEIGHT) {
        Some(value) => Err(format!("{name} contains {value:e}; weights must lie within +-{LARGEST_WEIGHT}")),
        None => Ok(()),
    }
}

/// The architecture of a file that this program wrote.
fn described(npz: &mut NpzReader<Cursor<Vec<u8>>>) -> Result<Architecture, String> {
    let json: Array1<u8> = npz.by_name("architecture").map_err(|e| format!("no `architecture`: {e}"))?;
    let value: serde_json::Value =
        serde_json::from_slice(&json.to_vec()).map_err(|e| format!("`architecture` is not what it should be: {e}"))?;
    let format = value.get("format").and_then(serde_json::Value::as_u64);
    if !format.is_some_and(|format| (1..=u64::from(FORMAT)).contains(&format)) {
        let found = format.map_or("none".to_owned(), |format| format.to_string());
        return Err(format!("network format {found}; this program reads formats 1..={FORMAT}"));
    }
    serde_json::from_value(value).map_err(|e| format!("`architecture` is not what it should be: {e}"))
}

#[cfg(test)]
mod tests {
    use ndarray::array;
    use ttfs::scaling::Latency;

    use super::*;

    fn network() -> SavedNetwork {
        let scaling = Scaling {
            us_per_time: 6.0,
            lsb_per_weight: 30.0,
            threshold: 2.7,
            tau_mem: 1.0,
            latency: Latency::default(),
        };
        let encoding = TimeEncoding { bias: None, copies: 1, ..TimeEncoding::default() };
        let hidden = array![[0.5, -1.0], [0.1, 0.2], [0.3, 0.4], [0.5, 0.6]];
        let network = Network::new(vec![hidden, array![[1.0, 0.0, 0.5], [2.0, 1.0, 0.0]]]);
        SavedNetwork::new(DataKind::YinYang, &encoding, scaling, true, &network)
    }

    #[test]
    fn it_comes_back_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("net.npz");
        network().save(&path).unwrap();
        assert_eq!(SavedNetwork::load(&path).unwrap(), network());
        assert_eq!(network().architecture.sizes, [4, 2, 3]);
    }

    #[test]
    fn delays_come_back_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("net.npz");
        let mut with_delays = network().network;
        let settings =
            ttfs::network::DelaySettings { kind: DelayKind::Axonal, ..ttfs::network::DelaySettings::HARDWARE };
        with_delays.set_delays(&settings, 4, |layer| 0.5 * layer as f64 - 1.0);
        let Architecture { encoding, scaling, .. } = network().architecture;
        let saved = SavedNetwork::new(DataKind::YinYang, &encoding, scaling, true, &with_delays);
        saved.save(&path).unwrap();
        assert_eq!(SavedNetwork::load(&path).unwrap(), saved);
        let mut broken = saved;
        broken.network.delay_parameters[0] = array![[0.0], [1.0], [2.0]];
        broken.save(&path).unwrap();
        assert!(SavedNetwork::load(&path).unwrap_err().to_string().contains("delay parameters"));
    }

    #[test]
    fn biases_and_real_weights_come_back_and_version_1_had_neither() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("net.npz");
        let mut biased = network();
        biased.architecture.biases = vec![Some(0.9)];
        biased.architecture.grid = false;
        biased.network.weights[1] = array![[1.0, 0.0, 0.5], [2.0, 1.0, 0.0], [0.1, 0.2, 0.3]];
        biased.save(&path).unwrap();
        assert_eq!(SavedNetwork::load(&path).unwrap(), biased);
        // As version 1 was written.
        let mut json = serde_json::to_value(&network().architecture).unwrap();
        json["format"] = 1.into();
        json["encoding"].as_object_mut().unwrap().remove("background");
        for key in ["biases", "grid"] {
            json.as_object_mut().unwrap().remove(key);
        }
        let mut npz = NpzWriter::new(std::fs::File::create(&path).unwrap());
        for (layer, weights) in network().network.weights.iter().enumerate() {
            npz.add_array(format!("weights_{layer}"), weights).unwrap();
        }
        npz.add_array("architecture", &Array1::from(serde_json::to_vec(&json).unwrap())).unwrap();
        npz.finish().unwrap();
        let old = SavedNetwork::load(&path).unwrap();
        assert_eq!((&old.network.weights, old.architecture.grid), (&network().network.weights, true));
    }

    #[test]
    fn what_is_no_network_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("net.npz");
        std::fs::write(&path, b"hello").unwrap();
        assert!(SavedNetwork::load(&path).unwrap_err().to_string().contains("not an .npz file"));
        let mut broken = network();
        broken.network.weights[0][[0, 0]] = f64::NAN;
        broken.save(&path).unwrap();
        assert!(SavedNetwork::load(&path).unwrap_err().to_string().contains("contains NaN"));
        let refused = |change: fn(&mut SavedNetwork)| {
            let mut network = network();
            change(&mut network);
            network.save(&path).unwrap();
            SavedNetwork::load(&path).unwrap_err().to_string()
        };
        assert!(refused(|n| n.architecture.sizes = vec![4, 2]).contains("3 outputs"));
        assert!(refused(|n| n.architecture.sizes = vec![4, 0, 3]).contains("at least one neuron"));
        assert!(refused(|n| n.architecture.encoding.copies = 1_000_000_000).contains("copies"));
        assert!(refused(|n| n.architecture.encoding.copies = 2).contains("8 inputs"));
        assert!(refused(|n| n.architecture.task = DataKind::Mnist).contains("needed for mnist are 784 inputs"));
        assert!(refused(|n| n.architecture.format = 3).contains("network format 3"));
        assert!(
            refused(|n| n.architecture.biases = vec![None, None]).contains("one entry for each layer after the first")
        );
        assert!(refused(|n| n.architecture.biases = vec![Some(-1.0)]).contains("`biases` contains -1"));
        assert!(refused(|n| n.architecture.biases = vec![Some(0.9)]).contains("`architecture` says [3, 3]"));
        assert!(refused(|n| n.architecture.scaling.threshold = 1e300).contains("1e300"));
        assert!(refused(|n| n.network.weights.push(array![[1.0]])).contains("4 arrays"));
        assert!(SavedNetwork::load(&folder.path().join("no.npz")).unwrap_err().to_string().contains("cannot read"));
    }
}
