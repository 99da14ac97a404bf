//! The membrane between input spikes, in forms that stay exact as the two time constants approach each other.
//!
//! With `gap = 1/tau_syn - 1/tau_mem` everything follows from one function that has no cancellation:
//!
//! ```text
//! r(s) = (1 - e^(-gap s)) / gap          -> s as gap -> 0
//! V(s) = e^(-s/tau_mem) (V(0) + I(0) r(s)/tau_syn)
//! ```

/// `(e^x - 1)/x`, and its limit 1 at 0.
pub(crate) fn expm1_over(x: f64) -> f64 {
    if x == 0.0 { 1.0 } else { libm::expm1(x) / x }
}

/// What the time constants imply.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dynamics {
    pub(crate) tau_mem: f64,
    pub(crate) tau_syn: f64,
    /// `1/tau_syn - 1/tau_mem`, exact to rounding even for nearly equal constants.
    pub(crate) gap: f64,
    pub(crate) tau_slow: f64,
    pub(crate) tau_fast: f64,
}

/// Potential and synaptic current at one instant.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Membrane {
    pub(crate) v: f64,
    pub(crate) i: f64,
}

/// What a stretch of time does to the membrane: `V -> V keep + I charge`, `I -> I fade`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stretch {
    pub(super) keep: f64,
    pub(super) charge: f64,
    pub(super) fade: f64,
}

impl Stretch {
    pub(super) fn applied(self, state: Membrane) -> Membrane {
        Membrane { v: state.v * self.keep + state.i * self.charge, i: state.i * self.fade }
    }
}

impl Dynamics {
    pub(super) fn new(tau_mem: f64, tau_syn: f64) -> Self {
        let gap = (tau_mem - tau_syn) / (tau_mem * tau_syn);
        Self { tau_mem, tau_syn, gap, tau_slow: tau_mem.max(tau_syn), tau_fast: tau_mem.min(tau_syn) }
    }

    /// `k(s)` for `s >= 0`.
    pub(super) fn psp(&self, s: f64) -> f64 {
        if s == f64::INFINITY {
            return 0.0;
        }
        // The slower exponential in front, so that no factor overflows.
        libm::exp(-s / self.tau_slow) * self.spread(s) / self.tau_syn
    }

    /// `k'(s)` for `s >= 0`.
    pub(super) fn psp_slope(&self, s: f64) -> f64 {
        if s == f64::INFINITY {
            return 0.0;
        }
        libm::exp(-s / self.tau_slow) * (1.0 - self.spread(s) / self.tau_fast) / self.tau_syn
    }

    /// `k(s)` and `k'(s)` for finite `s >= 0`, at the price of one of them.
    pub(crate) fn psp_and_slope(&self, s: f64) -> (f64, f64) {
        let (slow, spread) = (libm::exp(-s / self.tau_slow) / self.tau_syn, self.spread(s));
        (slow * spread, slow * (1.0 - spread / self.tau_fast))
    }

    /// `(1 - e^(-|gap| s))/|gap|`.
    pub(crate) fn spread(&self, s: f64) -> f64 {
        s * expm1_over(-self.gap.abs() * s)
    }

    /// `-r(-s)`: how the potential differs `s` before a point.
    pub(crate) fn lead_in(&self, s: f64) -> f64 {
        s * expm1_over(self.gap * s)
    }

    pub(super) fn stretch(&self, s: f64) -> Stretch {
        Stretch { keep: libm::exp(-s / self.tau_mem), charge: self.psp(s), fade: libm::exp(-s / self.tau_syn) }
    }

    /// `dV/dt`.
    pub(crate) fn slope(&self, state: Membrane) -> f64 {
        state.i / self.tau_syn - state.v / self.tau_mem
    }

    /// When the PSP is highest.
    pub(crate) fn psp_peak_time(&self) -> f64 {
        let x = self.gap * self.tau_syn;
        if x == 0.0 { self.tau_syn } else { -self.tau_syn * libm::log1p(-x) / x }
    }

    /// Height of the PSP of weight 1.
    pub(crate) fn psp_peak(&self) -> f64 {
        let time = self.psp_peak_time();
        self.tau_mem / self.tau_syn * libm::exp(-time / self.tau_syn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernel_against_its_definition() {
        for tau_mem in [0.3_f64, 0.9, 2.0, 3.7, 40.0] {
            let dynamics = Dynamics::new(tau_mem, 1.0);
            for s in [0.0_f64, 0.01, 0.5, 1.0, 3.0, 20.0] {
                let scale = tau_mem / (tau_mem - 1.0);
                let (slow, fast) = ((-s / tau_mem).exp(), (-s).exp());
                assert!((dynamics.psp(s) - scale * (slow - fast)).abs() < 4e-15);
                assert!((dynamics.psp_slope(s) - scale * (fast - slow / tau_mem)).abs() < 2e-14);
            }
        }
        let dynamics = Dynamics::new(2.0, 2.0);
        assert!((dynamics.psp(3.0) - 1.5 * (-1.5_f64).exp()).abs() < 1e-16);
        assert!((dynamics.psp_slope(3.0) + 0.25 * (-1.5_f64).exp()).abs() < 1e-16);
    }

    #[test]
    fn nothing_overflows_far_away() {
        for tau_mem in [0.1, 1.0, 1.0 + 1e-12, 30.0] {
            let dynamics = Dynamics::new(tau_mem, 1.0);
            for s in [1e3, 1e6, 1e300, f64::INFINITY] {
                assert!((0.0..1e-10).contains(&dynamics.psp(s)), "tau_mem {tau_mem}, s {s}");
                assert!(dynamics.psp_slope(s).abs() < 1e-10);
            }
        }
    }

    #[test]
    fn equal_constants_are_a_limit() {
        let equal = Dynamics::new(1.0, 1.0);
        for epsilon in [1e-15, 1e-12, 1e-9, -1e-9, -1e-12] {
            let near = Dynamics::new(1.0 + epsilon, 1.0);
            for s in [0.1, 1.0, 5.0, 20.0] {
                assert!((near.psp(s) - equal.psp(s)).abs() <= 2.0 * f64::abs(epsilon) + 1e-16);
                assert!((near.psp_slope(s) - equal.psp_slope(s)).abs() <= 2.0 * f64::abs(epsilon) + 1e-16);
            }
        }
    }

    #[test]
    fn peak_of_one_psp() {
        for (tau_mem, peak) in [(1.0, (-1_f64).exp()), (2.0, 0.5), (0.5, 0.25)] {
            assert!((Dynamics::new(tau_mem, 1.0).psp_peak() - peak).abs() < 1e-15);
        }
    }
}
