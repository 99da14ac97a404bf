//! Same command, same bytes: whatever the number of threads, and interrupted or not.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::program::{SHORT, assert_same, succeed, table_of_chip_1, text, train_into};

#[test]
fn the_number_of_threads_changes_no_byte() {
    let base = tempfile::tempdir().unwrap();
    let runs: Vec<_> = ["1", "2", "7"]
        .into_iter()
        .map(|threads| {
            let run = base.path().join(threads);
            train_into(&run, &["--epochs", "3", "--hidden", "40", "--threads", threads]);
            run
        })
        .collect();
    assert_same(&runs[0], &runs[1]);
    assert_same(&runs[0], &runs[2]);
}

#[test]
fn interrupted_and_resumed_is_straight_through() {
    let base = tempfile::tempdir().unwrap();
    let (straight, broken) = (base.path().join("straight"), base.path().join("broken"));
    let epochs = ["--epochs", "300", "--hidden", "40"];
    train_into(&straight, &epochs);

    let mut child = begin(&broken, &epochs, 3);
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130), "an interrupt ends with 130");
    let done = fs::read_to_string(broken.join("metrics.jsonl")).unwrap().lines().count();
    assert!((3..300).contains(&done), "interrupted after {done} epochs");
    assert!(!broken.join("summary.json").exists());

    succeed(&["train", "--resume", &text(&broken), "--threads", "1"]);
    assert_same(&straight, &broken);
    // A run that is finished says so and stays as it is.
    let printed = succeed(&["train", "--resume", &text(&broken)]);
    assert!(printed.contains("finished already"), "{printed}");
    assert_same(&straight, &broken);
}

#[test]
fn a_killed_run_continues_from_its_last_checkpoint() {
    let base = tempfile::tempdir().unwrap();
    let (straight, killed) = (base.path().join("straight"), base.path().join("killed"));
    let epochs = ["--epochs", "300", "--hidden", "40"];
    train_into(&straight, &epochs);

    let mut child = begin(&killed, &epochs, 14);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!killed.join("summary.json").exists(), "killed too late to test anything");
    succeed(&["train", "--resume", &text(&killed)]);
    assert_same(&straight, &killed);
}

#[test]
fn a_run_without_a_checkpoint_begins_again() {
    let base = tempfile::tempdir().unwrap();
    let (straight, begun) = (base.path().join("straight"), base.path().join("begun"));
    train_into(&straight, &["--epochs", "3", "--hidden", "20"]);
    fs::create_dir(&begun).unwrap();
    for file in ["config.toml", "calibration.json"] {
        fs::copy(straight.join(file), begun.join(file)).unwrap();
    }
    fs::write(begun.join(".left-by-a-killed-writer.tmp"), "half").unwrap();
    succeed(&["train", "--resume", &text(&begun)]);
    assert_same(&straight, &begun);
}

/// Begins a short training on chip 1 and returns it when so many epochs are done.
fn begin(run: &Path, more: &[&str], epochs: usize) -> Child {
    let out = text(run);
    let mut arguments = vec!["train", "--calibration", table_of_chip_1(), "--out", &out];
    arguments.extend(SHORT);
    arguments.extend(more);
    let child = Command::new(env!("CARGO_BIN_EXE_bss2"))
        .args(&arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while fs::read_to_string(run.join("metrics.jsonl")).map_or(0, |text| text.lines().count()) < epochs {
        assert!(begun.elapsed() < Duration::from_secs(120), "the run does not begin");
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}
