//! Bad input gets a clear error, a non-zero exit, and leaves nothing behind.

use std::fs;
use std::path::Path;

use crate::program::{bss2, fail, table_of_chip_1, text, train_into};

/// A training that must fail with all of these words, and leave no folder.
fn refuses(more: &[&str], words: &[&str]) {
    let base = tempfile::tempdir().unwrap();
    let out = text(&base.path().join("run"));
    let mut arguments = vec!["train", "--out", &out];
    arguments.extend(more);
    let complaint = fail(&arguments);
    for word in words {
        assert!(complaint.contains(word), "`{word}` is missing in: {complaint}");
    }
    assert!(is_empty(base.path()), "something was left behind by {more:?}");
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).unwrap().next().is_none()
}

#[test]
fn missing_files() {
    refuses(&["--config", "no/such.toml"], &["cannot read no/such.toml"]);
    refuses(&["--chip", "no-such-chip.toml"], &["--chip no-such-chip.toml", "neither a seed"]);
    refuses(&["--calibration", "no-such-table.json"], &["no-such-table.json"]);
    assert!(fail(&["infer", "no-such-net.npz"]).contains("no-such-net.npz"));
    assert!(fail(&["train", "--resume", "no-such-run"]).contains("no such run folder"));
}

#[test]
fn unknown_keys_wrong_types_and_values_out_of_range() {
    refuses(&["--set", "training.epoch=3"], &["training.epoch: no such key", "did you mean `training.epochs`?"]);
    refuses(&["--set", "training.epochs=many"], &["training.epochs", "many"]);
    refuses(&["--set", "calibration.tau_mem_us=-6"], &["calibration.tau_mem_us", "-6", "0.1"]);
    refuses(&["--set", "training.batch_size=0"], &["training.batch_size", "0"]);
    refuses(&["--set", "chip.seed=-1"], &["chip.seed", "-1"]);
    refuses(&["--set", "encoding.copies=0"], &["encoding.copies", "0"]);
    refuses(&["--epochs", "0"], &["training.epochs", "0"]);
    refuses(&["--set", "training"], &["--set KEY=VALUE"]);
    refuses(&["--set", "chip.noise.spike_jitter_us_std=nan"], &["chip.noise.spike_jitter_us_std", "NaN"]);
    // All at once.
    refuses(&["--set", "nonsense=1", "--set", "scaling.slot_us=-1"], &["nonsense", "scaling.slot_us"]);
}

#[test]
fn a_configuration_file_is_named_with_line_and_column() {
    let base = tempfile::tempdir().unwrap();
    let config = text(&base.path().join("my.toml"));
    fs::write(&config, "[training]\nepochs = = 3\n").unwrap();
    refuses(&["--config", &config], &["my.toml is not valid TOML", "line 2"]);
    fs::write(&config, "[training]\nepochz = 3\n").unwrap();
    refuses(&["--config", &config], &["training.epochz", "my.toml"]);
}

#[test]
fn a_network_that_does_not_fit() {
    refuses(&["--hidden", "600", "--set", "network.delays=axonal"], &["600 hidden neurons do not fit", "delays"]);
    refuses(&["--hidden", "0"], &["network.hidden"]);
    refuses(&["--substrate", "ideal", "--hidden", "1000000000"], &["network.hidden", "1000000000", "10000"]);
}

#[test]
fn folders_that_cannot_be_used() {
    let base = tempfile::tempdir().unwrap();
    let full = base.path().join("full");
    fs::create_dir(&full).unwrap();
    fs::write(full.join("something"), "").unwrap();
    assert!(fail(&["train", "--out", &text(&full)]).contains("not empty"));
    // A folder cannot be made below a file, whoever asks (permissions do not stop a superuser).
    let below = text(&full.join("something/run"));
    assert!(fail(&["train", "--out", &below]).contains("something/run"));
    assert_eq!(fs::read_dir(&full).unwrap().count(), 1);
}

#[test]
fn a_folder_of_the_users_stays() {
    let base = tempfile::tempdir().unwrap();
    let mine = base.path().join("mine");
    fs::create_dir(&mine).unwrap();
    fail(&["train", "--chip", "2", "--calibration", table_of_chip_1(), "--out", &text(&mine)]);
    assert!(mine.is_dir() && is_empty(&mine));
}

#[test]
fn tables_and_slots_out_of_range() {
    let base = tempfile::tempdir().unwrap();
    let edited = text(&base.path().join("edited.json"));
    let table = fs::read_to_string(table_of_chip_1()).unwrap();
    fs::write(&edited, table.replacen("\"membrane_capacitance\": 63", "\"membrane_capacitance\": 64", 2)).unwrap();
    refuses(&["--calibration", &edited], &["edited.json", "membrane_capacitance", "64", "63"]);
    refuses(&["--set", "scaling.slot_us=5"], &["scaling.slot_us", "5", "12"]);
    let threads = bss2(&["train", "--threads", "5000"]).output().unwrap();
    assert_eq!(threads.status.code(), Some(2));
}

#[test]
fn damaged_and_foreign_files() {
    let base = tempfile::tempdir().unwrap();
    let run = base.path().join("run");
    train_into(&run, &["--epochs", "2", "--hidden", "20"]);
    let path = text(&run);
    fs::remove_file(run.join("summary.json")).unwrap();
    let checkpoint = run.join("checkpoint.bss2ckpt");
    let good = fs::read(&checkpoint).unwrap();

    fs::write(&checkpoint, &good[..good.len() / 2]).unwrap();
    let before = crate::program::contents(&run);
    assert!(fail(&["train", "--resume", &path]).contains("cut off"));
    let mut flipped = good.clone();
    flipped[100] ^= 4;
    fs::write(&checkpoint, flipped).unwrap();
    assert!(fail(&["train", "--resume", &path]).contains("digest"));
    fs::write(&checkpoint, "something else").unwrap();
    assert!(fail(&["train", "--resume", &path]).contains("not a bss2 checkpoint"));
    fs::write(&checkpoint, &good[..good.len() / 2]).unwrap();
    assert_eq!(before, crate::program::contents(&run), "a refused resume changes nothing");

    fs::write(&checkpoint, &good).unwrap();
    let config = run.join("config.toml");
    let changed = fs::read_to_string(&config).unwrap().replace("epochs = 2", "epochs = 3");
    fs::write(&config, changed).unwrap();
    assert!(fail(&["train", "--resume", &path]).contains("another configuration"));
    let restored = fs::read_to_string(&config).unwrap().replace("epochs = 3", "epochs = 2");
    fs::write(&config, restored).unwrap();
    let table = fs::read_to_string(run.join("calibration.json")).unwrap();
    fs::write(run.join("calibration.json"), table.replacen("\"v_leak\": ", "\"v_leak\": 1", 1)).unwrap();
    fail(&["train", "--resume", &path]);

    let table = fs::read_to_string(table_of_chip_1()).unwrap();
    let cut = text(&base.path().join("cut.json"));
    fs::write(&cut, &table[..table.len() / 2]).unwrap();
    refuses(&["--calibration", &cut], &["cut.json", "cut off"]);
    refuses(&["--chip", "2", "--calibration", table_of_chip_1()], &["was measured on chip emulated-1"]);
}

#[test]
fn arguments_that_contradict_each_other() {
    let contradiction = bss2(&["train", "--resume", "x", "--epochs", "3"]).output().unwrap();
    assert_eq!(contradiction.status.code(), Some(2));
    let two_chips = bss2(&["train", "--chip", "1", "--chip-seed", "2"]).output().unwrap();
    assert_eq!(two_chips.status.code(), Some(2));
    assert!(fail(&["calib", "run", "--set", "chip.preset=ideal", "-o", "x.json"]).contains("nothing to calibrate"));
    assert!(!Path::new("x.json").exists());
}
