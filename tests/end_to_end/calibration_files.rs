//! `calib convert`, `show`, `diff`, `verify`, `targets`, the shipped tables, and a calibration that is killed.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::program::{SHORT, bss2, fail, succeed, table_of_chip_1, text, train_into};

fn json(printed: &str) -> serde_json::Value {
    serde_json::from_str(printed.trim()).unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_table_goes_round_through_all_formats() {
    let base = tempfile::tempdir().unwrap();
    let path = |name: &str| text(&base.path().join(name));
    let steps = [table_of_chip_1().to_owned(), path("a.bss2cal"), path("b.csv"), path("c.npz"), path("d.json")];
    for step in steps.windows(2) {
        let said = succeed(&["calib", "convert", &step[0], &step[1]]);
        assert!(said.contains("table of chip emulated-1-") && said.contains(&step[1]), "{said}");
    }
    assert_eq!(fs::read(table_of_chip_1()).unwrap(), fs::read(&steps[4]).unwrap());
    // Whatever the format, a training is the same.
    let runs: Vec<PathBuf> = steps[..4].iter().enumerate().map(|(k, _)| base.path().join(format!("run-{k}"))).collect();
    for (run, table) in runs.iter().zip(&steps) {
        let out = text(run);
        let mut arguments = vec!["train", "--calibration", table, "--out", &out, "--epochs", "1", "--hidden", "20"];
        arguments.extend(SHORT);
        succeed(&arguments);
        crate::program::assert_same(&runs[0], run);
    }
}

#[test]
fn a_preset_of_targets_can_be_changed_key_by_key() {
    let base = tempfile::tempdir().unwrap();
    let table = text(&base.path().join("chip.npz"));
    let set = ["--set", "calibration.leak_lsb=85"];
    let arguments =
        [&["calib", "run", "--chip", "3", "--target", "hxtorch", "-o", &table, "--json"], &set[..]].concat();
    let made = json(&succeed(&arguments));
    assert_eq!(made["targets"]["leak_lsb"], 85.0);
    assert_eq!(made["targets"]["threshold_lsb"], 125.0);
    assert_eq!(made["targets"]["synapse_dac_bias"], 600);
    let shown = json(&succeed(&["calib", "show", &table, "--json"]));
    assert_eq!(shown["targets"], made["targets"]);
    assert_eq!(names(base.path()), ["chip.npz"]);
}

#[test]
fn neurons_are_calibrated_to_the_targets_of_a_file() {
    let base = tempfile::tempdir().unwrap();
    let path = |name: &str| text(&base.path().join(name));
    // What `calib targets` writes can be read.
    let run = base.path().join("run");
    train_into(&run, &["--epochs", "1", "--hidden", "20"]);
    succeed(&["calib", "targets", &text(&run), "-o", &path("targets.csv")]);
    let of_network = ["calib", "run", "--chip", "1", "--target", &path("targets.csv"), "-o", &path("a.bss2cal")];
    let made = json(&succeed(&[&of_network[..], &["--json"]].concat()));
    assert_eq!((&made["targets"]["threshold_lsb"], &made["targets"]["tau_mem_us"]), (&150.0.into(), &6.0.into()));

    let thresholds: Vec<u32> = (0..512).map(|n| if n % 2 == 0 { 120 } else { 150 }).collect();
    let file = serde_json::json!({ "threshold": thresholds, "tau_mem": 100e-6, "refractory_time": 4e-6 });
    fs::write(path("mine.json"), file.to_string()).unwrap();
    let mine = ["calib", "run", "--chip", "1", "--target", &path("mine.json"), "-o", &path("b.csv")];
    let said = succeed(&mine);
    assert!(said.contains("warning: calibration.tau_mem_us: 100 is outside the feasible range 0.5..=60 us"), "{said}");
    let table = calib::Calibration::load(path("b.csv")).unwrap();
    assert_eq!((table.targets_of(0).threshold_lsb, table.targets_of(1).threshold_lsb), (120.0, 150.0));
    for (parity, target) in [(0, 120.0), (1, 150.0)] {
        let reached = table.measured.iter().skip(parity).step_by(2).map(|p| p.v_threshold_lsb);
        let mean = reached.sum::<f64>() / 256.0;
        assert!((mean - target).abs() < 1.0, "{mean} instead of {target}");
    }
    let shown = succeed(&["calib", "show", &path("b.csv"), "-o", &path("b.svg")]);
    assert!(shown.contains("for each neuron its own: threshold_lsb"), "{shown}");

    let complaint = fail(&[&mine[..], &["--set", "calibration.threshold_lsb=140"]].concat());
    assert!(complaint.contains("--set calibration.threshold_lsb: the file of --target gives it for each neuron"));
    fs::write(path("bad.json"), r#"{"leak": 300}"#).unwrap();
    for (file, words) in [("bad.json", ["leak: 300", "0..=255 CADC LSB"]), ("none.json", ["none.json", "No such file"])]
    {
        let complaint = fail(&["calib", "run", "--target", &path(file), "-o", &path("x.json")]);
        assert!(complaint.contains(file) && words.iter().all(|word| complaint.contains(word)), "{complaint}");
    }
    assert!(!Path::new(&path("x.json")).exists());
}

#[test]
fn a_chip_without_calibration_has_one_code_for_all() {
    let base = tempfile::tempdir().unwrap();
    let raw = text(&base.path().join("raw.bss2cal"));
    let said = succeed(&["calib", "convert", table_of_chip_1(), &raw, "--uncalibrated"]);
    assert!(said.contains("table of common codes of chip emulated-1-"), "{said}");
    let table = calib::Calibration::load(&raw).unwrap();
    let neurons = &table.codes.as_ref().unwrap().neurons;
    assert!(neurons.iter().all(|codes| *codes == neurons[0]) && !table.success.contains(&true));
    assert!(succeed(&["calib", "show", &raw]).contains("nothing was measured with these codes"));
    // Thresholds spread as on a chip that nobody calibrated: by some 6 LSB, not by less than 2.
    let verified = json(&succeed(&["calib", "verify", &raw, "--chip", "1", "--json"]));
    let threshold = &verified["parameters"][2];
    assert!((4.0..9.0).contains(&threshold["spread"].as_f64().unwrap()), "{verified}");
    assert!(threshold["stored"].is_null() && threshold["near_stored"].is_null() && verified["verified"].is_null());
    let said = succeed(&["calib", "verify", &raw, "--chip", "1"]);
    assert!(said.contains("nothing was measured with the codes of this table: there is nothing to verify"), "{said}");
    let calibrated = json(&succeed(&["calib", "verify", table_of_chip_1(), "--chip", "1", "--json"]));
    assert!(calibrated["parameters"][2]["spread"].as_f64().unwrap() < 2.0, "{calibrated}");
    // What was not measured is neither drawn nor compared.
    let figure = text(&base.path().join("raw.svg"));
    assert!(succeed(&["calib", "show", &raw, "-o", &figure]).contains("512 neurons, nothing measured"));
    assert!(fs::read_to_string(&figure).unwrap().contains("nothing measured"));
    let compared = json(&succeed(&["calib", "diff", table_of_chip_1(), &raw, "--json"]));
    assert!(compared["measured"].is_null() && compared["success_differs"].is_null(), "{compared}");
    assert!(compared["codes"][0]["changed"].as_u64().unwrap() > 400, "{compared}");
    let said = succeed(&["calib", "diff", table_of_chip_1(), &raw]);
    assert!(said.contains("measured values are not compared: nothing was measured with the codes of "), "{said}");
    let shown = json(&succeed(&["calib", "show", table_of_chip_1(), "--json"]));
    let threshold = &shown["measured"][2];
    assert!(threshold["uncalibrated_sd"].as_f64().unwrap() > 2.0 * threshold["sd"].as_f64().unwrap(), "{threshold}");
}

#[test]
fn that_all_neurons_missed_is_said_with_what_was_measured() {
    let base = tempfile::tempdir().unwrap();
    let path = text(&base.path().join("missed.json"));
    let mut table = calib::Calibration::load(table_of_chip_1()).unwrap();
    table.success.fill(false);
    table.save(&path).unwrap();
    let said = succeed(&["calib", "show", &path]);
    assert!(said.contains("0 of 512 neurons calibrated") && said.contains("measured on all neurons"), "{said}");
    assert!(!said.contains("nothing was measured"), "{said}");
    let shown = json(&succeed(&["calib", "show", &path, "--json"]));
    assert!(shown["measured"][2]["median"].as_f64().unwrap() > 140.0, "{shown}");
}

#[test]
fn a_preset_wins_over_a_folder_of_its_name() {
    let base = tempfile::tempdir().unwrap();
    fs::create_dir(base.path().join("fast-and-deep")).unwrap();
    let made = bss2(&["calib", "run", "--chip", "1", "--target", "fast-and-deep", "-o", "a.json"])
        .current_dir(base.path())
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    assert_eq!(fs::read(base.path().join("a.json")).unwrap(), fs::read(table_of_chip_1()).unwrap());
}

#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_takes_no_files_is_found_before_the_calibration() {
    let output = bss2(&["calib", "run", "--chip", "1", "-o", "/proc/chip.bss2cal"]).output().unwrap();
    let (said, complaint) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(1));
    assert!(complaint.contains("cannot write /proc/chip.bss2cal: the folder takes no files"), "{complaint}");
    assert!(!said.contains("CADC ramps"), "{said}");
}

#[test]
fn progress_names_each_routine_with_its_time() {
    let base = tempfile::tempdir().unwrap();
    let said = succeed(&["calib", "run", "--chip", "1", "-o", &text(&base.path().join("chip.bss2cal"))]);
    let routines = said.lines().filter(|line| line.contains(" s in all")).count();
    let last = said.lines().rfind(|line| line.contains(" s in all")).unwrap();
    assert!(routines >= 5 && last.contains(&format!("{routines}/{routines}")), "{said}");
}

#[test]
fn a_table_is_shown_in_words_and_as_a_figure() {
    let base = tempfile::tempdir().unwrap();
    for figure in ["table.png", "table.svg"] {
        let figure = text(&base.path().join(figure));
        let said = succeed(&["calib", "show", table_of_chip_1(), "-o", &figure]);
        assert!(
            said.contains("neurons calibrated")
                && said.contains("near their targets")
                && said.contains("threshold (CADC LSB)"),
            "{said}"
        );
        assert!(fs::metadata(&figure).unwrap().len() > 5000);
    }
    assert_eq!(names(base.path()), ["table.png", "table.svg"]);
    let complaint = fail(&["calib", "show", table_of_chip_1(), "-o", &text(&base.path().join("table.pdf"))]);
    assert!(complaint.contains("table.pdf") && complaint.contains(".svg or .png"), "{complaint}");
}

#[test]
fn tables_are_compared() {
    let base = tempfile::tempdir().unwrap();
    let other = text(&base.path().join("other.bss2cal"));
    succeed(&["calib", "run", "--chip", "2", "--target", "hxtorch", "-o", &other]);
    let same = json(&succeed(&["calib", "diff", table_of_chip_1(), table_of_chip_1(), "--json"]));
    assert_eq!((&same["same_chip"], &same["success_differs"]), (&true.into(), &0.into()));
    assert!(same["codes"].as_array().unwrap().iter().all(|c| c["changed"] == 0 && c["max"] == 0.0), "{same}");
    let said = succeed(&["calib", "diff", table_of_chip_1(), &other]);
    assert!(said.contains("different chips: emulated-1-") && said.contains("emulated-2-"), "{said}");
    assert!(said.contains("different targets:") && said.contains("threshold_lsb 150.0 and 125.0"), "{said}");
    let codes = json(&succeed(&["calib", "diff", table_of_chip_1(), &other, "--json"]));
    let threshold = codes["codes"].as_array().unwrap().iter().find(|c| c["name"] == "v_threshold").unwrap();
    assert!(threshold["changed"].as_u64().unwrap() > 500 && threshold["median"].as_f64().unwrap() < 0.0);
}

#[test]
fn a_table_is_verified_on_its_own_chip() {
    let own = ["calib", "verify", table_of_chip_1(), "--chip", "1", "--json"];
    let verified = json(&succeed(&own));
    for parameter in verified["parameters"].as_array().unwrap() {
        // A second measurement of the same codes: its noise is a small part of the tolerance.
        assert!(parameter["near_stored"].as_f64().unwrap() > 0.97, "{parameter}");
    }
    let other = ["calib", "verify", table_of_chip_1(), "--chip", "2"];
    let complaint = fail(&other);
    assert!(complaint.contains("was measured on chip emulated-1-") && complaint.contains("--force"), "{complaint}");
    // On another chip the codes do something else, and the exit code says so.
    let forced = bss2(&[&other[..], &["--force"]].concat()).output().unwrap();
    let said = String::from_utf8_lossy(&forced.stdout);
    assert!(said.contains("warning: the table of chip emulated-1-"), "{said}");
    assert!(said.lines().last().unwrap().starts_with("not verified: "), "{said}");
    assert_eq!(forced.status.code(), Some(1));
    assert!(succeed(&own[..5]).lines().last().unwrap().starts_with("verified: "));
    let complaint = fail(&["calib", "verify", "no-such.bss2cal", "--chip", "1"]);
    assert!(complaint.contains("no-such.bss2cal: no such file"), "{complaint}");
}

#[test]
fn a_table_of_another_chip_is_applied_on_purpose_only() {
    let base = tempfile::tempdir().unwrap();
    let run = text(&base.path().join("run"));
    let mut arguments = vec!["train", "--chip", "2", "--calibration", table_of_chip_1(), "--out", &run];
    arguments.extend(["--epochs", "1", "--hidden", "20"]);
    arguments.extend(SHORT);
    assert!(fail(&arguments).contains("--force"));
    assert!(!Path::new(&run).exists());
    arguments.push("--force");
    assert!(succeed(&arguments).contains("warning: the table of chip emulated-1-"));
    let summary = json(&fs::read_to_string(base.path().join("run/summary.json")).unwrap());
    assert!(summary["chip"]["identity"].as_str().unwrap().starts_with("emulated-2-"), "{summary}");
    let infer = ["infer", &run, "--calibration", table_of_chip_1()];
    assert!(fail(&infer).contains("--force"));
    assert!(succeed(&[&infer[..], &["--force"]].concat()).contains("chip emulated-2-"));
}

#[test]
fn targets_of_a_network_are_written_for_calix() {
    let base = tempfile::tempdir().unwrap();
    let run = base.path().join("run");
    train_into(&run, &["--epochs", "1", "--hidden", "20"]);
    let out = base.path().join("out");
    fs::create_dir(&out).unwrap();
    for file in ["a.json", "b.csv", "c.npz"] {
        let said = succeed(&["calib", "targets", &text(&run), "-o", &text(&out.join(file))]);
        assert!(said.contains("leak 80, reset 80, threshold 150 CADC LSB"), "{said}");
    }
    assert_eq!(names(&out), ["a.json", "a_calix.py", "b.csv", "b_calix.py", "c.npz", "c_calix.py"]);
    let targets = json(&fs::read_to_string(out.join("a.json")).unwrap());
    for array in ["leak", "reset", "threshold", "tau_mem", "tau_syn", "refractory_time"] {
        assert_eq!(targets[array].as_array().unwrap().len(), 512, "{array}");
    }
    assert_eq!((&targets["tau_syn"][0][1], &targets["tau_mem"][0]), (&6e-6.into(), &6e-6.into()));
    assert_eq!(targets["layer"].as_array().unwrap().iter().filter(|l| **l != 0).count(), 23);
    let network = text(&run.join("network.npz"));
    let printed = json(&succeed(&["calib", "targets", &network, "--json", "--set", "calibration.leak_lsb=90"]));
    assert_eq!(printed["leak"][511], 90);

    for (arguments, words) in [
        (["calib", "targets", &network, "-o", "t.txt"], ["t.txt", ".json, .csv or .npz"]),
        (["calib", "targets", &network, "--set", "calibration.leak_lsb=300"], ["calibration.leak_lsb", "300"]),
        (["calib", "targets", table_of_chip_1(), "-o", "t.json"], ["chip-1.json", "not an .npz"]),
    ] {
        let complaint = fail(&arguments);
        assert!(words.iter().all(|word| complaint.contains(word)), "{complaint}");
    }
    if Command::new("python3").arg("--version").output().is_err() {
        eprintln!("the scripts are not checked: there is no python3");
        return;
    }
    for script in ["a_calix.py", "b_calix.py"] {
        let script = text(&out.join(script));
        assert!(Command::new("python3").args(["-m", "py_compile", &script]).status().unwrap().success());
        let shown = Command::new("python3").args([&script, "--show"]).output().unwrap();
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        assert!(shown.contains("23 of 512 neurons are used") && shown.contains("threshold: 150"), "{shown}");
    }
}

#[test]
fn what_is_no_table_is_refused_and_nothing_written() {
    let base = tempfile::tempdir().unwrap();
    let path = |name: &str| text(&base.path().join(name));
    let good = path("good.bss2cal");
    succeed(&["calib", "convert", table_of_chip_1(), &good]);
    let bytes = fs::read(&good).unwrap();
    let mut flipped = bytes.clone();
    flipped[1000] ^= 1;
    let mut future = bytes.clone();
    future[8] = 9;
    let broken: [(&str, &[u8], &str); 5] = [
        ("cut.bss2cal", &bytes[..bytes.len() / 2], "cut off"),
        ("flipped.bss2cal", &flipped, "digest does not match"),
        ("foreign.bss2cal", b"BSS2CKPT something else entirely, long enough for a header", "not a bss2 calibration"),
        ("future.bss2cal", &future, "format 9; this program reads formats 1 to 2"),
        ("foreign.csv", b"a,b\n1,2\n", "not a bss2 calibration"),
    ];
    for (name, content, word) in broken {
        fs::write(path(name), content).unwrap();
        let to = path("to.json");
        for arguments in [
            vec!["calib", "convert", &path(name), &to],
            vec!["calib", "show", &path(name)],
            vec!["calib", "diff", &path(name), table_of_chip_1()],
            vec!["calib", "verify", &path(name), "--chip", "1"],
            vec!["train", "--calibration", &path(name), "--out", &path("run")],
        ] {
            let complaint = fail(&arguments);
            assert!(complaint.contains(name) && complaint.contains(word), "{arguments:?}: {complaint}");
        }
        assert!(!Path::new(&to).exists() && !base.path().join("run").exists());
    }
    for (to, words) in [("to", "allowed are .bss2cal"), ("to.txt", "allowed are .bss2cal"), ("no/to.json", "folder")] {
        let complaint = fail(&["calib", "convert", &good, &path(to)]);
        assert!(complaint.contains(words) && complaint.contains(to), "{complaint}");
        let complaint = fail(&["calib", "run", "--chip", "1", "-o", &path(to)]);
        assert!(complaint.contains(words), "{complaint}");
    }
    let preset = fail(&["calib", "run", "--chip", "1", "--target", "fast-and-dip", "-o", &path("x.json")]);
    assert!(preset.contains("--target fast-and-dip") && preset.contains("did you mean fast-and-deep?"), "{preset}");
    let contradiction = bss2(&["train", "--resume", "x", "--force"]).output().unwrap();
    assert_eq!(contradiction.status.code(), Some(2));
}

/// Kills after the last routine, whatever its number: while the table is written.
const LAST: usize = usize::MAX;

/// Whether files of these names are as they were or whole; files under other, hidden names may be left by a kill.
#[test]
fn a_killed_calibration_leaves_no_half_table() {
    let base = tempfile::tempdir().unwrap();
    let table = base.path().join("chip.bss2cal");
    let path = text(&table);
    let run = ["calib", "run", "--chip", "1", "-o", &path];
    let mut whole = None;
    // At the first routine, in the middle, at the last before the table is written, and while it is.
    for (older, line) in [(None, 1), (Some("an older file"), 5), (Some("an older file"), 10), (None, LAST)] {
        let _ = fs::remove_file(&table);
        if let Some(older) = older {
            fs::write(&table, older).unwrap();
        }
        let mut child = bss2(&run).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut done = 0;
        for said in BufReader::new(child.stdout.take().unwrap()).lines() {
            let said = said.unwrap();
            done += usize::from(said.contains(" s in all"));
            let (number, of) = said.trim().split_once(' ').unwrap().0.split_once('/').unwrap();
            if done == line || number == of {
                break;
            }
        }
        // After the last routine, until a file is being written.
        while line == LAST && child.try_wait().unwrap().is_none() {
            if names(base.path()).iter().any(|name| name.starts_with('.')) {
                break;
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        match (fs::read(&table), older) {
            (Err(_), None) => (),
            (Ok(bytes), Some(older)) if bytes == older.as_bytes() => (),
            (Ok(bytes), _) => {
                assert!(line == LAST, "a table before the last routine was done");
                let whole = whole.get_or_insert_with(|| {
                    let other = text(&base.path().join("whole.bss2cal"));
                    succeed(&["calib", "convert", table_of_chip_1(), &other]);
                    fs::read(other).unwrap()
                });
                assert!(bytes == *whole, "half a table");
            }
            (Err(_), Some(_)) => panic!("the older file is gone"),
        }
        for name in names(base.path()) {
            let known = ["chip.bss2cal", "whole.bss2cal"].contains(&name.as_str());
            assert!(known || name.starts_with('.'), "{name} was left behind");
        }
    }
}

#[test]
fn shipped_tables_are_made_again_byte_for_byte() {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../calibration");
    let base = tempfile::tempdir().unwrap();
    let made = Command::new("bash")
        .arg(shipped.join("regenerate.sh"))
        .arg(base.path())
        .env("BSS2", env!("CARGO_BIN_EXE_bss2"))
        .env("TARGETS", "fast-and-deep")
        .env("SEEDS", "1")
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let name = "fast-and-deep/chip-1.bss2cal";
    let bytes = fs::read(base.path().join(name)).unwrap();
    // Only while there are none at all: a folder with some tables must have this one.
    if !shipped.join("fast-and-deep").exists() && !shipped.join("hxtorch").exists() {
        eprintln!(
            "SKIPPED: shipped_tables_are_made_again_byte_for_byte: no tables in calibration/ yet; run calibration/regenerate.sh"
        );
        return;
    }
    assert!(
        bytes == fs::read(shipped.join(name)).unwrap(),
        "{name} differs: run calibration/regenerate.sh and say why"
    );
    for target in ["fast-and-deep", "hxtorch"] {
        for seed in 1..=8 {
            let table = text(&shipped.join(format!("{target}/chip-{seed}.bss2cal")));
            let shown = json(&succeed(&["calib", "show", &table, "--json"]));
            assert!(shown["chip"].as_str().unwrap().starts_with(&format!("emulated-{seed}-")), "{table}: {shown}");
        }
    }
}
