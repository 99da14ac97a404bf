//! What is trained: layers of weights, and the delays that spikes take on their way into a layer.

mod delays;

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

pub use delays::{DelayKind, DelayRange, DelaySettings, Delays};

use crate::{Error, scaling::Scaling};

/// A feed-forward network of any depth.
///
/// ```text
/// spikes of layer l reach layer l + 1 after their delays:   t_ij = t_i + d      d: of source i, of neuron j, or of both
/// d = shift + scale / (1 + e^-p)                            p: trainable, one number for each delay
/// ```
/// Parameters `p` have the shape `(n_sources, 1)` for axonal, `(1, n_neurons)` for dendritic, `(n_sources, n_neurons)` for
/// synaptic delays, and `(0, 0)` without delays. *Sharing*: axonal parameters may have fewer rows, a divisor of `n_sources`;
/// source `i` then has the delay of row `i mod n_rows`. That is the order in which
/// [`TimeEncoding`](crate::encoding::TimeEncoding) repeats its block of inputs, so all copies of a feature share one delay.
///
/// Source of delays and their form: Göltz, Weber, Kriener et al., Nature Communications 16 (2025), doi
/// 10.1038/s41467-025-63120-y (`DelGrad`).
///
/// ```
/// use ndarray::array;
/// use ttfs::network::{DelayKind, DelaySettings, Delays, Network};
///
/// let mut network = Network::new(vec![array![[1.0], [2.0], [1.0], [2.0]]]);
/// let settings = DelaySettings { kind: DelayKind::Axonal, ..DelaySettings::SIMULATION };
/// network.set_delays(&settings, 2, |_| 0.0);
/// let Delays::Axonal(delays) = &network.layers(None)[0].delays else { panic!() };
/// assert_eq!(delays, &array![0.5, 0.5, 0.5, 0.5]);
/// assert_eq!(network.delay_parameters[0].dim(), (2, 1));
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Network {
    /// Real-valued weights `(n_sources, n_neurons)` per layer.
    pub weights: Vec<Array2<f64>>,
    /// Kind and range of the delays into each layer.
    pub delays: Vec<DelayRange>,
    /// Parameters of the delays of each layer.
    pub delay_parameters: Vec<Array2<f64>>,
}

/// A layer as a substrate has it: delays worked out, everything on the grid of the chip if there is one.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// Weights `(n_sources, n_neurons)`.
    pub weights: Array2<f64>,
    /// Delays of the spikes that come in.
    pub delays: Delays,
}

impl Network {
    /// A network without delays.
    pub fn new(weights: Vec<Array2<f64>>) -> Self {
        let delays = vec![DelayRange::default(); weights.len()];
        let delay_parameters = vec![Array2::zeros((0, 0)); weights.len()];
        Self { weights, delays, delay_parameters }
    }

    /// Gives all layers delays of one kind; `parameter` draws the parameters of a layer one after the other.
    ///
    /// `input_block`: number of different inputs among the sources of the first layer (those after it are copies and share
    /// axonal delays); the number of sources where it does not divide that.
    pub fn set_delays(
        &mut self,
        settings: &DelaySettings,
        input_block: usize,
        mut parameter: impl FnMut(usize) -> f64,
    ) {
        let DelaySettings { kind, shift, scale, .. } = *settings;
        self.delays = vec![DelayRange { kind, shift, scale }; self.weights.len()];
        let shapes = self.weights.iter().enumerate().map(|(layer, weights)| {
            let (sources, neurons) = weights.dim();
            let shared = layer == 0 && input_block > 0 && sources.is_multiple_of(input_block);
            kind.shape(if shared { input_block } else { sources }, sources, neurons)
        });
        self.delay_parameters =
            shapes.enumerate().map(|(layer, shape)| Array2::from_shape_simple_fn(shape, || parameter(layer))).collect();
    }

    /// Whether there is any delay.
    pub fn has_delays(&self) -> bool {
        self.delays.iter().any(|range| range.kind != DelayKind::None)
    }

    /// The layers as a substrate has them: weights and delays rounded to `grid`, if there is one.
    ///
    /// Gradients go straight through the rounding.
    pub fn layers(&self, grid: Option<&Scaling>) -> Vec<Layer> {
        let each = self.weights.iter().zip(&self.delays).zip(&self.delay_parameters);
        each.map(|((weights, range), parameters)| Layer {
            weights: match grid {
                Some(scaling) => weights.mapv(|w| scaling.rounded(w)),
                None => weights.clone(),
            },
            delays: range.delays(parameters, weights.nrows(), grid),
        })
        .collect()
    }

    /// The delays of each layer as a substrate has them: rounded to `grid`, if there is one.
    pub fn rounded_delays(&self, grid: Option<&Scaling>) -> Vec<Delays> {
        let each = self.weights.iter().zip(&self.delays).zip(&self.delay_parameters);
        each.map(|((weights, range), parameters)| range.delays(parameters, weights.nrows(), grid)).collect()
    }

    /// Number of neurons of each layer.
    pub fn sizes(&self) -> Vec<usize> {
        self.weights.iter().map(Array2::ncols).collect()
    }

    /// Refuses parts that do not belong to each other or to inputs `(n_samples, n_inputs)`.
    ///
    /// # Errors
    /// [`Error::Shape`] naming the part, or what is wrong with the range of the delays.
    pub fn check(&self, inputs: ArrayView2<f64>) -> Result<(), Error> {
        let n = self.weights.len();
        for (what, found) in
            [("delays (layers)", self.delays.len()), ("delay parameters (layers)", self.delay_parameters.len())]
        {
            if found != n {
                return Err(Error::Shape { what, found: vec![found], expected: vec![n] });
            }
        }
        let mut width = inputs.ncols();
        for ((weights, range), parameters) in self.weights.iter().zip(&self.delays).zip(&self.delay_parameters) {
            let (sources, neurons) = weights.dim();
            if sources != width {
                let (found, expected) = (vec![sources, neurons], vec![width, neurons]);
                return Err(Error::Shape { what: "weights", found, expected });
            }
            range.check()?;
            let rows = parameters.nrows();
            let shared = rows > 0 && sources.is_multiple_of(rows);
            let expected = range.kind.shape(if shared { rows } else { sources }, sources, neurons);
            if parameters.dim() != expected {
                let found = parameters.shape().to_vec();
                return Err(Error::Shape { what: "delay parameters", found, expected: vec![expected.0, expected.1] });
            }
            width = neurons;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::data::Dataset;
    use crate::encoding::TimeEncoding;

    #[test]
    fn copies_of_a_feature_share_their_delay() {
        let encoding = TimeEncoding { copies: 3, ..TimeEncoding::default() };
        let data = Dataset::new(array![[0.1, 0.7]], vec![0], 1).unwrap();
        let times = encoding.encode(&data);
        let mut network = Network::new(vec![Array2::zeros((9, 2)), Array2::zeros((2, 3))]);
        let settings = DelaySettings { kind: DelayKind::Axonal, ..DelaySettings::SIMULATION };
        let mut p = 0.0;
        network.set_delays(&settings, encoding.n_inputs(2) / encoding.copies, |_| {
            p += 1.0;
            p
        });
        assert!(network.check(times.view()).is_ok());
        assert_eq!(network.delay_parameters[1].dim(), (2, 1));
        let Delays::Axonal(delays) = network.layers(None)[0].delays.clone() else { panic!("axonal delays") };
        for i in 0..9 {
            for k in 0..9 {
                let same_feature = times[[0, i]] == times[[0, k]];
                assert_eq!(delays[i] == delays[k], same_feature, "inputs {i} and {k}");
            }
        }
    }

    #[test]
    fn parts_that_do_not_belong_together_are_refused() {
        let inputs = Array2::zeros((1, 4));
        let network = || {
            let mut network = Network::new(vec![Array2::zeros((4, 3)), Array2::zeros((3, 2))]);
            let settings = DelaySettings { kind: DelayKind::Axonal, ..DelaySettings::SIMULATION };
            network.set_delays(&settings, 2, |_| 0.0);
            network
        };
        assert!(network().check(inputs.view()).is_ok());
        let refused = |change: fn(&mut Network)| {
            let mut network = network();
            change(&mut network);
            network.check(inputs.view()).unwrap_err().to_string()
        };
        assert!(refused(|n| n.weights[1] = Array2::zeros((4, 2))).starts_with("weights: shape [4, 2]"));
        assert!(refused(|n| n.delay_parameters[0] = Array2::zeros((3, 1))).starts_with("delay parameters"));
        assert!(refused(|n| n.delay_parameters[1] = Array2::zeros((3, 2))).starts_with("delay parameters"));
        assert!(refused(|n| n.delays.truncate(1)).starts_with("delays (layers)"));
        assert!(refused(|n| n.delays[0].scale = -1.0).contains("delay_scale"));
        assert!(network().check(Array2::zeros((1, 5)).view()).is_err());
    }
}
