//! Temporal noise: what differs from run to run and from trial to trial on the same chip.
//!
//! Sizes from recordings of one calibrated chip (robust trial-to-trial spread of output times 95-170 ns; the error grows
//! as the slope at the crossing falls, so most of it is voltage-like; whole runs wander a little).

use serde::{Deserialize, Serialize};

use crate::device::RunId;
use crate::rng::{Key, Purpose, Stream, derive};

/// Magnitudes of the temporal noise. Zero switches an effect off.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Noise {
    /// Threshold noise, fresh for each neuron and trial, relative to (threshold - leak). Recordings, which show first spikes
    /// only: 1.2-2.0 % together with the two below.
    pub threshold_trial_rel_std: f64,
    /// Membrane noise as it shows in spikes: threshold noise that is fresh for each spike of a neuron, so that the spike moves by
    /// the noise over the slope at the crossing. Bound: the noise of membrane traces on silicon, 1.3 MADC LSB = .6 % of 70 LSB.
    pub threshold_spike_rel_std: f64,
    /// Noise of the resting potential, fresh for each neuron and trial, relative to (threshold - leak). The recordings cannot tell
    /// it from noise of the threshold, which carries all of it by default.
    pub leak_trial_rel_std: f64,
    /// Threshold noise that a neuron keeps for a whole run. Recordings: 0.7 %.
    pub threshold_run_rel_std: f64,
    /// Correlation of that noise from one run to the next, first-order autoregressive. Recordings: about .3.
    pub threshold_run_correlation: f64,
    /// Jitter of each spike on its way out of the neuron, in us. Recordings: .06 us.
    pub spike_jitter_us_std: f64,
    /// Noise of one CADC sample in LSB. Repeated PSPs on silicon scatter by +-2 LSB.
    pub cadc_lsb_std: f64,
    /// Noise of one MADC sample in MADC LSB. Silicon: below 2, peaks of 3-4.
    pub madc_lsb_std: f64,
}

impl Noise {
    /// As recorded on silicon.
    pub const BSS2: Self = Self {
        threshold_trial_rel_std: 0.014,
        threshold_spike_rel_std: 0.006,
        leak_trial_rel_std: 0.0,
        threshold_run_rel_std: 0.007,
        threshold_run_correlation: 0.3,
        spike_jitter_us_std: 0.06,
        cadc_lsb_std: 1.0,
        madc_lsb_std: 1.3,
    };

    /// None.
    pub const OFF: Self = Self {
        threshold_trial_rel_std: 0.0,
        threshold_spike_rel_std: 0.0,
        leak_trial_rel_std: 0.0,
        threshold_run_rel_std: 0.0,
        threshold_run_correlation: 0.0,
        spike_jitter_us_std: 0.0,
        cadc_lsb_std: 0.0,
        madc_lsb_std: 0.0,
    };

    /// Factor on (threshold - leak) of a neuron in a run: a stationary first-order autoregressive process over the run
    /// index, evaluated from its innovations so that any run can be computed without the ones before it.
    pub(crate) fn run_threshold(&self, chip_seed: u64, run: RunId, neuron: usize) -> f64 {
        let key = Key::new(derive(chip_seed, u64::from(run.session)), Purpose::NeuronRun);
        self.run_threshold_of(run.index, |index| key.stream([index, neuron as u32, 0]).normal())
    }

    /// The same, given the innovations by run.
    fn run_threshold_of(&self, run: u32, mut innovation: impl FnMut(u32) -> f64) -> f64 {
        // Innovations with a weight below this are cut off.
        const SMALLEST_WEIGHT: f64 = 1e-6;
        if self.threshold_run_rel_std == 0.0 {
            return 0.0;
        }
        let rho = self.threshold_run_correlation;
        let mut weight = libm::sqrt(1.0 - rho * rho);
        let mut sum = 0.0;
        // Runs before the first of a session continue into negative indices, here wrapped around.
        let mut index = run;
        while weight > SMALLEST_WEIGHT {
            sum += weight * innovation(index);
            weight *= rho;
            index = index.wrapping_sub(1);
        }
        self.threshold_run_rel_std * sum
    }
}

/// Runs whose innovations are kept.
const RUNS: usize = 16;

/// The slow noise of the neurons of a chip in one run. Runs that follow each other share most of their innovations.
#[derive(Debug, Clone, Default)]
pub(crate) struct SlowNoise {
    /// Seed and session of the innovations.
    of: Option<(u64, u32)>,
    /// By neuron: innovations with their runs, at the place of the run modulo their number.
    innovations: Vec<[Option<(u32, f64)>; RUNS]>,
    /// By neuron, as far as it has been looked up.
    present: Vec<Option<f64>>,
}

impl SlowNoise {
    /// Finds the noise of some neurons in a run, and forgets that of others.
    pub fn look_up(&mut self, noise: &Noise, chip_seed: u64, run: RunId, neurons: impl Iterator<Item = usize>) {
        if self.of != Some((chip_seed, run.session)) {
            self.of = Some((chip_seed, run.session));
            self.innovations.clear();
        }
        self.present.clear();
        let key = Key::new(derive(chip_seed, u64::from(run.session)), Purpose::NeuronRun);
        for neuron in neurons {
            if self.present.len() <= neuron {
                self.present.resize(neuron + 1, None);
            }
            if self.innovations.len() <= neuron {
                self.innovations.resize(neuron + 1, [None; RUNS]);
            }
            let kept = &mut self.innovations[neuron];
            let value = noise.run_threshold_of(run.index, |index| {
                let place = &mut kept[index as usize % RUNS];
                match *place {
                    Some((of, value)) if of == index => value,
                    _ => {
                        let value = key.stream([index, neuron as u32, 0]).normal();
                        *place = Some((index, value));
                        value
                    }
                }
            });
            self.present[neuron] = Some(value);
        }
    }

    /// The noise of a neuron, if it has been looked up.
    pub fn of(&self, neuron: usize) -> Option<f64> {
        self.present.get(neuron).copied().flatten()
    }
}

/// The draws of the neurons in the trials of a run, for one purpose.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Draws {
    key: Key,
    run: u32,
}

impl Draws {
    pub fn new(chip_seed: u64, run: RunId, purpose: Purpose) -> Self {
        Self { key: Key::new(derive(chip_seed, u64::from(run.session)), purpose), run: run.index }
    }

    /// The key of the streams.
    pub fn key(&self) -> Key {
        self.key
    }

    /// The run, the first number of their addresses.
    pub fn run(&self) -> u32 {
        self.run
    }

    /// Those of one neuron in one trial.
    pub fn of(&self, trial: usize, neuron: usize) -> Stream {
        self.key.stream([self.run, trial as u32, neuron as u32])
    }
}

impl Default for Noise {
    fn default() -> Self {
        Self::BSS2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_noise_is_stationary_and_correlated() {
        let noise = Noise::BSS2;
        let n = 20_000;
        let series: Vec<f64> = (0..n)
            .map(|index| noise.run_threshold(1, RunId { session: 0, index }, 7) / noise.threshold_run_rel_std)
            .collect();
        let variance = series.iter().map(|x| x * x).sum::<f64>() / f64::from(n);
        let lag1 = series.windows(2).map(|w| w[0] * w[1]).sum::<f64>() / f64::from(n - 1) / variance;
        // Standard errors about 0.012 and 0.007; bounds four times that.
        assert!((variance - 1.0).abs() < 0.05, "{variance}");
        assert!((lag1 - 0.3).abs() < 0.03, "{lag1}");
    }

    #[test]
    fn what_is_looked_up_is_what_is_drawn() {
        let mut slow = SlowNoise::default();
        for correlation in [0.3, 0.9] {
            let noise = Noise { threshold_run_correlation: correlation, ..Noise::BSS2 };
            for (session, index) in [(0, 5), (0, 6), (0, 7), (0, 2), (1, 2), (0, 3), (0, 500)] {
                let run = RunId { session, index };
                slow.look_up(&noise, 4, run, [3, 9, 400].into_iter());
                for neuron in [3, 9, 400] {
                    assert_eq!(slow.of(neuron), Some(noise.run_threshold(4, run, neuron)));
                }
                assert_eq!((slow.of(4), slow.of(511)), (None, None));
            }
        }
    }

    #[test]
    fn no_noise_means_none() {
        assert_eq!(Noise::OFF.run_threshold(1, RunId { session: 0, index: 3 }, 7), 0.0);
    }
}
