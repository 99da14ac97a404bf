//! The emulated chip: frozen deviations, the configuration written to it, and the runs.

mod run;

use crate::capmem;
use crate::codes::{CapMemCode, NEURONS, NeuronId};
use crate::device::{ChipIdentity, Device, DeviceError, Experiment, Recording, RowWrite};
use crate::engine::layered::Network;
use crate::membrane::Membrane;
use crate::parameters::{CodeTable, NeuronParameters, NeuronSetting};
use crate::residual::{NeuronResidual, ResidualTable};
use crate::routing::Routing;
use crate::spec::{ChipSpec, ParameterSource};
use crate::synapses::SynapseArrays;
use crate::transfer::{Effective, effective};
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
    neurons: Vec<Effective>,
    circuits: Vec<Circuit>,
    cadc_correction: Vec<i8>,
    routing: Routing,
    arrays: SynapseArrays,
    network: Network,
    weights_are_stale: bool,
    time_constants_are_stale: bool,
}

/// A neuron without temporal noise, as it is at the present setting.
#[derive(Debug, Clone, Copy)]
struct Circuit {
    membrane: Membrane,
    rest_lsb: f64,
    /// Threshold minus leak: what threshold noise is relative to.
    swing: f64,
    /// Whether it can be left out when it has no synapses and nobody looks at it: it cannot fire by itself, not even with
    /// threshold noise of ten standard deviations.
    idle: bool,
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
        let mut chip = Self {
            spec: *spec,
            identity: spec.identity(),
            deviations,
            residuals: None,
            neurons: Vec::new(),
            circuits: Vec::new(),
            cadc_correction: Vec::new(),
            routing: Routing::default(),
            arrays: SynapseArrays::default(),
            network: Network { layers: Vec::new(), connected: vec![false; NEURONS] },
            weights_are_stale: true,
            time_constants_are_stale: true,
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
        let neurons = NeuronId::all()
            .map(|n| {
                let bias: CapMemCode = table.synapse_dac_bias[n.quadrant()];
                let n = n.index();
                effective(&table.neurons[n], &cells[n], bias, &self.deviations.neurons[n])
            })
            .collect();
        self.cadc_correction.clone_from(&table.cadc_offset);
        self.set_neurons(neurons);
    }

    fn set_neurons(&mut self, neurons: Vec<Effective>) {
        self.circuits = neurons.iter().map(|neuron| self.circuit(neuron)).collect();
        self.neurons = neurons;
        self.weights_are_stale = true;
        self.time_constants_are_stale = true;
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
        self.cadc_correction = vec![0; NEURONS];
        let missed = |(p, residual): (&NeuronParameters, NeuronResidual)| Effective {
            parameters: residual.applied_to(p),
            current: p.terms.offset_current,
            fires: true,
            cadc_offset_lsb: residual.cadc_offset_lsb,
        };
        let neurons = parameters.iter().zip(self.residuals(parameters)).map(missed).collect();
        self.set_neurons(neurons);
        Ok(())
    }

    /// How far neurons that are set to these parameters are from them.
    fn residuals(&self, parameters: &[NeuronParameters]) -> Vec<NeuronResidual> {
        if let Some(table) = &self.residuals {
            return table.neurons().to_vec();
        }
        let drawn = |(neuron, p): (NeuronId, &NeuronParameters)| {
            self.spec.residual.draw(self.spec.seed, neuron, p.v_threshold_lsb - p.v_leak_lsb)
        };
        NeuronId::all().zip(parameters).map(drawn).collect()
    }

    fn circuit(&self, neuron: &Effective) -> Circuit {
        let Effective { parameters: p, current, fires, .. } = neuron;
        let rest_lsb = p.v_leak_lsb + current * p.tau_mem_us;
        let mut membrane = Membrane::new(p.tau_mem_us, p.tau_syn_exc_us, p.tau_syn_inh_us);
        membrane.reset = p.v_reset_lsb - rest_lsb;
        if *fires {
            membrane.threshold = p.v_threshold_lsb - rest_lsb;
        }
        let circuits = &self.spec.circuits;
        if circuits.operating_limits {
            membrane.lower = circuits.lower_limit_lsb - rest_lsb;
            membrane.upper = circuits.upper_limit_lsb - rest_lsb;
        }
        membrane.refractory_us = if circuits.refiring { p.refractory_us } else { f64::INFINITY };
        let swing = p.v_threshold_lsb - p.v_leak_lsb;
        let noise = self.spec.noise.threshold_trial_rel_std + self.spec.noise.threshold_run_rel_std;
        let lowest = membrane.threshold - 10.0 * noise * swing.abs();
        Circuit { membrane, rest_lsb, swing, idle: lowest > 0.0 && membrane.reset < lowest }
    }

    /// Brings the tables of the network up to the present setting and weights.
    fn refresh(&mut self) {
        let parameters = || self.neurons.iter().map(|n| n.parameters).collect::<Vec<_>>();
        if self.time_constants_are_stale {
            self.network.set_time_constants(&parameters());
            self.time_constants_are_stale = false;
        }
        if self.weights_are_stale {
            self.network.load(&self.arrays, &self.deviations.synapses, &parameters());
            self.weights_are_stale = false;
        }
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
        self.weights_are_stale = true;
        self.time_constants_are_stale = true;
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
        self.refresh();
        Ok(run::run(self, experiment))
    }
}

#[cfg(test)]
mod tests;
