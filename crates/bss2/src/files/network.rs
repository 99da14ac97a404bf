//! Trained networks as `.npz`, for NumPy and for `bss2 infer`.
//!
//! | key | content |
//! |---|---|
//! | `weights_0`, `weights_1`, ... | f8 `(n_sources, n_neurons)`, layer by layer, in units of weight |
//! | `architecture` | u1, JSON in UTF-8: the fields of [`Architecture`] |

use std::io::Cursor;
use std::path::Path;

use ndarray::{Array1, Array2};
use ndarray_npy::{NpzReader, NpzWriter};
use serde::{Deserialize, Serialize};
use ttfs::encoding::TimeEncoding;
use ttfs::scaling::Scaling;

use super::FileError;

/// Version of the file that this program writes.
const FORMAT: u32 = 1;

/// What belongs to the weights of a network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Architecture {
    /// Version of the file.
    pub format: u32,
    /// Data set.
    pub task: String,
    /// How features become spike times.
    pub encoding: TimeEncoding,
    /// Sizes: inputs, then layers.
    pub sizes: Vec<usize>,
    /// Units of time and weight, and the threshold that training assumed.
    pub scaling: Scaling,
}

/// A trained network.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedNetwork {
    /// Everything but the weights.
    pub architecture: Architecture,
    /// Weights per layer.
    pub weights: Vec<Array2<f64>>,
}

impl SavedNetwork {
    /// Puts a network together.
    pub fn new(task: &str, encoding: &TimeEncoding, scaling: Scaling, weights: &[Array2<f64>]) -> Self {
        let sizes = weights.first().map(Array2::nrows).into_iter().chain(weights.iter().map(Array2::ncols)).collect();
        let architecture =
            Architecture { format: FORMAT, task: task.into(), encoding: encoding.clone(), sizes, scaling };
        Self { architecture, weights: weights.to_vec() }
    }

    /// Sizes of the layers, without the inputs.
    pub fn layers(&self) -> Vec<usize> {
        self.weights.iter().map(Array2::ncols).collect()
    }

    /// Writes the file.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), FileError> {
        let encode = |e: &dyn std::fmt::Display| FileError::content(path, format!("cannot be encoded: {e}"));
        let mut npz = NpzWriter::new_compressed(Cursor::new(Vec::new()));
        for (layer, weights) in self.weights.iter().enumerate() {
            npz.add_array(format!("weights_{layer}"), weights).map_err(|e| encode(&e))?;
        }
        let json = serde_json::to_vec(&self.architecture).map_err(|e| encode(&e))?;
        npz.add_array("architecture", &Array1::from(json)).map_err(|e| encode(&e))?;
        let bytes = npz.finish().map_err(|e| encode(&e))?.into_inner();
        super::write(path, &bytes)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// If it is missing, is no network, or its parts do not belong together.
    pub fn load(path: &Path) -> Result<Self, FileError> {
        let bytes = std::fs::read(path).map_err(FileError::io("read", path))?;
        let refuse = |message: String| FileError::content(path, message);
        let mut npz = NpzReader::new(Cursor::new(bytes)).map_err(|e| refuse(format!("not an .npz file: {e}")))?;
        let json: Array1<u8> = npz.by_name("architecture").map_err(|e| refuse(format!("no `architecture`: {e}")))?;
        let architecture: Architecture = serde_json::from_slice(&json.to_vec())
            .map_err(|e| refuse(format!("`architecture` is not what it should be: {e}")))?;
        if architecture.format != FORMAT {
            let found = architecture.format;
            return Err(refuse(format!("network format {found}; this program reads format {FORMAT}")));
        }
        architecture.scaling.check().map_err(|e| refuse(e.to_string()))?;
        architecture.encoding.check().map_err(|e| refuse(e.to_string()))?;
        let mut weights = Vec::new();
        for (layer, shape) in architecture.sizes.windows(2).enumerate() {
            let name = format!("weights_{layer}");
            let array: Array2<f64> = npz.by_name(&name).map_err(|e| refuse(format!("`{name}`: {e}")))?;
            if array.shape() != shape {
                return Err(refuse(format!("`{name}` has shape {:?}, `architecture` says {shape:?}", array.shape())));
            }
            if let Some(value) = array.iter().find(|w| !w.is_finite()) {
                return Err(refuse(format!("`{name}` contains {value}; weights must be finite")));
            }
            weights.push(array);
        }
        if weights.is_empty() {
            return Err(refuse("the network has no layers".into()));
        }
        Ok(Self { architecture, weights })
    }
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
        SavedNetwork::new("yin-yang", &TimeEncoding::default(), scaling, &[array![[0.5, -1.0]], array![[1.0], [2.0]]])
    }

    #[test]
    fn it_comes_back_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("net.npz");
        network().save(&path).unwrap();
        assert_eq!(SavedNetwork::load(&path).unwrap(), network());
        assert_eq!(network().architecture.sizes, [1, 2, 1]);
    }

    #[test]
    fn what_is_no_network_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("net.npz");
        std::fs::write(&path, b"hello").unwrap();
        assert!(SavedNetwork::load(&path).unwrap_err().to_string().contains("not an .npz file"));
        let mut broken = network();
        broken.weights[0][[0, 0]] = f64::NAN;
        broken.save(&path).unwrap();
        assert!(SavedNetwork::load(&path).unwrap_err().to_string().contains("contains NaN"));
        assert!(SavedNetwork::load(&folder.path().join("no.npz")).unwrap_err().to_string().contains("cannot read"));
    }
}
