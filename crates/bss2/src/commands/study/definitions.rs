//! What the keys of a study mean.

use ::study::StudyFile;
use toml::{Table, Value};

use crate::config::meaning;

/// How the perturbations of the ideal substrate are defined, by key.
const PERTURBATIONS: &[(&str, &str)] = &[
    (
        "perturbation.threshold_rel_std",
        "threshold of neuron j: theta (1 + s n_j), n_j standard normal, frozen for each chip seed, all layers",
    ),
    (
        "perturbation.weight_rel_std",
        "every weight, those of biases included: w (1 + s n_ij), n_ij standard normal, frozen for each chip seed",
    ),
    ("perturbation.gain_rel_std", "all weights of neuron j: w (1 + s n_j), frozen for each chip seed"),
    (
        "perturbation.tau_mem_rel_std",
        "membrane time constant of neuron j: tau_mem (1 + s n_j), frozen for each chip seed; the backward pass takes all as equal",
    ),
    (
        "perturbation.tau_syn_rel_std",
        "synaptic time constant of neuron j, either sign: tau_syn (1 + s n_j), frozen for each chip seed; the backward pass takes all as equal",
    ),
    (
        "perturbation.tau_mem_factor",
        "all membrane time constants times this, charge of a spike and threshold as before; the backward pass does not know",
    ),
    (
        "perturbation.input_jitter_std",
        "every input spike but the bias: |t + s n|, n standard normal, fresh for each sample, s in tau_syn",
    ),
    (
        "perturbation.weight_bits",
        "weights of a layer: d round(w/d) with d = range/(2^b - 1), b bits beside the sign, clipped to +-range",
    ),
    ("perturbation.weight_range", "range of the weights that have bits; 0: the largest |w| of the layer"),
];

/// Keys that a study sets or varies, with their meanings, each once.
pub fn of(study: &StudyFile) -> Vec<(String, &'static str)> {
    let mut keys: Vec<String> = Vec::new();
    for axis in &study.axes {
        keys.extend(axis.keys.iter().cloned());
        axis.tables.iter().for_each(|table| leaves(table, "", &mut keys));
    }
    leaves(&study.config, "", &mut keys);
    study.overrides.values().for_each(|table| leaves(table, "", &mut keys));
    let mut found: Vec<(String, &'static str)> = Vec::new();
    for key in keys {
        let exact = PERTURBATIONS.iter().find(|(name, _)| *name == key).map(|(_, meaning)| *meaning);
        if let Some(text) = exact.or_else(|| meaning(&key)).filter(|_| found.iter().all(|(known, _)| *known != key)) {
            found.push((key, text));
        }
    }
    found
}

fn leaves(table: &Table, prefix: &str, keys: &mut Vec<String>) {
    for (name, value) in table {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            Value::Table(inner) => leaves(inner, &key, keys),
            _ => keys.push(key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No perturbation is without an exact definition.
    #[test]
    fn every_perturbation_is_defined() {
        let config = toml::Table::try_from(ttfs::perturbed::Perturbation::NONE).unwrap();
        let mut keys = Vec::new();
        leaves(&config, "perturbation", &mut keys);
        let mut defined: Vec<&str> = PERTURBATIONS.iter().map(|(key, _)| *key).collect();
        keys.sort();
        defined.sort_unstable();
        assert_eq!(keys, defined);
    }

    #[test]
    fn keys_of_axes_and_tables_are_explained_once() {
        let text = "title = 'x'\nprotocols = ['train']\n[config]\nengine = 'fast'\n[[axes]]\nname = 'a'\nkeys = ['perturbation.weight_bits', 'engine']\nvalues = [[1, 'fast']]\n";
        let study = StudyFile::parse(text, "x").unwrap();
        let keys: Vec<String> = of(&study).into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["perturbation.weight_bits", "engine"]);
    }
}
