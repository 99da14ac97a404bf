//! How large the temporal noise of a chip is, from a recording in which no sample is repeated.

use bss2_emu::noise::Noise;
use ndarray::{Array2, Axis};
use serde::{Deserialize, Serialize};

use crate::emulation::Twin;
use crate::fit::Rows;
use crate::score::{robust, spikes};
use crate::trials::{TrialScore, trials};
use crate::{Recording, TwinError};

/// Emulated trials that recorded noise is compared with.
const TRIALS: usize = 4;
/// Fewer pairs or runs than this say nothing.
const LEAST: usize = 20;
/// What a fit may make of the noise of the population.
const SCALES: std::ops::RangeInclusive<f64> = 0.5..=1.5;

/// Recorded and emulated noise of the outputs, in model time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NoiseReport {
    /// Robust spread of what neighbouring samples are off the model, over the square root of two, by output. Errors of the model that
    /// neighbours share are not in it; others are, so it is an upper bound.
    pub neighbours: Vec<f64>,
    /// Spread of the means of whole runs about the model, beyond that of their samples, by output; empty if runs are not known.
    pub runs: Vec<f64>,
    /// The same, emulated with the noise of the population.
    pub emulated: TrialScore,
    /// Factors on trial noise and run noise that the twin has from this.
    pub scales: [f64; 2],
}

/// Measures the noise of the fitted training samples, and gives the twin as much.
///
/// # Errors
/// If the twin cannot be run.
pub fn fit_noise(twin: &mut Twin, recording: &Recording, rows: &Rows) -> Result<NoiseReport, TwinError> {
    let weights = recording.weights();
    let chosen: Vec<usize> = rows.outputs.clone().collect();
    let inputs = recording.train.inputs.select(Axis(0), &chosen);
    let [_, model] = spikes(recording, &weights, &twin.profile, inputs.view());
    let errors = recording.train.outputs.select(Axis(0), &chosen) - &model;
    let neighbours = of_neighbours(&inputs, &errors);
    let runs = recording.rows_per_run.map_or_else(Vec::new, |n| of_runs(&errors, n));
    let emulated = trials(twin, recording, &recording.test, Noise::BSS2, TRIALS)?;
    let scale = |recorded: &[f64], emulated: &[f64]| {
        let (a, b) = (recorded.iter().sum::<f64>(), emulated.iter().sum::<f64>());
        if recorded.is_empty() || !(a > 0.0 && b > 0.0) { 1.0 } else { (a / b).clamp(*SCALES.start(), *SCALES.end()) }
    };
    let scales = [scale(&neighbours, &emulated.trial_sd), scale(&runs, &emulated.run_sd)];
    twin.noise = Noise {
        threshold_trial_rel_std: scales[0] * Noise::BSS2.threshold_trial_rel_std,
        threshold_spike_rel_std: scales[0] * Noise::BSS2.threshold_spike_rel_std,
        spike_jitter_us_std: scales[0] * Noise::BSS2.spike_jitter_us_std,
        threshold_run_rel_std: scales[1] * Noise::BSS2.threshold_run_rel_std,
        ..Noise::BSS2
    };
    Ok(NoiseReport { neighbours, runs, emulated, scales })
}

/// Differences of the errors of each sample and its nearest neighbour.
fn of_neighbours(inputs: &Array2<f64>, errors: &Array2<f64>) -> Vec<f64> {
    let n = inputs.nrows();
    let distance = |a: usize, b: usize| {
        let square = |(a, b): (&f64, &f64)| if a == b { 0.0 } else { (a - b) * (a - b) };
        inputs.row(a).iter().zip(inputs.row(b)).map(square).sum::<f64>()
    };
    let nearest: Vec<usize> = (0..n)
        .map(|a| {
            let others = (0..n).filter(|b| *b != a).map(|b| (distance(a, b), b));
            others.fold((f64::INFINITY, a), |best, next| if next.0 < best.0 { next } else { best }).1
        })
        .collect();
    let of = |k: usize| {
        let differences: Vec<f64> = (nearest.iter().enumerate())
            // Each pair once.
            .filter(|&(a, &b)| a < b || nearest[b] != a)
            .map(|(a, &b)| errors[[a, k]] - errors[[b, k]])
            .filter(|d| d.is_finite())
            .collect();
        if differences.len() < LEAST { 0.0 } else { robust(&differences) / std::f64::consts::SQRT_2 }
    };
    (0..errors.ncols()).map(of).collect()
}

/// Spread of the means of runs, beyond what the spread of their samples makes of them.
fn of_runs(errors: &Array2<f64>, rows_per_run: usize) -> Vec<f64> {
    let of = |column: ndarray::ArrayView1<f64>| {
        let values = column.to_vec();
        let means: Vec<(f64, f64)> = (values.chunks_exact(rows_per_run))
            .filter_map(|run| {
                let known: Vec<f64> = run.iter().copied().filter(|e| e.is_finite()).collect();
                let n = known.len() as f64;
                let mean = known.iter().sum::<f64>() / n;
                let variance = known.iter().map(|e| (e - mean) * (e - mean)).sum::<f64>() / (n - 1.0);
                (known.len() > 1).then_some((mean, variance / n))
            })
            .collect();
        if means.len() < LEAST {
            return 0.0;
        }
        let n = means.len() as f64;
        let mean = means.iter().map(|m| m.0).sum::<f64>() / n;
        let variance = means.iter().map(|m| (m.0 - mean) * (m.0 - mean)).sum::<f64>() / (n - 1.0);
        let sampling = means.iter().map(|m| m.1).sum::<f64>() / n;
        libm::sqrt((variance - sampling).max(0.0))
    };
    errors.columns().into_iter().map(of).collect()
}
