//! A run: the trials of an experiment on a configured chip.

use rayon::prelude::*;

use super::{Chip, Circuit};
use crate::codes::{NEURONS, NeuronId};
use crate::device::{Experiment, MADC_INTERVAL_US, Recording, Spike, Trial, TrialRecording};
use crate::engine::block::{Block, Moments};
use crate::engine::course::{Course, Sample};
use crate::engine::decay::LANES;
use crate::engine::layered::Layer;
use crate::events::{self, Arrival};
use crate::membrane::State;
use crate::noise::Draws;
use crate::readout;
use crate::rng::{Purpose, Stream};

/// Spikes of one neuron in one trial beyond which it counts as running away; bounds the work of a trial.
const MOST_SPIKES: usize = 100_000;

/// Runs all trials. The tables of the network are up to date.
pub(super) fn run(chip: &Chip, experiment: &Experiment) -> Recording {
    let run = Run::new(chip, experiment);
    let trials: Vec<TrialRecording> = (0..experiment.trials.len())
        .into_par_iter()
        .map_init(Workspace::default, |workspace, index| run.trial(index, workspace))
        .collect();
    Recording { hardware_time_us: experiment.duration_us * trials.len() as f64, trials }
}

/// One neuron as it is in one run: the circuit with the run's slow noise.
struct Prepared {
    neuron: usize,
    circuit: Circuit,
}

/// The neurons of a layer in one run.
struct PreparedLayer<'a> {
    layer: &'a Layer,
    neurons: Vec<Prepared>,
    blocks: Vec<Block>,
}

struct Run<'a> {
    chip: &'a Chip,
    experiment: &'a Experiment,
    layers: Vec<PreparedLayer<'a>>,
    /// Neurons without synapses that are looked at or fire by themselves.
    loners: Vec<Prepared>,
    trial_noise: Draws,
    readout_noise: Draws,
}

/// What a thread keeps from trial to trial, to spare the allocations.
#[derive(Default)]
struct Workspace {
    arrivals: Vec<Arrival>,
    /// Spikes of one layer on their way out, and of all layers on their way to synapses.
    emitted: Vec<Arrival>,
    internal: Vec<Arrival>,
    moments: Moments,
    spikes: [Vec<f64>; LANES],
}

impl<'a> Run<'a> {
    fn new(chip: &'a Chip, experiment: &'a Experiment) -> Self {
        let prepare = |neuron: usize| {
            let mut circuit = chip.circuits[neuron];
            let noise = chip.spec.noise.run_threshold(chip.spec.seed, experiment.run, neuron);
            circuit.membrane.threshold += circuit.swing * noise;
            Prepared { neuron, circuit }
        };
        let layer = |layer: &'a Layer| {
            let neurons: Vec<Prepared> = layer.neurons.iter().map(|n| prepare(*n)).collect();
            let blocks =
                neurons.chunks(LANES).map(|four| Block::new(four.iter().map(|p| p.circuit.membrane))).collect();
            PreparedLayer { layer, neurons, blocks }
        };
        let sampled = !experiment.record.cadc_times_us.is_empty();
        let observed = |n: usize| {
            sampled || experiment.trials.iter().any(|t: &Trial| t.madc.is_some_and(|m| m.neuron.index() == n))
        };
        Self {
            chip,
            experiment,
            layers: chip.network.layers.iter().map(layer).collect(),
            loners: (0..NEURONS)
                .filter(|&n| !chip.network.connected[n] && (!chip.circuits[n].idle || observed(n)))
                .map(prepare)
                .collect(),
            trial_noise: Draws::new(chip.spec.seed, experiment.run, Purpose::NeuronTrial),
            readout_noise: Draws::new(chip.spec.seed, experiment.run, Purpose::Readout),
        }
    }

    fn trial(&self, index: usize, workspace: &mut Workspace) -> TrialRecording {
        let (spec, experiment) = (&self.chip.spec, self.experiment);
        let (trial, path) = (&experiment.trials[index], &spec.events);
        let external = events::external(path, &self.chip.routing.inputs, trial, spec.seed, experiment.run, index);
        let mut recording = TrialRecording {
            cadc: vec![vec![0; NEURONS]; experiment.record.cadc_times_us.len()],
            ..TrialRecording::default()
        };
        let mut resets = trial.resets_us.clone();
        resets.sort_unstable_by(f64::total_cmp);
        workspace.internal.clear();
        for layer in &self.layers {
            layer.layer.arrivals(&external, &workspace.internal, &mut workspace.arrivals);
            workspace.emitted.clear();
            if !self.layer_by_blocks(index, layer, workspace) {
                self.layer_by_neurons(index, layer, &resets, workspace, &mut recording);
            }
            let emitted = &mut workspace.emitted;
            events::sort(emitted);
            events::serialise(path, emitted, |a| a.source as usize % 256 / 32);
            events::settle(emitted);
            recording.spikes.extend(emitted.iter().map(stamp));
            let internal = |a: &Arrival| Arrival { time_us: a.time_us + path.latency_internal_us, ..*a };
            workspace.internal.extend(emitted.iter().map(internal));
        }
        for prepared in &self.loners {
            let course = Course { arrivals: &[], place: None, resets_us: &resets, duration_us: experiment.duration_us };
            let spikes = &mut workspace.spikes[0];
            self.neuron(index, prepared, &course, &mut recording, spikes);
            let source = prepared.neuron as u32;
            recording.spikes.extend(spikes.iter().map(|&time_us| stamp(&Arrival { time_us, source })));
        }
        // Stable because that sort knows runs: every layer is in order.
        recording.spikes.sort_by_key(|s| events::order(s.time_us, u32::from(s.neuron.get())));
        recording
    }

    /// Runs a layer four neurons at a time, if nobody interferes with its neurons or looks at them on the way.
    fn layer_by_blocks(&self, index: usize, layer: &PreparedLayer, workspace: &mut Workspace) -> bool {
        let (spec, experiment) = (&self.chip.spec, self.experiment);
        let trial = &experiment.trials[index];
        let undisturbed =
            experiment.record.cadc_times_us.is_empty() && trial.madc.is_none() && trial.resets_us.is_empty();
        let Some(tables) = layer.layer.blocks().filter(|_| undisturbed) else {
            return false;
        };
        let Workspace { arrivals, emitted, moments, spikes, .. } = workspace;
        moments.set(arrivals, experiment.duration_us);
        for ((neurons, block), (decays, jumps)) in layer.neurons.chunks(LANES).zip(&layer.blocks).zip(tables) {
            // Places left over have a stream, too, and nobody asks it.
            let mut streams: [Stream; LANES] =
                std::array::from_fn(|l| self.trial_noise.of(index, neurons.get(l).map_or(0, |p| p.neuron)));
            let mut thresholds = block.thresholds();
            for (l, prepared) in neurons.iter().enumerate() {
                thresholds[l] = self.threshold(prepared, &mut streams[l]);
                spikes[l].clear();
            }
            block.run(&thresholds, decays, jumps, moments, experiment.duration_us, |l, time| {
                if spikes[l].len() < MOST_SPIKES {
                    spikes[l].push(time);
                }
            });
            for (l, prepared) in neurons.iter().enumerate() {
                events::emitted(&spec.events, &spec.noise, &mut streams[l], &mut spikes[l]);
                let source = prepared.neuron as u32;
                emitted.extend(spikes[l].iter().map(|&time_us| Arrival { time_us, source }));
            }
        }
        true
    }

    fn layer_by_neurons(
        &self,
        index: usize,
        layer: &PreparedLayer,
        resets: &[f64],
        workspace: &mut Workspace,
        recording: &mut TrialRecording,
    ) {
        let Workspace { arrivals, emitted, spikes: [spikes, ..], .. } = workspace;
        for (k, prepared) in layer.neurons.iter().enumerate() {
            let course = Course {
                arrivals,
                place: Some((layer.layer, k)),
                resets_us: resets,
                duration_us: self.experiment.duration_us,
            };
            self.neuron(index, prepared, &course, recording, spikes);
            let source = prepared.neuron as u32;
            emitted.extend(spikes.iter().map(|&time_us| Arrival { time_us, source }));
        }
    }

    /// The threshold of a neuron in a trial: the first draw of its stream.
    fn threshold(&self, prepared: &Prepared, stream: &mut Stream) -> f64 {
        let Circuit { membrane, swing, .. } = &prepared.circuit;
        let spread = self.chip.spec.noise.threshold_trial_rel_std;
        if spread > 0.0 { membrane.threshold + swing * spread * stream.normal() } else { membrane.threshold }
    }

    /// Integrates one neuron, writes its samples into the recording and its spikes, as they leave it, into `spikes`.
    fn neuron(
        &self,
        trial: usize,
        prepared: &Prepared,
        course: &Course<'_>,
        recording: &mut TrialRecording,
        spikes: &mut Vec<f64>,
    ) {
        let (spec, experiment) = (&self.chip.spec, self.experiment);
        let Prepared { neuron, circuit } = *prepared;
        let mut stream = self.trial_noise.of(trial, neuron);
        let mut membrane = circuit.membrane;
        membrane.threshold = self.threshold(prepared, &mut stream);
        spikes.clear();
        let on_spike = |time: f64| {
            if spikes.len() < MOST_SPIKES {
                spikes.push(time);
            }
        };
        let request = experiment.trials[trial].madc.filter(|request| request.neuron.index() == neuron);
        let samples = sampling_times(experiment, request.is_some());
        let mut converter = self.readout_noise.of(trial, neuron);
        let (rows, trace) = (&mut recording.cadc, &mut recording.madc);
        let on_sample = |state: &State, sample: Sample| match (sample, request) {
            (Sample::Madc, Some(request)) => {
                let std = spec.noise.madc_lsb_std;
                trace.push(readout::madc(request.source, circuit.rest_lsb, state, std, &mut converter));
            }
            (Sample::Madc, None) => (),
            (Sample::Cadc(row), _) => {
                rows[row][neuron] = readout::cadc(
                    circuit.rest_lsb + state.x,
                    self.chip.neurons[neuron].cadc_offset_lsb,
                    self.chip.cadc_correction[neuron],
                    spec.noise.cadc_lsb_std,
                    &mut converter,
                );
            }
        };
        course.run(&membrane, &samples, on_sample, on_spike);
        events::emitted(&spec.events, &spec.noise, &mut stream, spikes);
    }
}

/// When and by what a neuron is sampled in a trial, sorted by time.
fn sampling_times(experiment: &Experiment, madc: bool) -> Vec<(f64, Sample)> {
    let cadc = experiment.record.cadc_times_us.iter().enumerate().map(|(row, &time)| (time, Sample::Cadc(row)));
    let mut samples: Vec<(f64, Sample)> = cadc.collect();
    if madc {
        let n = (experiment.duration_us / MADC_INTERVAL_US) as usize;
        samples.extend((0..n).map(|k| (k as f64 * MADC_INTERVAL_US, Sample::Madc)));
    }
    samples.sort_by(|a, b| a.0.total_cmp(&b.0));
    samples
}

fn stamp(arrival: &Arrival) -> Spike {
    Spike { time_us: arrival.time_us, neuron: NeuronId::saturating(f64::from(arrival.source)) }
}
