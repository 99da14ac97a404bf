//! First spikes of one neuron and of a dense layer, by running the membrane from one input spike to the next.
//!
//! The state is always relative to the latest input, so late times cannot overflow, and inputs at the same time act
//! together. Both functions do the same arithmetic on the same numbers: their results are equal bit for bit.

use ndarray::{Array1, ArrayView1, ArrayView2};

use super::{Dynamics, LifModel, Membrane};

/// How far below the threshold the cheap bound on a peak may lie before the peak itself is not looked at.
const BOUND_SLACK: f64 = 1e-9;

impl LifModel {
    /// Time at which the potential first reaches the threshold, `+inf` if it never does.
    ///
    /// Exact to rounding: for `tau_mem = tau_syn` by Lambert's W, for `tau_mem = 2 tau_syn` by a square root,
    /// otherwise by a safeguarded Newton method; grazing crossings are neither missed nor invented beyond the
    /// rounding of the potential.
    ///
    /// `times`: ascending, silent inputs (`+inf`) last; `weights`: one for each time.
    ///
    /// # Panics
    /// If `times` and `weights` differ in length.
    pub fn first_spike(&self, times: &[f64], weights: &[f64]) -> f64 {
        assert_eq!(times.len(), weights.len(), "one weight per input");
        let dynamics = self.dynamics();
        let n_spikes = times.iter().take_while(|t| t.is_finite()).count();
        let mut state = Membrane { v: 0.0, i: 0.0 };
        for (k, (&t, &w)) in times[..n_spikes].iter().zip(weights).enumerate() {
            state.i += w;
            let next = times[..n_spikes].get(k + 1).copied().unwrap_or(f64::INFINITY);
            if next == t {
                continue;
            }
            if let Some(s) = dynamics.crossing(state, self.threshold, next - t) {
                return (t + s).min(next);
            }
            if next < f64::INFINITY {
                state = dynamics.stretch(next - t).applied(state);
            }
        }
        f64::INFINITY
    }

    /// First spike times of all neurons of a dense layer, shape `(n_neurons)`, `+inf` for silent ones.
    ///
    /// `times`: `(n_inputs)` in any order, silent inputs `+inf`; `weights`: `(n_inputs, n_neurons)`. Costs
    /// `O(n_inputs n_neurons)` and no exponential per pair.
    ///
    /// ```
    /// use ndarray::array;
    /// use ttfs::neuron::LifModel;
    ///
    /// let spikes = LifModel::default().layer_forward(array![1.0, 0.0].view(), array![[2.0, 0.0], [2.0, 1.0]].view());
    /// assert_eq!(spikes[0], LifModel::default().first_spike(&[0.0, 1.0], &[2.0, 2.0]));
    /// assert_eq!(spikes[1], f64::INFINITY);
    /// ```
    ///
    /// # Panics
    /// If `times` and `weights` have different numbers of inputs.
    pub fn layer_forward(&self, times: ArrayView1<f64>, weights: ArrayView2<f64>) -> Array1<f64> {
        assert_eq!(times.len(), weights.nrows(), "one row of weights per input");
        let dynamics = self.dynamics();
        let mut order: Vec<usize> = (0..times.len()).filter(|&k| times[k].is_finite()).collect();
        order.sort_by(|&a, &b| times[a].total_cmp(&times[b]));

        let mut layer = Layer::new(dynamics, self.threshold, weights.ncols());
        for (k, &input) in order.iter().enumerate() {
            layer.receive(weights.row(input));
            let t = times[input];
            let next = order.get(k + 1).map_or(f64::INFINITY, |&input| times[input]);
            if next == t {
                continue;
            }
            if next < f64::INFINITY {
                layer.run(t, next);
            } else {
                layer.finish(t);
            }
            if layer.silent == 0 {
                break;
            }
        }
        Array1::from_vec(layer.spikes)
    }
}

/// The membranes of a layer at the time of the latest input.
struct Layer {
    dynamics: Dynamics,
    threshold: f64,
    v: Vec<f64>,
    i: Vec<f64>,
    spikes: Vec<f64>,
    silent: usize,
}

impl Layer {
    fn new(dynamics: Dynamics, threshold: f64, n: usize) -> Self {
        Self { dynamics, threshold, v: vec![0.0; n], i: vec![0.0; n], spikes: vec![f64::INFINITY; n], silent: n }
    }

    fn receive(&mut self, weights: ArrayView1<f64>) {
        for (i, &w) in self.i.iter_mut().zip(weights) {
            *i += w;
        }
    }

    /// Runs all membranes from `t` to `next` and notes who spikes on the way.
    fn run(&mut self, t: f64, next: f64) {
        let until = next - t;
        let stretch = self.dynamics.stretch(until);
        for k in 0..self.v.len() {
            let before = Membrane { v: self.v[k], i: self.i[k] };
            let after = stretch.applied(before);
            self.v[k] = after.v;
            self.i[k] = after.i;
            if self.may_cross(before, after, until) && self.spikes[k] == f64::INFINITY {
                self.note(k, before, t, next);
            }
        }
    }

    fn finish(&mut self, t: f64) {
        for k in 0..self.v.len() {
            if self.spikes[k] == f64::INFINITY {
                self.note(k, Membrane { v: self.v[k], i: self.i[k] }, t, f64::INFINITY);
            }
        }
    }

    fn note(&mut self, k: usize, state: Membrane, t: f64, next: f64) {
        if let Some(s) = self.dynamics.crossing(state, self.threshold, next - t) {
            self.spikes[k] = (t + s).min(next);
            self.silent -= 1;
        }
    }

    /// A bound without exponentials: where the potential rises it is concave, so it stays below its two tangents.
    fn may_cross(&self, before: Membrane, after: Membrane, until: f64) -> bool {
        if after.v >= self.threshold || before.v >= self.threshold {
            return true;
        }
        let (up, down) = (self.dynamics.slope(before), self.dynamics.slope(after));
        if up <= 0.0 || down >= 0.0 {
            return false;
        }
        let meet = (after.v - before.v - down * until) / (up - down);
        before.v + up * meet >= self.threshold * (1.0 - BOUND_SLACK)
    }
}

#[cfg(test)]
mod tests;
