//! `bss2_emu._core`: the part of the Python package that is Rust.
//!
//! It has no logic of its own: arrays, configurations (as JSON) and paths in, calls of the crates of the workspace, arrays and JSON
//! out. What users see is the Python in `python/bss2_emu`, which checks arrays and documents everything.

#![allow(missing_docs, reason = "the names and their documentation are those of _core.pyi and of the Python modules")]

mod calibration;
mod chip;
mod errors;
mod gradients;
mod json;
mod network;
mod recording;
mod training;
mod work;

use pyo3::prelude::*;

#[pymodule(gil_used = true)]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<calibration::Calibration>()?;
    module.add_class::<chip::Chip>()?;
    module.add_class::<network::Network>()?;
    module.add_class::<gradients::Bumping>()?;
    module.add_function(wrap_pyfunction!(work::set_threads, module)?)?;
    module.add_function(wrap_pyfunction!(work::threads, module)?)?;
    module.add_function(wrap_pyfunction!(work::main, module)?)?;
    module.add_function(wrap_pyfunction!(work::fail, module)?)?;
    module.add_function(wrap_pyfunction!(training::simulate, module)?)?;
    module.add_function(wrap_pyfunction!(training::train, module)?)?;
    module.add_function(wrap_pyfunction!(training::infer, module)?)?;
    module.add_function(wrap_pyfunction!(training::samples, module)?)?;
    module.add_function(wrap_pyfunction!(training::configuration, module)?)?;
    module.add_function(wrap_pyfunction!(gradients::signed_codes, module)?)?;
    module.add_function(wrap_pyfunction!(gradients::ideal_first_spikes, module)?)?;
    module.add_function(wrap_pyfunction!(gradients::backward, module)?)?;
    module.add_function(wrap_pyfunction!(gradients::loss, module)?)?;
    module.add_function(wrap_pyfunction!(gradients::ideal_scaling, module)?)?;
    Ok(())
}
