//! A run: the trials of an experiment on a configured chip.
//!
//! What a run shares, whichever engine it takes: the neurons with the slow noise of the run, the draws of each neuron in each
//! trial, the way of its spikes, and the converters that look at it.

use std::borrow::Cow;

use rayon::prelude::*;

use super::circuits::Neuron;
use super::{Chip, Engine, event, fast, layered};
use crate::codes::NEURONS;
use crate::device::{
    Batch, DeviceError, Experiment, FirstSpikes, MADC_INTERVAL_US, Recording, SpikeCounter, TrialRecording,
};
use crate::dynamics::{Body, View};
use crate::engine::block::Moments;
use crate::engine::course::Sample;
use crate::engine::wiring::Jump;
use crate::events::{self, Arrival, Emitted, Traffic, TrialAddress};
use crate::membrane::Membrane;
use crate::noise::Draws;
use crate::readout;
use crate::rng::{Purpose, Stream};

/// Spikes of one neuron in one trial beyond which it counts as running away and is silenced; bounds the work of a trial.
const MOST_SPIKES: u32 = 100_000;

/// Runs all trials. Neurons and tables of the chip are up to date.
pub(super) fn run(chip: &Chip, experiment: &Experiment, engine: Engine) -> Recording {
    let run = Run::new(chip, experiment, engine);
    let layers: Vec<_> = chip.layers.iter().flatten().map(|layer| layered::PreparedLayer::new(layer, &run)).collect();
    let mut bystanders: Vec<usize> = (0..run.neurons.len()).collect();
    bystanders.retain(|place| !layers.iter().any(|layer| layer.contains(*place)));
    let trials: Vec<TrialRecording> = (0..experiment.trials.len())
        .into_par_iter()
        .map_init(Workspace::default, |workspace, index| {
            let mut recording = run.blank();
            workspace.begin(&experiment.trials[index].resets_us);
            match engine {
                Engine::Layered | Engine::Fast => {
                    layered::trial(&run, (&layers, &bystanders), index, workspace, &mut recording);
                }
                Engine::Event => event::trial(&run, index, workspace, &mut recording),
            }
            // Stable because that sort knows runs: every layer is in order.
            recording.spikes.sort_by_key(|s| events::order(s.time_us, u32::from(s.neuron.get())));
            recording
        })
        .collect();
    Recording { hardware_time_us: experiment.duration_us * trials.len() as f64, trials }
}

/// Runs all trials by the fast engine, if it is asked for and can run them.
pub(super) fn run_fast(chip: &Chip, experiment: &Experiment) -> Option<Recording> {
    let layers = chip.fast.as_ref().filter(|_| chip.wanted_engine == Some(Engine::Fast))?;
    let run = Run::new(chip, experiment, Engine::Fast);
    if !fast::runs(&run) {
        return None;
    }
    let mut trials = fast::trials(&run, layers);
    for trial in &mut trials {
        trial.spikes.sort_by_key(|s| events::order(s.time_us, u32::from(s.neuron.get())));
    }
    Some(Recording { hardware_time_us: experiment.duration_us * trials.len() as f64, trials })
}

/// Runs trials for their first spikes by the fast engine, if it is asked for and can run them.
pub(super) fn run_fast_for_first_spikes(
    chip: &Chip,
    experiment: &Experiment,
    batch: &Batch<'_>,
    out: &mut FirstSpikes,
) -> Option<Result<(), DeviceError>> {
    let layers = chip.fast.as_ref().filter(|_| chip.wanted_engine == Some(Engine::Fast))?;
    let run = Run::new(chip, experiment, Engine::Fast);
    fast::runs(&run).then(|| fast::first_spikes(&run, layers, batch, out))
}

/// One neuron as it is in one run.
pub(super) struct Prepared<'a> {
    /// Its number, that of its first circuit.
    pub index: usize,
    pub neuron: &'a Neuron,
    /// Threshold relative to rest, with the slow noise of the run.
    pub threshold: f64,
}

impl Prepared<'_> {
    /// The membrane of a plain neuron.
    pub fn membrane(&self) -> Option<&Membrane> {
        match &self.neuron.body {
            Body::Lif(membrane) => Some(membrane),
            _ => None,
        }
    }
}

/// One neuron as it is in one trial.
pub(super) struct Personal<'a> {
    pub stream: Stream,
    pub body: Cow<'a, Body>,
    pub rest_lsb: f64,
    /// Threshold without the noise that is fresh for each spike.
    pub base: f64,
    /// Threshold for the first spike.
    pub threshold: f64,
}

pub(super) struct Run<'a> {
    pub chip: &'a Chip,
    pub experiment: &'a Experiment,
    /// Those that have synapses, may fire by themselves, or are looked at; ascending.
    pub neurons: Vec<Prepared<'a>>,
    pub trial_noise: Draws,
    readout_noise: Draws,
    /// By line; for the event engine alone.
    pub targets: Vec<Vec<Target>>,
}

/// Effect of a line on a neuron, by its place in the run.
pub(super) struct Target {
    pub place: u32,
    pub input: u16,
    pub size: f64,
}

/// What a thread keeps from trial to trial, to spare the allocations.
#[derive(Default)]
pub(super) struct Workspace {
    pub traffic: Traffic,
    /// Events of all lines.
    pub arrivals: Vec<Arrival>,
    /// Those of one layer.
    pub of_layer: Vec<Arrival>,
    /// Spikes on their way out.
    pub emitted: Vec<Emitted>,
    pub moments: Moments,
    /// Times of forced resets, sorted.
    pub resets: Vec<f64>,
}

impl Workspace {
    fn begin(&mut self, resets_us: &[f64]) {
        self.emitted.clear();
        self.resets.clear();
        self.resets.extend(resets_us);
        self.resets.sort_unstable_by(f64::total_cmp);
    }
}

impl<'a> Run<'a> {
    fn new(chip: &'a Chip, experiment: &'a Experiment, engine: Engine) -> Self {
        let sampled = !experiment.record.cadc_times_us.is_empty();
        let looked_at = |n: usize| {
            let by_madc = |circuit: &usize| {
                experiment.trials.iter().any(|t| t.madc.is_some_and(|m| m.neuron.index() == *circuit))
            };
            sampled || chip.wiring.circuits(n).iter().any(by_madc)
        };
        let prepare = |index: usize| {
            let neuron = chip.neurons[index].as_ref()?;
            if neuron.idle && chip.wiring.incoming(index).is_empty() && !looked_at(index) {
                return None;
            }
            let noise = chip
                .slow_noise
                .of(index)
                .unwrap_or_else(|| chip.spec.noise.run_threshold(chip.spec.seed, experiment.run, index));
            Some(Prepared { index, neuron, threshold: neuron.body.start().threshold() + neuron.swing * noise })
        };
        let neurons: Vec<Prepared<'_>> = (0..NEURONS).filter_map(prepare).collect();
        let mut targets = Vec::new();
        if engine == Engine::Event {
            targets.resize_with(chip.wiring.lines.len(), Vec::new);
            for (place, prepared) in neurons.iter().enumerate() {
                for Jump { line, input, size } in chip.jumps(prepared.index) {
                    targets[*line as usize].push(Target { place: place as u32, input: *input, size: *size });
                }
            }
        }
        Self {
            chip,
            experiment,
            neurons,
            targets,
            trial_noise: Draws::new(chip.spec.seed, experiment.run, Purpose::NeuronTrial),
            readout_noise: Draws::new(chip.spec.seed, experiment.run, Purpose::Readout),
        }
    }

    /// Place of a neuron in the list.
    pub fn place_of(&self, neuron: usize) -> Option<usize> {
        self.neurons.binary_search_by_key(&neuron, |p| p.index).ok()
    }

    pub fn blank(&self) -> TrialRecording {
        let record = &self.experiment.record;
        TrialRecording {
            cadc: vec![vec![0; NEURONS]; record.cadc_times_us.len()],
            counters: if record.spike_counters { vec![SpikeCounter::default(); NEURONS] } else { Vec::new() },
            ..TrialRecording::default()
        }
    }

    /// Brings the input spikes of a trial to their synapses.
    pub fn external(&self, index: usize, workspace: &mut Workspace) {
        let Workspace { traffic, arrivals, .. } = workspace;
        let address = TrialAddress { chip_seed: self.chip.spec.seed, run: self.experiment.run, trial: index };
        let trial = (&self.experiment.trials[index], self.experiment.duration_us);
        traffic.external(&self.chip.spec.events, &self.chip.wiring.lines, trial, address, arrivals);
    }

    /// The threshold of a neuron in a trial, relative to its rest there, and the shift of the rest: the first draws of its stream.
    pub fn trial_threshold(&self, prepared: &Prepared<'_>, stream: &mut Stream) -> (f64, f64) {
        let noise = &self.chip.spec.noise;
        let mut draw = |std: f64| if std > 0.0 { prepared.neuron.swing * std * stream.normal() } else { 0.0 };
        let threshold = prepared.threshold + draw(noise.threshold_trial_rel_std);
        let shift = draw(noise.leak_trial_rel_std);
        (threshold - shift, shift)
    }

    /// The threshold for the next spike.
    pub fn spike_threshold(&self, prepared: &Prepared<'_>, base: f64, stream: &mut Stream) -> f64 {
        let std = self.chip.spec.noise.threshold_spike_rel_std;
        if std > 0.0 { base + prepared.neuron.swing * std * stream.normal() } else { base }
    }

    /// The neuron in a trial.
    pub fn personal(&self, index: usize, prepared: &Prepared<'a>) -> Personal<'a> {
        let mut stream = self.trial_noise.of(index, prepared.index);
        let (base, shift) = self.trial_threshold(prepared, &mut stream);
        let threshold = self.spike_threshold(prepared, base, &mut stream);
        let Neuron { body, rest_lsb, .. } = prepared.neuron;
        let body = if shift == 0.0 { Cow::Borrowed(body) } else { Cow::Owned(body.at_rest_shifted_by(shift)) };
        Personal { stream, body, rest_lsb: rest_lsb + shift, base, threshold }
    }

    /// Lets a spike out, the `count`th of its neuron in this trial; the threshold for the next. `base` is the threshold
    /// without the noise that is fresh for each spike.
    pub fn fired(
        &self,
        prepared: &Prepared<'_>,
        (crossed_us, count, base): (f64, u32, f64),
        stream: &mut Stream,
        emit: impl FnOnce(Emitted),
    ) -> f64 {
        let spec = &self.chip.spec;
        if let Some(time_us) = events::emit(&spec.events, &spec.noise, stream, crossed_us) {
            emit(Emitted { time_us, crossed_us, neuron: prepared.index as u32 });
        }
        if count < MOST_SPIKES { self.spike_threshold(prepared, base, stream) } else { f64::INFINITY }
    }

    /// When and by what a neuron is sampled in a trial, sorted by time.
    pub fn samples(&self, index: usize, prepared: &Prepared<'_>) -> Vec<(f64, Sample)> {
        let experiment = self.experiment;
        let cadc = experiment.record.cadc_times_us.iter().enumerate();
        let mut samples: Vec<(f64, Sample)> = cadc.map(|(row, &time)| (time, Sample::Cadc(row))).collect();
        if self.madc_circuit(index, prepared).is_some() {
            let n = (experiment.duration_us / MADC_INTERVAL_US) as usize;
            samples.extend((0..n).map(|k| (k as f64 * MADC_INTERVAL_US, Sample::Madc)));
        }
        samples.sort_by(|a, b| a.0.total_cmp(&b.0));
        samples
    }

    /// The circuit of this neuron that the MADC looks at.
    pub fn madc_circuit(&self, index: usize, prepared: &Prepared<'_>) -> Option<usize> {
        let circuit = self.experiment.trials[index].madc?.neuron.index();
        self.chip.wiring.circuits(prepared.index).contains(&circuit).then_some(circuit)
    }

    /// The converters that look at a neuron in a trial in which it rests at `rest_lsb`.
    pub fn readout(&self, index: usize, prepared: &Prepared<'_>, rest_lsb: f64) -> Readout<'a> {
        let circuits = self.chip.wiring.circuits(prepared.index);
        Readout {
            chip: self.chip,
            circuits: circuits.iter().map(|c| (*c, self.readout_noise.of(index, *c))).collect(),
            request: self.experiment.trials[index].madc,
            rest_lsb,
        }
    }
}

/// Notes how often a neuron has fired, if its counter is read.
pub(super) fn count(recording: &mut TrialRecording, neuron: usize, spikes: u32) {
    if let Some(counter) = recording.counters.get_mut(neuron) {
        *counter = SpikeCounter { count: spikes as u8, overflow: spikes > u32::from(u8::MAX) };
    }
}

/// The converters that look at one neuron in one trial: one CADC channel for each of its circuits, and perhaps the MADC.
pub(super) struct Readout<'a> {
    chip: &'a Chip,
    /// With the converters' noise.
    circuits: Vec<(usize, Stream)>,
    request: Option<crate::device::MadcRequest>,
    rest_lsb: f64,
}

impl Readout<'_> {
    /// Takes a sample.
    pub fn take(&mut self, time_us: f64, view: View, sample: Sample, recording: &mut TrialRecording) {
        let noise = &self.chip.spec.noise;
        for (circuit, stream) in &mut self.circuits {
            match (sample, self.request) {
                (Sample::Cadc(row), _) => {
                    recording.cadc[row][*circuit] = readout::cadc(
                        self.rest_lsb + view.potential,
                        self.chip.effective[*circuit].cadc,
                        self.chip.cadc_correction[*circuit],
                        noise.cadc_lsb_std,
                        stream,
                    );
                }
                (Sample::Madc, Some(request)) if request.neuron.index() == *circuit => {
                    let std = noise.madc_lsb_std;
                    recording.madc.push(readout::madc(request.source, self.rest_lsb, time_us, &view, std, stream));
                }
                (Sample::Madc, _) => (),
            }
        }
    }
}
