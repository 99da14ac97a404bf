//! Bias spikes, which graphs have as channels of the input that reach one later layer each.

use ndarray::{Array1, Array2, Axis, concatenate, s};
use ttfs::network::Network;

use crate::Error;
use crate::error::{Refusal, Refusals};
use crate::graph::{Graph, Metadata};
use crate::import::{Imported, Uniform};

/// Key of the metadata with the times of bias spikes, in units of the synaptic time constant.
pub(crate) const BIAS_TIMES: &str = "bias_times";

/// A network, and the times of the bias spikes of its layers after the first, as [`Biased`](ttfs::biased::Biased) takes them.
pub type WithBiases = (Network, Vec<Option<f64>>);

impl Uniform {
    /// The network with the last rows of weights that bias spikes have here, and their times.
    ///
    /// # Errors
    /// [`Error::Refused`] where the input of the network reaches a later layer in another way than
    /// [`export`](crate::export::export) writes.
    pub fn with_biases(self, imported: &Imported, graph: &Graph) -> Result<WithBiases, Error> {
        let Self { mut network, from_input, .. } = self;
        if from_input.iter().all(Option::is_none) {
            return Ok((network, Vec::new()));
        }
        let refuse = |layer: usize, reason: &str| {
            let remedy = "only bias spikes may do so: channels of the input behind all others, one for each such layer, silent in the \
                          first layer, with their times as `bias_times` in the metadata";
            let node = imported.layers[layer].name.clone();
            let refusal =
                Refusal { node, kind: "CubaLIF".into(), reason: reason.to_owned(), remedy: remedy.to_owned() };
            Error::Refused(Refusals(vec![refusal]))
        };
        let times = times(graph);
        let reached: Vec<usize> = (0..from_input.len()).filter(|layer| from_input[*layer].is_some()).collect();
        let n_inputs = imported.n_inputs.checked_sub(times.len()).filter(|n| *n > 0);
        let (Some(n_inputs), true) = (n_inputs, times.len() == reached.len()) else {
            return Err(refuse(reached[0], "the input reaches it beside the layer before"));
        };
        let (inputs, silent) = network.weights[0].view().split_at(Axis(0), n_inputs);
        if silent.iter().any(|w| *w != 0.0) {
            return Err(refuse(0, "channels of bias spikes reach it"));
        }
        network.weights[0] = inputs.to_owned();
        let mut biases = vec![None; network.weights.len() - 1];
        for (k, (layer, time)) in reached.into_iter().zip(times).enumerate() {
            let weights = from_input[layer].clone().unwrap_or_default();
            let own = n_inputs + k;
            if weights
                .axis_iter(Axis(0))
                .enumerate()
                .any(|(row, weights)| row != own && weights.iter().any(|w| *w != 0.0))
            {
                return Err(refuse(layer, "more than one channel of the input reaches it"));
            }
            let row: Array1<f64> = weights.row(own).to_owned();
            let with: Array2<f64> =
                concatenate(Axis(0), &[network.weights[layer].view(), row.slice(s![..]).insert_axis(Axis(0))])
                    .map_err(|e| Error::Encoding(e.to_string()))?;
            network.weights[layer] = with;
            biases[layer - 1] = Some(time);
        }
        Ok((Network::new(network.weights), biases))
    }
}

/// The times that the metadata names; none if they are not all numbers.
fn times(graph: &Graph) -> Vec<f64> {
    let Some(Metadata::Text(text)) = graph.metadata.get(BIAS_TIMES) else { return Vec::new() };
    let times: Result<Vec<f64>, _> = text.split_whitespace().map(str::parse).collect();
    times.ok().filter(|times| times.iter().all(|t: &f64| t.is_finite() && *t >= 0.0)).unwrap_or_default()
}
