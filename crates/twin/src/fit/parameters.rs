//! The parameters of a profile as a vector of numbers that are standard normal before anything is measured.

use std::ops::Range;

use ndarray::{Array2, ArrayView2};

use crate::population::Population;
use crate::profile::{NeuronProfile, Profile};
use crate::recording::Recording;

/// Parameters that are one for the whole chip.
pub(super) const CHIP: usize = 5;
/// Parameters of a neuron beside its synapses.
pub(super) const OWN: usize = 4;

/// What a fit may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::struct_excessive_bools, reason = "a set, by the names of its members")]
pub struct Ingredients {
    /// One gain for all neurons.
    pub shared_gain: bool,
    /// One latency for each layer.
    pub latency: bool,
    /// A gain for each hidden neuron.
    pub hidden_gains: bool,
    /// A gain for each output.
    pub output_gains: bool,
    /// Excitation against inhibition, for each neuron.
    pub ratios: bool,
    /// Time constants, for each neuron and for the chip.
    pub time_constants: bool,
    /// Synapses of the hidden neurons.
    pub hidden_synapses: bool,
    /// Synapses of the outputs.
    pub output_synapses: bool,
    /// Errors of delays, where the recording has delays.
    pub delays: bool,
}

impl Ingredients {
    /// All.
    pub const ALL: Self = Self {
        shared_gain: true,
        latency: true,
        hidden_gains: true,
        output_gains: true,
        ratios: true,
        time_constants: true,
        hidden_synapses: true,
        output_synapses: true,
        delays: true,
    };
}

/// Synapses of a neuron that no recording tells apart: their sources fire together, and their weights have one sign.
///
/// ```text
/// factor_i = 1 + synapse_std share_i z         share_i = |w_i| / sqrt(sum w^2)
/// ```
/// With independent factors of that spread the sum of the group has this spread, and this is the most probable way of
/// sharing out what a sum is off.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Group {
    /// Sources with their shares.
    pub members: Vec<(usize, f64)>,
}

/// Places of all parameters.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub population: Population,
    /// Groups of synapses by layer and neuron.
    pub groups: [Vec<Vec<Group>>; 2],
    /// First parameter of each neuron, by layer.
    pub first: [Vec<usize>; 2],
    /// Class of each input: those that always fire together have one delay.
    pub input_class: Vec<usize>,
    /// Places of the delay errors of input classes and hidden neurons; empty without delays.
    pub delays: [Range<usize>; 2],
    pub n: usize,
    sizes: [usize; 3],
}

impl Layout {
    pub fn new(recording: &Recording, population: Population) -> Self {
        let sizes = recording.sizes();
        let input_class = classes(recording);
        let every: Vec<usize> = (0..sizes[1]).collect();
        let groups = [groups(&recording.codes[0], &input_class), groups(&recording.codes[1], &every)];
        let mut n = CHIP;
        let mut place = |count: usize| {
            n += count;
            n - count
        };
        let hidden = groups[0].iter().map(|g| place(OWN + g.len())).collect();
        let n_classes = input_class.iter().max().map_or(0, |c| c + 1);
        let has = usize::from(recording.delays.is_some());
        let [of_inputs, of_hidden] = [n_classes, sizes[1]].map(|count| {
            let first = place(has * count);
            first..first + has * count
        });
        let outputs = groups[1].iter().map(|g| place(OWN + g.len())).collect();
        Self { population, groups, first: [hidden, outputs], input_class, delays: [of_inputs, of_hidden], n, sizes }
    }

    /// The first parameter that belongs to one output alone.
    pub fn shared(&self) -> usize {
        self.first[1][0]
    }

    /// Parameters of one neuron.
    pub fn of(&self, layer: usize, neuron: usize) -> Range<usize> {
        let first = self.first[layer][neuron];
        first..first + OWN + self.groups[layer][neuron].len()
    }

    /// Which parameters a fit may move.
    pub fn active(&self, with: &Ingredients) -> Vec<bool> {
        let mut active = vec![false; self.n];
        active[..CHIP].copy_from_slice(&[
            with.shared_gain,
            with.latency,
            with.latency,
            with.time_constants,
            with.time_constants,
        ]);
        let gains = [with.hidden_gains, with.output_gains];
        let synapses = [with.hidden_synapses, with.output_synapses];
        for layer in 0..2 {
            for neuron in 0..self.first[layer].len() {
                let places = self.of(layer, neuron);
                let own = [gains[layer], with.ratios, with.time_constants, with.time_constants];
                active[places.start..places.start + OWN].copy_from_slice(&own);
                active[places.start + OWN..places.end].fill(synapses[layer]);
            }
            active[self.delays[layer].clone()].fill(with.delays);
        }
        active
    }

    /// The spread of each parameter: what a step of 1 means.
    pub fn scale_of_own(&self) -> [f64; OWN] {
        let p = &self.population;
        [p.gain_std, p.ratio_std, p.tau_std, p.tau_std]
    }

    /// The profile of a vector. Parameters that are not active are as in an ideal network.
    pub fn profile(&self, z: &[f64], active: &[bool]) -> Profile {
        let p = &self.population;
        let mut profile = Profile::ideal(self.sizes);
        let of = |place: usize, mean: f64, std: f64| if active[place] { mean + std * z[place] } else { 0.0 };
        let gain = of(0, p.gain_mean, p.gain_chip_std);
        // No spike acts before it was sent.
        profile.latency =
            [of(1, p.latency_external, p.latency_chip_std), of(2, p.latency_internal, p.latency_chip_std)]
                .map(|latency| latency.max(0.0));
        let [tau_mem, tau_syn] = [of(3, 0.0, p.tau_std), of(4, 0.0, p.tau_std)];
        let scale = self.scale_of_own();
        for layer in 0..2 {
            for neuron in 0..self.first[layer].len() {
                let first = self.first[layer][neuron];
                let own = |k: usize| of(first + k, 0.0, scale[k]);
                profile.neurons[layer][neuron] = NeuronProfile {
                    log_gain: gain + own(0),
                    log_ratio: own(1),
                    log_tau_mem: tau_mem + own(2),
                    log_tau_syn: tau_syn + own(3),
                };
                for (k, group) in self.groups[layer][neuron].iter().enumerate() {
                    let step = of(first + OWN + k, 0.0, p.synapse_std[layer]);
                    for &(source, share) in &group.members {
                        profile.synapses[layer][[source, neuron]] = (1.0 + share * step).max(0.0);
                    }
                }
            }
        }
        for layer in 0..2 {
            let places = self.delays[layer].clone();
            if places.is_empty() {
                continue;
            }
            for (source, error) in profile.delay_errors[layer].iter_mut().enumerate() {
                let class = if layer == 0 { self.input_class[source] } else { source };
                *error = of(places.start + class, 0.0, p.delay_std[layer]);
            }
        }
        profile
    }
}

/// Numbers the inputs that fire together in every sample by the first of them.
fn classes(recording: &Recording) -> Vec<usize> {
    let parts = [recording.train.inputs.view(), recording.test.inputs.view()];
    let delay = |i: usize| recording.delays.as_ref().map_or(0.0, |delays| delays[0][i]);
    let together = |a: usize, b: usize| {
        delay(a) == delay(b) && parts.iter().all(|part: &ArrayView2<f64>| part.column(a) == part.column(b))
    };
    let mut representatives: Vec<usize> = Vec::new();
    (0..recording.sizes()[0])
        .map(|input| {
            let known = representatives.iter().position(|&first| together(first, input));
            known.unwrap_or_else(|| {
                representatives.push(input);
                representatives.len() - 1
            })
        })
        .collect()
}

/// Groups of synapses of every neuron.
fn groups(codes: &Array2<i8>, class: &[usize]) -> Vec<Vec<Group>> {
    let n_classes = class.iter().max().map_or(0, |c| c + 1);
    let of_neuron = |column: ndarray::ArrayView1<i8>| {
        let mut groups = Vec::new();
        for sign in [1, -1] {
            for k in 0..n_classes {
                let members: Vec<(usize, f64)> = (column.iter().enumerate())
                    .filter(|&(source, &code)| class[source] == k && code.signum() == sign)
                    .map(|(source, &code)| (source, f64::from(code).abs()))
                    .collect();
                if members.is_empty() {
                    continue;
                }
                let length = libm::sqrt(members.iter().map(|(_, w)| w * w).sum::<f64>());
                groups.push(Group { members: members.into_iter().map(|(source, w)| (source, w / length)).collect() });
            }
        }
        groups
    };
    codes.columns().into_iter().map(of_neuron).collect()
}
