//! The formats of calibration files: each brings back what was written, and says what is wrong with what was not.

use std::fs;
use std::path::Path;

use bss2_emu::parameters::{Adaptation, Exponential};
use bss2_emu::{CapMemCode, ChipIdentity, CodeTable};
use calib::{CalibError, Calibration, PerNeuron, Targets, Uncalibrated, calibrate, remeasure};

const GOLDEN_1: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/version_1.bss2cal");
const GOLDEN_1_NPZ: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/version_1.npz");
const GOLDEN_2: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/version_2.bss2cal");
const FORMATS: [&str; 4] = ["bss2cal", "json", "csv", "npz"];

/// A table in which every kind of value of version 1 differs from what is usual.
fn version_1() -> Calibration {
    let mut table = Calibration::from_targets(ChipIdentity("emulated-7-golden".into()), &Targets::default());
    let mut codes = CodeTable::default();
    for n in 0..512_u16 {
        let neuron = &mut codes.neurons[usize::from(n)];
        neuron.v_leak = CapMemCode::new(i64::from(n) + 500).unwrap();
        neuron.leak_division = n % 3 == 0;
        neuron.membrane_capacitance = (n % 64) as u8;
        neuron.refractory.counter = (n % 256) as u8;
        neuron.extension.i_bias_nmda = CapMemCode::new(i64::from(n)).unwrap();
        neuron.extension.reset_holdoff = (n % 16) as u8;
        codes.cadc_offset[usize::from(n)] = (n % 256) as u8 as i8;
        table.measured[usize::from(n)].tau_mem_us += f64::from(n) / 3000.0;
        table.success[usize::from(n)] = n % 7 != 0;
    }
    codes.cadc_ramp_slope[2] = CapMemCode::MAX;
    let terms = &mut table.measured[3].terms;
    terms.offset_current = 0.1 + 0.2;
    terms.exponential = Some(Exponential { slope_lsb: 2.5, v_exp_lsb: 130.0 });
    terms.adaptation = Some(Adaptation { tau_us: 90.0, a_per_us: -0.01, b_lsb_per_us: 0.5, v_ref_lsb: 80.0 });
    terms.reversal_exc_lsb = Some(240.0);
    terms.bypass = true;
    table.codes = Some(codes);
    table.measurements = 217;
    table.trials = 70_000;
    table.hardware_time_us = 1.25e6;
    table
}

/// The same with what came with version 2.
fn table() -> Calibration {
    let list = |k: u32| (0..512).map(|n| (n % 50 != k).then(|| f64::from(n * k) / 7.0)).collect();
    let mut table = version_1();
    table.per_neuron = PerNeuron {
        threshold_lsb: (0..512).map(|n| 140.0 + f64::from(n % 20)).collect(),
        tau_mem_us: (0..512).map(|n| 6.0 + f64::from(n % 3)).collect(),
        ..PerNeuron::default()
    };
    table.uncalibrated = Some(Uncalibrated {
        v_leak: list(1),
        v_reset: list(2),
        v_threshold: list(3),
        tau_mem: list(4),
        tau_syn_exc: list(5),
        tau_syn_inh: list(6),
        cadc_offset: list(7),
    });
    table
}

fn direct() -> Calibration {
    Calibration::from_targets(ChipIdentity("A".into()), &Targets::default())
}

fn saved(table: &Calibration, extension: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(format!("chip.{extension}"));
    table.save(&path).unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    fs::read(path).unwrap()
}

fn loaded(name: &str, bytes: &[u8]) -> Result<Calibration, CalibError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    Calibration::load(&path)
}

fn complaint(name: &str, bytes: &[u8]) -> String {
    let message = loaded(name, bytes).unwrap_err().to_string();
    assert!(message.contains(name), "{message}");
    message
}

#[test]
fn every_format_brings_back_every_bit() {
    for table in [table(), version_1(), direct()] {
        for format in FORMATS {
            let bytes = saved(&table, format);
            assert!(loaded(&format!("chip.{format}"), &bytes).unwrap() == table, "{format}");
            // The content tells what a file is, not its name.
            assert!(loaded("chip.dat", &bytes).unwrap() == table, "{format} under another name");
            assert!(saved(&table, format) == bytes, "{format} differs when written again");
        }
    }
}

/// Writes the golden file: once, when a version is made. `cargo test -p bss2-calib -- --ignored golden`
#[test]
#[ignore = "the golden file of a version is written once"]
fn the_golden_file_is_written() {
    assert!(!Path::new(GOLDEN_2).exists(), "{GOLDEN_2} must not change");
    table().save(GOLDEN_2).unwrap();
}

#[test]
fn tables_of_version_1_still_load() {
    assert!(Calibration::load(GOLDEN_1).unwrap() == version_1());
    assert!(Calibration::load(GOLDEN_1_NPZ).unwrap() == version_1());
    let text = String::from_utf8(saved(&version_1(), "json")).unwrap();
    assert!(loaded("x.json", text.replacen("\"format\": 2", "\"format\": 1", 1).as_bytes()).unwrap() == version_1());
}

#[test]
fn version_2_is_frozen() {
    assert!(Calibration::load(GOLDEN_2).unwrap() == table());
    assert!(saved(&table(), "bss2cal") == fs::read(GOLDEN_2).unwrap());
    // Magic, version, length: as docs/files.md says, byte by byte.
    let bytes = fs::read(GOLDEN_2).unwrap();
    assert_eq!(&bytes[..12], b"BSS2CAL\0\x02\0\0\0");
    assert_eq!(u64::from_le_bytes(bytes[12..20].try_into().unwrap()), bytes.len() as u64 - 52);
    let payload = &bytes[52..];
    assert_eq!(&payload[..8], &17_u64.to_le_bytes());
    assert_eq!(&payload[8..25], b"emulated-7-golden");
    assert_eq!(&payload[25..33], &80_f64.to_le_bytes());
    // 61 bytes of targets after the chip, then the tag of the codes and their number; then neuron by neuron.
    let codes = 25 + 61;
    assert_eq!(payload[codes], 1);
    assert_eq!(&payload[codes + 1..codes + 9], &512_u64.to_le_bytes());
    assert_eq!(&payload[codes + 9..codes + 11], &500_u16.to_le_bytes());
    let next = codes + 9 + NEURON_BYTES;
    assert_eq!(&payload[next..next + 2], &501_u16.to_le_bytes());
}

/// Bytes of the codes of a neuron in version 1.
const NEURON_BYTES: usize = 11 * 2 + 1 + 7 + 2 + 13 * 2 + 8 + 1 + 1;

#[test]
fn a_binary_file_that_is_not_whole_says_how() {
    let bytes = saved(&table(), "bss2cal");
    assert!(complaint("x.bss2cal", &bytes[..5]).contains("cut off in its header: 5 of 52"));
    assert!(complaint("x.bss2cal", &bytes[..40]).contains("cut off in its header: 40 of 52"));
    assert!(complaint("x.bss2cal", &bytes[..bytes.len() - 1]).contains("the file is cut off"));
    assert!(complaint("x.bss2cal", &[bytes.as_slice(), b"x"].concat()).contains("bytes left over"));
    for place in [52, 60, 5000, bytes.len() - 1] {
        let mut flipped = bytes.clone();
        flipped[place] ^= 1;
        assert!(complaint("x.bss2cal", &flipped).contains("damaged: its digest does not match"));
    }
    let mut future = bytes.clone();
    future[8] = 3;
    assert!(complaint("x.bss2cal", &future).contains("format 3; this program reads formats 1 to 2"));
    let mut foreign = bytes;
    foreign[0] = b'X';
    assert!(complaint("x.bss2cal", &foreign).contains("not a bss2 calibration"));
    assert!(complaint("x.bss2cal", b"").contains("cut off in its header: 0 of 52"));
}

/// The second field of a line of a CSV.
fn second(line: &str) -> &str {
    line.split(',').nth(1).unwrap()
}

#[test]
fn text_that_is_not_a_table_says_where() {
    let text = String::from_utf8(saved(&table(), "csv")).unwrap();
    let changed = |from: &str, to: &str| complaint("x.csv", text.replacen(from, to, 1).as_bytes());
    assert!(complaint("x.csv", b"neuron,v_leak\n0,80\n").contains("not a bss2 calibration"));
    assert!(changed("\"format\":2", "\"format\":3").contains("format 3; this program reads formats 1 to 2"));
    assert!(changed("code_v_reset", "v_rest").contains("the column code_v_reset is missing"));
    assert!(
        changed("\n1,501,", "\n1,1501,")
            .contains("line 4, column code_v_leak: 1501 is not allowed; allowed are whole numbers in 0..=1022")
    );
    assert!(changed("\n1,501,", "\n1,abc,").contains("line 4, column code_v_leak: \"abc\" is not a number"));
    assert!(changed("\n1,501,", "\n9,501,").contains("line 4, column neuron: 9; expected 1"));
    let lines: Vec<&str> = text.lines().collect();
    let twice =
        |line: &&str| if line.starts_with('#') { (*line).to_owned() } else { format!("{line},{}", second(line)) };
    let doubled = lines.iter().map(twice).collect::<Vec<String>>().join("\n") + "\n";
    assert!(complaint("x.csv", doubled.as_bytes()).contains("the column code_v_leak is there twice"));
    assert!(changed("\"leak_lsb\":80.0,", "").contains("missing field `leak_lsb`"));
    assert!(loaded("x.csv", format!("\u{feff}{text}").as_bytes()).unwrap() == table());
    assert!(complaint("x.csv", (lines[..400].join("\n") + "\n").as_bytes()).contains("rows has 398 entries"));
    assert!(complaint("x.csv", &text.as_bytes()[..60]).contains("cut off"));
    let cut_in_a_row = text.len() - 5;
    assert!(complaint("x.csv", &text.as_bytes()[..cut_in_a_row]).contains("cut off: its last line does not end"));
}

#[test]
fn an_npz_of_something_else_says_so() {
    let bytes = saved(&table(), "npz");
    assert!(complaint("x.npz", &bytes[..bytes.len() / 2]).contains("cut off or damaged"));
    assert!(complaint("x.npz", b"hello").contains("cut off or damaged"));
    let mut other = ndarray_npy::NpzWriter::new(std::io::Cursor::new(Vec::new()));
    other.add_array("v_leak", &ndarray::Array1::from_elem(512, 80.0)).unwrap();
    let other = other.finish().unwrap().into_inner();
    assert!(complaint("x.npz", &other).contains("no array `table`"));
}

/// The archive has a CRC-32 of each array. What lies outside of the arrays - dates, versions - is no part of the table.
#[test]
fn a_flipped_bit_in_an_npz_is_found_or_means_nothing() {
    let bytes = saved(&table(), "npz");
    let mut refused = 0;
    for place in (0..bytes.len()).step_by(bytes.len() / 100) {
        let mut flipped = bytes.clone();
        flipped[place] ^= 4;
        match loaded("x.npz", &flipped) {
            Ok(read) => assert!(read == table(), "byte {place} changed the table"),
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 50, "{refused}");
}

#[test]
fn an_npz_has_the_names_of_calix() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("calib_eval.npz");
    let table = table();
    let names = ["v_leak", "v_reset", "v_threshold", "tau_mem", "tau_syn_exc", "tau_syn_inh"];
    table.save(&path).unwrap();
    let mut npz = ndarray_npy::NpzReader::new(fs::File::open(&path).unwrap()).unwrap();
    let found = npz.names().unwrap();
    for name in names {
        for name in [name.to_owned(), format!("{name}_uncalibrated")] {
            assert!(found.iter().any(|n| n.trim_end_matches(".npy") == name), "{name} is missing in {found:?}");
        }
    }
    let tau: ndarray::Array1<f64> = npz.by_name("tau_mem_uncalibrated").unwrap();
    assert_eq!((tau.len(), tau[5]), (512, 20.0 / 7.0));
    assert!(tau[4].is_nan(), "nothing was seen");
    let target: ndarray::Array1<f64> = npz.by_name("target_v_threshold").unwrap();
    assert_eq!(target[3], 143.0);
    let success: ndarray::Array1<bool> = npz.by_name("success").unwrap();
    assert_eq!(success.to_vec(), table.success);
}

#[test]
fn an_extension_that_says_nothing_is_refused() {
    for name in ["table", "table.txt", "table.bss2cal.gz"] {
        let folder = tempfile::tempdir().unwrap();
        let message = direct().save(folder.path().join(name)).unwrap_err().to_string();
        assert!(message.contains(name) && message.contains(".bss2cal, .json, .csv and .npz"), "{message}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

#[test]
fn a_chip_measures_again_what_its_table_says() {
    let mut chip = crate::chip(5);
    let table = calibrate(&mut chip, &Targets::default(), &mut |_| ()).unwrap();
    let mut fresh = crate::chip(5);
    let (measured, seen) = remeasure(&mut fresh, &table).unwrap();
    assert!(seen.iter().filter(|s| **s).count() > 500);
    // Both are measurements: an LSB and 5 % are several standard errors of either; outliers are rare.
    let off = |value: fn(&bss2_emu::NeuronParameters) -> f64, bound: f64| {
        let pairs = measured.iter().zip(&table.measured).zip(&table.success).filter(|(_, s)| **s);
        pairs.filter(|((a, b), _)| (value(a) - value(b)).abs() > bound).count()
    };
    assert!(off(|p| p.v_leak_lsb, 1.0) < 10 && off(|p| p.v_reset_lsb, 1.0) < 10, "potentials");
    assert!(off(|p| p.v_threshold_lsb, 2.0) < 10, "threshold");
    assert!(off(|p| p.tau_mem_us, 0.5) < 10 && off(|p| p.tau_syn_exc_us, 0.4) < 10, "time constants");
    assert!(remeasure(&mut crate::chip(5), &direct()).unwrap_err().to_string().contains("no codes"));
}
