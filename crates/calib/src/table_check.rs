//! What no table can hold: looked for before one is written and after one was read.

use std::ops::RangeInclusive;
use std::path::Path;

use bss2_emu::codes::NEURONS;

use crate::error::CalibError;
use crate::plausible::{self, Measured};
use crate::table::Calibration;
use crate::uncalibrated::Uncalibrated;

/// The longest name of a chip.
const LONGEST_NAME: usize = 200;

impl Calibration {
    /// Refuses wrong lengths, numbers that are not finite, and values that no register, neuron or chip has.
    pub(crate) fn check(&self, path: &Path) -> Result<(), CalibError> {
        let refuse = |message: String| CalibError::Content { path: path.to_owned(), message };
        let name = &self.chip.0;
        if name.trim().is_empty() || name.chars().any(char::is_control) || name.chars().count() > LONGEST_NAME {
            let start: String = name.chars().take(60).collect();
            let allowed = format!("1 to {LONGEST_NAME} characters that can be printed");
            return Err(refuse(format!("chip {start:?} is not a name; allowed are {allowed}")));
        }
        self.check_lengths(path)?;
        within(path, "hardware_time_us", self.hardware_time_us, &(0.0..=f64::MAX))?;
        for (name, values) in self.uncalibrated.iter().flat_map(Uncalibrated::lists) {
            for (neuron, value) in values.iter().enumerate().filter_map(|(n, value)| Some((n, (*value)?))) {
                within(path, &format!("uncalibrated.{name}[{neuron}]"), value, &plausible::uncalibrated(name))?;
            }
        }
        for (neuron, parameters) in self.measured.iter().enumerate() {
            for Measured { name, value, range } in plausible::measured(parameters) {
                within(path, &format!("measured[{neuron}].{name}"), value, &range)?;
            }
        }
        if let Some(problem) = self.targets.check().first() {
            return Err(refuse(format!("targets.{problem}")));
        }
        if let Some(problem) = self.per_neuron.check(&self.targets).first() {
            return Err(refuse(format!("per_neuron.{problem}")));
        }
        for (neuron, codes) in self.codes.iter().flat_map(|table| &table.neurons).enumerate() {
            for (name, value, most) in [
                ("membrane_capacitance", codes.membrane_capacitance, 63),
                ("extension.reset_holdoff", codes.extension.reset_holdoff, 15),
                ("refractory.scale", codes.refractory.scale, 15),
            ] {
                if value > most {
                    return Err(refuse(format!("codes.neurons[{neuron}].{name} is {value}; allowed are 0..={most}")));
                }
            }
        }
        Ok(())
    }

    fn check_lengths(&self, path: &Path) -> Result<(), CalibError> {
        let codes = self.codes.as_ref();
        let own = [
            ("measured".to_owned(), self.measured.len()),
            ("success".to_owned(), self.success.len()),
            ("codes.neurons".to_owned(), codes.map_or(NEURONS, |c| c.neurons.len())),
            ("codes.cadc_offset".to_owned(), codes.map_or(NEURONS, |c| c.cadc_offset.len())),
        ];
        let lists = self.uncalibrated.iter().flat_map(Uncalibrated::lists);
        let uncalibrated = lists.map(|(name, values)| (format!("uncalibrated.{name}"), values.len()));
        match own.into_iter().chain(uncalibrated).find(|(_, found)| *found != NEURONS) {
            Some((what, found)) => Err(CalibError::Length { path: path.to_owned(), what, found, expected: NEURONS }),
            None => Ok(()),
        }
    }
}

fn within(path: &Path, what: &str, value: f64, range: &RangeInclusive<f64>) -> Result<(), CalibError> {
    if !value.is_finite() {
        return Err(CalibError::NotFinite { path: path.to_owned(), what: what.into(), value });
    }
    if range.contains(&value) {
        return Ok(());
    }
    let allowed = plausible::said(range);
    Err(CalibError::Content { path: path.to_owned(), message: format!("{what} is {value:e}; allowed are {allowed}") })
}
