//! Networks published with *Fast and energy-efficient neuromorphic deep learning with first-spike times* (Göltz, Kriener et al.,
//! 2021), as `.npz`:
//!
//! | key | content |
//! |---|---|
//! | `weights_0`, `weights_1`, ... | f8 `(n_sources, n_neurons)`; the last row belongs to the bias spike, if there is one |
//! | `config_json` | text: the original configuration, of which `dataset`, `network_layout` and `neuron_params` are read |
//! | anything else | recordings; not read |
//!
//! They were trained in simulation with `tau_mem = tau_syn`, real-valued weights and the published encoding.

use std::io::Cursor;

use ndarray::Array0;
use ndarray_npy::NpzReader;
use serde::Deserialize;
use ttfs::encoding::{Background, TimeEncoding};
use ttfs::neuron::LifModel;
use ttfs::scaling::{Latency, Scaling};
use twin::npz_text::Text;

use super::network::Architecture;
use crate::config::DataKind;

/// The array that tells such a file from others.
pub(super) const CONFIGURATION: &str = "config_json";
/// Hardware time of the published time constants, in us.
const US_PER_TIME: f64 = 6.0;
/// Weight codes that a calibrated chip's threshold is worth: its 2.786 units of 30 codes.
pub(super) const LSB_PER_THRESHOLD: f64 = 2.786 * 30.0;

/// The part of the original configuration that says what the network is.
#[derive(Debug, Deserialize)]
struct Original {
    dataset: String,
    network_layout: Layout,
    neuron_params: Neuron,
}

#[derive(Debug, Deserialize)]
struct Layout {
    bias_times: Vec<f64>,
    layer_sizes: Vec<usize>,
    n_biases: Vec<usize>,
    n_inputs: usize,
}

#[derive(Debug, Deserialize)]
struct Neuron {
    g_leak: f64,
    leak: f64,
    tau_syn: f64,
    threshold: f64,
}

/// What the original configuration says, in the terms of this program.
pub(super) fn architecture(npz: &mut NpzReader<Cursor<Vec<u8>>>) -> Result<Architecture, String> {
    let text: Array0<Text> = npz.by_name(CONFIGURATION).map_err(|e| format!("`{CONFIGURATION}`: {e}"))?;
    of_json(&text.into_scalar().0).map_err(|e| format!("`{CONFIGURATION}`: {e}"))
}

fn of_json(text: &str) -> Result<Architecture, String> {
    let Original { dataset, network_layout: layout, neuron_params: neuron } =
        serde_json::from_str(text).map_err(|e| e.to_string())?;
    let (task, background) = match dataset.as_str() {
        "yin_yang" => (DataKind::YinYang, Background::Late),
        "mnist" => (DataKind::Mnist, Background::Late),
        "16x16_mnist" => (DataKind::Mnist16, Background::Silent),
        other => return Err(format!("dataset {other:?}; known are \"yin_yang\", \"mnist\" and \"16x16_mnist\"")),
    };
    if neuron.tau_syn != 1.0 {
        return Err(format!("tau_syn {}; known is 1, the unit of time", neuron.tau_syn));
    }
    let n_layers = layout.layer_sizes.len();
    let several = layout.n_biases.iter().any(|n| *n > 1) || layout.bias_times.len() > 1;
    if several || layout.n_biases.len() != n_layers {
        return Err(format!("n_biases {:?}; known is 0 or 1 for each of {n_layers} layers", layout.n_biases));
    }
    let mut biases = Vec::new();
    for &n in &layout.n_biases {
        let time = layout.bias_times.first().copied();
        if n == 1 && time.is_none() {
            return Err("a layer has a bias, but bias_times is empty".into());
        }
        biases.push(time.filter(|_| n == 1));
    }
    let first = if biases.is_empty() { None } else { biases.remove(0) };
    if biases.iter().all(Option::is_none) {
        biases.clear();
    }
    let encoding = TimeEncoding { bias: first, copies: 1, background, ..TimeEncoding::default() };
    let inputs = layout.n_inputs + usize::from(first.is_some());
    // With equal time constants (see `LifModel`).
    let threshold = neuron.g_leak * (neuron.threshold - neuron.leak);
    Ok(Architecture {
        format: 2,
        task,
        encoding,
        sizes: std::iter::once(inputs).chain(layout.layer_sizes).collect(),
        delays: Vec::new(),
        scaling: Scaling {
            us_per_time: US_PER_TIME,
            lsb_per_weight: LSB_PER_THRESHOLD / threshold,
            threshold,
            tau_mem: LifModel::default().tau_mem,
            latency: Latency::default(),
        },
        biases,
        grid: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(dataset: &str, n_biases: &str, bias_times: &str) -> String {
        format!(
            r#"{{"dataset": "{dataset}", "neuron_params": {{"g_leak": 4.0, "leak": 0.5, "tau_syn": 1.0, "threshold": 1.0}},
            "network_layout": {{"bias_times": {bias_times}, "layer_sizes": [8, 10], "n_biases": {n_biases}, "n_inputs": 256}}}}"#
        )
    }

    #[test]
    fn the_original_configuration_in_our_terms() {
        let found = of_json(&json("16x16_mnist", "[0, 0]", "[]")).unwrap();
        assert_eq!((found.sizes, found.task, found.grid), (vec![256, 8, 10], DataKind::Mnist16, false));
        assert_eq!((found.encoding.background, found.encoding.bias), (Background::Silent, None));
        assert_eq!((found.scaling.threshold, found.biases), (2.0, vec![]));
        let found = of_json(&json("yin_yang", "[1, 1]", "[0.9]")).unwrap();
        assert_eq!((found.sizes[0], found.encoding.bias, found.biases), (257, Some(0.9), vec![Some(0.9)]));
    }

    #[test]
    fn what_this_program_does_not_know_is_refused() {
        assert!(of_json(&json("bars", "[0, 0]", "[]")).unwrap_err().contains("dataset \"bars\""));
        assert!(of_json(&json("mnist", "[0, 2]", "[0.9]")).unwrap_err().contains("n_biases [0, 2]"));
        assert!(of_json(&json("mnist", "[0]", "[0.9]")).unwrap_err().contains("each of 2 layers"));
        assert!(of_json(&json("mnist", "[0, 1]", "[]")).unwrap_err().contains("bias_times is empty"));
        assert!(of_json("{}").unwrap_err().contains("dataset"));
    }
}
