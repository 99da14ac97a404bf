//! An emulated chip on the bench.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use anyhow::Context as _;
use bss2::embedded::{self, Config, GivenTable, OnChip, Site};
use bss2_emu::codes::NEURONS;
use bss2_emu::spec::ParameterSource;
use bss2_emu::{Device as _, InputSpike, MadcRequest, ReadoutSource, RunId, Trial};
use calib::{PerNeuron, Targets};
use ndarray::{Array2, ArrayView2};
use numpy::{IntoPyArray as _, PyArray2, PyReadonlyArray2};
use pyo3::prelude::*;
use ttfs::network::{DelayKind, Network};
use ttfs::scaling::Scaling;
use ttfs::substrate::Substrate as _;

use crate::calibration::Calibration;
use crate::errors::{ChipError, raise};
use crate::json;
use crate::recording::{padded, traces};
use crate::work::compute;

type Events<'py> = (Bound<'py, PyArray2<f64>>, Bound<'py, PyArray2<i64>>, Option<Bound<'py, PyArray2<u16>>>);

/// What is on the bench.
enum Bench {
    /// A chip without a network.
    Free(Box<bss2_emu::Chip>),
    /// A chip with the network of the last run.
    Placed(Box<Placed>),
    /// Nothing: closed, or lost in a run that failed in the middle.
    Empty,
}

struct Placed {
    key: Key,
    on: OnChip,
}

/// What a placement depends on: inputs, layers, length of a trial.
#[derive(PartialEq)]
struct Key {
    n_inputs: usize,
    sizes: Vec<usize>,
    slot_us: f64,
}

struct State {
    config: Config,
    bench: Bench,
    table: Option<Arc<calib::Calibration>>,
    last_run_s: f64,
}

#[pyclass(frozen, module = "bss2_emu._core")]
pub struct Chip {
    state: Mutex<State>,
    #[pyo3(get)]
    identity: String,
    #[pyo3(get)]
    is_direct: bool,
}

#[pymethods]
impl Chip {
    /// `preset` and `settings` as JSON layers around the chip that `seed_or_file` names.
    #[new]
    fn new(py: Python<'_>, seed_or_file: &str, preset: &str, settings: &str) -> PyResult<Self> {
        let layers = vec![
            json::layer("preset", preset)?,
            embedded::chip_layer(seed_or_file).map_err(|error| raise(&error))?,
            json::layer("settings", settings)?,
        ];
        let config = crate::training::resolved(layers)?;
        let drawn = compute(py, &AtomicBool::new(false), || fresh(&config, None))?;
        let (chip, table) = drawn.map_err(|error| raise(&error))?;
        let identity = chip.identity().to_string();
        let is_direct = chip.spec().parameters == ParameterSource::Direct;
        let state = State { config, bench: Bench::Free(Box::new(chip)), table, last_run_s: 0.0 };
        Ok(Self { state: Mutex::new(state), identity, is_direct })
    }

    fn close(&self, py: Python<'_>) -> PyResult<()> {
        self.look(py, |state| state.bench = Bench::Empty)
    }

    #[getter]
    fn is_closed(&self, py: Python<'_>) -> PyResult<bool> {
        self.look(py, |state| matches!(state.bench, Bench::Empty))
    }

    #[getter]
    fn last_run_s(&self, py: Python<'_>) -> PyResult<f64> {
        self.look(py, |state| state.last_run_s)
    }

    #[getter]
    fn calibration(&self, py: Python<'_>) -> PyResult<Option<Calibration>> {
        Ok(self.look(py, |state| state.table.clone())?.map(|table| Calibration { table }))
    }

    /// `target`: a preset or file; `changes`: JSON with keys of the section `calibration`.
    fn calibrate(
        &self,
        py: Python<'_>,
        target: Option<&str>,
        changes: &str,
        callback: Option<Py<PyAny>>,
    ) -> PyResult<Calibration> {
        let (targets, each) = self.targets(py, target, changes)?;
        let stop = AtomicBool::new(false);
        let mut tell = |survey| {
            let Some(callback) = &callback else { return };
            let (index, of, name) = match survey {
                embedded::Survey::Calibrating(step) => (step.index, step.of, step.name.to_owned()),
                embedded::Survey::Comparing => (0, 0, "common codes".to_owned()),
            };
            // What a callback raises ends the work; the Python around this raises it again.
            if Python::attach(|py| callback.call1(py, (index, of, name))).is_err() {
                stop.store(true, std::sync::atomic::Ordering::SeqCst);
            }
        };
        let table = compute(py, &stop, || {
            // The chip stays on the bench: a callback may ask for it.
            let chip = self.lock()?.copy()?;
            let table = Arc::new(embedded::calibrate(&chip, &targets, &each, &mut tell, &stop)?);
            let mut state = self.lock()?;
            state.config.calibration = table.targets;
            state.set(&table)?;
            anyhow::Ok(table)
        })?;
        Ok(Calibration { table: table.map_err(|error| raise(&error))? })
    }

    /// Sets the chip from a table.
    fn apply(&self, py: Python<'_>, calibration: &Calibration, force: bool) -> PyResult<()> {
        let table = Arc::clone(&calibration.table);
        let applied = compute(py, &AtomicBool::new(false), || {
            let mut state = self.lock()?;
            let chip = state.take()?;
            let identity = chip.identity().clone();
            state.bench = Bench::Free(chip);
            if !force {
                table.require_chip(&identity)?;
            }
            state.config.calibration = table.targets;
            state.set(&table)
        })?;
        applied.map_err(|error| raise(&error))
    }

    /// Units of a network on this chip, as JSON.
    fn scaling(&self, py: Python<'_>, n_inputs: usize, sizes: Vec<usize>, settings: &str) -> PyResult<String> {
        let units: serde_json::Map<String, serde_json::Value> = json::parsed("settings", settings)?;
        let (mut config, table) = self.look(py, |state| (state.config.clone(), state.table.clone()))?;
        for (key, value) in units {
            match (key.as_str(), value.as_f64()) {
                ("us_per_time", Some(value)) => config.scaling.us_per_time = value,
                ("lsb_per_weight", Some(value)) => config.scaling.lsb_per_weight = value,
                _ => return Err(ChipError::new_err(format!("{key}: no unit that can be chosen"))),
            }
        }
        let table =
            table.ok_or_else(|| ChipError::new_err("the chip is not calibrated: calibrate() or apply() a table"))?;
        let scaling = embedded::measured_scaling(&config, &table)
            .and_then(|scaling| Ok(Site::of(n_inputs, &sizes, DelayKind::None)?.scaling(scaling)));
        json::text(&scaling.map_err(|error| raise(&error))?)
    }

    /// First spikes of every neuron of every layer, in us.
    fn first_spikes<'py>(
        &self,
        py: Python<'py>,
        weights: Vec<PyReadonlyArray2<'py, i8>>,
        times_us: PyReadonlyArray2<'py, f64>,
        duration_us: f64,
        run: (u32, u32),
    ) -> PyResult<Vec<Bound<'py, PyArray2<f64>>>> {
        let weights: Vec<ArrayView2<'_, i8>> = weights.iter().map(|weights| weights.as_array()).collect();
        let inputs = times_us.as_array();
        let layers = compute(py, &AtomicBool::new(false), || {
            let mut state = self.lock()?;
            let network = network(&weights);
            let key = Key { n_inputs: inputs.ncols(), sizes: network.sizes(), slot_us: duration_us };
            let on = state.placed(key)?;
            let begun = Instant::now();
            let spikes = on.forward(&network, inputs, RunId { session: run.0, index: run.1 })?;
            state.last_run_s = begun.elapsed().as_secs_f64();
            anyhow::Ok(spikes.layers)
        })?;
        let layers = layers.map_err(|error| raise(&error))?;
        Ok(layers.into_iter().map(|times| times.into_pyarray(py)).collect())
    }

    /// All spikes of all neurons, padded, and the MADC traces of one neuron.
    #[expect(clippy::too_many_arguments, reason = "what a run depends on")]
    fn run<'py>(
        &self,
        py: Python<'py>,
        weights: Vec<PyReadonlyArray2<'py, i8>>,
        times_us: PyReadonlyArray2<'py, f64>,
        indices: PyReadonlyArray2<'py, i64>,
        duration_us: f64,
        run: (u32, u32),
        trace_of: Option<usize>,
    ) -> PyResult<Events<'py>> {
        let weights: Vec<ArrayView2<'_, i8>> = weights.iter().map(|weights| weights.as_array()).collect();
        let (times_us, indices) = (times_us.as_array(), indices.as_array());
        let events = compute(py, &AtomicBool::new(false), || {
            let mut state = self.lock()?;
            let network = network(&weights);
            let n_inputs = weights.first().map_or(0, ArrayView2::nrows);
            let key = Key { n_inputs, sizes: network.sizes(), slot_us: duration_us };
            let on = state.placed(key)?;
            let on =
                on.whole().context("the network is larger than the chip: first_spikes runs it in several passes")?;
            let place: Vec<_> = on.placement().neurons.iter().flatten().copied().collect();
            let madc = trace_of.map(|number| {
                let neuron = *place.get(number).with_context(|| {
                    format!("trace_of: {number} is not allowed; the network has {} neurons", place.len())
                })?;
                anyhow::Ok(MadcRequest { neuron, source: ReadoutSource::Membrane })
            });
            let madc = madc.transpose()?;
            let silent = Array2::from_elem((times_us.nrows(), n_inputs), f64::INFINITY);
            let stimulate = |trials: &mut Vec<Trial>| {
                for ((trial, times), indices) in trials.iter_mut().zip(times_us.outer_iter()).zip(indices.outer_iter())
                {
                    trial.madc = madc;
                    let spikes = times.iter().zip(indices).filter(|(time, index)| **index >= 0 && time.is_finite());
                    trial.spikes.extend(
                        spikes.map(|(time_us, index)| InputSpike { time_us: *time_us, channel: *index as u16 }),
                    );
                }
            };
            let begun = Instant::now();
            let run = RunId { session: run.0, index: run.1 };
            let recorded = on.record(&network, silent.view(), run, 0.0, stimulate)?;
            state.last_run_s = begun.elapsed().as_secs_f64();
            let mut number = vec![-1; NEURONS];
            place.iter().enumerate().for_each(|(n, neuron)| number[neuron.index()] = n as i64);
            anyhow::Ok((padded(&recorded, &number), madc.map(|_| traces(&recorded))))
        })?;
        let ((times, indices), traces) = events.map_err(|error| raise(&error))?;
        Ok((times.into_pyarray(py), indices.into_pyarray(py), traces.map(|traces| traces.into_pyarray(py))))
    }

    /// The description of the chip: the keys of the section `[chip]`, as JSON.
    fn description(&self, py: Python<'_>) -> PyResult<String> {
        json::text(&self.look(py, |state| state.config.chip)?)
    }
}

impl Chip {
    /// Looks at the state; Python's lock is released while another call has it.
    fn look<T: Send>(&self, py: Python<'_>, look: impl FnOnce(&mut State) -> T + Send) -> PyResult<T> {
        py.detach(|| self.lock().map(|mut state| look(&mut state))).map_err(|error| raise(&error))
    }

    fn lock(&self) -> anyhow::Result<MutexGuard<'_, State>> {
        self.state.lock().map_err(|_| Gone::Lost.into())
    }

    fn targets(&self, py: Python<'_>, target: Option<&str>, changes: &str) -> PyResult<(Targets, PerNeuron)> {
        let (targets, each) = match target {
            Some(target) => embedded::targets(target).map_err(|error| raise(&error))?,
            None => (self.look(py, |state| state.config.calibration)?, PerNeuron::default()),
        };
        let mut layers =
            vec![json::layer("calibration", &json::text(&serde_json::json!({ "calibration": targets }))?)?];
        layers.push(json::layer("calibration", changes)?);
        Ok((crate::training::resolved(layers)?.calibration, each))
    }
}

impl State {
    /// The same chip once more.
    fn copy(&mut self) -> anyhow::Result<bss2_emu::Chip> {
        let chip = self.take()?;
        let copy = (*chip).clone();
        self.bench = Bench::Free(chip);
        Ok(copy)
    }

    /// Takes the chip off the bench.
    fn take(&mut self) -> anyhow::Result<Box<bss2_emu::Chip>> {
        match std::mem::replace(&mut self.bench, Bench::Empty) {
            Bench::Free(chip) => Ok(chip),
            Bench::Placed(placed) => Ok(Box::new(placed.on.into_chip())),
            Bench::Empty => Err(Gone::Closed.into()),
        }
    }

    /// Configures the chip with a table.
    fn set(&mut self, table: &Arc<calib::Calibration>) -> anyhow::Result<()> {
        let mut chip = self.take()?;
        let set = chip.configure(&table.setting());
        self.bench = Bench::Free(chip);
        set?;
        self.table = Some(Arc::clone(table));
        Ok(())
    }

    /// The chip with a network of these sizes: as it is, if it has such a one.
    fn placed(&mut self, key: Key) -> anyhow::Result<&mut OnChip> {
        let is_there = matches!(&self.bench, Bench::Placed(placed) if placed.key == key);
        if !is_there {
            if matches!(self.bench, Bench::Empty) {
                return Err(Gone::Closed.into());
            }
            let site = Site::of(key.n_inputs, &key.sizes, DelayKind::None)?;
            let mut chip = self.take()?;
            chip.set_engine(None);
            // Codes and microseconds are the units; nothing here depends on the threshold and the time constant.
            let latency = self.config.scaling.latency;
            let units = Scaling { us_per_time: 1.0, lsb_per_weight: 1.0, threshold: 1.0, tau_mem: 1.0, latency };
            match site.on(*chip, units, key.slot_us, self.config.engine) {
                Ok(on) => self.bench = Bench::Placed(Box::new(Placed { key, on })),
                Err(error) => {
                    // The chip that was refused is gone; the same one is drawn again.
                    let (chip, _) = fresh(&self.config, self.table.as_deref())?;
                    self.bench = Bench::Free(Box::new(chip));
                    return Err(error.into());
                }
            }
        }
        match &mut self.bench {
            Bench::Placed(placed) => Ok(&mut placed.on),
            _ => Err(Gone::Lost.into()),
        }
    }
}

/// Work was asked of a chip that is not there.
#[derive(Debug, Clone, Copy)]
pub enum Gone {
    /// It is closed.
    Closed,
    /// A call failed in the middle.
    Lost,
}

impl std::fmt::Display for Gone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Closed => "the chip is closed",
            Self::Lost => "the chip was lost when a call on it failed; make a new one",
        })
    }
}

impl std::error::Error for Gone {}

/// The chip of a configuration, set: with a table, or if it is a chip that is set directly.
fn fresh(
    config: &Config,
    table: Option<&calib::Calibration>,
) -> anyhow::Result<(bss2_emu::Chip, Option<Arc<calib::Calibration>>)> {
    let mut chip = embedded::draw(&config.chip, &config.residual_table)?;
    let table = match (table, config.chip.parameters) {
        (Some(table), _) => Some(table.clone()),
        (None, ParameterSource::Direct) => {
            Some(calib::Calibration::from_targets(chip.identity().clone(), &config.calibration))
        }
        (None, ParameterSource::Codes) => None,
    };
    if let Some(table) = &table {
        GivenTable { table: table.clone(), force: true }.check(chip.identity())?;
        chip.configure(&table.setting())?;
    }
    Ok((chip, table.map(Arc::new)))
}

fn network(weights: &[ArrayView2<'_, i8>]) -> Network {
    Network::new(weights.iter().map(|codes| codes.mapv(f64::from)).collect())
}
