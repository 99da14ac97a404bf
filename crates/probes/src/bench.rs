//! The bench: a configured device, and the few things that experiments change about its neurons.
//!
//! A chip that is set by codes and an emulated one that is set directly are adjusted alike: an [`Adjustment`] is said in the
//! words that both have. Every run gets its own [`RunId`], so that an experiment gives the same bytes every time.

use bss2_emu::codes::NEURONS;
use bss2_emu::device::{MADC_INTERVAL_US, RowWrite};
use bss2_emu::routing::Routing;
use bss2_emu::transfer::MADC_PER_CADC;
use bss2_emu::{
    CapMemCode, Device, Experiment, NeuronCodes, NeuronParameters, NeuronSetting, Record, Recording, Refractory, RunId,
    Trial,
};

use crate::error::ProbeError;

/// Sampling interval of the CADC in us, as the processors on chip reach it (`hxtorch`).
pub const CADC_INTERVAL_US: f64 = 1.7;
/// Constant membrane current per code of `i_mem_offset` at full capacitance, in LSB/us: code 1000 drives the membrane to its
/// limits. On a chip set by codes nominal, on one set directly exact.
pub const CURRENT_PER_CODE: f64 = 0.02;
/// Change of the resting potential per code of `v_leak` in LSB: 0.79 MADC LSB per code (`demos`, practical course).
const LEAK_PER_CODE: f64 = 0.79 / MADC_PER_CADC;
/// A threshold that no membrane reaches, in LSB: above the upper operating limit (228). On an emulated chip set directly the
/// comparator has no switch; a threshold farther away would not do, because what a calibration leaves behind is counted
/// relative to (threshold - leak) there.
const OUT_OF_REACH_LSB: f64 = 255.0;

/// What an experiment changes about all neurons.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adjustment {
    /// Whether the comparators are connected.
    pub spiking: bool,
    /// Constant current as a code of `i_mem_offset`, -1022..=1022; negative: drawn from the membrane.
    pub current_code: i16,
    /// How far the resting potential is raised above what was calibrated, in CADC LSB.
    pub raise_leak_lsb: f64,
    /// Refractory time instead of the calibrated one.
    pub refractory: Option<Refractory>,
    /// Whether excitatory events pass the neuron digitally.
    pub bypass: bool,
}

impl Default for Adjustment {
    /// Neurons as calibrated.
    fn default() -> Self {
        Self { spiking: true, current_code: 0, raise_leak_lsb: 0.0, refractory: None, bypass: false }
    }
}

impl Adjustment {
    /// Neurons as calibrated, their comparators disconnected.
    pub fn silent() -> Self {
        Self { spiking: false, ..Self::default() }
    }

    fn apply_to_codes(&self, codes: &mut NeuronCodes) {
        codes.enable_threshold &= self.spiking;
        if self.current_code != 0 {
            codes.enable_mem_offset = true;
            codes.mem_offset_sink = self.current_code < 0;
            codes.i_mem_offset = CapMemCode::saturating(f64::from(self.current_code.unsigned_abs()));
        }
        if self.raise_leak_lsb != 0.0 {
            let code = f64::from(codes.v_leak.get()) + self.raise_leak_lsb / LEAK_PER_CODE;
            codes.v_leak = CapMemCode::saturating(code);
        }
        if let Some(refractory) = self.refractory {
            codes.refractory = refractory;
        }
        codes.extension.enable_bypass |= self.bypass;
    }

    fn apply_to_parameters(&self, neuron: &mut NeuronParameters) {
        if !self.spiking {
            neuron.v_threshold_lsb = OUT_OF_REACH_LSB;
        }
        neuron.terms.offset_current += CURRENT_PER_CODE * f64::from(self.current_code);
        neuron.v_leak_lsb += self.raise_leak_lsb;
        if let Some(refractory) = self.refractory {
            neuron.refractory_us = refractory.time_us();
        }
        neuron.terms.bypass |= self.bypass;
    }
}

/// A device on the bench.
pub struct Bench<'d> {
    device: &'d mut dyn Device,
    calibrated: NeuronSetting,
    runs: u32,
    hardware_time_us: f64,
}

impl<'d> Bench<'d> {
    /// Session of the experiments' runs.
    const SESSION: u32 = 0x0000_B0BE;

    /// Puts a device on the bench, with the setting that its calibration found.
    pub fn new(device: &'d mut dyn Device, calibrated: NeuronSetting) -> Self {
        Self { device, calibrated, runs: 0, hardware_time_us: 0.0 }
    }

    /// Time that all runs so far take on the chip, in us.
    pub fn hardware_time_us(&self) -> f64 {
        self.hardware_time_us
    }

    /// Writes the calibrated setting, adjusted.
    ///
    /// # Errors
    /// If the device refuses it.
    pub fn configure(&mut self, adjustment: &Adjustment) -> Result<(), ProbeError> {
        let mut setting = self.calibrated.clone();
        match &mut setting {
            NeuronSetting::Codes(table) => table.neurons.iter_mut().for_each(|n| adjustment.apply_to_codes(n)),
            NeuronSetting::Direct(neurons) => neurons.iter_mut().for_each(|n| adjustment.apply_to_parameters(n)),
        }
        Ok(self.device.configure(&setting)?)
    }

    /// Writes the calibrated codes, changed by `change`; the comparators are disconnected unless it connects them.
    pub(crate) fn configure_codes(&mut self, change: impl Fn(&mut NeuronCodes)) -> Result<(), ProbeError> {
        let NeuronSetting::Codes(table) = &self.calibrated else {
            return Err(ProbeError::NeedsCodes);
        };
        let mut table = table.clone();
        for codes in &mut table.neurons {
            codes.enable_threshold = false;
            change(codes);
        }
        Ok(self.device.configure(&NeuronSetting::Codes(table))?)
    }

    /// Writes the digital configuration; all weights become zero.
    pub(crate) fn connect(&mut self, routing: &Routing) -> Result<(), ProbeError> {
        Ok(self.device.connect(routing)?)
    }

    pub(crate) fn write_weights(&mut self, rows: &[RowWrite]) -> Result<(), ProbeError> {
        Ok(self.device.write_weights(rows)?)
    }

    /// Runs trials and checks that the recording has the shape asked for.
    pub(crate) fn run(
        &mut self,
        duration_us: f64,
        trials: Vec<Trial>,
        cadc_times_us: Vec<f64>,
    ) -> Result<Recording, ProbeError> {
        let experiment = Experiment {
            run: RunId { session: Self::SESSION, index: self.runs },
            duration_us,
            trials,
            record: Record { cadc_times_us, ..Record::default() },
        };
        let recording = self.device.run(&experiment)?;
        self.runs += 1;
        self.hardware_time_us += recording.hardware_time_us;
        let expect = |what, found, expected| {
            if found == expected { Ok(()) } else { Err(ProbeError::Recording { what, found, expected }) }
        };
        expect("trials", recording.trials.len(), experiment.trials.len())?;
        for (trial, asked) in recording.trials.iter().zip(&experiment.trials) {
            expect("CADC samples", trial.cadc.len(), experiment.record.cadc_times_us.len())?;
            for row in &trial.cadc {
                expect("CADC channels", row.len(), NEURONS)?;
            }
            if asked.madc.is_some() {
                let least = (duration_us / MADC_INTERVAL_US) as usize;
                expect("MADC samples", trial.madc.len().min(least), least)?;
            }
        }
        Ok(recording)
    }
}

/// CADC sampling times of a whole trial.
pub(crate) fn cadc_times(duration_us: f64) -> Vec<f64> {
    (0..(duration_us / CADC_INTERVAL_US) as usize).map(|k| (k as f64 + 0.5) * CADC_INTERVAL_US).collect()
}
