//! The backward pass through a layer of neurons that are each their own.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

use super::SLOPE_FLOOR;
use crate::neuron::NeuronModel;

/// Backward pass through one layer for one sample, each neuron by its own model.
///
/// The derivatives are those of [`Estimator::Measured`](super::Estimator::Measured) with the neuron's own kernels `k_x` and gains `g_x`, `x` the sign of the
/// weight (0 counts as excitatory):
///
/// ```text
/// dT/dw_i = -g_x k_x(T - t_i)/V'(T)        dT/dt_i = w_i g_x k_x'(T - t_i)/V'(T)
/// ```
/// A factor common to both gains cancels: what the neuron's own model adds are its time constants and the ratio of
/// inhibition to excitation. Derivatives are zero where `V'(T)` is not above
/// [`SLOPE_FLOOR`]` (threshold - leak)/tau_syn_exc`. Costs two exponentials per pair.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IndividualPass<'a> {
    /// The neurons, `(n_neurons)`.
    pub neurons: &'a [NeuronModel],
    /// As [`BackwardPass::guard`](super::BackwardPass::guard).
    pub guard: Option<f64>,
}

impl IndividualPass<'_> {
    /// Adds `dL/dw` of this sample to `grad_weights` and returns `dL/dt_in`; arguments as those of
    /// [`BackwardPass::layer`](super::BackwardPass::layer).
    ///
    /// # Panics
    /// If the shapes do not belong together.
    pub fn layer(
        &self,
        times: ArrayView1<f64>,
        weights: ArrayView2<f64>,
        outputs: ArrayView1<f64>,
        errors: ArrayView1<f64>,
        grad_weights: &mut Array2<f64>,
    ) -> Array1<f64> {
        assert_eq!(times.len(), weights.nrows(), "one row of weights per input");
        assert_eq!(self.neurons.len(), weights.ncols(), "one neuron per column of weights");
        assert_eq!(outputs.len(), weights.ncols(), "one output time per column of weights");
        assert_eq!(errors.len(), outputs.len(), "one error per output");
        assert_eq!(grad_weights.dim(), weights.dim(), "one gradient per weight");
        let mut by_times = Array1::zeros(times.len());
        // Row, PSP and its slope per unit of weight, of the inputs that precede the spike.
        let mut causal: Vec<(usize, f64, f64)> = Vec::with_capacity(times.len());
        for (j, neuron) in self.neurons.iter().enumerate() {
            let (t, error) = (outputs[j], errors[j]);
            if !t.is_finite() || !error.is_finite() || error == 0.0 {
                continue;
            }
            let (course, column) = (neuron.course(), weights.column(j));
            causal.clear();
            causal.extend(times.iter().zip(column).enumerate().filter(|(_, (t_in, _))| **t_in <= t).map(
                |(row, (t_in, w))| {
                    let (psp, slope) = neuron.kernel(&course, *w, t - t_in);
                    (row, psp, slope)
                },
            ));
            let slope: f64 = causal.iter().map(|&(row, _, rise)| column[row] * rise).sum();
            if !(slope.is_finite() && slope > SLOPE_FLOOR * neuron.swing() / neuron.tau_syn_exc) {
                continue;
            }
            let factor = error / slope;
            let largest = causal.iter().fold(0.0, |most: f64, (_, psp, _)| most.max(psp.abs())) * factor.abs();
            let guarded = self.guard.is_some_and(|guard| largest > guard);
            for &(row, psp, rise) in &causal {
                if !guarded {
                    grad_weights[[row, j]] -= factor * psp;
                }
                by_times[row] += factor * column[row] * rise;
            }
        }
        by_times
    }
}
