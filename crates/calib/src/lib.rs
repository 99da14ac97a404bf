//! Calibration of a BrainScaleS-2 chip by measurement.
//!
//! [`calibrate`] finds the codes that bring all 512 neurons to common [`Targets`], through nothing but the
//! [`Device`] trait: it configures, stimulates, reads, and knows of the chip what a laboratory knows - in which direction a
//! code acts, its range, a usual value to start from. The result, a [`Calibration`], is a plain JSON file with the codes and
//! with what each neuron measured after the last step.
//!
//! ```no_run
//! use bss2_emu::{Chip, ChipSpec, spec::Preset};
//! use calib::{Targets, calibrate};
//!
//! let mut chip = Chip::draw(&ChipSpec::new(Preset::Bss2, 1));
//! let table = calibrate(&mut chip, &Targets::default(), &mut |step| {
//!     eprintln!("{}/{} {}", step.index, step.of, step.name);
//! })?;
//! table.save("chip.json")?;
//! # Ok::<(), calib::CalibError>(())
//! ```
//!
//! One module per routine; each says what is observed, what is searched, within which range, and what can go wrong. The
//! order follows from what disturbs what:
//!
//! | | routine | needs |
//! |---|---|---|
//! | 0 | refractory counter | computed |
//! | 1 | CADC offsets | |
//! | 2 | synaptic time constants | |
//! | 3 | membrane time constant | |
//! | 4 | leak, inputs off | CADC offsets, `tau_mem` |
//! | 5 | synaptic references | leak |
//! | 6 | synaptic strengths | time constants, references |
//! | 7 | references again | strengths |
//! | 8 | reset | CADC offsets |
//! | 9 | threshold | CADC offsets |
//! | 10 | leak, inputs connected | references |
//! | 11 | final measurement | all |
//!
//! Routines and targets follow `calix`, the calibration of the real chip, in what they observe; its threshold routine (the
//! largest sample of a saw-tooth) and its searches are replaced by estimators with less bias and fewer measurements.

mod cadc;
mod error;
mod files;
mod fit;
mod instruments;
mod leak;
mod membrane_tau;
mod remeasure;
mod reset;
mod search;
mod stimulus;
mod synaptic_gain;
mod synaptic_reference;
mod synaptic_tau;
mod table;
mod targets;
mod threshold;

use bss2_emu::codes::NEURONS;
use bss2_emu::{CapMemCode, CodeTable, Device, NeuronCodes, NeuronParameters};

pub use error::CalibError;
pub use files::FileFormat;
pub use remeasure::remeasure;
pub use table::{Calibration, FORMAT};
pub use targets::Targets;

use instruments::Bench;
use leak::Inputs;
use stimulus::Sign;
use synaptic_gain::TimeConstants;
use synaptic_reference::Look;

/// A step of a calibration that is about to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// What is calibrated.
    pub name: &'static str,
    /// Number of the step, from 1.
    pub index: usize,
    /// Number of steps.
    pub of: usize,
}

const STEPS: [&str; 11] = [
    "CADC offsets",
    "synaptic time constants",
    "membrane time constant",
    "leak, inputs disconnected",
    "synaptic references",
    "synaptic strengths",
    "synaptic references again",
    "reset",
    "threshold",
    "leak, inputs connected",
    "final measurement",
];

/// Calibrates a chip by measurement.
///
/// Afterwards the device is configured with the codes found; its routing is that of the measurements. The same device gives
/// the same table, byte by byte. A neuron that cannot reach its targets is no error: see [`Calibration::success`].
///
/// # Errors
/// [`CalibError::Targets`] if the targets do not pass [`Targets::check`]; errors of the device; [`CalibError::NoSignal`] if
/// a routine sees nothing on most neurons.
pub fn calibrate<D: Device>(
    device: &mut D,
    targets: &Targets,
    progress: &mut dyn FnMut(Step),
) -> Result<Calibration, CalibError> {
    let problems = targets.check();
    if !problems.is_empty() {
        return Err(CalibError::Targets(problems));
    }
    let chip = device.identity().clone();
    let mut bench = Bench::new(device, start(targets))?;
    let bench = &mut bench;
    let mut steps = STEPS.iter().enumerate();
    let mut next = || {
        if let Some((index, name)) = steps.next() {
            progress(Step { name, index: index + 1, of: STEPS.len() });
        }
    };

    next();
    cadc::calibrate(bench)?;
    next();
    let (burst_exc, exc) = synaptic_tau::calibrate(bench, Sign::Excitatory, targets.tau_syn_exc_us)?;
    let (burst_inh, inh) = synaptic_tau::calibrate(bench, Sign::Inhibitory, targets.tau_syn_inh_us)?;
    next();
    let mem = membrane_tau::calibrate(bench, targets.tau_mem_us)?;
    let taus = Seen::new(targets, mem, exc, inh);
    next();
    leak::calibrate(bench, targets.leak_lsb, Inputs::Disconnected, 40)?;
    next();
    synaptic_reference::calibrate(bench, Look::Coarse)?;
    synaptic_reference::calibrate(bench, Look::Fine)?;
    next();
    let burst = synaptic_gain::calibrate(bench, targets.i_synin_gm, targets.leak_lsb, &taus.taus)?;
    next();
    synaptic_reference::calibrate(bench, Look::Fine)?;
    next();
    reset::calibrate(bench, targets.reset_lsb)?;
    next();
    let ramp = threshold::calibrate(bench, targets.threshold_lsb)?;
    next();
    leak::calibrate(bench, targets.leak_lsb, Inputs::Connected, 4)?;

    next();
    let leak = leak::measure(bench)?;
    let reset = reset::measure(bench, 16)?;
    let threshold = threshold::measure(bench, ramp, threshold::FINAL)?;
    let exc = synaptic_tau::measure(bench, Sign::Excitatory, burst_exc, targets.tau_syn_exc_us)?;
    let inh = synaptic_tau::measure(bench, Sign::Inhibitory, burst_inh, targets.tau_syn_inh_us)?;
    let mem = membrane_tau::measure(bench, targets.tau_mem_us)?;
    let Seen { taus, is_seen } = Seen::new(targets, mem, exc, inh);
    let gain_exc = synaptic_gain::measure(bench, Sign::Excitatory, burst, &taus)?;
    let gain_inh = synaptic_gain::measure(bench, Sign::Inhibitory, burst, &taus)?;
    bench.finish()?;

    let mut measured = Vec::with_capacity(NEURONS);
    let mut success = Vec::with_capacity(NEURONS);
    let nominal = Calibration::from_targets(chip.clone(), targets).measured;
    for (n, codes) in bench.codes.neurons.iter().enumerate() {
        let seen = NeuronParameters {
            v_leak_lsb: leak[n],
            v_reset_lsb: reset[n],
            v_threshold_lsb: threshold[n],
            gain_exc: gain_exc[n],
            gain_inh: gain_inh[n],
            tau_mem_us: taus.mem[n],
            tau_syn_exc_us: taus.exc[n],
            tau_syn_inh_us: taus.inh[n],
            ..nominal[n]
        };
        let (neuron, is_whole) = complete(seen, nominal[n]);
        measured.push(neuron);
        success.push(is_whole && is_seen[n] && is_inside(codes, targets));
    }
    Ok(Calibration {
        format: FORMAT,
        chip,
        targets: *targets,
        codes: Some(bench.codes.clone()),
        measured,
        success,
        measurements: bench.counts.runs.into(),
        trials: bench.counts.trials,
        hardware_time_us: bench.counts.hardware_time_us,
        origin: None,
    })
}

/// Usual codes, with what the targets say directly.
fn start(targets: &Targets) -> CodeTable {
    let code = |value: u16| CapMemCode::saturating(value.into());
    let usual = NeuronCodes::default();
    let neuron = NeuronCodes {
        i_bias_synin_exc_gm: code(targets.i_synin_gm),
        i_bias_synin_inh_gm: code(targets.i_synin_gm),
        membrane_capacitance: targets.membrane_capacitance,
        refractory: targets.refractory().unwrap_or(usual.refractory),
        ..usual
    };
    CodeTable {
        neurons: vec![neuron; NEURONS],
        synapse_dac_bias: [code(targets.synapse_dac_bias); 4],
        ..CodeTable::default()
    }
}

/// Time constants that can be computed with.
struct Seen {
    /// With the target where nothing was seen.
    taus: TimeConstants,
    is_seen: Vec<bool>,
}

impl Seen {
    fn new(targets: &Targets, mem: Vec<f64>, exc: Vec<f64>, inh: Vec<f64>) -> Self {
        let mut is_seen = vec![true; NEURONS];
        let mut finite = |mut values: Vec<f64>, target: f64| {
            for (value, is_seen) in values.iter_mut().zip(&mut is_seen) {
                if !value.is_finite() {
                    *value = target;
                    *is_seen = false;
                }
            }
            values
        };
        let taus = TimeConstants {
            mem: finite(mem, targets.tau_mem_us),
            exc: finite(exc, targets.tau_syn_exc_us),
            inh: finite(inh, targets.tau_syn_inh_us),
        };
        Self { taus, is_seen }
    }
}

/// A table holds finite numbers only: what could not be measured is replaced by the nominal value, and said to be so.
fn complete(seen: NeuronParameters, nominal: NeuronParameters) -> (NeuronParameters, bool) {
    let mut is_whole = true;
    let mut or = |value: f64, nominal: f64, is_allowed: bool| {
        if value.is_finite() && is_allowed {
            value
        } else {
            is_whole = false;
            nominal
        }
    };
    let neuron = NeuronParameters {
        v_leak_lsb: or(seen.v_leak_lsb, nominal.v_leak_lsb, true),
        v_reset_lsb: or(seen.v_reset_lsb, nominal.v_reset_lsb, true),
        v_threshold_lsb: or(seen.v_threshold_lsb, nominal.v_threshold_lsb, true),
        gain_exc: or(seen.gain_exc, nominal.gain_exc, seen.gain_exc > 0.0),
        gain_inh: or(seen.gain_inh, nominal.gain_inh, seen.gain_inh > 0.0),
        ..seen
    };
    (neuron, is_whole)
}

/// Whether no code is at an end of the range in which it was searched.
fn is_inside(codes: &NeuronCodes, targets: &Targets) -> bool {
    let gm = synaptic_gain::range(targets.i_synin_gm);
    [
        (codes.v_leak, leak::RANGE),
        (codes.v_reset, reset::RANGE),
        (codes.v_threshold, threshold::RANGE),
        (codes.i_bias_leak, membrane_tau::RANGE),
        (codes.i_bias_synin_exc_tau, synaptic_tau::RANGE),
        (codes.i_bias_synin_inh_tau, synaptic_tau::RANGE),
        (codes.i_bias_synin_exc_shift, synaptic_reference::RANGE),
        (codes.i_bias_synin_inh_shift, synaptic_reference::RANGE),
        (codes.i_bias_synin_exc_gm, gm.clone()),
        (codes.i_bias_synin_inh_gm, gm),
    ]
    .into_iter()
    .all(|(code, range)| *range.start() < code.get() && code.get() < *range.end())
}
