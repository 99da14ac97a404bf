//! The columns of the files with one row (CSV) or one array element (npz) per neuron.
//!
//! What was measured has the names of `calix`'s `calib_eval.npz`; codes and switches have the names of the registers after
//! `code_`. Potentials are in CADC LSB, times in us, gains in LSB/us per unit of weight code.

use bss2_emu::{CapMemCode, NeuronCodes, NeuronParameters};

use crate::targets::Targets;

/// One neuron.
#[derive(Clone)]
pub(super) struct Row {
    pub codes: NeuronCodes,
    pub cadc_offset: i8,
    pub measured: NeuronParameters,
    pub success: bool,
    /// What was aimed at with this neuron.
    pub targets: Targets,
    /// In the order of [`Uncalibrated::NAMES`]; nan where nothing was seen.
    pub uncalibrated: [f64; 7],
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    /// Whole numbers in this range.
    Whole(i16, i16),
    /// True or false, 1 or 0.
    Switch,
    /// A finite number.
    Number,
    /// A finite number, or none (nan) where nothing was seen.
    NumberOrNone,
}

/// Which tables have a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    Always,
    /// Those of chips that are set by codes.
    Codes,
    /// Those of version 2 and later.
    Targets,
    /// Those for which the chip was measured without its calibration, too.
    Uncalibrated,
}

/// A column.
pub(super) struct Column {
    pub name: &'static str,
    pub kind: Kind,
    pub presence: Presence,
    pub get: fn(&Row) -> f64,
    /// The value is one that [`Kind`] allows.
    pub set: fn(&mut Row, f64),
}

macro_rules! code {
    ($name:literal, $($path:ident).+) => {
        Column {
            name: concat!("code_", $name),
            kind: Kind::Whole(0, 1022),
            presence: Presence::Codes,
            get: |row| f64::from(row.codes.$($path).+.get()),
            set: |row, value| row.codes.$($path).+ = CapMemCode::saturating(value),
        }
    };
}

macro_rules! small {
    ($name:literal, $most:literal, $($path:ident).+) => {
        Column {
            name: concat!("code_", $name),
            kind: Kind::Whole(0, $most),
            presence: Presence::Codes,
            get: |row| f64::from(row.codes.$($path).+),
            set: |row, value| row.codes.$($path).+ = value as u8,
        }
    };
}

macro_rules! switch {
    ($name:literal, $($path:ident).+) => {
        Column {
            name: concat!("code_", $name),
            kind: Kind::Switch,
            presence: Presence::Codes,
            get: |row| f64::from(u8::from(row.codes.$($path).+)),
            set: |row, value| row.codes.$($path).+ = value != 0.0,
        }
    };
}

macro_rules! measured {
    ($name:literal, $field:ident) => {
        Column {
            name: $name,
            kind: Kind::Number,
            presence: Presence::Always,
            get: |row| row.measured.$field,
            set: |row, value| row.measured.$field = value,
        }
    };
}

macro_rules! target {
    ($name:literal, $field:ident) => {
        Column {
            name: concat!("target_", $name),
            kind: Kind::Number,
            presence: Presence::Targets,
            get: |row| row.targets.$field,
            set: |row, value| row.targets.$field = value,
        }
    };
}

macro_rules! uncalibrated {
    ($name:literal, $index:literal) => {
        Column {
            name: concat!($name, "_uncalibrated"),
            kind: Kind::NumberOrNone,
            presence: Presence::Uncalibrated,
            get: |row| row.uncalibrated[$index],
            set: |row, value| row.uncalibrated[$index] = value,
        }
    };
}

/// All columns, in the order of a CSV.
pub(super) const COLUMNS: &[Column] = &[
    code!("v_leak", v_leak),
    code!("v_reset", v_reset),
    code!("v_threshold", v_threshold),
    code!("i_bias_leak", i_bias_leak),
    code!("i_bias_synin_exc_tau", i_bias_synin_exc_tau),
    code!("i_bias_synin_inh_tau", i_bias_synin_inh_tau),
    code!("i_bias_synin_exc_gm", i_bias_synin_exc_gm),
    code!("i_bias_synin_inh_gm", i_bias_synin_inh_gm),
    code!("i_bias_synin_exc_shift", i_bias_synin_exc_shift),
    code!("i_bias_synin_inh_shift", i_bias_synin_inh_shift),
    code!("i_mem_offset", i_mem_offset),
    small!("membrane_capacitance", 63, membrane_capacitance),
    switch!("leak_division", leak_division),
    switch!("leak_multiplication", leak_multiplication),
    switch!("enable_synin_exc", enable_synin_exc),
    switch!("enable_synin_inh", enable_synin_inh),
    switch!("enable_mem_offset", enable_mem_offset),
    switch!("mem_offset_sink", mem_offset_sink),
    switch!("enable_threshold", enable_threshold),
    small!("refractory_counter", 255, refractory.counter),
    small!("refractory_scale", 15, refractory.scale),
    code!("e_synin_exc_rev", extension.e_synin_exc_rev),
    code!("e_synin_inh_rev", extension.e_synin_inh_rev),
    code!("v_adapt_leak", extension.v_adapt_leak),
    code!("v_adapt_ref", extension.v_adapt_ref),
    code!("v_exp", extension.v_exp),
    code!("i_bias_reset", extension.i_bias_reset),
    code!("i_bias_synin_exc_coba", extension.i_bias_synin_exc_coba),
    code!("i_bias_synin_inh_coba", extension.i_bias_synin_inh_coba),
    code!("i_bias_adapt_tau", extension.i_bias_adapt_tau),
    code!("i_bias_adapt_a", extension.i_bias_adapt_a),
    code!("i_bias_adapt_b", extension.i_bias_adapt_b),
    code!("i_bias_exp", extension.i_bias_exp),
    code!("i_bias_nmda", extension.i_bias_nmda),
    switch!("enable_exponential", extension.enable_exponential),
    switch!("enable_adaptation", extension.enable_adaptation),
    switch!("adaptation_invert_a", extension.adaptation_invert_a),
    switch!("adaptation_invert_b", extension.adaptation_invert_b),
    switch!("enable_synin_exc_coba", extension.enable_synin_exc_coba),
    switch!("enable_synin_inh_coba", extension.enable_synin_inh_coba),
    switch!("synin_exc_high_resistance", extension.synin_exc_high_resistance),
    switch!("synin_inh_high_resistance", extension.synin_inh_high_resistance),
    small!("reset_holdoff", 15, extension.reset_holdoff),
    switch!("enable_bypass", extension.enable_bypass),
    Column {
        name: "code_cadc_offset",
        kind: Kind::Whole(-128, 127),
        presence: Presence::Codes,
        get: |row| f64::from(row.cadc_offset),
        set: |row, value| row.cadc_offset = value as i8,
    },
    measured!("v_leak", v_leak_lsb),
    measured!("v_reset", v_reset_lsb),
    measured!("v_threshold", v_threshold_lsb),
    measured!("tau_mem", tau_mem_us),
    measured!("tau_syn_exc", tau_syn_exc_us),
    measured!("tau_syn_inh", tau_syn_inh_us),
    measured!("gain_exc", gain_exc),
    measured!("gain_inh", gain_inh),
    measured!("refractory_time", refractory_us),
    Column {
        name: "success",
        kind: Kind::Switch,
        presence: Presence::Always,
        get: |row| f64::from(u8::from(row.success)),
        set: |row, value| row.success = value != 0.0,
    },
    target!("v_leak", leak_lsb),
    target!("v_reset", reset_lsb),
    target!("v_threshold", threshold_lsb),
    target!("tau_mem", tau_mem_us),
    target!("tau_syn_exc", tau_syn_exc_us),
    target!("tau_syn_inh", tau_syn_inh_us),
    uncalibrated!("v_leak", 0),
    uncalibrated!("v_reset", 1),
    uncalibrated!("v_threshold", 2),
    uncalibrated!("tau_mem", 3),
    uncalibrated!("tau_syn_exc", 4),
    uncalibrated!("tau_syn_inh", 5),
    uncalibrated!("cadc_offset", 6),
];

impl Column {
    /// Refuses what the column cannot hold.
    pub fn check(&self, value: f64) -> Result<f64, String> {
        let allowed = match self.kind {
            Kind::Whole(min, max) if value.fract() == 0.0 && (f64::from(min)..=f64::from(max)).contains(&value) => true,
            Kind::Switch => value == 0.0 || value == 1.0,
            Kind::Number => value.is_finite(),
            Kind::NumberOrNone => value.is_finite() || value.is_nan(),
            Kind::Whole(..) => false,
        };
        if allowed {
            return Ok(value);
        }
        let expected = match self.kind {
            Kind::Whole(min, max) => format!("whole numbers in {min}..={max}"),
            Kind::Switch => "0 and 1".into(),
            Kind::Number => "finite numbers".into(),
            Kind::NumberOrNone => "finite numbers, or none where nothing was seen".into(),
        };
        Err(format!("{value} is not allowed; allowed are {expected}"))
    }
}
