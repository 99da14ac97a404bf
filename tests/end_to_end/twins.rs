//! Twins: a chip recorded, fitted, and used as a chip.

use std::fs::File;
use std::path::Path;

use ndarray::Array2;
use ndarray_npy::NpzReader;

use crate::program::{fail, succeed, text};

/// Temporal noise off.
const QUIET: [&str; 4] = [
    "chip.noise.threshold_trial_rel_std=0",
    "chip.noise.threshold_spike_rel_std=0",
    "chip.noise.threshold_run_rel_std=0",
    "chip.noise.spike_jitter_us_std=0",
];

/// Outputs of `infer --times`.
fn outputs(path: &Path) -> Array2<f64> {
    NpzReader::new(File::open(path).unwrap()).unwrap().by_name("times_1").unwrap()
}

/// Root mean squared difference of spikes that both have, and the share of spikes that both have.
fn difference(a: &Array2<f64>, b: &Array2<f64>) -> (f64, f64) {
    let both: Vec<f64> = a.iter().zip(b).filter(|(a, b)| a.is_finite() && b.is_finite()).map(|(a, b)| a - b).collect();
    let mean_square = both.iter().map(|d| d * d).sum::<f64>() / both.len() as f64;
    (mean_square.sqrt(), both.len() as f64 / a.len() as f64)
}

#[test]
fn a_twin_of_an_emulated_chip_does_what_the_chip_does() {
    let base = tempfile::tempdir().unwrap();
    let place = |name: &str| text(&base.path().join(name));
    let run = place("run");
    let mut train = vec!["train", "--chip", "5", "--hidden", "10", "--epochs", "6", "--out", &run];
    for set in ["chip.preset=bss2-calibrated", "encoding.bias=none", "data.train_size=600", "data.test_size=400"] {
        train.extend(["--set", set]);
    }
    succeed(&train);
    let (recording, twin) = (place("recording.npz"), place("twin.npz"));
    succeed(&["twin", "record", &run, "-o", &recording]);
    let fitted = succeed(&["twin", "fit", &recording, "-o", &twin, "--figure", &place("twin.svg")]);
    assert!(fitted.contains("+ gains of hidden neurons") && fitted.contains("twin written to"), "{fitted}");
    assert!(succeed(&["twin", "show", &twin, "--config-out", &place("twin.toml")]).contains("hidden log gain"));
    let scored = succeed(&["twin", "score", &recording, &twin, "--json"]);
    let scored: serde_json::Value = serde_json::from_str(scored.lines().last().unwrap()).unwrap();
    let robust = scored["scores"]["held_out"]["robust"].as_f64().unwrap();
    assert!(robust < 0.05, "robust error of held-out samples {robust}");

    // The twin in the place of the chip, by both ways of naming it; noise off, so that only the chips differ.
    let quiet = |chip: &[&str], out: &str| {
        let mut arguments = vec!["infer", run.as_str(), "--times", out];
        arguments.extend(chip);
        arguments.extend(QUIET.iter().flat_map(|set| ["--set", set]));
        succeed(&arguments);
        outputs(Path::new(out))
    };
    let own = quiet(&[], &place("own.npz"));
    let of_twin = quiet(&["--chip", &twin], &place("of_twin.npz"));
    let by_config = quiet(&["--config", &place("twin.toml")], &place("by_config.npz"));
    let of_other = quiet(&["--chip", "6"], &place("of_other.npz"));
    assert_eq!(of_twin, by_config);
    let ((near, shared), (far, _)) = (difference(&of_twin, &own), difference(&of_other, &own));
    assert!(
        shared > 0.5 && near < 0.6 * far,
        "{near} from the chip itself, another chip {far}; {shared} of spikes shared"
    );

    // The same command, the same bytes.
    let again = place("again.npz");
    succeed(&["twin", "fit", &recording, "-o", &again, "--threads", "1"]);
    assert_eq!(std::fs::read(&again).unwrap(), std::fs::read(&twin).unwrap());

    let error = fail(&["twin", "fit", &recording, "-o", &place("x.npz"), "--rows", "0..601"]);
    assert!(error.contains("--rows: rows 0..601 are asked for; the recording has 600"), "{error}");
    let error = fail(&["twin", "fit", &recording, "-o", &place("x.npz"), "--rows", "all"]);
    assert!(error.contains("expected FIRST..END"), "{error}");
    assert!(!base.path().join("x.npz").exists());
    let error = fail(&["infer", &run, "--chip", &recording]);
    assert!(error.contains("recording.npz") && error.contains("twin_json"), "{error}");
    let error = fail(&["twin", "score", &twin, &twin]);
    assert!(error.contains("there is no array"), "{error}");
}
