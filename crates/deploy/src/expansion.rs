//! The network that sits on the chip in the place of the one that was trained.

use ndarray::{Array2, array};
use ttfs::network::Network;
use ttfs::neuron::LifModel;
use ttfs::samples::Channel;
use ttfs::scaling::Scaling;

use crate::{Error, Mapping};

/// Largest weight code of a synapse.
pub(crate) const LARGEST_CODE: i64 = 63;
/// Weight codes with which an input drives a neuron that stands for a bias spike, nominally: what is left is for chips whose threshold
/// is higher.
const DRIVE_CODES: f64 = 55.0;

/// A neuron that stands for a bias spike takes at most this long, in `tau_syn`: a slow one would be late by noise.
const SLOWEST_BIAS: f64 = 0.25;
/// Rows that drive it, at most.
const MOST_DRIVES: usize = 128;

/// A trained network in its own units.
#[derive(Debug, Clone, Copy)]
pub struct Trained<'a> {
    /// Its weights; a layer with a bias spike has a last row for it.
    pub network: &'a Network,
    /// Time of the bias spike of each layer after the first, in `tau_syn`; layers beyond the list have none. That of the first
    /// layer is among the inputs.
    pub biases: &'a [Option<f64>],
    /// Threshold above the leak, in units of its weights.
    pub threshold: f64,
    /// Membrane time constant in `tau_syn`.
    pub tau_mem: f64,
}

/// What a neuron of the network on the chip is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// One of `of` twins of a neuron of the trained network.
    Neuron {
        /// The neuron, counted from 0 in its layer.
        index: usize,
        /// Which twin, from 0.
        twin: usize,
        /// Twins.
        of: usize,
    },
    /// It makes the bias spike of the next layer.
    Bias,
}

/// The shape of the network on the chip: the same on every chip, so that its samples are.
///
/// *Copies.* Each input of the encoding has [`Mapping::input_copies`] channels, copy after copy. A weight is rounded as a whole and shared
/// out evenly: n rows have n times the range and, but for that, one code as resolution.
///
/// *Twins.* A hidden neuron with a weight behind it that is larger than a synapse gets a twin with the same inputs, as far as
/// [`Mapping::twins`] allows, those with the largest excess first; the weights behind are shared out.
///
/// *Bias spikes* behind the first layer are made by a neuron: nothing but it is driven by [`Mapping::bias_rows`] channels, or as many more as bring it to fire within a quarter of
/// `tau_syn`. They spike as much earlier as the neuron takes, at nominal strength. It suffers latencies and noise as all others, so the delay of the layer is its own too.
#[derive(Debug, Clone, PartialEq)]
pub struct Expansion {
    channels: Vec<Channel>,
    layers: Vec<Vec<Origin>>,
    copies: usize,
    /// Weight that drives a bias neuron through each of its channels, in thresholds.
    drive: f64,
}

impl Expansion {
    /// The shape that follows from a network and a mapping, if a neuron has one circuit.
    ///
    /// # Errors
    /// If the mapping cannot be, or the network has delays or bias spikes that no neuron can make.
    pub fn new(trained: &Trained, mapping: &Mapping) -> Result<Self, Error> {
        Self::with_circuits(trained, mapping, 1)
    }

    /// The same for neurons of so many circuits, whose threshold is as many times as high.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_circuits(trained: &Trained, mapping: &Mapping, circuits: usize) -> Result<Self, Error> {
        if trained.network.has_delays() {
            return Err(Error::Delays);
        }
        if let Some(layer) = trained.biases.iter().skip(1).position(Option::is_some) {
            return Err(Error::Bias { layer: layer + 3 });
        }
        let codes = mapping.codes_per_threshold(trained.tau_mem, circuits)?;
        let weights = &trained.network.weights;
        let inputs = weights.first().map_or(0, Array2::nrows);
        let copies = mapping.input_copies;
        let mut channels: Vec<Channel> = (0..copies).flat_map(|_| (0..inputs).map(Channel::Input)).collect();
        let mut layers = Vec::new();
        for (layer, own) in weights.iter().enumerate() {
            let behind = weights.get(layer + 1);
            let twins =
                behind.map_or_else(Vec::new, |behind| twins(behind, own.ncols(), codes / trained.threshold, mapping));
            let mut neurons = Vec::new();
            for index in 0..own.ncols() {
                let of = 1 + usize::from(twins.contains(&index));
                neurons.extend((0..of).map(|twin| Origin::Neuron { index, twin, of }));
            }
            layers.push(neurons);
        }
        let drive = DRIVE_CODES / codes;
        if let (Some(Some(time)), Some(first)) = (trained.biases.first().copied(), layers.first_mut()) {
            let model = LifModel { tau_mem: trained.tau_mem, tau_syn: 1.0, threshold: 1.0 };
            let needed = |rows: usize| model.layer_forward(array![0.0].view(), array![[drive * rows as f64]].view())[0];
            let mut rows = mapping.bias_rows;
            while rows < MOST_DRIVES && needed(rows) > SLOWEST_BIAS {
                rows += 1;
            }
            let needed = needed(rows);
            if needed.is_nan() || needed > time {
                return Err(Error::EarlyBias { time, rows, needed });
            }
            channels.extend(std::iter::repeat_n(Channel::At(time - needed), rows));
            first.push(Origin::Bias);
        }
        Ok(Self { channels, layers, copies, drive })
    }

    /// What each input channel carries.
    pub fn channels(&self) -> &[Channel] {
        &self.channels
    }

    /// Number of input channels.
    pub fn n_inputs(&self) -> usize {
        self.channels.len()
    }

    /// Neurons of each layer.
    pub fn sizes(&self) -> Vec<usize> {
        self.layers.iter().map(Vec::len).collect()
    }

    /// What the neurons of each layer are.
    pub fn layers(&self) -> &[Vec<Origin>] {
        &self.layers
    }

    /// Rows of each input.
    pub fn copies(&self) -> usize {
        self.copies
    }

    /// Rows that a source of a layer (0: the first) has, by its index in the trained network.
    pub fn rows_of(&self, layer: usize, source: usize) -> usize {
        if layer == 0 {
            return self.copies;
        }
        let is_it = |origin: &&Origin| matches!(origin, Origin::Neuron { index, .. } if *index == source);
        // The bias comes behind the last neuron.
        self.layers[layer - 1].iter().filter(is_it).count().max(1)
    }

    /// The weights on a chip, in units of `scaling`: those of its neurons, as measured, with the circuits that they have.
    ///
    /// ```text
    /// w_chip = w threshold_chip/threshold_trained            where a source has n rows: codes of the whole, shared out
    /// ```
    pub fn network(&self, trained: &Trained, scaling: &Scaling) -> Network {
        let factor = scaling.threshold / trained.threshold;
        let mut weights = Vec::new();
        for (layer, (own, neurons)) in trained.network.weights.iter().zip(&self.layers).enumerate() {
            let sources = self.sources(layer, own.nrows());
            let mut mapped = Array2::zeros((sources.len(), neurons.len()));
            for (row, source) in sources.iter().enumerate() {
                for (column, neuron) in neurons.iter().enumerate() {
                    mapped[[row, column]] = match (*source, *neuron) {
                        (Source::Drive, Origin::Bias) => self.drive * scaling.threshold,
                        (Source::Drive, _) | (_, Origin::Bias) => 0.0,
                        (Source::Row { index, part, of }, Origin::Neuron { index: target, .. }) => {
                            share(own[[index, target]] * factor, part, of, column, scaling)
                        }
                    };
                }
            }
            weights.push(mapped);
        }
        Network::new(weights)
    }

    /// What the rows of the weights of a layer are.
    fn sources(&self, layer: usize, n_sources: usize) -> Vec<Source> {
        let Some(before) = layer.checked_sub(1) else {
            let rows = (0..self.copies).flat_map(|part| (0..n_sources).map(move |index| (index, part)));
            let rows = rows.map(|(index, part)| Source::Row { index, part, of: self.copies });
            let drives = self.channels.len() - self.copies * n_sources;
            return rows.chain(std::iter::repeat_n(Source::Drive, drives)).collect();
        };
        let of_neuron = |origin: &Origin| match *origin {
            Origin::Neuron { index, twin, of } => Source::Row { index, part: twin, of },
            Origin::Bias => Source::Row { index: n_sources - 1, part: 0, of: 1 },
        };
        self.layers[before].iter().map(of_neuron).collect()
    }
}

/// What a row of weights belongs to.
#[derive(Debug, Clone, Copy)]
enum Source {
    /// Part of a source of the trained network.
    Row { index: usize, part: usize, of: usize },
    /// A channel that drives a bias neuron.
    Drive,
}

/// The part of a weight that one of several rows carries.
fn share(weight: f64, part: usize, of: usize, column: usize, scaling: &Scaling) -> f64 {
    let largest = scaling.largest_weight();
    if of == 1 {
        return weight.clamp(-largest, largest);
    }
    let n = of as i64;
    let most = (LARGEST_CODE * n) as f64;
    let code = (weight * scaling.lsb_per_weight).clamp(-most, most).round() as i64;
    // Which rows have one code more differs from neuron to neuron.
    let place = ((part + column) % of) as i64;
    let own = code / n + if place < code.abs() % n { code.signum() } else { 0 };
    own as f64 / scaling.lsb_per_weight
}

/// Hidden neurons that get a twin: those with the largest excess behind them.
fn twins(behind: &Array2<f64>, n: usize, codes_per_weight: f64, mapping: &Mapping) -> Vec<usize> {
    let largest = LARGEST_CODE as f64 / codes_per_weight;
    let excess = |k: usize| behind.row(k).iter().map(|w| (w.abs() - largest).max(0.0)).sum::<f64>();
    let mut over: Vec<(usize, f64)> = (0..n).map(|k| (k, excess(k))).filter(|(_, e)| *e > 0.0).collect();
    over.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    over.into_iter().take(mapping.twins).map(|(k, _)| k).collect()
}

#[cfg(test)]
mod tests {
    use bss2_emu::RunId;
    use ttfs::biased::Biased;
    use ttfs::substrate::{Ideal, Substrate as _};

    use super::*;

    fn weights() -> Network {
        let hidden = Array2::from_shape_fn((3, 6), |(i, k)| 2.4 - 0.31 * (i + 2 * k) as f64 % 2.9);
        let output = Array2::from_shape_fn((7, 2), |(i, k)| 2.3 - 0.47 * (3 * i + k) as f64 % 3.2);
        Network::new(vec![hidden, output])
    }

    fn times(network: &Network, model: LifModel, inputs: &[f64]) -> Array2<f64> {
        let inputs = Array2::from_shape_vec((1, inputs.len()), inputs.to_vec()).unwrap();
        let run = RunId { session: 0, index: 0 };
        Ideal { model, grid: None }.forward(network, inputs.view(), run).unwrap().layers.swap_remove(1)
    }

    /// On the exact model, without a grid, the network on the chip does what the trained one does.
    #[test]
    fn copies_twins_and_bias_neurons_change_nothing_but_the_grid() {
        let network = weights();
        let trained = Trained { network: &network, biases: &[Some(0.9)], threshold: 1.0, tau_mem: 1.0 };
        let mapping = Mapping { input_copies: 3, twins: 2, us_per_time: 12.0, bias_rows: 6, ..Mapping::default() };
        let expansion = Expansion::new(&trained, &mapping).unwrap();
        assert_eq!((expansion.n_inputs(), expansion.sizes()), (15, vec![9, 2]));
        let nominal = mapping.nominal(1.0, 30.0).unwrap();
        let model = LifModel { tau_mem: 1.0, tau_syn: 1.0, threshold: nominal.threshold };
        let inputs = [0.2, 0.9, 1.4];
        let run = RunId { session: 0, index: 0 };
        let ideal = Ideal { model: LifModel::default(), grid: None };
        let view = Array2::from_shape_vec((1, 3), inputs.to_vec()).unwrap();
        let expected = Biased { ideal, biases: vec![Some(0.9)] }.forward(&network, view.view(), run).unwrap();
        let of_channel = |channel: &Channel| match channel {
            Channel::Input(k) => inputs[*k],
            Channel::At(time) => *time,
        };
        let sent: Vec<f64> = expansion.channels().iter().map(of_channel).collect();
        let exact = unclipped(&expansion, &trained, &nominal);
        let found = times(&exact, model, &sent);
        for (found, expected) in found.iter().zip(&expected.layers[1]) {
            assert!((found - expected).abs() < 1e-9, "{found} {expected}");
        }
        assert!(expected.layers[1].iter().any(|t| t.is_finite()));
    }

    /// Weights of the mapped network before codes: divided evenly.
    fn unclipped(expansion: &Expansion, trained: &Trained, scaling: &Scaling) -> Network {
        let factor = scaling.threshold / trained.threshold;
        let mut weights = Vec::new();
        for (layer, own) in trained.network.weights.iter().enumerate() {
            let sources = expansion.sources(layer, own.nrows());
            let neurons = &expansion.layers[layer];
            weights.push(Array2::from_shape_fn((sources.len(), neurons.len()), |(r, c)| {
                match (sources[r], neurons[c]) {
                    (Source::Drive, Origin::Bias) => expansion.drive * scaling.threshold,
                    (Source::Row { index, of, .. }, Origin::Neuron { index: target, .. }) => {
                        own[[index, target]] * factor / of as f64
                    }
                    _ => 0.0,
                }
            }));
        }
        Network::new(weights)
    }

    #[test]
    fn rows_carry_a_weight_together_and_no_more_than_they_can() {
        let scaling = Mapping::default().nominal(1.0, 30.0).unwrap();
        let codes = |weight: f64, of: usize| -> Vec<f64> {
            (0..of).map(|part| share(weight, part, of, 0, &scaling) * 30.0).collect()
        };
        assert_eq!(codes(1.0, 4), [8.0, 8.0, 7.0, 7.0]);
        assert_eq!(codes(-5.0 / 30.0, 3), [-2.0, -2.0, -1.0]);
        assert_eq!(codes(100.0, 2), [63.0, 63.0]);
        assert_eq!(codes(-100.0, 1), [-63.0]);
        for code in -130..=130 {
            let whole: f64 = codes(f64::from(code) / 30.0, 2).iter().sum();
            assert!((whole - f64::from(code.clamp(-126, 126))).abs() < 1e-9, "{code}: {whole}");
        }
    }

    #[test]
    fn twins_go_where_the_excess_is_largest() {
        let network = Network::new(vec![array![[1.0, 1.0, 1.0]], array![[0.1, 3.0], [-9.0, 0.0], [0.5, 2.0]]]);
        let trained = Trained { network: &network, biases: &[], threshold: 1.0, tau_mem: 1.0 };
        let with = |twins| Expansion::new(&trained, &Mapping { twins, ..Mapping::default() }).unwrap();
        assert_eq!((0..3).map(|k| with(2).rows_of(1, k)).collect::<Vec<_>>(), [2, 2, 1]);
        assert_eq!(with(1).sizes(), [4, 2]);
        assert_eq!(with(9).sizes(), [6, 2]);
    }

    #[test]
    fn what_no_neuron_can_make_is_refused() {
        let network = weights();
        let with = |biases: &[Option<f64>], mapping: Mapping| {
            let trained = Trained { network: &network, biases, threshold: 1.0, tau_mem: 1.0 };
            Expansion::new(&trained, &mapping).unwrap_err().to_string()
        };
        assert!(
            with(&[None, Some(0.5)], Mapping::default()).starts_with("layer 3 has a bias spike: a neuron of layer 2")
        );
        let early = with(&[Some(0.01)], Mapping::default());
        assert!(early.contains("at 0.01 tau_syn is too early") && early.contains("8 rows"), "{early}");
    }
}
