//! The kernel of every (input, output) pair of a layer, without an exponential per pair.
//!
//! With times counted from a common reference, `sigma = |gap|` and the slower and faster of the time constants, the
//! kernel factorises, and no factor loses digits as the time constants approach each other:
//!
//! ```text
//! m = (1 - e^(-sigma (T - t)))/sigma = P - Q g
//! k(T - t)  = d e m / tau_syn
//! k'(T - t) = d e (1 - m/tau_fast) / tau_syn
//! of the output: d = e^(-T/tau_slow), P = (1 - e^(-sigma T))/sigma, g = e^(-sigma T)
//! of the input:  e = e^(t/tau_slow),  Q = (e^(sigma t) - 1)/sigma
//! ```

use bss2_emu::vectors::widest;
use ndarray::{Array1, ArrayView1, ArrayView2, ArrayViewMut2};

use super::loops::{Charges, Columns, TimeTerms, WeightGradients, contiguous, slice_mut};
use crate::neuron::{Dynamics, Membrane, expm1_over};

/// One input that precedes some output.
struct Input {
    row: usize,
    t: f64,
    e: f64,
    q: f64,
}

/// The factors of one output time.
#[derive(Debug, Clone, Copy)]
pub(super) struct OutputKernel {
    d: f64,
    p: f64,
    g: f64,
}

/// Causal pairs of inputs and outputs.
pub(super) struct Pairs {
    pub(super) dynamics: Dynamics,
    reference: f64,
    inputs: Vec<Input>,
    /// Output times, `-inf` for outputs without error.
    until: Array1<f64>,
}

/// Per output: its kernel, and the error divided by the slope and multiplied with all that does not depend on the
/// input.
pub(super) struct Factors {
    p: Array1<f64>,
    g: Array1<f64>,
    pub(super) by_weight: Array1<f64>,
    by_time: Array1<f64>,
}

impl Factors {
    pub(super) fn zeros(n: usize) -> Self {
        let zeros = Array1::zeros(n);
        Self { p: zeros.clone(), g: zeros.clone(), by_weight: zeros.clone(), by_time: zeros }
    }

    pub(super) fn set(&mut self, neuron: usize, kernel: OutputKernel, error_by_slope: f64) {
        self.p[neuron] = kernel.p;
        self.g[neuron] = kernel.g;
        self.by_weight[neuron] = kernel.d * error_by_slope;
        self.by_time[neuron] = kernel.d * error_by_slope;
    }
}

impl Pairs {
    pub(super) fn new(dynamics: Dynamics, times: ArrayView1<f64>, until: Array1<f64>, reference: f64) -> Self {
        let last = until.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let causal = times.iter().copied().enumerate().filter(|&(_, t)| t <= last);
        let sigma = dynamics.gap.abs();
        let inputs = causal.map(|(row, t)| {
            let since = t - reference;
            Input { row, t, e: libm::exp(since / dynamics.tau_slow), q: since * expm1_over(sigma * since) }
        });
        let inputs = inputs.collect();
        Self { dynamics, reference, inputs, until }
    }

    pub(super) fn is_active(&self, neuron: usize) -> bool {
        self.until[neuron].is_finite()
    }

    /// Factors of an output, `shift` after its spike time.
    pub(super) fn kernel_at(&self, neuron: usize, shift: f64) -> OutputKernel {
        let since = self.until[neuron] + shift - self.reference;
        let sigma = self.dynamics.gap.abs();
        OutputKernel {
            d: libm::exp(-since / self.dynamics.tau_slow),
            p: self.dynamics.spread(since),
            g: libm::exp(-sigma * since),
        }
    }

    /// The model's membrane of each output at its spike time.
    pub(super) fn membranes(&self, weights: ArrayView2<f64>) -> Vec<Membrane> {
        // sum w e and sum w e Q over causal inputs
        let mut plain = Array1::<f64>::zeros(self.until.len());
        let mut lagged = plain.clone();
        let until = &contiguous(self.until.view());
        for &Input { row, t, e, q } in &self.inputs {
            widest(Charges {
                plain: slice_mut(&mut plain),
                lagged: slice_mut(&mut lagged),
                weights: &contiguous(weights.row(row)),
                until,
                input: (t, e, q),
            });
        }
        let tau_syn = self.dynamics.tau_syn;
        let sums = plain.iter().zip(&lagged).enumerate();
        let membranes = sums.map(|(neuron, (plain, lagged))| {
            if !self.is_active(neuron) {
                return Membrane { v: 0.0, i: 0.0 };
            }
            let OutputKernel { d, p, g } = self.kernel_at(neuron, 0.0);
            let m = p * plain - g * lagged;
            Membrane { v: d * m / tau_syn, i: d * (plain - self.dynamics.gap.max(0.0) * m) }
        });
        membranes.collect()
    }

    /// Largest `|dL/dw|` in the column of `neuron`.
    pub(super) fn largest_weight_gradient(&self, neuron: usize, factors: &Factors) -> f64 {
        let (p, g, until) = (factors.p[neuron], factors.g[neuron], self.until[neuron]);
        let causal = self.inputs.iter().filter(|input| input.t <= until);
        let largest = causal.map(|input| input.e * (p - input.q * g).abs()).fold(0.0, f64::max);
        largest * factors.by_weight[neuron].abs() / self.dynamics.tau_syn
    }

    /// `dL/dw_ij -= k_ij error_j/D_j`
    pub(super) fn add_weight_gradients(&self, factors: &Factors, by_weights: &mut ArrayViewMut2<f64>) {
        let until = &contiguous(self.until.view());
        let [p, g, factor] = [&factors.p, &factors.g, &factors.by_weight].map(|f| contiguous(f.view()));
        let (p, g, factor) = (&*p, &*g, &*factor);
        for &Input { row, t, e, q } in &self.inputs {
            let scale = e / self.dynamics.tau_syn;
            let mut gradients = by_weights.row_mut(row);
            let factors = Columns { until, p, g, factor };
            if let Some(gradients) = gradients.as_slice_mut() {
                widest(WeightGradients { gradients, factors, t, scale, q });
            } else {
                let mut copy = gradients.to_vec();
                widest(WeightGradients { gradients: &mut copy, factors, t, scale, q });
                gradients.assign(&ArrayView1::from(&copy));
            }
        }
    }

    /// `dL/dt_i += sum_j w_ij k'_ij error_j/D_j`
    pub(super) fn add_time_gradients(&self, factors: &Factors, weights: ArrayView2<f64>, by_times: &mut Array1<f64>) {
        let mut terms = Array1::<f64>::zeros(self.until.len());
        let until = &contiguous(self.until.view());
        let [p, g, factor] = [&factors.p, &factors.g, &factors.by_time].map(|f| contiguous(f.view()));
        let (p, g, factor) = (&*p, &*g, &*factor);
        let per_tau = 1.0 / self.dynamics.tau_fast;
        for &Input { row, t, e, q } in &self.inputs {
            widest(TimeTerms {
                terms: slice_mut(&mut terms),
                weights: &contiguous(weights.row(row)),
                factors: Columns { until, p, g, factor },
                t,
                q,
                per_tau,
            });
            by_times[row] += e / self.dynamics.tau_syn * terms.sum();
        }
    }
}
