//! Blocks of neurons in all trials of a chunk: thresholds with their noise, the kernel, jitter.

use crate::chip::run::{Prepared, Run, count};
use crate::dynamics::Body;
use crate::engine::fast::crossings::Crossings;
use crate::engine::fast::kernel::{SMALLEST_THRESHOLD, Surroundings, Trial};
use crate::engine::fast::normals::Streams;
use crate::engine::fast::tables::Block;
use crate::engine::fast::vector::{LANES, Lanes, Vector, Work, dispatch};
use crate::events::express::{Key, tick};
use crate::events::{self, LARGEST_JITTER, TICK_US};
use crate::rng::Stream;

use super::group::Group;
use super::way::OnItsWay;

/// Largest threshold noise from spike to spike.
pub const LARGEST_SPIKE_NOISE: f64 = (1.0 - SMALLEST_THRESHOLD as f64) / 10.0;

/// The neurons of a block in one run.
pub struct PreparedBlock {
    places: Vec<usize>,
    numbers: [u32; LANES],
    /// Thresholds with the noise of the run, and the noise of trial and spike.
    threshold: Lanes,
    of_trial: Lanes,
    of_spike: Lanes,
}

/// The blocks of a group in a run.
pub fn prepare<const K: usize>(run: &Run<'_>, group: &Group<K>) -> Vec<PreparedBlock> {
    let noise = &run.chip.spec.noise;
    let block = |neurons: &[usize]| {
        let places: Vec<usize> = neurons.iter().filter_map(|n| run.place_of(*n)).collect();
        let zero = Lanes::all(0.0);
        let mut block = PreparedBlock {
            numbers: [0; LANES],
            threshold: Lanes::all(f32::INFINITY),
            of_trial: zero,
            of_spike: zero,
            places,
        };
        for (l, place) in block.places.iter().enumerate() {
            let prepared = &run.neurons[*place];
            block.numbers[l] = prepared.index as u32;
            block.threshold.0[l] = prepared.threshold as f32;
            block.of_trial.0[l] = (prepared.neuron.swing * noise.threshold_trial_rel_std) as f32;
            block.of_spike.0[l] = (prepared.neuron.swing * noise.threshold_spike_rel_std) as f32;
        }
        block
    };
    group.neurons.chunks(LANES).map(block).collect()
}

/// Runs all blocks of a group in all trials of a chunk.
pub fn all_blocks<const K: usize>(
    run: &Run<'_>,
    group: &Group<K>,
    prepared: &[PreparedBlock],
    trials: &mut [OnItsWay],
) {
    if group.blocks.is_empty() {
        return;
    }
    let stride = (group.n_lines + 1) * 2 * K;
    for (k, (block, prepared)) in group.blocks.iter().zip(prepared).enumerate() {
        let jumps = &group.jumps[k * stride..(k + 1) * stride];
        dispatch(AllTrials { run, block, prepared, jumps, trials });
    }
}

/// One block in all trials of a chunk.
struct AllTrials<'a, 'r, const K: usize> {
    run: &'a Run<'r>,
    block: &'a Block<K>,
    prepared: &'a PreparedBlock,
    jumps: &'a [Lanes],
    trials: &'a mut [OnItsWay],
}

/// A spike as it crosses the threshold.
struct Crossing {
    lane: usize,
    count: u32,
    time_us: f64,
}

impl<const K: usize> Work for AllTrials<'_, '_, K> {
    type Output = ();

    #[inline(always)]
    #[allow(clippy::inline_always, reason = "vector code: see the module of vectors")]
    fn with<V: Vector>(self) {
        let Self { run, block, prepared, jumps, trials } = self;
        let noise = &run.chip.spec.noise;
        let of_trial = noise.threshold_trial_rel_std > 0.0;
        let of_spike = noise.threshold_spike_rel_std > 0.0;
        let jitter = noise.spike_jitter_us_std;
        let before_jitter = u32::from(of_trial) + u32::from(of_spike);
        let spreads = [of_trial.then_some(&prepared.of_trial), of_spike.then_some(&prepared.of_spike)];
        let mut crossings: Vec<Crossing> = Vec::new();
        // Streams that had to be asked for the first threshold, as they are after that.
        let mut begun: Vec<(usize, Stream)> = Vec::new();
        let mut open = Crossings::new();
        for trial in trials {
            let streams = Streams {
                key: run.trial_noise.key(),
                run: run.trial_noise.run(),
                trial: trial.index as u32,
                neurons: prepared.numbers,
            };
            let (mut unsure_before, mut thresholds) = (0, V::load(&prepared.threshold));
            let mut words = None;
            if before_jitter > 0 {
                let first = streams.words(0);
                for (number, spread) in spreads.into_iter().flatten().enumerate() {
                    let (drawn, unsure) = first.normal::<V>(number);
                    thresholds = drawn.mul_add(V::load(spread), thresholds);
                    unsure_before |= unsure;
                }
                words = Some(first);
            }
            let mut thresholds = thresholds.store();
            crossings.clear();
            begun.clear();
            let around = Around { run, prepared, index: trial.index, crossings: &mut crossings };
            for l in (0..prepared.places.len()).filter(|l| unsure_before & 1 << l != 0) {
                let (stream, threshold) = replay(run, &run.neurons[prepared.places[l]], trial.index, 0);
                thresholds.0[l] = threshold as f32;
                begun.push((l, stream));
            }
            let case = Trial {
                block,
                thresholds: &thresholds,
                jumps,
                start: trial.start,
                strides: &trial.strides,
                duration_us: run.experiment.duration_us,
                open: &mut open,
                around,
            };
            let redo = case.with::<V>();
            if !crossings.is_empty() && jitter > 0.0 {
                // The first number after those that are not asked for is the jitter's.
                let words = words.filter(|_| before_jitter < 2).unwrap_or_else(|| streams.words(before_jitter / 2));
                let (drawn, unsure) = words.normal::<V>(before_jitter as usize % 2);
                let (drawn, unsure) = (drawn.store(), unsure_before | unsure);
                for Crossing { lane, count, time_us } in crossings.iter().filter(|c| redo & 1 << c.lane == 0) {
                    if *count > 1 || unsure & 1 << lane != 0 {
                        let prepared = &run.neurons[prepared.places[*lane]];
                        let stream = match begun.iter().find(|(of, _)| *count == 1 && of == lane) {
                            Some((_, stream)) => stream.clone(),
                            None => replay(run, prepared, trial.index, count - 1).0,
                        };
                        trial.spikes.extend(emit(run, prepared, stream, *time_us));
                        continue;
                    }
                    let z = f64::from(drawn.0[*lane]).clamp(-LARGEST_JITTER, LARGEST_JITTER);
                    let at = tick((time_us + jitter * z).max(0.0));
                    trial.spikes.push(Key::spike(at, prepared.numbers[*lane], tick_after(*time_us)));
                }
            } else {
                for Crossing { lane, time_us, .. } in crossings.iter().filter(|c| redo & 1 << c.lane == 0) {
                    let at = tick(*time_us);
                    trial.spikes.push(Key::spike(at, prepared.numbers[*lane], tick_after(*time_us)));
                }
            }
            if !trial.recording.counters.is_empty() {
                for (l, number) in prepared.numbers.iter().enumerate().take(prepared.places.len()) {
                    let spikes = crossings.iter().filter(|c| c.lane == l).count() as u32;
                    count(&mut trial.recording, *number as usize, spikes);
                }
            }
            if redo != 0 {
                for l in (0..prepared.places.len()).filter(|l| redo & 1 << l != 0) {
                    trial.by_the_reference(run, prepared.places[l]);
                }
            }
        }
    }
}

/// The first tick that is not before a time.
#[inline]
pub fn tick_after(time_us: f64) -> u32 {
    let near = tick(time_us);
    near + u32::from(time_us / TICK_US > f64::from(near))
}

/// What the kernel asks about the neurons of a block in a trial.
struct Around<'a, 'r> {
    run: &'a Run<'r>,
    prepared: &'a PreparedBlock,
    index: usize,
    crossings: &'a mut Vec<Crossing>,
}

impl Surroundings for Around<'_, '_> {
    fn body(&self, lane: usize) -> &Body {
        &self.run.neurons[self.prepared.places[lane]].neuron.body
    }

    fn threshold(&self, lane: usize, count: u32) -> f64 {
        replay(self.run, &self.run.neurons[self.prepared.places[lane]], self.index, count).1
    }

    fn spike(&mut self, lane: usize, count: u32, time_us: f64) {
        self.crossings.push(Crossing { lane, count, time_us });
    }
}

/// The stream of a neuron after so many spikes, and the threshold for the next.
#[cold]
fn replay(run: &Run<'_>, prepared: &Prepared<'_>, index: usize, count: u32) -> (Stream, f64) {
    let mut stream = run.trial_noise.of(index, prepared.index);
    let (base, _) = run.trial_threshold(prepared, &mut stream);
    let mut threshold = run.spike_threshold(prepared, base, &mut stream);
    for k in 1..=count {
        threshold = run.fired(prepared, (0.0, k, base), &mut stream, |_| ());
    }
    (stream, threshold)
}

/// Lets a spike out whose draw needs the stream itself.
#[cold]
fn emit(run: &Run<'_>, prepared: &Prepared<'_>, mut stream: Stream, crossed_us: f64) -> Option<Key> {
    let spec = &run.chip.spec;
    let time_us = events::emit(&spec.events, &spec.noise, &mut stream, crossed_us)?;
    Some(Key::spike(tick(time_us), prepared.index as u32, tick_after(crossed_us)))
}
