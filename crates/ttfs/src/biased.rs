//! Ideal networks with a bias spike into every layer, as the published simulations have them.

use bss2_emu::RunId;
use ndarray::{Array2, ArrayView2, Axis};

use crate::Error;
use crate::network::Network;
use crate::substrate::{Ideal, Spikes, Substrate};

/// The ideal network whose layers after the first receive a bias spike beside the spikes of the layer before.
///
/// The weights of a layer with a bias have a last row for it: `(n_sources + 1, n_neurons)`. On a chip only the first layer
/// can have one, among the inputs of its [`TimeEncoding`](crate::encoding::TimeEncoding).
///
/// ```
/// use bss2_emu::RunId;
/// use ndarray::array;
/// use ttfs::{biased::Biased, network::Network, neuron::LifModel, substrate::{Ideal, Substrate as _}};
///
/// let ideal = Ideal { model: LifModel::default(), grid: None };
/// let mut biased = Biased { ideal, biases: vec![Some(0.5)] };
/// // The second layer does not listen to the first, but to its bias.
/// let network = Network::new(vec![array![[9.0]], array![[0.0], [9.0]]]);
/// let layers = biased.forward(&network, array![[0.0]].view(), RunId { session: 0, index: 0 })?.layers;
/// assert!((layers[1][[0, 0]] - layers[0][[0, 0]] - 0.5).abs() < 1e-15);
/// # Ok::<(), ttfs::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Biased {
    /// The neurons and the grid of the weights.
    pub ideal: Ideal,
    /// Time of the bias spike of each layer after the first, in `tau_syn`; layers beyond the list have none.
    pub biases: Vec<Option<f64>>,
}

impl Substrate for Biased {
    fn forward(&mut self, network: &Network, inputs: ArrayView2<f64>, run: RunId) -> Result<Spikes, Error> {
        if self.biases.iter().all(Option::is_none) {
            return self.ideal.forward(network, inputs, run);
        }
        if network.has_delays() {
            return Err(Error::BiasBehindDelays);
        }
        let mut layers: Vec<Array2<f64>> = Vec::new();
        for (layer, weights) in network.weights.iter().enumerate() {
            let mut sources = layers.last().map_or_else(|| inputs.to_owned(), Clone::clone);
            let bias = layer.checked_sub(1).and_then(|layer| self.biases.get(layer).copied().flatten());
            if let Some(bias) = bias {
                // A column of as many rows always fits.
                let column = Array2::from_elem((sources.nrows(), 1), bias);
                sources = ndarray::concatenate(Axis(1), &[sources.view(), column.view()])
                    .map_err(|_| Error::Shape { what: "bias", found: vec![1], expected: vec![sources.nrows()] })?;
            }
            let alone = Network::new(vec![weights.clone()]);
            layers.extend(self.ideal.forward(&alone, sources.view(), run)?.layers);
        }
        Ok(Spikes::first(layers))
    }
}
