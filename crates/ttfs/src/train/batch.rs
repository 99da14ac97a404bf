//! The gradient of a batch: samples in parallel, sums in a fixed order.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2};
use rayon::prelude::*;

use crate::gradient::BackwardPass;
use crate::loss::TtfsLoss;

/// Samples whose gradients are summed by one worker: a quarter of the batch, but not fewer than this. Part of the result's
/// definition: floating-point sums depend on it, so it must not depend on the number of threads.
const CHUNK: usize = 10;

/// Gradient of the mean loss over the batch by the weights of every layer.
///
/// `layers` are the measured first-spike times of every layer, `weights` the weights that the substrate had. `latencies` (from
/// outside, from a neuron) turn the time of a spike into the time at which it acts.
pub(super) fn gradients(
    backward: &BackwardPass,
    latencies: [f64; 2],
    loss: &TtfsLoss,
    weights: &[Array2<f64>],
    inputs: ArrayView2<f64>,
    layers: &[Array2<f64>],
    labels: &[usize],
) -> Vec<Array2<f64>> {
    let samples: Vec<usize> = (0..labels.len()).collect();
    let parts: Vec<Vec<Array2<f64>>> = samples
        .par_chunks(CHUNK.max(labels.len().div_ceil(4)))
        .map(|chunk| {
            let mut gradients: Vec<Array2<f64>> = weights.iter().map(|w| Array2::zeros(w.dim())).collect();
            for &sample in chunk {
                let error = output_error(loss, layers, labels, sample);
                descend(backward, latencies, weights, inputs, layers, sample, error, &mut gradients);
            }
            gradients
        })
        .collect();
    let mut sum: Vec<Array2<f64>> = weights.iter().map(|w| Array2::zeros(w.dim())).collect();
    for part in parts {
        for (sum, part) in sum.iter_mut().zip(part) {
            *sum += &part;
        }
    }
    sum
}

/// Derivative of the mean loss by the output times of one sample.
fn output_error(loss: &TtfsLoss, layers: &[Array2<f64>], labels: &[usize], sample: usize) -> Array1<f64> {
    layers.last().map_or_else(
        || Array1::zeros(0),
        |outputs| loss.of_sample(outputs.row(sample), labels[sample]).1 / labels.len() as f64,
    )
}

/// Takes the error of one sample down through the layers.
#[expect(clippy::too_many_arguments, reason = "one sample of the arguments of `gradients`")]
fn descend(
    backward: &BackwardPass,
    [external, internal]: [f64; 2],
    weights: &[Array2<f64>],
    inputs: ArrayView2<f64>,
    layers: &[Array2<f64>],
    sample: usize,
    mut error: Array1<f64>,
    gradients: &mut [Array2<f64>],
) {
    for layer in (1..weights.len()).rev() {
        error = backward.layer(
            arrivals(layers[layer - 1].row(sample), internal).view(),
            weights[layer].view(),
            layers[layer].row(sample),
            error.view(),
            &mut gradients[layer],
        );
    }
    if let (Some(weights), Some(times), Some(gradient)) = (weights.first(), layers.first(), gradients.first_mut()) {
        let inputs = arrivals(inputs.row(sample), external);
        backward.first_layer(inputs.view(), weights.view(), times.row(sample), error.view(), gradient);
    }
}

/// When spikes reach their synapses; silent ones never do.
fn arrivals(times: ArrayView1<f64>, latency: f64) -> Array1<f64> {
    times.mapv(|time| time + latency)
}
