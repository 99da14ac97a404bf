//! The values of a file of targets by their names: JSON, CSV, npz.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;

use bss2_emu::codes::NEURONS;
use ndarray::ArrayD;
use ndarray_npy::{NpzReader, ReadNpzError};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::Value;

use super::{FORMAT, UNITS};

/// Names of targets. `tau_syn` is that of both synaptic time constants together.
const NAMES: [&str; 11] = [
    "leak",
    "reset",
    "threshold",
    "tau_mem",
    "tau_syn",
    "tau_syn_exc",
    "tau_syn_inh",
    "refractory_time",
    "membrane_capacitance",
    "i_synin_gm",
    "synapse_dac_bias",
];
/// What else `calib targets` writes; it is for the reader.
const REMARKS: [&str; 5] = ["format", "network", "units", "layer", "index"];

/// Values by name: one for all neurons, or one per neuron; `tau_syn` as `tau_syn_exc` and `tau_syn_inh`.
pub(super) type Lists = BTreeMap<String, Vec<f64>>;

/// All names of targets, for a message.
pub(super) fn names() -> String {
    NAMES.join(", ")
}

/// What a file says, cut to the length of a message.
fn short(said: &str) -> String {
    const LONGEST: usize = 60;
    if said.chars().count() <= LONGEST {
        return said.to_owned();
    }
    said.chars().take(LONGEST - 3).chain("...".chars()).collect()
}

/// Takes up the values of a name, row by row.
fn add(lists: &mut Lists, name: &str, rows: &[Vec<f64>]) -> Result<(), String> {
    if REMARKS.contains(&name) {
        return Ok(());
    }
    if !NAMES.contains(&name) {
        return Err(format!("{:?} is not a target of calix; expected some of {}", short(name), names()));
    }
    let columns: Vec<(&str, Vec<f64>)> = match (name, rows) {
        // As calix has it in Python: excitatory values first, then inhibitory.
        ("tau_syn", [exc, inh]) if exc.len() == inh.len() => {
            vec![("tau_syn_exc", exc.clone()), ("tau_syn_inh", inh.clone())]
        }
        ("tau_syn", rows) => {
            let column = |k: usize| rows.iter().map(|row| value(name, row, k)).collect::<Result<Vec<f64>, String>>();
            vec![("tau_syn_exc", column(0)?), ("tau_syn_inh", column(1)?)]
        }
        (name, rows) => {
            let one = |row: &Vec<f64>| if row.len() == 1 { Ok(row[0]) } else { Err(too_many(name, row)) };
            vec![(name, rows.iter().map(one).collect::<Result<_, _>>()?)]
        }
    };
    for (own, values) in columns {
        if values.len() != 1 && values.len() != NEURONS {
            let found = values.len();
            return Err(format!("{name}: {found} values; expected one, or one for each of the {NEURONS} neurons"));
        }
        if let Some(value) = values.iter().find(|value| !value.is_finite()) {
            return Err(format!("{name}: {value} is not a number that can be aimed at"));
        }
        if lists.insert(own.to_owned(), values).is_some() {
            return Err(format!("{own} is given twice"));
        }
    }
    Ok(())
}

/// One of the two time constants in a row of one neuron; a single value is that of both.
fn value(name: &str, row: &[f64], column: usize) -> Result<f64, String> {
    match row {
        [both] => Ok(*both),
        [_, _] => Ok(row[column]),
        _ => Err(too_many(name, row)),
    }
}

fn too_many(name: &str, row: &[f64]) -> String {
    format!("{name}: {} values for one neuron", row.len())
}

/// The keys of a JSON object with their values. A key that is there twice, a `format` of the future and foreign `units` are refused.
struct Entries(Vec<(String, Value)>);

/// Units that a file says its values are in.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct SaidUnits {
    potential: Option<String>,
    time: Option<String>,
}

impl SaidUnits {
    fn check(&self) -> Result<(), String> {
        for (key, said, expected) in [("potential", &self.potential, UNITS.potential), ("time", &self.time, UNITS.time)]
        {
            if let Some(said) = said.as_deref().filter(|said| *said != expected) {
                return Err(format!("units.{key}: {:?} is not supported; expected {expected:?}", short(said)));
            }
        }
        Ok(())
    }
}

fn check_format(found: u64) -> Result<(), String> {
    if found == u64::from(FORMAT) {
        return Ok(());
    }
    Err(format!("format: {found} is not known; this program reads format {FORMAT}"))
}

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Entries;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of targets by their names")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let mut entries: Vec<(String, Value)> = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    if entries.iter().any(|(known, _)| *known == name) {
                        return Err(A::Error::custom(format!("{:?} is given twice", short(&name))));
                    }
                    let value = match name.as_str() {
                        "format" => map.next_value().and_then(|n| check_format(n).map_err(A::Error::custom))?.into(),
                        "units" => {
                            map.next_value::<SaidUnits>()?.check().map_err(A::Error::custom)?;
                            Value::Null
                        }
                        _ => map.next_value()?,
                    };
                    entries.push((name, value));
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

pub(super) fn from_json(text: &str) -> Result<Lists, String> {
    let Entries(entries) = serde_json::from_str(text).map_err(|e| e.to_string())?;
    let mut lists = Lists::new();
    for (name, value) in entries.iter().filter(|(name, _)| !REMARKS.contains(&name.as_str())) {
        let number = |value: &Value| {
            value.as_f64().ok_or_else(|| format!("{}: {} is not a number", short(name), short(&value.to_string())))
        };
        let row = |value: &Value| match value {
            Value::Array(values) => values.iter().map(number).collect(),
            value => number(value).map(|value| vec![value]),
        };
        // Two numbers are those of one neuron: excitatory and inhibitory.
        let is_pair = |values: &[Value]| name == "tau_syn" && values.len() == 2 && values.iter().all(Value::is_number);
        let rows = match value {
            Value::Array(values) if !is_pair(values) => values.iter().map(row).collect(),
            value => row(value).map(|row| vec![row]),
        };
        add(&mut lists, name, &rows?)?;
    }
    Ok(lists)
}

pub(super) fn from_csv(text: &str) -> Result<Lists, String> {
    if !text.ends_with('\n') {
        return Err("the file is cut off: its last line does not end".to_owned());
    }
    let (mut lists, mut body, mut lines_before) = (Lists::new(), text, 0);
    // The first line of what `calib targets` writes has the values of the whole chip.
    if let Some((json, rest)) = text.strip_prefix("# bss2 calix targets ").and_then(|rest| rest.split_once('\n')) {
        lists = from_json(json).map_err(|message| format!("line 1: {message}"))?;
        (body, lines_before) = (rest, 1);
    }
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(body.as_bytes());
    let names: Vec<String> = reader.headers().map_err(|e| e.to_string())?.iter().map(str::to_owned).collect();
    if let Some((_, name)) = names.iter().enumerate().find(|(k, name)| names[..*k].contains(name)) {
        return Err(format!("line {}: the column {} is there twice", lines_before + 1, short(name)));
    }
    let mut columns: Vec<Vec<Vec<f64>>> = vec![Vec::new(); names.len()];
    for (row, record) in reader.records().enumerate() {
        let record = record.map_err(|e| e.to_string())?;
        let line = record.position().map_or(0, csv::Position::line) + lines_before;
        for ((name, column), field) in names.iter().zip(&mut columns).zip(&record) {
            let problem = |what: &str| format!("line {line}, column {}: {what}", short(name));
            let value = field.parse::<f64>().ok().filter(|value| value.is_finite());
            let value = value.ok_or_else(|| problem(&format!("{:?} is not a number", short(field))))?;
            if name == NUMBER && value != row as f64 {
                return Err(problem(&format!("{}; expected {row}: neurons are in order, from 0", short(field))));
            }
            column.push(vec![value]);
        }
    }
    for (name, rows) in names.iter().zip(&columns) {
        if name != NUMBER {
            add(&mut lists, name, rows)?;
        } else if rows.len() != NEURONS {
            return Err(format!("{} rows with numbers of neurons; a chip has {NEURONS} neurons", rows.len()));
        }
    }
    Ok(lists)
}

/// Column of the numbers of the neurons.
const NUMBER: &str = "neuron";

pub(super) fn from_npz(file: File) -> Result<Lists, String> {
    let mut npz = NpzReader::new(file).map_err(|e| e.to_string())?;
    let mut lists = Lists::new();
    for name in npz.names().map_err(|e| e.to_string())? {
        let name = name.strip_suffix(".npy").unwrap_or(&name).to_owned();
        if name != "format" && REMARKS.contains(&name.as_str()) {
            continue;
        }
        let array = numbers(&mut npz, &name)
            .map_err(|e| format!("array {}: {e}; expected whole numbers or floats", short(&name)))?;
        if name == "format" {
            array.iter().try_for_each(|found| check_format(*found as u64))?;
            continue;
        }
        let rows: Vec<Vec<f64>> = match array.shape() {
            // Two numbers are those of one neuron: excitatory and inhibitory.
            [] => vec![array.iter().copied().collect()],
            [2] if name == "tau_syn" => vec![array.iter().copied().collect()],
            [_] => array.iter().map(|value| vec![*value]).collect(),
            [_, _] => array.outer_iter().map(|row| row.iter().copied().collect()).collect(),
            shape => {
                return Err(format!(
                    "array {} has the shape {shape:?}; expected ({NEURONS},), or ({NEURONS}, 2) or (2, {NEURONS}) for \
                     tau_syn",
                    short(&name)
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
    or_as!(f64, f32, i64, i32, i16, i8, u64, u32, u16, u8);
    npz.by_name(name)
}
