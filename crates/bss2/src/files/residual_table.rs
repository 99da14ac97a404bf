//! Tables of what a calibration left behind in each neuron, given by the user: CSV or npz.
//!
//! One row (CSV) or array element (npz) per neuron in `AtomicNeuron` order, 512 in all; columns as in [`ResidualColumn::ALL`],
//! each of them optional. A CSV may have a column `neuron` with the numbers 0 to 511 in order. A twin of a real chip is such a table, too,
//! with factors of single synapses beside it.

use std::fs::File;
use std::path::{Path, PathBuf};

use bss2_emu::codes::NEURONS;
use bss2_emu::residual::{NeuronResidual, ResidualColumn, ResidualTable};
use ndarray::Array1;
use ndarray_npy::NpzReader;
use twin::Twin;

use super::FileError;

/// Name, without extension, of a table that is kept beside what was made with it.
const KEPT: &str = "residual-table";

/// Copies a table into a folder, as it is.
///
/// # Errors
/// [`FileError::Io`] if it cannot be read or written.
pub fn keep(table: &Path, folder: &Path) -> Result<(), FileError> {
    let bytes = std::fs::read(table).map_err(FileError::io("read", table))?;
    super::write(&folder.join(KEPT).with_extension(table.extension().unwrap_or_default()), &bytes)
}

/// The table that is kept in a folder, if there is one.
pub fn kept(folder: &Path) -> Option<PathBuf> {
    ["csv", "npz"].into_iter().map(|extension| folder.join(KEPT).with_extension(extension)).find(|path| path.is_file())
}

/// Column of a CSV that numbers the neurons.
const NUMBER: &str = "neuron";

/// Reads a table; the extension tells the format.
///
/// # Errors
/// [`FileError`] with the file and the line or array, the value and what is allowed.
pub fn load(path: &Path) -> Result<ResidualTable, FileError> {
    let open = || File::open(path).map_err(FileError::io("read", path));
    if Twin::is_one(path) {
        return Twin::load(path).and_then(|twin| twin.residuals()).map_err(|e| FileError::content(path, e.to_string()));
    }
    let neurons = match path.extension().and_then(|e| e.to_str()) {
        Some("csv") => from_csv(open()?),
        Some("npz") => from_npz(open()?),
        _ => Err("a table of residuals is a .csv or an .npz file".into()),
    };
    let table = neurons.and_then(|neurons| ResidualTable::new(neurons).map_err(|error| error.to_string()));
    table.map_err(|message| FileError::content(path, message))
}

fn from_csv(file: File) -> Result<Vec<NeuronResidual>, String> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(file);
    let names = reader.headers().map_err(|e| e.to_string())?.clone();
    let columns: Vec<Option<ResidualColumn>> = names
        .iter()
        .map(|name| if name == NUMBER { Ok(None) } else { column(name).map(Some) })
        .collect::<Result<_, _>>()?;
    distinct(names.iter())?;
    let mut neurons = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|e| e.to_string())?;
        let line = record.position().map_or(0, csv::Position::line);
        let mut residual = NeuronResidual::NONE;
        for ((field, name), column) in record.iter().zip(&names).zip(&columns) {
            let value: f64 =
                field.parse().map_err(|_| format!("line {line}, column {name}: {field:?} is not a number"))?;
            match column {
                Some(column) => column.set(&mut residual, value),
                None if value == neurons.len() as f64 => (),
                None => {
                    let expected = neurons.len();
                    return Err(format!(
                        "line {line}: neuron {field}; expected {expected}: neurons are in order, from 0"
                    ));
                }
            }
        }
        neurons.push(residual);
    }
    Ok(neurons)
}

fn from_npz(file: File) -> Result<Vec<NeuronResidual>, String> {
    let mut npz = NpzReader::new(file).map_err(|e| e.to_string())?;
    let mut neurons = vec![NeuronResidual::NONE; NEURONS];
    let names = npz.names().map_err(|e| e.to_string())?;
    distinct(names.iter().map(String::as_str))?;
    for name in names {
        let name = name.trim_end_matches(".npy");
        let column = column(name)?;
        let values: Array1<f64> = npz
            .by_name(name)
            .map_err(|e| format!("array {name}: {e}; expected {NEURONS} numbers of type f8 in one dimension"))?;
        if values.len() != NEURONS {
            return Err(format!(
                "array {name}: {} values; expected one for each of the {NEURONS} neurons",
                values.len()
            ));
        }
        for (residual, value) in neurons.iter_mut().zip(&values) {
            column.set(residual, *value);
        }
    }
    Ok(neurons)
}

/// Refuses a column that is there twice, and a table without any.
fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Result<(), String> {
    let mut seen: Vec<&str> = Vec::new();
    for name in names {
        if seen.contains(&name) {
            return Err(format!("column {name:?} is there twice"));
        }
        seen.push(name);
    }
    if seen.iter().all(|name| *name == NUMBER) {
        let names: Vec<&str> = ResidualColumn::ALL.iter().map(|c| c.name).collect();
        return Err(format!("there is no column of residuals; expected some of {}", names.join(", ")));
    }
    Ok(())
}

/// The column of a name.
fn column(name: &str) -> Result<ResidualColumn, String> {
    ResidualColumn::ALL.into_iter().find(|c| c.name == name).ok_or_else(|| {
        let names: Vec<&str> = ResidualColumn::ALL.iter().map(|c| c.name).collect();
        format!("{name:?} is not a column; expected some of {NUMBER} (CSV only), {}", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use ndarray_npy::NpzWriter;

    use super::*;

    fn csv(content: &str) -> Result<ResidualTable, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.csv");
        std::fs::write(&path, content).unwrap();
        load(&path).map_err(|e| e.to_string())
    }

    fn rows(header: &str, row: impl Fn(usize) -> String) -> String {
        std::iter::once(header.to_owned()).chain((0..NEURONS).map(row)).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn columns_go_where_their_names_say_and_the_rest_is_neutral() {
        let table = csv(&rows("neuron, gain_exc, v_leak_lsb", |n| format!("{n}, 1.{n:03}, -2"))).unwrap();
        let neuron = table.neurons()[123];
        assert_eq!(neuron, NeuronResidual { gain_exc: 1.123, v_leak_lsb: -2.0, ..NeuronResidual::NONE });
    }

    #[test]
    fn an_npz_says_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.npz");
        let mut npz = NpzWriter::new(File::create(&path).unwrap());
        npz.add_array("tau_mem", &Array1::from_elem(NEURONS, 1.5)).unwrap();
        npz.finish().unwrap();
        assert!(load(&path).unwrap().neurons().iter().all(|n| n.tau_mem == 1.5 && n.gain_exc == 1.0));
    }

    #[test]
    fn mistakes_are_said_with_their_place() {
        let error = |text: &str| csv(text).unwrap_err();
        assert!(error("gain\n1").contains("\"gain\" is not a column; expected some of neuron (CSV only), v_leak_lsb"));
        assert!(error("gain_exc\n1\nx").contains("line 3, column gain_exc: \"x\" is not a number"));
        assert!(error("neuron,gain_exc\n1,1").contains("line 2: neuron 1; expected 0"));
        assert!(error("tau_mem,tau_mem\n1,2").contains("\"tau_mem\" is there twice"));
        assert!(error("neuron\n0").contains("no column of residuals"));
        assert!(error("gain_exc\n1").contains("1 entries; expected one for each of the 512 neurons"));
        assert!(error(&rows("tau_mem", |_| "-1".into())).contains("neuron 0: tau_mem = -1 is not allowed"));
        let wrong_kind = load(Path::new("table.txt")).unwrap_err().to_string();
        assert!(wrong_kind.contains("a .csv or an .npz file"), "{wrong_kind}");
    }
}
