//! When a membrane left to itself reaches its threshold: the root that every exact spike time comes from.
//!
//! Where the potential rises it is concave and has at most one peak, so it crosses the threshold on the way to the
//! peak or not at all, and there is nothing to miss. Seen from the peak, one function of one variable describes every
//! crossing:
//!
//! ```text
//! F(l) = 1 - e^(l/tau_mem) (1 - L(l)/tau_mem)         L(l) = (e^(gap l) - 1)/gap
//! F(l) = h        h = 1 - threshold/V_peak, l: time from the crossing to the peak
//! equal time constants   l = tau (1 + W(-(1 - h)/e))        tau_mem = 2 tau_syn   l = tau_mem ln(1 + sqrt(h))
//! ```
//!
//! Near a grazing crossing (h -> 0) Lambert's W is ill-conditioned, but `sqrt(F)` is nearly linear in `l`: Newton's
//! method on it converges there in two steps, and for all ratios of time constants everywhere in a few more.

use lambert_w::lambert_w0;

use super::{Dynamics, Membrane};

/// Below this `h` the root is found by Newton's method even where Lambert's W would give it.
const GRAZING: f64 = 0.01;
/// Polishing on the potential itself needs a slope of at least this, in units of threshold per time constant.
const STEEP: f64 = 0.01;

/// The peak that a membrane left to itself has, had or would have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peak {
    /// Time from now; negative if it is past.
    pub(crate) after: f64,
    pub(crate) v: f64,
}

impl Dynamics {
    /// The maximum of the free potential continued to all times, if it has one.
    pub(crate) fn peak(&self, state: Membrane) -> Option<Peak> {
        if state.i <= 0.0 {
            return None;
        }
        // V' = 0 at r = tau_syn^2 V'(0)/I(0), and s = -ln(1 - gap r)/gap.
        let r = self.tau_syn * self.tau_syn * self.slope(state) / state.i;
        let x = self.gap * r;
        if x >= 1.0 {
            return None;
        }
        let after = if x == 0.0 { r } else { -r * libm::log1p(-x) / x };
        let v = state.i * self.tau_mem / self.tau_syn * libm::exp(-after / self.tau_syn);
        Some(Peak { after, v })
    }

    /// How long before the peak the rising potential has lost the share `h` of the peak's height, `0 <= h <= 1`.
    pub(crate) fn lead(&self, h: f64) -> f64 {
        if self.tau_mem == 2.0 * self.tau_syn {
            return self.tau_mem * libm::log1p(libm::sqrt(h));
        }
        if self.gap == 0.0 && h > GRAZING {
            return self.tau_mem * (1.0 + lambert_w0((h - 1.0) / std::f64::consts::E));
        }
        self.lead_by_newton(h)
    }

    fn lead_by_newton(&self, h: f64) -> f64 {
        let root_h = libm::sqrt(h);
        // The potential is 0 (h = 1) at ln(tau_mem/tau_syn)/gap before the peak.
        let x = self.gap * self.tau_mem;
        let mut high = if x == 0.0 { self.tau_mem } else { self.tau_mem * libm::log1p(x) / x };
        let mut low = 0.0;
        let mut l = (root_h * libm::sqrt(2.0 * self.tau_mem * self.tau_syn)).min(high);
        for _ in 0..100 {
            let lead_in = self.lead_in(l);
            let growth = libm::exp(l / self.tau_mem);
            let root_f = libm::sqrt((growth * (lead_in / self.tau_mem + libm::expm1(-l / self.tau_mem))).max(0.0));
            if root_f < root_h {
                low = l;
            } else {
                high = l;
            }
            let f_slope = growth * lead_in / (self.tau_mem * self.tau_syn);
            let step = (root_f - root_h) * 2.0 * root_f / f_slope;
            let next = l - step;
            let next = if next >= low && next <= high { next } else { 0.5 * (low + high) };
            let done = (next - l).abs() <= 2.0 * f64::EPSILON * l;
            l = next;
            if done {
                break;
            }
        }
        l
    }

    /// First time from now, at most `until`, at which the potential reaches `threshold` from below.
    ///
    /// A potential that already is at the threshold got there within rounding of now: the answer is then 0.
    pub(crate) fn crossing(&self, state: Membrane, threshold: f64, until: f64) -> Option<f64> {
        if state.v >= threshold {
            return Some(0.0);
        }
        if self.slope(state) <= 0.0 {
            return None;
        }
        let peak = self.peak(state)?;
        let reached = if until < peak.after { self.stretch(until).applied(state).v } else { peak.v };
        if reached < threshold {
            return None;
        }
        // Rounding may leave the peak just below a threshold that the end of the stretch reaches.
        let h = ((peak.v - threshold) / peak.v).max(0.0);
        let s = (peak.after - self.lead(h)).clamp(0.0, until);
        let there = self.stretch(s).applied(state);
        let slope = self.slope(there);
        if slope * self.tau_slow < STEEP * threshold {
            return Some(s);
        }
        Some((s - (there.v - threshold) / slope).clamp(0.0, until.min(peak.after)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATIOS: [f64; 12] = [0.01, 0.1, 0.3, 0.7, 1.0 - 1e-9, 1.0, 1.0 + 1e-9, 1.3, 2.0, 3.3, 10.0, 100.0];

    #[test]
    fn lambert_w_is_accurate_to_rounding() {
        // One step of Halley's method from the library's value; its size is the library's error.
        let mut worst = 0_f64;
        for k in 0..2000 {
            let z = -(1.0 - GRAZING) / std::f64::consts::E * f64::from(k) / 2000.0;
            let w = lambert_w0(z);
            let residual = w * libm::exp(w) - z;
            worst = worst.max((residual / (libm::exp(w) * (1.0 + w))).abs());
        }
        assert!(worst < 1.5e-15, "{worst}");
    }

    #[test]
    fn lead_reproduces_the_share_it_was_asked_for() {
        for tau_mem in RATIOS {
            let dynamics = Dynamics::new(tau_mem, 1.0);
            let at_peak = Membrane { v: tau_mem, i: 1.0 };
            for h in [1e-14, 1e-10, 1e-6, 1e-3, 0.009, 0.011, 0.1, 0.5, 0.9, 0.999_999, 1.0] {
                let lead = dynamics.lead(h);
                // Start from the state before the peak and let it run.
                let before = Membrane {
                    v: libm::exp(lead / tau_mem) * (at_peak.v - at_peak.i * dynamics.lead_in(lead)),
                    i: libm::exp(lead),
                };
                assert!((before.v / tau_mem - (1.0 - h)).abs() < 1e-13, "ratio {tau_mem}, h {h}");
                let peak = dynamics.peak(before).unwrap();
                assert!((peak.after - lead).abs() < 1e-12 * (1.0 + lead), "ratio {tau_mem}, h {h}");
                assert!((peak.v / tau_mem - 1.0).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn closed_forms_and_newton_agree() {
        for tau_mem in [1.0, 2.0] {
            let dynamics = Dynamics::new(tau_mem, 1.0);
            for k in 1..=1000 {
                let h = f64::from(k) / 1000.0;
                assert!((dynamics.lead(h) - dynamics.lead_by_newton(h)).abs() < 2e-14);
            }
        }
    }

    #[test]
    fn falling_and_negative_membranes_never_cross() {
        let dynamics = Dynamics::new(2.0, 1.0);
        for (v, i) in [(0.5, 0.0), (0.5, -1.0), (0.9, 0.1), (-5.0, -1.0), (-5.0, 0.5)] {
            assert_eq!(dynamics.crossing(Membrane { v, i }, 1.0, f64::INFINITY), None);
        }
    }

    #[test]
    fn a_stretch_that_ends_too_early_has_no_crossing() {
        for tau_mem in RATIOS {
            let dynamics = Dynamics::new(tau_mem, 1.0);
            let start = Membrane { v: 0.1, i: 40.0 + 4.0 / tau_mem };
            let s = dynamics.crossing(start, 1.0, f64::INFINITY).unwrap();
            assert!((dynamics.stretch(s).applied(start).v - 1.0).abs() < 1e-13);
            assert_eq!(dynamics.crossing(start, 1.0, s * (1.0 - 1e-12)), None);
            assert!((dynamics.crossing(start, 1.0, s * (1.0 + 1e-12)).unwrap() - s).abs() < 1e-14);
        }
    }
}
