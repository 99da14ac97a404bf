//! The backward pass of equal neurons for many samples: gradients by weights in single precision, everything else in double.
//!
//! It is [`BackwardPass`], written for speed. What decides how large a derivative is (sums over causal inputs, the slope of the
//! membrane, the guard) and what travels down to the layers below stays in double precision; what is added up over samples,
//! one number per pair of input and neuron, is not. Rows of weights and gradients are padded to whole vectors, neurons
//! are the lanes, and accumulators stay in registers while inputs pass by.
//!
//! Against the twin, [`BackwardPass`], gradients by weights differ by less than 3e-6 of the largest one of the layer, those by times
//! by 1e-11 of the largest one. All kinds of [`Instructions`] give the same bytes.

mod loops;

use bss2_emu::vectors::Instructions;
use ndarray::{Array2, ArrayView1, ArrayView2, s};

use super::{BackwardPass, Estimator, SLOPE_FLOOR};
use crate::neuron::{Dynamics, Membrane};
use crate::scaling::Scaling;
use loops::{Charges, InputFactors, Inputs, Kernels, Neurons, TimeSums, WeightGradients};

/// Rows are whole multiples of this.
const LANES: usize = 16;

/// Longest span of times, in the shorter time constant, for which factors keep their digits in single precision.
const MAX_SPAN: f64 = 20.0;

/// Weights of a layer in rows of whole vectors, zeros at the end of each.
#[derive(Debug, Clone, Default)]
pub(crate) struct Weights {
    n_inputs: usize,
    n_neurons: usize,
    stride: usize,
    rows: Array2<f64>,
}

impl Weights {
    /// Takes weights as a substrate has them: on the grid if there is one.
    pub(crate) fn fill(&mut self, weights: &Array2<f64>, grid: Option<&Scaling>) {
        let (n_inputs, n_neurons) = weights.dim();
        // An odd number of cache lines: rows that are a power of two apart would share the same few places in a cache.
        let stride = (n_neurons.div_ceil(LANES) | 1) * LANES;
        if (self.n_inputs, self.n_neurons) != (n_inputs, n_neurons) {
            *self = Self { n_inputs, n_neurons, stride, rows: Array2::zeros((n_inputs, stride)) };
        }
        for (mut row, weights) in self.rows.rows_mut().into_iter().zip(weights.rows()) {
            let pairs = row.iter_mut().zip(weights);
            match grid {
                Some(grid) => pairs.for_each(|(row, w)| *row = grid.rounded(*w)),
                None => pairs.for_each(|(row, w)| *row = *w),
            }
        }
    }

    /// Numbers in a gradient by these weights.
    pub(crate) fn padded_len(&self) -> usize {
        self.rows.len()
    }

    fn flat(&self) -> &[f64] {
        self.rows.as_slice().unwrap_or_default()
    }

    /// Numbers in a row.
    pub(crate) fn stride(&self) -> usize {
        self.stride
    }

    /// `(n_inputs, n_neurons)`.
    pub(crate) fn view(&self) -> ArrayView2<'_, f64> {
        self.rows.slice(s![.., ..self.n_neurons])
    }
}

/// What one worker keeps from sample to sample.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    inputs: Inputs,
    neurons: Neurons,
}

/// The backward pass of [`BackwardPass`] with gradients by weights in single precision.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SinglePass {
    pub(crate) pass: BackwardPass,
    pub(crate) instructions: Instructions,
}

/// One sample in one layer, as [`BackwardPass::layer`] has it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample<'a> {
    pub(crate) sources: ArrayView1<'a, f64>,
    /// From a source's spike to its synapses.
    pub(crate) latency: f64,
    pub(crate) outputs: ArrayView1<'a, f64>,
    pub(crate) errors: &'a [f64],
}

impl SinglePass {
    /// Adds `dL/dw` of a sample to `gradient`, padded as the weights are, and writes `dL/dt` of the sources into `by_times`, if that
    /// is wanted.
    pub(crate) fn layer(
        &self,
        weights: &Weights,
        sample: Sample,
        scratch: &mut Scratch,
        gradient: &mut [f32],
        mut by_times: Option<&mut Vec<f64>>,
    ) {
        if let Some(by_times) = &mut by_times {
            by_times.clear();
            by_times.resize(weights.n_inputs, 0.0);
        }
        let dynamics = self.pass.model.dynamics();
        let Scratch { inputs, neurons } = scratch;
        let last = neurons.begin(weights.n_neurons.next_multiple_of(LANES), sample.outputs, sample.errors);
        let first = inputs.gather(sample.sources, sample.latency, last);
        if inputs.is_empty() {
            return;
        }
        if last - first > MAX_SPAN * dynamics.tau_fast {
            self.by_the_twin(weights, sample, gradient, by_times);
            return;
        }
        let reference = first;
        let run = self.instructions;
        run.run(InputFactors { inputs, dynamics, reference });
        run.run(Charges { weights: weights.flat(), stride: weights.stride, inputs, neurons });
        run.run(Kernels { neurons, dynamics, reference });
        self.responses(dynamics, reference, inputs, neurons, sample.errors);
        neurons.factors(dynamics, reference);
        run.run(WeightGradients { gradient, stride: weights.stride, inputs, neurons });
        if let Some(by_times) = by_times {
            run.run(TimeSums { by_times, weights: weights.flat(), stride: weights.stride, inputs, neurons });
        }
    }

    /// The error of each neuron divided by its slope: zero where it has no response, its part on weights zero where the guard holds.
    fn responses(&self, dynamics: Dynamics, reference: f64, inputs: &Inputs, neurons: &mut Neurons, errors: &[f64]) {
        let largest_kernel = dynamics.psp_peak();
        let floor = SLOPE_FLOOR * self.pass.model.threshold / dynamics.tau_syn;
        for (j, &error) in errors.iter().enumerate() {
            if neurons.until[j] == f64::NEG_INFINITY {
                continue;
            }
            let state = Membrane { v: neurons.v[j], i: neurons.i[j] };
            let (slope, shift) = if self.pass.estimator == Estimator::Model {
                let Some(response) = self.pass.response(&dynamics, state) else { continue };
                (response.slope, response.shift)
            } else {
                let slope = dynamics.slope(state);
                if slope <= floor || slope.is_nan() {
                    continue;
                }
                (slope, 0.0)
            };
            if shift != 0.0 {
                let since = neurons.until[j] + shift - reference;
                neurons.d[j] = libm::exp(-since / dynamics.tau_slow);
                neurons.p[j] = dynamics.spread(since);
                neurons.g[j] = libm::exp(-dynamics.gap.abs() * since);
            }
            let by_slope = error / slope;
            let factor = neurons.d[j] * by_slope;
            neurons.by_time[j] = factor;
            let guarded = self.pass.guard.is_some_and(|guard| {
                (shift != 0.0 || by_slope.abs() * largest_kernel > guard)
                    && inputs.largest_kernel(neurons.p[j], neurons.g[j], neurons.until[j]) * factor.abs()
                        / dynamics.tau_syn
                        > guard
            });
            neurons.by_weight[j] = if guarded { 0.0 } else { factor };
        }
    }

    /// For samples whose times span too much.
    #[cold]
    fn by_the_twin(&self, weights: &Weights, sample: Sample, gradient: &mut [f32], by_times: Option<&mut Vec<f64>>) {
        let times = sample.sources.mapv(|t| t + sample.latency);
        let mut by_weights = Array2::zeros((weights.n_inputs, weights.n_neurons));
        let errors = ArrayView1::from(sample.errors);
        let found = self.pass.layer(times.view(), weights.view(), sample.outputs, errors, &mut by_weights);
        for (sum, row) in gradient.chunks_exact_mut(weights.stride).zip(by_weights.rows()) {
            for (sum, part) in sum.iter_mut().zip(row) {
                *sum += *part as f32;
            }
        }
        if let Some(by_times) = by_times {
            by_times.clear();
            by_times.extend(found);
        }
    }
}

#[cfg(test)]
mod tests;
