//! The ideal neuron: leaky integrate-and-fire with current-based exponential synapses (CUBA), solved exactly.
//!
//! The forward pass of an ideal network, and the model behind every gradient: what the silicon is compared with.
//! [`LifModel`] answers three questions: what does the membrane do ([`LifModel::potential`], [`LifModel::slope`]), when
//! does a neuron spike first ([`LifModel::first_spike`]), and when does each neuron of a dense layer
//! ([`LifModel::layer_forward`]). [`NeuronModel`] answers the same for neurons that are each their own.

mod course;
mod crossing;
mod forward;
mod individual;
mod kernel;

use serde::{Deserialize, Serialize};

pub use individual::{NeuronModel, layer_forward};
pub(crate) use kernel::{Dynamics, Membrane, expm1_over};

use crate::{Error, error};

/// A leaky integrate-and-fire neuron with exponential synaptic current, potential measured from its leak.
///
/// ```text
/// dV/dt = -V/tau_mem + I/tau_syn       dI/dt = -I/tau_syn       I -> I + w at an input spike of weight w
/// V(t)  = sum_i w_i k(t - t_i)         over inputs with t_i <= t
/// k(s)  = tau_mem/(tau_mem - tau_syn) (e^(-s/tau_mem) - e^(-s/tau_syn))
/// k(s)  = (s/tau) e^(-s/tau)                                                  for equal time constants
/// spike: the first time at which V reaches the threshold from below
/// ```
///
/// An input spike injects the charge `w`, whatever the time constants. Times are in units of `tau_syn` unless the
/// caller keeps another unit throughout: nothing here but the two time constants sets a scale.
///
/// *Relation to the published convention* (Göltz, Kriener et al., Nature Machine Intelligence 3 (2021) 823): there
/// `C dU/dt = -g (U - E) + J` with `C = g tau_mem`, so `V = U - E` for `w = w_published tau_syn/(g tau_mem)`. In its
/// simulations `g = tau_syn/tau_mem`: weights and threshold are then the same as here. Otherwise keep the weights and
/// scale the threshold: `threshold = g (theta - E) tau_mem/tau_syn`; the constant `c = g (theta - E)` of the
/// published closed forms is `threshold` for equal time constants and `threshold/2` for `tau_mem = 2 tau_syn`.
///
/// ```
/// use ttfs::neuron::LifModel;
///
/// // One spike of weight e theta peaks exactly at the threshold, one time constant later.
/// let neuron = LifModel::default();
/// let weight = std::f64::consts::E * (1.0 + 1e-12);
/// assert!((neuron.first_spike(&[0.5], &[weight]) - 1.5).abs() < 1e-5);
/// assert_eq!(neuron.first_spike(&[0.5], &[2.7]), f64::INFINITY);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LifModel {
    /// Membrane time constant, in `tau_syn` (or the caller's unit of time).
    pub tau_mem: f64,
    /// Synaptic time constant, 1 in its own unit.
    pub tau_syn: f64,
    /// Threshold above the leak, in units of weight.
    pub threshold: f64,
}

impl Default for LifModel {
    fn default() -> Self {
        Self { tau_mem: 1.0, tau_syn: 1.0, threshold: 1.0 }
    }
}

impl LifModel {
    /// Accepts positive finite constants.
    ///
    /// # Errors
    /// [`Error::NotPositive`] naming the first field that is not acceptable.
    pub fn check(&self) -> Result<(), Error> {
        error::positive("tau_mem", self.tau_mem)?;
        error::positive("tau_syn", self.tau_syn)?;
        error::positive("threshold", self.threshold)
    }

    /// Potential `s` after a single input spike of weight 1: the `k(s)` of the type's equation, 0 before the spike.
    pub fn psp(&self, s: f64) -> f64 {
        if s < 0.0 { 0.0 } else { self.dynamics().psp(s) }
    }

    /// Slope `k'(s)` of the potential after a single input spike of weight 1, `1/tau_syn` at `s = 0`, 0 before the
    /// spike.
    pub fn psp_slope(&self, s: f64) -> f64 {
        if s < 0.0 { 0.0 } else { self.dynamics().psp_slope(s) }
    }

    /// Free membrane potential `V(t)` (no spike, no reset) for inputs in any order; silent inputs have the time `+inf`.
    ///
    /// ```
    /// let neuron = ttfs::neuron::LifModel::default();
    /// let v = neuron.potential(2.0, &[0.0, 1.0], &[1.0, -1.0]);
    /// assert!((v - (2.0 * (-2_f64).exp() - (-1_f64).exp())).abs() < 1e-15);
    /// ```
    pub fn potential(&self, t: f64, times: &[f64], weights: &[f64]) -> f64 {
        let dynamics = self.dynamics();
        sum_of_causal(t, times, weights, |s| dynamics.psp(s))
    }

    /// Slope `dV/dt` of the free membrane potential at `t`, inputs at `t` itself included.
    pub fn slope(&self, t: f64, times: &[f64], weights: &[f64]) -> f64 {
        let dynamics = self.dynamics();
        sum_of_causal(t, times, weights, |s| dynamics.psp_slope(s))
    }

    pub(crate) fn dynamics(&self) -> Dynamics {
        Dynamics::new(self.tau_mem, self.tau_syn)
    }
}

fn sum_of_causal(t: f64, times: &[f64], weights: &[f64], kernel: impl Fn(f64) -> f64) -> f64 {
    let causal = times.iter().zip(weights).filter(|&(&t_in, _)| t_in.is_finite() && t_in <= t);
    causal.map(|(&t_in, &w)| w * kernel(t - t_in)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_without_meaning_are_refused() {
        assert!(LifModel::default().check().is_ok());
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(LifModel { tau_mem: bad, ..LifModel::default() }.check().is_err());
            assert!(LifModel { tau_syn: bad, ..LifModel::default() }.check().is_err());
            assert!(LifModel { threshold: bad, ..LifModel::default() }.check().is_err());
        }
    }

    #[test]
    fn slope_is_the_derivative_of_the_potential() {
        let (times, weights) = ([0.3, 0.1, f64::INFINITY, 1.0], [1.0, -0.4, 5.0, 0.7]);
        for tau_mem in [0.3, 1.0, 1.0 + 1e-7, 2.0, 7.0] {
            let neuron = LifModel { tau_mem, ..LifModel::default() };
            for t in [0.05, 0.2, 0.7, 1.5, 6.0] {
                let at = |t| neuron.potential(t, &times, &weights);
                let difference = (at(t + 1e-5) - at(t - 1e-5)) / 2e-5;
                assert!((difference - neuron.slope(t, &times, &weights)).abs() < 1e-9);
            }
        }
    }
}
