//! Twins as `.npz` files.
//!
//! | key | content |
//! |---|---|
//! | `twin_json` | u1, JSON in UTF-8: format, units, latencies, noise, seed, and what the fit reached |
//! | `hidden_neurons`, `output_neurons` | f8 `(n, 4)`: `log_gain`, `log_ratio`, `log_tau_mem`, `log_tau_syn` |
//! | `synapses_0`, `synapses_1` | f8 `(n_sources, n_neurons)`: factors |
//! | `delay_errors_0`, `delay_errors_1` | f8 `(n_sources)`, in model time |
//! | `w1_code`, `w2_code` | i1: the recorded codes, which say what synapse a factor belongs to |

use std::fs::File;
use std::io::Cursor;
use std::path::Path;

use bss2_emu::noise::Noise;
use ndarray::{Array, Array1, Array2, Dimension};
use ndarray_npy::{NpzReader, NpzWriter, ReadableElement};
use serde::{Deserialize, Serialize};

use crate::emulation::Twin;
use crate::profile::NeuronProfile;
use crate::recording::Units;
use crate::{Profile, TwinError};

/// The array that tells a twin from other files.
const COMMON: &str = "twin_json";
const FORMAT: u32 = 1;
/// Numbers of a neuron.
const OF_NEURON: usize = 4;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Common {
    format: u32,
    units: Units,
    latency: [f64; 2],
    has_delays: bool,
    noise: Noise,
    seed: u64,
    report: serde_json::Value,
}

impl Twin {
    /// Whether a file is a twin: an `.npz` with the array that twins have.
    pub fn is_one(path: &Path) -> bool {
        let names = File::open(path).ok().and_then(|file| NpzReader::new(file).ok()?.names().ok());
        names.is_some_and(|names| names.iter().any(|name| name.trim_end_matches(".npy") == COMMON))
    }

    /// The bytes of a file that [`Twin::load`] reads as the same twin.
    ///
    /// # Errors
    /// [`TwinError::Encoding`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, TwinError> {
        self.encoded().map_err(|e| TwinError::Encoding { what: "twin", message: e.to_string() })
    }

    fn encoded(&self) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
        let common = Common {
            format: FORMAT,
            units: self.units,
            latency: self.profile.latency,
            has_delays: self.has_delays,
            noise: self.noise,
            seed: self.seed,
            report: self.report.clone(),
        };
        let mut npz = NpzWriter::new_compressed(Cursor::new(Vec::new()));
        npz.add_array(COMMON, &Array1::from(serde_json::to_vec(&common)?))?;
        for (name, neurons) in ["hidden_neurons", "output_neurons"].iter().zip(&self.profile.neurons) {
            let values = neurons.iter().flat_map(|n| [n.log_gain, n.log_ratio, n.log_tau_mem, n.log_tau_syn]).collect();
            npz.add_array(*name, &Array2::from_shape_vec((neurons.len(), OF_NEURON), values)?)?;
        }
        for layer in 0..2 {
            npz.add_array(format!("synapses_{layer}"), &self.profile.synapses[layer])?;
            npz.add_array(format!("delay_errors_{layer}"), &self.profile.delay_errors[layer])?;
            npz.add_array(format!("w{}_code", layer + 1), &self.codes[layer])?;
        }
        Ok(npz.finish()?.into_inner())
    }

    /// Reads a twin.
    ///
    /// # Errors
    /// [`TwinError`] with the array and what is wrong with it.
    pub fn load(path: &Path) -> Result<Self, TwinError> {
        let file = File::open(path).map_err(|source| TwinError::Io { path: path.to_owned(), source })?;
        let npz = NpzReader::new(file).map_err(|e| TwinError::content(path, format!("not a twin (.npz): {e}")))?;
        read(npz).map_err(|message| TwinError::content(path, message))
    }
}

fn read(mut npz: NpzReader<File>) -> Result<Twin, String> {
    let json: Array1<u8> =
        array(&mut npz, COMMON).map_err(|_| format!("this is no twin: it has no array {COMMON} that can be read"))?;
    let common: Common = serde_json::from_slice(&json.to_vec()).map_err(|e| format!("{COMMON}: {e}"))?;
    if common.format != FORMAT {
        return Err(format!("format {}; this program reads {FORMAT}", common.format));
    }
    let codes: [Array2<i8>; 2] = [array(&mut npz, "w1_code")?, array(&mut npz, "w2_code")?];
    let sizes = [codes[0].nrows(), codes[0].ncols(), codes[1].ncols()];
    if codes[1].nrows() != sizes[1] {
        return Err(format!("w1_code {:?} and w2_code {:?} do not belong together", codes[0].dim(), codes[1].dim()));
    }
    let mut profile = Profile::ideal(sizes);
    profile.latency = common.latency;
    for layer in 0..2 {
        let name = ["hidden_neurons", "output_neurons"][layer];
        let values: Array2<f64> = array(&mut npz, name)?;
        shaped(name, &values, &[sizes[layer + 1], OF_NEURON], -3.0..=3.0)?;
        for (neuron, v) in profile.neurons[layer].iter_mut().zip(values.rows()) {
            *neuron = NeuronProfile { log_gain: v[0], log_ratio: v[1], log_tau_mem: v[2], log_tau_syn: v[3] };
        }
        let name = format!("synapses_{layer}");
        profile.synapses[layer] = array(&mut npz, &name)?;
        shaped(&name, &profile.synapses[layer], &[sizes[layer], sizes[layer + 1]], 0.0..=100.0)?;
        let name = format!("delay_errors_{layer}");
        profile.delay_errors[layer] = array(&mut npz, &name)?;
        shaped(&name, &profile.delay_errors[layer], &[sizes[layer]], -10.0..=10.0)?;
    }
    if let Some(latency) = profile.latency.iter().find(|l| !(0.0..=10.0).contains(*l)) {
        return Err(format!("latency {latency}; allowed are 0..=10"));
    }
    let Common { units, has_delays, noise, seed, report, .. } = common;
    units.check().map_err(|e| format!("{COMMON}: {e}"))?;
    Ok(Twin { units, profile, codes, has_delays, noise, seed, report })
}

fn array<T: ReadableElement, D: Dimension>(npz: &mut NpzReader<File>, name: &str) -> Result<Array<T, D>, String> {
    npz.by_name(name).map_err(|e| format!("array {name}: {e}"))
}

fn shaped<D: Dimension>(
    name: &str,
    values: &Array<f64, D>,
    shape: &[usize],
    allowed: std::ops::RangeInclusive<f64>,
) -> Result<(), String> {
    if values.shape() != shape {
        return Err(format!("array {name} has the shape {:?}; expected {shape:?}", values.shape()));
    }
    match values.iter().find(|v| !allowed.contains(*v)) {
        Some(v) => Err(format!("array {name} contains {v}; allowed are {}..={}", allowed.start(), allowed.end())),
        None => Ok(()),
    }
}
