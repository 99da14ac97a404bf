//! The emulated chip: frozen deviations, the configuration written to it, and the runs.

mod circuits;
mod event;
mod layered;
mod run;
mod setting;

use crate::codes::NEURONS;
use crate::device::{ChipIdentity, Device, DeviceError, Experiment, Recording, RowWrite};
use crate::engine::layered::Layer;
use crate::engine::wiring::{Jump, Strengths, Wiring};
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
    /// Effects of all lines, by neuron.
    jumps: Vec<Vec<Jump>>,
    neurons_are_stale: bool,
    weights_are_stale: bool,
}

/// How a chip's trials are computed. What is recorded is the same to the last tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// From event to event: every configuration.
    Event,
    /// One layer after the other: feed-forward networks, faster.
    Layered,
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
            jumps: Vec::new(),
            neurons_are_stale: true,
            weights_are_stale: true,
        };
        chip.set_codes(&CodeTable::default());
        chip
    }

    /// Draws a chip whose neurons miss what they are set to by a given table instead of by draws from
    /// [`ChipSpec::residual`]; synapses and delays are drawn as described. The table is part of the chip's identity.
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
        let parameters: Vec<_> = self.effective.iter().map(|n| n.parameters).collect();
        if self.neurons_are_stale {
            let errors = &self.deviations.delay_pair_us;
            let pairs: Vec<_> = self.routing.delay_pairs.iter().map(|p| (*p, errors[p.neuron.index()])).collect();
            self.neurons = circuits::neurons(&self.spec, &self.wiring, &pairs, &self.effective)?;
            self.make_layers(&parameters);
            self.neurons_are_stale = false;
            self.weights_are_stale = true;
        }
        if self.weights_are_stale {
            let synapses = Strengths { arrays: &self.arrays, deviations: &self.deviations.synapses };
            for layer in self.layers.iter_mut().flatten() {
                layer.load(&synapses, &parameters);
            }
            self.jumps = (0..NEURONS)
                .map(|n| self.neurons[n].as_ref().map(|neuron| self.wiring.jumps(n, &synapses, &neuron.gains)))
                .map(Option::unwrap_or_default)
                .collect();
            self.weights_are_stale = false;
        }
        Ok(())
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
            (Some(Engine::Layered) | None, Ok(_)) => Ok(Engine::Layered),
            (Some(Engine::Layered), Err(error)) => Err(error.clone()),
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
            self.arrays.write(row)?;
        }
        self.weights_are_stale = true;
        Ok(())
    }

    fn run(&mut self, experiment: &Experiment) -> Result<Recording, DeviceError> {
        self.check_inputs(experiment)?;
        self.refresh()?;
        let engine = self.engine()?;
        event::check(self, engine)?;
        Ok(run::run(self, experiment, engine))
    }
}

#[cfg(test)]
mod tests;
