//! Errors of Rust as the exceptions of `bss2_emu.errors`.

use bss2::embedded;
use bss2_emu::DeviceError;
use bss2_emu::simulation::SimulationError;
use calib::CalibError;
use pyo3::PyErr;
use ttfs::placement::PlacementError;

use crate::chip::Gone;

/// The exceptions, which are Python's own classes so that they can derive from Python's standard ones.
mod exceptions {
    use pyo3::import_exception;

    import_exception!(bss2_emu.errors, ArrayError);
    import_exception!(bss2_emu.errors, Bss2Error);
    import_exception!(bss2_emu.errors, CalibrationError);
    import_exception!(bss2_emu.errors, ChipError);
    import_exception!(bss2_emu.errors, ClosedError);
    import_exception!(bss2_emu.errors, ConfigError);
    import_exception!(bss2_emu.errors, FileError);
    import_exception!(bss2_emu.errors, InternalError);
}

pub use exceptions::*;

/// The exception that an error becomes: by the first of its causes that tells.
pub fn raise(error: &anyhow::Error) -> PyErr {
    let text = embedded::message(error);
    for cause in error.chain() {
        if cause.is::<embedded::ConfigError>() || cause.is::<SimulationError>() || cause.is::<serde_json::Error>() {
            return ConfigError::new_err(text);
        }
        if cause.is::<embedded::FileError>() || cause.is::<std::io::Error>() {
            return FileError::new_err(text);
        }
        if let Some(error) = cause.downcast_ref::<CalibError>() {
            return of_calibration(error, text);
        }
        if cause.is::<Gone>() {
            return ClosedError::new_err(text);
        }
        if cause.is::<DeviceError>() || cause.is::<PlacementError>() {
            return ChipError::new_err(text);
        }
        if let Some(error) = cause.downcast_ref::<ttfs::Error>() {
            return of_network(error, text);
        }
    }
    Bss2Error::new_err(text)
}

fn of_calibration(error: &CalibError, text: String) -> PyErr {
    match error {
        CalibError::Targets(_) => ConfigError::new_err(text),
        CalibError::Device(_) | CalibError::Recording { .. } | CalibError::NoSignal { .. } | CalibError::NoCodes => {
            CalibrationError::new_err(text)
        }
        CalibError::OtherChip { .. } => ChipError::new_err(text),
        _ => FileError::new_err(text),
    }
}

fn of_network(error: &ttfs::Error, text: String) -> PyErr {
    match error {
        ttfs::Error::Shape { .. } | ttfs::Error::Label { .. } | ttfs::Error::Feature { .. } => {
            ArrayError::new_err(text)
        }
        ttfs::Error::MissingData { .. } | ttfs::Error::Idx(_) => FileError::new_err(text),
        ttfs::Error::Placement(_) | ttfs::Error::Device(_) => ChipError::new_err(text),
        _ => ConfigError::new_err(text),
    }
}

/// [`raise`] for errors of any type.
pub fn from(error: impl Into<anyhow::Error>) -> PyErr {
    raise(&error.into())
}
