//! A twin as a chip: the emulated chip on which the recorded network does what its profile says.

use bss2_emu::noise::Noise;
use bss2_emu::parameters::NOMINAL_GAIN;
use bss2_emu::residual::{NeuronResidual, ResidualTable, SynapseResidual};
use bss2_emu::spec::Preset;
use bss2_emu::{Chip, ChipSpec, Device as _, NeuronId, NeuronParameters, NeuronSetting};
use ndarray::Array2;
use ttfs::network::DelayKind;
use ttfs::on_device::OnDevice;
use ttfs::placement::Placement;
use ttfs::scaling::{Latency, Scaling};

use crate::profile::NeuronProfile;
use crate::recording::Units;
use crate::{Profile, TwinError};

/// A fitted chip.
#[derive(Debug, Clone, PartialEq)]
pub struct Twin {
    /// What the numbers of its recording mean.
    pub units: Units,
    /// The fitted model.
    pub profile: Profile,
    /// Which synapses were recorded: the codes of the recorded network.
    pub codes: [Array2<i8>; 2],
    /// Whether the recorded network had axonal delays.
    pub has_delays: bool,
    /// Temporal noise.
    pub noise: Noise,
    /// Seed of the noise, and of the neurons and synapses that the recording says nothing about.
    pub seed: u64,
    /// What the fit did and reached (JSON).
    pub report: serde_json::Value,
}

impl Twin {
    /// Threshold in CADC LSB that the twin is set to: with it the nominal neuron has the threshold of the recording's units.
    pub fn threshold_lsb(&self) -> f64 {
        let nominal = NeuronParameters::default();
        let charge = NOMINAL_GAIN * self.units.lsb_per_weight * nominal.tau_syn_exc_us;
        nominal.v_leak_lsb + self.units.threshold * charge
    }

    /// Latencies in us, as the backward pass of a training assumes them.
    pub fn latency(&self) -> Latency {
        let [external_us, internal_us] = self.profile.latency.map(|latency| latency * self.units.us_per_time);
        // A delay pair is one more neuron on the way.
        Latency { external_us, internal_us: if self.has_delays { 0.5 * internal_us } else { internal_us } }
    }

    /// The description of the chip.
    ///
    /// Operating limits are off: the fit knows none. What the recording does not show is drawn as for any calibrated chip, about
    /// the mean gain of this one.
    pub fn spec(&self) -> ChipSpec {
        let mut spec = ChipSpec::new(Preset::Bss2Calibrated, self.seed);
        let Latency { external_us, internal_us } = self.latency();
        (spec.events.latency_external_us, spec.events.latency_internal_us) = (external_us, internal_us);
        spec.circuits.operating_limits = false;
        spec.noise = self.noise;
        spec.residual.gain_mean_rel = libm::expm1(self.mean_log_gain());
        spec.residual.gain_chip_rel_std = 0.0;
        spec
    }

    /// Mean logarithm of the gain over hidden neurons.
    pub fn mean_log_gain(&self) -> f64 {
        let hidden = &self.profile.neurons[0];
        hidden.iter().map(|n| n.log_gain).sum::<f64>() / hidden.len().max(1) as f64
    }

    /// Where the recorded network sits on the chip.
    ///
    /// # Errors
    /// If it does not fit.
    pub fn placement(&self) -> Result<Placement, TwinError> {
        let [n_inputs, n_hidden, n_outputs] = self.profile.sizes();
        let kind = if self.has_delays { DelayKind::Axonal } else { DelayKind::None };
        Ok(Placement::with_delays(n_inputs, &[n_hidden, n_outputs], kind)?)
    }

    /// What the neurons, synapses and delay pairs of the chip are off: as fitted where the recorded network sits, as drawn elsewhere.
    ///
    /// # Errors
    /// If the network does not fit, or a fitted value is beyond what a chip can have.
    pub fn residuals(&self) -> Result<ResidualTable, TwinError> {
        let placement = self.placement()?;
        let spec = self.spec();
        let swing_lsb = self.threshold_lsb() - NeuronParameters::default().v_leak_lsb;
        let mut neurons: Vec<NeuronResidual> =
            NeuronId::all().map(|neuron| spec.residual.draw(self.seed, neuron, swing_lsb)).collect();
        for (ids, profiles) in placement.neurons.iter().zip(&self.profile.neurons) {
            for (id, profile) in ids.iter().zip(profiles) {
                neurons[id.index()] = residual(profile);
            }
        }
        let pairs = placement.relays.iter().zip(&self.profile.delay_errors[1]);
        let pairs = pairs.map(|(id, error)| (*id, error * self.units.us_per_time)).collect();
        let table = ResidualTable::new(neurons)?;
        Ok(table.with_synapses(self.synapses(&placement))?.with_delay_pairs(pairs)?)
    }

    fn synapses(&self, placement: &Placement) -> Vec<SynapseResidual> {
        let mut synapses = Vec::new();
        for (layer, (codes, factors)) in self.codes.iter().zip(&self.profile.synapses).enumerate() {
            for ((pair, &code), &factor) in codes.indexed_iter().zip(factors).filter(|((_, code), _)| **code != 0) {
                if let Some((hemisphere, row, column)) = placement.synapse(layer, pair, code < 0) {
                    synapses.push(SynapseResidual { hemisphere, row, column, factor });
                }
            }
        }
        synapses
    }

    /// The chip, set; `noise` in the place of its own.
    ///
    /// # Errors
    /// As [`Self::residuals`].
    pub fn chip(&self, noise: Noise) -> Result<Chip, TwinError> {
        let spec = ChipSpec { noise, ..self.spec() };
        let mut chip = Chip::draw_with_residuals(&spec, self.residuals()?)?;
        let nominal = NeuronParameters { v_threshold_lsb: self.threshold_lsb(), ..NeuronParameters::default() };
        chip.configure(&NeuronSetting::Direct(vec![nominal; bss2_emu::codes::NEURONS]))?;
        Ok(chip)
    }

    /// The chip with the recorded network's place connected.
    ///
    /// # Errors
    /// As [`Self::residuals`].
    pub fn substrate(&self, noise: Noise) -> Result<OnDevice<Chip>, TwinError> {
        let Units { us_per_time, lsb_per_weight, threshold, slot_us, .. } = self.units;
        let scaling = Scaling { us_per_time, lsb_per_weight, threshold, tau_mem: 1.0, latency: self.latency() };
        Ok(OnDevice::new(self.chip(noise)?, self.placement()?, scaling, slot_us)?)
    }
}

/// A fitted neuron as deviations from its setting. A profile has charges, a chip has slopes: charges over time constants.
fn residual(profile: &NeuronProfile) -> NeuronResidual {
    let [exc, inh] = [0.5, -0.5].map(|half| profile.log_gain + half * profile.log_ratio - profile.log_tau_syn);
    let tau_syn = libm::exp(profile.log_tau_syn);
    NeuronResidual {
        tau_mem: libm::exp(profile.log_tau_mem),
        tau_syn_exc: tau_syn,
        tau_syn_inh: tau_syn,
        gain_exc: libm::exp(exc),
        gain_inh: libm::exp(inh),
        ..NeuronResidual::NONE
    }
}
