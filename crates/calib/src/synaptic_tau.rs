//! Time constants of the synaptic inputs.
//!
//! - Observable: the MADC on the input's line after a burst of events through up to 128 rows; exponential fit of the decay
//!   from the first sample after the onset. The onset also gives the latency of input events.
//! - Search: `i_bias_synin_*_tau`; the rate (1/tau) is searched for since it rises nearly in proportion to the code. First the
//!   switch: a first measurement predicts the code, and at targets of 8 us and more an input that would need less than 100 gets the
//!   high resistance, where a larger code makes the same time constant: an error of the cell of 4 codes would be more than 4 %.
//!   (At 6 us the published codes of three chips, 40 to 200, show that it is off.)
//! - Range: 0..=1022. A code at the upper end means that the target is too fast for the neuron: that is the case for half
//!   of the emulated neurons below 0.65 us, for the slowest of some chips already at 1.5 us.
//! - Cost: at most 4 measurements by the MADC, and up to 3 looks at 32 neurons for the strength of the burst.
//! - What can go wrong: a trace below 10 MADC LSB (no input, or much too slow: rate zero), and one that saturates the
//!   converter: its saturated samples are left out of the fit.

use bss2_emu::codes::NEURONS;
use bss2_emu::device::MADC_INTERVAL_US;
use bss2_emu::{CapMemCode, MadcRequest, NeuronCodes, NeuronId, ReadoutSource, Trial};

use crate::error::CalibError;
use crate::fit::{self, Decay};
use crate::instruments::{Bench, MADC_EVENT_US, cut, largest, median};
use crate::search::{Direction, FirstStep, Search};
use crate::stimulus::{Burst, Sign, burst_in};

pub(crate) const RANGE: std::ops::RangeInclusive<u16> = 0..=1022;
/// Amplitude that the burst is adjusted to, in MADC LSB: neurons of twice the strength still fit the converter.
const AMPLITUDE_LSB: f64 = 300.0;
/// Smaller amplitudes are no decay.
const SMALLEST_LSB: f64 = 10.0;
const SATURATED: u16 = 1020;
/// Usual code at 6 us.
const CODE_AT_6_US: f64 = 110.0;
/// An input that needs less gets the high resistance, if the target is slow.
const HIGH_RESISTANCE_BELOW: f64 = 100.0;
/// Targets that are faster never use it.
const HIGH_RESISTANCE_FROM_US: f64 = 8.0;
/// What the high resistance is taken to do before it is measured.
const USUAL_RESISTANCE: f64 = 4.0;
/// Part of the range that is used when common codes for all inputs are looked for.
const LARGEST_COMMON_CODE: f64 = 1000.0;

/// The code of one sign's input and its switch.
struct Registers {
    code: fn(&mut NeuronCodes) -> &mut CapMemCode,
    high_resistance: fn(&mut NeuronCodes) -> &mut bool,
}

impl Registers {
    fn of(sign: Sign) -> Self {
        match sign {
            Sign::Excitatory => Self {
                code: |codes| &mut codes.i_bias_synin_exc_tau,
                high_resistance: |codes| &mut codes.extension.synin_exc_high_resistance,
            },
            Sign::Inhibitory => Self {
                code: |codes| &mut codes.i_bias_synin_inh_tau,
                high_resistance: |codes| &mut codes.extension.synin_inh_high_resistance,
            },
        }
    }

    /// The code that would have the same effect without the switch.
    fn total(&self, codes: &mut NeuronCodes) -> f64 {
        let code = f64::from((self.code)(codes).get());
        if *(self.high_resistance)(codes) { code / USUAL_RESISTANCE } else { code }
    }

    fn set_total(&self, codes: &mut NeuronCodes, total: f64, target_us: f64) {
        let high = target_us >= HIGH_RESISTANCE_FROM_US && total < HIGH_RESISTANCE_BELOW;
        *(self.high_resistance)(codes) = high;
        *(self.code)(codes) = CapMemCode::saturating(if high { total * USUAL_RESISTANCE } else { total });
    }
}

/// The code that would have the same effect without the switch.
pub(crate) fn total(codes: &NeuronCodes, sign: Sign) -> f64 {
    Registers::of(sign).total(&mut codes.clone())
}

/// Sets codes and switches of one input. Returns the burst used.
pub(crate) fn calibrate(bench: &mut Bench<'_>, sign: Sign, targets_us: &[f64]) -> Result<Burst, CalibError> {
    let registers = Registers::of(sign);
    for (codes, target_us) in bench.codes.neurons.iter_mut().zip(targets_us) {
        registers.set_total(codes, CODE_AT_6_US * 6.0 / target_us, *target_us);
    }
    let slowest_us = largest(targets_us);
    let burst = choose_burst(bench, sign, slowest_us)?;
    bench.write_burst(burst, sign)?;
    bench.configure(|_, _| ())?;
    let rates = rates(bench, sign, slowest_us)?;
    for ((codes, rate), target_us) in bench.codes.neurons.iter_mut().zip(rates).zip(targets_us) {
        if rate > 0.0 {
            let total = registers.total(codes) / (target_us * rate);
            registers.set_total(codes, total, *target_us);
        }
    }
    search(bench, sign, targets_us)?;
    Ok(burst)
}

/// The time constant that all but the slowest hundredth of the inputs can have, in us, judged from codes for `present_us`.
pub(crate) fn fastest_us(bench: &Bench<'_>, sign: Sign, present_us: &[f64]) -> f64 {
    let codes = bench.codes.neurons.iter().zip(present_us);
    let mut reach: Vec<f64> =
        codes.map(|(codes, present)| present * total(codes, sign) / LARGEST_COMMON_CODE).collect();
    reach.sort_unstable_by(f64::total_cmp);
    reach[NEURONS * 99 / 100]
}

/// Searches codes for another time constant, from codes for `present_us`. For the strengths only: the high resistance is off.
pub(crate) fn hasten(
    bench: &mut Bench<'_>,
    sign: Sign,
    burst: Burst,
    present_us: &[f64],
    target_us: f64,
) -> Result<(), CalibError> {
    let registers = Registers::of(sign);
    for (codes, present_us) in bench.codes.neurons.iter_mut().zip(present_us) {
        let total = registers.total(codes);
        *(registers.high_resistance)(codes) = false;
        *(registers.code)(codes) = CapMemCode::saturating(total * present_us / target_us);
    }
    bench.write_burst(burst, sign)?;
    search(bench, sign, &[target_us; NEURONS])
}

fn search(bench: &mut Bench<'_>, sign: Sign, targets_us: &[f64]) -> Result<(), CalibError> {
    let code = Registers::of(sign).code;
    let search = Search { range: RANGE, direction: Direction::Rising, first_step: FirstStep::InProportion, most: 3 };
    let start = bench.codes.neurons.iter_mut().map(|codes| *code(codes)).collect();
    let slowest_us = largest(targets_us);
    let wanted: Vec<f64> = targets_us.iter().map(|target| 1.0 / target).collect();
    let found = search.run(&wanted, start, |codes| {
        bench.configure(|n, c| *code(c) = codes[n])?;
        rates(bench, sign, slowest_us)
    })?;
    bench.set(&found.codes, code);
    Ok(())
}

/// Time constants at the present codes, in us.
pub(crate) fn measure(
    bench: &mut Bench<'_>,
    sign: Sign,
    burst: Burst,
    expected_us: f64,
) -> Result<Vec<f64>, CalibError> {
    bench.write_burst(burst, sign)?;
    bench.configure(|_, _| ())?;
    Ok(rates(bench, sign, expected_us)?.into_iter().map(|r| 1.0 / r).collect())
}

fn trials(
    bench: &mut Bench<'_>,
    sign: Sign,
    expected_us: f64,
    stride: usize,
) -> Result<Vec<Option<(Decay, f64)>>, CalibError> {
    let source = match sign {
        Sign::Excitatory => ReadoutSource::ExcitatoryInput,
        Sign::Inhibitory => ReadoutSource::InhibitoryInput,
    };
    // The samples before the event pin the offset: three time constants are enough for slow inputs.
    let duration_us = MADC_EVENT_US + 2.0 + (5.0 * expected_us).min((3.0 * expected_us).max(40.0));
    let trials = NeuronId::all()
        .step_by(stride)
        .map(|neuron| Trial {
            spikes: burst_in(neuron.hemisphere(), MADC_EVENT_US),
            madc: Some(MadcRequest { neuron, source }),
            ..Trial::default()
        })
        .collect();
    let recording = bench.run(duration_us, trials, Vec::new())?;
    Ok(recording.trials.iter().map(|t| decay(&t.madc)).collect())
}

/// The decay in a trace, and its onset in us after the events.
fn decay(trace: &[u16]) -> Option<(Decay, f64)> {
    let cut = cut(trace, MADC_EVENT_US);
    let baseline = cut.baseline.iter().map(|v| f64::from(*v)).sum::<f64>() / cut.baseline.len() as f64;
    let top = f64::from(*cut.after.iter().max()?);
    if (top - baseline).is_nan() || top - baseline <= SMALLEST_LSB {
        return None;
    }
    let onset = cut.after.iter().position(|v| f64::from(*v) > 0.5 * (baseline + top))?;
    let samples = &cut.after[onset + 1..];
    let saturated = samples.iter().take_while(|v| **v >= SATURATED).count();
    let decay = fit::decay(cut.baseline, &samples[saturated..], MADC_INTERVAL_US)?;
    let onset_us = onset as f64 * MADC_INTERVAL_US;
    (decay.amplitude > SMALLEST_LSB).then_some((decay, onset_us))
}

fn rates(bench: &mut Bench<'_>, sign: Sign, expected_us: f64) -> Result<Vec<f64>, CalibError> {
    let decays = trials(bench, sign, expected_us, 1)?;
    let onsets: Vec<f64> = decays.iter().map(|d| d.map_or(f64::NAN, |(_, onset)| onset)).collect();
    bench.latency_us = median(&onsets).unwrap_or(0.0);
    Ok(decays.iter().map(|d| d.map_or(0.0, |(decay, _)| 1.0 / decay.tau_us)).collect())
}

/// A burst of good amplitude, from a look at every 16th neuron.
pub(crate) fn choose_burst(bench: &mut Bench<'_>, sign: Sign, expected_us: f64) -> Result<Burst, CalibError> {
    bench.configure(|_, _| ())?;
    let mut burst = Burst::of_total(128.0);
    for _ in 0..3 {
        bench.write_burst(burst, sign)?;
        let amplitudes: Vec<f64> =
            trials(bench, sign, expected_us, 16)?.iter().map(|d| d.map_or(0.0, |(decay, _)| decay.amplitude)).collect();
        let amplitude = median(&amplitudes).unwrap_or(0.0).max(SMALLEST_LSB / 2.0);
        if (0.5..1.5).contains(&(amplitude / AMPLITUDE_LSB)) {
            return Ok(burst);
        }
        let better = Burst::of_total(burst.total() * AMPLITUDE_LSB / amplitude);
        if better == burst {
            break;
        }
        burst = better;
    }
    Ok(burst)
}
