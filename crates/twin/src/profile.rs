//! The parametrised model: what makes the neurons and synapses of one chip different from the ideal network.

use ndarray::{Array1, Array2};
use serde::{Deserialize, Serialize};
use ttfs::neuron::{LifModel, NeuronModel};

use crate::recording::Recording;

/// How one neuron differs from the ideal one. Everything 0: not at all.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NeuronProfile {
    /// Natural logarithm of the factor on the charges of all inputs; the same as of one over the factor on the threshold.
    pub log_gain: f64,
    /// Natural logarithm of excitatory over inhibitory charge: one half up, one half down.
    pub log_ratio: f64,
    /// Natural logarithm of the factor on the membrane time constant.
    pub log_tau_mem: f64,
    /// Natural logarithm of the factor on both synaptic time constants, at the same charge.
    pub log_tau_syn: f64,
}

/// The chip as a recorded network meets it.
///
/// ```text
/// arrival of source i at neuron j      t_i + delay_i + delay_error_i + latency_layer
/// charge                               w_ij factor_ij e^(log_gain_j +- log_ratio_j/2)        + for w > 0, - for w < 0
/// spike                                first crossing of the threshold of the recording's units
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// Latency of external spikes and of hidden neurons' spikes to their synapses, in model time.
    pub latency: [f64; 2],
    /// Hidden neurons, outputs.
    pub neurons: [Vec<NeuronProfile>; 2],
    /// Factors on the synapses of both layers.
    pub synapses: [Array2<f64>; 2],
    /// Errors of the delays of inputs and hidden neurons, in model time.
    pub delay_errors: [Array1<f64>; 2],
}

impl Profile {
    /// No differences.
    pub fn ideal([n_inputs, n_hidden, n_outputs]: [usize; 3]) -> Self {
        Self {
            latency: [0.0; 2],
            neurons: [vec![NeuronProfile::default(); n_hidden], vec![NeuronProfile::default(); n_outputs]],
            synapses: [Array2::ones((n_inputs, n_hidden)), Array2::ones((n_hidden, n_outputs))],
            delay_errors: [Array1::zeros(n_inputs), Array1::zeros(n_hidden)],
        }
    }

    /// Inputs, hidden neurons, outputs.
    pub fn sizes(&self) -> [usize; 3] {
        [self.synapses[0].nrows(), self.synapses[0].ncols(), self.synapses[1].ncols()]
    }

    /// The neuron of a layer as a model of [`ttfs`], latencies and synapses apart.
    pub fn neuron(&self, layer: usize, index: usize, threshold: f64) -> NeuronModel {
        let own = &self.neurons[layer][index];
        let tau_syn = libm::exp(own.log_tau_syn);
        NeuronModel {
            tau_mem: libm::exp(own.log_tau_mem),
            tau_syn_exc: tau_syn,
            tau_syn_inh: tau_syn,
            leak: 0.0,
            threshold,
            gain_exc: libm::exp(own.log_gain + 0.5 * own.log_ratio),
            gain_inh: libm::exp(own.log_gain - 0.5 * own.log_ratio),
        }
    }

    /// Membrane and synapse of a neuron, charges apart.
    pub(crate) fn model(&self, layer: usize, index: usize, threshold: f64) -> LifModel {
        let own = &self.neurons[layer][index];
        LifModel { tau_mem: libm::exp(own.log_tau_mem), tau_syn: libm::exp(own.log_tau_syn), threshold }
    }

    /// Charges of the sources of a neuron, for the weights of its layer.
    pub(crate) fn charges(&self, layer: usize, index: usize, weights: &Array2<f64>) -> Vec<f64> {
        let own = &self.neurons[layer][index];
        let [exc, inh] = [0.5, -0.5].map(|half| libm::exp(own.log_gain + half * own.log_ratio));
        let factors = self.synapses[layer].column(index);
        let charge = |(w, factor): (&f64, &f64)| w * factor * if *w < 0.0 { inh } else { exc };
        weights.column(index).iter().zip(factors).map(charge).collect()
    }

    /// From a source's spike until it acts on the neurons of a layer.
    pub(crate) fn lags(&self, layer: usize, recording: &Recording) -> Array1<f64> {
        let errors = &self.delay_errors[layer];
        match &recording.delays {
            Some(delays) => &delays[layer] + errors + self.latency[layer],
            None => Array1::from_elem(errors.len(), self.latency[layer]),
        }
    }
}
