//! The table as CSV: a comment with what neurons share, the names of the columns, one row per neuron.

use std::path::Path;

use super::columns::{Kind, Row};
use super::parts::{blank, check_names, common, put_together, take_apart};
use super::refuse;
use crate::error::CalibError;
use crate::table::Calibration;

/// How the comment begins; JSON follows to the end of the line.
pub(super) const MAGIC: &[u8] = b"# bss2 calibration {";
const BEFORE_JSON: usize = MAGIC.len() - 1;
/// Column of the numbers of the neurons.
const NUMBER: &str = "neuron";

pub(super) fn encode(table: &Calibration) -> Result<Vec<u8>, String> {
    let (common, rows) = take_apart(table);
    let mut text = MAGIC[..BEFORE_JSON].to_vec();
    text.extend(serde_json::to_vec(&common).map_err(|e| e.to_string())?);
    text.push(b'\n');
    let mut writer = csv::Writer::from_writer(text);
    let names = std::iter::once(NUMBER).chain(common.columns().map(|c| c.name));
    writer.write_record(names).map_err(|e| e.to_string())?;
    for (neuron, row) in rows.iter().enumerate() {
        let values = common.columns().map(|column| {
            let value = (column.get)(row);
            match column.kind {
                // As many digits as bring them back; an empty field where nothing was seen.
                Kind::Number | Kind::NumberOrNone if value.is_finite() => format!("{value:?}"),
                Kind::NumberOrNone => String::new(),
                _ => value.to_string(),
            }
        });
        writer.write_record(std::iter::once(neuron.to_string()).chain(values)).map_err(|e| e.to_string())?;
    }
    writer.into_inner().map_err(|e| e.to_string())
}

pub(super) fn decode(path: &Path, bytes: &[u8]) -> Result<Calibration, CalibError> {
    if !bytes.starts_with(MAGIC) {
        return Err(refuse(path, "this is not a bss2 calibration (a CSV begins with `# bss2 calibration {...}`)"));
    }
    if !bytes.ends_with(b"\n") {
        return Err(refuse(path, "the file is cut off: its last line does not end"));
    }
    let end = bytes.iter().position(|b| *b == b'\n').unwrap_or(bytes.len());
    let common = common(path, &bytes[BEFORE_JSON..end])?;
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(&bytes[end..]);
    let names: Vec<String> =
        reader.headers().map_err(|e| refuse(path, e.to_string()))?.iter().map(str::to_owned).collect();
    if names.first().map(String::as_str) != Some(NUMBER) {
        return Err(refuse(path, format!("line 2: the first column must be {NUMBER}")));
    }
    check_names(path, &names[1..], &common)?;
    let mut rows: Vec<Row> = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|e| refuse(path, e.to_string()))?;
        // The reader begins to count after the comment.
        let line = record.position().map_or(0, csv::Position::line);
        let mut row = blank(&common);
        for (name, field) in names.iter().zip(&record) {
            let problem = |message: String| refuse(path, format!("line {line}, column {name}: {message}"));
            let column = common.columns().find(|c| c.name == name);
            if field.is_empty() && column.is_some_and(|c| c.kind == Kind::NumberOrNone) {
                continue;
            }
            let value: f64 = field.parse().map_err(|_| problem(format!("{field:?} is not a number")))?;
            if name == NUMBER {
                if value != rows.len() as f64 {
                    return Err(problem(format!("{field}; expected {}: neurons are in order, from 0", rows.len())));
                }
                continue;
            }
            if let Some(column) = column {
                (column.set)(&mut row, column.check(value).map_err(problem)?);
            }
        }
        rows.push(row);
    }
    put_together(path, common, &rows)
}
