//! Tables of calibration.

use std::path::PathBuf;
use std::sync::Arc;

use calib::Values;
use numpy::{IntoPyArray as _, PyArray1};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::from;
use crate::json;

#[pyclass(frozen, module = "bss2_emu._core")]
pub struct Calibration {
    pub table: Arc<calib::Calibration>,
}

#[pymethods]
impl Calibration {
    #[staticmethod]
    fn load(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let table = py.detach(|| calib::Calibration::load(path)).map_err(from)?;
        Ok(Self { table: Arc::new(table) })
    }

    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        py.detach(|| self.table.save(path)).map_err(from)
    }

    fn arrays<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let arrays = PyDict::new(py);
        for (name, values) in self.table.arrays() {
            match values {
                Values::Whole(values) => arrays.set_item(name, values.into_pyarray(py))?,
                Values::Switch(values) => arrays.set_item(name, PyArray1::from_vec(py, values))?,
                Values::Number(values) => arrays.set_item(name, values.into_pyarray(py))?,
            }
        }
        Ok(arrays)
    }

    #[getter]
    fn chip(&self) -> &str {
        &self.table.chip.0
    }

    /// Targets and counts as JSON.
    fn facts(&self) -> PyResult<String> {
        let table = &self.table;
        json::text(&serde_json::json!({
            "chip": table.chip,
            "targets": table.targets,
            "measurements": table.measurements,
            "trials": table.trials,
            "hardware_time_us": table.hardware_time_us,
        }))
    }
}
