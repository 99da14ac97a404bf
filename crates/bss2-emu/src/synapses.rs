//! The synapse arrays: 2 x 256 x 256 six-bit weights.

use crate::codes::{COLUMNS, ROWS, WeightCode};
use crate::device::{DeviceError, RowWrite};

/// Weights of a chip, `[hemisphere][row * 256 + column]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SynapseArrays {
    weights: [Vec<WeightCode>; 2],
}

impl Default for SynapseArrays {
    fn default() -> Self {
        Self { weights: [vec![WeightCode::default(); ROWS * COLUMNS], vec![WeightCode::default(); ROWS * COLUMNS]] }
    }
}

impl SynapseArrays {
    /// Writes a part of a row; whether that changes anything.
    ///
    /// # Errors
    /// [`DeviceError::OutsideArray`] if it leaves the array; nothing is written then.
    pub fn write(&mut self, write: &RowWrite) -> Result<bool, DeviceError> {
        let end = write.first_column + write.weights.len();
        if write.row >= ROWS || end > COLUMNS {
            return Err(DeviceError::OutsideArray { row: write.row, first: write.first_column, end });
        }
        let start = write.row * COLUMNS + write.first_column;
        let weights = &mut self.weights[write.hemisphere.index()][start..start + write.weights.len()];
        let changes = *weights != write.weights[..];
        weights.copy_from_slice(&write.weights);
        Ok(changes)
    }

    /// All weights of a hemisphere (0 top, 1 bottom).
    pub fn weights(&self, hemisphere: usize) -> &[WeightCode] {
        &self.weights[hemisphere]
    }

    /// The weight at `row * 256 + column` of a hemisphere (0 top, 1 bottom).
    pub fn weight(&self, hemisphere: usize, synapse: usize) -> WeightCode {
        self.weights[hemisphere][synapse]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::Hemisphere;

    #[test]
    fn writes_stay_inside_the_array() {
        let mut arrays = SynapseArrays::default();
        let write = |first_column| RowWrite {
            hemisphere: Hemisphere::Bottom,
            row: 255,
            first_column,
            weights: vec![WeightCode::MAX; 2],
        };
        arrays.write(&write(254)).unwrap();
        assert_eq!(arrays.weight(1, 255 * COLUMNS + 255), WeightCode::MAX);
        assert!(arrays.write(&write(255)).is_err());
        assert_eq!(arrays.weight(0, 255 * COLUMNS + 255).get(), 0);
    }
}
