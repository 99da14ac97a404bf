//! Membrane time constant.
//!
//! - Observable: the membrane after a forced reset far below the leak; exponential fit of the way back. Inputs are
//!   disconnected, so that nothing else moves the membrane. The MADC sees it one neuron per trial; membranes of 20 us and slower
//!   are seen well enough by the CADC, all at once, 24 trials.
//! - Search: `i_bias_leak`; the rate (1/tau) is searched for since it rises nearly in proportion to the code. First the
//!   switches: a first measurement predicts the code, and a neuron that would need less than 63 gets the division by 8, one
//!   that would need more than 959 the multiplication. So 0.5..=60 us are within reach of every neuron.
//! - Range: 0..=1022.
//! - Cost: at most 4 measurements.
//! - What can go wrong: leak and reset codes of this measurement that lie too close on an extreme chip (below 10 MADC LSB:
//!   rate zero).

use bss2_emu::codes::NEURONS;
use bss2_emu::device::MADC_INTERVAL_US;
use bss2_emu::{CapMemCode, NeuronCodes, ReadoutSource, Refractory, Trial};

use crate::error::CalibError;
use crate::fit;
use crate::instruments::{Bench, CADC_INTERVAL_US, MADC_EVENT_US, cadc_times, cut, largest};
use crate::search::{Direction, FirstStep, Search};

pub(crate) const RANGE: std::ops::RangeInclusive<u16> = 0..=1022;
/// A neuron that needs less gets the division.
const DIVISION_BELOW: f64 = 63.0;
/// A neuron that needs more gets the multiplication.
const MULTIPLICATION_ABOVE: f64 = 959.0;
/// Usual code at 6 us and full capacitance.
const CODE_AT_6_US: f64 = 160.0;
const V_LEAK: f64 = 880.0;
const V_RESET: f64 = 520.0;
/// Long enough for the slowest reset circuit to pull the membrane down (about 0.5 us).
const HOLD: Refractory = Refractory { counter: 32, scale: 3 };
const SMALLEST_LSB: f64 = 10.0;
/// Membranes that are at least this slow are measured by the CADC, in us.
const SLOW_US: f64 = 20.0;
const CADC_TRIALS: usize = 24;

/// Sets switches and codes.
pub(crate) fn calibrate(bench: &mut Bench<'_>, targets_us: &[f64]) -> Result<(), CalibError> {
    let capacitance = f64::from(bench.codes.neurons[0].membrane_capacitance).max(1.0) / 63.0;
    for (codes, target_us) in bench.codes.neurons.iter_mut().zip(targets_us) {
        set_total(codes, CODE_AT_6_US * capacitance * 6.0 / target_us);
    }
    let slowest_us = largest(targets_us);
    let rates = rates(bench, slowest_us)?;
    for ((codes, rate), target_us) in bench.codes.neurons.iter_mut().zip(rates).zip(targets_us) {
        if rate > 0.0 {
            set_total(codes, total(codes) / (target_us * rate));
        }
    }
    let search = Search { range: RANGE, direction: Direction::Rising, first_step: FirstStep::InProportion, most: 3 };
    let start = bench.get(|c| c.i_bias_leak);
    let wanted: Vec<f64> = targets_us.iter().map(|target| 1.0 / target).collect();
    let found = search.run(&wanted, start, |codes| {
        bench.set(codes, |c| &mut c.i_bias_leak);
        self::rates(bench, slowest_us)
    })?;
    bench.set(&found.codes, |c| &mut c.i_bias_leak);
    Ok(())
}

/// Time constants at the present codes, in us.
pub(crate) fn measure(bench: &mut Bench<'_>, expected_us: f64) -> Result<Vec<f64>, CalibError> {
    Ok(rates(bench, expected_us)?.into_iter().map(|r| 1.0 / r).collect())
}

/// The code that would have the same effect without switches.
pub(crate) fn total(codes: &NeuronCodes) -> f64 {
    let mut total = f64::from(codes.i_bias_leak.get());
    if codes.leak_division {
        total /= 8.0;
    }
    if codes.leak_multiplication {
        total *= 8.0;
    }
    total
}

fn set_total(codes: &mut NeuronCodes, total: f64) {
    codes.leak_division = total < DIVISION_BELOW;
    codes.leak_multiplication = total > MULTIPLICATION_ABOVE;
    codes.i_bias_leak = CapMemCode::saturating(if codes.leak_division {
        total * 8.0
    } else if codes.leak_multiplication {
        total / 8.0
    } else {
        total
    });
}

fn rates(bench: &mut Bench<'_>, expected_us: f64) -> Result<Vec<f64>, CalibError> {
    bench.configure(|_, codes| {
        codes.enable_synin_exc = false;
        codes.enable_synin_inh = false;
        codes.v_leak = CapMemCode::saturating(V_LEAK);
        codes.v_reset = CapMemCode::saturating(V_RESET);
        codes.refractory = HOLD;
    })?;
    let released_us = MADC_EVENT_US + HOLD.time_us();
    if expected_us >= SLOW_US {
        return rates_by_cadc(bench, expected_us, released_us);
    }
    let recording = bench.madc(
        ReadoutSource::Membrane,
        released_us + (5.0 * expected_us).max(2.0),
        &[MADC_EVENT_US],
        Vec::new(),
    )?;
    let rate = |trace: &[u16]| {
        let baseline = cut(trace, MADC_EVENT_US).baseline;
        // One sample later than computed: the release has its own small delay.
        let samples = cut(trace, released_us + MADC_INTERVAL_US).after;
        fit::decay(baseline, samples, MADC_INTERVAL_US)
            .filter(|d| d.amplitude.abs() > SMALLEST_LSB)
            .map_or(0.0, |d| 1.0 / d.tau_us)
    };
    Ok(recording.trials.iter().map(|t| rate(&t.madc)).collect())
}

/// As the sum of the trials, which shows a decay as each of them does.
fn rates_by_cadc(bench: &mut Bench<'_>, expected_us: f64, released_us: f64) -> Result<Vec<f64>, CalibError> {
    let samples = ((MADC_EVENT_US + 4.0 * expected_us) / CADC_INTERVAL_US) as usize;
    let times = cadc_times(0.5, samples);
    let trial = Trial { resets_us: vec![MADC_EVENT_US], ..Trial::default() };
    let duration_us = samples as f64 * CADC_INTERVAL_US + 0.5;
    let recording = bench.run(duration_us, vec![trial; CADC_TRIALS], times.clone())?;
    let baseline = times.iter().take_while(|time| **time < MADC_EVENT_US).count();
    let released = times.iter().take_while(|time| **time < released_us).count();
    let rate = |n: usize| {
        let sum = |k: usize| recording.trials.iter().map(|t| u16::from(t.cadc[k][n])).sum::<u16>();
        let trace: Vec<u16> = (0..samples).map(sum).collect();
        fit::decay(&trace[..baseline], &trace[released..], CADC_INTERVAL_US)
            .filter(|d| d.amplitude.abs() > SMALLEST_LSB * CADC_TRIALS as f64)
            .map_or(0.0, |d| 1.0 / d.tau_us)
    };
    Ok((0..NEURONS).map(rate).collect())
}
