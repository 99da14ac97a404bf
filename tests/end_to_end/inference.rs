//! Networks elsewhere: `infer` on the same chip, another chip, and the ideal substrate.

use std::fs::File;
use std::path::Path;

use ndarray::Array2;
use ndarray_npy::NpzReader;

use crate::program::{SHORT, succeed, text, train_into};

fn times(path: &Path, layer: usize) -> Array2<f64> {
    NpzReader::new(File::open(path).unwrap()).unwrap().by_name(&format!("times_{layer}")).unwrap()
}

fn accuracy(printed: &str) -> f64 {
    let json: serde_json::Value = serde_json::from_str(printed.lines().last().unwrap()).unwrap();
    json["test"]["accuracy"].as_f64().unwrap()
}

/// With everything off and parameters set directly, the emulated chip is the closed form: spike times equal to 1e-9.
#[test]
fn an_ideal_chip_agrees_with_the_ideal_substrate() {
    let base = tempfile::tempdir().unwrap();
    let run = text(&base.path().join("run"));
    let mut arguments = vec!["train", "--set", "chip.preset=ideal", "--epochs", "4", "--out", &run];
    arguments.extend(SHORT);
    succeed(&arguments);
    let (chip, ideal) = (base.path().join("chip.npz"), base.path().join("ideal.npz"));
    succeed(&["infer", &run, "--times", &text(&chip), "--set", "data.test_size=1000"]);
    succeed(&["infer", &run, "--times", &text(&ideal), "--set", "data.test_size=1000", "--substrate", "ideal"]);
    for (layer, size) in [120, 3].into_iter().enumerate() {
        let (chip, ideal) = (times(&chip, layer), times(&ideal, layer));
        assert_eq!(chip.dim(), (1000, size));
        let spikes = ideal.iter().filter(|t| t.is_finite()).count();
        assert!(spikes > chip.len() / 4, "only {spikes} spikes to compare in layer {layer}");
        for (a, b) in chip.iter().zip(&ideal) {
            assert!(a == b || (a - b).abs() <= 1e-9 * b.abs(), "{a} on the chip, {b} ideal");
        }
    }
}

#[test]
fn a_network_runs_on_its_chip_on_another_and_on_none() {
    let base = tempfile::tempdir().unwrap();
    let run = base.path().join("run");
    let printed = train_into(&run, &["--epochs", "10", "--json"]);
    let summary: serde_json::Value = serde_json::from_str(printed.lines().last().unwrap()).unwrap();
    let own = accuracy(&succeed(&["infer", &text(&run), "--json"]));
    assert_eq!(own, summary["test"]["accuracy"].as_f64().unwrap());
    let ideal = accuracy(&succeed(&["infer", &text(&run), "--substrate", "ideal", "--json"]));
    assert_eq!(ideal, summary["elsewhere"]["ideal"]["accuracy"].as_f64().unwrap());
    let other = accuracy(&succeed(&["infer", &text(&run), "--chip", "2", "--json"]));
    assert_eq!(other, summary["elsewhere"]["other_chip"]["accuracy"].as_f64().unwrap());
    // A preset given later wins over the chip of the run; other targets are calibrated to.
    let exact = accuracy(&succeed(&["infer", &text(&run), "--set", "chip.preset=ideal", "--json"]));
    assert_ne!(exact, own);
    let retargeted = accuracy(&succeed(&["infer", &text(&run), "--set", "calibration.threshold_lsb=120", "--json"]));
    assert_ne!(retargeted, own);
    // The network alone, with the default configuration but the run's test samples.
    let network = text(&run.join("network.npz"));
    let mut arguments = vec!["infer", &network, "--json", "--calibration", crate::program::table_of_chip_1()];
    arguments.extend(SHORT);
    let alone = accuracy(&succeed(&arguments));
    assert!((0.0..=1.0).contains(&alone));
}
