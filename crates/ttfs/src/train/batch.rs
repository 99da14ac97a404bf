//! The gradient of a batch: samples in parallel, sums in a fixed order.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2};
use rayon::prelude::*;

use crate::gradient::{Arrivals, BackwardPass, Estimator, IndividualPass, LayerGradient, LayerPass};
use crate::loss::Loss;
use crate::network::{Layer, Network};
use crate::neuron::NeuronModel;
use crate::substrate::Spikes;

/// Samples whose gradients are summed by one worker: a quarter of the batch, but not fewer than this. Part of the result's
/// definition: floating-point sums depend on it, so it must not depend on the number of threads.
const CHUNK: usize = 10;

/// How errors travel back through a network.
#[derive(Debug, Clone)]
pub(super) struct Backward {
    /// Through a layer of equal neurons.
    pub(super) pass: BackwardPass,
    /// From a spike sent from outside, and from a neuron's spike, to their synapses.
    pub(super) latencies: [f64; 2],
    /// What was measured of the neurons of each layer, if anything was.
    pub(super) neurons: Option<Vec<Vec<NeuronModel>>>,
}

impl Backward {
    fn of_layer(&self, layer: usize) -> LayerPass<'_> {
        let measured = self.neurons.as_ref().filter(|_| self.pass.estimator == Estimator::Calibrated);
        match measured.and_then(|neurons| neurons.get(layer)) {
            Some(neurons) => LayerPass::Individual(IndividualPass { neurons, guard: self.pass.guard }),
            None => LayerPass::Equal(self.pass),
        }
    }
}

/// Gradient of the mean loss over the batch by weights and delays of every layer.
///
/// `layers` are weights and delays that the substrate had, `spikes` what it measured.
pub(super) fn gradients(
    backward: &Backward,
    loss: &Loss,
    layers: &[Layer],
    inputs: ArrayView2<f64>,
    spikes: &Spikes,
    labels: &[usize],
) -> Vec<LayerGradient> {
    let (gradients, _) = in_parts(layers, labels.len(), |sample, gradients| {
        let error = output_error(loss, &spikes.layers, labels, sample);
        descend(backward, layers, inputs, spikes, sample, Errors { outputs: error, others: None }, gradients)
    });
    gradients
}

/// The same for given errors of all layers, `dL/dT` each `(n_samples, n_neurons)`, with `dL/dt` of the inputs.
pub(super) fn gradients_of_errors(
    backward: &Backward,
    layers: &[Layer],
    inputs: ArrayView2<f64>,
    spikes: &Spikes,
    errors: &[Array2<f64>],
) -> (Vec<LayerGradient>, Array2<f64>) {
    let (gradients, rows) = in_parts(layers, inputs.nrows(), |sample, gradients| {
        let outputs = errors.last().map_or_else(|| Array1::zeros(0), |errors| errors.row(sample).to_owned());
        descend(backward, layers, inputs, spikes, sample, Errors { outputs, others: Some(errors) }, gradients)
    });
    let mut by_inputs = Array2::zeros(inputs.dim());
    for (mut row, by_times) in by_inputs.rows_mut().into_iter().zip(rows) {
        if let Some(by_times) = by_times {
            row.assign(&by_times);
        }
    }
    (gradients, by_inputs)
}

/// Does `of_sample` for every sample, which adds to the gradients of a part of the batch; their sums in a fixed order, and what each
/// sample returned.
fn in_parts<T: Send>(
    layers: &[Layer],
    n_samples: usize,
    of_sample: impl Fn(usize, &mut [LayerGradient]) -> T + Sync,
) -> (Vec<LayerGradient>, Vec<T>) {
    let samples: Vec<usize> = (0..n_samples).collect();
    let parts: Vec<(Vec<LayerGradient>, Vec<T>)> = samples
        .par_chunks(CHUNK.max(n_samples.div_ceil(4)))
        .map(|chunk| {
            let mut gradients: Vec<LayerGradient> = layers.iter().map(LayerGradient::zeros).collect();
            let returned = chunk.iter().map(|&sample| of_sample(sample, &mut gradients)).collect();
            (gradients, returned)
        })
        .collect();
    let mut sum: Vec<LayerGradient> = layers.iter().map(LayerGradient::zeros).collect();
    let mut all = Vec::with_capacity(n_samples);
    for (part, returned) in parts {
        all.extend(returned);
        for (sum, part) in sum.iter_mut().zip(part) {
            sum.weights += &part.weights;
            sum.delays += &part.delays;
        }
    }
    (sum, all)
}

/// Errors of one sample's spikes.
struct Errors<'a> {
    /// Of the last layer.
    outputs: Array1<f64>,
    /// Of all layers, `(n_samples, n_neurons)`, if hidden spikes have errors of their own; the error of the inputs is wanted then, too.
    others: Option<&'a [Array2<f64>]>,
}

/// Gradients by the weights, and by the parameters of the delays.
pub(super) fn by_parameters(network: &Network, gradients: Vec<LayerGradient>) -> (Vec<Array2<f64>>, Vec<Array2<f64>>) {
    let each = network.delays.iter().zip(&network.delay_parameters).zip(gradients);
    each.map(|((range, parameters), gradient)| (gradient.weights, range.by_parameters(parameters, &gradient.delays)))
        .unzip()
}

/// Derivative of the mean loss by the output times of one sample.
fn output_error(loss: &Loss, layers: &[Array2<f64>], labels: &[usize], sample: usize) -> Array1<f64> {
    layers.last().map_or_else(
        || Array1::zeros(0),
        |outputs| loss.of_sample(outputs.row(sample), labels[sample]).1 / labels.len() as f64,
    )
}

/// Takes the error of one sample down through the layers; the error of the inputs, if it is wanted.
fn descend(
    backward: &Backward,
    layers: &[Layer],
    inputs: ArrayView2<f64>,
    spikes: &Spikes,
    sample: usize,
    errors: Errors,
    gradients: &mut [LayerGradient],
) -> Option<Array1<f64>> {
    let [external, internal] = backward.latencies;
    let Errors { outputs: mut error, others } = errors;
    for (number, (layer, gradient)) in layers.iter().zip(gradients).enumerate().rev() {
        let measured = spikes.delayed.get(number).and_then(Option::as_ref);
        let (sources, latency) = match (measured, number) {
            (Some(delayed), _) => (delayed.row(sample), internal),
            (None, 0) => (inputs.row(sample), external),
            (None, _) => (spikes.layers[number - 1].row(sample), internal),
        };
        let times = after(sources, latency);
        let arrivals = if measured.is_some() { Arrivals::Delayed(times.view()) } else { Arrivals::Sent(times.view()) };
        let outputs = spikes.layers[number].row(sample);
        let pass = backward.of_layer(number);
        let inputs_matter = number > 0 || others.is_some();
        if let Some(by_times) = pass.layer(layer, arrivals, outputs, error.view(), gradient, inputs_matter) {
            error = by_times;
            if let (Some(others), 1..) = (others, number) {
                error += &others[number - 1].row(sample);
            }
        }
    }
    others.map(|_| error)
}

/// When spikes reach their synapses; silent ones never do.
fn after(times: ArrayView1<f64>, latency: f64) -> Array1<f64> {
    times.mapv(|time| time + latency)
}
