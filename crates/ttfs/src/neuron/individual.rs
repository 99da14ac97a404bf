//! Neurons that are each their own: three time constants, a leak, a threshold, and gains by sign.

use ndarray::{Array1, ArrayView1, ArrayView2};
use serde::{Deserialize, Serialize};

use super::LifModel;
use super::course::{Course, State};
use crate::{Error, error};

/// A leaky integrate-and-fire neuron whose excitatory and inhibitory inputs differ.
///
/// ```text
/// dV/dt = -(V - leak)/tau_mem + I_exc/tau_syn_exc - I_inh/tau_syn_inh       V = leak at first
/// dI_x/dt = -I_x/tau_syn_x     I_exc -> I_exc + gain_exc w  at an input of weight w >= 0
///                              I_inh -> I_inh - gain_inh w  at an input of weight w < 0
/// spike: the first time at which V reaches the threshold from below
/// ```
///
/// Units are those of [`LifModel`], which is the special case of equal synaptic time constants, gains of 1 and a leak of 0.
/// What a chip's neuron measured becomes such a model through
/// [`Scaling::neuron`](crate::scaling::Scaling::neuron).
///
/// ```
/// use ttfs::neuron::{LifModel, NeuronModel};
///
/// let neuron = NeuronModel::from(LifModel::default());
/// let both = [neuron.first_spike(&[0.0, 0.4], &[3.0, 1.0]), LifModel::default().first_spike(&[0.0, 0.4], &[3.0, 1.0])];
/// assert!((both[0] - both[1]).abs() < 1e-14);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NeuronModel {
    /// Membrane time constant.
    pub tau_mem: f64,
    /// Time constant of the excitatory input.
    pub tau_syn_exc: f64,
    /// Time constant of the inhibitory input.
    pub tau_syn_inh: f64,
    /// Potential at rest: a constant bias, in units of weight.
    pub leak: f64,
    /// Threshold, above the leak.
    pub threshold: f64,
    /// Charge of an excitatory spike of weight 1.
    pub gain_exc: f64,
    /// Charge of an inhibitory spike of weight -1, positive.
    pub gain_inh: f64,
}

impl From<LifModel> for NeuronModel {
    fn from(model: LifModel) -> Self {
        let LifModel { tau_mem, tau_syn, threshold } = model;
        Self { tau_mem, tau_syn_exc: tau_syn, tau_syn_inh: tau_syn, leak: 0.0, threshold, gain_exc: 1.0, gain_inh: 1.0 }
    }
}

impl NeuronModel {
    /// Accepts positive finite time constants and gains and a threshold above the leak.
    ///
    /// # Errors
    /// [`Error::NotPositive`] naming what is not.
    pub fn check(&self) -> Result<(), Error> {
        error::positive("tau_mem", self.tau_mem)?;
        error::positive("tau_syn_exc", self.tau_syn_exc)?;
        error::positive("tau_syn_inh", self.tau_syn_inh)?;
        error::positive("threshold - leak", self.swing())?;
        error::positive("gain_exc", self.gain_exc)?;
        error::positive("gain_inh", self.gain_inh)
    }

    /// Threshold above the leak.
    pub(crate) fn swing(&self) -> f64 {
        self.threshold - self.leak
    }

    pub(crate) fn course(&self) -> Course {
        Course::new(self.tau_mem, self.tau_syn_exc, self.tau_syn_inh)
    }

    /// Time at which the potential first reaches the threshold, `+inf` if it never does.
    ///
    /// Exact to rounding for any three time constants, equal or nearly equal ones included: between two inputs the
    /// potential has at most two extrema, which are bracketed before the threshold is looked for, so that a grazing
    /// crossing is neither missed nor invented beyond the rounding of the potential.
    ///
    /// `times`: ascending, silent inputs (`+inf`) last; `weights`: one for each time.
    ///
    /// # Panics
    /// If `times` and `weights` differ in length.
    pub fn first_spike(&self, times: &[f64], weights: &[f64]) -> f64 {
        assert_eq!(times.len(), weights.len(), "one weight per input");
        let course = self.course();
        let n_spikes = times.iter().take_while(|t| t.is_finite()).count();
        let mut state = State::default();
        for (k, (&t, &w)) in times[..n_spikes].iter().zip(weights).enumerate() {
            if w < 0.0 {
                state.inh -= self.gain_inh * w;
            } else {
                state.exc += self.gain_exc * w;
            }
            let next = times[..n_spikes].get(k + 1).copied().unwrap_or(f64::INFINITY);
            if next == t {
                continue;
            }
            if let Some(s) = course.crossing(state, self.swing(), next - t) {
                return (t + s).min(next);
            }
            if next < f64::INFINITY {
                state = course.after(state, next - t);
            }
        }
        f64::INFINITY
    }

    /// Free membrane potential `V(t)` for inputs in any order.
    pub fn potential(&self, t: f64, times: &[f64], weights: &[f64]) -> f64 {
        self.leak + self.sum(t, times, weights, |kernel| kernel.0)
    }

    /// Slope `dV/dt` of the free potential at `t`, inputs at `t` itself included.
    pub fn slope(&self, t: f64, times: &[f64], weights: &[f64]) -> f64 {
        self.sum(t, times, weights, |kernel| kernel.1)
    }

    fn sum(&self, t: f64, times: &[f64], weights: &[f64], part: impl Fn((f64, f64)) -> f64) -> f64 {
        let course = self.course();
        let causal = times.iter().zip(weights).filter(|&(&t_in, _)| t_in.is_finite() && t_in <= t);
        causal.map(|(&t_in, &w)| w * part(self.kernel(&course, w, t - t_in))).sum()
    }

    /// Potential and slope `s` after an input of the sign of `w`, per unit of weight.
    pub(crate) fn kernel(&self, course: &Course, w: f64, s: f64) -> (f64, f64) {
        let (dynamics, gain) = if w < 0.0 { (&course.inh, self.gain_inh) } else { (&course.exc, self.gain_exc) };
        let (psp, slope) = dynamics.psp_and_slope(s);
        (gain * psp, gain * slope)
    }
}

/// First spike times of a dense layer of individual neurons, shape `(n_neurons)`, `+inf` for silent ones.
///
/// `times`: `(n_inputs)` in any order, silent inputs `+inf`; `weights`: `(n_inputs, n_neurons)`.
///
/// # Panics
/// If the shapes do not belong together.
pub fn layer_forward(neurons: &[NeuronModel], times: ArrayView1<f64>, weights: ArrayView2<f64>) -> Array1<f64> {
    assert_eq!(times.len(), weights.nrows(), "one row of weights per input");
    assert_eq!(neurons.len(), weights.ncols(), "one neuron per column of weights");
    let mut order: Vec<usize> = (0..times.len()).filter(|&k| times[k].is_finite()).collect();
    order.sort_by(|&a, &b| times[a].total_cmp(&times[b]));
    let sorted: Vec<f64> = order.iter().map(|&k| times[k]).collect();
    let spikes = neurons.iter().zip(weights.columns()).map(|(neuron, column)| {
        let own: Vec<f64> = order.iter().map(|&k| column[k]).collect();
        neuron.first_spike(&sorted, &own)
    });
    spikes.collect()
}

#[cfg(test)]
mod tests;
