//! The loops of the single-precision backward pass, compiled for each kind of instructions.

#![allow(clippy::inline_always, reason = "loops must be inlined into a function that is compiled for the processor")]

use bss2_emu::vectors::Loops;
use ndarray::ArrayView1;

use super::LANES;
use crate::exponential::{exp, expm1_over};
use crate::neuron::Dynamics;

/// Inputs that precede some output, one number of each in every list; symbols as in [`pairs`](super::super::pairs).
#[derive(Debug, Default)]
pub(super) struct Inputs {
    row: Vec<u32>,
    t: Vec<f64>,
    e: Vec<f64>,
    q: Vec<f64>,
    /// `t` since the reference.
    since: Vec<f32>,
    /// `-e/tau_syn` and `q`.
    scale: Vec<f32>,
    lag: Vec<f32>,
}

impl Inputs {
    pub(super) fn is_empty(&self) -> bool {
        self.row.is_empty()
    }

    /// Collects the inputs that come until `last` and says when the first one does.
    pub(super) fn gather(&mut self, sources: ArrayView1<f64>, latency: f64, last: f64) -> f64 {
        self.row.clear();
        self.row.resize(sources.len(), 0);
        self.t.clear();
        self.t.resize(sources.len(), 0.0);
        let (mut n, mut first) = (0, f64::INFINITY);
        // Without a branch, which would be foretold wrongly for every other input.
        for (row, sent) in sources.iter().enumerate() {
            let t = sent + latency;
            self.row[n] = row as u32;
            self.t[n] = t;
            n += usize::from(t <= last);
            first = first.min(t);
        }
        self.row.truncate(n);
        self.t.truncate(n);
        for list in [&mut self.e, &mut self.q] {
            list.resize(n, 0.0);
        }
        for list in [&mut self.since, &mut self.scale, &mut self.lag] {
            list.resize(n, 0.0);
        }
        first
    }

    /// Largest `e (P - Q g)` of the inputs that come until `until`.
    pub(super) fn largest_kernel(&self, p: f64, g: f64, until: f64) -> f64 {
        let causal = self.t.iter().zip(&self.e).zip(&self.q).filter(|((t, _), _)| **t <= until);
        causal.map(|((_, e), q)| e * (p - q * g).abs()).fold(0.0, f64::max)
    }
}

/// The neurons of a layer, padded, one number of each in every list.
#[derive(Debug, Default)]
pub(super) struct Neurons {
    /// Measured times; `-inf`, which nothing precedes, where there is nothing to send back.
    pub(super) until: Vec<f64>,
    plain: Vec<f64>,
    lagged: Vec<f64>,
    pub(super) d: Vec<f64>,
    pub(super) p: Vec<f64>,
    pub(super) g: Vec<f64>,
    pub(super) v: Vec<f64>,
    pub(super) i: Vec<f64>,
    /// `d` times the error divided by the slope.
    pub(super) by_time: Vec<f64>,
    pub(super) by_weight: Vec<f64>,
    /// Of the weight gradient: `until` since the reference, and what is multiplied with 1 and with `Q`.
    since: Vec<f32>,
    one: Vec<f32>,
    lag: Vec<f32>,
    /// Of the time gradient: what is multiplied with 1 and with `Q`.
    time_one: Vec<f64>,
    time_lag: Vec<f64>,
}

impl Neurons {
    /// Takes the measured times of a sample and says when the last neuron with an error fired.
    pub(super) fn begin(&mut self, width: usize, outputs: ArrayView1<f64>, errors: &[f64]) -> f64 {
        for list in [
            &mut self.plain,
            &mut self.lagged,
            &mut self.d,
            &mut self.p,
            &mut self.g,
            &mut self.v,
            &mut self.i,
            &mut self.time_one,
            &mut self.time_lag,
        ] {
            list.resize(width, 0.0);
        }
        for list in [&mut self.since, &mut self.one, &mut self.lag] {
            list.resize(width, 0.0);
        }
        for list in [&mut self.by_time, &mut self.by_weight] {
            list.clear();
            list.resize(width, 0.0);
        }
        self.until.clear();
        self.until.resize(width, f64::NEG_INFINITY);
        let mut last = f64::NEG_INFINITY;
        for ((until, &t), &error) in self.until.iter_mut().zip(outputs).zip(errors) {
            *until = if t.is_finite() && error.is_finite() && error != 0.0 { t } else { f64::NEG_INFINITY };
            last = last.max(*until);
        }
        last
    }

    /// What inputs are multiplied with.
    pub(super) fn factors(&mut self, dynamics: Dynamics, reference: f64) {
        let per_tau = 1.0 / dynamics.tau_fast;
        for j in 0..self.until.len() {
            let (p, g) = (self.p[j], self.g[j]);
            self.since[j] = (self.until[j] - reference) as f32;
            self.one[j] = (self.by_weight[j] * p) as f32;
            self.lag[j] = (self.by_weight[j] * g) as f32;
            self.time_one[j] = self.by_time[j] * (1.0 - p * per_tau) / dynamics.tau_syn;
            self.time_lag[j] = self.by_time[j] * g * per_tau / dynamics.tau_syn;
        }
    }
}

/// As many numbers as a block has; `None` where there are fewer.
#[inline(always)]
fn block<T, const N: usize>(list: &[T], from: usize) -> Option<&[T; N]> {
    list.get(from..)?.first_chunk()
}

/// Weights of an input that comes at `t`, zero for neurons that have fired. With bits instead of a choice, which the compiler would
/// take apart into branches.
#[inline(always)]
fn causal(weights: &[f64; LANES], t: f64, until: &[f64; LANES]) -> [f64; LANES] {
    let mut kept = [0.0; LANES];
    for l in 0..LANES {
        kept[l] = f64::from_bits(weights[l].to_bits() & u64::from(t <= until[l]).wrapping_neg());
    }
    kept
}

/// `e` and `Q` of the inputs.
pub(super) struct InputFactors<'a> {
    pub(super) inputs: &'a mut Inputs,
    pub(super) dynamics: Dynamics,
    pub(super) reference: f64,
}

impl Loops for InputFactors<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { inputs: Inputs { t, e, q, since, scale, lag, .. }, dynamics, reference } = self;
        let (rate, sigma) = (1.0 / dynamics.tau_slow, dynamics.gap.abs());
        for ((&t, e), q) in t.iter().zip(e.iter_mut()).zip(q.iter_mut()) {
            *e = exp((t - reference) * rate);
            *q = t - reference;
        }
        if sigma != 0.0 {
            for q in q.iter_mut() {
                *q *= expm1_over(sigma * *q);
            }
        }
        let per_tau = 1.0 / dynamics.tau_syn;
        for ((((&t, &e), &q), since), (scale, lag)) in
            t.iter().zip(&*e).zip(&*q).zip(since).zip(scale.iter_mut().zip(lag))
        {
            *since = (t - reference) as f32;
            *scale = -(e * per_tau) as f32;
            *lag = q as f32;
        }
    }
}

/// Sums of `w e` and `w e Q` over the inputs that precede each neuron.
pub(super) struct Charges<'a> {
    pub(super) weights: &'a [f64],
    pub(super) stride: usize,
    pub(super) inputs: &'a Inputs,
    pub(super) neurons: &'a mut Neurons,
}

impl Loops for Charges<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { weights, stride, inputs, neurons } = self;
        for from in (0..neurons.until.len()).step_by(LANES) {
            let Some(&until) = block::<f64, LANES>(&neurons.until, from) else { return };
            let (mut plain, mut lagged) = ([0.0; LANES], [0.0; LANES]);
            for (((&row, &t), &e), &q) in inputs.row.iter().zip(&inputs.t).zip(&inputs.e).zip(&inputs.q) {
                let Some(w) = block::<f64, LANES>(weights, row as usize * stride + from) else { return };
                let (w, eq) = (causal(w, t, &until), e * q);
                for l in 0..LANES {
                    plain[l] = w[l].mul_add(e, plain[l]);
                }
                for l in 0..LANES {
                    lagged[l] = w[l].mul_add(eq, lagged[l]);
                }
            }
            neurons.plain[from..][..LANES].copy_from_slice(&plain);
            neurons.lagged[from..][..LANES].copy_from_slice(&lagged);
        }
    }
}

/// The factors of the output times, and the model's membranes at them.
pub(super) struct Kernels<'a> {
    pub(super) neurons: &'a mut Neurons,
    pub(super) dynamics: Dynamics,
    pub(super) reference: f64,
}

impl Loops for Kernels<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { neurons: Neurons { until, plain, lagged, d, p, g, v, i, .. }, dynamics, reference } = self;
        let (rate, sigma) = (1.0 / dynamics.tau_slow, dynamics.gap.abs());
        for (((&until, d), p), g) in until.iter().zip(d.iter_mut()).zip(p.iter_mut()).zip(g.iter_mut()) {
            let since = if until < reference { 0.0 } else { until - reference };
            *d = exp(-since * rate);
            *p = since;
            *g = 1.0;
        }
        if sigma != 0.0 {
            for (p, g) in p.iter_mut().zip(g.iter_mut()) {
                *g = exp(-sigma * *p);
                *p *= expm1_over(-sigma * *p);
            }
        }
        let (gap, per_tau) = (dynamics.gap.max(0.0), 1.0 / dynamics.tau_syn);
        for (((((plain, lagged), d), (p, g)), v), i) in
            plain.iter().zip(&*lagged).zip(&*d).zip(p.iter().zip(&*g)).zip(v.iter_mut()).zip(i)
        {
            let m = p * plain - g * lagged;
            *v = d * m * per_tau;
            *i = d * (plain - gap * m);
        }
    }
}

/// `dL/dw_ij -= k_ij error_j/D_j`
pub(super) struct WeightGradients<'a> {
    pub(super) gradient: &'a mut [f32],
    pub(super) stride: usize,
    pub(super) inputs: &'a Inputs,
    pub(super) neurons: &'a Neurons,
}

impl WeightGradients<'_> {
    #[inline(always)]
    fn block<const N: usize>(&mut self, from: usize) -> Option<()> {
        let Inputs { row, since, scale, lag, .. } = self.inputs;
        let until = *block::<f32, N>(&self.neurons.since, from)?;
        let one = *block::<f32, N>(&self.neurons.one, from)?;
        let by_lag = *block::<f32, N>(&self.neurons.lag, from)?;
        for (((&row, &t), &scale), &lag) in row.iter().zip(since).zip(scale).zip(lag) {
            let sums: &mut [f32; N] = self.gradient.get_mut(row as usize * self.stride + from..)?.first_chunk_mut()?;
            for l in 0..N {
                let kernel = (-lag).mul_add(by_lag[l], one[l]);
                let added = kernel.mul_add(scale, sums[l]);
                sums[l] = if t <= until[l] { added } else { sums[l] };
            }
        }
        Some(())
    }
}

impl Loops for WeightGradients<'_> {
    type Output = ();

    #[inline(always)]
    fn run(mut self) {
        let width = self.neurons.until.len();
        let wide = width - width % (2 * LANES);
        for from in (0..wide).step_by(2 * LANES) {
            self.block::<{ 2 * LANES }>(from);
        }
        for from in (wide..width).step_by(LANES) {
            self.block::<LANES>(from);
        }
    }
}

/// `dL/dt_i = sum_j w_ij k'_ij error_j/D_j`
pub(super) struct TimeSums<'a> {
    pub(super) by_times: &'a mut [f64],
    pub(super) weights: &'a [f64],
    pub(super) stride: usize,
    pub(super) inputs: &'a Inputs,
    pub(super) neurons: &'a Neurons,
}

impl Loops for TimeSums<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { by_times, weights, stride, inputs, neurons } = self;
        for (((&row, &t), &e), &q) in inputs.row.iter().zip(&inputs.t).zip(&inputs.e).zip(&inputs.q) {
            let Some(row_of_weights) =
                weights.get(row as usize * stride..).and_then(|rest| rest.get(..neurons.until.len()))
            else {
                return;
            };
            let (mut one, mut lag) = ([0.0; LANES], [0.0; LANES]);
            for (((w, until), by_one), by_lag) in row_of_weights
                .as_chunks::<LANES>()
                .0
                .iter()
                .zip(neurons.until.as_chunks::<LANES>().0)
                .zip(neurons.time_one.as_chunks::<LANES>().0)
                .zip(neurons.time_lag.as_chunks::<LANES>().0)
            {
                let w = causal(w, t, until);
                for l in 0..LANES {
                    one[l] = w[l].mul_add(by_one[l], one[l]);
                }
                for l in 0..LANES {
                    lag[l] = w[l].mul_add(by_lag[l], lag[l]);
                }
            }
            for l in 0..LANES {
                one[l] = lag[l].mul_add(q, one[l]);
            }
            let mut width = LANES / 2;
            while width > 0 {
                for l in 0..width {
                    one[l] += one[l + width];
                }
                width /= 2;
            }
            by_times[row as usize] = e * one[0];
        }
    }
}
