//! Gradients for others than the trainer itself: what somebody's own loop, loss or optimiser needs.

use ndarray::{Array2, ArrayView2};

use super::{Trainer, batch};
use crate::Error;
use crate::network::Network;
use crate::substrate::Spikes;

/// Derivatives of a loss by what a network was given.
#[derive(Debug, Clone, PartialEq)]
pub struct Gradients {
    /// By the weights of every layer, `(n_sources, n_neurons)`; through the rounding of the weights as if there were none.
    pub weights: Vec<Array2<f64>>,
    /// By the parameters of the delays of every layer.
    pub delays: Vec<Array2<f64>>,
    /// By the times of the inputs `(n_samples, n_inputs)`, if they were worked out.
    pub inputs: Option<Array2<f64>>,
}

impl Trainer {
    /// What a step of training would follow: the gradient of the mean loss of a batch, in double precision.
    ///
    /// `inputs` `(n_samples, n_inputs)` in model time, `spikes` as the substrate measured them of this network, one label a sample.
    ///
    /// # Errors
    /// [`Error::Shape`] if parts do not belong together, [`Error::Label`] for a label without an output.
    pub fn gradients(
        &self,
        network: &Network,
        inputs: ArrayView2<f64>,
        spikes: &Spikes,
        labels: &[usize],
    ) -> Result<Gradients, Error> {
        check_batch(network, inputs, spikes)?;
        let n_classes = network.sizes().last().copied().unwrap_or(0);
        if labels.len() != inputs.nrows() {
            return Err(Error::Shape { what: "labels", found: vec![labels.len()], expected: vec![inputs.nrows()] });
        }
        if let Some((sample, &label)) = labels.iter().enumerate().find(|(_, label)| **label >= n_classes) {
            return Err(Error::Label { sample, label, n_classes });
        }
        let layers = self.on_grid(network);
        let gradients = batch::gradients(&self.backward, &self.settings.loss, &layers, inputs, spikes, labels);
        let (weights, delays) = batch::by_parameters(network, gradients);
        Ok(Gradients { weights, delays, inputs: None })
    }

    /// The same for errors `dL/dT` of the spikes of every layer, each `(n_samples, n_neurons)`, whatever loss they come from; with the
    /// derivative by the times of the inputs. Errors of silent neurons count as zero.
    ///
    /// # Errors
    /// [`Error::Shape`] if parts do not belong together.
    pub fn gradients_of_errors(
        &self,
        network: &Network,
        inputs: ArrayView2<f64>,
        spikes: &Spikes,
        errors: &[Array2<f64>],
    ) -> Result<Gradients, Error> {
        check_batch(network, inputs, spikes)?;
        check_layers("errors", network, inputs.nrows(), errors)?;
        let layers = self.on_grid(network);
        let (gradients, by_inputs) = batch::gradients_of_errors(&self.backward, &layers, inputs, spikes, errors);
        let (weights, delays) = batch::by_parameters(network, gradients);
        Ok(Gradients { weights, delays, inputs: Some(by_inputs) })
    }
}

/// Refuses spikes that are not those of a network and its inputs.
fn check_batch(network: &Network, inputs: ArrayView2<f64>, spikes: &Spikes) -> Result<(), Error> {
    network.check(inputs)?;
    check_layers("spikes", network, inputs.nrows(), &spikes.layers)
}

/// Refuses arrays that are not one for each layer, `(n_samples, n_neurons)`.
fn check_layers(what: &'static str, network: &Network, n_samples: usize, arrays: &[Array2<f64>]) -> Result<(), Error> {
    let sizes = network.sizes();
    if arrays.len() != sizes.len() {
        return Err(Error::Shape { what, found: vec![arrays.len()], expected: vec![sizes.len()] });
    }
    match arrays.iter().zip(sizes).find(|(array, size)| array.dim() != (n_samples, *size)) {
        Some((array, size)) => {
            Err(Error::Shape { what, found: array.shape().to_vec(), expected: vec![n_samples, size] })
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use bss2_emu::RunId;
    use ndarray::array;

    use super::*;
    use crate::gradient::Estimator;
    use crate::scaling::{Latency, Scaling};
    use crate::substrate::{Ideal, Substrate as _};
    use crate::train::TrainingSettings;

    const RUN: RunId = RunId { session: 0, index: 0 };

    fn parts() -> (Trainer, Ideal, Network, Array2<f64>) {
        let latency = Latency::default();
        let scaling = Scaling { us_per_time: 6.0, lsb_per_weight: 30.0, threshold: 1.0, tau_mem: 1.0, latency };
        let settings = TrainingSettings {
            rounding: false,
            max_gradient: 0.0,
            estimator: Estimator::Measured,
            ..TrainingSettings::default()
        };
        let trainer = Trainer::new(settings, scaling).unwrap();
        let weights = vec![array![[2.0, 1.5, 1.7], [1.1, 2.2, 1.9]], array![[1.2, 0.9], [1.4, 1.8], [0.7, 1.1]]];
        let inputs = array![[0.1, 0.4], [0.3, 0.2], [0.25, 0.6]];
        (trainer, Ideal { model: scaling.model(), grid: None }, Network::new(weights), inputs)
    }

    #[test]
    fn errors_of_the_outputs_alone_give_the_gradient_of_the_loss() {
        let (trainer, mut ideal, network, inputs) = parts();
        let spikes = ideal.forward(&network, inputs.view(), RUN).unwrap();
        let labels = [0, 1, 1];
        let gradients = trainer.gradients(&network, inputs.view(), &spikes, &labels).unwrap();
        let mut errors: Vec<Array2<f64>> = spikes.layers.iter().map(|l| Array2::zeros(l.dim())).collect();
        for (sample, label) in labels.into_iter().enumerate() {
            let (_, error) = trainer.settings.loss.of_sample(spikes.layers[1].row(sample), label);
            errors[1].row_mut(sample).assign(&(error / 3.0));
        }
        let same = trainer.gradients_of_errors(&network, inputs.view(), &spikes, &errors).unwrap();
        assert_eq!(same.weights, gradients.weights);
        assert!(gradients.weights.iter().flatten().any(|g| *g != 0.0));
    }

    #[test]
    fn errors_of_all_layers_give_the_differences() {
        let (trainer, mut ideal, network, inputs) = parts();
        let spikes = ideal.forward(&network, inputs.view(), RUN).unwrap();
        assert!(spikes.layers.iter().flatten().all(|t| t.is_finite()));
        // L = sum of c T over all spikes of all layers.
        let of = |l: &Array2<f64>, shift: usize| {
            Array2::from_shape_fn(l.dim(), |(i, k)| 0.3 + 0.1 * ((i + 2 * k + shift) % 5) as f64)
        };
        let errors: Vec<Array2<f64>> = spikes.layers.iter().enumerate().map(|(n, l)| of(l, n)).collect();
        let mut cost = |network: &Network, inputs: &Array2<f64>| -> f64 {
            let layers = ideal.forward(network, inputs.view(), RUN).unwrap().layers;
            layers.iter().zip(&errors).map(|(l, e)| (l * e).sum()).sum()
        };
        let gradients = trainer.gradients_of_errors(&network, inputs.view(), &spikes, &errors).unwrap();
        let h = 1e-6;
        for layer in 0..2 {
            for ((i, k), gradient) in gradients.weights[layer].indexed_iter() {
                let mut at = |change: f64| {
                    let mut network = network.clone();
                    network.weights[layer][[i, k]] += change;
                    cost(&network, &inputs)
                };
                let difference = (at(h) - at(-h)) / (2.0 * h);
                assert!((gradient - difference).abs() < 1e-7 * (1.0 + difference.abs()), "{layer} {i} {k}");
            }
        }
        for ((i, k), gradient) in gradients.inputs.unwrap().indexed_iter() {
            let mut at = |change: f64| {
                let mut inputs = inputs.clone();
                inputs[[i, k]] += change;
                cost(&network, &inputs)
            };
            let difference = (at(h) - at(-h)) / (2.0 * h);
            assert!((gradient - difference).abs() < 1e-7 * (1.0 + difference.abs()), "input {i} {k}");
        }
    }

    #[test]
    fn parts_that_do_not_belong_together_are_refused() {
        let (trainer, mut ideal, network, inputs) = parts();
        let spikes = ideal.forward(&network, inputs.view(), RUN).unwrap();
        let errors = [Array2::zeros((3, 3))];
        assert!(trainer.gradients_of_errors(&network, inputs.view(), &spikes, &errors).is_err());
        assert!(trainer.gradients(&network, inputs.view(), &spikes, &[0, 1]).is_err());
        let error = trainer.gradients(&network, inputs.view(), &spikes, &[0, 1, 2]).unwrap_err();
        assert!(error.to_string().contains("label 2"), "{error}");
        let fewer = Spikes::first(vec![Array2::zeros((3, 3)), Array2::zeros((2, 2))]);
        assert!(trainer.gradients(&network, inputs.view(), &fewer, &[0, 1, 1]).is_err());
    }
}
