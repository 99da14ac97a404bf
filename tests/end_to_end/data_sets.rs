//! Data sets other than the default one, published networks, and presets.

use std::fs;
use std::path::Path;

use crate::program::{data, fail, succeed, text};

fn result(printed: &str) -> serde_json::Value {
    serde_json::from_str(printed.lines().last().unwrap()).unwrap()
}

/// A published network on all its test samples, on the ideal substrate.
fn correct(folder: &Path, network: &str) -> (f64, u64) {
    let network = text(&folder.join("networks").join(network));
    let set = format!("data.folder={}", text(folder));
    let found = result(&succeed(&["infer", &network, "--substrate", "ideal", "--json", "--set", &set]));
    (found["test"]["accuracy"].as_f64().unwrap(), found["samples"].as_u64().unwrap())
}

/// 28x28 pixels take seconds: the tests of `ttfs` run them all.
#[test]
fn published_networks_reach_their_accuracy() {
    let Some(folder) = data("data_sets::published_networks_reach_their_accuracy") else { return };
    assert_eq!(correct(&folder, "fast_and_deep_yinyang.npz"), (0.96, 1000));
    assert_eq!(correct(&folder, "fast_and_deep_mnist16.npz"), (0.9681, 10_000));
    let network = text(&folder.join("networks/fast_and_deep_yinyang.npz"));
    assert!(fail(&["infer", &network]).contains("--substrate ideal runs this network"));
    let set = format!("data.folder={}", text(&folder));
    let other = ["infer", &network, "--substrate", "ideal", "--data", "mnist", "--set", &set];
    assert!(fail(&other).contains("5 inputs"));
    assert!(fail(&["infer", &network, "--data", "yinyang"]).contains("did you mean yin-yang?"));
}

/// Points in the plane by the side of a line that they lie on.
fn table(path: &Path, n: u32) {
    let row = |text: String, k: u32| {
        let (x, y) = (f64::from(k % 11) - 5.0, f64::from(k % 7) * 10.0 / 6.0 - 5.0);
        text + &format!("{x},{},{y}\n", u32::from(x > y))
    };
    fs::write(path, (0..n).fold("x,side,y\n".to_owned(), row)).unwrap();
}

#[test]
fn a_table_of_ones_own_is_learned_and_looked_at_again() {
    let base = tempfile::tempdir().unwrap();
    let (train, test, run) = (base.path().join("train.csv"), base.path().join("test.csv"), base.path().join("run"));
    table(&train, 240);
    table(&test, 77);
    let file = format!("data.file={}", text(&train));
    let test_file = format!("data.test_file={}", text(&test));
    let common = ["data.kind=file", "data.label_column=side", "data.feature_min=-5", "data.feature_max=5"];
    let mut arguments = vec!["train", "--json", "--hidden", "20", "--epochs", "3", "--set", "chip.preset=ideal"];
    let run = text(&run);
    arguments.extend(["--out", &run, "--set", &file, "--set", &test_file]);
    arguments.extend(common.iter().flat_map(|set| ["--set", set]));
    let summary = result(&succeed(&arguments));
    assert_eq!(summary["task"], "file");
    assert_eq!(summary["network"], serde_json::json!([15, 20, 2]));
    assert!(Path::new(&run).join("figures/confusion.svg").exists());
    assert!(!Path::new(&run).join("figures/yin_yang_plane.svg").exists());
    let again = result(&succeed(&["infer", &run, "--json"]));
    assert_eq!((&again["test"], &again["samples"]), (&summary["test"], &77.into()));
    // All rows of another table.
    let other = result(&succeed(&["infer", &run, "--json", "--data", &text(&train)]));
    assert_eq!(other["samples"], 240);
    assert!(fail(&["infer", &run, "--data", "no-such.csv"]).contains("no-such.csv"));
    assert!(fail(&["infer", &run, "--set", "data.label_column=label"]).contains("there are x, side, y"));
}

#[test]
fn a_missing_data_set_and_presets() {
    let base = tempfile::tempdir().unwrap();
    let (out, folder) = (text(&base.path().join("run")), format!("data.folder={}", text(base.path())));
    let small = ["--set", "data.kind=mnist16", "--set", "encoding.copies=1", "--set", "encoding.bias=none"];
    let mut arguments = vec!["train", "--out", &out, "--set", &folder];
    arguments.extend(small);
    // The network is too large for this chip, or the images are missing: nothing is left behind.
    fail(&arguments);
    assert!(!Path::new(&out).exists());
    let listed = succeed(&["train", "--list"]);
    assert!(listed.contains("yin-yang-chip-published") && listed.contains("25-120-3"), "{listed}");
    assert!(fail(&["train", "--preset", "yin-yang-chp"]).contains("did you mean yin-yang-chip?"));
    // Keys win over the preset.
    let set = ["--preset", "yin-yang-chip-published", "--set", "training.epochs=0"];
    assert!(fail(&[&["train", "--out", &out][..], &set[..]].concat()).contains("training.epochs"));
}
