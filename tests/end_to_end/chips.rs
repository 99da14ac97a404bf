//! `chip draw`, `chip show`, `chip probe`.

use std::fs;
use std::path::Path;

use crate::program::{assert_same, bss2, fail, succeed, table_of_chip_1, text};

fn json(printed: &str) -> serde_json::Value {
    serde_json::from_str(printed.trim()).unwrap()
}

#[test]
fn a_drawn_description_is_the_chip() {
    let base = tempfile::tempdir().unwrap();
    let described = text(&base.path().join("chip.toml"));
    let set = ["--set", "noise.cadc_lsb_std=2", "--set", "chip.circuits.refiring=false"];
    let mut arguments = vec!["chip", "draw", "--seed", "7", "--preset", "bss2-calibrated", "-o", &described];
    arguments.extend(set);
    let said = succeed(&arguments);
    assert!(said.contains("emulated-7-") && said.contains("chip.toml"), "{said}");
    let content = fs::read_to_string(&described).unwrap();
    for line in [
        "seed = 7",
        "preset = \"bss2-calibrated\"",
        "cadc_lsb_std = 2.0",
        "refiring = false",
        "# noise of a CADC sample",
    ] {
        assert!(content.contains(line), "{line} is missing in:\n{content}");
    }
    let from_file = json(&succeed(&["chip", "show", &described, "--json"]));
    let from_seed = json(&succeed(&["chip", "show", "7", "--set", "chip.preset=bss2-calibrated", "--json"]));
    // Neither noise nor re-firing is part of what a chip is.
    assert_eq!(from_file, from_seed);
}

#[test]
fn a_shown_chip_has_the_spreads_of_its_description() {
    let base = tempfile::tempdir().unwrap();
    let (figure, table) = (base.path().join("chip.png"), base.path().join("chip.csv"));
    let printed = succeed(&["chip", "show", "3", "-o", &text(&figure), "--csv", &text(&table), "--json"]);
    let shown = json(&printed);
    let tau = shown["parameters"].as_array().unwrap().iter().find(|p| p["parameter"] == "tau_mem_us").unwrap();
    // 13 % by neuron; standard error 0.4 %, bound four of them.
    assert!((tau["cv"].as_f64().unwrap() - 0.13).abs() < 0.02, "{tau}");
    assert_eq!(tau["quadrant_means"].as_array().unwrap().len(), 4);
    assert_eq!(fs::read_to_string(&table).unwrap().lines().count(), 513);
    assert!(fs::read(&figure).unwrap().starts_with(b"\x89PNG"));
    assert_eq!(fs::read_dir(base.path()).unwrap().count(), 2, "one figure, one table, nothing else");
}

#[test]
fn a_probe_says_what_was_published_and_repeats_itself() {
    let base = tempfile::tempdir().unwrap();
    let folder = |name: &str| base.path().join(name);
    let probe = |out: &Path, threads: &str| {
        let preset = "chip.preset=bss2-calibrated";
        let arguments = ["chip", "probe", "limits", "--chip", "2", "--chips", "2", "--set", preset, "-o"];
        succeed(&[&arguments[..], &[&text(out), "--threads", threads]].concat())
    };
    let said = probe(&folder("a"), "1");
    assert!(said.contains("published -54 to -36 LSB   PASS") && said.contains("2 of 2 inside"), "{said}");
    for file in ["limits.json", "chip-2/limits.svg", "chip-2/limits.png", "chip-3/limits.csv", "chip-3/chip.toml"] {
        assert!(folder("a").join(file).is_file(), "{file} is missing");
    }
    probe(&folder("b"), "3");
    assert_same(&folder("a"), &folder("b"));
    // The description beside the results is the chip.
    let again = ["chip", "probe", "limits", "--chip", &text(&folder("a").join("chip-3/chip.toml")), "--json"];
    let findings = json(&succeed(&again));
    let both = json(&fs::read_to_string(folder("a").join("limits.json")).unwrap());
    assert_eq!(findings["chips"][0], both["chips"][1]);
}

#[test]
fn views_need_no_published_range() {
    let base = tempfile::tempdir().unwrap();
    let out = text(&base.path().join("views"));
    for view in ["rate-curve", "membrane-trace"] {
        let printed = succeed(&["chip", "probe", view, "--set", "chip.preset=ideal", "-o", &out, "--json"]);
        assert_eq!(json(&printed)["summary"].as_array().unwrap().len(), 0);
        assert!(base.path().join("views").join(format!("{view}.csv")).is_file());
    }
    // A table of another operating point will do for what has no published range.
    succeed(&["chip", "probe", "code-sweep", "--chip", "1", "--calibration", table_of_chip_1(), "-o", &out]);
    assert!(base.path().join("views/code-sweep.png").is_file());
}

#[test]
fn what_cannot_be_probed_is_refused_by_name() {
    let unknown = bss2(&["chip", "probe", "homeostase"]).output().unwrap();
    assert_eq!(unknown.status.code(), Some(2));
    let complaint = String::from_utf8_lossy(&unknown.stderr).into_owned();
    assert!(complaint.contains("homeostase") && complaint.contains("'homeostasis'"), "{complaint}");

    let calibration = ["--calibration", table_of_chip_1()];
    let probe = |more: &[&str]| fail(&[&["chip", "probe"], more].concat());
    let foreign = probe(&[&["limits", "--chip", "2"], &calibration[..]].concat());
    assert!(foreign.contains("was measured on chip emulated-1"), "{foreign}");
    let elsewhere = probe(&[&["limits", "--chip", "1"], &calibration[..]].concat());
    assert!(elsewhere.contains("other targets") && elsewhere.contains("threshold_lsb = 125.0"), "{elsewhere}");
    let several = probe(&[&["limits", "--chip", "1", "--chips", "2"], &calibration[..]].concat());
    assert!(several.contains("a table belongs to one chip"), "{several}");
    assert!(probe(&["code-sweep", "--set", "chip.preset=ideal"]).contains("has no codes to sweep"));
    assert!(probe(&["limits", "--chip", &i64::MAX.to_string(), "--chips", "2"]).contains("seeds go up to"));
    assert!(probe(&["limits", "--chip", "no-such.toml"]).contains("neither a seed"));
}

#[test]
fn files_that_cannot_be_written_are_named_and_nothing_is_left() {
    let base = tempfile::tempdir().unwrap();
    let file = base.path().join("file");
    fs::write(&file, "").unwrap();
    // Nothing lies below a file, whoever asks (permissions do not stop a superuser).
    let below = text(&file.join("x"));
    assert!(fail(&["chip", "draw", "-o", &below]).contains("file/x"));
    assert!(fail(&["chip", "show", "1", "--csv", &below]).contains("file/x"));
    let probe = ["chip", "probe", "limits", "--set", "chip.preset=ideal", "-o", &below];
    assert!(fail(&probe).contains("file/x"));
    let pdf = fail(&["chip", "show", "1", "-o", &text(&base.path().join("chip.pdf"))]);
    assert!(pdf.contains("chip.pdf") && pdf.contains(".svg or .png"), "{pdf}");

    let toml = text(&base.path().join("chip.toml"));
    assert!(fail(&["chip", "draw", "--seed", "9223372036854775808", "-o", &toml]).contains("seeds go up to"));
    assert!(fail(&["chip", "draw", "--preset", "silicon", "-o", &toml]).contains("\"bss2-calibrated\""));
    let typo = fail(&["chip", "draw", "--set", "noise.cadc_lsb=1", "-o", &toml]);
    assert!(typo.contains("did you mean `chip.noise.cadc_lsb_std`?"), "{typo}");
    assert_eq!(fs::read_dir(base.path()).unwrap().count(), 1, "only the file that was there");
}

/// A table of residuals makes another chip of the same description, and says what is wrong with it.
#[test]
fn neurons_can_be_given_one_by_one() {
    let base = tempfile::tempdir().unwrap();
    let table = base.path().join("neurons.csv");
    let rows = (0..512).map(|n| format!("{n},{}\n", if n == 7 { 1.5 } else { 1.0 }));
    std::fs::write(&table, std::iter::once("neuron,tau_mem\n".to_owned()).chain(rows).collect::<String>()).unwrap();
    let assignment = format!("residual_table={}", table.display());
    let show = |more: &[&str]| {
        let arguments = ["chip", "show", "1", "--json", "--set", "chip.preset=ideal"];
        json(&succeed(&[&arguments[..], more].concat()))
    };
    let (plain, given) = (show(&[]), show(&["--set", &assignment]));
    assert_ne!(plain["chip"], given["chip"]);
    assert!(given.to_string().contains("9.0"), "neuron 7 has 1.5 times 6 us: {given}");

    // A folder keeps the table of its chip, and a table belongs to one chip.
    let out = base.path().join("probe");
    let out = out.to_str().unwrap();
    let probe = ["chip", "probe", "limits", "--set", "chip.preset=ideal", "--set", &assignment];
    succeed(&[&probe[..], &["-o", out]].concat());
    assert!(base.path().join("probe/residual-table.csv").is_file());
    assert!(fail(&[&probe[..], &["--chips", "2"]].concat()).contains("a table belongs to one chip"));

    std::fs::write(&table, "neuron,tau\n0,1\n").unwrap();
    let refused = fail(&["chip", "show", "1", "--set", "chip.preset=ideal", "--set", &assignment]);
    assert!(refused.contains("neurons.csv") && refused.contains("\"tau\" is not a column"), "{refused}");
    let coded = fail(&["calib", "run", "--residual-table", "no-such.csv", "-o", "table.json"]);
    assert!(coded.contains("no-such.csv"), "{coded}");
}
