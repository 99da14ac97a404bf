//! Recordings that are none.

use std::fs::File;
use std::path::Path;

use ndarray::{Array1, Array2, array};
use ndarray_npy::NpzWriter;
use twin::Recording;
use twin::fit::{Fit, Rows};
use twin::population::Population;

/// A recording of a 2-2-1 network, with changes.
struct Draft {
    codes: Array2<i8>,
    inputs: Array2<f64>,
    outputs: Array2<f64>,
    labels: Array1<i8>,
    meta: String,
    leave_out: &'static str,
}

impl Default for Draft {
    fn default() -> Self {
        Self {
            codes: array![[30, -5], [63, 2]],
            inputs: array![[0.1, 0.2], [0.3, f64::INFINITY]],
            outputs: array![[1.0], [f64::INFINITY]],
            labels: array![0, 0],
            meta: r#"{"units": {"us_per_time": 6.0, "lsb_per_weight": 30.0, "threshold": 2.6, "tick_us": 0.008, "slot_us": 180.0}}"#
                .into(),
            leave_out: "",
        }
    }
}

impl Draft {
    fn load(&self) -> Result<Recording, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rec.npz");
        let mut npz = NpzWriter::new(File::create(&path).unwrap());
        for part in ["train", "test"] {
            if self.leave_out != "inputs" {
                npz.add_array(format!("{part}_inputs"), &self.inputs).unwrap();
            }
            npz.add_array(format!("{part}_out"), &self.outputs).unwrap();
            npz.add_array(format!("{part}_labels"), &self.labels).unwrap();
        }
        npz.add_array("w1_code", &self.codes).unwrap();
        npz.add_array("w2_code", &array![[10_i8], [20]]).unwrap();
        npz.add_array("meta_json", &Array1::from(self.meta.clone().into_bytes())).unwrap();
        npz.finish().unwrap();
        Recording::load(&path).map_err(|error| {
            let text = error.to_string();
            assert!(text.contains("rec.npz"), "{text}");
            text
        })
    }

    fn refused(&self) -> String {
        self.load().unwrap_err()
    }
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    assert!(Draft::default().load().is_ok());
    let error = Draft { leave_out: "inputs", ..Draft::default() }.refused();
    assert!(error.contains("there is no array train_inputs"), "{error}");
    let error = Draft { codes: array![[30, -64], [63, 2]], ..Draft::default() }.refused();
    assert!(error.contains("w1_code[0, 1] is -64; codes of a synapse are -63..=63"), "{error}");
    let error = Draft { codes: array![[30, -4, 1], [63, 2, 1]], ..Draft::default() }.refused();
    assert!(error.contains("are not the layers of a network"), "{error}");
    let error = Draft { inputs: array![[0.1, f64::NAN], [0.3, 0.4]], ..Draft::default() }.refused();
    assert!(error.contains("train_inputs[0, 1] is NaN; times are numbers from 0 on"), "{error}");
    let error = Draft { inputs: array![[0.1, -0.5], [0.3, 0.4]], ..Draft::default() }.refused();
    assert!(error.contains("train_inputs[0, 1] is -0.5"), "{error}");
    let error = Draft { outputs: array![[1.0001], [2.0]], ..Draft::default() }.refused();
    assert!(error.contains("train_out[0, 0] is 1.0001") && error.contains("whole ticks"), "{error}");
    let error = Draft { outputs: array![[1.0]], ..Draft::default() }.refused();
    assert!(error.contains("train_out has the shape [1, 1]; expected [2, 1]"), "{error}");
    let error = Draft { labels: array![0, 3], ..Draft::default() }.refused();
    assert!(error.contains("train_labels[1] is 3; classes are 0..1"), "{error}");
    let error = Draft { meta: "{}".into(), ..Draft::default() }.refused();
    assert!(error.contains("meta_json: neither units nor"), "{error}");
    let error = Draft { meta: Draft::default().meta.replace("2.6", "-1"), ..Draft::default() }.refused();
    assert!(error.contains("units.threshold is -1"), "{error}");
}

#[test]
fn files_that_are_none_are_refused() {
    let error = Recording::load(Path::new("no-such-file.npz")).unwrap_err().to_string();
    assert!(error.contains("cannot read no-such-file.npz"), "{error}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("text.npz");
    std::fs::write(&path, "not a zip").unwrap();
    let error = Recording::load(&path).unwrap_err().to_string();
    assert!(error.contains("not a recording"), "{error}");
}

#[test]
fn rows_that_are_not_there_are_refused() {
    let recording = Draft::default().load().unwrap();
    let error = Fit::new(&recording, Population::default(), Rows { outputs: 1..3, hidden: 0 }).unwrap_err().to_string();
    assert_eq!(error, "rows whose outputs are fitted: rows 1..3 are asked for; the recording has 2");
}
