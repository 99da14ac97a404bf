//! Firing threshold.
//!
//! - Observable: the membrane's ramp under a constant current, with the leak all but off and a reset at the bottom of the
//!   range, as a saw-tooth. The largest CADC sample of a saw-tooth is biased both ways (samples miss the tip; the largest of
//!   many noisy ones is too large). Instead the samples of the last 12 us before each recorded spike are extrapolated to
//!   the spike, with the slope common to all teeth of a neuron: unbiased, and with a standard error of about 0.7 LSB per
//!   tooth. (One line through the samples of all teeth would be too flat: the threshold's noise shifts the teeth in time.)
//! - Search: `v_threshold`, rising. The comparator's noise (1.5 % per trial, 0.7 % per run) is much larger than what the
//!   converter adds, so every measurement is the mean over several runs of several trials.
//! - Range: 0..=1022.
//! - Cost: at most 5 measurements of 4 runs from anywhere, 3 as a refinement, and one or more for the current.
//! - What can go wrong: a threshold above the membrane's upper operating limit (no spike: +inf), or below the reset (no
//!   ramp: -inf). The current is adjusted once to a tooth of about 40 us, whatever the capacitance. Calibrated neurons in
//!   equal ramps would all fire at once, and the spikes would queue at their event output, 8 ns each; so the currents of
//!   the 64 neurons of an output are spread by +-20 %.

use bss2_emu::codes::NEURONS;
use bss2_emu::{CapMemCode, Refractory, Trial, TrialRecording};

use crate::error::CalibError;
use crate::instruments::{Bench, CADC_INTERVAL_US, cadc_times, median};
use crate::search::{Direction, FirstStep, Search};

pub(crate) const RANGE: std::ops::RangeInclusive<u16> = 0..=1022;
const TOOTH_US: f64 = 40.0;
/// One whole tooth, and a second one where the threshold is still low; long enough for a threshold that has to rise by half.
const DURATION_US: f64 = 2.2 * TOOTH_US;
/// Part of the tooth that the line is fitted to.
const WINDOW_US: f64 = 12.0;
/// Samples closer to the recorded spike may already show the reset: spike times have a jitter of 0.06 us.
const GUARD_US: f64 = 0.35;
/// Time for the reset to release the membrane.
const RELEASE_US: f64 = 0.5;
const HOLD: Refractory = Refractory { counter: 125, scale: 0 };

/// Runs, and trials in each, of one measurement.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    pub runs: usize,
    pub trials: usize,
}

/// Of a step of the search: a standard error of about 0.45 LSB at a swing of 70.
const SEARCH: Effort = Effort { runs: 4, trials: 6 };
/// Of the final measurement: about 0.25 LSB.
pub(crate) const FINAL: Effort = Effort { runs: 8, trials: 8 };

/// Searches from the present codes and returns the current of the ramp.
pub(crate) fn calibrate(bench: &mut Bench<'_>, targets_lsb: &[f64]) -> Result<CapMemCode, CalibError> {
    let current = choose_current(bench)?;
    search(bench, targets_lsb, current, 40, 5)?;
    Ok(current)
}

/// Searches near the present codes.
pub(crate) fn refine(bench: &mut Bench<'_>, targets_lsb: &[f64], current: CapMemCode) -> Result<(), CalibError> {
    search(bench, targets_lsb, current, 4, 3)
}

fn search(
    bench: &mut Bench<'_>,
    targets_lsb: &[f64],
    current: CapMemCode,
    first_step: u16,
    most: usize,
) -> Result<(), CalibError> {
    let search = Search { range: RANGE, direction: Direction::Rising, first_step: FirstStep::By(first_step), most };
    let start = bench.get(|c| c.v_threshold);
    let found = search.run(targets_lsb, start, |codes| {
        bench.set(codes, |c| &mut c.v_threshold);
        measure(bench, current, SEARCH)
    })?;
    bench.set(&found.codes, |c| &mut c.v_threshold);
    Ok(())
}

/// Thresholds at the present codes, in LSB.
pub(crate) fn measure(bench: &mut Bench<'_>, current: CapMemCode, effort: Effort) -> Result<Vec<f64>, CalibError> {
    configure(bench, current)?;
    let samples = (DURATION_US / CADC_INTERVAL_US) as usize;
    let times = cadc_times(0.5 * CADC_INTERVAL_US, samples);
    let mut ramps = vec![Ramp::default(); NEURONS];
    for _ in 0..effort.runs {
        let trials = vec![Trial::default(); effort.trials];
        let recording = bench.run(DURATION_US, trials, times.clone())?;
        for trial in &recording.trials {
            for tooth in teeth(trial) {
                let mut sums = Sums::default();
                let first = tooth.released_us.max(tooth.spike_us - WINDOW_US);
                for (row, time) in trial.cadc.iter().zip(&times) {
                    if *time >= first && *time < tooth.spike_us - GUARD_US {
                        sums.add(tooth.spike_us - time, f64::from(row[tooth.neuron]));
                    }
                }
                ramps[tooth.neuron].add(&sums);
            }
        }
    }
    Ok(ramps.iter().zip(&bench.cadc_remainder).map(|(ramp, remainder)| ramp.at_spike() - remainder).collect())
}

fn configure(bench: &mut Bench<'_>, current: CapMemCode) -> Result<(), CalibError> {
    bench.configure(|n, codes| {
        codes.enable_threshold = true;
        codes.enable_synin_exc = false;
        codes.enable_synin_inh = false;
        codes.enable_mem_offset = true;
        codes.mem_offset_sink = false;
        codes.i_mem_offset = CapMemCode::saturating(f64::from(current.get()) * spread(n));
        codes.i_bias_leak = CapMemCode::saturating(0.0);
        codes.leak_division = true;
        codes.leak_multiplication = false;
        codes.v_reset = CapMemCode::saturating(0.0);
        codes.refractory = HOLD;
    })
}

/// The current that makes a median tooth of [`TOOTH_US`].
pub(crate) fn choose_current(bench: &mut Bench<'_>) -> Result<CapMemCode, CalibError> {
    let capacitance = f64::from(bench.codes.neurons[0].membrane_capacitance).max(1.0) / 63.0;
    let mut current = 150.0 * capacitance;
    for _ in 0..4 {
        let code = CapMemCode::saturating(current.max(1.0));
        configure(bench, code)?;
        let recording = bench.run(4.0 * TOOTH_US, vec![Trial::default()], Vec::new())?;
        let mut length = vec![f64::NAN; NEURONS];
        for trial in &recording.trials {
            for tooth in teeth(trial) {
                length[tooth.neuron] = tooth.spike_us - tooth.released_us;
            }
        }
        let seen = length.iter().filter(|l| l.is_finite()).count();
        match median(&length) {
            Some(median) if 2 * seen > NEURONS => {
                return Ok(CapMemCode::saturating((f64::from(code.get()) * median / TOOTH_US).max(1.0)));
            }
            _ => current *= 4.0,
        }
    }
    Err(CalibError::NoSignal {
        step: "threshold",
        detail: "less than half of the neurons fire repeatedly under any offset current".into(),
    })
}

/// A ramp from the release of the reset to a spike.
struct Tooth {
    neuron: usize,
    released_us: f64,
    spike_us: f64,
}

/// The complete ramps of a trial.
fn teeth(trial: &TrialRecording) -> Vec<Tooth> {
    let mut previous = vec![None; NEURONS];
    let mut teeth = Vec::new();
    for spike in &trial.spikes {
        let neuron = spike.neuron.index();
        if let Some(before) = previous[neuron].replace(spike.time_us) {
            teeth.push(Tooth { neuron, released_us: before + HOLD.time_us() + RELEASE_US, spike_us: spike.time_us });
        }
    }
    teeth
}

/// Factor on a neuron's current: different for all neurons that share an event output.
fn spread(neuron: usize) -> f64 {
    let place = 2 * (neuron % 32) + neuron / 256;
    0.8 + 0.4 * place as f64 / 63.0
}

/// Sums over the samples of a tooth: time before the spike, potential.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    n: f64,
    u: f64,
    uu: f64,
    v: f64,
    uv: f64,
}

impl Sums {
    fn add(&mut self, before_us: f64, value: f64) {
        self.n += 1.0;
        self.u += before_us;
        self.uu += before_us * before_us;
        self.v += value;
        self.uv += before_us * value;
    }
}

/// The teeth of a neuron: lines of equal slope, each with its own end.
#[derive(Debug, Clone, Copy, Default)]
struct Ramp {
    has_fired: bool,
    teeth: f64,
    /// Sums of the teeth's mean times and potentials.
    u: f64,
    v: f64,
    /// Sums of squares and products within teeth.
    uu: f64,
    uv: f64,
}

impl Ramp {
    fn add(&mut self, tooth: &Sums) {
        self.has_fired = true;
        if tooth.n > 1.0 {
            self.teeth += 1.0;
            self.u += tooth.u / tooth.n;
            self.v += tooth.v / tooth.n;
            self.uu += tooth.uu - tooth.u * tooth.u / tooth.n;
            self.uv += tooth.uv - tooth.u * tooth.v / tooth.n;
        }
    }

    /// Mean potential at the spikes.
    fn at_spike(&self) -> f64 {
        if self.uu > 0.0 {
            (self.v - self.uv / self.uu * self.u) / self.teeth
        } else if self.has_fired {
            f64::NEG_INFINITY
        } else {
            f64::INFINITY
        }
    }
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use bss2_emu::{NeuronId, Spike};

    use super::*;

    #[test]
    fn ramps_are_extrapolated_to_their_own_spikes() {
        let mut ramp = Ramp::default();
        assert_eq!(ramp.at_spike(), f64::INFINITY);
        ramp.add(&Sums::default());
        assert_eq!(ramp.at_spike(), f64::NEG_INFINITY);
        // Two teeth that end 4 LSB apart, sampled at equal potentials: their common line would be too flat.
        for end in [148.0, 152.0] {
            let mut sums = Sums::default();
            for value in [120.0, 130.0, 140.0] {
                sums.add((end - value) / 3.0, value);
            }
            ramp.add(&sums);
        }
        assert_relative_eq!(ramp.at_spike(), 150.0, max_relative = 1e-12);
    }

    #[test]
    fn neurons_of_an_event_output_do_not_fire_together() {
        for output in 0..8 {
            let mut factors: Vec<f64> =
                NeuronId::all().filter(|n| n.event_output() == output).map(|n| spread(n.index())).collect();
            factors.sort_unstable_by(f64::total_cmp);
            assert!(factors.windows(2).all(|w| w[1] - w[0] > 0.006));
        }
    }

    #[test]
    fn teeth_lie_between_spikes_of_one_neuron() {
        let spike = |time_us, n| Spike { time_us, neuron: NeuronId::new(n).unwrap() };
        let trial = TrialRecording {
            spikes: vec![spike(0.0, 1), spike(0.1, 2), spike(40.0, 1), spike(80.0, 1)],
            ..TrialRecording::default()
        };
        let found: Vec<_> = teeth(&trial).iter().map(|t| (t.neuron, t.released_us, t.spike_us)).collect();
        assert_eq!(found, [(1, 1.5, 40.0), (1, 41.5, 80.0)]);
    }
}
