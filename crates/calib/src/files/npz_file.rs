//! The table as `.npz`: one array of 512 per column, and `table`, the JSON of what neurons share, as bytes.

use std::io::Cursor;
use std::path::Path;

use bss2_emu::codes::NEURONS;
use ndarray::Array1;
use ndarray_npy::{NpzReader, NpzWriter};

use super::columns::{Column, Kind, Row};
use super::parts::{blank, check_names, common, put_together, take_apart};
use super::refuse;
use crate::error::CalibError;
use crate::table::Calibration;

pub(super) const MAGIC: &[u8] = b"PK\x03\x04";
/// Array with the JSON.
const COMMON: &str = "table";

/// One value for each of the 512 neurons.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Codes.
    Whole(Vec<i16>),
    /// True or false.
    Switch(Vec<bool>),
    /// Potentials in CADC LSB, times in us, gains in LSB/us per weight code; nan where nothing was seen.
    Number(Vec<f64>),
}

pub(super) fn encode(table: &Calibration) -> Result<Vec<u8>, String> {
    let (common, rows) = take_apart(table);
    let mut npz = NpzWriter::new_compressed(Cursor::new(Vec::new()));
    for column in common.columns() {
        let name = column.name;
        match values(column, &rows) {
            Values::Whole(values) => npz.add_array(name, &Array1::from(values)),
            Values::Switch(values) => npz.add_array(name, &Array1::from(values)),
            Values::Number(values) => npz.add_array(name, &Array1::from(values)),
        }
        .map_err(|e| e.to_string())?;
    }
    let json = serde_json::to_vec(&common).map_err(|e| e.to_string())?;
    npz.add_array(COMMON, &Array1::from(json)).map_err(|e| e.to_string())?;
    Ok(npz.finish().map_err(|e| e.to_string())?.into_inner())
}

fn values(column: &Column, rows: &[Row]) -> Values {
    let values = rows.iter().map(|row| (column.get)(row));
    match column.kind {
        Kind::Whole(..) => Values::Whole(values.map(|v| v as i16).collect()),
        Kind::Switch => Values::Switch(values.map(|v| v != 0.0).collect()),
        Kind::Number | Kind::NumberOrNone => Values::Number(values.collect()),
    }
}

impl Calibration {
    /// The arrays of a `.npz` of this table, by name: what was measured has the names of `calix`'s `calib_eval.npz`, codes those of
    /// their registers after `code_`, targets follow `target_`; `_uncalibrated` ends what the same chip showed at common codes.
    pub fn arrays(&self) -> Vec<(&'static str, Values)> {
        let (common, rows) = take_apart(self);
        common.columns().map(|column| (column.name, values(column, &rows))).collect()
    }
}

pub(super) fn decode(path: &Path, bytes: Vec<u8>) -> Result<Calibration, CalibError> {
    let broken = |e: ndarray_npy::ReadNpzError| refuse(path, format!("the .npz is cut off or damaged: {e}"));
    let mut npz = NpzReader::new(Cursor::new(bytes)).map_err(broken)?;
    let names: Vec<String> = npz.names().map_err(broken)?;
    let names: Vec<String> = names.iter().map(|n| n.trim_end_matches(".npy").to_owned()).collect();
    if !names.iter().any(|name| name == COMMON) {
        return Err(refuse(path, format!("this is not a bss2 calibration (the .npz has no array `{COMMON}`)")));
    }
    let json: Array1<u8> = npz.by_name(COMMON).map_err(broken)?;
    let common = common(path, &json.to_vec())?;
    // Version 1 has arrays of what was measured without the calibration, which its programs wrote and did not read.
    let is_own = |name: &String| name != COMMON && !(common.format == 1 && name.ends_with("_uncalibrated"));
    let own: Vec<String> = names.into_iter().filter(is_own).collect();
    check_names(path, &own, &common)?;
    let mut rows = vec![blank(&common); NEURONS];
    for column in common.columns() {
        let name = column.name;
        let values: Result<Vec<f64>, _> = match column.kind {
            Kind::Whole(..) => npz.by_name(name).map(|a: Array1<i16>| a.iter().map(|v| f64::from(*v)).collect()),
            Kind::Switch => {
                npz.by_name(name).map(|a: Array1<bool>| a.iter().map(|v| f64::from(u8::from(*v))).collect())
            }
            Kind::Number | Kind::NumberOrNone => npz.by_name(name).map(|a: Array1<f64>| a.to_vec()),
        };
        let values = values.map_err(|e| refuse(path, format!("array {name}: {e}")))?;
        if values.len() != NEURONS {
            let message = format!("array {name} has {} entries; a chip has {NEURONS} neurons", values.len());
            return Err(refuse(path, message));
        }
        for (neuron, (row, value)) in rows.iter_mut().zip(values).enumerate() {
            let value = column.check(value).map_err(|e| refuse(path, format!("array {name}, neuron {neuron}: {e}")))?;
            (column.set)(row, value);
        }
    }
    put_together(path, common, &rows)
}
