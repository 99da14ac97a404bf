//! The emulated chip: frozen deviations, the configuration written to it, and the runs.

use rayon::prelude::*;

use crate::capmem;
use crate::codes::{CapMemCode, EVENT_OUTPUTS, NEURONS, NeuronId};
use crate::device::{
    ChipIdentity, Device, DeviceError, Experiment, MADC_INTERVAL_US, Recording, RowWrite, Spike, Trial, TrialRecording,
};
use crate::engine::layered::{Course, Layer, Network, Sample};
use crate::events::{self, Arrival};
use crate::membrane::{Membrane, State};
use crate::noise::Noise;
use crate::parameters::{CodeTable, NeuronParameters, NeuronSetting};
use crate::readout;
use crate::routing::Routing;
use crate::spec::{ChipSpec, ParameterSource};
use crate::synapses::SynapseArrays;
use crate::transfer::{Effective, effective};
use crate::variation::Deviations;

/// Spikes of one neuron in one trial beyond which it counts as running away; bounds the work of a trial.
const MOST_SPIKES: usize = 100_000;

/// An emulated BrainScaleS-2 chip.
///
/// ```
/// use bss2_emu::{Chip, ChipSpec, Device, spec::Preset};
/// let chip = Chip::draw(&ChipSpec::new(Preset::Bss2, 1));
/// assert!(chip.identity().to_string().starts_with("emulated-1-"));
/// ```
#[derive(Debug, Clone)]
pub struct Chip {
    spec: ChipSpec,
    identity: ChipIdentity,
    deviations: Deviations,
    neurons: Vec<Effective>,
    cadc_correction: Vec<i8>,
    routing: Routing,
    arrays: SynapseArrays,
    network: Network,
    tables_are_stale: bool,
}

/// What a laboratory could not know.
#[derive(Debug, Clone, PartialEq)]
pub struct Truth {
    /// The physical values that the neurons have at the present setting.
    pub neurons: Vec<NeuronParameters>,
    /// Constant current onto each membrane in LSB/us.
    pub current: Vec<f64>,
    /// The frozen deviations.
    pub deviations: Deviations,
}

impl Chip {
    /// Draws the chip that a description stands for. All weights are zero, neurons are at their default codes.
    pub fn draw(spec: &ChipSpec) -> Self {
        let deviations = Deviations::draw(spec.seed, &spec.variation);
        let mut chip = Self {
            spec: *spec,
            identity: spec.identity(),
            deviations,
            neurons: Vec::new(),
            cadc_correction: Vec::new(),
            routing: Routing::default(),
            arrays: SynapseArrays::default(),
            network: Network { layers: Vec::new(), connected: vec![false; NEURONS] },
            tables_are_stale: true,
        };
        chip.set_codes(&CodeTable::default());
        chip
    }

    /// The description it was drawn from.
    pub fn spec(&self) -> &ChipSpec {
        &self.spec
    }

    /// The true parameters. Tests and studies may look; calibration and training never do.
    pub fn reveal(&self) -> Truth {
        Truth {
            neurons: self.neurons.iter().map(|n| n.parameters).collect(),
            current: self.neurons.iter().map(|n| n.current).collect(),
            deviations: self.deviations.clone(),
        }
    }

    fn set_codes(&mut self, table: &CodeTable) {
        let cells = capmem::written(self.spec.seed, self.spec.variation.capmem_write_codes_std, &table.neurons);
        self.neurons = NeuronId::all()
            .map(|n| {
                let bias: CapMemCode = table.synapse_dac_bias[n.quadrant()];
                let n = n.index();
                effective(&table.neurons[n], &cells[n], bias, &self.deviations.neurons[n])
            })
            .collect();
        self.cadc_correction.clone_from(&table.cadc_offset);
        self.tables_are_stale = true;
    }

    fn set_directly(&mut self, parameters: &[NeuronParameters]) -> Result<(), DeviceError> {
        if self.spec.parameters == ParameterSource::Codes {
            return Err(DeviceError::Unsupported(
                "this chip is set by codes; parameters can be set directly on an emulated chip with parameters = \"direct\"",
            ));
        }
        for (neuron, p) in parameters.iter().enumerate() {
            check_parameters(neuron, p)?;
        }
        self.neurons = parameters.iter().map(|p| Effective { parameters: *p, current: 0.0, fires: true }).collect();
        self.cadc_correction = vec![0; NEURONS];
        self.tables_are_stale = true;
        Ok(())
    }

    /// The membrane of a neuron without temporal noise, and its resting potential.
    fn membrane(&self, neuron: usize) -> (Membrane, f64) {
        let Effective { parameters: p, current, fires } = self.neurons[neuron];
        let rest = p.v_leak_lsb + current * p.tau_mem_us;
        let mut membrane = Membrane::new(p.tau_mem_us, p.tau_syn_exc_us, p.tau_syn_inh_us);
        membrane.reset = p.v_reset_lsb - rest;
        if fires {
            membrane.threshold = p.v_threshold_lsb - rest;
        }
        let circuits = &self.spec.circuits;
        if circuits.operating_limits {
            membrane.lower = circuits.lower_limit_lsb - rest;
            membrane.upper = circuits.upper_limit_lsb - rest;
        }
        membrane.refractory_us = if circuits.refiring { p.refractory_us } else { f64::INFINITY };
        (membrane, rest)
    }

    fn check_inputs(&self, experiment: &Experiment) -> Result<(), DeviceError> {
        for (trial, content) in experiment.trials.iter().enumerate() {
            for spike in &content.spikes {
                let refuse = |expected| {
                    Err(DeviceError::InputSpike { trial, channel: spike.channel, time_us: spike.time_us, expected })
                };
                if usize::from(spike.channel) >= self.routing.inputs.len() {
                    return refuse("a channel of the routing");
                }
                if !(0.0..=experiment.duration_us).contains(&spike.time_us) {
                    return refuse("a time within the trial");
                }
            }
        }
        Ok(())
    }
}

fn check_parameters(neuron: usize, p: &NeuronParameters) -> Result<(), DeviceError> {
    let refuse = |parameter, value, expected| Err(DeviceError::Parameter { neuron, parameter, value, expected });
    for (name, value) in
        [("tau_mem_us", p.tau_mem_us), ("tau_syn_exc_us", p.tau_syn_exc_us), ("tau_syn_inh_us", p.tau_syn_inh_us)]
    {
        if !(value > 0.0 && value.is_finite()) {
            return refuse(name, value, "a positive time");
        }
    }
    for (name, value) in
        [("v_leak_lsb", p.v_leak_lsb), ("v_reset_lsb", p.v_reset_lsb), ("v_threshold_lsb", p.v_threshold_lsb)]
    {
        if !value.is_finite() {
            return refuse(name, value, "a potential");
        }
    }
    for (name, value) in [("gain_exc", p.gain_exc), ("gain_inh", p.gain_inh), ("refractory_us", p.refractory_us)] {
        if !(value >= 0.0 && value.is_finite()) {
            return refuse(name, value, "zero or a positive number");
        }
    }
    Ok(())
}

/// One neuron as it is in one run: the membrane with the run's slow noise.
struct Prepared {
    neuron: usize,
    membrane: Membrane,
    rest_lsb: f64,
    /// Threshold minus leak: what threshold noise is relative to.
    swing: f64,
}

impl Chip {
    fn prepare(&self, neuron: usize, experiment: &Experiment) -> Prepared {
        let (mut membrane, rest_lsb) = self.membrane(neuron);
        let p = &self.neurons[neuron].parameters;
        let swing = p.v_threshold_lsb - p.v_leak_lsb;
        membrane.threshold += swing * self.spec.noise.run_threshold(self.spec.seed, experiment.run, neuron);
        Prepared { neuron, membrane, rest_lsb, swing }
    }

    /// Whether a neuron without synapses can be left out when nobody looks at it: it cannot fire by itself, not even with
    /// threshold noise of ten standard deviations.
    fn is_idle(&self, neuron: usize) -> bool {
        let (membrane, _) = self.membrane(neuron);
        let p = &self.neurons[neuron].parameters;
        let noise = self.spec.noise.threshold_trial_rel_std + self.spec.noise.threshold_run_rel_std;
        let lowest = membrane.threshold - 10.0 * noise * (p.v_threshold_lsb - p.v_leak_lsb).abs();
        lowest > 0.0 && membrane.reset < lowest
    }

    fn run_trial(
        &self,
        experiment: &Experiment,
        index: usize,
        layers: &[(&Layer, Vec<Prepared>)],
        loners: &[Prepared],
    ) -> TrialRecording {
        let trial = &experiment.trials[index];
        let path = &self.spec.events;
        let external = events::external(path, &self.routing.inputs, trial, self.spec.seed, experiment.run, index);
        let mut recording = TrialRecording {
            cadc: vec![vec![0; NEURONS]; experiment.record.cadc_times_us.len()],
            ..TrialRecording::default()
        };
        let mut internal: Vec<Arrival> = Vec::new();
        let mut resets = trial.resets_us.clone();
        resets.sort_unstable_by(f64::total_cmp);
        for (layer, neurons) in layers {
            let arrivals = layer.arrivals(&external, &internal);
            let mut emitted: Vec<Arrival> = Vec::new();
            for (k, prepared) in neurons.iter().enumerate() {
                let course = Course {
                    arrivals: &arrivals,
                    place: Some((layer, k)),
                    resets_us: &resets,
                    duration_us: experiment.duration_us,
                };
                let spikes = self.run_neuron(experiment, index, prepared, &course, &mut recording);
                emitted.extend(spikes.iter().map(|&time_us| Arrival { time_us, source: prepared.neuron as u32 }));
            }
            events::sort(&mut emitted);
            for output in 0..EVENT_OUTPUTS {
                let of_output = |a: &&mut Arrival| a.source as usize % 256 / 32 == output;
                events::serialise(path, emitted.iter_mut().filter(of_output));
            }
            recording.spikes.extend(emitted.iter().map(stamp));
            internal.extend(emitted.iter().map(|a| Arrival { time_us: a.time_us + path.latency_internal_us, ..*a }));
        }
        for prepared in loners {
            let course = Course { arrivals: &[], place: None, resets_us: &resets, duration_us: experiment.duration_us };
            let spikes = self.run_neuron(experiment, index, prepared, &course, &mut recording);
            recording
                .spikes
                .extend(spikes.iter().map(|&time_us| stamp(&Arrival { time_us, source: prepared.neuron as u32 })));
        }
        recording.spikes.sort_by(|a, b| a.time_us.total_cmp(&b.time_us).then(a.neuron.cmp(&b.neuron)));
        recording
    }

    /// Integrates one neuron, writes its samples into the recording and returns its spikes as they leave it.
    fn run_neuron(
        &self,
        experiment: &Experiment,
        trial: usize,
        prepared: &Prepared,
        course: &Course<'_>,
        recording: &mut TrialRecording,
    ) -> Vec<f64> {
        let noise = &self.spec.noise;
        let neuron = prepared.neuron;
        let mut stream = Noise::neuron_trial(self.spec.seed, experiment.run, trial, neuron);
        let mut membrane = prepared.membrane;
        if noise.threshold_trial_rel_std > 0.0 {
            membrane.threshold += prepared.swing * noise.threshold_trial_rel_std * stream.normal();
        }
        let mut spikes = Vec::new();
        let on_spike = |time: f64| {
            if spikes.len() < MOST_SPIKES {
                spikes.push(time);
            }
        };
        let request = experiment.trials[trial].madc.filter(|request| request.neuron.index() == neuron);
        let samples = sampling_times(experiment, request.is_some());
        let mut converter = Noise::readout(self.spec.seed, experiment.run, trial, neuron);
        let (rows, trace) = (&mut recording.cadc, &mut recording.madc);
        let on_sample = |state: &State, sample: Sample| match (sample, request) {
            (Sample::Madc, Some(request)) => {
                trace.push(readout::madc(request.source, prepared.rest_lsb, state, noise.madc_lsb_std, &mut converter));
            }
            (Sample::Madc, None) => (),
            (Sample::Cadc(row), _) => {
                rows[row][neuron] = readout::cadc(
                    prepared.rest_lsb + state.x,
                    self.deviations.neurons[neuron].cadc_offset_lsb,
                    self.cadc_correction[neuron],
                    noise.cadc_lsb_std,
                    &mut converter,
                );
            }
        };
        course.run(&membrane, &samples, on_sample, on_spike);
        events::emitted(&self.spec.events, noise, &mut stream, &mut spikes);
        spikes
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

impl Device for Chip {
    fn identity(&self) -> &ChipIdentity {
        &self.identity
    }

    fn configure(&mut self, setting: &NeuronSetting) -> Result<(), DeviceError> {
        let length = |what, found| {
            if found == NEURONS { Ok(()) } else { Err(DeviceError::WrongLength { what, found, expected: NEURONS }) }
        };
        match setting {
            NeuronSetting::Codes(table) => {
                length("neuron codes", table.neurons.len())?;
                length("CADC offsets", table.cadc_offset.len())?;
                if self.spec.parameters == ParameterSource::Direct {
                    return Err(DeviceError::Unsupported(
                        "this emulated chip is set directly (parameters = \"direct\"); codes mean nothing to it",
                    ));
                }
                self.set_codes(table);
                Ok(())
            }
            NeuronSetting::Direct(parameters) => {
                length("neuron parameters", parameters.len())?;
                self.set_directly(parameters)
            }
        }
    }

    fn connect(&mut self, routing: &Routing) -> Result<(), DeviceError> {
        routing.check()?;
        self.network = Network::compile(routing)?;
        self.routing = routing.clone();
        self.arrays = SynapseArrays::default();
        self.tables_are_stale = true;
        Ok(())
    }

    fn write_weights(&mut self, rows: &[RowWrite]) -> Result<(), DeviceError> {
        for row in rows {
            self.arrays.write(row)?;
        }
        self.tables_are_stale = true;
        Ok(())
    }

    fn run(&mut self, experiment: &Experiment) -> Result<Recording, DeviceError> {
        self.check_inputs(experiment)?;
        if self.tables_are_stale {
            let parameters: Vec<NeuronParameters> = self.neurons.iter().map(|n| n.parameters).collect();
            self.network.load(&self.arrays, &self.deviations.synapses, &parameters);
            self.tables_are_stale = false;
        }
        let chip = &*self;
        let layers: Vec<(&Layer, Vec<Prepared>)> = chip
            .network
            .layers
            .iter()
            .map(|layer| (layer, layer.neurons.iter().map(|&n| chip.prepare(n, experiment)).collect()))
            .collect();
        let observed = |n: usize| {
            !experiment.record.cadc_times_us.is_empty()
                || experiment.trials.iter().any(|t: &Trial| t.madc.is_some_and(|m| m.neuron.index() == n))
        };
        let loners: Vec<Prepared> = (0..NEURONS)
            .filter(|&n| !chip.network.connected[n] && (observed(n) || !chip.is_idle(n)))
            .map(|n| chip.prepare(n, experiment))
            .collect();
        let trials = (0..experiment.trials.len())
            .into_par_iter()
            .map(|index| chip.run_trial(experiment, index, &layers, &loners))
            .collect::<Vec<_>>();
        let hardware_time_us = experiment.duration_us * trials.len() as f64;
        Ok(Recording { trials, hardware_time_us })
    }
}

#[cfg(test)]
mod tests;
