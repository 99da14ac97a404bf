//! The backward pass through a layer whose inputs come with delays.
//!
//! Delays need no derivatives of their own. A neuron answers to when spikes arrive, so an axonal delay of source `i` has the
//! derivative of `t_i`; all inputs of a neuron later by `d` make its spike later by `d`, so a dendritic delay has the derivative
//! 1; and with synaptic delays every neuron has input times of its own.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, s};

use super::{BackwardPass, IndividualPass};
use crate::network::{Delays, Layer};

/// The backward pass of a layer without delays.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LayerPass<'a> {
    /// All neurons are those of one model.
    Equal(BackwardPass),
    /// Each neuron is its own.
    Individual(IndividualPass<'a>),
}

/// Gradient of one layer.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerGradient {
    /// By the weights, `(n_sources, n_neurons)`.
    pub weights: Array2<f64>,
    /// By the delays, shaped as [`Delays::zeros`] says.
    pub delays: Array2<f64>,
}

impl LayerGradient {
    /// Zero, for a layer.
    pub fn zeros(layer: &Layer) -> Self {
        Self { weights: Array2::zeros(layer.weights.dim()), delays: layer.delays.zeros() }
    }
}

/// When the spikes of the sources reach the synapses of a layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Arrivals<'a> {
    /// Spike times of the sources and latencies, `(n_sources)`: the layer's delays are still to come.
    Sent(ArrayView1<'a, f64>),
    /// Times at which axonal delays were measured to end, and latencies.
    Delayed(ArrayView1<'a, f64>),
}

impl<'a> LayerPass<'a> {
    /// Adds `dL/dw` and `dL/dd` of this sample to `gradient` and returns `dL/dt_in` `(n_sources)` if `inputs_matter`, which may
    /// be spared where inputs are data.
    ///
    /// `outputs`: measured spike times `(n_neurons)`, silent `+inf`, dendritic delays included; `errors`: `dL/dT` `(n_neurons)`.
    /// The guard concerns weights alone. Without delays this is [`BackwardPass::layer`] and costs no more.
    ///
    /// ```
    /// use ndarray::array;
    /// use ttfs::gradient::{Arrivals, BackwardPass, Estimator, LayerGradient, LayerPass};
    /// use ttfs::{network::{Delays, Layer}, neuron::LifModel};
    ///
    /// let layer = Layer { weights: array![[3.0], [1.5]], delays: Delays::Axonal(array![0.3, 0.1]) };
    /// let model = LifModel::default();
    /// let spike = model.layer_forward(array![0.5, 0.6].view(), layer.weights.view());
    /// let pass = LayerPass::Equal(BackwardPass { model, estimator: Estimator::Measured, guard: None });
    /// let mut gradient = LayerGradient::zeros(&layer);
    /// let sent = array![0.2, 0.5];
    /// let by_times = pass.layer(&layer, Arrivals::Sent(sent.view()), spike.view(), array![1.0].view(), &mut gradient, true);
    /// assert_eq!(Some(gradient.delays.column(0).to_owned()), by_times);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not belong together.
    pub fn layer(
        &self,
        layer: &Layer,
        arrivals: Arrivals,
        outputs: ArrayView1<f64>,
        errors: ArrayView1<f64>,
        gradient: &mut LayerGradient,
        inputs_matter: bool,
    ) -> Option<Array1<f64>> {
        let weights = layer.weights.view();
        let (Arrivals::Sent(times) | Arrivals::Delayed(times)) = arrivals;
        match &layer.delays {
            Delays::None => self.plain(times, weights, outputs, errors, &mut gradient.weights, inputs_matter),
            Delays::Axonal(delays) => {
                let arrive = match arrivals {
                    Arrivals::Sent(times) => &times + delays,
                    Arrivals::Delayed(times) => times.to_owned(),
                };
                let by_times = self.plain(arrive.view(), weights, outputs, errors, &mut gradient.weights, true)?;
                let mut by_delays = gradient.delays.column_mut(0);
                by_delays += &by_times;
                Some(by_times)
            }
            Delays::Dendritic(delays) => {
                let spikes = &outputs - delays;
                let finite = outputs.iter().zip(errors);
                for (sum, (t, error)) in gradient.delays.row_mut(0).iter_mut().zip(finite) {
                    if t.is_finite() && error.is_finite() {
                        *sum += error;
                    }
                }
                self.plain(times, weights, spikes.view(), errors, &mut gradient.weights, inputs_matter)
            }
            Delays::Synaptic(delays) => {
                let mut by_times = Array1::zeros(times.len());
                for neuron in 0..outputs.len() {
                    let column = s![.., neuron..=neuron];
                    let one = s![neuron..=neuron];
                    let arrive = &times + &delays.column(neuron);
                    let mut by_weights = Array2::zeros((times.len(), 1));
                    let by_arrivals = self.of(neuron).plain(
                        arrive.view(),
                        weights.slice(column),
                        outputs.slice(one),
                        errors.slice(one),
                        &mut by_weights,
                        true,
                    )?;
                    let mut sum = gradient.weights.slice_mut(column);
                    sum += &by_weights;
                    let mut sum = gradient.delays.column_mut(neuron);
                    sum += &by_arrivals;
                    by_times += &by_arrivals;
                }
                Some(by_times)
            }
        }
    }

    /// The pass of one neuron alone.
    fn of(&self, neuron: usize) -> LayerPass<'a> {
        match self {
            Self::Equal(pass) => Self::Equal(*pass),
            Self::Individual(IndividualPass { neurons, guard }) => {
                Self::Individual(IndividualPass { neurons: &neurons[neuron..=neuron], guard: *guard })
            }
        }
    }

    fn plain(
        &self,
        times: ArrayView1<f64>,
        weights: ArrayView2<f64>,
        outputs: ArrayView1<f64>,
        errors: ArrayView1<f64>,
        by_weights: &mut Array2<f64>,
        inputs_matter: bool,
    ) -> Option<Array1<f64>> {
        match self {
            Self::Equal(pass) if inputs_matter => Some(pass.layer(times, weights, outputs, errors, by_weights)),
            Self::Equal(pass) => {
                pass.first_layer(times, weights, outputs, errors, by_weights);
                None
            }
            Self::Individual(pass) => Some(pass.layer(times, weights, outputs, errors, by_weights)),
        }
    }
}

/// Spike times of a layer with delays, from `solve`, which knows the neurons: input times, weights and the numbers of the
/// neurons that they are the weights of, to spike times.
pub(crate) fn forward(
    layer: &Layer,
    sources: ArrayView1<f64>,
    solve: impl Fn(ArrayView1<f64>, ArrayView2<f64>, std::ops::Range<usize>) -> Array1<f64>,
) -> Array1<f64> {
    let (weights, all) = (layer.weights.view(), 0..layer.weights.ncols());
    match &layer.delays {
        Delays::None => solve(sources, weights, all),
        Delays::Axonal(delays) => solve((&sources + delays).view(), weights, all),
        Delays::Dendritic(delays) => solve(sources, weights, all) + delays,
        Delays::Synaptic(delays) => {
            let columns = delays.axis_iter(Axis(1)).zip(weights.axis_chunks_iter(Axis(1), 1)).enumerate();
            columns
                .flat_map(|(neuron, (delays, weights))| solve((&sources + &delays).view(), weights, neuron..neuron + 1))
                .collect()
        }
    }
}
