//! The commands of the program, without a command line.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use bss2::embedded::{self, ChipArgs, ConfigArgs, InferArgs, Layer, Split, SubstrateName, TrainArgs};
use bss2_emu::simulation::Engine;
use clap::ValueEnum as _;
use numpy::{IntoPyArray as _, PyArray1, PyArray2};
use pyo3::prelude::*;
use ttfs::train::EpochRecord;

use crate::errors::{ConfigError, raise};
use crate::json;
use crate::work::compute;

/// Times and labels.
type Labelled<'py> = (Bound<'py, PyArray2<f64>>, Bound<'py, PyArray1<i64>>);
/// Times of all layers, labels, and the classes that were chosen (-1: none).
type Answers<'py> = (String, Vec<Bound<'py, PyArray2<f64>>>, Bound<'py, PyArray1<i64>>, Bound<'py, PyArray1<i64>>);

#[pyfunction]
pub fn simulate(py: Python<'_>, experiment: &str, engine: &str) -> PyResult<String> {
    let engine = match engine {
        "event" => Engine::Event,
        "layered" => Engine::Layered,
        other => {
            return Err(ConfigError::new_err(format!(
                "engine: {other:?} is not allowed; expected \"event\" or \"layered\""
            )));
        }
    };
    let text = compute(py, &AtomicBool::new(false), || embedded::simulate(experiment.as_bytes(), engine))?;
    Ok(String::from_utf8_lossy(&text.map_err(|error| raise(&error))?).into_owned())
}

/// The resolved configuration as JSON.
#[pyfunction]
pub fn configuration(settings: &str) -> PyResult<String> {
    json::text(&resolved(vec![json::layer("settings", settings)?])?)
}

pub fn resolved(layers: Vec<Layer>) -> PyResult<embedded::Config> {
    embedded::resolve(&layers).map_err(crate::errors::from)
}

#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "the arguments of the command")]
pub fn train(
    py: Python<'_>,
    settings: &str,
    preset: Option<String>,
    config_file: Option<PathBuf>,
    calibration: Option<PathBuf>,
    force: bool,
    out: Option<PathBuf>,
    resume: Option<PathBuf>,
    progress: bool,
    callback: Option<Py<PyAny>>,
) -> PyResult<(PathBuf, bool)> {
    let given = vec![json::layer("settings", settings)?];
    let from = given[0].table.get("from").and_then(|from| from.as_str()).map(PathBuf::from);
    let args = TrainArgs {
        preset,
        out,
        resume,
        from,
        config: ConfigArgs { config: config_file, given, ..ConfigArgs::default() },
        chip: ChipArgs { calibration, force, ..ChipArgs::default() },
        ..TrainArgs::default()
    };
    let stop = AtomicBool::new(false);
    let raised = Mutex::new(None);
    let mut watch = |record: &EpochRecord| {
        let Some(callback) = &callback else { return };
        let told = Python::attach(|py| callback.call1(py, (json::text(record)?,)));
        if let Err(error) = told {
            stop.store(true, Ordering::SeqCst);
            if let Ok(mut raised) = raised.lock() {
                *raised = Some(error);
            }
        }
    };
    let trained = compute(py, &stop, || embedded::train(&args, progress, &stop, &mut watch))?;
    if let Some(error) = raised.into_inner().ok().flatten() {
        return Err(error);
    }
    let trained = trained.map_err(|error| raise(&error))?;
    Ok((trained.folder, trained.is_finished))
}

#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "the arguments of the command")]
pub fn infer<'py>(
    py: Python<'py>,
    network: PathBuf,
    settings: &str,
    chip: Option<String>,
    calibration: Option<PathBuf>,
    force: bool,
    data: Option<String>,
    substrate: Option<&str>,
    times: Option<PathBuf>,
) -> PyResult<Answers<'py>> {
    let substrate = substrate.map(|name| SubstrateName::from_str(name, false)).transpose();
    let substrate = substrate.map_err(|_| ConfigError::new_err("substrate: expected \"chip\" or \"ideal\""))?;
    let given = vec![json::layer("settings", settings)?];
    for section in ["network", "encoding"] {
        if given[0].table.contains_key(section) {
            let text = format!(
                "{section}: the network was trained with its own layers and encoding, which cannot be changed here"
            );
            return Err(ConfigError::new_err(text));
        }
    }
    let args = InferArgs {
        network,
        chip: ChipArgs { chip, calibration, force, ..ChipArgs::default() },
        data,
        substrate,
        times,
        config: ConfigArgs { given, ..ConfigArgs::default() },
        ..InferArgs::default()
    };
    let stop = AtomicBool::new(false);
    let inference = compute(py, &stop, || embedded::infer(&args, &stop))?.map_err(|error| raise(&error))?;
    let result = json::text(&inference.result())?;
    let layers = inference.evaluation.layers.into_iter().map(|times| times.into_pyarray(py)).collect();
    let labels: Vec<i64> = inference.labels.iter().map(|label| *label as i64).collect();
    let class = |class: &Option<usize>| class.map_or(-1, |class| class as i64);
    let classes: Vec<i64> = inference.evaluation.classes.iter().map(class).collect();
    Ok((result, layers, labels.into_pyarray(py), classes.into_pyarray(py)))
}

/// Input times in model time and labels of one part of the data set of a configuration.
#[pyfunction]
pub fn samples<'py>(py: Python<'py>, settings: &str, split: &str) -> PyResult<Labelled<'py>> {
    let split = match split {
        "train" => Split::Train,
        "validation" => Split::Validation,
        "test" => Split::Test,
        other => {
            let text = format!("split: {other:?} is not allowed; expected \"train\", \"validation\" or \"test\"");
            return Err(ConfigError::new_err(text));
        }
    };
    let config = resolved(vec![json::layer("settings", settings)?])?;
    let samples = compute(py, &AtomicBool::new(false), || {
        embedded::samples(&config, split).map(|samples| (samples.times(0..samples.n_samples()), samples.labels))
    })?;
    let (times, labels) = samples.map_err(|error| raise(&error))?;
    let labels: Vec<i64> = labels.into_iter().map(|label| label as i64).collect();
    Ok((times.into_pyarray(py), labels.into_pyarray(py)))
}
