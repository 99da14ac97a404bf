//! Reads targets in the names and units of `calix`, for an emulated chip to be calibrated to.
//!
//! What `calib targets` writes can be read, and less: a file holds some of the names, each with one value for all neurons or 512.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;

use bss2_emu::codes::NEURONS;
use calib::{PerNeuron, Targets};
use ndarray::ArrayD;
use ndarray_npy::{NpzReader, ReadNpzError};
use serde_json::Value;

use super::{FileError, extension};

/// Names of targets: those that neurons may have their own values of, then those of the whole chip.
const NAMES: [&str; 9] = [
    "leak",
    "reset",
    "threshold",
    "tau_mem",
    "tau_syn",
    "refractory_time",
    "membrane_capacitance",
    "i_synin_gm",
    "synapse_dac_bias",
];
/// What else `calib targets` writes; it is for the reader.
const REMARKS: [&str; 5] = ["format", "network", "units", "layer", "index"];

/// Values by name: one for all neurons, or one per neuron; `tau_syn` as its two columns.
type Lists = BTreeMap<String, Vec<f64>>;

/// Reads targets; what the file leaves out is as in `base`.
///
/// # Errors
/// [`FileError`] with the file and the name, value and range of what is wrong.
pub fn load(path: &Path, base: Targets) -> Result<(Targets, PerNeuron), FileError> {
    let refuse = |message: String| FileError::content(path, message);
    let read = FileError::io("read", path);
    let lists = match extension(path) {
        Some("json") => from_json(&fs::read_to_string(path).map_err(read)?),
        Some("csv") => from_csv(&fs::read_to_string(path).map_err(read)?),
        Some("npz") => from_npz(File::open(path).map_err(read)?),
        _ => Err("targets are read from .json, .csv or .npz".into()),
    };
    let (common, each) = lists.and_then(|lists| targets(lists, base)).map_err(refuse)?;
    match each.check(&common).first() {
        Some(problem) => Err(refuse(problem.to_string())),
        None => Ok((common, each)),
    }
}

fn targets(mut lists: Lists, base: Targets) -> Result<(Targets, PerNeuron), String> {
    if lists.is_empty() {
        return Err(format!("there are no targets; expected some of {}", NAMES.join(", ")));
    }
    let (mut common, mut each) = (base, PerNeuron::default());
    // Seconds have no exact microseconds in binary; 1e-9 us is nothing to a time constant.
    let us = |seconds: f64| (seconds * 1e15).round() / 1e9;
    let same = |value: f64| value;
    for (name, target, list, unit) in [
        ("leak", &mut common.leak_lsb, &mut each.leak_lsb, &same as &dyn Fn(f64) -> f64),
        ("reset", &mut common.reset_lsb, &mut each.reset_lsb, &same),
        ("threshold", &mut common.threshold_lsb, &mut each.threshold_lsb, &same),
        ("tau_mem", &mut common.tau_mem_us, &mut each.tau_mem_us, &us),
        ("tau_syn_exc", &mut common.tau_syn_exc_us, &mut each.tau_syn_exc_us, &us),
        ("tau_syn_inh", &mut common.tau_syn_inh_us, &mut each.tau_syn_inh_us, &us),
    ] {
        let Some(values) = lists.remove(name) else { continue };
        let values: Vec<f64> = values.into_iter().map(unit).collect();
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        *target = sorted[sorted.len() / 2];
        if values.iter().any(|value| value != target) {
            *list = values;
        }
    }
    let mut whole = |name: &str, present: f64| -> Result<f64, String> {
        let Some(values) = lists.remove(name) else { return Ok(present) };
        if values.iter().any(|value| *value != values[0]) {
            return Err(format!("{name} differs from neuron to neuron; it is calibrated to one value for all"));
        }
        Ok(values[0])
    };
    common.refractory_time_us = match whole("refractory_time", f64::NAN)? {
        seconds if seconds.is_nan() => base.refractory_time_us,
        seconds => us(seconds),
    };
    let code = |name: &str, value: f64, most: u16| {
        if value.fract() == 0.0 && (0.0..=f64::from(most)).contains(&value) {
            Ok(value as u16)
        } else {
            Err(format!("{name}: {value} is not allowed; expected a whole number in 0..={most}"))
        }
    };
    let capacitance = whole("membrane_capacitance", base.membrane_capacitance.into())?;
    common.membrane_capacitance = code("membrane_capacitance", capacitance, 63)? as u8;
    common.i_synin_gm = code("i_synin_gm", whole("i_synin_gm", base.i_synin_gm.into())?, 1022)?;
    common.synapse_dac_bias = code("synapse_dac_bias", whole("synapse_dac_bias", base.synapse_dac_bias.into())?, 1022)?;
    Ok((common, each))
}

/// Takes up the values of a name, row by row.
fn add(lists: &mut Lists, name: &str, rows: &[Vec<f64>]) -> Result<(), String> {
    if REMARKS.contains(&name) {
        return Ok(());
    }
    if !NAMES.contains(&name) {
        return Err(format!("{name:?} is not a target of calix; expected some of {}", NAMES.join(", ")));
    }
    if rows.len() != 1 && rows.len() != NEURONS {
        return Err(format!("{name}: {} values; expected one, or one for each of the {NEURONS} neurons", rows.len()));
    }
    let names = if name == "tau_syn" { vec!["tau_syn_exc", "tau_syn_inh"] } else { vec![name] };
    for (column, own) in names.into_iter().enumerate() {
        let value = |row: &Vec<f64>| match row.as_slice() {
            [both] => Ok(*both),
            [_, _] if name == "tau_syn" => Ok(row[column]),
            _ => Err(format!("{name}: {} values for one neuron", row.len())),
        };
        let values = rows.iter().map(value).collect::<Result<Vec<f64>, String>>()?;
        if let Some(value) = values.iter().find(|value| !value.is_finite()) {
            return Err(format!("{name}: {value} is not a number that can be aimed at"));
        }
        lists.insert(own.to_owned(), values);
    }
    Ok(())
}

fn from_json(text: &str) -> Result<Lists, String> {
    let content: serde_json::Map<String, Value> = serde_json::from_str(text).map_err(|e| e.to_string())?;
    let mut lists = Lists::new();
    for (name, value) in &content {
        if REMARKS.contains(&name.as_str()) {
            continue;
        }
        let number = |value: &Value| value.as_f64().ok_or_else(|| format!("{name}: {value} is not a number"));
        let row = |value: &Value| match value {
            Value::Array(values) => values.iter().map(number).collect(),
            value => number(value).map(|value| vec![value]),
        };
        let rows = match value {
            // Two numbers are those of one neuron: excitatory and inhibitory.
            Value::Array(values) if !(name == "tau_syn" && values.len() == 2) => values.iter().map(row).collect(),
            value => row(value).map(|row| vec![row]),
        };
        add(&mut lists, name, &rows?)?;
    }
    Ok(lists)
}

fn from_csv(text: &str) -> Result<Lists, String> {
    let (mut lists, mut columns) = (Lists::new(), BTreeMap::<String, Vec<Vec<f64>>>::new());
    let mut body = text;
    // The first line of what `calib targets` writes has the values of the whole chip.
    if let Some(comment) = text.strip_prefix("# bss2 calix targets ") {
        let (json, rest) = comment.split_once('\n').unwrap_or((comment, ""));
        lists = from_json(json).map_err(|message| format!("line 1: {message}"))?;
        body = rest;
    }
    let lines_before = u64::from(body.len() != text.len());
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(body.as_bytes());
    let names = reader.headers().map_err(|e| e.to_string())?.clone();
    for record in reader.records() {
        let record = record.map_err(|e| e.to_string())?;
        let line = record.position().map_or(0, csv::Position::line) + lines_before;
        for (name, field) in names.iter().zip(&record).filter(|(name, _)| *name != "neuron") {
            let problem = || format!("line {line}, column {name}: {field:?} is not a number");
            let value = field.parse::<f64>().ok().filter(|value| value.is_finite()).ok_or_else(problem)?;
            columns.entry(name.to_owned()).or_default().push(vec![value]);
        }
    }
    // In a row of a table the two time constants have a column each.
    if let (Some(exc), Some(inh)) = (columns.remove("tau_syn_exc"), columns.remove("tau_syn_inh")) {
        let both = exc.into_iter().zip(inh).map(|(exc, inh)| [exc, inh].concat()).collect();
        columns.insert("tau_syn".into(), both);
    }
    for (name, rows) in columns {
        add(&mut lists, &name, &rows)?;
    }
    Ok(lists)
}

fn from_npz(file: File) -> Result<Lists, String> {
    let mut npz = NpzReader::new(file).map_err(|e| e.to_string())?;
    let mut lists = Lists::new();
    for name in npz.names().map_err(|e| e.to_string())? {
        let name = name.trim_end_matches(".npy").to_owned();
        if REMARKS.contains(&name.as_str()) {
            continue;
        }
        let array =
            numbers(&mut npz, &name).map_err(|e| format!("array {name}: {e}; expected whole numbers or floats"))?;
        let rows: Vec<Vec<f64>> = match array.shape() {
            // Two numbers are those of one neuron: excitatory and inhibitory.
            [] => vec![array.iter().copied().collect()],
            [2] if name == "tau_syn" => vec![array.iter().copied().collect()],
            [_] => array.iter().map(|value| vec![*value]).collect(),
            [_, _] => array.outer_iter().map(|row| row.iter().copied().collect()).collect(),
            shape => {
                return Err(format!(
                    "array {name} has the shape {shape:?}; expected ({NEURONS},), or ({NEURONS}, 2) for tau_syn"
                ));
            }
        };
        add(&mut lists, &name, &rows)?;
    }
    Ok(lists)
}

/// An array of any of the types that `NumPy` makes of numbers.
fn numbers(npz: &mut NpzReader<File>, name: &str) -> Result<ArrayD<f64>, ReadNpzError> {
    macro_rules! or_as {
        ($($kind:ty),*) => {
            $(if let Ok(array) = npz.by_name::<ndarray::OwnedRepr<$kind>, ndarray::IxDyn>(name) {
                return Ok(array.mapv(|value| value as f64));
            })*
        };
    }
    or_as!(f64, i64, i32, i16, u16, u8, f32);
    npz.by_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_serves_all_neurons_and_lists_keep_their_own() {
        let lists =
            from_json(r#"{"leak": 90, "tau_syn": [5e-6, 7e-6], "network": "x", "refractory_time": 4e-6}"#).unwrap();
        let (common, each) = targets(lists, Targets::default()).unwrap();
        assert_eq!((common.leak_lsb, common.tau_syn_exc_us, common.tau_syn_inh_us), (90.0, 5.0, 7.0));
        assert_eq!((common.refractory_time_us, common.reset_lsb), (4.0, Targets::default().reset_lsb));
        assert!(each.is_empty());
        let rows: Vec<String> = (0..512).map(|n| format!("{n},{},6e-6", if n < 200 { 140 } else { 150 })).collect();
        let lists = from_csv(&format!("neuron,threshold,tau_mem\n{}\n", rows.join("\n"))).unwrap();
        let (common, each) = targets(lists, Targets::default()).unwrap();
        assert_eq!((common.threshold_lsb, each.threshold_lsb[199], each.threshold_lsb[200]), (150.0, 140.0, 150.0));
        assert!(each.tau_mem_us.is_empty() && common.tau_mem_us == 6.0);
    }

    #[test]
    fn what_cannot_be_aimed_at_is_named() {
        let complaint = |json: &str| from_json(json).and_then(|lists| targets(lists, Targets::default())).unwrap_err();
        assert!(complaint(r#"{"leek": 80}"#).contains("\"leek\" is not a target of calix"));
        assert!(
            complaint(r#"{"leak": [80, 81]}"#).contains("leak: 2 values; expected one, or one for each of the 512")
        );
        assert!(complaint(r#"{"leak": "80"}"#).contains("leak: \"80\" is not a number"));
        assert!(
            complaint(r#"{"i_synin_gm": 5000}"#)
                .contains("i_synin_gm: 5000 is not allowed; expected a whole number in 0..=1022")
        );
        assert!(complaint("{}").contains("there are no targets"));
        let capacitances: Vec<u16> = (0..512).map(|n| n % 2).collect();
        let uneven = serde_json::json!({ "membrane_capacitance": capacitances }).to_string();
        assert!(complaint(&uneven).contains("membrane_capacitance differs from neuron to neuron"));
        assert!(from_csv("neuron,leak\n0,eighty\n").unwrap_err().contains("line 2, column leak: \"eighty\""));
    }
}
