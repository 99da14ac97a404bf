//! Networks with axonal delays, from training to inference.

use std::fs;

use crate::program::{SHORT, assert_same, fail, succeed, text, train_into};

const DELAYS: [&str; 10] = [
    "--hidden",
    "30",
    "--set",
    "network.delays=axonal",
    "--set",
    "encoding.bias=none",
    "--set",
    "training.loss.alpha=0",
    "--set",
    "training.estimator=calibrated",
];

#[test]
fn delays_are_trained_saved_and_applied() {
    let base = tempfile::tempdir().unwrap();
    let (run, again) = (base.path().join("run"), base.path().join("again"));
    let arguments: Vec<&str> = DELAYS.into_iter().chain(["--epochs", "3", "--json", "--threads"]).collect();
    let printed = train_into(&run, &[&arguments[..], &["1"]].concat());
    train_into(&again, &[&arguments[..], &["2"]].concat());
    assert_same(&run, &again);
    let accuracy = |printed: &str| {
        let json: serde_json::Value = serde_json::from_str(printed.lines().last().unwrap()).unwrap();
        json["test"]["accuracy"].as_f64().unwrap()
    };
    // The saved network alone reproduces what the training found on the same chip.
    assert_eq!(accuracy(&succeed(&["infer", &text(&run), "--json"])), accuracy(&printed));
    assert!(fs::read_to_string(run.join("config.toml")).unwrap().contains("delays = \"axonal\""));
}

#[test]
fn what_the_chip_cannot_do_is_said_before_anything_is_made() {
    let base = tempfile::tempdir().unwrap();
    let out = text(&base.path().join("run"));
    let refused = |key: &str| {
        let mut arguments = vec!["train", "--out", &out, "--set", key];
        arguments.extend(SHORT);
        fail(&arguments)
    };
    assert!(refused("network.delays=synaptic").contains("synaptic delays are not on the chip"));
    assert!(refused("network.delay_scale=0").contains("delay_scale"));
    let mut arguments =
        vec!["train", "--out", &out, "--set", "network.delays=axonal", "--set", "network.delay_shift=0.5"];
    arguments.extend(SHORT);
    assert!(fail(&arguments).contains("8.25..=33.25 us"));
    assert!(!base.path().join("run").exists());
}
