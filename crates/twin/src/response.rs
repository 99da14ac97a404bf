//! When a neuron fires, and how that time moves with everything it depends on.

use ttfs::neuron::LifModel;

/// Step of the logarithm of a time constant in differences of the PSP.
const STEP: f64 = 1e-4;
/// Points at which a membrane is looked at for its peak.
const LOOKS: usize = 240;
/// Time constants after the last input in which the peak is looked for.
const AFTER: f64 = 6.0;

/// A neuron and what its synapses carry.
#[derive(Debug, Clone)]
pub(crate) struct Body {
    pub model: LifModel,
    /// Models whose membrane and synaptic time constant are a step shorter and longer.
    varied: [[LifModel; 2]; 2],
    /// Charge of each source.
    pub charges: Vec<f64>,
}

/// Where the potential is what it is, and how it moves: at a spike, or at a peak.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sensitivity {
    /// Potential of excitation and inhibition.
    pub exc: f64,
    pub inh: f64,
    pub slope: f64,
    /// By the logarithms of both time constants.
    pub by_tau: [f64; 2],
    /// Potential per source, with its charge.
    pub by_source: Vec<f64>,
    /// Slope per source, with its charge: minus the derivative by the source's time.
    pub slope_of_source: Vec<f64>,
}

impl Body {
    pub fn new(model: LifModel, charges: Vec<f64>) -> Self {
        let [short, long] = [-STEP, STEP].map(libm::exp);
        let mem = |factor: f64| LifModel { tau_mem: model.tau_mem * factor, ..model };
        let syn = |factor: f64| LifModel { tau_syn: model.tau_syn * factor, ..model };
        Self { model, varied: [[mem(short), mem(long)], [syn(short), syn(long)]], charges }
    }

    /// First spike for sources that act at `arrivals`; `order` sorts them.
    pub fn first_spike(&self, arrivals: &[f64], order: &[usize], sorted: &mut [Vec<f64>; 2]) -> f64 {
        let [times, charges] = sorted;
        times.clear();
        charges.clear();
        times.extend(order.iter().map(|&i| arrivals[i]));
        charges.extend(order.iter().map(|&i| self.charges[i]));
        self.model.first_spike(times, charges)
    }

    /// The highest point of the free potential: time and potential.
    pub fn peak(&self, arrivals: &[f64]) -> (f64, f64) {
        let finite = || arrivals.iter().copied().filter(|t| t.is_finite());
        let (first, last) = (finite().fold(f64::INFINITY, f64::min), finite().fold(f64::NEG_INFINITY, f64::max));
        if first > last {
            return (0.0, 0.0);
        }
        let width = (last - first + AFTER) / LOOKS as f64;
        let at = |k: usize| first + k as f64 * width;
        let v = |t: f64| self.model.potential(t, arrivals, &self.charges);
        let best =
            (0..=LOOKS).map(|k| (k, v(at(k)))).fold((0, f64::NEG_INFINITY), |a, b| if b.1 > a.1 { b } else { a });
        let (mut low, mut high) = (at(best.0.saturating_sub(1)), at(best.0 + 1));
        for _ in 0..40 {
            let (a, b) = (low + 0.382 * (high - low), low + 0.618 * (high - low));
            if v(a) < v(b) { low = a } else { high = b }
        }
        let t = 0.5 * (low + high);
        (t, v(t).max(best.1))
    }

    /// How the potential at a time moves.
    pub fn sensitivity(&self, t: f64, arrivals: &[f64], out: &mut Sensitivity) {
        let n = self.charges.len();
        *out = Sensitivity {
            by_source: std::mem::take(&mut out.by_source),
            slope_of_source: std::mem::take(&mut out.slope_of_source),
            ..Sensitivity::default()
        };
        out.by_source.clear();
        out.by_source.resize(n, 0.0);
        out.slope_of_source.clear();
        out.slope_of_source.resize(n, 0.0);
        for (i, (&charge, arrival)) in self.charges.iter().zip(arrivals).enumerate() {
            let s = t - arrival;
            // Silent sources act at infinity.
            if s < 0.0 || charge == 0.0 {
                continue;
            }
            let (v, slope) = (charge * self.model.psp(s), charge * self.model.psp_slope(s));
            *(if charge < 0.0 { &mut out.inh } else { &mut out.exc }) += v;
            out.slope += slope;
            out.by_source[i] = v;
            out.slope_of_source[i] = slope;
            for (by, [short, long]) in out.by_tau.iter_mut().zip(&self.varied) {
                *by += charge * (long.psp(s) - short.psp(s)) / (2.0 * STEP);
            }
        }
    }
}
