//! Emulated trials: how far the noise of a twin moves its spikes from one trial to the next.

use bss2_emu::RunId;
use bss2_emu::noise::Noise;
use ndarray::{Array2, s};
use serde::{Deserialize, Serialize};
use ttfs::network::{DelayKind, DelayRange, Network};
use ttfs::substrate::{Spikes, Substrate as _};

use crate::emulation::Twin;
use crate::recording::Part;
use crate::score::{decisions, robust};
use crate::{Recording, TwinError};

/// Samples of one hardware run, as in the recordings of silicon (validation and test).
const ROWS_PER_RUN: usize = 200;
/// Session of the emulated trials among the runs of a chip.
const SESSION: u32 = 9;

/// What trials have shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrialScore {
    /// Emulated trials.
    pub trials: usize,
    /// 1.4826 times the median deviation of a spike from its mean over trials, by output, in model time.
    pub trial_sd: Vec<f64>,
    /// Standard deviation of the means of whole runs, by output, beyond what trial noise makes of them.
    pub run_sd: Vec<f64>,
    /// Mean accuracy.
    pub accuracy: f64,
    /// Share of samples for which two trials decide alike.
    pub repeatability: f64,
    /// Share of silent outputs.
    pub silent: f64,
}

/// The recorded network as a substrate takes it: its codes are the weights, its delays the recorded targets.
pub fn network(recording: &Recording) -> Network {
    let mut network = Network::new(recording.weights().to_vec());
    if let Some(delays) = &recording.delays {
        for (layer, targets) in delays.iter().enumerate() {
            let longest = targets.iter().fold(0.0, |a: f64, b| a.max(*b));
            // Any delay between 0 and twice the longest one is some parameter's.
            let range = DelayRange { kind: DelayKind::Axonal, shift: 0.0, scale: 2.0 * longest.max(1.0) };
            let parameter = |delay: f64| {
                let share = (delay / range.scale).clamp(1e-9, 1.0 - 1e-9);
                libm::log(share / (1.0 - share))
            };
            network.delays[layer] = range;
            network.delay_parameters[layer] =
                Array2::from_shape_fn((targets.len(), 1), |(source, _)| parameter(targets[source]));
        }
    }
    network
}

/// Runs the samples of a part once, in runs of 200; `first_run` numbers the first.
///
/// # Errors
/// If the chip refuses.
pub fn emulate(
    twin: &Twin,
    recording: &Recording,
    inputs: &Array2<f64>,
    noise: Noise,
    first_run: u32,
) -> Result<Spikes, TwinError> {
    let mut substrate = twin.substrate(noise)?;
    let network = network(recording);
    let mut all = Spikes::first(recording.sizes()[1..].iter().map(|n| Array2::zeros((inputs.nrows(), *n))).collect());
    for (run, first) in (0..inputs.nrows()).step_by(ROWS_PER_RUN).enumerate() {
        let rows = first..(first + ROWS_PER_RUN).min(inputs.nrows());
        let run = RunId { session: SESSION, index: first_run + run as u32 };
        let spikes = substrate.forward(&network, inputs.slice(s![rows.clone(), ..]), run)?;
        for (layer, times) in spikes.layers.iter().enumerate() {
            all.layers[layer].slice_mut(s![rows.clone(), ..]).assign(times);
            all.repeats[layer] += spikes.repeats[layer];
        }
    }
    Ok(all)
}

/// Runs a part several times.
///
/// # Errors
/// If the chip refuses.
pub fn trials(
    twin: &Twin,
    recording: &Recording,
    part: &Part,
    noise: Noise,
    n_trials: usize,
) -> Result<TrialScore, TwinError> {
    let n_runs = part.n_samples().div_ceil(ROWS_PER_RUN) as u32;
    let outputs: Vec<Array2<f64>> = (0..n_trials)
        .map(|trial| {
            let spikes = emulate(twin, recording, &part.inputs, noise, trial as u32 * n_runs)?;
            Ok(spikes.layers.into_iter().nth(1).unwrap_or_default())
        })
        .collect::<Result<_, TwinError>>()?;
    Ok(score(&outputs, part.labels.as_deref()))
}

fn score(outputs: &[Array2<f64>], labels: Option<&[usize]>) -> TrialScore {
    let n_trials = outputs.len();
    let (n_samples, n_outputs) = outputs.first().map_or((0, 0), Array2::dim);
    // A mean over n trials follows each of them by one n-th.
    let unbiased = libm::sqrt(n_trials as f64 / (n_trials.max(2) - 1) as f64);
    let (mut trial_sd, mut run_sd) = (Vec::new(), Vec::new());
    for k in 0..n_outputs {
        let mut deviations = Array2::from_elem((n_trials, n_samples), f64::NAN);
        for sample in 0..n_samples {
            let mean = outputs.iter().map(|o| o[[sample, k]]).sum::<f64>() / n_trials as f64;
            if mean.is_finite() {
                for (trial, times) in outputs.iter().enumerate() {
                    deviations[[trial, sample]] = times[[sample, k]] - mean;
                }
            }
        }
        let all: Vec<f64> = deviations.iter().copied().filter(|d| d.is_finite()).collect();
        let sd = unbiased * robust(&all);
        // Means of runs scatter by what a run adds and by the noise of the samples in it.
        let mut excess = 0.0;
        let mut n_runs = 0.0;
        for trial in deviations.rows() {
            for run in trial.to_vec().chunks(ROWS_PER_RUN) {
                let known: Vec<f64> = run.iter().copied().filter(|d| d.is_finite()).collect();
                if known.len() > 1 {
                    let n = known.len() as f64;
                    let mean = known.iter().sum::<f64>() / n;
                    let variance = known.iter().map(|d| (d - mean) * (d - mean)).sum::<f64>() / (n - 1.0);
                    excess += mean * mean - variance / n;
                    n_runs += 1.0;
                }
            }
        }
        trial_sd.push(sd);
        run_sd.push(unbiased * libm::sqrt((excess / f64::max(n_runs, 1.0)).max(0.0)));
    }
    let classes: Vec<Vec<Option<usize>>> = outputs.iter().map(|o| decisions(o.view())).collect();
    let share = |n: usize, of: usize| n as f64 / of.max(1) as f64;
    let right = labels.map_or(0, |labels| {
        classes.iter().flat_map(|c| c.iter().zip(labels)).filter(|(c, l)| **c == Some(**l)).count()
    });
    let pairs = classes.windows(2).flat_map(|w| w[0].iter().zip(&w[1])).filter(|(a, b)| a == b).count();
    TrialScore {
        trials: n_trials,
        trial_sd,
        run_sd,
        accuracy: share(right, n_trials * n_samples),
        repeatability: share(pairs, n_trials.saturating_sub(1) * n_samples),
        silent: share(outputs.iter().flatten().filter(|t| !t.is_finite()).count(), n_trials * n_samples * n_outputs),
    }
}
