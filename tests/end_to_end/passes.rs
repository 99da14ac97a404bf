//! Networks larger than the chip: the program divides them, says so, and counts every pass.

use std::fs;
use std::path::Path;

use crate::program::{SHORT, assert_same, bss2, data, fail, succeed, text};

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}

fn summary(run: &Path) -> serde_json::Value {
    serde_json::from_str(&fs::read_to_string(run.join("summary.json")).unwrap()).unwrap()
}

/// Hidden neurons of three circuits in two passes, outputs in one.
#[test]
fn a_network_in_three_passes_is_trained_and_looked_at_again() {
    let base = tempfile::tempdir().unwrap();
    let runs: Vec<_> = ["1", "3"]
        .into_iter()
        .map(|threads| {
            let run = base.path().join(threads);
            let out = text(&run);
            let mut arguments = vec!["train", "--hidden", "260", "--epochs", "1", "--out", &out, "--threads", threads];
            arguments.extend(["--set", "chip.preset=bss2-calibrated"]);
            arguments.extend(SHORT);
            let printed = succeed(&arguments);
            assert!(printed.contains("network 25-260-3: 3 circuits per neuron"), "{printed}");
            assert!(printed.contains("in 3 passes"), "{printed}");
            run
        })
        .collect();
    assert_same(&runs[0], &runs[1]);
    let summary = summary(&runs[0]);
    let hardware = &summary["hardware"];
    assert_eq!(hardware["passes"], 3);
    // Training and validation, each sample in three slots.
    assert_eq!(hardware["training"]["slots"], 3 * (200 + 50));
    assert!(!runs[0].join("figures/raster.svg").exists(), "no configuration shows the whole network");
    let output = bss2(&["infer", &text(&runs[0]), "--json"]).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("in 3 passes"), "{output:?}");
    let found = json(&String::from_utf8_lossy(&output.stdout));
    assert_eq!(found["test"], summary["test"]);
    assert_eq!((&found["passes"], &found["hardware"]["slots"]), (&3.into(), &(3 * 60).into()));
}

#[test]
fn mnist_in_full_size_takes_six_passes() {
    let Some(folder) = data("passes::mnist_in_full_size_takes_six_passes") else { return };
    let base = tempfile::tempdir().unwrap();
    let run = base.path().join("run");
    let (out, folder) = (text(&run), format!("data.folder={}", text(&folder)));
    let mut arguments = vec!["train", "--preset", "mnist16-chip", "--hidden", "350", "--epochs", "1", "--out", &out];
    let sizes = ["data.train_size=8", "data.validation_size=4", "data.test_size=4"];
    let others = ["data.kind=mnist", "chip.preset=bss2-calibrated", &folder];
    arguments.extend(sizes.iter().chain(&others).flat_map(|set| ["--set", set]));
    let printed = succeed(&arguments);
    let line = "network 784-350-10: 7 circuits per neuron, larger than the chip: in 6 passes";
    assert!(printed.contains(line), "{printed}");
    assert_eq!(summary(&run)["hardware"]["passes"], 6);
    assert_eq!(summary(&run)["hardware"]["training"]["slots"], 6 * 12);
}

#[test]
fn what_is_not_divided_says_why() {
    let delays = ["train", "--hidden", "600", "--set", "network.delays=axonal"];
    let complaint = fail(&delays);
    for words in ["600 hidden neurons", "does not fit on the chip", "a network with delays must fit"] {
        assert!(complaint.contains(words), "{complaint}");
    }
    let complaint = fail(&["train", "--hidden", "260", "--set", "training.estimator=calibrated"]);
    assert!(complaint.contains("3 circuits per neuron") && complaint.contains("training.estimator"), "{complaint}");
}
