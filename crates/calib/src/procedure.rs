//! The order of the routines.

use std::time::{Duration, Instant};

use bss2_emu::codes::NEURONS;
use bss2_emu::{CapMemCode, CodeTable, Device, NeuronCodes, NeuronParameters};

use crate::cost::Cost;
use crate::error::CalibError;
use crate::instruments::{Bench, Counts, largest};
use crate::leak::Inputs;
use crate::per_neuron::PerNeuron;
use crate::stimulus::{Burst, Sign};
use crate::synaptic_gain::TimeConstants;
use crate::synaptic_reference::Look;
use crate::table::{Calibration, FORMAT};
use crate::targets::Targets;
use crate::{cadc, leak, membrane_tau, reset, synaptic_gain, synaptic_reference, synaptic_tau, threshold};

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

const STEPS: [&str; 13] = [
    "CADC ramps and offsets",
    "synaptic time constants",
    "preparation",
    "synaptic references",
    "synapse DAC bias",
    "synaptic strengths",
    "synaptic references again",
    "membrane time constant",
    "leak, inputs disconnected",
    "reset",
    "threshold",
    "refinement",
    "final measurement",
];

/// While strengths are compared: time constants in us and leak in LSB, as in `calix`.
const PREPARED_SYN_US: f64 = 1.5;
const PREPARED_MEM_US: f64 = 60.0;
const PREPARED_LEAK_LSB: f64 = 120.0;

/// A calibration and what it took.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibrated {
    /// The table.
    pub calibration: Calibration,
    /// One entry per step, in their order.
    pub costs: Vec<Cost>,
}

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
    calibrate_with_costs(device, targets, progress).map(|calibrated| calibrated.calibration)
}

/// [`calibrate`], with an account of what each step took.
///
/// # Errors
/// As [`calibrate`].
pub fn calibrate_with_costs<D: Device>(
    device: &mut D,
    targets: &Targets,
    progress: &mut dyn FnMut(Step),
) -> Result<Calibrated, CalibError> {
    calibrate_each(device, targets, &PerNeuron::default(), progress)
}

/// [`calibrate_with_costs`] to targets that differ from neuron to neuron.
///
/// # Errors
/// As [`calibrate`]; [`CalibError::Targets`] also for what [`PerNeuron::check`] finds.
pub fn calibrate_each<D: Device>(
    device: &mut D,
    targets: &Targets,
    each: &PerNeuron,
    progress: &mut dyn FnMut(Step),
) -> Result<Calibrated, CalibError> {
    let problems = each.check(targets);
    if !problems.is_empty() {
        return Err(CalibError::Targets(problems));
    }
    let of = |field: fn(&Targets) -> f64| each.all(targets, field);
    let (leaks, resets, thresholds) = (of(|t| t.leak_lsb), of(|t| t.reset_lsb), of(|t| t.threshold_lsb));
    let (tau_mem, tau_exc, tau_inh) = (of(|t| t.tau_mem_us), of(|t| t.tau_syn_exc_us), of(|t| t.tau_syn_inh_us));
    let chip = device.identity().clone();
    let mut bench = Bench::new(device, start(targets))?;
    let bench = &mut bench;
    let mut account = Account::new(progress);

    account.next(bench);
    cadc::calibrate(bench)?;
    account.next(bench);
    let bursts = [
        synaptic_tau::calibrate(bench, Sign::Excitatory, &tau_exc)?,
        synaptic_tau::calibrate(bench, Sign::Inhibitory, &tau_inh)?,
    ];
    let wanted = bench.codes.neurons.clone();
    account.next(bench);
    prepare(bench, [&tau_exc, &tau_inh], bursts)?;
    account.next(bench);
    synaptic_reference::calibrate(bench, Look::Coarse)?;
    synaptic_reference::calibrate(bench, Look::Fine)?;
    account.next(bench);
    let mut reference = synaptic_gain::reference(bench)?;
    synaptic_gain::match_quadrants(bench, &mut reference, targets.synapse_dac_bias)?;
    account.next(bench);
    synaptic_gain::calibrate(bench, &reference, targets.i_synin_gm)?;
    account.next(bench);
    synaptic_reference::calibrate(bench, Look::Fine)?;
    account.next(bench);
    restore_synaptic_tau(bench, &wanted);
    membrane_tau::calibrate(bench, &tau_mem)?;
    account.next(bench);
    leak::calibrate(bench, &leaks, Inputs::Disconnected, 40)?;
    account.next(bench);
    reset::calibrate(bench, &resets, 40)?;
    account.next(bench);
    let ramp = threshold::calibrate(bench, &thresholds)?;
    account.next(bench);
    cadc::refresh(bench)?;
    threshold::refine(bench, &thresholds, ramp)?;
    reset::calibrate(bench, &resets, 4)?;
    leak::calibrate(bench, &leaks, Inputs::Connected, 4)?;

    account.next(bench);
    let leak = leak::measure(bench)?;
    let reset = reset::measure(bench, 16)?;
    let threshold = threshold::measure(bench, ramp, threshold::FINAL)?;
    let exc = synaptic_tau::measure(bench, Sign::Excitatory, bursts[0], largest(&tau_exc))?;
    let inh = synaptic_tau::measure(bench, Sign::Inhibitory, bursts[1], largest(&tau_inh))?;
    let mem = membrane_tau::measure(bench, largest(&tau_mem))?;
    let Seen { taus, is_seen } = Seen::new(targets, mem, exc, inh);
    let burst = synaptic_gain::final_burst(bench, leaks.iter().copied().fold(f64::INFINITY, f64::min), &taus)?;
    let gain_exc = synaptic_gain::measure(bench, Sign::Excitatory, burst, &taus)?;
    let gain_inh = synaptic_gain::measure(bench, Sign::Inhibitory, burst, &taus)?;
    bench.finish()?;
    let costs = account.close(bench);

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
    let calibration = Calibration {
        format: FORMAT,
        chip,
        targets: *targets,
        per_neuron: each.clone().reduced(targets),
        codes: Some(bench.codes.clone()),
        measured,
        success,
        uncalibrated: None,
        measurements: bench.counts.runs.into(),
        trials: bench.counts.trials,
        hardware_time_us: bench.counts.hardware_time_us,
        origin: None,
    };
    Ok(Calibrated { calibration, costs })
}

/// Fast synapses, slow membranes, a leak in the middle: the membrane adds up charge, and has room to both sides.
fn prepare(bench: &mut Bench<'_>, present_us: [&[f64]; 2], bursts: [Burst; 2]) -> Result<(), CalibError> {
    membrane_tau::calibrate(bench, &[PREPARED_MEM_US; NEURONS])?;
    leak::calibrate(bench, &[PREPARED_LEAK_LSB; NEURONS], Inputs::Disconnected, 40)?;
    let inputs = [(Sign::Excitatory, bursts[0], present_us[0]), (Sign::Inhibitory, bursts[1], present_us[1])];
    // The same for both signs: equal jumps shall mean equal strengths.
    let fastest = |(sign, _, present_us)| synaptic_tau::fastest_us(bench, sign, present_us);
    let target_us = inputs.map(fastest).into_iter().fold(PREPARED_SYN_US, f64::max);
    for (sign, burst, present_us) in inputs {
        synaptic_tau::hasten(bench, sign, burst, present_us, target_us)?;
    }
    Ok(())
}

fn restore_synaptic_tau(bench: &mut Bench<'_>, wanted: &[NeuronCodes]) {
    for (codes, wanted) in bench.codes.neurons.iter_mut().zip(wanted) {
        codes.i_bias_synin_exc_tau = wanted.i_bias_synin_exc_tau;
        codes.i_bias_synin_inh_tau = wanted.i_bias_synin_inh_tau;
        codes.extension.synin_exc_high_resistance = wanted.extension.synin_exc_high_resistance;
        codes.extension.synin_inh_high_resistance = wanted.extension.synin_inh_high_resistance;
    }
}

/// Announces the steps and notes what each takes.
struct Account<'p> {
    progress: &'p mut dyn FnMut(Step),
    costs: Vec<Cost>,
    present: Option<(&'static str, Counts, Instant)>,
}

impl<'p> Account<'p> {
    fn new(progress: &'p mut dyn FnMut(Step)) -> Self {
        Self { progress, costs: Vec::with_capacity(STEPS.len()), present: None }
    }

    fn next(&mut self, bench: &Bench<'_>) {
        self.end(bench);
        let index = self.costs.len();
        if let Some(name) = STEPS.get(index) {
            (self.progress)(Step { name, index: index + 1, of: STEPS.len() });
            self.present = Some((name, bench.counts, Instant::now()));
        }
    }

    fn end(&mut self, bench: &Bench<'_>) {
        if let Some((routine, before, began)) = self.present.take() {
            let hardware_us = bench.counts.hardware_time_us - before.hardware_time_us;
            self.costs.push(Cost {
                routine,
                measurements: (bench.counts.runs - before.runs).into(),
                trials: bench.counts.trials - before.trials,
                hardware_time: Duration::try_from_secs_f64(hardware_us * 1e-6).unwrap_or_default(),
                wall_time: began.elapsed(),
            });
        }
    }

    fn close(mut self, bench: &Bench<'_>) -> Vec<Cost> {
        self.end(bench);
        self.costs
    }
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
pub(crate) struct Seen {
    /// With the target where nothing was seen.
    pub taus: TimeConstants,
    pub is_seen: Vec<bool>,
}

impl Seen {
    pub fn new(targets: &Targets, mem: Vec<f64>, exc: Vec<f64>, inh: Vec<f64>) -> Self {
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
pub(crate) fn complete(seen: NeuronParameters, nominal: NeuronParameters) -> (NeuronParameters, bool) {
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
