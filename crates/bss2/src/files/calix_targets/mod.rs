//! Calibration targets of a network in the names and units of `calix`: JSON, CSV or npz, and a script that hands them over.
//!
//! Per neuron in `AtomicNeuron` order: `leak`, `reset`, `threshold` in CADC LSB (whole numbers), `tau_mem`, `tau_syn` (excitatory,
//! inhibitory), `refractory_time` in seconds, `membrane_capacitance` as a code; for the whole chip `i_synin_gm` and
//! `synapse_dac_bias` as codes.

mod reading;
mod sources;

use std::fmt::Write as _;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use ndarray::{Array1, Array2};
use ndarray_npy::NpzWriter;
use serde::Serialize;

pub use reading::load;

use super::{FileError, write};

/// Targets of all neurons.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CalixTargets {
    /// Version of the file.
    pub format: u32,
    /// The network that they are for.
    pub network: String,
    /// Units of the arrays.
    pub units: Units,
    /// Layer of the network that each neuron belongs to, from 1; 0: none, the neuron is not used.
    pub layer: Vec<i16>,
    /// Number of the neuron in its layer, from 0; -1: none.
    pub index: Vec<i16>,
    /// Resting potential.
    pub leak: Vec<i16>,
    /// Reset potential.
    pub reset: Vec<i16>,
    /// Threshold.
    pub threshold: Vec<i16>,
    /// Membrane time constant.
    pub tau_mem: Vec<f64>,
    /// Synaptic time constants, excitatory and inhibitory.
    pub tau_syn: Vec<[f64; 2]>,
    /// Refractory time.
    pub refractory_time: Vec<f64>,
    /// Capacitor switches.
    pub membrane_capacitance: Vec<i16>,
    /// Strength to whose median all synaptic inputs are matched.
    pub i_synin_gm: i16,
    /// Bias of the synapses' converters.
    pub synapse_dac_bias: i16,
}

/// Units of the arrays.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Units {
    /// Of leak, reset and threshold.
    pub potential: &'static str,
    /// Of time constants and refractory time.
    pub time: &'static str,
}

/// Version of the files.
pub const FORMAT: u32 = 1;

/// Units of `calix`.
pub const UNITS: Units = Units { potential: "CADC LSB", time: "s" };

const HANDOVER: &str = include_str!("handover.py");

impl CalixTargets {
    /// Refuses a file name that says no format.
    ///
    /// # Errors
    /// [`FileError::Content`] with those that there are.
    pub fn check_name(path: &Path) -> Result<(), FileError> {
        match extension(path) {
            Some("json" | "csv" | "npz") => Ok(()),
            _ => Err(FileError::content(path, "targets are written as .json, .csv or .npz")),
        }
    }

    /// The script beside a file.
    pub fn script(path: &Path) -> PathBuf {
        let stem = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        path.with_file_name(format!("{stem}_calix.py"))
    }

    /// Writes the targets, as the extension says, and the script beside them.
    ///
    /// # Errors
    /// If the extension says no format, or a file cannot be written.
    pub fn save(&self, path: &Path) -> Result<PathBuf, FileError> {
        Self::check_name(path)?;
        let encode = |e: &dyn std::fmt::Display| FileError::content(path, format!("cannot be encoded: {e}"));
        let bytes = match extension(path) {
            Some("csv") => self.csv().into_bytes(),
            Some("npz") => self.npz().map_err(|e| encode(&e))?,
            _ => {
                let mut text = serde_json::to_vec_pretty(self).map_err(|e| encode(&e))?;
                text.push(b'\n');
                text
            }
        };
        write(path, &bytes)?;
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let script = Self::script(path);
        // JSON text is Python text, too.
        let quoted = serde_json::to_string(&name).map_err(|e| encode(&e))?;
        write(&script, HANDOVER.replace("\"TARGETS_FILE\"", &quoted).as_bytes())?;
        Ok(script)
    }

    fn csv(&self) -> String {
        let mut text = format!(
            "# bss2 calix targets {}\n",
            serde_json::json!({
                "format": self.format,
                "network": self.network,
                "units": self.units,
                "i_synin_gm": self.i_synin_gm,
                "synapse_dac_bias": self.synapse_dac_bias,
            })
        );
        text.push_str(
            "neuron,layer,index,leak,reset,threshold,tau_mem,tau_syn_exc,tau_syn_inh,refractory_time,\
             membrane_capacitance\n",
        );
        for n in 0..self.leak.len() {
            let [exc, inh] = self.tau_syn[n];
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "{n},{},{},{},{},{},{:e},{exc:e},{inh:e},{:e},{}",
                self.layer[n],
                self.index[n],
                self.leak[n],
                self.reset[n],
                self.threshold[n],
                self.tau_mem[n],
                self.refractory_time[n],
                self.membrane_capacitance[n],
            );
        }
        text
    }

    fn npz(&self) -> Result<Vec<u8>, ndarray_npy::WriteNpzError> {
        let mut npz = NpzWriter::new_compressed(Cursor::new(Vec::new()));
        for (name, values) in [
            ("layer", &self.layer),
            ("index", &self.index),
            ("leak", &self.leak),
            ("reset", &self.reset),
            ("threshold", &self.threshold),
            ("membrane_capacitance", &self.membrane_capacitance),
        ] {
            npz.add_array(name, &Array1::from(values.clone()))?;
        }
        npz.add_array("tau_mem", &Array1::from(self.tau_mem.clone()))?;
        npz.add_array("tau_syn", &Array2::from(self.tau_syn.clone()))?;
        npz.add_array("refractory_time", &Array1::from(self.refractory_time.clone()))?;
        npz.add_array("i_synin_gm", &Array1::from(vec![self.i_synin_gm]))?;
        npz.add_array("synapse_dac_bias", &Array1::from(vec![self.synapse_dac_bias]))?;
        Ok(npz.finish()?.into_inner())
    }
}

fn extension(path: &Path) -> Option<&str> {
    path.extension().and_then(|e| e.to_str())
}
