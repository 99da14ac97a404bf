//! How much there is to compute: the events that a network works with.

use ndarray::{Array2, ArrayView2};

use crate::network::Network;
use crate::scaling::Scaling;
use crate::substrate::Spikes;

/// Synaptic events of a batch: spikes that arrive at a synapse whose weight code is not zero, while its neuron has not fired.
///
/// ```text
/// count = #{ sample, layer, i, j :  t_i + latency < T_j  and  code(w_ij) != 0 }        T_j = inf for a silent neuron
/// ```
/// What comes after the first spike of a neuron does not count: learning does not see it. `inputs` have the shape `(n_samples,
/// n_inputs)`; `spikes` are what a substrate measured for them.
///
/// # Panics
/// If shapes do not fit.
pub fn count(network: &Network, scaling: &Scaling, inputs: ArrayView2<f64>, spikes: &Spikes) -> u64 {
    let [external, internal] = scaling.latencies();
    let mut total = 0;
    for (layer, (weights, fired)) in network.weights.iter().zip(&spikes.layers).enumerate() {
        let acts: Array2<bool> = weights.mapv(|w| scaling.signed_code(w) != 0);
        let (sources, latency) = match layer.checked_sub(1) {
            None => (inputs, external),
            Some(before) => (spikes.layers[before].view(), internal),
        };
        for (sources, fired) in sources.rows().into_iter().zip(fired.rows()) {
            for (source, acts) in sources.iter().zip(acts.rows()).filter(|(time, _)| time.is_finite()) {
                let arrives = source + latency;
                total += acts.iter().zip(fired).filter(|(acts, fired)| **acts && arrives < **fired).count() as u64;
            }
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::scaling::Latency;

    #[test]
    fn what_comes_late_or_meets_no_weight_does_not_count() {
        let latency = Latency { external_us: 0.6, internal_us: 1.2 };
        let scaling = Scaling { us_per_time: 6.0, lsb_per_weight: 30.0, threshold: 2.6, tau_mem: 1.0, latency };
        let network = Network::new(vec![array![[1.0, 0.01], [1.0, -1.0], [1.0, 1.0]], array![[1.0], [0.5]]]);
        let inputs = array![[0.1, 0.5, f64::INFINITY]];
        // First layer: both arrive before .7, one meets no weight. Neuron 0 fires at .58, before the second arrives.
        let spikes = Spikes::first(vec![array![[0.58, f64::INFINITY]], array![[0.9]]]);
        assert_eq!(count(&network, &scaling, inputs.view(), &spikes), 2 + 1);
        let late = Spikes::first(vec![array![[0.71, f64::INFINITY]], array![[0.9]]]);
        assert_eq!(count(&network, &scaling, inputs.view(), &late), 3);
    }
}
