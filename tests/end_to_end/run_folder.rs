//! What a training leaves behind.

use std::fs;

use crate::program::{contents, succeed, text, train_into};

#[test]
fn a_training_leaves_results_and_figures() {
    let base = tempfile::tempdir().unwrap();
    let run = base.path().join("run");
    let printed = train_into(&run, &["--epochs", "3", "--seed", "7", "--hidden", "30", "--json"]);
    let files: Vec<String> = contents(&run).keys().map(|p| text(p)).collect();
    let figures = ["confusion", "learning_curves", "raster", "weight_codes", "yin_yang_plane"];
    let mut expected: Vec<String> =
        figures.iter().flat_map(|f| [format!("figures/{f}.png"), format!("figures/{f}.svg")]).collect();
    expected.extend(
        ["calibration.json", "checkpoint.bss2ckpt", "config.toml", "metrics.jsonl", "network.npz", "summary.json"]
            .map(str::to_owned),
    );
    expected.sort();
    assert_eq!(files, expected);

    let last: serde_json::Value = serde_json::from_str(printed.lines().last().unwrap()).unwrap();
    let summary: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(run.join("summary.json")).unwrap()).unwrap();
    assert_eq!(printed.lines().count(), 1, "with --json stdout holds one line");
    for key in ["test", "chip", "elsewhere", "confusion", "hardware", "versions"] {
        assert_eq!(last[key], summary[key], "{key}");
        assert!(!summary[key].is_null(), "{key}");
    }
    assert_eq!(summary["network"], serde_json::json!([25, 30, 3]));
    // One slot of 180 us at 175 mW.
    let energy_j = summary["hardware"]["inference"]["energy_j_estimate"].as_f64().unwrap();
    assert!((energy_j - 31.5e-6).abs() < 1e-9, "{energy_j}");
    assert_eq!(summary["training_seed"], 7);
    assert_eq!(last["timings"]["sessions"][0]["last_epoch"], 3);
    let text_of_summary = summary.to_string();
    assert!(!text_of_summary.contains("wall") && !text_of_summary.contains("threads"));

    let metrics = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    assert_eq!(metrics.lines().count(), 3);
    let config = fs::read_to_string(run.join("config.toml")).unwrap();
    assert!(config.contains("epochs = 3") && config.contains("hidden = [30]"), "{config}");
    let confusion: u64 = summary["confusion"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|r| r.as_array().unwrap())
        .map(|n| n.as_u64().unwrap())
        .sum();
    assert_eq!(confusion, 60);
}

#[test]
fn the_configuration_of_a_run_repeats_it() {
    let base = tempfile::tempdir().unwrap();
    let (first, second) = (base.path().join("first"), base.path().join("second"));
    train_into(&first, &["--epochs", "2", "--hidden", "20"]);
    let config = text(&first.join("config.toml"));
    let out = text(&second);
    succeed(&["train", "--config", &config, "--calibration", crate::program::table_of_chip_1(), "--out", &out]);
    crate::program::assert_same(&first, &second);
}

#[test]
fn without_a_terminal_there_are_plain_lines_on_stdout() {
    let base = tempfile::tempdir().unwrap();
    let printed = train_into(&base.path().join("run"), &["--epochs", "2", "--hidden", "20"]);
    assert!(printed.contains("epoch 1/2") && printed.contains("epoch 2/2"), "{printed}");
    assert!(printed.contains("samples/s") && printed.contains("test accuracy on chip 1"), "{printed}");
}

#[test]
fn help_shows_every_default() {
    let help = succeed(&["train", "--help"]);
    for line in [
        "training.optimiser.learning_rate = ",
        "training.loss.delta_t = 0.2",
        "chip.noise.spike_jitter_us_std = 0.06",
        "network.hidden = [120]",
    ] {
        assert!(help.contains(line), "{line} is missing in\n{help}");
    }
}
