//! What a network runs on: weights and input spike times in, measured first-spike times out.
//!
//! Training sees nothing else of the world. [`Ideal`] solves the model exactly; [`OnDevice`](crate::on_device::OnDevice)
//! maps the network onto a chip and measures.

use bss2_emu::RunId;
use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;

use crate::{Error, neuron::LifModel, scaling::Scaling};

/// Something that a feed-forward network can be run on.
pub trait Substrate {
    /// First-spike times of every layer, each `(n_samples, n_neurons)` in model time, `+inf` for silence.
    ///
    /// `weights` are `(n_sources, n_neurons)` per layer, `inputs` `(n_samples, n_inputs)`. `run` addresses the temporal noise
    /// of an emulated chip.
    ///
    /// # Errors
    /// If shapes do not fit, or the substrate refuses.
    fn forward(
        &mut self,
        weights: &[Array2<f64>],
        inputs: ArrayView2<f64>,
        run: RunId,
    ) -> Result<Vec<Array2<f64>>, Error>;
}

/// The ideal network: every neuron equal, exact, without noise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ideal {
    /// The neuron.
    pub model: LifModel,
    /// Weights are taken to the grid of the chip if this is given.
    pub grid: Option<Scaling>,
}

impl Substrate for Ideal {
    fn forward(
        &mut self,
        weights: &[Array2<f64>],
        inputs: ArrayView2<f64>,
        _run: RunId,
    ) -> Result<Vec<Array2<f64>>, Error> {
        check_shapes(weights, inputs)?;
        let weights: Vec<Array2<f64>> = match self.grid {
            Some(scaling) => weights.iter().map(|w| w.mapv(|w| scaling.rounded(w))).collect(),
            None => weights.to_vec(),
        };
        let mut layers: Vec<Array2<f64>> = Vec::new();
        for weights in &weights {
            let sources = layers.last().map_or(inputs, |times| times.view());
            let mut times = Array2::zeros((inputs.nrows(), weights.ncols()));
            times
                .axis_iter_mut(Axis(0))
                .into_par_iter()
                .zip(sources.axis_iter(Axis(0)).into_par_iter())
                .for_each(|(mut out, sources)| out.assign(&self.model.layer_forward(sources, weights.view())));
            layers.push(times);
        }
        Ok(layers)
    }
}

/// Refuses weights that do not follow on each other or on the inputs.
pub(crate) fn check_shapes(weights: &[Array2<f64>], inputs: ArrayView2<f64>) -> Result<(), Error> {
    let mut width = inputs.ncols();
    for weights in weights {
        if weights.nrows() != width {
            let (found, expected) = (weights.shape().to_vec(), vec![width, weights.ncols()]);
            return Err(Error::Shape { what: "weights", found, expected });
        }
        width = weights.ncols();
    }
    Ok(())
}
