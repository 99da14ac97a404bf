//! What weights lose on their way to codes of six bits and a sign.

use serde::Serialize;

use crate::expansion::LARGEST_CODE;
use crate::{Expansion, Trained};

/// What became of the weights of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct WeightLoss {
    /// Layer, counted from 1.
    pub layer: usize,
    /// Weights.
    pub weights: usize,
    /// Share beyond what one synapse carries.
    pub beyond_a_synapse: f64,
    /// Share beyond what the rows of their sources carry together: clipped.
    pub clipped: f64,
    /// Share of weights, not zero before, that are rounded to zero.
    pub rounded_to_zero: f64,
    /// Root mean square of the change, clipping and rounding, relative to that of the weights.
    pub relative_rms: f64,
    /// Largest weight in codes, before clipping.
    pub largest_codes: f64,
}

/// The loss of each layer, if a threshold is worth so many codes ([`crate::Mapping::codes_per_threshold`]).
pub fn of_weights(trained: &Trained, expansion: &Expansion, codes_per_threshold: f64) -> Vec<WeightLoss> {
    let codes = codes_per_threshold / trained.threshold;
    let of_layer = |(layer, weights): (usize, &ndarray::Array2<f64>)| {
        let mut loss = WeightLoss { layer: layer + 1, weights: weights.len(), ..WeightLoss::default() };
        let (mut clipped, mut beyond, mut zero, mut nonzero) = (0, 0, 0, 0);
        let (mut change, mut whole) = (0.0, 0.0);
        for (source, row) in weights.rows().into_iter().enumerate() {
            let most = (LARGEST_CODE * expansion.rows_of(layer, source) as i64) as f64;
            for weight in row {
                let wanted = weight * codes;
                let code = wanted.round().clamp(-most, most);
                beyond += usize::from(wanted.abs() > LARGEST_CODE as f64 + 0.5);
                clipped += usize::from(wanted.abs() > most + 0.5);
                nonzero += usize::from(*weight != 0.0);
                zero += usize::from(*weight != 0.0 && code == 0.0);
                change += (wanted - code).powi(2);
                whole += wanted.powi(2);
                loss.largest_codes = loss.largest_codes.max(wanted.abs());
            }
        }
        let share = |n: usize, of: usize| n as f64 / of.max(1) as f64;
        loss.beyond_a_synapse = share(beyond, weights.len());
        loss.clipped = share(clipped, weights.len());
        loss.rounded_to_zero = share(zero, nonzero);
        loss.relative_rms = if whole > 0.0 { (change / whole).sqrt() } else { 0.0 };
        loss
    };
    trained.network.weights.iter().enumerate().map(of_layer).collect()
}

#[cfg(test)]
mod tests {
    use ndarray::array;
    use ttfs::network::Network;

    use super::*;
    use crate::Mapping;

    #[test]
    fn clipping_rounding_and_copies_are_counted() {
        let network = Network::new(vec![array![[1.0, 10.0], [0.001, 0.0]]]);
        let trained = Trained { network: &network, biases: &[], threshold: 1.0, tau_mem: 1.0 };
        let of = |copies| {
            let mapping = Mapping { input_copies: copies, ..Mapping::default() };
            of_weights(&trained, &Expansion::new(&trained, &mapping).unwrap(), 20.0)[0]
        };
        let loss = of(1);
        assert_eq!((loss.clipped, loss.beyond_a_synapse, loss.largest_codes), (0.25, 0.25, 200.0));
        assert_eq!(loss.rounded_to_zero, 1.0 / 3.0);
        // 137 of 200.99 codes are cut off, and .02 rounded.
        let expected = ((137.0_f64.powi(2) + 0.02_f64.powi(2)) / (200.0_f64.powi(2) + 400.0 + 0.02_f64.powi(2))).sqrt();
        assert!((loss.relative_rms - expected).abs() < 1e-12);
        assert_eq!((of(4).clipped, of(4).beyond_a_synapse), (0.0, 0.25));
    }
}
