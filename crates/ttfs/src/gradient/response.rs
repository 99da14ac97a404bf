//! The number by which a whole column of derivatives is divided: how fast the membrane of one neuron reached its
//! threshold.

use super::{BackwardPass, Estimator, SLOPE_FLOOR};
use crate::neuron::{Dynamics, Membrane};

/// How the spike time of one neuron answers to charge.
#[derive(Debug, Clone, Copy)]
pub(super) struct Response {
    /// The kernels are taken at `T + shift`.
    pub(super) shift: f64,
    /// The `D` of [`Estimator`].
    pub(super) slope: f64,
}

impl BackwardPass {
    /// The response of a neuron whose membrane, by the model, is in `state` at the measured time; `None` if there is
    /// none.
    pub(super) fn response(&self, dynamics: &Dynamics, state: Membrane) -> Option<Response> {
        let threshold = self.model.threshold;
        let floor = SLOPE_FLOOR * threshold / dynamics.tau_syn;
        if self.estimator != Estimator::Model {
            let slope = dynamics.slope(state);
            return (slope > floor).then_some(Response { shift: 0.0, slope });
        }
        let crossing = Crossing::of(dynamics, state, threshold)?;
        if crossing.slope <= floor || crossing.slope_from_now < f64::MIN_POSITIVE {
            return None;
        }
        let slope = crossing.slope_from_now;
        if dynamics.tau_mem != 2.0 * dynamics.tau_syn {
            return Some(Response { shift: 0.0, slope });
        }
        // In published symbols, with times counted from T: x = D tau_mem/2, a_1 = I, c = threshold/2.
        let y = 0.5 * (slope * dynamics.tau_mem + threshold) / state.i;
        Some(Response { shift: -dynamics.tau_mem * libm::log(y), slope: slope * y })
    }
}

/// Where a membrane rises through its threshold, its free course continued to all times.
struct Crossing {
    /// `V'(T_m)`; infinite where the peak is too far in the past to be a float.
    slope: f64,
    /// `V'(T_m) e^(-(T - T_m)/tau_mem)`, finite even there.
    slope_from_now: f64,
}

impl Crossing {
    /// For the membrane that is in `state` at `T`, with `l` the time from `T_m` to the peak:
    ///
    /// ```text
    /// V'(T_m) = V_peak e^(l/tau_mem) L(l)/(tau_mem tau_syn)
    /// V'(T_m) e^(-(T - T_m)/tau_mem) = (I + gap tau_syn V) L(l)/(tau_mem tau_syn)
    /// ```
    fn of(dynamics: &Dynamics, state: Membrane, threshold: f64) -> Option<Self> {
        let peak = dynamics.peak(state)?;
        if peak.v < threshold {
            return None;
        }
        let h = if peak.v.is_finite() { (peak.v - threshold) / peak.v } else { 1.0 };
        let lead = dynamics.lead(h);
        let rise = dynamics.lead_in(lead) / (dynamics.tau_mem * dynamics.tau_syn);
        Some(Self {
            slope: peak.v * libm::exp(lead / dynamics.tau_mem) * rise,
            slope_from_now: (state.i + dynamics.gap * dynamics.tau_syn * state.v) * rise,
        })
    }
}
