//! The fast engine of a chip: many trials at a time, block of neurons after block of neurons.
//!
//! The trials of a chunk go through a layer together, so that the tables and weights of a block stay in the cache. What a trial
//! brings does not depend on its chunk.

use rayon::prelude::*;

use super::run::{Prepared, Run, count};
use crate::codes::NeuronId;
use crate::device::{Spike, TrialRecording};
use crate::dynamics::Body;
use crate::engine::course::Course;
use crate::engine::fast::kernel::{SMALLEST_THRESHOLD, Stride, Surroundings, Trial};
use crate::engine::fast::normals::Streams;
use crate::engine::fast::tables::{self, Block, LONGEST_STEP};
use crate::engine::fast::vector::{LANES, Lanes, Vector, Work, dispatch};
use crate::engine::wiring::{Strengths, Wiring};
use crate::events::express::{Express, Key, MOST_TICKS, tick};
use crate::events::{self, Arrival, Emitted, LARGEST_JITTER, TICK_US, time_of};
use crate::rng::Stream;

use super::Chip;
use super::circuits::Neuron;

/// Trials that one thread takes at a time.
const CHUNK: usize = 25;
/// Largest threshold noise from spike to spike.
const LARGEST_SPIKE_NOISE: f64 = (1.0 - SMALLEST_THRESHOLD as f64) / 10.0;
/// No place among the lines of a layer.
const NONE: u32 = u32::MAX;

/// The neurons of one depth.
#[derive(Debug, Clone)]
pub struct FastLayer {
    position_of_line: Vec<u32>,
    singles: Group<1>,
    pairs: Group<2>,
}

/// Those of one depth that have equally many circuits.
#[derive(Debug, Clone)]
struct Group<const K: usize> {
    /// Ascending; sixteen to a block.
    neurons: Vec<usize>,
    blocks: Vec<Block<K>>,
    n_lines: usize,
    /// Jumps of the currents, `[(block * n_lines + line) * 2 K + input]`.
    jumps: Vec<Lanes>,
    /// The part of them that no weight changes.
    stuck: Vec<Lanes>,
    /// In the order of the synapses.
    entries: Vec<Entry>,
}

/// A synapse and what it does to the jumps.
#[derive(Debug, Clone, Copy)]
struct Entry {
    hemisphere: u8,
    lane: u8,
    synapse: u32,
    place: u32,
    per_code: f32,
}

impl<const K: usize> Group<K> {
    fn new(neurons: Vec<usize>, chip: &Chip, position_of_line: &[u32], n_lines: usize) -> Self {
        let body = |n: &usize| chip.neurons[*n].as_ref().map(|neuron| &neuron.body);
        let blocks: Vec<Block<K>> = neurons.chunks(LANES).map(|of| Block::new(of.iter().filter_map(body))).collect();
        let mut stuck = vec![Lanes::all(0.0); blocks.len() * n_lines * 2 * K];
        let mut entries = Vec::new();
        for (target, &n) in neurons.iter().enumerate() {
            let Some(Neuron { gains, .. }) = &chip.neurons[n] else { continue };
            for entry in chip.wiring.incoming(n) {
                let position = position_of_line[entry.line as usize] as usize;
                let input = usize::from(entry.input);
                let place = ((target / LANES * n_lines) + position) * 2 * K + input;
                let (h, synapse) = (usize::from(entry.hemisphere), entry.synapse as usize);
                let strength = |code| chip.deviations.synapses.strength(h, synapse, code);
                let (without, with) = (strength(0) * gains[input], strength(1) * gains[input]);
                if without == 0.0 {
                    entries.push(Entry {
                        hemisphere: entry.hemisphere,
                        lane: (target % LANES) as u8,
                        synapse: entry.synapse,
                        place: place as u32,
                        per_code: with as f32,
                    });
                } else {
                    stuck[place].0[target % LANES] += without as f32;
                }
            }
        }
        entries.sort_by_key(|e| (e.hemisphere, e.synapse));
        Self { neurons, blocks, n_lines, jumps: stuck.clone(), stuck, entries }
    }

    fn load(&mut self, synapses: &Strengths<'_>) {
        self.jumps.copy_from_slice(&self.stuck);
        for Entry { hemisphere, lane, synapse, place, per_code } in &self.entries {
            let code = synapses.arrays.weight(usize::from(*hemisphere), *synapse as usize).get();
            self.jumps[*place as usize].0[usize::from(*lane) % LANES] += f32::from(code) * per_code;
        }
    }
}

impl FastLayer {
    /// A layer, if all of its neurons can be in blocks.
    pub fn new(chip: &Chip, neurons: impl Iterator<Item = usize>) -> Option<Self> {
        let wiring: &Wiring = &chip.wiring;
        let (mut singles, mut pairs) = (Vec::new(), Vec::new());
        let mut position_of_line = vec![NONE; wiring.lines.len()];
        for n in neurons {
            match tables::circuits(&chip.neurons[n].as_ref()?.body)? {
                1 => singles.push(n),
                _ => pairs.push(n),
            }
            for entry in wiring.incoming(n) {
                position_of_line[entry.line as usize] = 0;
            }
        }
        singles.sort_unstable();
        pairs.sort_unstable();
        let mut n_lines = 0;
        for position in position_of_line.iter_mut().filter(|p| **p != NONE) {
            *position = n_lines;
            n_lines += 1;
        }
        Some(Self {
            singles: Group::new(singles, chip, &position_of_line, n_lines as usize),
            pairs: Group::new(pairs, chip, &position_of_line, n_lines as usize),
            position_of_line,
        })
    }

    /// Refills the jumps.
    pub fn load(&mut self, synapses: &Strengths<'_>) {
        self.singles.load(synapses);
        self.pairs.load(synapses);
    }
}

/// Whether the way of events and the noise are such as this engine knows.
pub fn knows(chip: &Chip) -> bool {
    let (noise, path) = (&chip.spec.noise, &chip.spec.events);
    path.time_grid
        && path.loss_probability == 0.0
        && noise.leak_trial_rel_std == 0.0
        && noise.threshold_spike_rel_std <= LARGEST_SPIKE_NOISE
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

/// Runs all trials.
pub fn trials(run: &Run<'_>, layers: &[FastLayer]) -> Vec<TrialRecording> {
    let prepared: Vec<[Vec<PreparedBlock>; 2]> =
        layers.iter().map(|layer| [prepare(run, &layer.singles), prepare(run, &layer.pairs)]).collect();
    let n = run.experiment.trials.len();
    let chunks: Vec<Vec<TrialRecording>> = (0..n.div_ceil(CHUNK))
        .into_par_iter()
        .map_init(Vec::new, |workspace: &mut Vec<OnItsWay>, chunk| {
            workspace.resize_with(CHUNK, OnItsWay::default);
            let first = chunk * CHUNK;
            let trials = &mut workspace[..CHUNK.min(n - first)];
            for (k, trial) in trials.iter_mut().enumerate() {
                trial.begin(run, first + k);
            }
            for (layer, [singles, pairs]) in layers.iter().zip(&prepared) {
                for trial in trials.iter_mut() {
                    trial.look_at(layer, run.experiment.duration_us);
                }
                all_blocks(run, &layer.singles, singles, trials);
                all_blocks(run, &layer.pairs, pairs, trials);
                for trial in trials.iter_mut() {
                    trial.pass_on(run);
                }
            }
            trials.iter_mut().map(|trial| std::mem::take(&mut trial.recording)).collect()
        })
        .collect();
    chunks.into_iter().flatten().collect()
}

/// A trial on its way through the layers.
#[derive(Default)]
struct OnItsWay {
    index: usize,
    express: Express,
    /// All events so far, sorted.
    arrivals: Vec<Key>,
    /// When the first events reach the layer, and the steps from there.
    start: u32,
    strides: Vec<Stride>,
    lines: Vec<u32>,
    /// Spikes of the present layer.
    spikes: Vec<Key>,
    recording: TrialRecording,
}

impl OnItsWay {
    fn begin(&mut self, run: &Run<'_>, index: usize) {
        self.index = index;
        self.recording = run.blank();
        let spikes = &run.experiment.trials[index].spikes;
        self.express.external(&run.chip.spec.events, &run.chip.wiring.lines, spikes, &mut self.arrivals);
    }

    /// Finds the events that reach a layer within the trial.
    fn look_at(&mut self, layer: &FastLayer, duration_us: f64) {
        self.strides.clear();
        self.lines.clear();
        self.spikes.clear();
        let mut last = 0;
        for key in &self.arrivals {
            let position = layer.position_of_line[key.line() as usize];
            if position == NONE {
                continue;
            }
            let tick = key.tick();
            let end = self.lines.len() as u32;
            if self.strides.is_empty() || tick != last {
                if f64::from(tick) * TICK_US > duration_us {
                    break;
                }
                if self.strides.is_empty() {
                    self.start = tick;
                    last = tick;
                }
                while tick - last > LONGEST_STEP {
                    self.strides.push(Stride { ticks: LONGEST_STEP, end });
                    last += LONGEST_STEP;
                }
                self.strides.push(Stride { ticks: tick - last, end });
                last = tick;
            }
            self.lines.push(position);
            if let Some(stride) = self.strides.last_mut() {
                stride.end += 1;
            }
        }
    }

    /// Records the spikes of a layer and brings them to their synapses.
    fn pass_on(&mut self, run: &Run<'_>) {
        let (path, lines) = (&run.chip.spec.events, &run.chip.wiring.lines);
        self.express.internal(path, lines, &mut self.spikes, &mut self.arrivals);
        self.recording.spikes.extend(self.spikes.iter().map(|key| Spike {
            time_us: time_of(u64::from(key.tick())),
            neuron: NeuronId::from_index(key.neuron() as u16),
        }));
    }
}

/// The neurons of a block in one run.
struct PreparedBlock {
    places: Vec<usize>,
    numbers: [u32; LANES],
    /// Thresholds with the noise of the run, and the noise of trial and spike.
    threshold: Lanes,
    of_trial: Lanes,
    of_spike: Lanes,
}

fn prepare<const K: usize>(run: &Run<'_>, group: &Group<K>) -> Vec<PreparedBlock> {
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

fn all_blocks<const K: usize>(run: &Run<'_>, group: &Group<K>, prepared: &[PreparedBlock], trials: &mut [OnItsWay]) {
    if group.blocks.is_empty() {
        return;
    }
    let stride = group.n_lines * 2 * K;
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
        let mut crossings: Vec<Crossing> = Vec::new();
        for trial in trials {
            let streams = Streams {
                key: run.trial_noise.key(),
                run: run.trial_noise.run(),
                trial: trial.index as u32,
                neurons: prepared.numbers,
            };
            let mut unsure = 0;
            let mut drawn = [Lanes::all(0.0); 2];
            let mut thresholds = prepared.threshold;
            if before_jitter > 0 {
                (drawn, unsure) = streams.normals(0);
                for l in 0..LANES {
                    let (mut spread, mut next) = (0.0, 0);
                    if of_trial {
                        spread += prepared.of_trial.0[l] * drawn[next].0[l];
                        next += 1;
                    }
                    if of_spike {
                        spread += prepared.of_spike.0[l] * drawn[next].0[l];
                    }
                    thresholds.0[l] += spread;
                }
            }
            crossings.clear();
            let around = Around { run, prepared, index: trial.index, crossings: &mut crossings };
            for l in (0..prepared.places.len()).filter(|l| unsure & 1 << l != 0) {
                thresholds.0[l] = around.threshold(l, 0) as f32;
            }
            let case = Trial {
                block,
                thresholds: &thresholds,
                jumps,
                start: trial.start,
                strides: &trial.strides,
                lines: &trial.lines,
                duration_us: run.experiment.duration_us,
                around,
            };
            let redo = case.with::<V>();
            if !crossings.is_empty() && jitter > 0.0 {
                if before_jitter != 1 {
                    let unsure_before = if before_jitter == 0 { 0 } else { unsure };
                    (drawn, unsure) = streams.normals(before_jitter / 2);
                    unsure |= unsure_before;
                }
                let drawn = &drawn[before_jitter as usize % 2];
                for Crossing { lane, count, time_us } in crossings.iter().filter(|c| redo & 1 << c.lane == 0) {
                    if *count > 1 || unsure & 1 << lane != 0 {
                        let prepared = &run.neurons[prepared.places[*lane]];
                        trial.spikes.extend(emit_later(run, prepared, trial.index, *count, *time_us));
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
                    by_the_reference(run, prepared.places[l], trial);
                }
            }
        }
    }
}

/// The first tick that is not before a time.
#[inline]
fn tick_after(time_us: f64) -> u32 {
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

/// Lets a spike out that is not the first of its neuron, or whose draw needs the stream itself.
#[cold]
fn emit_later(run: &Run<'_>, prepared: &Prepared<'_>, index: usize, count: u32, crossed_us: f64) -> Option<Key> {
    let spec = &run.chip.spec;
    let (mut stream, _) = replay(run, prepared, index, count - 1);
    let time_us = events::emit(&spec.events, &spec.noise, &mut stream, crossed_us)?;
    Some(Key::spike(tick(time_us), prepared.index as u32, tick_after(crossed_us)))
}

/// Integrates one neuron over a trial as the layered engine does.
#[cold]
fn by_the_reference(run: &Run<'_>, place: usize, trial: &mut OnItsWay) {
    let prepared = &run.neurons[place];
    let arrivals: Vec<Arrival> = trial
        .arrivals
        .iter()
        .map(|key| Arrival { time_us: time_of(u64::from(key.tick())), source: key.line() })
        .collect();
    let mut personal = run.personal(trial.index, prepared);
    let course = Course {
        arrivals: &arrivals,
        jumps: run.chip.jumps(prepared.index),
        resets_us: &[],
        samples: &[],
        duration_us: run.experiment.duration_us,
    };
    let (mut spikes, emitted) = (0, &mut trial.spikes);
    course.run(
        &personal.body,
        personal.threshold,
        |_, _, _| (),
        |time| {
            spikes += 1;
            run.fired(prepared, (time, spikes, personal.base), &mut personal.stream, |spike: Emitted| {
                emitted.push(Key::spike(tick(spike.time_us), spike.neuron, tick_after(spike.crossed_us)));
            })
        },
    );
    count(&mut trial.recording, prepared.index, spikes);
}
