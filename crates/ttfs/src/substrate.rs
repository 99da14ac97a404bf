//! What a network runs on: a network and input spike times in, measured first-spike times out.
//!
//! Training sees nothing else of the world. [`Ideal`] solves the model exactly, [`Individual`] does so for neurons that are each
//! their own; [`OnDevice`](crate::on_device::OnDevice) maps the network onto a chip and measures.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use bss2_emu::{DeviceError, RunId};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use rayon::prelude::*;

use crate::neuron::{self, LifModel, NeuronModel};
use crate::{Error, gradient, network::Layer, network::Network, scaling::Scaling};

/// What a substrate measured of a batch.
///
/// *First spikes count.* Learning knows one spike per neuron and sample, the first. [`Ideal`] and [`Individual`] have no other. On
/// a chip a neuron may fire again after its refractory time, and then the layers behind it do receive its later spikes;
/// they are not in `layers`, the gradient does not know them, and `repeats` says how many there were. (A running delay pair does
/// not take another event, so it drops them.)
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Spikes {
    /// First-spike times of every layer, each `(n_samples, n_neurons)` in model time, `+inf` for silence.
    pub layers: Vec<Array2<f64>>,
    /// Where axonal delays of the sources of a layer were measured: when they ended, `(n_samples, n_sources)`.
    pub delayed: Vec<Option<Array2<f64>>>,
    /// Spikes of each layer after the first ones, over all neurons and samples.
    pub repeats: Vec<u64>,
}

impl Spikes {
    /// First spikes without anything beside them.
    pub fn first(layers: Vec<Array2<f64>>) -> Self {
        Self { delayed: vec![None; layers.len()], repeats: vec![0; layers.len()], layers }
    }
}

/// Something that a feed-forward network can be run on.
pub trait Substrate {
    /// What the neurons did, for inputs `(n_samples, n_inputs)` in model time. `run` addresses the temporal noise of an
    /// emulated chip.
    ///
    /// # Errors
    /// If shapes do not fit, or the substrate refuses.
    fn forward(&mut self, network: &Network, inputs: ArrayView2<f64>, run: RunId) -> Result<Spikes, Error>;
}

/// A substrate that refuses further batches once `stop` is set, with [`DeviceError::Interrupted`].
#[derive(Debug)]
pub struct Interruptible<'a, S> {
    /// What the network runs on.
    pub substrate: S,
    /// Looked at before each batch.
    pub stop: &'a AtomicBool,
}

impl<S: Substrate> Substrate for Interruptible<'_, S> {
    fn forward(&mut self, network: &Network, inputs: ArrayView2<f64>, run: RunId) -> Result<Spikes, Error> {
        if self.stop.load(Ordering::SeqCst) {
            return Err(DeviceError::Interrupted.into());
        }
        self.substrate.forward(network, inputs, run)
    }
}

/// The ideal network: every neuron equal, exact, without noise, of any depth and with any delays.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ideal {
    /// The neuron.
    pub model: LifModel,
    /// Weights and delays are taken to the grid of the chip if this is given.
    pub grid: Option<Scaling>,
}

impl Substrate for Ideal {
    fn forward(&mut self, network: &Network, inputs: ArrayView2<f64>, _run: RunId) -> Result<Spikes, Error> {
        network.check(inputs)?;
        Ok(solved(&network.layers(self.grid.as_ref()), inputs, |_, times, weights, _| {
            self.model.layer_forward(times, weights)
        }))
    }
}

/// A network of neurons that differ, exact and without noise.
#[derive(Debug, Clone, PartialEq)]
pub struct Individual {
    /// The neurons of each layer.
    pub neurons: Vec<Vec<NeuronModel>>,
    /// Weights and delays are taken to the grid of the chip if this is given.
    pub grid: Option<Scaling>,
}

impl Substrate for Individual {
    fn forward(&mut self, network: &Network, inputs: ArrayView2<f64>, _run: RunId) -> Result<Spikes, Error> {
        network.check(inputs)?;
        check_neurons(&self.neurons, &network.sizes())?;
        Ok(solved(&network.layers(self.grid.as_ref()), inputs, |layer, times, weights, range| {
            neuron::layer_forward(&self.neurons[layer][range], times, weights)
        }))
    }
}

/// Refuses neurons that are not those of a network with layers of these sizes.
pub(crate) fn check_neurons(neurons: &[Vec<NeuronModel>], sizes: &[usize]) -> Result<(), Error> {
    let found: Vec<usize> = neurons.iter().map(Vec::len).collect();
    if found != sizes {
        return Err(Error::Shape { what: "neurons of each layer", found, expected: sizes.to_vec() });
    }
    neurons.iter().flatten().try_for_each(NeuronModel::check)
}

/// Runs all samples through all layers; `solve` is given a layer, input times, weights and the neurons they belong to.
fn solved(
    layers: &[Layer],
    inputs: ArrayView2<f64>,
    solve: impl Fn(usize, ArrayView1<f64>, ArrayView2<f64>, Range<usize>) -> Array1<f64> + Sync,
) -> Spikes {
    let mut spikes: Vec<Array2<f64>> = Vec::new();
    for (number, layer) in layers.iter().enumerate() {
        let sources = spikes.last().map_or(inputs, |times| times.view());
        let mut times = Array2::zeros((inputs.nrows(), layer.weights.ncols()));
        times.axis_iter_mut(Axis(0)).into_par_iter().zip(sources.axis_iter(Axis(0)).into_par_iter()).for_each(
            |(mut out, sources)| {
                out.assign(&gradient::forward(layer, sources, |times, weights, range| {
                    solve(number, times, weights, range)
                }));
            },
        );
        spikes.push(times);
    }
    Spikes::first(spikes)
}
