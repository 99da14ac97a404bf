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

#[test]
fn a_network_with_delays_keeps_them_and_one_without_is_given_some() {
    let base = tempfile::tempdir().unwrap();
    let path = |name: &str| text(&base.path().join(name));
    let small = ["--hidden", "10", "--epochs", "1", "--set", "data.train_size=100", "--set", "data.validation_size=50"];
    let small = [&small[..], &["--set", "data.test_size=50", "--substrate", "ideal"]].concat();
    let train = |more: &[&str]| -> Vec<String> {
        ["train"].iter().chain(&small).chain(more).map(|argument| (*argument).to_owned()).collect()
    };
    let run = |more: &[&str]| succeed(&train(more).iter().map(String::as_str).collect::<Vec<_>>());
    let refused = |more: &[&str]| fail(&train(more).iter().map(String::as_str).collect::<Vec<_>>());
    run(&["--out", &path("without")]);
    let synaptic = ["--set", "network.delays=synaptic", "--out", &path("synaptic"), "--from", &path("without")];
    run(&synaptic);
    let checkpoint = fs::metadata(path("synaptic/checkpoint.bss2ckpt")).unwrap().len();
    assert!(checkpoint > fs::metadata(path("without/checkpoint.bss2ckpt")).unwrap().len(), "delays are in it");
    for other in ["none", "axonal"] {
        let delays = format!("network.delays={other}");
        let complaint = refused(&["--set", &delays, "--out", &path("no"), "--from", &path("synaptic")]);
        assert!(complaint.contains("network.delays") && complaint.contains("cannot be exchanged"), "{complaint}");
    }
    assert!(!base.path().join("no").exists());
}
