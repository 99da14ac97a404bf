//! Strengths of the synaptic inputs.
//!
//! - Observable of the search: how far the membrane jumps, as `calix` looks at it. The synapses are fast and the membrane slow
//!   (1.5 and 60 us: see [`crate::procedure`]), so that the membrane adds up the charge of a burst and keeps it for a while; mean
//!   CADC read of 5 to 14 us after the burst less that before it, 32 trials. The burst comes through 8 rows of synapses, as in `calix`.
//! - Observable of the final measurement: the PSP at the targets' own time constants, of a burst through up to 128 rows, at four
//!   phases of the CADC's sampling; least squares of `rest + gain total s(t)`, where `s` is the response to a unit current with the
//!   neuron's own measured time constants.
//! - Search: first the synapse DAC bias of each quadrant, so that the median jumps of the quadrants are equal: that of all 512
//!   neurons stays what the targets' bias makes it (where a quadrant would need more than 1022, all come down to it). Then
//!   `i_bias_synin_*_gm`, nearly in proportion: excitatory inputs are matched to their median at the code of the targets, inhibitory ones,
//!   from the codes of the excitatory ones on, to the same jump.
//! - Range: 0..=min(1.8 gm + 100, 1022), as in `calix`; bias 0..=1022.
//! - Cost: at most 7 measurements for the burst, 3 for the bias, 4 for each sign.
//! - What can go wrong: a jump that reaches an operating limit: the burst is chosen for a median of 40 LSB, the leak is 120 then. An
//!   input that cannot be made as fast as the others jumps farther, and is made weaker than it should be. What stays by the nature
//!   of the method: eight synapses are not the synapses that are used later (5 % / sqrt(8) of the strength), and
//!   time constants that are off their target later make a PSP larger or smaller than the charge says.

use std::ops::RangeInclusive;

use bss2_emu::codes::{NEURONS, QUADRANTS};
use bss2_emu::membrane::{Membrane, State, peak_response};
use bss2_emu::{CapMemCode, NeuronCodes, NeuronId, Trial};

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
/// Rows of synapses through which strengths are compared, as in `calix`.
const REFERENCE_ROWS: usize = 8;
/// When the jump of a membrane is looked at, after the burst: the latency and some synaptic time constants later, and before
/// much has leaked.
const JUMP_US: (f64, f64) = (5.0, 14.0);
/// Amplitudes below this are none.
const SMALLEST_LSB: f64 = 0.5;

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

/// The burst of the search, and the jumps that it causes at present through excitatory inputs.
pub(crate) struct Reference {
    burst: Burst,
    jumps: Vec<f64>,
}

/// Chooses the burst of the search.
pub(crate) fn reference(bench: &mut Bench<'_>) -> Result<Reference, CalibError> {
    let sign = Sign::Excitatory;
    bench.configure(|_, _| ())?;
    let (burst, jumps) = choose_burst(
        bench,
        PEAK_LSB,
        |total| Burst::through(REFERENCE_ROWS, total),
        |bench, burst| {
            bench.write_burst(burst, sign)?;
            jumps(bench, sign)
        },
    )?;
    Ok(Reference { burst, jumps })
}

/// Sets the bias of the synapses' converters: equal median jumps in all quadrants.
pub(crate) fn match_quadrants(bench: &mut Bench<'_>, reference: &mut Reference, bias: u16) -> Result<(), CalibError> {
    const ROUNDS: usize = 3;
    let target = median(&reference.jumps).unwrap_or_default();
    bench.write_burst(reference.burst, Sign::Excitatory)?;
    let mut wanted = [f64::from(bias); QUADRANTS];
    for _ in 0..ROUNDS {
        for (q, wanted) in wanted.iter_mut().enumerate() {
            let members = NeuronId::all().filter(|n| n.quadrant() == q).map(|n| reference.jumps[n.index()]);
            let own = median(&members.collect::<Vec<f64>>()).unwrap_or_default();
            // A quadrant that shows nothing is left alone.
            if own > SMALLEST_LSB {
                *wanted *= (target / own).clamp(0.25, 4.0);
            }
        }
        let largest = wanted.iter().copied().fold(0.0, f64::max);
        let reach = (f64::from(CapMemCode::MAX.get()) / largest).min(1.0);
        let codes = wanted.map(|w| CapMemCode::saturating(libm::rint(w * reach)));
        if codes == bench.codes.synapse_dac_bias {
            break;
        }
        bench.codes.synapse_dac_bias = codes;
        wanted = wanted.map(|w| w * reach);
        bench.configure(|_, _| ())?;
        reference.jumps = jumps(bench, Sign::Excitatory)?;
        if reach < 1.0 {
            break;
        }
    }
    Ok(())
}

/// Matches both inputs of all neurons.
pub(crate) fn calibrate(bench: &mut Bench<'_>, reference: &Reference, i_synin_gm: u16) -> Result<(), CalibError> {
    let target = median(&reference.jumps).unwrap_or_default();
    let range = range(i_synin_gm);
    let search = Search { range, direction: Direction::Rising, first_step: FirstStep::InProportion, most: 4 };
    for sign in [Sign::Excitatory, Sign::Inhibitory] {
        // Both signs start where the excitatory inputs are: the neurons' deviations are largely common.
        let start = bench.get(|c| c.i_bias_synin_exc_gm);
        let field: fn(&mut NeuronCodes) -> &mut CapMemCode = match sign {
            Sign::Excitatory => |c| &mut c.i_bias_synin_exc_gm,
            Sign::Inhibitory => |c| &mut c.i_bias_synin_inh_gm,
        };
        bench.write_burst(reference.burst, sign)?;
        let found = search.run(&[target; NEURONS], start, |codes| {
            bench.configure(|n, c| *field(c) = codes[n])?;
            jumps(bench, sign)
        })?;
        bench.set(&found.codes, field);
    }
    Ok(())
}

/// Mean jump of each membrane, in LSB, positive.
fn jumps(bench: &mut Bench<'_>, sign: Sign) -> Result<Vec<f64>, CalibError> {
    let before = cadc_times(EVENT_US - 6.0 * CADC_INTERVAL_US, 6);
    let after = cadc_times(EVENT_US + JUMP_US.0, ((JUMP_US.1 - JUMP_US.0) / CADC_INTERVAL_US) as usize + 1);
    let times: Vec<f64> = before.iter().chain(&after).copied().collect();
    let trial = Trial { spikes: burst_at(EVENT_US), ..Trial::default() };
    let recording = bench.run(EVENT_US + JUMP_US.1 + CADC_INTERVAL_US, vec![trial; TRIALS], times)?;
    let mean = |rows: std::ops::Range<usize>, n: usize| {
        let sum: u32 = recording.trials.iter().flat_map(|t| &t.cadc[rows.clone()]).map(|row| u32::from(row[n])).sum();
        f64::from(sum) / (rows.len() * recording.trials.len()) as f64
    };
    let polarity = match sign {
        Sign::Excitatory => 1.0,
        Sign::Inhibitory => -1.0,
    };
    let rows = (before.len(), before.len() + after.len());
    Ok((0..NEURONS).map(|n| polarity * (mean(rows.0..rows.1, n) - mean(0..rows.0, n))).collect())
}

/// The burst of the final measurement, at the targets' own time constants.
pub(crate) fn final_burst(bench: &mut Bench<'_>, leak_lsb: f64, taus: &TimeConstants) -> Result<Burst, CalibError> {
    let sign = Sign::Excitatory;
    let aim = PEAK_LSB.min(0.8 * (leak_lsb - FLOOR_LSB));
    bench.configure(|_, _| ())?;
    let (burst, _) = choose_burst(bench, aim, Burst::of_total, |bench, burst| {
        bench.write_burst(burst, sign)?;
        let gains = gains(bench, sign, burst, taus)?;
        Ok(gains.iter().enumerate().map(|(n, gain)| gain * burst.total() * taus.peak(sign, n)).collect())
    })?;
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

/// The burst for a good excitatory amplitude, and the amplitudes that it causes.
fn choose_burst(
    bench: &mut Bench<'_>,
    aim: f64,
    make: impl Fn(f64) -> Burst,
    mut amplitudes: impl FnMut(&mut Bench<'_>, Burst) -> Result<Vec<f64>, CalibError>,
) -> Result<(Burst, Vec<f64>), CalibError> {
    let mut burst = make(128.0);
    let mut seen = amplitudes(bench, burst)?;
    for _ in 0..6 {
        // An amplitude that is lost in the noise asks for a large burst, but not for an infinite one. One that is too large may be
        // cut off by an operating limit, and is larger than it looks.
        let amplitude = median(&seen).unwrap_or_default().max(0.1);
        let factor = if amplitude > 1.15 * aim { 0.5 } else { 1.0 };
        let better = make(burst.total() * factor * aim / amplitude);
        if better == burst || (0.7..1.15).contains(&(amplitude / aim)) {
            break;
        }
        burst = better;
        seen = amplitudes(bench, burst)?;
    }
    match median(&seen) {
        Some(amplitude) if amplitude > SMALLEST_LSB => Ok((burst, seen)),
        amplitude => Err(CalibError::NoSignal {
            step: "synaptic strength",
            detail: format!(
                "the median PSP of {} weight units peaks at {} LSB",
                burst.total(),
                amplitude.unwrap_or(f64::NAN)
            ),
        }),
    }
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
