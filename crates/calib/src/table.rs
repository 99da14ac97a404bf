//! The calibration of a chip: what was aimed at, the codes found, and what the neurons measured afterwards.
//!
//! Codes of an emulated chip mean nothing to a real one, nor to another emulated one: a table names its chip. How a table is
//! kept in files is said in [`crate::files`].

use std::path::PathBuf;

use bss2_emu::codes::NEURONS;
use bss2_emu::parameters::NOMINAL_GAIN;
use bss2_emu::{ChipIdentity, CodeTable, NeuronParameters, NeuronSetting, Refractory, Terms};
use serde::{Deserialize, Serialize};

use crate::error::CalibError;
use crate::per_neuron::PerNeuron;
use crate::targets::{Targets, whole_targets};
use crate::uncalibrated::Uncalibrated;

/// Version of the content of files, text or binary, that this program writes. It reads this one and those before it.
pub const FORMAT: u32 = 2;

/// A calibrated chip.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Version of the file, [`FORMAT`].
    pub format: u32,
    /// The chip that was measured.
    pub chip: ChipIdentity,
    /// What was aimed at.
    #[serde(deserialize_with = "whole_targets")]
    pub targets: Targets,
    /// Where neurons had targets of their own (since version 2).
    #[serde(default, skip_serializing_if = "PerNeuron::is_empty")]
    pub per_neuron: PerNeuron,
    /// The codes found; `None` for an emulated chip that is set directly to what [`Self::measured`] says.
    pub codes: Option<CodeTable>,
    /// What each of the 512 neurons measured after the last step. `v_leak_lsb` is the resting potential with both synaptic
    /// inputs connected, the gains are per unit of weight code, averaged over the synapses of a column.
    pub measured: Vec<NeuronParameters>,
    /// Whether the neuron is calibrated: it could be measured, and none of its codes is at the end of its range. How far it is from
    /// its targets is another question.
    pub success: Vec<bool>,
    /// What the neurons showed with one code for all, if that was measured (since version 2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uncalibrated: Option<Uncalibrated>,
    /// Runs of the device.
    pub measurements: u64,
    /// Trials in all runs.
    pub trials: u64,
    /// Time that the runs take on the chip, in us.
    pub hardware_time_us: f64,
    #[serde(skip)]
    pub(crate) origin: Option<PathBuf>,
}

/// Where a table was read from is no part of what it says.
impl PartialEq for Calibration {
    fn eq(&self, other: &Self) -> bool {
        self.format == other.format
            && self.chip == other.chip
            && self.targets == other.targets
            && self.per_neuron == other.per_neuron
            && self.codes == other.codes
            && self.measured == other.measured
            && self.success == other.success
            && self.uncalibrated == other.uncalibrated
            && self.measurements == other.measurements
            && self.trials == other.trials
            && self.hardware_time_us == other.hardware_time_us
    }
}

impl Calibration {
    /// The table of an emulated chip that is set directly: all neurons exactly on target, nothing measured.
    ///
    /// The gain follows from the published amplitude as the emulator's nominal neuron has it:
    /// ```text
    /// gain = NOMINAL_GAIN (i_synin_gm / 550) (synapse_dac_bias / 800) / c,   c = (membrane_capacitance + 2) / 65
    /// ```
    /// where 2 stands for the capacitance that the switches cannot remove.
    ///
    /// ```
    /// use bss2_emu::{Chip, ChipSpec, Device, spec::Preset};
    /// use calib::{Calibration, Targets};
    /// let mut chip = Chip::draw(&ChipSpec::new(Preset::Ideal, 1));
    /// let table = Calibration::from_targets(chip.identity().clone(), &Targets::default());
    /// chip.configure(&table.setting()).unwrap();
    /// assert_eq!(chip.reveal().neurons, table.measured);
    /// ```
    pub fn from_targets(chip: ChipIdentity, targets: &Targets) -> Self {
        Self {
            format: FORMAT,
            chip,
            targets: *targets,
            per_neuron: PerNeuron::default(),
            codes: None,
            measured: vec![nominal(targets); NEURONS],
            success: vec![true; NEURONS],
            uncalibrated: None,
            measurements: 0,
            trials: 0,
            hardware_time_us: 0.0,
            origin: None,
        }
    }

    /// What was aimed at with one neuron, 0..=511.
    pub fn targets_of(&self, neuron: usize) -> Targets {
        self.per_neuron.of(&self.targets, neuron)
    }

    /// What to configure the chip with.
    pub fn setting(&self) -> NeuronSetting {
        match &self.codes {
            Some(codes) => NeuronSetting::Codes(codes.clone()),
            None => NeuronSetting::Direct(self.measured.clone()),
        }
    }

    /// Refuses another chip than the one that was measured.
    ///
    /// # Errors
    /// [`CalibError::OtherChip`] names the file, if the table was read from one, and both chips.
    pub fn require_chip(&self, identity: &ChipIdentity) -> Result<(), CalibError> {
        if self.chip == *identity {
            return Ok(());
        }
        Err(CalibError::OtherChip {
            origin: self.origin.clone(),
            measured: self.chip.clone(),
            present: identity.clone(),
        })
    }
}

/// A neuron exactly on its targets.
pub(crate) fn nominal(targets: &Targets) -> NeuronParameters {
    let capacitance = (f64::from(targets.membrane_capacitance) + 2.0) / 65.0;
    let gain = NOMINAL_GAIN * (f64::from(targets.i_synin_gm) / 550.0) * (f64::from(targets.synapse_dac_bias) / 800.0)
        / capacitance;
    NeuronParameters {
        v_leak_lsb: targets.leak_lsb,
        v_reset_lsb: targets.reset_lsb,
        v_threshold_lsb: targets.threshold_lsb,
        tau_mem_us: targets.tau_mem_us,
        tau_syn_exc_us: targets.tau_syn_exc_us,
        tau_syn_inh_us: targets.tau_syn_inh_us,
        gain_exc: gain,
        gain_inh: gain,
        refractory_us: targets.refractory().map_or(targets.refractory_time_us, Refractory::time_us),
        terms: Terms::default(),
    }
}
