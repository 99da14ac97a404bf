//! A trial of a feed-forward network, one depth after the other.

use super::run::{Run, Workspace, count};
use crate::device::TrialRecording;
use crate::engine::block::Block;
use crate::engine::course::Course;
use crate::engine::decay::LANES;
use crate::engine::layered::Layer;
use crate::events::{self, Emitted};
use crate::rng::Stream;

/// The neurons of a layer in one run, as positions in the list of the run's neurons.
pub struct PreparedLayer<'a> {
    layer: &'a Layer,
    plain: Vec<usize>,
    others: Vec<usize>,
    blocks: Vec<Block>,
}

impl<'a> PreparedLayer<'a> {
    /// Finds the neurons of a layer, all of which take part in the run.
    pub fn new(layer: &'a Layer, run: &Run<'a>) -> Self {
        let places = |neurons: &[usize]| neurons.iter().filter_map(|n| run.place_of(*n)).collect::<Vec<_>>();
        let plain = places(&layer.plain);
        let membranes = |four: &[usize]| Block::new(four.iter().filter_map(|p| run.neurons[*p].membrane().copied()));
        Self { layer, blocks: plain.chunks(LANES).map(membranes).collect(), plain, others: places(&layer.others) }
    }
}

impl PreparedLayer<'_> {
    /// Whether a neuron, by its place in the run, is in this layer.
    pub fn contains(&self, place: usize) -> bool {
        self.plain.contains(&place) || self.others.contains(&place)
    }
}

/// Runs a trial: the layers in their order, and bystanders that somebody looks at but that do not fire.
pub fn trial(
    run: &Run<'_>,
    (layers, bystanders): (&[PreparedLayer<'_>], &[usize]),
    index: usize,
    workspace: &mut Workspace,
    recording: &mut TrialRecording,
) {
    run.external(index, workspace);
    for place in bystanders {
        one_by_one(run, index, *place, workspace, recording);
    }
    for layer in layers {
        if !by_blocks(run, index, layer, workspace, recording) {
            for place in &layer.plain {
                one_by_one(run, index, *place, workspace, recording);
            }
        }
        for place in &layer.others {
            one_by_one(run, index, *place, workspace, recording);
        }
        let Workspace { traffic, arrivals, emitted, .. } = workspace;
        traffic.internal(&run.chip.spec.events, &run.chip.wiring.lines, emitted, arrivals);
        events::settle(arrivals);
        recording.spikes.extend(emitted.iter().map(Emitted::stamp));
        emitted.clear();
    }
}

/// Runs the plain neurons of a layer four at a time, if nobody interferes with them or looks at them on the way.
fn by_blocks(
    run: &Run<'_>,
    index: usize,
    layer: &PreparedLayer<'_>,
    workspace: &mut Workspace,
    recording: &mut TrialRecording,
) -> bool {
    let trial = &run.experiment.trials[index];
    let undisturbed =
        run.experiment.record.cadc_times_us.is_empty() && trial.madc.is_none() && trial.resets_us.is_empty();
    let Some(tables) = layer.layer.blocks().filter(|_| undisturbed) else {
        return false;
    };
    let Workspace { arrivals, of_layer, emitted, moments, .. } = workspace;
    layer.layer.arrivals(arrivals, of_layer);
    moments.set(of_layer, run.experiment.duration_us);
    for ((places, block), (decays, jumps)) in layer.plain.chunks(LANES).zip(&layer.blocks).zip(tables) {
        let of_lane = |l: usize| places.get(l).map(|p| &run.neurons[*p]);
        // Lanes left over have a stream, too, and nobody asks it.
        let mut streams: [Stream; LANES] =
            std::array::from_fn(|l| run.trial_noise.of(index, of_lane(l).map_or(0, |n| n.index)));
        let mut base = [f64::INFINITY; LANES];
        let mut shift = [0.0; LANES];
        let mut first = [f64::INFINITY; LANES];
        for l in 0..places.len() {
            if let Some(neuron) = of_lane(l) {
                (base[l], shift[l]) = run.trial_threshold(neuron, &mut streams[l]);
                first[l] = run.spike_threshold(neuron, base[l], &mut streams[l]);
            }
        }
        let mut counts = [0; LANES];
        let start = crate::engine::block::Start { thresholds: &first, shift: &shift };
        block.run(&start, decays, jumps, moments, run.experiment.duration_us, |l, time| match of_lane(l) {
            Some(neuron) => {
                counts[l] += 1;
                run.fired(neuron, (time, counts[l], base[l]), &mut streams[l], |spike| emitted.push(spike))
            }
            None => f64::INFINITY,
        });
        for (l, spikes) in counts.into_iter().enumerate() {
            if let Some(neuron) = of_lane(l) {
                count(recording, neuron.index, spikes);
            }
        }
    }
    true
}

/// Integrates one neuron, writes its samples into the recording, and lets its spikes out.
fn one_by_one(run: &Run<'_>, index: usize, place: usize, workspace: &mut Workspace, recording: &mut TrialRecording) {
    let neuron = &run.neurons[place];
    let Workspace { arrivals, emitted, resets, .. } = workspace;
    let mut personal = run.personal(index, neuron);
    let samples = run.samples(index, neuron);
    let course = Course {
        arrivals,
        jumps: run.chip.jumps(neuron.index),
        resets_us: resets,
        samples: &samples,
        duration_us: run.experiment.duration_us,
    };
    let mut readout = run.readout(index, neuron, personal.rest_lsb);
    let mut spikes = 0;
    course.run(
        &personal.body,
        personal.threshold,
        |time, view, sample| readout.take(time, view, sample, recording),
        |time| {
            spikes += 1;
            run.fired(neuron, (time, spikes, personal.base), &mut personal.stream, |spike| emitted.push(spike))
        },
    );
    count(recording, neuron.index, spikes);
}
