//! Calibration files: what is written is read again, and what is not a calibration is refused with a reason.

use std::fs;

use bss2_emu::{ChipIdentity, Device};
use calib::{CalibError, Calibration, Targets, Uncalibrated, calibrate};

use crate::chip;

fn small() -> Calibration {
    Calibration::from_targets(ChipIdentity("A".into()), &Targets::default())
}

fn text(table: &Calibration) -> String {
    serde_json::to_string_pretty(table).unwrap()
}

fn load(content: &str) -> CalibError {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("chip.json");
    fs::write(&path, content).unwrap();
    let error = Calibration::load(&path).unwrap_err();
    assert!(error.to_string().contains("chip.json"), "{error}");
    error
}

#[test]
fn a_measured_table_comes_back_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("chip.json");
    let mut chip = chip(9);
    let table = calibrate(&mut chip, &Targets::default(), &mut |_| ()).unwrap();
    fs::write(&path, "an older file").unwrap();
    table.save(&path).unwrap();
    let again = Calibration::load(&path).unwrap();
    assert!(again == table);
    assert!(again.setting() == table.setting());
    assert!(text(&again) == text(&table));
    // The device was left with the codes found.
    let mut fresh = crate::chip(9);
    fresh.configure(&again.setting()).unwrap();
    assert!(fresh.reveal() == chip.reveal());
    let names: Vec<_> = fs::read_dir(directory.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, ["chip.json"]);

    assert!(again.require_chip(&table.chip).is_ok());
    let error = again.require_chip(&ChipIdentity("B".into())).unwrap_err();
    let expected = format!("calibration {} was measured on chip {}; this is chip B", path.display(), table.chip);
    assert_eq!(error.to_string(), expected);
    let error = table.require_chip(&ChipIdentity("B".into())).unwrap_err();
    assert!(error.to_string().starts_with("calibration was measured on chip emulated-9-"), "{error}");
}

#[test]
fn a_file_that_is_not_there_or_cut_off_or_foreign_is_told_apart() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("none.json");
    assert!(matches!(Calibration::load(&path).unwrap_err(), CalibError::Missing { .. }));
    assert!(matches!(Calibration::load(directory.path()).unwrap_err(), CalibError::Io { .. }));

    let whole = text(&small());
    for length in [0, 1, 30, whole.len() / 2, whole.len() - 1] {
        let error = load(&whole[..length]);
        assert!(matches!(error, CalibError::Truncated { .. }), "{length}: {error}");
    }
    assert!(matches!(load("tau_mem = 6.0"), CalibError::NotJson { .. }));
    assert!(matches!(load("\"tau_mem\""), CalibError::Content { .. }));
    let error = load("{\"chip\": \"A\"}");
    assert!(error.to_string().contains("missing field `format`"), "{error}");
}

#[test]
fn contents_that_are_not_a_calibration_are_named() {
    let whole = text(&small());
    let error = load(&whole.replacen("\"format\": 2", "\"format\": 3", 1));
    assert!(error.to_string().ends_with("format 3; this program reads formats 1 to 2"), "{error}");
    let error = load(&whole.replacen("\"trials\"", "\"trails\"", 1));
    assert!(error.to_string().contains("unknown field `trails`"), "{error}");
    assert!(error.to_string().contains(" at line "), "{error}");
    let error = load(&whole.replacen("\"v_leak_lsb\": 80.0", "\"v_leak_lsb\": null", 1));
    assert!(matches!(error, CalibError::Content { .. }), "{error}");

    let mut short = small();
    short.success.pop();
    let error = load(&text(&short));
    assert!(error.to_string().ends_with("success has 511 entries; a chip has 512 neurons"), "{error}");
}

#[test]
fn a_save_that_fails_leaves_nothing_behind() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("chip.json");
    let mut table = small();
    table.measured[7].gain_exc = f64::NAN;
    let error = table.save(&path).unwrap_err();
    assert!(error.to_string().ends_with("measured[7].gain_exc = NaN is not a finite number"), "{error}");
    let error = small().save(directory.path().join("no/such/place.json")).unwrap_err();
    assert!(matches!(error, CalibError::Io { .. }), "{error}");
    fs::create_dir(&path).unwrap();
    assert!(small().save(&path).is_err());
    fs::remove_dir(&path).unwrap();
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn a_stored_table_has_all_its_targets() {
    let whole = text(&small());
    let start = whole.find("\"targets\"").unwrap();
    let without = whole[..start].to_owned() + &whole[start..].replacen("\"tau_mem_us\": 6.0,", "", 1);
    let error = load(&without);
    assert!(error.to_string().contains("missing field `tau_mem_us`"), "{error}");
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("marked.json");
    fs::write(&path, format!("\u{feff}{whole}")).unwrap();
    assert!(Calibration::load(&path).unwrap() == small());
}

/// Damage to a table.
type Edit<'e> = &'e dyn Fn(&mut Calibration);

#[test]
fn what_no_chip_measures_is_refused() {
    let seen = |value| {
        Some(Uncalibrated {
            v_leak: vec![Some(80.0); 512],
            v_reset: vec![Some(80.0); 512],
            v_threshold: vec![Some(value); 512],
            tau_mem: vec![Some(6.0); 512],
            tau_syn_exc: vec![Some(6.0); 512],
            tau_syn_inh: vec![None; 512],
            cadc_offset: vec![Some(0.0); 512],
        })
    };
    let cases: [(Edit<'_>, &str); 8] = [
        (&|t| t.measured[3].v_leak_lsb = 1e6, "measured[3].v_leak_lsb is 1e6; allowed are -1000..=2000"),
        (&|t| t.measured[3].refractory_us = -1.0, "measured[3].refractory_us is -1e0; allowed are 0..=100000"),
        (&|t| t.measured[3].gain_inh = 0.0, "measured[3].gain_inh is 0e0; allowed are values above 0 up to 100"),
        (&|t| t.hardware_time_us = -5.0, "hardware_time_us is -5e0; allowed are values from 0 on"),
        (&|t| t.uncalibrated = seen(-1e9), "uncalibrated.v_threshold[0] is -1e9; allowed are -1000..=2000"),
        (
            &|t| {
                t.uncalibrated = seen(150.0);
                t.uncalibrated.as_mut().unwrap().v_leak.pop();
            },
            "uncalibrated.v_leak has 511 entries; a chip has 512 neurons",
        ),
        (&|t| t.chip.0 = String::new(), "chip \"\" is not a name; allowed are 1 to 200 characters that can be printed"),
        (&|t| t.chip.0 = "a\u{1b}[31m".into(), "chip \"a\\u{1b}[31m\" is not a name"),
    ];
    for (spoil, message) in cases {
        let mut table = small();
        spoil(&mut table);
        let error = load(&text(&table));
        assert!(error.to_string().contains(message), "{error}");
        let directory = tempfile::tempdir().unwrap();
        assert!(table.save(directory.path().join("chip.csv")).unwrap_err().to_string().contains(message));
    }
    let error = load(&text(&small()).replacen("\"trials\"", "\"tr\\u001b[31mials\"", 1));
    assert!(error.to_string().contains("\\u{1b}[31m") && !error.to_string().contains('\u{1b}'), "{error}");
}
