//! `calib run` and tables.

use std::fs;

use crate::program::{succeed, table_of_chip_1, text};

#[test]
fn a_calibration_is_repeated_byte_for_byte() {
    let base = tempfile::tempdir().unwrap();
    let again = text(&base.path().join("again.json"));
    let printed = succeed(&["calib", "run", "--chip-seed", "1", "-o", &again, "--threads", "1", "--json"]);
    assert_eq!(fs::read(table_of_chip_1()).unwrap(), fs::read(&again).unwrap());
    let json: serde_json::Value = serde_json::from_str(printed.trim()).unwrap();
    let threshold = json["threshold"].as_f64().unwrap();
    // The gain of a chip spreads by 5 % around the value that gives 2.79; bound four times that.
    assert!((2.2..3.4).contains(&threshold), "{threshold}");
    assert!(json["neurons_calibrated"].as_u64().unwrap() > 490);
    assert!(json["neurons_near_target"].as_u64().unwrap() > 400, "430 when this was written: {json}");
}

#[test]
fn a_chip_is_described_by_a_file_as_well_as_by_a_seed() {
    let base = tempfile::tempdir().unwrap();
    let chip = text(&base.path().join("chip.toml"));
    fs::write(&chip, "seed = 1\n[noise]\nspike_jitter_us_std = 0.06\n").unwrap();
    let table = text(&base.path().join("table.json"));
    succeed(&["calib", "run", "--chip", &chip, "-o", &table]);
    assert_eq!(fs::read(table_of_chip_1()).unwrap(), fs::read(&table).unwrap());
}
