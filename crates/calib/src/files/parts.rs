//! A table taken apart into rows of neurons and what belongs to no neuron, and put together again.

use std::path::Path;

use bss2_emu::codes::{NEURONS, QUADRANTS};
use bss2_emu::{CapMemCode, ChipIdentity, CodeTable, NeuronCodes, NeuronParameters, Terms};
use serde::{Deserialize, Serialize};

use super::columns::{COLUMNS, Column, Presence, Row};
use super::refuse;
use crate::error::CalibError;
use crate::per_neuron::PerNeuron;
use crate::table::{Calibration, FORMAT};
use crate::targets::{Targets, whole_targets};
use crate::uncalibrated::Uncalibrated;

/// What belongs to no neuron alone; JSON. Version 1 has neither targets by neuron nor `has_uncalibrated`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Common {
    pub format: u32,
    pub chip: ChipIdentity,
    #[serde(deserialize_with = "whole_targets")]
    pub targets: Targets,
    pub measurements: u64,
    pub trials: u64,
    pub hardware_time_us: f64,
    /// None for a chip that is set directly; then there are no columns of codes either.
    pub shared_codes: Option<Shared>,
    /// Whether there are columns of what was measured without the calibration.
    #[serde(default)]
    pub has_uncalibrated: bool,
    /// Terms beyond the leaky integrate-and-fire neuron, one entry per neuron, if any neuron has some.
    pub terms: Option<Vec<Terms>>,
}

impl Common {
    /// The columns that the table has.
    pub fn columns(&self) -> impl Iterator<Item = &'static Column> + use<> {
        let (has_codes, version, has_uncalibrated) = (self.shared_codes.is_some(), self.format, self.has_uncalibrated);
        COLUMNS.iter().filter(move |column| match column.presence {
            Presence::Always => true,
            Presence::Codes => has_codes,
            Presence::Targets => version >= 2,
            Presence::Uncalibrated => has_uncalibrated,
        })
    }
}

/// Codes that neurons share, per quadrant.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Shared {
    synapse_dac_bias: [CapMemCode; QUADRANTS],
    cadc_ramp_offset: [CapMemCode; QUADRANTS],
    cadc_ramp_slope: [CapMemCode; QUADRANTS],
}

/// A table, taken apart.
pub(super) fn take_apart(table: &Calibration) -> (Common, Vec<Row>) {
    let terms: Vec<Terms> = table.measured.iter().map(|p| p.terms).collect();
    let common = Common {
        format: FORMAT,
        chip: table.chip.clone(),
        targets: table.targets,
        measurements: table.measurements,
        trials: table.trials,
        hardware_time_us: table.hardware_time_us,
        shared_codes: table.codes.as_ref().map(|codes| Shared {
            synapse_dac_bias: codes.synapse_dac_bias,
            cadc_ramp_offset: codes.cadc_ramp_offset,
            cadc_ramp_slope: codes.cadc_ramp_slope,
        }),
        has_uncalibrated: table.uncalibrated.is_some(),
        terms: terms.iter().any(|t| !t.are_off()).then_some(terms),
    };
    let codes = |n: usize| table.codes.as_ref().map(|c| (c.neurons[n], c.cadc_offset[n]));
    let rows = table.measured.iter().zip(&table.success).enumerate().map(|(n, (measured, success))| {
        let (codes, cadc_offset) = codes(n).unwrap_or_default();
        let value = |list: &[Option<f64>]| list.get(n).copied().flatten().unwrap_or(f64::NAN);
        let uncalibrated =
            table.uncalibrated.as_ref().map_or([f64::NAN; 7], |u| u.lists().map(|(_, list)| value(list)));
        Row { codes, cadc_offset, measured: *measured, success: *success, targets: table.targets_of(n), uncalibrated }
    });
    (common, rows.collect())
}

/// A row to be filled.
pub(super) fn blank(common: &Common) -> Row {
    Row {
        codes: NeuronCodes::default(),
        cadc_offset: 0,
        measured: NeuronParameters::default(),
        success: false,
        targets: common.targets,
        uncalibrated: [f64::NAN; 7],
    }
}

/// The table that was taken apart.
pub(super) fn put_together(path: &Path, common: Common, rows: &[Row]) -> Result<Calibration, CalibError> {
    let terms = common.terms.unwrap_or_else(|| vec![Terms::default(); rows.len()]);
    for (what, found) in [("rows", rows.len()), ("terms", terms.len())] {
        if found != NEURONS {
            return Err(CalibError::Length { path: path.to_owned(), what: what.into(), found, expected: NEURONS });
        }
    }
    let codes = common.shared_codes.map(|shared| CodeTable {
        neurons: rows.iter().map(|row| row.codes).collect(),
        synapse_dac_bias: shared.synapse_dac_bias,
        cadc_offset: rows.iter().map(|row| row.cadc_offset).collect(),
        cadc_ramp_offset: shared.cadc_ramp_offset,
        cadc_ramp_slope: shared.cadc_ramp_slope,
    });
    let targets = |field: fn(&Targets) -> f64| rows.iter().map(|row| field(&row.targets)).collect();
    let per_neuron = PerNeuron {
        leak_lsb: targets(|t| t.leak_lsb),
        reset_lsb: targets(|t| t.reset_lsb),
        threshold_lsb: targets(|t| t.threshold_lsb),
        tau_mem_us: targets(|t| t.tau_mem_us),
        tau_syn_exc_us: targets(|t| t.tau_syn_exc_us),
        tau_syn_inh_us: targets(|t| t.tau_syn_inh_us),
    };
    let uncalibrated = std::array::from_fn(|k| rows.iter().map(|row| row.uncalibrated[k]).collect());
    Ok(Calibration {
        format: FORMAT,
        chip: common.chip,
        per_neuron: per_neuron.reduced(&common.targets),
        targets: common.targets,
        uncalibrated: common.has_uncalibrated.then(|| Uncalibrated::from_lists(uncalibrated)),
        codes,
        measured: rows.iter().zip(terms).map(|(row, terms)| NeuronParameters { terms, ..row.measured }).collect(),
        success: rows.iter().map(|row| row.success).collect(),
        measurements: common.measurements,
        trials: common.trials,
        hardware_time_us: common.hardware_time_us,
        origin: None,
    })
}

/// The common part, whose version is looked at first.
pub(super) fn common(path: &Path, json: &[u8]) -> Result<Common, CalibError> {
    let header: super::Header = super::parse(path, json)?;
    super::known_version(path, header.format)?;
    super::parse(path, json)
}

/// Refuses columns that are missing, that are there twice, and names that are no columns.
pub(super) fn check_names(path: &Path, found: &[String], common: &Common) -> Result<(), CalibError> {
    if let Some(missing) = common.columns().find(|c| !found.iter().any(|name| name == c.name)) {
        return Err(refuse(path, format!("the column {} is missing", missing.name)));
    }
    let twice = found.iter().enumerate().find(|(k, name)| found[..*k].contains(name));
    if let Some((_, name)) = twice {
        return Err(refuse(path, format!("the column {name} is there twice")));
    }
    let unknown = found.iter().find(|name| !common.columns().any(|c| c.name == name.as_str()));
    match unknown {
        Some(name) => Err(refuse(path, format!("{name:?} is not a column of a calibration"))),
        None => Ok(()),
    }
}
