//! Version 1 of the content of a binary file. Frozen; version 2 has it as its first part.
//!
//! Everything is spelled out - what the JSON file leaves out where it is usual (`extension`, `terms`, CADC ramps) included -
//! since a binary file has no names by which a reader could tell that something is missing.

use bss2_emu::parameters::{Adaptation, Exponential};
use bss2_emu::{CapMemCode, ChipIdentity, CodeTable, ExtensionCodes, NeuronCodes, NeuronParameters, Refractory, Terms};
use serde::{Deserialize, Serialize};

use crate::per_neuron::PerNeuron;
use crate::table::{Calibration, FORMAT};
use crate::targets::Targets;

/// A value of the program and the form in which a file keeps it.
trait Frozen<Form>: Sized {
    fn freeze(&self) -> Form;
    fn thaw(form: Form) -> Result<Self, String>;
}

macro_rules! as_they_are {
    ($($kind:ty),*) => {
        $(impl Frozen<$kind> for $kind {
            fn freeze(&self) -> $kind {
                *self
            }
            fn thaw(form: $kind) -> Result<Self, String> {
                Ok(form)
            }
        })*
    };
}
as_they_are!(f64, u64, u16, u8, i8, bool);

impl Frozen<u16> for CapMemCode {
    fn freeze(&self) -> u16 {
        self.get()
    }
    fn thaw(form: u16) -> Result<Self, String> {
        Self::new(form.into()).map_err(|e| e.to_string())
    }
}

impl Frozen<String> for ChipIdentity {
    fn freeze(&self) -> String {
        self.0.clone()
    }
    fn thaw(form: String) -> Result<Self, String> {
        Ok(Self(form))
    }
}

impl<T: Frozen<F>, F> Frozen<Option<F>> for Option<T> {
    fn freeze(&self) -> Option<F> {
        self.as_ref().map(T::freeze)
    }
    fn thaw(form: Option<F>) -> Result<Self, String> {
        form.map(T::thaw).transpose()
    }
}

impl<T: Frozen<F>, F> Frozen<Vec<F>> for Vec<T> {
    fn freeze(&self) -> Vec<F> {
        self.iter().map(T::freeze).collect()
    }
    fn thaw(form: Vec<F>) -> Result<Self, String> {
        let thawed = |(index, form)| T::thaw(form).map_err(|e: String| format!("[{index}].{e}"));
        form.into_iter().enumerate().map(thawed).collect()
    }
}

impl<T: Frozen<F> + Copy, F: Copy> Frozen<[F; 4]> for [T; 4] {
    fn freeze(&self) -> [F; 4] {
        self.map(|value| value.freeze())
    }
    fn thaw([a, b, c, d]: [F; 4]) -> Result<Self, String> {
        Ok([T::thaw(a)?, T::thaw(b)?, T::thaw(c)?, T::thaw(d)?])
    }
}

/// The form of a structure: the same fields, in this order.
macro_rules! frozen {
    ($form:ident of $now:ty { $($field:ident: $kind:ty),* $(,)? }) => {
        #[derive(Serialize, Deserialize)]
        #[allow(clippy::struct_excessive_bools, reason = "as many as the circuit has switches")]
        struct $form {
            $($field: $kind,)*
        }

        impl Frozen<$form> for $now {
            fn freeze(&self) -> $form {
                $form { $($field: self.$field.freeze(),)* }
            }
            fn thaw(form: $form) -> Result<Self, String> {
                Ok(Self {
                    $($field: Frozen::thaw(form.$field).map_err(|e| place(stringify!($field), &e))?,)*
                })
            }
        }
    };
}

/// A message with the field it is about in front.
fn place(field: &str, message: &str) -> String {
    let separator = if message.starts_with('[') { "" } else { ": " };
    format!("{field}{separator}{message}")
}

frozen!(TargetsForm of Targets {
    leak_lsb: f64,
    reset_lsb: f64,
    threshold_lsb: f64,
    tau_mem_us: f64,
    tau_syn_exc_us: f64,
    tau_syn_inh_us: f64,
    i_synin_gm: u16,
    synapse_dac_bias: u16,
    membrane_capacitance: u8,
    refractory_time_us: f64,
});

frozen!(RefractoryForm of Refractory {
    counter: u8,
    scale: u8,
});

frozen!(ExtensionForm of ExtensionCodes {
    e_synin_exc_rev: u16,
    e_synin_inh_rev: u16,
    v_adapt_leak: u16,
    v_adapt_ref: u16,
    v_exp: u16,
    i_bias_reset: u16,
    i_bias_synin_exc_coba: u16,
    i_bias_synin_inh_coba: u16,
    i_bias_adapt_tau: u16,
    i_bias_adapt_a: u16,
    i_bias_adapt_b: u16,
    i_bias_exp: u16,
    i_bias_nmda: u16,
    enable_exponential: bool,
    enable_adaptation: bool,
    adaptation_invert_a: bool,
    adaptation_invert_b: bool,
    enable_synin_exc_coba: bool,
    enable_synin_inh_coba: bool,
    synin_exc_high_resistance: bool,
    synin_inh_high_resistance: bool,
    reset_holdoff: u8,
    enable_bypass: bool,
});

frozen!(NeuronForm of NeuronCodes {
    v_leak: u16,
    v_reset: u16,
    v_threshold: u16,
    i_bias_leak: u16,
    i_bias_synin_exc_tau: u16,
    i_bias_synin_inh_tau: u16,
    i_bias_synin_exc_gm: u16,
    i_bias_synin_inh_gm: u16,
    i_bias_synin_exc_shift: u16,
    i_bias_synin_inh_shift: u16,
    i_mem_offset: u16,
    membrane_capacitance: u8,
    leak_division: bool,
    leak_multiplication: bool,
    enable_synin_exc: bool,
    enable_synin_inh: bool,
    enable_mem_offset: bool,
    mem_offset_sink: bool,
    enable_threshold: bool,
    refractory: RefractoryForm,
    extension: ExtensionForm,
});

frozen!(CodesForm of CodeTable {
    neurons: Vec<NeuronForm>,
    synapse_dac_bias: [u16; 4],
    cadc_offset: Vec<i8>,
    cadc_ramp_offset: [u16; 4],
    cadc_ramp_slope: [u16; 4],
});

frozen!(ExponentialForm of Exponential {
    slope_lsb: f64,
    v_exp_lsb: f64,
});

frozen!(AdaptationForm of Adaptation {
    tau_us: f64,
    a_per_us: f64,
    b_lsb_per_us: f64,
    v_ref_lsb: f64,
});

frozen!(TermsForm of Terms {
    offset_current: f64,
    exponential: Option<ExponentialForm>,
    adaptation: Option<AdaptationForm>,
    reversal_exc_lsb: Option<f64>,
    reversal_inh_lsb: Option<f64>,
    holdoff_us: f64,
    bypass: bool,
});

frozen!(MeasuredForm of NeuronParameters {
    v_leak_lsb: f64,
    v_reset_lsb: f64,
    v_threshold_lsb: f64,
    tau_mem_us: f64,
    tau_syn_exc_us: f64,
    tau_syn_inh_us: f64,
    gain_exc: f64,
    gain_inh: f64,
    refractory_us: f64,
    terms: TermsForm,
});

/// The whole content.
#[derive(Serialize, Deserialize)]
pub(super) struct Payload {
    chip: String,
    targets: TargetsForm,
    codes: Option<CodesForm>,
    measured: Vec<MeasuredForm>,
    success: Vec<bool>,
    measurements: u64,
    trials: u64,
    hardware_time_us: f64,
}

impl Payload {
    pub fn of(table: &Calibration) -> Self {
        Self {
            chip: table.chip.freeze(),
            targets: table.targets.freeze(),
            codes: table.codes.freeze(),
            measured: table.measured.freeze(),
            success: table.success.freeze(),
            measurements: table.measurements,
            trials: table.trials,
            hardware_time_us: table.hardware_time_us,
        }
    }

    /// The calibration, or the value that no register holds, with its place.
    pub fn thaw(self) -> Result<Calibration, String> {
        Ok(Calibration {
            format: FORMAT,
            chip: Frozen::thaw(self.chip)?,
            targets: Frozen::thaw(self.targets).map_err(|e| place("targets", &e))?,
            per_neuron: PerNeuron::default(),
            codes: Frozen::thaw(self.codes).map_err(|e| place("codes", &e))?,
            measured: Frozen::thaw(self.measured).map_err(|e| place("measured", &e))?,
            success: self.success,
            uncalibrated: None,
            measurements: self.measurements,
            trials: self.trials,
            hardware_time_us: self.hardware_time_us,
            origin: None,
        })
    }
}
