//! How calibrated chips differ, as the fit expects it before it has seen one.

use serde::{Deserialize, Serialize};

/// Means and spreads of the parameters of a [`Profile`](crate::Profile): what a fit is drawn to.
///
/// Spreads are standard deviations, of logarithms where a factor is meant; times are in model time. The defaults are those that the
/// recordings of one chip gave (see the book's page on twins); what they say about several chips is a guess.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Population {
    /// Mean logarithm of the gain of a chip.
    pub gain_mean: f64,
    /// Its spread from chip to chip.
    pub gain_chip_std: f64,
    /// Spread of the gain of neurons of a chip.
    pub gain_std: f64,
    /// Spread of the logarithm of excitatory over inhibitory gain.
    pub ratio_std: f64,
    /// Spread of each time constant, from neuron to neuron and from chip to chip.
    pub tau_std: f64,
    /// Spread of the factors of the synapses of each layer. Recordings bound it to .05-.10; that of the outputs, which are seen with one
    /// set of weights alone, takes errors of the model if it is left more room (see the book's page on twins).
    pub synapse_std: [f64; 2],
    /// Latency of external spikes.
    pub latency_external: f64,
    /// Latency of spikes from neuron to neuron.
    pub latency_internal: f64,
    /// How well these are known.
    pub latency_chip_std: f64,
    /// Spread of the errors of input delays and of the delays of hidden neurons.
    pub delay_std: [f64; 2],
}

impl Default for Population {
    fn default() -> Self {
        Self {
            gain_mean: 0.08,
            gain_chip_std: 0.05,
            gain_std: 0.06,
            ratio_std: 0.057,
            tau_std: 0.03,
            synapse_std: [0.05, 0.025],
            latency_external: 0.08,
            latency_internal: 0.05,
            latency_chip_std: 0.03,
            delay_std: [0.01, 0.07],
        }
    }
}
