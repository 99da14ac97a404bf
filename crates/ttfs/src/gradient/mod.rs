//! How measured spike times move with weights and input times: the backward pass of one layer.
//!
//! A spike time is defined by `V(T) = threshold`, so its derivatives follow without simulating anything. They need
//! only what a chip can report (spike times) and an ideal model of the neuron; what differs between chip and model is
//! that the measured `T` is not quite the model's. The [`Estimator`]s are the ways to live with that. [`BackwardPass`] is that
//! of equal neurons, [`IndividualPass`] that of neurons which are each their own, and [`LayerPass`] adds delays to either.
//!
//! *Grazing.* Where a spike barely happens its derivatives diverge as one over the slope of the membrane. They are cut to zero
//! at [`SLOPE_FLOOR`], so none exceeds `max k / (SLOPE_FLOOR threshold/tau_syn)` per unit of error; what training allows is far less,
//! through [`BackwardPass::guard`].

mod delayed;
mod individual;
mod loops;
mod pairs;
mod response;
pub(crate) mod single;

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut2, s};
use serde::{Deserialize, Serialize};

pub(crate) use delayed::forward;
pub use delayed::{Arrivals, LayerGradient, LayerPass};
pub use individual::IndividualPass;

use crate::neuron::LifModel;
use pairs::{Factors, Pairs};

/// What to take for the slope of the membrane at a measured spike time `T` that is not quite the model's.
///
/// All inputs with `t_i <= T` (measured) are the causal set. With `V` the model's free potential for that set, `k`
/// the PSP of weight 1, and `T_m` the time at which `V`, continued freely to all times, rises through the threshold:
///
/// ```text
/// dT/dw_i = -k(T - t_i)/D        dT/dt_i = w_i k'(T - t_i)/D
///
/// measured   D = V'(T)                  calibrated: the same, V and k those of the neuron's own constants
/// model      D = V'(T_m) e^(-(T - T_m)/tau_mem)
/// ```
///
/// At `T = T_m` both are the exact implicit derivative. A derivative is zero where the model sees no rising crossing,
/// and where the slope (`V'(T)` or `V'(T_m)`) is not above [`SLOPE_FLOOR`]` threshold/tau_syn`, because there it
/// diverges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Estimator {
    /// The published closed forms, the slope taken where the model spikes.
    ///
    /// ```text
    /// tau_mem = tau_syn    dT/dw_i = -e^(t_i/tau) (T - t_i) / (a (1 + W))
    ///                      a = sum w_i e^(t_i/tau), b = sum w_i t_i/tau e^(t_i/tau), W = W_0(-threshold/a e^(b/a))
    /// tau_mem = 2 tau_syn  dT/dw_i = tau_mem/x (Y e^(t_i/tau_syn) - e^(t_i/tau_mem)),  Y = (x + c e^(T/tau_mem))/a_1
    ///                      dT/dt_i = w_i/x (2 Y e^(t_i/tau_syn) - e^(t_i/tau_mem)),    c = threshold/2
    ///                      a_1 = sum w_i e^(t_i/tau_syn), a_2 = sum w_i e^(t_i/tau_mem), x = sqrt(a_2^2 - 4 a_1 c)
    /// ```
    ///
    /// The type's general form reduces to the first continuously. The second is used as published for exactly
    /// `tau_mem = 2 tau_syn`: it is the general form with `T` replaced by `-tau_mem ln Y(T)`, a time that moves
    /// *against* `T` around `T_m`, so away from `T = T_m` it is not the limit of its neighbours, and for a measured
    /// `T` so late that the replaced time precedes `t_i` it has the wrong sign.
    ///
    /// Zero unless the causal set has a rising crossing. (The published formulas also have a value, of the wrong sign,
    /// where the synaptic current at `T` is negative and `V` only falls through the threshold.)
    ///
    /// Source: Göltz, Kriener et al., Nature Machine Intelligence 3 (2021) 823, and its repository.
    #[default]
    Model,
    /// The model's slope at the measured time.
    Measured,
    /// The same with every neuron's own model, as its calibration measured it: [`IndividualPass`].
    ///
    /// Where nothing was measured of single neurons (an ideal substrate) this is [`Self::Measured`].
    Calibrated,
}

/// Smallest slope of the membrane that a derivative is divided by, in units of `threshold/tau_syn`.
pub const SLOPE_FLOOR: f64 = 1e-6;

/// Longest span of times, in the shorter time constant, for which one reference time serves all neurons.
const MAX_SPAN: f64 = 100.0;

/// Backward pass through one layer for one sample.
///
/// ```
/// use ndarray::{Array2, array};
/// use ttfs::{gradient::{BackwardPass, Estimator}, neuron::LifModel};
///
/// let model = LifModel::default();
/// let (times, weights) = (array![0.2, 0.5], array![[2.0], [1.5]]);
/// let spikes = model.layer_forward(times.view(), weights.view());
/// let pass = BackwardPass { model, estimator: Estimator::Measured, guard: None };
/// let mut by_weights = Array2::zeros((2, 1));
/// let by_times = pass.layer(times.view(), weights.view(), spikes.view(), array![1.0].view(), &mut by_weights);
/// assert!(by_weights[[0, 0]] < 0.0, "a larger weight makes the spike earlier");
/// assert!((by_times.sum() - 1.0).abs() < 1e-14, "all inputs later by 1 make the spike later by 1");
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BackwardPass {
    /// The ideal neuron that the derivatives are those of.
    pub model: LifModel,
    /// Which slope to take at a measured time.
    pub estimator: Estimator,
    /// Largest `|dL/dw|` that an output neuron may cause with one sample; a neuron above it contributes nothing to
    /// the weight gradient, while the error sent to its inputs stays. `None`: no limit.
    pub guard: Option<f64>,
}

impl BackwardPass {
    /// Adds `dL/dw` of this sample to `grad_weights` and returns `dL/dt_in`, shape `(n_inputs)`.
    ///
    /// `times`: input spike times `(n_inputs)` in any order, silent `+inf`; `weights`: `(n_inputs, n_neurons)`;
    /// `outputs`: measured spike times `(n_neurons)`, silent `+inf`; `errors`: `dL/dT` `(n_neurons)`. Silent outputs,
    /// and errors that are not finite, count as zero error. Costs a few multiplications per (input, neuron) pair:
    /// exponentials are taken once per input and once per neuron, unless the times span more than 100 of the shorter
    /// time constant.
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
        let mut by_times = Array1::zeros(times.len());
        let given = Given { times, weights, outputs, errors };
        self.backward(&given, grad_weights.view_mut(), Some(&mut by_times));
        by_times
    }

    /// [`Self::layer`] for a layer whose inputs are data: only adds to `grad_weights`, in about half the time.
    ///
    /// # Panics
    /// If the shapes do not belong together.
    pub fn first_layer(
        &self,
        times: ArrayView1<f64>,
        weights: ArrayView2<f64>,
        outputs: ArrayView1<f64>,
        errors: ArrayView1<f64>,
        grad_weights: &mut Array2<f64>,
    ) {
        self.backward(&Given { times, weights, outputs, errors }, grad_weights.view_mut(), None);
    }

    fn backward(&self, given: &Given, mut by_weights: ArrayViewMut2<f64>, mut by_times: Option<&mut Array1<f64>>) {
        given.assert_shapes(by_weights.dim());
        let dynamics = self.model.dynamics();
        let until = given.causal_until();
        let first = given.times.iter().copied().fold(f64::INFINITY, f64::min);
        let last = until.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if first > last {
            return;
        }
        if last - first <= MAX_SPAN * dynamics.tau_fast {
            let pairs = Pairs::new(dynamics, given.times, until, first);
            self.block(&pairs, given.weights, given.errors, by_weights, by_times);
            return;
        }
        // Too wide for one common reference time: every neuron gets its own.
        for (neuron, &t) in until.iter().enumerate().filter(|(_, t)| t.is_finite()) {
            let column = s![.., neuron..=neuron];
            let pairs = Pairs::new(dynamics, given.times, Array1::from_elem(1, t), t);
            let errors = given.errors.slice(s![neuron..=neuron]);
            let by_weights = by_weights.slice_mut(column);
            self.block(&pairs, given.weights.slice(column), errors, by_weights, by_times.as_deref_mut());
        }
    }

    fn block(
        &self,
        pairs: &Pairs,
        weights: ArrayView2<f64>,
        errors: ArrayView1<f64>,
        mut by_weights: ArrayViewMut2<f64>,
        by_times: Option<&mut Array1<f64>>,
    ) {
        let states = pairs.membranes(weights);
        let largest_kernel = pairs.dynamics.psp_peak();
        let mut factors = Factors::zeros(states.len());
        for (neuron, &state) in states.iter().enumerate() {
            if pairs.is_active(neuron)
                && let Some(response) = self.response(&pairs.dynamics, state)
            {
                let error = errors[neuron] / response.slope;
                factors.set(neuron, pairs.kernel_at(neuron, response.shift), error);
                if let Some(guard) = self.guard
                    && (response.shift != 0.0 || error.abs() * largest_kernel > guard)
                    && pairs.largest_weight_gradient(neuron, &factors) > guard
                {
                    factors.by_weight[neuron] = 0.0;
                }
            }
        }
        pairs.add_weight_gradients(&factors, &mut by_weights);
        if let Some(by_times) = by_times {
            pairs.add_time_gradients(&factors, weights, by_times);
        }
    }
}

/// What the backward pass of one layer is given, as described at [`BackwardPass::layer`].
struct Given<'a> {
    times: ArrayView1<'a, f64>,
    weights: ArrayView2<'a, f64>,
    outputs: ArrayView1<'a, f64>,
    errors: ArrayView1<'a, f64>,
}

impl Given<'_> {
    fn assert_shapes(&self, gradient: (usize, usize)) {
        assert_eq!(self.times.len(), self.weights.nrows(), "one row of weights per input");
        assert_eq!(self.outputs.len(), self.weights.ncols(), "one output time per column of weights");
        assert_eq!(self.errors.len(), self.outputs.len(), "one error per output");
        assert_eq!(gradient, self.weights.dim(), "one gradient per weight");
    }

    /// Output times; `-inf`, which nothing precedes, where there is nothing to send back.
    fn causal_until(&self) -> Array1<f64> {
        let outputs = self.outputs.iter().zip(self.errors);
        outputs
            .map(|(&t, &error)| if t.is_finite() && error.is_finite() && error != 0.0 { t } else { f64::NEG_INFINITY })
            .collect()
    }
}

#[cfg(test)]
mod tests;
