//! The order of the routines.

use std::ops::RangeInclusive;

use bss2_emu::codes::NEURONS;
use bss2_emu::{CapMemCode, CodeTable, Device, NeuronCodes, NeuronParameters};

use crate::cost::{Account, Cost, Step};
use crate::error::CalibError;
use crate::instruments::{Bench, largest};
use crate::leak::Inputs;
use crate::per_neuron::PerNeuron;
use crate::stimulus::{Burst, Sign};
use crate::synaptic_gain::TimeConstants;
use crate::synaptic_reference::Look;
use crate::table::{Calibration, FORMAT, nominal};
use crate::targets::Targets;
use crate::{cadc, leak, membrane_tau, plausible, reset, synaptic_gain, synaptic_reference, synaptic_tau, threshold};

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
    let Seen { taus, is_seen } = Seen::new([&tau_mem, &tau_exc, &tau_inh], [mem, exc, inh]);
    let burst = synaptic_gain::final_burst(bench, leaks.iter().copied().fold(f64::INFINITY, f64::min), &taus)?;
    let gain_exc = synaptic_gain::measure(bench, Sign::Excitatory, burst, &taus)?;
    let gain_inh = synaptic_gain::measure(bench, Sign::Inhibitory, burst, &taus)?;
    bench.finish()?;
    let costs = account.close(bench);

    let mut measured = Vec::with_capacity(NEURONS);
    let mut success = Vec::with_capacity(NEURONS);
    for (n, codes) in bench.codes.neurons.iter().enumerate() {
        let nominal = nominal(&each.of(targets, n));
        let seen = NeuronParameters {
            v_leak_lsb: leak[n],
            v_reset_lsb: reset[n],
            v_threshold_lsb: threshold[n],
            gain_exc: gain_exc[n],
            gain_inh: gain_inh[n],
            tau_mem_us: taus.mem[n],
            tau_syn_exc_us: taus.exc[n],
            tau_syn_inh_us: taus.inh[n],
            ..nominal
        };
        let (neuron, is_whole) = complete(seen, nominal);
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
    /// With the neuron's own target where nothing was seen.
    pub taus: TimeConstants,
    pub is_seen: Vec<bool>,
}

impl Seen {
    /// From what was aimed at and what was measured, each in the order membrane, excitatory, inhibitory.
    pub fn new(targets: [&[f64]; 3], measured: [Vec<f64>; 3]) -> Self {
        let mut is_seen = vec![true; NEURONS];
        let [mut mem, mut exc, mut inh] = measured;
        for (values, targets) in [&mut mem, &mut exc, &mut inh].into_iter().zip(targets) {
            for ((value, target), is_seen) in values.iter_mut().zip(targets).zip(&mut is_seen) {
                if !plausible::TAU_US.contains(value) {
                    *value = *target;
                    *is_seen = false;
                }
            }
        }
        Self { taus: TimeConstants { mem, exc, inh }, is_seen }
    }
}

/// A table holds plausible numbers only: what could not be measured is replaced by the nominal value, and said to be so.
pub(crate) fn complete(seen: NeuronParameters, nominal: NeuronParameters) -> (NeuronParameters, bool) {
    let mut is_whole = true;
    let mut or = |value: f64, nominal: f64, range: &RangeInclusive<f64>| {
        if range.contains(&value) {
            value
        } else {
            is_whole = false;
            nominal
        }
    };
    let potential = &plausible::POTENTIAL_LSB;
    let neuron = NeuronParameters {
        v_leak_lsb: or(seen.v_leak_lsb, nominal.v_leak_lsb, potential),
        v_reset_lsb: or(seen.v_reset_lsb, nominal.v_reset_lsb, potential),
        v_threshold_lsb: or(seen.v_threshold_lsb, nominal.v_threshold_lsb, potential),
        gain_exc: or(seen.gain_exc, nominal.gain_exc, &plausible::GAIN),
        gain_inh: or(seen.gain_inh, nominal.gain_inh, &plausible::GAIN),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_neuron_that_shows_nothing_keeps_its_own_targets() {
        let own: Vec<f64> = (0..NEURONS).map(|n| n as f64 + 1.0).collect();
        let mut measured = vec![6.0; NEURONS];
        (measured[3], measured[5], measured[9]) = (f64::INFINITY, f64::NAN, -2.0);
        let seen = Seen::new([&own, &own, &own], [measured, vec![6.0; NEURONS], vec![6.0; NEURONS]]);
        assert_eq!((seen.taus.mem[3], seen.taus.mem[5], seen.taus.mem[9], seen.taus.mem[4]), (4.0, 6.0, 10.0, 6.0));
        assert_eq!(seen.is_seen.iter().filter(|s| !**s).count(), 3);

        let targets = Targets { threshold_lsb: 140.0, ..Targets::default() };
        let dark = NeuronParameters { v_threshold_lsb: f64::NAN, gain_exc: 0.0, ..nominal(&targets) };
        assert_eq!(complete(dark, nominal(&targets)), (nominal(&targets), false));
    }
}
