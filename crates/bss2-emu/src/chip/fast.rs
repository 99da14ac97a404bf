//! The fast engine of a chip: many trials at a time, block of neurons after block of neurons.
//!
//! The trials of a chunk go through a layer together, so that the tables and weights of a block stay in the cache. What a trial
//! brings does not depend on its chunk.

mod blocks;
mod group;
mod layer;
mod way;

use std::cell::RefCell;

use rayon::prelude::*;

use super::Chip;
use super::run::Run;
use crate::codes::NEURONS;
use crate::device::{Batch, DeviceError, FirstSpikes, InputSpike, TrialRecording};
use crate::events::express::{Express, MOST_TICKS};
use crate::events::time_of;

pub use layer::FastLayer;
use layer::PreparedLayer;
use way::OnItsWay;

/// Most trials that one thread takes at a time.
const LARGEST_CHUNK: usize = 25;
/// No place among the lines of a layer.
const NONE: u32 = u32::MAX;

/// Whether the way of events and the noise are such as this engine knows.
pub fn knows(chip: &Chip) -> bool {
    let (noise, path) = (&chip.spec.noise, &chip.spec.events);
    path.time_grid
        && path.loss_probability == 0.0
        && noise.leak_trial_rel_std == 0.0
        && noise.threshold_spike_rel_std <= blocks::LARGEST_SPIKE_NOISE
        && !chip.wiring.lines.has_background()
}

/// Whether nobody looks at the neurons of a run or resets them, and its trials are not too long.
pub fn runs(run: &Run<'_>) -> bool {
    let experiment = run.experiment;
    let undisturbed = |trial: &crate::Trial| trial.madc.is_none() && trial.resets_us.is_empty();
    experiment.record.cadc_times_us.is_empty()
        && experiment.duration_us < 0.5 * time_of(u64::from(MOST_TICKS))
        && experiment.trials.iter().all(undisturbed)
}

/// What a thread keeps from run to run, to spare the allocations.
#[derive(Default)]
struct Workspace {
    express: Express,
    trials: Vec<OnItsWay>,
    inputs: Vec<InputSpike>,
}

thread_local! {
    static WORKSPACE: RefCell<Workspace> = RefCell::default();
}

/// Trials that one thread takes at a time: all threads are busy to the end. Results do not depend on it.
fn chunk_size(n_trials: usize) -> usize {
    let rounds = n_trials.div_ceil(LARGEST_CHUNK).next_multiple_of(rayon::current_num_threads());
    n_trials.div_ceil(rounds.max(1)).max(1)
}

/// Takes trials that have begun through all layers; `after` sees them with the spikes of each.
fn through_layers(
    run: &Run<'_>,
    layers: &[(&FastLayer, PreparedLayer)],
    (express, trials): (&mut Express, &mut [OnItsWay]),
    mut after: impl FnMut(usize, &mut OnItsWay),
) {
    for (number, (layer, prepared)) in layers.iter().enumerate() {
        let behind = layers.get(number + 1).map(|(layer, _)| *layer);
        for trial in trials.iter_mut() {
            trial.look_at(layer, run.experiment.duration_us);
        }
        layer.all_blocks(run, prepared, trials);
        for (number, trial) in trials.iter_mut().enumerate() {
            trial.pass_on(run, express, behind);
            after(number, trial);
        }
    }
}

/// Runs all trials.
pub fn trials(run: &Run<'_>, layers: &[FastLayer]) -> Vec<TrialRecording> {
    let layers: Vec<_> = layers.iter().map(|layer| (layer, layer.prepare(run))).collect();
    let first = layers.first().map(|(layer, _)| *layer);
    let size = chunk_size(run.experiment.trials.len());
    let chunk = |(number, trials): (usize, &[crate::Trial])| {
        WORKSPACE.with_borrow_mut(|Workspace { express, trials: ways, .. }| {
            ways.resize_with(LARGEST_CHUNK, OnItsWay::default);
            let ways = &mut ways[..trials.len()];
            for (k, (way, trial)) in ways.iter_mut().zip(trials).enumerate() {
                way.recording = run.blank();
                way.begin(run, (number * size + k, &trial.spikes), express, first);
            }
            through_layers(run, &layers, (express, ways), |_, way| way.record());
            ways.iter_mut().map(|way| std::mem::take(&mut way.recording)).collect()
        })
    };
    let chunks: Vec<Vec<TrialRecording>> = run.experiment.trials.par_chunks(size).enumerate().map(chunk).collect();
    chunks.into_iter().flatten().collect()
}

/// Runs trials for their first spikes.
///
/// # Errors
/// [`DeviceError::InputSpike`] for the first input spike that is not valid.
pub fn first_spikes(
    run: &Run<'_>,
    layers: &[FastLayer],
    batch: &Batch<'_>,
    out: &mut FirstSpikes,
) -> Result<(), DeviceError> {
    let layers: Vec<_> = layers.iter().map(|layer| (layer, layer.prepare(run))).collect();
    let width = batch.neurons.len();
    let mut place_of_neuron = [u16::MAX; NEURONS];
    for (place, neuron) in batch.neurons.iter().enumerate() {
        place_of_neuron[neuron.index()] = place as u16;
    }
    out.clear(batch);
    let size = chunk_size(batch.n_trials);
    let starts = (0..batch.n_trials).into_par_iter().step_by(size);
    let first = layers.first().map(|(layer, _)| *layer);
    let chunk = |(start, times_us): (usize, &mut [f64])| {
        WORKSPACE.with_borrow_mut(|Workspace { express, trials: ways, inputs }| {
            ways.resize_with(LARGEST_CHUNK, OnItsWay::default);
            let ways = &mut ways[..size.min(batch.n_trials - start)];
            for (k, way) in ways.iter_mut().enumerate() {
                inputs.clear();
                (batch.stimulus)(start + k, inputs);
                run.chip.check_spikes(start + k, inputs, batch.duration_us)?;
                way.recording = TrialRecording::default();
                way.begin(run, (start + k, inputs), express, first);
            }
            let mut repeats = vec![0; width];
            through_layers(run, &layers, (express, ways), |k, way| {
                way.note(&place_of_neuron, &mut times_us[k * width..(k + 1) * width], &mut repeats);
            });
            Ok(repeats)
        })
    };
    let chunks: Vec<Result<Vec<u64>, DeviceError>> =
        starts.zip(out.times_us.par_chunks_mut((size * width).max(1))).map(chunk).collect();
    for repeats in chunks {
        for (sum, repeats) in out.repeats.iter_mut().zip(repeats?) {
            *sum += repeats;
        }
    }
    Ok(())
}
