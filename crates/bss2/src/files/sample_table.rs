//! Labelled samples of the user's: CSV or npz.
//!
//! A CSV has a line with the names of its columns; one of them holds the labels, all others are features. An npz has the arrays
//! `features` `(n_samples, n_features)` and `labels` `(n_samples)`. Labels are whole numbers from 0; features lie in a range that
//! the user declares.

use std::fs::File;
use std::path::Path;

use ndarray::{Array1, Array2, Dimension};
use ndarray_npy::{NpzReader, ReadableElement};
use ttfs::data::Dataset;

use super::FileError;

/// More classes than a chip has neurons.
const MOST_CLASSES: usize = 512;

/// How a table is to be read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Columns<'a> {
    /// Column of a CSV that holds the labels.
    pub label: &'a str,
    /// The value that is the feature 0.
    pub min: f64,
    /// The value that is the feature 1.
    pub max: f64,
}

/// Reads a table; the extension tells the format. There are as many classes as the largest label asks for.
///
/// # Errors
/// [`FileError`] with the file and the line or sample, the value and what is allowed.
pub fn load(path: &Path, columns: Columns<'_>) -> Result<Dataset, FileError> {
    let open = || File::open(path).map_err(FileError::io("read", path));
    let table = match path.extension().and_then(|e| e.to_str()) {
        Some("csv") => from_csv(open()?, columns.label),
        Some("npz") => from_npz(open()?),
        _ => Err("a table of samples is a .csv or an .npz file".into()),
    };
    table.and_then(|written| checked(written, columns)).map_err(|e| FileError::content(path, e))
}

/// Values and labels as they are written.
type Written = (Array2<f64>, Vec<f64>);

fn from_csv(file: File, label: &str) -> Result<Written, String> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(file);
    let names = reader.headers().map_err(|e| e.to_string())?.clone();
    let Some(label) = names.iter().position(|name| name == label) else {
        let names: Vec<&str> = names.iter().collect();
        return Err(format!("no column {label:?} (key data.label_column); there are {}", names.join(", ")));
    };
    let (mut values, mut labels) = (Vec::new(), Vec::new());
    for record in reader.records() {
        let record = record.map_err(|e| e.to_string())?;
        let line = record.position().map_or(0, csv::Position::line);
        for (column, field) in record.iter().enumerate() {
            let value: f64 = field
                .parse()
                .map_err(|_| format!("line {line}, column {}: {field:?} is not a number", &names[column]))?;
            if column == label { labels.push(value) } else { values.push(value) }
        }
    }
    // The reader has refused records of other lengths.
    let features = Array2::from_shape_vec((labels.len(), names.len() - 1), values).map_err(|e| e.to_string())?;
    Ok((features, labels))
}

fn from_npz(file: File) -> Result<Written, String> {
    let mut npz = NpzReader::new(file).map_err(|e| format!("not an .npz file: {e}"))?;
    let features: Array2<f64> = number_array(&mut npz, "features", "(n_samples, n_features)")?;
    let labels: Array1<f64> = number_array(&mut npz, "labels", "(n_samples)")?;
    Ok((features, labels.to_vec()))
}

/// An array of numbers of any type that NumPy users have at hand.
fn number_array<D: Dimension>(
    npz: &mut NpzReader<File>,
    name: &str,
    shape: &str,
) -> Result<ndarray::Array<f64, D>, String> {
    fn read<T: ReadableElement + Copy, D: Dimension>(
        npz: &mut NpzReader<File>,
        name: &str,
        number: impl Fn(T) -> f64,
    ) -> Option<ndarray::Array<f64, D>> {
        let array: ndarray::Array<T, D> = npz.by_name(name).ok()?;
        Some(array.mapv(number))
    }
    read::<f64, D>(npz, name, |x| x)
        .or_else(|| read::<f32, D>(npz, name, f64::from))
        .or_else(|| read::<u8, D>(npz, name, f64::from))
        .or_else(|| read::<i32, D>(npz, name, f64::from))
        .or_else(|| read::<i64, D>(npz, name, |x| x as f64))
        .ok_or_else(|| format!("no array `{name}` of shape {shape} and type f8, f4, u1, i4 or i8"))
}

fn checked((features, labels): (Array2<f64>, Vec<f64>), columns: Columns<'_>) -> Result<Dataset, String> {
    if features.is_empty() {
        return Err("there are no samples or no features".into());
    }
    let Columns { min, max, .. } = columns;
    for ((sample, feature), &value) in features.indexed_iter() {
        if !(min..=max).contains(&value) {
            return Err(format!(
                "sample {sample}, feature {feature} is {value}; allowed are {min}..={max} (keys data.feature_min, data.feature_max)"
            ));
        }
    }
    if let Some((sample, label)) = labels
        .iter()
        .enumerate()
        .find(|(_, label)| !(0.0..MOST_CLASSES as f64).contains(*label) || label.fract() != 0.0)
    {
        return Err(format!("sample {sample} has label {label}; allowed are whole numbers in 0..{MOST_CLASSES}"));
    }
    let labels: Vec<usize> = labels.into_iter().map(|label| label as usize).collect();
    let n_classes = labels.iter().max().map_or(0, |label| label + 1);
    // Rounding must not lead out of 0..=1.
    let features = features.mapv(|value| ((value - min) / (max - min)).clamp(0.0, 1.0));
    Dataset::new(features, labels, n_classes).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use ndarray::array;
    use ndarray_npy::NpzWriter;

    use super::*;

    const UNIT: Columns<'static> = Columns { label: "label", min: 0.0, max: 1.0 };

    fn csv(text: &str, columns: Columns<'_>) -> Result<Dataset, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mine.csv");
        std::fs::write(&path, text).unwrap();
        load(&path, columns).map_err(|e| e.to_string())
    }

    #[test]
    fn a_csv_with_a_declared_range() {
        let data = csv("a, kind, b\n-1, 1, 3\n1, 0, -1\n", Columns { label: "kind", min: -1.0, max: 3.0 }).unwrap();
        assert_eq!((data.features, data.labels, data.n_classes), (array![[0.0, 1.0], [0.5, 0.0]], vec![1, 0], 2));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, words) in [
            ("a,b\n1,0\n", "no column \"label\" (key data.label_column); there are a, b"),
            ("a,label\nx,0\n", "line 2, column a: \"x\" is not a number"),
            ("a,label\n2,0\n", "sample 0, feature 0 is 2; allowed are 0..=1"),
            ("a,label\nnan,0\n", "feature 0 is NaN"),
            ("a,label\n1,0.5\n", "sample 0 has label 0.5"),
            ("a,label\n1,-1\n", "sample 0 has label -1"),
            ("a,label\n", "there are no samples"),
            ("label\n1\n", "no features"),
            ("a,label\n1,2,3\n", "line: 2"),
        ] {
            let error = csv(text, UNIT).unwrap_err();
            assert!(error.contains(words) && error.contains("mine.csv"), "{error}");
        }
        assert!(load(Path::new("mine.txt"), UNIT).unwrap_err().to_string().contains(".csv or an .npz"));
        assert!(load(Path::new("no/mine.csv"), UNIT).unwrap_err().to_string().contains("no/mine.csv"));
    }

    #[test]
    fn an_npz_of_bytes_and_of_floats() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mine.npz");
        let mut npz = NpzWriter::new(File::create(&path).unwrap());
        npz.add_array("features", &array![[0_u8, 255], [51, 0]]).unwrap();
        npz.add_array("labels", &array![2_i64, 0]).unwrap();
        npz.finish().unwrap();
        let data = load(&path, Columns { max: 255.0, ..UNIT }).unwrap();
        assert_eq!((data.features, data.labels, data.n_classes), (array![[0.0, 1.0], [0.2, 0.0]], vec![2, 0], 3));
        let mut npz = NpzWriter::new(File::create(&path).unwrap());
        npz.add_array("features", &array![0.5_f32]).unwrap();
        npz.finish().unwrap();
        let error = load(&path, UNIT).unwrap_err().to_string();
        assert!(error.contains("no array `features` of shape (n_samples, n_features)"), "{error}");
    }
}
