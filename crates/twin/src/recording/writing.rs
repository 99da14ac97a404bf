//! Recordings to `.npz` files.

use std::io::Cursor;

use ndarray::{Array1, Array2};
use ndarray_npy::NpzWriter;

use super::{Part, Recording};
use crate::TwinError;

impl Recording {
    /// The bytes of a file that [`Recording::load`] reads as the same recording. Other epochs are left out.
    ///
    /// # Errors
    /// [`TwinError::Encoding`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, TwinError> {
        self.encoded().map_err(|e| TwinError::Encoding { what: "recording", message: e.to_string() })
    }

    fn encoded(&self) -> Result<Vec<u8>, ndarray_npy::WriteNpzError> {
        let mut npz = NpzWriter::new_compressed(Cursor::new(Vec::new()));
        npz.add_array("w1_code", &self.codes[0])?;
        npz.add_array("w2_code", &self.codes[1])?;
        if let Some([inputs, hidden]) = &self.delays {
            npz.add_array("delay1", inputs)?;
            npz.add_array("delay2", hidden)?;
        }
        add(&mut npz, "train", &self.train)?;
        add(&mut npz, "test", &self.test)?;
        npz.add_array("meta_json", &Array1::from(self.meta.clone().into_bytes()))?;
        Ok(npz.finish()?.into_inner())
    }
}

fn add(npz: &mut NpzWriter<Cursor<Vec<u8>>>, name: &str, part: &Part) -> Result<(), ndarray_npy::WriteNpzError> {
    npz.add_array(format!("{name}_inputs"), &part.inputs)?;
    npz.add_array(format!("{name}_out"), &part.outputs)?;
    if let Some(labels) = &part.labels {
        npz.add_array(format!("{name}_labels"), &labels.iter().map(|l| *l as i8).collect::<Array1<i8>>())?;
    }
    if let Some(hidden) = &part.hidden {
        let flags: Array2<i8> = hidden.times.mapv(flag);
        npz.add_array(format!("{name}_hidden_digitised"), &hidden.times)?;
        npz.add_array(format!("{name}_hidden_flag"), &flags)?;
    }
    Ok(())
}

fn flag(time: f64) -> i8 {
    if time.is_nan() {
        0
    } else if time.is_finite() {
        1
    } else {
        -1
    }
}
