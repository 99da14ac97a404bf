//! Strengths of the synaptic inputs.
//!
//! - Observable: the amplitude of the PSP of a burst through up to 128 rows, sampled by the CADC. 32 trials with the burst
//!   at four phases of the sampling interval; least squares of `rest + gain total s(t)`, where `s` is the response to a unit
//!   current with the neuron's own measured time constants. The peak is `gain total peak_response(tau_mem, tau_syn)`.
//! - Search: `i_bias_synin_*_gm`, nearly in proportion. Excitatory inputs start at the code of the targets and are matched
//!   to their median peak; inhibitory inputs start at the codes of the excitatory ones and are matched to the same peak
//!   (to the same gain only if both have the same time constants).
//! - Range: 0..=min(1.8 gm + 100, 1022), as in `calix`.
//! - What can go wrong: a PSP that reaches an operating limit. The burst is chosen for a median peak of 40 LSB, less where
//!   the leak is low; the threshold is off. The deviations of single synapses (5 %) leave 5 % / sqrt(128) of the burst's sum.

use std::ops::RangeInclusive;

use bss2_emu::codes::NEURONS;
use bss2_emu::membrane::{Membrane, State, peak_response};
use bss2_emu::{CapMemCode, NeuronCodes, Trial};

use crate::error::CalibError;
use crate::instruments::{Bench, CADC_INTERVAL_US, cadc_times, median};
use crate::search::{Direction, FirstStep, Search};
use crate::stimulus::{Burst, Sign, burst_at};

/// Median peak that the burst is adjusted to, in LSB.
const PEAK_LSB: f64 = 40.0;
/// Common lower operating limit of membranes with a margin, in LSB: inhibition is kept away from it.
const FLOOR_LSB: f64 = 30.0;
const TRIALS: usize = 32;
const PHASES: usize = 4;
const EVENT_US: f64 = 12.0;

/// Measured time constants, in us.
#[derive(Debug, Clone)]
pub(crate) struct TimeConstants {
    pub mem: Vec<f64>,
    pub exc: Vec<f64>,
    pub inh: Vec<f64>,
}

impl TimeConstants {
    fn syn(&self, sign: Sign) -> &[f64] {
        match sign {
            Sign::Excitatory => &self.exc,
            Sign::Inhibitory => &self.inh,
        }
    }

    /// Largest response to a unit current, in us.
    fn peak(&self, sign: Sign, neuron: usize) -> f64 {
        peak_response(self.mem[neuron], self.syn(sign)[neuron])
    }
}

pub(crate) fn range(i_synin_gm: u16) -> RangeInclusive<u16> {
    0..=((1.8 * f64::from(i_synin_gm)) as u16 + 100).min(1022)
}

/// Matches both inputs of all neurons and returns the burst that was used.
pub(crate) fn calibrate(
    bench: &mut Bench<'_>,
    i_synin_gm: u16,
    leak_lsb: f64,
    taus: &TimeConstants,
) -> Result<Burst, CalibError> {
    let range = range(i_synin_gm);
    let (burst, peaks) = choose_burst(bench, leak_lsb, taus)?;
    let target = median(&peaks).unwrap_or_default();
    let search = Search { range, direction: Direction::Rising, first_step: FirstStep::InProportion, most: 4 };
    for sign in [Sign::Excitatory, Sign::Inhibitory] {
        // Both signs start where the excitatory inputs are: the neurons' deviations are largely common.
        let start = bench.get(|c| c.i_bias_synin_exc_gm);
        let field: fn(&mut NeuronCodes) -> &mut CapMemCode = match sign {
            Sign::Excitatory => |c| &mut c.i_bias_synin_exc_gm,
            Sign::Inhibitory => |c| &mut c.i_bias_synin_inh_gm,
        };
        bench.write_burst(burst, sign)?;
        let found = search.run(&[target; NEURONS], start, |codes| {
            bench.configure(|n, c| *field(c) = codes[n])?;
            peaks_of(bench, sign, burst, taus)
        })?;
        bench.set(&found.codes, field);
    }
    Ok(burst)
}

/// Gains at the present codes, in LSB/us per unit of weight code.
pub(crate) fn measure(
    bench: &mut Bench<'_>,
    sign: Sign,
    burst: Burst,
    taus: &TimeConstants,
) -> Result<Vec<f64>, CalibError> {
    bench.write_burst(burst, sign)?;
    bench.configure(|_, _| ())?;
    let runs = [gains(bench, sign, burst, taus)?, gains(bench, sign, burst, taus)?];
    Ok((0..NEURONS).map(|n| 0.5 * (runs[0][n] + runs[1][n])).collect())
}

/// The burst for a good excitatory peak, and the peaks it causes.
pub(crate) fn choose_burst(
    bench: &mut Bench<'_>,
    leak_lsb: f64,
    taus: &TimeConstants,
) -> Result<(Burst, Vec<f64>), CalibError> {
    let aim = PEAK_LSB.min(0.8 * (leak_lsb - FLOOR_LSB));
    let sign = Sign::Excitatory;
    bench.configure(|_, _| ())?;
    let mut burst = Burst::of_total(128.0);
    bench.write_burst(burst, sign)?;
    let mut peaks = peaks_of(bench, sign, burst, taus)?;
    for _ in 0..6 {
        // A PSP that is lost in the noise asks for a large burst, but not for an infinite one. One that is too large may be
        // cut off by an operating limit, and is larger than it looks.
        let peak = median(&peaks).unwrap_or_default().max(0.1);
        let factor = if peak > 1.15 * aim { 0.5 } else { 1.0 };
        let better = Burst::of_total(burst.total() * factor * aim / peak);
        if better == burst || (0.7..1.15).contains(&(peak / aim)) {
            break;
        }
        burst = better;
        bench.write_burst(burst, sign)?;
        peaks = peaks_of(bench, sign, burst, taus)?;
    }
    match median(&peaks) {
        Some(peak) if peak > 0.5 => Ok((burst, peaks)),
        peak => Err(CalibError::NoSignal {
            step: "synaptic strength",
            detail: format!(
                "the median PSP of {} weight units peaks at {} LSB",
                burst.total(),
                peak.unwrap_or(f64::NAN)
            ),
        }),
    }
}

fn peaks_of(bench: &mut Bench<'_>, sign: Sign, burst: Burst, taus: &TimeConstants) -> Result<Vec<f64>, CalibError> {
    let gains = gains(bench, sign, burst, taus)?;
    Ok(gains.iter().enumerate().map(|(n, gain)| gain * burst.total() * taus.peak(sign, n)).collect())
}

fn gains(bench: &mut Bench<'_>, sign: Sign, burst: Burst, taus: &TimeConstants) -> Result<Vec<f64>, CalibError> {
    let slowest = |values: &[f64]| median(values).unwrap_or(6.0);
    let window_us = (3.0 * (slowest(&taus.mem) + slowest(taus.syn(sign)))).max(8.0);
    let before = 6;
    let from_us = EVENT_US - f64::from(before) * CADC_INTERVAL_US;
    let samples = before as usize + (window_us / CADC_INTERVAL_US) as usize + 1;
    let times = cadc_times(from_us, samples);
    let event = |phase: usize| EVENT_US + CADC_INTERVAL_US * phase as f64 / PHASES as f64;
    let trials =
        (0..TRIALS).map(|trial| Trial { spikes: burst_at(event(trial % PHASES)), ..Trial::default() }).collect();
    let duration_us = from_us + samples as f64 * CADC_INTERVAL_US;
    let recording = bench.run(duration_us, trials, times.clone())?;

    // Sums over the trials of equal phase: [phase][sample][neuron].
    let mut sums = vec![vec![[0u32; NEURONS]; samples]; PHASES];
    for (trial, content) in recording.trials.iter().enumerate() {
        for (sum, row) in sums[trial % PHASES].iter_mut().zip(&content.cadc) {
            for (sum, value) in sum.iter_mut().zip(row) {
                *sum += u32::from(*value);
            }
        }
    }
    let repetitions = (TRIALS / PHASES) as f64;
    let polarity = match sign {
        Sign::Excitatory => 1.0,
        Sign::Inhibitory => -1.0,
    };
    let gain = |n: usize| {
        let (mem, syn) = (taus.mem[n], taus.syn(sign)[n]);
        let membrane = Membrane::new(mem, syn, syn);
        let (mut s, mut ss, mut v, mut sv) = (0.0, 0.0, 0.0, 0.0);
        for (phase, sums) in sums.iter().enumerate() {
            let onset = event(phase) + bench.latency_us;
            for (sum, time) in sums.iter().zip(&times) {
                let shape = unit_response(&membrane, time - onset);
                let value = f64::from(sum[n]) / repetitions;
                s += shape;
                ss += shape * shape;
                v += value;
                sv += shape * value;
            }
        }
        let count = (PHASES * samples) as f64;
        polarity * (count * sv - s * v) / (count * ss - s * s) / burst.total()
    };
    Ok((0..NEURONS).map(gain).collect())
}

/// Response of a membrane to a unit current jump, a time later.
fn unit_response(membrane: &Membrane, after_us: f64) -> f64 {
    if after_us <= 0.0 {
        return 0.0;
    }
    let mut state = State::at_rest(0.0);
    state.receive(1.0, 0.0);
    membrane.advance(&mut state, after_us, |_| ());
    state.x
}
