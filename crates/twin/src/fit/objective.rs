//! What a fit makes small: how far measured spikes are from those of the model, and the model from its population.

use ndarray::{Array1, Array2, ArrayView1};
use rayon::prelude::*;

use super::Weighting;
use super::parameters::{CHIP, Layout, OWN};
use crate::profile::Profile;
use crate::recording::Recording;
use crate::response::{Body, Sensitivity};

/// A sample and what was measured of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Evidence<'a> {
    pub inputs: ArrayView1<'a, f64>,
    /// Measured hidden times; unknown ones are `NaN`.
    pub hidden: Option<ArrayView1<'a, f64>>,
    pub outputs: Option<ArrayView1<'a, f64>>,
}

/// Value, gradient and Gauss-Newton matrix (upper triangle, row by row).
#[derive(Debug, Clone)]
pub(super) struct Normal {
    pub cost: f64,
    pub gradient: Vec<f64>,
    pub matrix: Vec<f64>,
}

impl Normal {
    fn zeros(n: usize) -> Self {
        Self { cost: 0.0, gradient: vec![0.0; n], matrix: vec![0.0; n * n] }
    }

    /// Adds a weighted residual whose derivatives are zero but in some places.
    fn add(&mut self, residual: f64, weight: f64, row: &[f64], places: &[std::ops::Range<usize>]) {
        let n = self.gradient.len();
        for (block, range) in places.iter().enumerate() {
            for a in range.clone() {
                let slope = weight * row[a];
                if slope == 0.0 {
                    continue;
                }
                self.gradient[a] += slope * residual;
                let into = &mut self.matrix[a * n..(a + 1) * n];
                for (into, by) in into[a..range.end].iter_mut().zip(&row[a..range.end]) {
                    *into += slope * by;
                }
                for later in &places[block + 1..] {
                    for (into, by) in into[later.clone()].iter_mut().zip(&row[later.clone()]) {
                        *into += slope * by;
                    }
                }
            }
        }
    }

    fn join(&mut self, other: &Self) {
        self.cost += other.cost;
        self.gradient.iter_mut().zip(&other.gradient).for_each(|(a, b)| *a += b);
        self.matrix.iter_mut().zip(&other.matrix).for_each(|(a, b)| *a += b);
    }
}

/// The objective of a fit.
pub(super) struct Objective<'a> {
    pub recording: &'a Recording,
    pub layout: &'a Layout,
    pub active: &'a [bool],
    pub evidence: &'a [Evidence<'a>],
    pub weighting: Weighting,
}

/// The network of a profile, ready to be run.
pub(crate) struct Bodies {
    pub layers: [Vec<Body>; 2],
    pub lags: [Array1<f64>; 2],
    pub threshold: f64,
}

impl Bodies {
    pub fn new(recording: &Recording, weights: &[Array2<f64>; 2], profile: &Profile) -> Self {
        let threshold = recording.units.threshold;
        let layers = [0, 1].map(|layer| {
            let of = |neuron: usize| {
                let charges = profile.charges(layer, neuron, &weights[layer]);
                Body::new(profile.model(layer, neuron, threshold), charges)
            };
            (0..profile.neurons[layer].len()).map(of).collect()
        });
        Self { layers, lags: [0, 1].map(|layer| profile.lags(layer, recording)), threshold }
    }

    /// First spikes of a layer whose sources fire at `times`; `arrivals` takes when these act.
    pub fn run(&self, layer: usize, times: impl Iterator<Item = f64>, work: &mut Work) {
        let Work { arrivals, order, sorted, spikes, .. } = work;
        arrivals.clear();
        arrivals.extend(times.zip(&self.lags[layer]).map(|(t, lag)| t + lag));
        order.clear();
        order.extend((0..arrivals.len()).filter(|&i| arrivals[i].is_finite()));
        order.sort_by(|&a, &b| arrivals[a].total_cmp(&arrivals[b]));
        spikes.clear();
        spikes.extend(self.layers[layer].iter().map(|body| body.first_spike(arrivals, order, sorted)));
    }
}

/// Memory that is used again from sample to sample.
#[derive(Debug, Default)]
pub(crate) struct Work {
    pub arrivals: Vec<f64>,
    order: Vec<usize>,
    sorted: [Vec<f64>; 2],
    pub spikes: Vec<f64>,
    sensitivity: Sensitivity,
    row: Vec<f64>,
}

/// Samples of one piece of work: few enough pieces that their matrices fit, many enough for the threads of a desktop.
const PIECES: usize = 8;

impl Objective<'_> {
    /// The value at `z`; gradient and matrix, too, if `whole`.
    pub fn at(&self, z: &[f64], whole: bool) -> Normal {
        let profile = self.layout.profile(z, self.active);
        let weights = self.recording.weights();
        let bodies = Bodies::new(self.recording, &weights, &profile);
        let size = self.evidence.len().div_ceil(PIECES).max(1);
        let parts: Vec<Normal> = (self.evidence.par_chunks(size))
            .map(|piece| {
                let mut sum = Normal::zeros(if whole { self.layout.n } else { 0 });
                let mut work = [Work::default(), Work::default()];
                for sample in piece {
                    self.sample(sample, &bodies, &profile, whole, &mut work, &mut sum);
                }
                sum
            })
            .collect();
        let mut normal = Normal::zeros(if whole { self.layout.n } else { 0 });
        for part in &parts {
            normal.join(part);
        }
        // The population: every parameter is a standard normal number before anything is measured.
        let n = self.layout.n;
        for (place, (z, active)) in z.iter().zip(self.active).enumerate() {
            if !active {
                continue;
            }
            normal.cost += 0.5 * z * z;
            if whole {
                normal.gradient[place] += z;
                normal.matrix[place * n + place] += 1.0;
            }
        }
        normal
    }

    fn sample(
        &self,
        sample: &Evidence<'_>,
        bodies: &Bodies,
        profile: &Profile,
        whole: bool,
        [hidden, output]: &mut [Work; 2],
        sum: &mut Normal,
    ) {
        bodies.run(0, sample.inputs.iter().copied(), hidden);
        if let Some(measured) = sample.hidden {
            for (neuron, &time) in measured.iter().enumerate().filter(|(_, t)| !t.is_nan()) {
                let body = &bodies.layers[0][neuron];
                let Some(found) = self.residual(body, hidden, neuron, time, self.weighting.hidden, bodies.threshold)
                else {
                    continue;
                };
                sum.cost += found.cost;
                if whole {
                    let mut row = std::mem::take(&mut hidden.row);
                    row.clear();
                    row.resize(self.layout.n, 0.0);
                    self.fill(0, neuron, &hidden.sensitivity, found.scale, profile, &mut row);
                    self.finish(&mut row);
                    sum.add(found.size, found.weight, &row, &self.places_of_hidden(neuron));
                    hidden.row = row;
                }
            }
        }
        let Some(measured) = sample.outputs else { return };
        bodies.run(1, hidden.spikes.iter().copied(), output);
        for (neuron, &time) in measured.iter().enumerate() {
            let body = &bodies.layers[1][neuron];
            let Some(found) = self.residual(body, output, neuron, time, self.weighting.outputs, bodies.threshold)
            else {
                continue;
            };
            sum.cost += found.cost;
            if !whole {
                continue;
            }
            let mut row = std::mem::take(&mut output.row);
            row.clear();
            row.resize(self.layout.n, 0.0);
            self.fill(1, neuron, &output.sensitivity, found.scale, profile, &mut row);
            for source in 0..hidden.spikes.len() {
                // By the time of the source: minus the slope that it gives.
                let by_time = -found.scale * output.sensitivity.slope_of_source[source];
                if by_time == 0.0 {
                    continue;
                }
                let body = &bodies.layers[0][source];
                body.sensitivity(hidden.spikes[source], &hidden.arrivals, &mut hidden.sensitivity);
                if hidden.sensitivity.slope > 0.0 {
                    let scale = -by_time / hidden.sensitivity.slope.max(self.weighting.least_slope);
                    self.fill(0, source, &hidden.sensitivity, scale, profile, &mut row);
                }
            }
            self.finish(&mut row);
            let places = [0..self.layout.shared(), self.layout.of(1, neuron)];
            sum.add(found.size, found.weight, &row, &places);
            output.row = row;
        }
    }

    /// The residual of one neuron in one sample, in units of its expected size; none where model and chip are both silent.
    fn residual(
        &self,
        body: &Body,
        work: &mut Work,
        neuron: usize,
        measured: f64,
        trust: f64,
        threshold: f64,
    ) -> Option<Residual> {
        let model = work.spikes[neuron];
        let w = &self.weighting;
        let (residual, scale) = match (model.is_finite(), measured.is_finite()) {
            (false, false) => return None,
            (true, true) => {
                body.sensitivity(model, &work.arrivals, &mut work.sensitivity);
                let slope = work.sensitivity.slope.max(w.least_slope);
                let size = libm::hypot(w.time, w.voltage / slope);
                ((model - measured) / size, -1.0 / (slope * size))
            }
            _ => {
                // One of them is silent: what matters is how far the peak is from the threshold.
                let (time, peak) = body.peak(&work.arrivals);
                body.sensitivity(time, &work.arrivals, &mut work.sensitivity);
                ((peak / threshold - 1.0) / w.silence, 1.0 / (threshold * w.silence))
            }
        };
        // Pseudo-Huber: quadratic for small residuals, linear for large ones.
        let root = libm::sqrt(1.0 + (residual / w.robust) * (residual / w.robust));
        let cost = trust * w.robust * w.robust * (root - 1.0);
        Some(Residual { size: residual, scale, weight: trust / root, cost })
    }

    /// Adds the derivatives by a neuron's parameters of `scale` times the potential, in units of the parameters themselves.
    fn fill(&self, layer: usize, neuron: usize, at: &Sensitivity, scale: f64, profile: &Profile, row: &mut [f64]) {
        let both = at.exc + at.inh;
        let slope: f64 = at.slope_of_source.iter().sum();
        let own = [both, 0.5 * (at.exc - at.inh), at.by_tau[0], at.by_tau[1]];
        let places = self.layout.of(layer, neuron);
        for (k, by) in own.iter().enumerate() {
            row[places.start + k] += scale * by;
        }
        row[0] += scale * both;
        row[1 + layer] -= scale * slope;
        row[3] += scale * at.by_tau[0];
        row[4] += scale * at.by_tau[1];
        for (k, group) in self.layout.groups[layer][neuron].iter().enumerate() {
            let by: f64 = group
                .members
                .iter()
                .map(|&(source, share)| {
                    share * at.by_source[source] / profile.synapses[layer][[source, neuron]].max(1e-6)
                })
                .sum();
            row[places.start + OWN + k] += scale * by;
        }
        let delays = &self.layout.delays[layer];
        if !delays.is_empty() {
            for (source, slope) in at.slope_of_source.iter().enumerate() {
                let class = if layer == 0 { self.layout.input_class[source] } else { source };
                row[delays.start + class] -= scale * slope;
            }
        }
    }

    /// From derivatives by parameters to those by standard normal numbers.
    fn finish(&self, row: &mut [f64]) {
        let p = &self.layout.population;
        let chip = [p.gain_chip_std, p.latency_chip_std, p.latency_chip_std, p.tau_std, p.tau_std];
        row[..CHIP].iter_mut().zip(chip).for_each(|(by, std)| *by *= std);
        let own = self.layout.scale_of_own();
        for layer in 0..2 {
            for neuron in 0..self.layout.first[layer].len() {
                let places = self.layout.of(layer, neuron);
                let (of_neuron, of_synapses) = row[places].split_at_mut(OWN);
                of_neuron.iter_mut().zip(own).for_each(|(by, std)| *by *= std);
                for by in of_synapses {
                    *by *= p.synapse_std[layer];
                }
            }
            row[self.layout.delays[layer].clone()].iter_mut().for_each(|by| *by *= p.delay_std[layer]);
        }
        row.iter_mut().zip(self.active).for_each(|(by, active)| *by *= f64::from(u8::from(*active)));
    }

    fn places_of_hidden(&self, neuron: usize) -> [std::ops::Range<usize>; 3] {
        [0..CHIP, self.layout.of(0, neuron), self.layout.delays[0].clone()]
    }
}

struct Residual {
    size: f64,
    /// What the derivative of the potential is multiplied with to get that of the residual.
    scale: f64,
    weight: f64,
    cost: f64,
}
