//! Trained networks in their files.

use std::path::PathBuf;

use bss2::embedded::SavedNetwork;
use numpy::{PyArray2, PyReadonlyArray2, ToPyArray as _};
use pyo3::prelude::*;

use crate::errors::{ConfigError, from};
use crate::json;

#[pyclass(frozen, module = "bss2_emu._core")]
pub struct Network {
    saved: SavedNetwork,
}

#[pymethods]
impl Network {
    #[new]
    fn new(architecture: &str, weights: Vec<PyReadonlyArray2<'_, f64>>) -> PyResult<Self> {
        let weights = weights.iter().map(|weights| weights.as_array().to_owned()).collect();
        let saved = SavedNetwork::of_parts(architecture, weights).map_err(ConfigError::new_err)?;
        Ok(Self { saved })
    }

    #[staticmethod]
    fn load(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        Ok(Self { saved: py.detach(|| SavedNetwork::load(&path)).map_err(from)? })
    }

    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        py.detach(|| self.saved.save(&path)).map_err(from)
    }

    fn weights<'py>(&self, py: Python<'py>) -> Vec<Bound<'py, PyArray2<f64>>> {
        self.saved.network.weights.iter().map(|weights| weights.to_pyarray(py)).collect()
    }

    fn delay_parameters<'py>(&self, py: Python<'py>) -> Vec<Bound<'py, PyArray2<f64>>> {
        self.saved.network.delay_parameters.iter().map(|parameters| parameters.to_pyarray(py)).collect()
    }

    fn architecture(&self) -> PyResult<String> {
        json::text(&self.saved.architecture)
    }
}
