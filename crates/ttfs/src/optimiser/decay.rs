//! Weight decay that does not pass through the optimiser.
//!
//! ```text
//! w <- (1 - rate lambda) w          rate: learning rate of the layer
//! ```
//!
//! A price of large weights in the gradient ([`l2`](crate::loss::l2)) is divided by the size of the gradient like the rest of it when
//! Adam makes a step, so weights with large gradients feel it least. Taken beside the step it shrinks all weights of a layer alike.
//!
//! Source: Loshchilov and Hutter, arXiv 1711.05101 (`AdamW`), decoupled weight decay.

use ndarray::{Array, Dimension};

/// Shrinks the weights of every layer by `rate * decay`, `rates` being the learning rates of the layers.
///
/// Without decay (0) nothing changes. For the rule as published it goes before the step of the optimiser.
///
/// ```
/// use ndarray::array;
/// use ttfs::optimiser::decay;
///
/// let mut weights = [array![2.0, -1.0], array![1.0, 0.0]];
/// decay(0.5, &[0.1, 0.2], &mut weights);
/// assert_eq!(weights, [array![1.9, -0.95], array![0.9, 0.0]]);
/// ```
pub fn decay<D: Dimension>(decay: f64, rates: &[f64], weights: &mut [Array<f64, D>]) {
    if decay == 0.0 {
        return;
    }
    for (weights, rate) in weights.iter_mut().zip(rates) {
        let factor = 1.0 - rate * decay;
        weights.mapv_inplace(|w| w * factor);
    }
}
