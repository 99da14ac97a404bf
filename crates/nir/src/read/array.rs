//! Arrays and texts of an HDF5 file, checked before they are read.

use hdf5_pure::{DType, Dataset, Datatype, DatatypeByteOrder, Group, VlenStringReadOptions};
use ndarray::Array2;

use super::Place;
use crate::Error;
use crate::graph::Metadata;

/// Most numbers of a file: 64 MiB of them.
const MOST_NUMBERS: u64 = 8 << 20;
/// Most bytes of text of a file.
const MOST_TEXT: u64 = 4 << 20;
/// Most bytes of one text of fixed width.
const WIDEST_TEXT: u64 = 4096;

/// What may still be read.
pub(super) struct Budget {
    numbers: u64,
    text: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self { numbers: MOST_NUMBERS, text: MOST_TEXT }
    }
}

/// An array that is there, and its shape.
pub(super) struct Found {
    pub(super) dataset: Dataset,
    pub(super) shape: Vec<u64>,
}

/// Opens an array.
pub(super) fn find(place: Place, group: &Group, field: &str) -> Result<Found, Error> {
    if !has(place, group, field)? {
        return Err(place.field(field, "missing"));
    }
    let damaged = |e: hdf5_pure::Error| place.field(field, format!("damaged HDF5: {e}"));
    let dataset = group.dataset(field).map_err(damaged)?;
    let shape = dataset.shape().map_err(damaged)?;
    Ok(Found { dataset, shape })
}

/// Whether a node has a field.
pub(super) fn has(place: Place, group: &Group, field: &str) -> Result<bool, Error> {
    let names = group.datasets().map_err(|e| place.node(format!("damaged HDF5: {e}")))?;
    Ok(names.iter().any(|name| name == field))
}

/// Refuses fields that the type does not have.
pub(super) fn only(place: Place, group: &Group, allowed: &[&str]) -> Result<(), Error> {
    let names = group.datasets().map_err(|e| place.node(format!("damaged HDF5: {e}")))?;
    match names.iter().find(|name| *name != "type" && !allowed.contains(&name.as_str())) {
        Some(name) => Err(place.field(name, format!("unknown; this type has {}", allowed.join(", ")))),
        None => Ok(()),
    }
}

fn product(shape: &[u64]) -> u64 {
    // An empty dimension makes the array empty, whatever the others say.
    if shape.contains(&0) { 0 } else { shape.iter().fold(1, |n, d| n.saturating_mul(*d)) }
}

/// Numbers of half precision (IEEE 754 binary16), which the HDF5 package does not convert.
fn halves(bytes: &[u8], order: DatatypeByteOrder) -> Vec<f64> {
    let bits = bytes.chunks_exact(2).map(|b| match order {
        DatatypeByteOrder::BigEndian => u16::from_be_bytes([b[0], b[1]]),
        _ => u16::from_le_bytes([b[0], b[1]]),
    });
    bits.map(half).collect()
}

fn half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023));
    match exponent {
        0 => sign * fraction * 2_f64.powi(-24),
        31 if fraction == 0.0 => sign * f64::INFINITY,
        31 => f64::NAN,
        _ => sign * (1024.0 + fraction) * 2_f64.powi(exponent - 25),
    }
}

impl Budget {
    /// Takes the numbers of an array out of the budget, or those of one of its chunks, which may be larger.
    fn take(&mut self, place: Place, dataset: &Dataset, field: &str, shape: &[u64]) -> Result<(), Error> {
        let damaged = |e: hdf5_pure::Error| place.field(field, format!("damaged HDF5: {e}"));
        let chunk = dataset.chunk_shape().map_err(damaged)?.map_or(0, |chunk| product(&chunk));
        let n = product(shape).max(chunk);
        if n > self.numbers {
            let message = format!("shape {shape:?}; a file may declare up to {MOST_NUMBERS} numbers in all");
            return Err(place.field(field, message));
        }
        self.numbers -= n;
        Ok(())
    }

    /// The finite numbers of an array.
    fn numbers(&mut self, place: Place, found: &Found, field: &str) -> Result<Vec<f64>, Error> {
        let Found { dataset, shape } = found;
        let damaged = |e: hdf5_pure::Error| place.field(field, format!("damaged HDF5: {e}"));
        let datatype = dataset.datatype().map_err(damaged)?;
        if !matches!(
            datatype,
            Datatype::FloatingPoint { size: 2 | 4 | 8, .. } | Datatype::FixedPoint { size: 1..=8, .. }
        ) {
            let dtype = dataset.dtype().map_err(damaged)?;
            return Err(place.field(field, format!("type {dtype}; needed are numbers")));
        }
        self.take(place, dataset, field, shape)?;
        let values = match datatype {
            Datatype::FloatingPoint { size: 2, byte_order, .. } => {
                halves(&dataset.read_raw().map_err(damaged)?, byte_order)
            }
            _ => dataset.read_f64().map_err(damaged)?,
        };
        if values.len() as u64 != product(shape) {
            return Err(place.field(field, format!("{} numbers for the shape {shape:?}", values.len())));
        }
        match values.iter().position(|v| !v.is_finite()) {
            Some(k) => Err(place.field(field, format!("entry {k} is {}; numbers must be finite", values[k]))),
            None => Ok(values),
        }
    }

    /// A matrix.
    pub(super) fn matrix(&mut self, place: Place, group: &Group, field: &str) -> Result<Array2<f64>, Error> {
        let found = find(place, group, field)?;
        let &[rows, columns] = found.shape.as_slice() else {
            return Err(place.field(field, format!("shape {:?}; needed are two dimensions [n_out, n_in]", found.shape)));
        };
        if rows == 0 || columns == 0 {
            return Err(place.field(field, format!("shape {:?}; needed is at least one weight", found.shape)));
        }
        let values = self.numbers(place, &found, field)?;
        Array2::from_shape_vec((rows as usize, columns as usize), values).map_err(|e| place.field(field, e.to_string()))
    }

    /// A vector; a single number counts as one of length 1.
    pub(super) fn vector(&mut self, place: Place, group: &Group, field: &str) -> Result<Vec<f64>, Error> {
        let found = find(place, group, field)?;
        if found.shape.len() > 1 || found.shape.contains(&0) {
            return Err(place.field(field, format!("shape {:?}; needed is [n] with n of at least 1", found.shape)));
        }
        self.numbers(place, &found, field)
    }

    /// The field `shape` of inputs and outputs.
    pub(super) fn shape(&mut self, place: Place, group: &Group) -> Result<Vec<u64>, Error> {
        super::array::only(place, group, &["shape"])?;
        let values = self.vector(place, group, "shape")?;
        match values.iter().find(|v| v.fract() != 0.0 || !(1.0..=1e9).contains(*v)) {
            Some(v) => Err(place.field("shape", format!("{v} is no size; allowed are whole numbers 1..=1000000000"))),
            None => Ok(values.into_iter().map(|v| v as u64).collect()),
        }
    }

    /// One text.
    pub(super) fn text(&mut self, place: Place, group: &Group, field: &str) -> Result<String, Error> {
        let Found { dataset, shape } = find(place, group, field)?;
        if product(&shape) != 1 {
            return Err(place.field(field, format!("shape {shape:?}; needed is one text")));
        }
        let mut texts = self.texts(place, &dataset, field, 1)?;
        texts.pop().ok_or_else(|| place.field(field, "empty; needed is one text"))
    }

    /// The `n` texts of an array, of variable length or fixed width.
    pub(super) fn texts(&mut self, place: Place, dataset: &Dataset, field: &str, n: u64) -> Result<Vec<String>, Error> {
        let damaged = |e: hdf5_pure::Error| place.field(field, format!("damaged HDF5: {e}"));
        let exhausted = || place.field(field, format!("too much text; a file may have up to {MOST_TEXT} bytes"));
        self.take(place, dataset, field, &[n])?;
        let texts = match dataset.dtype().map_err(damaged)? {
            DType::VariableLengthString => {
                let options = VlenStringReadOptions::new()
                    .with_max_elements(n as usize)
                    .with_max_payload_bytes(self.text as usize);
                dataset.read_vlen_strings(options).map_err(damaged)?
            }
            DType::String => {
                let width = dataset.element_size().map_err(damaged)?;
                if width > WIDEST_TEXT || width.saturating_mul(n) > self.text {
                    return Err(exhausted());
                }
                dataset.read_string().map_err(damaged)?
            }
            other => return Err(place.field(field, format!("type {other}; needed is text"))),
        };
        if texts.len() as u64 != n {
            return Err(place.field(field, format!("{} texts where {n} are declared", texts.len())));
        }
        let bytes: u64 = texts.iter().map(|text| text.len() as u64 + 24).sum();
        self.text = self.text.checked_sub(bytes).ok_or_else(exhausted)?;
        Ok(texts)
    }

    /// A text or a number of the metadata; `None` for anything else.
    pub(super) fn value(&mut self, place: Place, group: &Group, key: &str) -> Result<Option<Metadata>, Error> {
        let found = find(place, group, key)?;
        if product(&found.shape) != 1 {
            return Ok(None);
        }
        let damaged = |e: hdf5_pure::Error| place.field(key, format!("damaged HDF5: {e}"));
        Ok(match found.dataset.dtype().map_err(damaged)? {
            DType::VariableLengthString | DType::String => {
                self.texts(place, &found.dataset, key, 1)?.pop().map(Metadata::Text)
            }
            DType::F32
            | DType::F64
            | DType::I8
            | DType::I16
            | DType::I32
            | DType::I64
            | DType::U8
            | DType::U16
            | DType::U32
            | DType::U64 => {
                self.take(place, &found.dataset, key, &found.shape)?;
                found.dataset.read_f64().map_err(damaged)?.first().copied().map(Metadata::Number)
            }
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_half_precision() {
        let bytes = [0x3c, 0x00, 0xc0, 0x00, 0x00, 0x01, 0x7b, 0xff, 0x7c, 0x00, 0x04, 0x00];
        let expected = [1.0, -2.0, 2_f64.powi(-24), 65504.0, f64::INFINITY, 2_f64.powi(-14)];
        assert_eq!(halves(&bytes, DatatypeByteOrder::BigEndian), expected);
        assert!(half(0x7c01).is_nan());
    }
}
