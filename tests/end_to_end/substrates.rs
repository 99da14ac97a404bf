//! Trainings without a chip of their own, from given weights, and with the choices that end them early.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::program::{SHORT, assert_same, bss2, contents, fail, succeed, text, train_into};

/// A short training without a chip of its own.
fn train(folder: &Path, more: &[&str]) -> String {
    let out = text(folder);
    let mut arguments = vec!["train", "--out", &out];
    if !more.contains(&"--hidden") && !more.contains(&"--from") {
        arguments.extend(["--hidden", "30"]);
    }
    arguments.extend(SHORT);
    arguments.extend(more);
    succeed(&arguments)
}

fn summary(run: &Path) -> serde_json::Value {
    serde_json::from_str(&fs::read_to_string(run.join("summary.json")).unwrap()).unwrap()
}

#[test]
fn the_ideal_substrate_needs_no_chip() {
    let base = tempfile::tempdir().unwrap();
    let run = base.path().join("run");
    // More neurons than a chip has, its own threshold and time constant, weights without grid and limit.
    let more = ["--set", "scaling.threshold=1", "--set", "scaling.tau_mem=2", "--set", "training.rounding=false"];
    let printed = train(&run, &[&["--substrate", "ideal", "--epochs", "3", "--hidden", "300"][..], &more].concat());
    assert!(printed.contains("test accuracy on the ideal model") && !printed.contains("calibrat"), "{printed}");
    assert!(!run.join("calibration.json").exists() && !run.join("figures/raster.svg").exists());
    let summary = summary(&run);
    assert_eq!(summary["substrate"], "ideal");
    assert_eq!(summary["test"], summary["elsewhere"]["ideal"]);
    assert!(summary["chip"].is_null() && summary["hardware"].is_null(), "{summary}");
    // The network is run where and as it was trained: without a chip, without the grid.
    let printed = succeed(&["infer", &text(&run), "--json"]);
    let last: serde_json::Value = serde_json::from_str(printed.lines().last().unwrap()).unwrap();
    assert_eq!(last["test"], summary["test"]);
}

#[test]
fn a_noise_aware_training_is_the_same_for_any_number_of_threads_and_tested_on_unseen_chips() {
    let base = tempfile::tempdir().unwrap();
    let runs: Vec<_> = ["1", "3"]
        .into_iter()
        .map(|threads| {
            let run = base.path().join(threads);
            let chips = ["--set", "chip.preset=bss2-calibrated", "--set", "noise_aware.test_chips=3"];
            let more = ["--substrate", "noise-aware", "--epochs", "2", "--threads", threads];
            train(&run, &[&more[..], &chips].concat());
            run
        })
        .collect();
    assert_same(&runs[0], &runs[1]);
    let summary = summary(&runs[0]);
    let chips = summary["test_chips"].as_array().unwrap();
    let seeds: Vec<u64> = chips.iter().map(|chip| chip["seed"].as_u64().unwrap()).collect();
    assert_eq!(seeds, [5, 6, 7], "chips 1 to 4 are those of the validation");
    assert_ne!(chips[0]["test"], chips[1]["test"]);
    // One of them, looked at again.
    let printed = succeed(&["infer", &text(&runs[0]), "--chip", "6", "--json"]);
    let last: serde_json::Value = serde_json::from_str(printed.lines().last().unwrap()).unwrap();
    assert_eq!(last["test"], chips[1]["test"]);
}

#[test]
fn a_training_begins_with_the_weights_of_another() {
    let base = tempfile::tempdir().unwrap();
    let (first, second, third) = (base.path().join("first"), base.path().join("second"), base.path().join("third"));
    train(&first, &["--substrate", "ideal", "--epochs", "4"]);
    // On a chip, with steps too small to change a weight code by much.
    let tiny = ["--epochs", "1", "--set", "training.optimiser.learning_rate=1e-9", "--set", "training.bump.value=1e-9"];
    train_into(&second, &[&["--from", &text(&first)][..], &tiny].concat());
    assert_eq!(summary(&second)["network"], serde_json::json!([25, 30, 3]), "layers come with the weights");
    assert!(
        (summary(&second)["elsewhere"]["ideal"]["accuracy"].as_f64().unwrap()
            - summary(&first)["test"]["accuracy"].as_f64().unwrap())
        .abs()
            < 0.2
    );
    // From a checkpoint, ideal to ideal, nothing changes: the test is that of the first run.
    let checkpoint = text(&first.join("checkpoint.bss2ckpt"));
    train(&third, &[&["--substrate", "ideal", "--from", &checkpoint][..], &tiny].concat());
    assert_eq!(summary(&third)["test"]["accuracy"], summary(&first)["test"]["accuracy"]);
    assert!(third.join("initial.bss2ckpt").is_file() && second.join("initial.npz").is_file());
    // Stopped before its first checkpoint it begins again, although the first run is gone.
    let again = base.path().join("again");
    fs::create_dir(&again).unwrap();
    for file in ["config.toml", "initial.bss2ckpt"] {
        fs::copy(third.join(file), again.join(file)).unwrap();
    }
    fs::remove_dir_all(&first).unwrap();
    succeed(&["train", "--resume", &text(&again)]);
    assert_same(&third, &again);

    let other = text(&base.path().join("other"));
    let complaint =
        fail(&["train", "--from", &text(&second), "--hidden", "20", "--substrate", "ideal", "--out", &other]);
    assert!(complaint.contains("[25, 30, 3]") && complaint.contains("[25, 20, 3]"), "{complaint}");
    assert!(fail(&["train", "--from", "no-such-run"]).contains("no-such-run"));
}

/// The best epoch and the end by early stopping survive an interrupt.
#[test]
fn early_stopping_and_the_best_epoch_are_resumed_to_the_same_bytes() {
    let base = tempfile::tempdir().unwrap();
    let (straight, broken) = (base.path().join("straight"), base.path().join("broken"));
    let more = [
        &["--substrate", "ideal", "--epochs", "20000", "--set", "training.early_stopping_epochs=150"][..],
        &["--set", "training.keep=best", "--set", "training.schedule.kind=constant"],
    ]
    .concat();
    let printed = train(&straight, &more);
    let whole = summary(&straight);
    let (epochs, kept) = (whole["epochs"].as_u64().unwrap(), whole["kept_epoch"].as_u64().unwrap());
    assert_eq!(epochs, kept + 150);
    assert!(printed.contains(&format!("weights of epoch {kept}")), "{printed}");

    let out = text(&broken);
    let mut arguments = vec!["train", "--hidden", "30", "--out", &out];
    arguments.extend(SHORT);
    arguments.extend(&more);
    let mut child = bss2(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    let lines = || fs::read_to_string(broken.join("metrics.jsonl")).map_or(0, |text| text.lines().count());
    while lines() < 12 {
        assert!(begun.elapsed() < Duration::from_secs(120), "the run does not begin");
        std::thread::sleep(Duration::from_millis(2));
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130), "interrupted after {} of {epochs} epochs", lines());
    succeed(&["train", "--resume", &out]);
    assert_same(&straight, &broken);
    assert!(contents(&straight).keys().any(|name| name.ends_with("network.npz")));
}

#[test]
fn what_does_not_go_together_is_refused_before_anything_is_made() {
    let base = tempfile::tempdir().unwrap();
    let out = text(&base.path().join("run"));
    let refuses = |more: &[&str], word: &str| {
        let complaint = fail(&[&["train", "--out", &out], more].concat());
        assert!(complaint.contains(word), "`{word}` is missing in: {complaint}");
        assert!(fs::read_dir(base.path()).unwrap().next().is_none(), "something was left behind by {more:?}");
    };
    refuses(&["--substrate", "noise-aware"], "chip.preset = \"bss2-calibrated\"");
    refuses(&["--set", "training.rounding=false"], "the weights of a chip have 6 bits");
    refuses(&["--set", "scaling.threshold=1"], "scaling.threshold: 1 has no effect");
    refuses(
        &["--set", "training.loss.kind=mse", "--set", "training.loss.xi=1"],
        "which has the keys t_correct, t_wrong",
    );
    refuses(&["--substrate", "ideal", "--calibration", crate::program::table_of_chip_1()], "--calibration");
}
