//! The ideal network with chosen deviations, one at a time or together: what studies of robustness vary without a chip.

mod lanes;

use std::ops::RangeInclusive;

use bss2_emu::RunId;
use bss2_emu::rng::{Purpose, Stream};
use ndarray::{Array2, ArrayView2, Axis};
use serde::{Deserialize, Serialize};

use self::lanes::Neurons;
use crate::ideal_fast::FastIdeal;
use crate::network::Network;
use crate::neuron::LifModel;
use crate::substrate::{Ideal, Spikes, Substrate};
use crate::{Error, error};

/// Smallest factor that a Gaussian deviation may make: thresholds and time constants stay positive.
const LEAST_FACTOR: f64 = 0.05;
/// Bits of a weight, beside its sign; more make no difference that accuracy could show.
const BITS: RangeInclusive<u8> = 1..=16;

/// How a model network deviates from the ideal one.
///
/// ```text
/// threshold_j = threshold (1 + s n_j)                      s = threshold_rel_std       n: standard normal draws, each its own
/// w_ij        = w_ij (1 + s n_ij)                          s = weight_rel_std          one for each synapse, bias synapses included
/// w_ij        = w_ij (1 + s n_j)                           s = gain_rel_std            one for each neuron
/// tau_mem_j   = tau_mem f (1 + s n_j)                      s = tau_mem_rel_std         f = tau_mem_factor, equal for all neurons
/// tau_syn_j   = tau_syn (1 + s n_j)                        s = tau_syn_rel_std         the same for either sign
/// t_i         = |t_i + s n_i|                              s = input_jitter_std        fresh for each sample, in tau_syn; not for the bias
/// w_ij        = d round(clip(w_ij)/d),  d = range/(2^b - 1)      b = weight_bits, beside the sign; clip to +-range
/// ```
/// Factors `1 + s n` are at least .05. All but the jitter are frozen: drawn once for each chip seed, addressed by layer, neuron and
/// synapse. Weights are rounded before they deviate. `range` is `weight_range` or, where that is 0, the largest `|w|` of the
/// layer. A spike injects the charge `w` whatever the time constants, and the threshold stays where it is ([`LifModel`]).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Perturbation {
    /// Thresholds by neuron, relative standard deviation.
    pub threshold_rel_std: f64,
    /// Weights by synapse.
    pub weight_rel_std: f64,
    /// All weights of a neuron together.
    pub gain_rel_std: f64,
    /// Membrane time constants by neuron.
    pub tau_mem_rel_std: f64,
    /// Synaptic time constants by neuron.
    pub tau_syn_rel_std: f64,
    /// Factor on all membrane time constants that the learning rule does not know.
    pub tau_mem_factor: f64,
    /// Jitter of the input spikes, in `tau_syn`.
    pub input_jitter_std: f64,
    /// Bits of a weight beside its sign; 0: as many as a float has.
    pub weight_bits: u8,
    /// Weight of the largest code, in units of weight; 0: the largest of the layer.
    pub weight_range: f64,
}

impl Perturbation {
    /// None.
    pub const NONE: Self = Self {
        threshold_rel_std: 0.0,
        weight_rel_std: 0.0,
        gain_rel_std: 0.0,
        tau_mem_rel_std: 0.0,
        tau_syn_rel_std: 0.0,
        tau_mem_factor: 1.0,
        input_jitter_std: 0.0,
        weight_bits: 0,
        weight_range: 0.0,
    };

    /// Accepts spreads in `0..=1`, a jitter in `0..=10`, a factor in `0.05..=20`, and 0 or 1 to 16 bits.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] naming the first that is not acceptable.
    pub fn check(&self) -> Result<(), Error> {
        error::within("threshold_rel_std", self.threshold_rel_std, 0.0, 1.0)?;
        error::within("weight_rel_std", self.weight_rel_std, 0.0, 1.0)?;
        error::within("gain_rel_std", self.gain_rel_std, 0.0, 1.0)?;
        error::within("tau_mem_rel_std", self.tau_mem_rel_std, 0.0, 1.0)?;
        error::within("tau_syn_rel_std", self.tau_syn_rel_std, 0.0, 1.0)?;
        error::within("tau_mem_factor", self.tau_mem_factor, LEAST_FACTOR, 20.0)?;
        error::within("input_jitter_std", self.input_jitter_std, 0.0, 10.0)?;
        if self.weight_bits != 0 {
            let (min, max) = (f64::from(*BITS.start()), f64::from(*BITS.end()));
            error::within("weight_bits", f64::from(self.weight_bits), min, max)?;
        }
        error::within("weight_range", self.weight_range, 0.0, 1e6)
    }

    /// Whether something depends on which chip it is.
    pub fn differs_by_chip(&self) -> bool {
        let Self { threshold_rel_std, weight_rel_std, gain_rel_std, tau_mem_rel_std, tau_syn_rel_std, .. } = *self;
        let frozen = [threshold_rel_std, weight_rel_std, gain_rel_std, tau_mem_rel_std, tau_syn_rel_std];
        frozen.iter().any(|std| *std > 0.0) || self.input_jitter_std > 0.0
    }

    /// The numbers that are not those of [`Self::NONE`], by name.
    pub fn deviations(&self) -> Vec<(&'static str, f64)> {
        let numbers = |p: &Self| {
            [
                ("threshold_rel_std", p.threshold_rel_std),
                ("weight_rel_std", p.weight_rel_std),
                ("gain_rel_std", p.gain_rel_std),
                ("tau_mem_rel_std", p.tau_mem_rel_std),
                ("tau_syn_rel_std", p.tau_syn_rel_std),
                ("tau_mem_factor", p.tau_mem_factor),
                ("input_jitter_std", p.input_jitter_std),
                ("weight_bits", f64::from(p.weight_bits)),
                ("weight_range", p.weight_range),
            ]
        };
        numbers(self)
            .into_iter()
            .zip(numbers(&Self::NONE))
            .filter(|(own, none)| own != none)
            .map(|(own, _)| own)
            .collect()
    }

    /// A weight on the grid of `bits`, if there is one.
    fn rounded(&self, weights: &Array2<f64>) -> Array2<f64> {
        if self.weight_bits == 0 {
            return weights.clone();
        }
        let largest = || weights.iter().fold(0.0_f64, |most, w| most.max(w.abs()));
        let range = if self.weight_range > 0.0 { self.weight_range } else { largest() };
        if range == 0.0 {
            return weights.clone();
        }
        let codes = f64::from((1_u32 << self.weight_bits) - 1);
        weights.mapv(|w| (w.clamp(-range, range) / range * codes).round() / codes * range)
    }
}

impl Default for Perturbation {
    fn default() -> Self {
        Self::NONE
    }
}

/// Address component: what deviates. Part of the contract; numbers never change.
#[derive(Debug, Clone, Copy)]
enum Parameter {
    Threshold = 0,
    Weight = 1,
    Gain = 2,
    TauMem = 3,
    TauSyn = 4,
}

/// A perturbed model network.
///
/// ```
/// use bss2_emu::RunId;
/// use ndarray::array;
/// use ttfs::{network::Network, neuron::LifModel, substrate::{Ideal, Substrate as _}};
/// use ttfs::perturbed::{Perturbation, Perturbed};
///
/// let ideal = Ideal { model: LifModel::default(), grid: None };
/// let perturbation = Perturbation { threshold_rel_std: 0.1, ..Perturbation::NONE };
/// let network = Network::new(vec![array![[9.0, 9.0]]]);
/// let run = RunId { session: 0, index: 0 };
/// let times = |seed| {
///     let mut chip = Perturbed::new(ideal, perturbation, seed);
///     Ok::<_, ttfs::Error>(chip.forward(&network, array![[0.0]].view(), run)?.layers[0].clone())
/// };
/// assert_ne!(times(1)?[[0, 0]], times(1)?[[0, 1]]);
/// assert_ne!(times(1)?, times(2)?);
/// assert_eq!(times(1)?, times(1)?);
/// # Ok::<(), ttfs::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Perturbed {
    ideal: Ideal,
    perturbation: Perturbation,
    seed: u64,
    fast: bool,
    /// Number of inputs of a block of the encoding whose last is the bias; none: no input is a bias.
    bias_block: Option<usize>,
    /// Bias spikes of the layers after the first, as [`Biased`](crate::biased::Biased) has them.
    biases: Vec<Option<f64>>,
    /// Frozen deviations of the layers, once their shapes are known.
    frozen: Vec<Frozen>,
}

/// Deviations of a layer.
#[derive(Debug, Clone)]
struct Frozen {
    /// Factors on its weights: of synapses, gains and (inverse) thresholds, with which a common threshold does the same.
    weights: Array2<f64>,
    /// Its neurons, if their time constants differ, or are to be fast and are no case for [`FastIdeal`].
    neurons: Option<Neurons>,
}

impl Perturbed {
    /// The network of the chip with a seed.
    pub fn new(ideal: Ideal, perturbation: Perturbation, seed: u64) -> Self {
        Self { ideal, perturbation, seed, fast: false, bias_block: None, biases: Vec::new(), frozen: Vec::new() }
    }

    /// In single precision for equal time constants ([`FastIdeal`]), else in double precision, all neurons in step.
    #[must_use]
    pub fn fast(self, fast: bool) -> Self {
        Self { fast, ..self }
    }

    /// Inputs come in blocks of this many, whose last is a bias and does not jitter.
    #[must_use]
    pub fn bias_in_blocks_of(self, inputs: Option<usize>) -> Self {
        Self { bias_block: inputs.filter(|n| *n > 0), ..self }
    }

    /// Layers after the first have bias spikes at these times.
    #[must_use]
    pub fn with_biases(self, biases: Vec<Option<f64>>) -> Self {
        Self { biases, ..self }
    }

    /// The network's weights with everything but their frozen deviations: on the chip's grid, on that of the bits.
    fn rounded(&self, weights: &Array2<f64>) -> Array2<f64> {
        match self.ideal.grid {
            Some(scaling) => self.perturbation.rounded(&weights.mapv(|w| scaling.rounded(w))),
            None => self.perturbation.rounded(weights),
        }
    }

    /// The common neuron, if no spread of time constants makes each its own.
    fn model(&self) -> LifModel {
        LifModel { tau_mem: self.ideal.model.tau_mem * self.perturbation.tau_mem_factor, ..self.ideal.model }
    }

    fn draw(&self, layer: usize, (sources, neurons): (usize, usize)) -> Frozen {
        let Perturbation { threshold_rel_std, weight_rel_std, gain_rel_std, tau_mem_rel_std, tau_syn_rel_std, .. } =
            self.perturbation;
        let stream = |parameter: Parameter, neuron: usize| {
            Stream::new(self.seed, Purpose::ModelDeviation, [parameter as u32, layer as u32, neuron as u32])
        };
        let factor = |std: f64, normal: f64| (1.0 + std * normal).max(LEAST_FACTOR);
        let own = |std: f64, parameter, neuron| match std {
            0.0 => 1.0,
            std => factor(std, stream(parameter, neuron).normal()),
        };
        let mut weights = Array2::ones((sources, neurons));
        for (neuron, mut column) in weights.columns_mut().into_iter().enumerate() {
            let common =
                own(gain_rel_std, Parameter::Gain, neuron) / own(threshold_rel_std, Parameter::Threshold, neuron);
            column.fill(common);
            if weight_rel_std > 0.0 {
                let mut draws = stream(Parameter::Weight, neuron);
                // A synapse may come out with the other sign: only neurons need their factors positive.
                column.mapv_inplace(|w| w * (1.0 + weight_rel_std * draws.normal()));
            }
        }
        let model = self.model();
        let in_step = self.fast && model.tau_mem != model.tau_syn;
        let spread = tau_mem_rel_std > 0.0 || tau_syn_rel_std > 0.0 || in_step;
        let neurons = spread.then(|| {
            let neuron = |neuron| {
                let tau_syn = model.tau_syn * own(tau_syn_rel_std, Parameter::TauSyn, neuron);
                let tau_mem = model.tau_mem * own(tau_mem_rel_std, Parameter::TauMem, neuron);
                LifModel { tau_mem, tau_syn, ..model }
            };
            Neurons::new((0..neurons).map(neuron).collect())
        });
        Frozen { weights, neurons }
    }

    fn freeze(&mut self, network: &Network) {
        let shapes = || network.weights.iter().map(Array2::dim);
        if self.frozen.len() == network.weights.len() && self.frozen.iter().map(|f| f.weights.dim()).eq(shapes()) {
            return;
        }
        self.frozen = shapes().enumerate().map(|(layer, shape)| self.draw(layer, shape)).collect();
    }

    fn jittered(&self, inputs: ArrayView2<f64>, run: RunId) -> Array2<f64> {
        let mut inputs = inputs.to_owned();
        let std = self.perturbation.input_jitter_std;
        if std == 0.0 {
            return inputs;
        }
        for (sample, mut row) in inputs.rows_mut().into_iter().enumerate() {
            let address = [run.session, run.index, sample as u32];
            let mut draws = Stream::new(self.seed, Purpose::ModelJitter, address);
            for (channel, time) in row.iter_mut().enumerate() {
                // Drawn for every channel, so that a bias does not shift the others.
                let jitter = std * draws.normal();
                if self.bias_block.is_none_or(|block| channel % block != block - 1) {
                    *time = (*time + jitter).abs();
                }
            }
        }
        inputs
    }
}

impl Substrate for Perturbed {
    fn forward(&mut self, network: &Network, inputs: ArrayView2<f64>, run: RunId) -> Result<Spikes, Error> {
        if network.has_delays() {
            return Err(Error::PerturbedDelays);
        }
        self.freeze(network);
        let ideal = Ideal { model: self.model(), grid: None };
        let mut sources = self.jittered(inputs, run);
        let mut layers: Vec<Array2<f64>> = Vec::new();
        for (number, (weights, frozen)) in network.weights.iter().zip(&self.frozen).enumerate() {
            if let Some(bias) = number.checked_sub(1).and_then(|n| self.biases.get(n).copied().flatten()) {
                let column = Array2::from_elem((sources.nrows(), 1), bias);
                sources = ndarray::concatenate(Axis(1), &[sources.view(), column.view()])
                    .map_err(|_| Error::Shape { what: "bias", found: vec![1], expected: vec![sources.nrows()] })?;
            }
            let alone = Network::new(vec![self.rounded(weights) * &frozen.weights]);
            let mut spikes = match &frozen.neurons {
                Some(neurons) => vec![neurons.first_spikes(sources.view(), alone.weights[0].view())?],
                None if self.fast => FastIdeal(ideal).forward(&alone, sources.view(), run)?.layers,
                None => { ideal }.forward(&alone, sources.view(), run)?.layers,
            };
            if let Some(times) = spikes.pop() {
                sources.clone_from(&times);
                layers.push(times);
            }
        }
        Ok(Spikes::first(layers))
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    const RUN: RunId = RunId { session: 3, index: 5 };

    fn ideal() -> Ideal {
        Ideal { model: LifModel::default(), grid: None }
    }

    fn network() -> Network {
        let weight = |(i, j): (usize, usize)| 0.9 + 0.3 * ((i * 7 + j * 3) % 5) as f64 - if i == 2 { 1.1 } else { 0.0 };
        Network::new(vec![Array2::from_shape_fn((5, 40), weight), Array2::from_shape_fn((40, 3), |p| 0.1 * weight(p))])
    }

    fn inputs() -> Array2<f64> {
        Array2::from_shape_fn((6, 5), |(sample, channel)| 0.15 + 0.11 * ((sample * 3 + channel * 5) % 17) as f64)
    }

    fn times(perturbation: Perturbation, seed: u64) -> Vec<Array2<f64>> {
        Perturbed::new(ideal(), perturbation, seed).forward(&network(), inputs().view(), RUN).unwrap().layers
    }

    #[test]
    fn without_a_perturbation_it_is_the_ideal_network() {
        assert_eq!(times(Perturbation::NONE, 1), ideal().forward(&network(), inputs().view(), RUN).unwrap().layers);
        assert!(!Perturbation::NONE.differs_by_chip());
    }

    /// A threshold that is higher by a factor is a neuron with that threshold.
    #[test]
    fn thresholds_deviate_by_neuron_and_as_much_as_asked_for() {
        let perturbation = Perturbation { threshold_rel_std: 0.1, ..Perturbation::NONE };
        let chip = Perturbed::new(ideal(), perturbation, 4);
        let frozen = chip.draw(0, (5, 4000));
        let thresholds: Vec<f64> = frozen.weights.row(0).iter().map(|w| 1.0 / w).collect();
        let mean = thresholds.iter().sum::<f64>() / 4000.0;
        let sd = (thresholds.iter().map(|t| (t - mean).powi(2)).sum::<f64>() / 4000.0).sqrt();
        // Four standard errors of 4000 draws.
        assert!((mean - 1.0).abs() < 4.0 * 0.1 / 4000_f64.sqrt(), "{mean}");
        assert!((sd - 0.1).abs() < 4.0 * 0.1 / 8000_f64.sqrt(), "{sd}");
        let layers = times(perturbation, 4);
        let first = network().weights[0].column(7).to_owned();
        let own = LifModel { threshold: 1.0 / chip.draw(0, (5, 40)).weights[[0, 7]], ..LifModel::default() };
        let alone = own.layer_forward(inputs().row(2), first.view().insert_axis(Axis(1)));
        assert!((alone[0] - layers[0][[2, 7]]).abs() < 1e-12 || alone[0] == layers[0][[2, 7]]);
    }

    #[test]
    fn a_larger_network_keeps_the_deviations_of_the_smaller_one() {
        let perturbation = Perturbation { weight_rel_std: 0.2, gain_rel_std: 0.1, ..Perturbation::NONE };
        let chip = Perturbed::new(ideal(), perturbation, 9);
        let (small, large) = (chip.draw(1, (4, 3)).weights, chip.draw(1, (6, 8)).weights);
        assert_eq!(small, large.slice(ndarray::s![..4, ..3]));
        assert_ne!(small, chip.draw(0, (4, 3)).weights);
    }

    #[test]
    fn weights_take_the_steps_of_their_bits() {
        let perturbation = Perturbation { weight_bits: 2, weight_range: 3.0, ..Perturbation::NONE };
        assert_eq!(perturbation.rounded(&array![[0.4, -1.6, 9.0, 2.4]]), array![[0.0, -2.0, 3.0, 2.0]]);
        let of_layer = Perturbation { weight_range: 0.0, ..perturbation };
        assert_eq!(of_layer.rounded(&array![[0.0, -6.0, 2.9]]), array![[0.0, -6.0, 2.0]]);
        assert_eq!(of_layer.rounded(&array![[0.0]]), array![[0.0]]);
    }

    #[test]
    fn inputs_jitter_by_run_and_sample_but_biases_do_not() {
        let perturbation = Perturbation { input_jitter_std: 0.1, ..Perturbation::NONE };
        let chip = Perturbed::new(ideal(), perturbation, 1).bias_in_blocks_of(Some(5));
        let moved = chip.jittered(inputs().view(), RUN);
        assert_eq!(moved.column(4), inputs().column(4));
        assert!(moved.column(0).iter().zip(inputs().column(0)).all(|(a, b)| a != b));
        assert_ne!(moved, chip.jittered(inputs().view(), RunId { index: 6, ..RUN }));
        let without = Perturbed::new(ideal(), perturbation, 1).jittered(inputs().view(), RUN);
        assert_eq!(without.column(3), moved.column(3));
    }

    #[test]
    fn time_constants_deviate_and_a_factor_is_that_of_all() {
        let factor = Perturbation { tau_mem_factor: 1.7, ..Perturbation::NONE };
        let slower = Ideal { model: LifModel { tau_mem: 1.7, ..LifModel::default() }, grid: None };
        assert_eq!(times(factor, 1), { slower }.forward(&network(), inputs().view(), RUN).unwrap().layers);
        let spread = Perturbation { tau_mem_rel_std: 0.1, tau_syn_rel_std: 0.1, ..Perturbation::NONE };
        assert_ne!(times(spread, 1), times(spread, 2));
        let fast = Perturbed::new(ideal(), factor, 1).fast(true).forward(&network(), inputs().view(), RUN).unwrap();
        for (a, b) in fast.layers.iter().flatten().zip(times(factor, 1).iter().flatten()) {
            assert!(a == b || (a - b).abs() < 1e-9, "{a} {b}");
        }
        let tiny = Perturbation { tau_mem_rel_std: 1e-12, ..Perturbation::NONE };
        for (a, b) in times(tiny, 1).iter().flatten().zip(times(Perturbation::NONE, 1).iter().flatten()) {
            assert!(a == b || (a - b).abs() < 1e-6, "{a} {b}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for bad in [
            Perturbation { threshold_rel_std: -0.1, ..Perturbation::NONE },
            Perturbation { tau_mem_factor: 0.0, ..Perturbation::NONE },
            Perturbation { weight_bits: 17, ..Perturbation::NONE },
            Perturbation { input_jitter_std: f64::NAN, ..Perturbation::NONE },
        ] {
            assert!(bad.check().is_err(), "{bad:?}");
        }
        assert!(Perturbation::NONE.check().is_ok());
    }
}
