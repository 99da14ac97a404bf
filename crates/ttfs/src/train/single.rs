//! The gradient of a batch in single precision: samples in parallel, sums in a fixed order, memory kept from batch to batch.

use bss2_emu::vectors::Instructions;
use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;

use super::batch::Backward;
use crate::gradient::single::{Sample, Scratch, SinglePass, Weights};
use crate::loss::Loss;
use crate::network::Network;
use crate::scaling::Scaling;
use crate::substrate::Spikes;

/// A batch is cut into so many parts, but none of fewer samples than [`LEAST`]. Part of the result's definition: it must not depend
/// on the number of threads.
const PARTS: usize = 8;
const LEAST: usize = 10;

/// What training keeps from batch to batch.
#[derive(Debug)]
pub(super) struct Workspace {
    instructions: Instructions,
    layers: Vec<Weights>,
    parts: Vec<Part>,
    sums: Vec<Array2<f64>>,
}

/// What one worker needs.
#[derive(Debug, Default)]
struct Part {
    gradients: Vec<Vec<f32>>,
    scratch: Scratch,
    errors: Vec<f64>,
    below: Vec<f64>,
}

impl Workspace {
    /// For a network without delays.
    pub(super) fn new(network: &Network, instructions: Instructions) -> Self {
        let layers = vec![Weights::default(); network.weights.len()];
        let sums = network.weights.iter().map(|weights| Array2::zeros(weights.dim())).collect();
        Self { instructions, layers, parts: Vec::new(), sums }
    }

    /// Takes the weights that the substrate had.
    pub(super) fn fill(&mut self, network: &Network, grid: Option<&Scaling>) {
        for (layer, weights) in self.layers.iter_mut().zip(&network.weights) {
            layer.fill(weights, grid);
        }
    }

    /// Weights as they were taken.
    pub(super) fn weights(&self) -> Vec<Array2<f64>> {
        self.layers.iter().map(|layer| layer.view().to_owned()).collect()
    }

    /// Gradient of the mean loss over the batch by the weights of every layer.
    pub(super) fn gradients(
        &mut self,
        backward: &Backward,
        loss: &Loss,
        inputs: ArrayView2<f64>,
        spikes: &Spikes,
        labels: &[usize],
    ) -> &mut [Array2<f64>] {
        let size = LEAST.max(labels.len().div_ceil(PARTS));
        let n_parts = labels.len().div_ceil(size);
        if self.parts.len() < n_parts {
            self.parts.resize_with(n_parts, Part::default);
        }
        let (layers, parts) = (&self.layers, &mut self.parts[..n_parts]);
        let pass = SinglePass { pass: backward.pass, instructions: self.instructions };
        parts.par_iter_mut().enumerate().for_each(|(number, part)| {
            part.begin(layers);
            let samples = number * size..labels.len().min((number + 1) * size);
            for sample in samples {
                part.descend(&pass, backward.latencies, layers, loss, inputs, spikes, labels, sample);
            }
        });
        for (number, (sum, weights)) in self.sums.iter_mut().zip(layers).enumerate() {
            let (n, stride) = (sum.ncols(), weights.stride());
            let Some(sum) = sum.as_slice_mut().filter(|sum| !sum.is_empty()) else { continue };
            // Rows in pieces that are worth a thread of their own.
            let rows = (16_384 / stride).max(1);
            sum.par_chunks_mut(rows * n).enumerate().for_each(|(piece, sums)| {
                for (row, sums) in sums.chunks_exact_mut(n).enumerate() {
                    let from = (piece * rows + row) * stride;
                    sums.fill(0.0);
                    for part in parts.iter() {
                        for (sum, part) in sums.iter_mut().zip(&part.gradients[number][from..]) {
                            *sum += f64::from(*part);
                        }
                    }
                }
            });
        }
        &mut self.sums
    }
}

impl Part {
    fn begin(&mut self, layers: &[Weights]) {
        self.gradients.resize_with(layers.len(), Vec::new);
        for (gradient, layer) in self.gradients.iter_mut().zip(layers) {
            gradient.clear();
            gradient.resize(layer.padded_len(), 0.0);
        }
    }

    /// Takes the error of one sample down through the layers.
    #[expect(clippy::too_many_arguments, reason = "the batch, in its parts")]
    fn descend(
        &mut self,
        pass: &SinglePass,
        [external, internal]: [f64; 2],
        layers: &[Weights],
        loss: &Loss,
        inputs: ArrayView2<f64>,
        spikes: &Spikes,
        labels: &[usize],
        sample: usize,
    ) {
        let Self { gradients, scratch, errors, below } = self;
        let Some(outputs) = spikes.layers.last() else { return };
        let (_, error) = loss.of_sample(outputs.row(sample), labels[sample]);
        errors.clear();
        errors.extend(error.iter().map(|error| error / labels.len() as f64));
        for (number, (weights, gradient)) in layers.iter().zip(gradients).enumerate().rev() {
            let (sources, latency) = match number {
                0 => (inputs.row(sample), external),
                _ => (spikes.layers[number - 1].row(sample), internal),
            };
            let outputs = spikes.layers[number].row(sample);
            let given = Sample { sources, latency, outputs, errors };
            pass.layer(weights, given, scratch, gradient, (number > 0).then_some(&mut *below));
            std::mem::swap(errors, below);
        }
    }
}
