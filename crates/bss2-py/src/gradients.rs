//! Rounding, the ideal substrate, the analytic backward pass and the losses.

use std::sync::atomic::AtomicBool;

use bss2_emu::RunId;
use ndarray::{Array2, ArrayView2};
use numpy::{IntoPyArray as _, PyArray1, PyArray2, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;
use ttfs::bumping::{Bump, BumpRule, BumpState};
use ttfs::gradient::Estimator;
use ttfs::loss::Loss;
use ttfs::network::Network;
use ttfs::scaling::Scaling;
use ttfs::substrate::{Ideal, Spikes, Substrate as _};
use ttfs::train::{Trainer, TrainingSettings};

use crate::errors::from;
use crate::json;
use crate::work::compute;

/// Losses, derivatives by the times, classes (-1: none).
type Losses<'py> = (Bound<'py, PyArray1<f64>>, Bound<'py, PyArray2<f64>>, Bound<'py, PyArray1<i64>>);
type Arrays<'py> = Vec<Bound<'py, PyArray2<f64>>>;

fn owned(arrays: &[PyReadonlyArray2<'_, f64>]) -> Vec<Array2<f64>> {
    arrays.iter().map(|array| array.as_array().to_owned()).collect()
}

fn scaling(text: &str) -> PyResult<Scaling> {
    let scaling: Scaling = json::parsed("scaling", text)?;
    scaling.check().map_err(from)?;
    Ok(scaling)
}

/// Signed weight codes of weights, -63..=63.
#[pyfunction]
pub fn signed_codes<'py>(
    py: Python<'py>,
    weights: PyReadonlyArray2<'py, f64>,
    scaling_json: &str,
) -> PyResult<Bound<'py, PyArray2<i8>>> {
    let scaling = scaling(scaling_json)?;
    Ok(weights.as_array().mapv(|weight| scaling.signed_code(weight)).into_pyarray(py))
}

/// The units of the ideal substrate of a configuration.
#[pyfunction]
pub fn ideal_scaling(settings: &str) -> PyResult<String> {
    let config = crate::training::resolved(vec![json::layer("settings", settings)?])?;
    json::text(&bss2::embedded::ideal_scaling(&config))
}

/// First-spike times of all layers of the ideal network.
#[pyfunction]
pub fn ideal_first_spikes<'py>(
    py: Python<'py>,
    weights: Vec<PyReadonlyArray2<'py, f64>>,
    inputs: PyReadonlyArray2<'py, f64>,
    scaling_json: &str,
    rounding: bool,
) -> PyResult<Arrays<'py>> {
    let scaling = scaling(scaling_json)?;
    let network = Network::new(owned(&weights));
    let inputs = inputs.as_array();
    let mut ideal = Ideal { model: scaling.model(), grid: rounding.then_some(scaling) };
    let run = RunId { session: 0, index: 0 };
    let spikes = compute(py, &AtomicBool::new(false), || ideal.forward(&network, inputs, run))?;
    Ok(spikes.map_err(from)?.layers.into_iter().map(|times| times.into_pyarray(py)).collect())
}

/// Gradients by weights and input times, given errors of all spikes that were measured.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "what a backward pass depends on")]
pub fn backward<'py>(
    py: Python<'py>,
    weights: Vec<PyReadonlyArray2<'py, f64>>,
    inputs: PyReadonlyArray2<'py, f64>,
    spikes: Vec<PyReadonlyArray2<'py, f64>>,
    errors: Vec<PyReadonlyArray2<'py, f64>>,
    scaling_json: &str,
    estimator: &str,
    max_gradient: f64,
    rounding: bool,
) -> PyResult<(Arrays<'py>, Bound<'py, PyArray2<f64>>)> {
    let scaling = scaling(scaling_json)?;
    let estimator: Estimator = json::parsed("estimator", &json::text(&estimator)?)?;
    let settings = TrainingSettings { estimator, max_gradient, rounding, ..TrainingSettings::default() };
    let trainer = Trainer::new(settings, scaling).map_err(from)?;
    let network = Network::new(owned(&weights));
    let inputs: ArrayView2<'_, f64> = inputs.as_array();
    let (spikes, errors) = (Spikes::first(owned(&spikes)), owned(&errors));
    let gradients =
        compute(py, &AtomicBool::new(false), || trainer.gradients_of_errors(&network, inputs, &spikes, &errors))?;
    let gradients = gradients.map_err(from)?;
    let by_inputs = gradients.inputs.unwrap_or_default();
    Ok((gradients.weights.into_iter().map(|g| g.into_pyarray(py)).collect(), by_inputs.into_pyarray(py)))
}

/// Loss of each sample and its derivative by the output times.
#[pyfunction]
pub fn loss<'py>(
    py: Python<'py>,
    outputs: PyReadonlyArray2<'py, f64>,
    labels: PyReadonlyArray1<'py, i64>,
    loss_json: &str,
) -> PyResult<Losses<'py>> {
    let loss: Loss = json::parsed("loss", loss_json)?;
    loss.check().map_err(from)?;
    let (outputs, labels) = (outputs.as_array(), labels.as_array());
    let n_classes = outputs.ncols();
    if labels.len() != outputs.nrows() {
        let (found, expected) = (vec![labels.len()], vec![outputs.nrows()]);
        return Err(from(ttfs::Error::Shape { what: "labels", found, expected }));
    }
    let mut by_times = Array2::zeros(outputs.dim());
    let (mut losses, mut classes) = (Vec::with_capacity(labels.len()), Vec::with_capacity(labels.len()));
    for ((sample, times), label) in outputs.outer_iter().enumerate().zip(labels) {
        let label = usize::try_from(*label).unwrap_or(usize::MAX);
        if label >= n_classes {
            return Err(from(ttfs::Error::Label { sample, label, n_classes }));
        }
        let (value, gradient) = loss.of_sample(times, label);
        by_times.row_mut(sample).assign(&gradient);
        losses.push(value);
        classes.push(loss.classify(times).map_or(-1, |class| class as i64));
    }
    Ok((losses.into_pyarray(py), by_times.into_pyarray(py), classes.into_pyarray(py)))
}

/// What is done about silent neurons, with its memory.
#[pyclass(module = "bss2_emu._core")]
pub struct Bumping {
    rule: BumpRule,
    state: BumpState,
}

#[pymethods]
impl Bumping {
    #[new]
    fn new(rule: &str) -> PyResult<Self> {
        let rule: BumpRule = json::parsed("bump", rule)?;
        rule.check().map_err(from)?;
        Ok(Self { rule, state: BumpState::default() })
    }

    /// The weights after a batch, and what was done: "none", "with-step" or "instead-of-step".
    fn apply<'py>(
        &mut self,
        py: Python<'py>,
        spikes: Vec<PyReadonlyArray2<'py, f64>>,
        weights: Vec<PyReadonlyArray2<'py, f64>>,
    ) -> PyResult<(Arrays<'py>, &'static str)> {
        let mut weights = owned(&weights);
        let bump = self.rule.apply(&mut self.state, &owned(&spikes), &mut weights).map_err(from)?;
        let what = match bump {
            Bump::None => "none",
            Bump::WithStep => "with-step",
            Bump::InsteadOfStep => "instead-of-step",
        };
        Ok((weights.into_iter().map(|weights| weights.into_pyarray(py)).collect(), what))
    }
}
