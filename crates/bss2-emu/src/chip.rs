//! The emulated chip: frozen deviations, the configuration written to it, and the runs.

mod circuits;
mod event;
mod fast;
mod layered;
mod run;
mod setting;

use std::sync::OnceLock;

use crate::codes::NEURONS;
use crate::device::{
    Batch, ChipIdentity, Device, DeviceError, Experiment, FirstSpikes, InputSpike, Recording, RowWrite, RunId,
};
use crate::engine::layered::Layer;
use crate::engine::wiring::{Jump, Strengths, Wiring};
use crate::noise::SlowNoise;
use crate::parameters::{CodeTable, NeuronParameters, NeuronSetting};
use crate::residual::ResidualTable;
use crate::routing::Routing;
use crate::spec::{ChipSpec, ParameterSource};
use crate::synapses::SynapseArrays;
use crate::transfer::Effective;
use crate::variation::Deviations;

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
    /// Given residuals, in the place of drawn ones.
    residuals: Option<ResidualTable>,
    /// By circuit.
    effective: Vec<Effective>,
    cadc_correction: Vec<i8>,
    routing: Routing,
    arrays: SynapseArrays,
    wanted_engine: Option<Engine>,
    wiring: Wiring,
    /// By circuit; none where it is joined to another's neuron.
    neurons: Vec<Option<circuits::Neuron>>,
    /// Neurons by layer, or why they cannot be run layer by layer.
    layers: Result<Vec<Layer>, DeviceError>,
    /// The same neurons as the fast engine has them, if it is asked for and can run them.
    fast: Option<Vec<fast::FastLayer>>,
    /// Effects of all lines, by neuron, as far as somebody has asked.
    jumps: Vec<OnceLock<Vec<Jump>>>,
    slow_noise: SlowNoise,
    neurons_are_stale: bool,
    weights_are_stale: bool,
    layers_are_stale: bool,
}

/// How a chip's trials are computed. What is recorded is the same to the last tick, but for [`Engine::Fast`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// From event to event: every configuration.
    Event,
    /// One layer after the other: feed-forward networks, faster.
    Layered,
    /// The same in single precision, much faster, where the configuration allows it: neurons of up to eight circuits that are
    /// linear between events, events on the time grid, nobody who looks at the neurons on the way; else as [`Engine::Layered`].
    /// Spikes differ from those of the other engines by one tick for at most one in 1000, and spike or not within 1e-5 of
    /// the threshold; so it is never chosen unasked.
    Fast,
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
        let deviations = Deviations::draw(spec);
        let routing = Routing::default();
        let wiring = Wiring::compile(&routing);
        let mut chip = Self {
            spec: *spec,
            identity: spec.identity(),
            deviations,
            residuals: None,
            effective: Vec::new(),
            cadc_correction: Vec::new(),
            wiring,
            routing,
            arrays: SynapseArrays::default(),
            wanted_engine: None,
            neurons: Vec::new(),
            layers: Ok(Vec::new()),
            fast: None,
            jumps: Vec::new(),
            slow_noise: SlowNoise::default(),
            neurons_are_stale: true,
            weights_are_stale: true,
            layers_are_stale: true,
        };
        chip.set_codes(&CodeTable::default());
        chip
    }

    /// Draws a chip whose neurons miss what they are set to by a given table instead of by draws from
    /// [`ChipSpec::residual`]; synapses and delays that are not in it are drawn as described. The table is part of the chip's
    /// identity.
    ///
    /// # Errors
    /// [`DeviceError::Unsupported`] for a chip that is set by codes.
    pub fn draw_with_residuals(spec: &ChipSpec, table: ResidualTable) -> Result<Self, DeviceError> {
        if spec.parameters == ParameterSource::Codes {
            return Err(DeviceError::Unsupported(
                "this chip is set by codes; a table of residuals needs an emulated chip with parameters = \"direct\"",
            ));
        }
        let mut chip = Self::draw(spec);
        chip.identity = ChipIdentity(format!("{}-{}", chip.identity, table.fingerprint()));
        table.overwrite(&mut chip.deviations);
        chip.residuals = Some(table);
        Ok(chip)
    }

    /// Chooses the engine; `None`: the layered one wherever it is exact. Running fails where the engine that is asked for cannot run
    /// the configuration.
    pub fn set_engine(&mut self, engine: Option<Engine>) {
        self.wanted_engine = engine;
    }

    /// The description it was drawn from.
    pub fn spec(&self) -> &ChipSpec {
        &self.spec
    }

    /// The true parameters. Tests and studies may look; calibration and training never do.
    pub fn reveal(&self) -> Truth {
        Truth {
            neurons: self.effective.iter().map(|n| n.parameters).collect(),
            current: self.effective.iter().map(|n| n.current).collect(),
            deviations: self.deviations.clone(),
        }
    }

    /// Brings neurons and tables up to the present routing, setting and weights.
    fn refresh(&mut self) -> Result<(), DeviceError> {
        if self.neurons_are_stale {
            let parameters: Vec<_> = self.effective.iter().map(|n| n.parameters).collect();
            let errors = &self.deviations.delay_pair_us;
            let pairs: Vec<_> = self.routing.delay_pairs.iter().map(|p| (*p, errors[p.neuron.index()])).collect();
            self.neurons = circuits::neurons(&self.spec, &self.wiring, &pairs, &self.effective)?;
            self.make_layers(&parameters);
            self.fast = None;
            self.neurons_are_stale = false;
            self.weights_are_stale = true;
        }
        if self.wanted_engine == Some(Engine::Fast) && self.fast.is_none() {
            self.fast = self.make_fast_layers();
            self.weights_are_stale = true;
        }
        if self.weights_are_stale {
            let synapses = Strengths { arrays: &self.arrays, deviations: &self.deviations.synapses };
            if let Some(layers) = &mut self.fast {
                for layer in layers {
                    layer.load(&synapses);
                }
            }
            self.layers_are_stale = true;
            self.jumps = vec![OnceLock::new(); NEURONS];
            self.weights_are_stale = false;
        }
        Ok(())
    }

    /// Draws the slow noise of the neurons that take part in a run.
    fn look_up_slow_noise(&mut self, run: RunId) {
        let (neurons, wiring) = (&self.neurons, &self.wiring);
        let takes_part = |n: &usize| {
            let neuron = neurons[*n].as_ref();
            neuron.is_some_and(|neuron| !neuron.idle || !wiring.incoming(*n).is_empty())
        };
        self.slow_noise.look_up(&self.spec.noise, self.spec.seed, run, (0..NEURONS).filter(takes_part));
    }

    /// Fills the tables of the layered engine.
    fn refresh_layers(&mut self) {
        if self.layers_are_stale {
            let parameters: Vec<_> = self.effective.iter().map(|n| n.parameters).collect();
            let synapses = Strengths { arrays: &self.arrays, deviations: &self.deviations.synapses };
            for layer in self.layers.iter_mut().flatten() {
                layer.load(&synapses, &parameters);
            }
            self.layers_are_stale = false;
        }
    }

    /// Effects of all lines on a neuron.
    fn jumps(&self, neuron: usize) -> &[Jump] {
        self.jumps[neuron].get_or_init(|| {
            let synapses = Strengths { arrays: &self.arrays, deviations: &self.deviations.synapses };
            let body = self.neurons[neuron].as_ref();
            body.map_or_else(Vec::new, |body| self.wiring.jumps(neuron, &synapses, &body.gains))
        })
    }

    /// The layers for the fast engine; `None` if it cannot run this configuration.
    fn make_fast_layers(&self) -> Option<Vec<fast::FastLayer>> {
        let layers = self.layers.as_ref().ok().filter(|_| fast::knows(self))?;
        let layers: Option<Vec<_>> = layers.iter().map(|layer| fast::FastLayer::new(self, layer.neurons())).collect();
        layers.map(|mut layers| {
            fast::FastLayer::tell(&mut layers);
            layers
        })
    }

    /// Sorts the neurons that may fire into layers, if they can be run layer by layer.
    fn make_layers(&mut self, parameters: &[NeuronParameters]) {
        let takes_part = |n: usize| {
            let neuron = self.neurons[n].as_ref();
            neuron.is_some_and(|neuron| !neuron.idle || !self.wiring.incoming(n).is_empty())
        };
        self.layers = self.wiring.stages(takes_part, self.spec.events.serialisation).map(|stages| {
            let layer = |stage| {
                let members = (0..NEURONS).filter(|n| stages[*n] == Some(stage));
                let is_plain = |n: &usize| self.neurons[*n].as_ref().is_some_and(|neuron| neuron.plain);
                let (plain, others) = members.partition(is_plain);
                Layer::new(&self.wiring, plain, others, parameters)
            };
            (0..stages.iter().flatten().max().map_or(0, |last| last + 1)).map(layer).collect()
        });
    }

    /// The engine that runs the present configuration.
    fn engine(&self) -> Result<Engine, DeviceError> {
        match (self.wanted_engine, &self.layers) {
            (Some(Engine::Event), _) | (None, Err(_)) => Ok(Engine::Event),
            (Some(Engine::Layered | Engine::Fast) | None, Ok(_)) => Ok(Engine::Layered),
            (Some(Engine::Layered | Engine::Fast), Err(error)) => Err(error.clone()),
        }
    }

    fn check_inputs(&self, experiment: &Experiment) -> Result<(), DeviceError> {
        if !(experiment.duration_us >= 0.0 && experiment.duration_us.is_finite()) {
            return Err(DeviceError::Time { what: "duration_us", time_us: experiment.duration_us, limit_us: f64::MAX });
        }
        let resets = experiment.trials.iter().flat_map(|t| &t.resets_us).map(|time| ("resets_us", *time));
        let looks = experiment.record.cadc_times_us.iter().map(|time| ("cadc_times_us", *time));
        for (what, time_us) in resets.chain(looks) {
            if !(0.0..=experiment.duration_us).contains(&time_us) {
                return Err(DeviceError::Time { what, time_us, limit_us: experiment.duration_us });
            }
        }
        for (trial, content) in experiment.trials.iter().enumerate() {
            self.check_spikes(trial, &content.spikes, experiment.duration_us)?;
        }
        Ok(())
    }

    /// Refuses input spikes of a trial that are not valid.
    fn check_spikes(&self, trial: usize, spikes: &[InputSpike], duration_us: f64) -> Result<(), DeviceError> {
        for spike in spikes {
            let refuse = |expected| {
                Err(DeviceError::InputSpike { trial, channel: spike.channel, time_us: spike.time_us, expected })
            };
            if usize::from(spike.channel) >= self.routing.inputs.len() {
                return refuse("a channel of the routing");
            }
            if !(0.0..=duration_us).contains(&spike.time_us) {
                return refuse("a time within the trial");
            }
        }
        Ok(())
    }
}

impl Device for Chip {
    fn identity(&self) -> &ChipIdentity {
        &self.identity
    }

    fn configure(&mut self, setting: &NeuronSetting) -> Result<(), DeviceError> {
        self.set(setting)
    }

    fn connect(&mut self, routing: &Routing) -> Result<(), DeviceError> {
        routing.check()?;
        self.wiring = Wiring::compile(routing);
        self.routing = routing.clone();
        self.arrays = SynapseArrays::default();
        self.neurons_are_stale = true;
        Ok(())
    }

    fn write_weights(&mut self, rows: &[RowWrite]) -> Result<(), DeviceError> {
        for row in rows {
            self.weights_are_stale |= self.arrays.write(row)?;
        }
        Ok(())
    }

    fn run(&mut self, experiment: &Experiment) -> Result<Recording, DeviceError> {
        self.check_inputs(experiment)?;
        self.refresh()?;
        let engine = self.engine()?;
        event::check(self, engine)?;
        self.look_up_slow_noise(experiment.run);
        if let Some(recording) = run::run_fast(self, experiment) {
            return Ok(recording);
        }
        self.refresh_layers();
        Ok(run::run(self, experiment, engine))
    }

    fn first_spikes(&mut self, batch: &Batch<'_>, out: &mut FirstSpikes) -> Result<(), DeviceError> {
        let experiment = batch.empty();
        self.check_inputs(&experiment)?;
        self.refresh()?;
        event::check(self, self.engine()?)?;
        self.look_up_slow_noise(batch.run);
        match run::run_fast_for_first_spikes(self, &experiment, batch, out) {
            Some(done) => done,
            None => batch.by_recording(self, out),
        }
    }
}

#[cfg(test)]
mod tests;
