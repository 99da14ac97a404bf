//! Reads targets in the names and units of `calix`, for an emulated chip to be calibrated to.
//!
//! What `calib targets` writes can be read, and less: a file holds some of the names, each with one value for all neurons or 512.

use std::fs::{self, File};
use std::path::Path;

use calib::{PerNeuron, Targets};

use super::sources::{Lists, from_csv, from_json, from_npz, names};
use super::{FileError, extension};

/// Reads targets; what the file leaves out is as in `base`.
///
/// # Errors
/// [`FileError`] with the file and the name, value and range of what is wrong.
pub fn load(path: &Path, base: Targets) -> Result<(Targets, PerNeuron), FileError> {
    let read = FileError::io("read", path);
    let lists = match extension(path) {
        Some("json") => from_json(unmarked(&fs::read_to_string(path).map_err(read)?)),
        Some("csv") => from_csv(unmarked(&fs::read_to_string(path).map_err(read)?)),
        Some("npz") => from_npz(File::open(path).map_err(read)?),
        _ => Err("targets are read from .json, .csv or .npz".into()),
    };
    lists.and_then(|lists| targets(lists, base)).map_err(|message| FileError::content(path, message))
}

/// Without the mark that some editors put before a text.
fn unmarked(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// How a file says a target.
#[derive(Clone, Copy)]
enum Unit {
    Lsb,
    Seconds,
    Code,
}

impl Unit {
    /// In the unit of [`Targets`].
    fn taken_up(self, value: f64) -> f64 {
        match self {
            // Seconds have no exact microseconds in binary; 1e-9 us is nothing to a time constant.
            Self::Seconds => (value * 1e15).round() / 1e9,
            Self::Lsb | Self::Code => value,
        }
    }

    /// As the file says it, from the unit of [`Targets`].
    fn said(self, value: f64) -> String {
        match self {
            Self::Seconds => {
                let seconds = value / 1e6;
                // Without the last digits, which are the conversion's.
                let seconds: f64 = format!("{seconds:.12e}").parse().unwrap_or(seconds);
                if (1e-2..1e6).contains(&seconds) { seconds.to_string() } else { format!("{seconds:e}") }
            }
            Self::Lsb | Self::Code => value.to_string(),
        }
    }

    /// The same list in the unit of [`Targets`], if a chip may be asked for it.
    fn checked(self, name: &str, key: &str, values: &[f64]) -> Result<Vec<f64>, String> {
        let values: Vec<f64> = values.iter().map(|value| self.taken_up(*value)).collect();
        let Some(range) = Targets::allowed(key) else { return Ok(values) };
        let is_code = matches!(self, Self::Code);
        let is_wrong = |value: f64| !range.contains(&value) || is_code && value.fract() != 0.0;
        let wrong: Vec<usize> = (0..values.len()).filter(|n| is_wrong(values[*n])).collect();
        let Some(first) = wrong.first() else { return Ok(values) };
        let who = match wrong.len() {
            all if all == values.len() => String::new(),
            1 => format!(" of neuron {first}"),
            several => format!(" of neuron {first} and {} more", several - 1),
        };
        let (low, high, found) = (self.said(*range.start()), self.said(*range.end()), self.said(values[*first]));
        Err(match self {
            Self::Lsb => format!("{name}{who}: {found} is not allowed; expected {low}..={high} CADC LSB"),
            Self::Seconds => {
                format!("{name}{who}: {found} s is not allowed; expected {low}..={high} s (times are in seconds)")
            }
            Self::Code => format!("{name}{who}: {found} is not allowed; expected a whole number in {low}..={high}"),
        })
    }
}

fn targets(mut lists: Lists, base: Targets) -> Result<(Targets, PerNeuron), String> {
    if lists.is_empty() {
        return Err(format!("there are no targets; expected some of {}", names()));
    }
    let (mut common, mut each) = (base, PerNeuron::default());
    for (name, key, target, list, unit) in [
        ("leak", "leak_lsb", &mut common.leak_lsb, &mut each.leak_lsb, Unit::Lsb),
        ("reset", "reset_lsb", &mut common.reset_lsb, &mut each.reset_lsb, Unit::Lsb),
        ("threshold", "threshold_lsb", &mut common.threshold_lsb, &mut each.threshold_lsb, Unit::Lsb),
        ("tau_mem", "tau_mem_us", &mut common.tau_mem_us, &mut each.tau_mem_us, Unit::Seconds),
        ("tau_syn_exc", "tau_syn_exc_us", &mut common.tau_syn_exc_us, &mut each.tau_syn_exc_us, Unit::Seconds),
        ("tau_syn_inh", "tau_syn_inh_us", &mut common.tau_syn_inh_us, &mut each.tau_syn_inh_us, Unit::Seconds),
    ] {
        let Some(values) = lists.remove(name) else { continue };
        let values = unit.checked(name, key, &values)?;
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        *target = sorted[sorted.len() / 2];
        if values.iter().any(|value| value != target) {
            *list = values;
        }
    }
    let mut whole = |name: &str, key: &str, unit: Unit| -> Result<Option<f64>, String> {
        let Some(values) = lists.remove(name) else { return Ok(None) };
        let values = unit.checked(name, key, &values)?;
        if values.iter().any(|value| *value != values[0]) {
            return Err(format!("{name} differs from neuron to neuron; it is calibrated to one value for all"));
        }
        Ok(values.first().copied())
    };
    if let Some(time_us) = whole("refractory_time", "refractory_time_us", Unit::Seconds)? {
        common.refractory_time_us = time_us;
    }
    if let Some(code) = whole("membrane_capacitance", "membrane_capacitance", Unit::Code)? {
        common.membrane_capacitance = code as u8;
    }
    if let Some(code) = whole("i_synin_gm", "i_synin_gm", Unit::Code)? {
        common.i_synin_gm = code as u16;
    }
    if let Some(code) = whole("synapse_dac_bias", "synapse_dac_bias", Unit::Code)? {
        common.synapse_dac_bias = code as u16;
    }
    // What is left to find is a threshold below a leak, which have the same unit here and there.
    match each.check(&common).first() {
        Some(problem) => Err(problem.to_string().replace("_lsb", "")),
        None => Ok((common, each)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lists: Result<Lists, String>) -> Result<(Targets, PerNeuron), String> {
        lists.and_then(|lists| targets(lists, Targets::default()))
    }

    fn complaint(json: &str) -> String {
        read(from_json(json)).unwrap_err()
    }

    fn rows(row: impl Fn(usize) -> String) -> String {
        (0..512).map(|n| row(n) + "\n").collect()
    }

    #[test]
    fn one_value_serves_all_neurons_and_lists_keep_their_own() {
        let lists = from_json(r#"{"leak": 90, "tau_syn": [5e-6, 7e-6], "network": "x", "refractory_time": 4e-6}"#);
        let (common, each) = read(lists).unwrap();
        assert_eq!((common.leak_lsb, common.tau_syn_exc_us, common.tau_syn_inh_us), (90.0, 5.0, 7.0));
        assert_eq!((common.refractory_time_us, common.reset_lsb), (4.0, Targets::default().reset_lsb));
        assert!(each.is_empty());
        let rows = rows(|n| format!("{n},{},6e-6", if n < 200 { 140 } else { 150 }));
        let (common, each) = read(from_csv(&format!("neuron,threshold,tau_mem\n{rows}"))).unwrap();
        assert_eq!((common.threshold_lsb, each.threshold_lsb[199], each.threshold_lsb[200]), (150.0, 140.0, 150.0));
        assert!(each.tau_mem_us.is_empty() && common.tau_mem_us == 6.0);
    }

    #[test]
    fn one_synaptic_time_constant_leaves_the_other_as_it_was() {
        let constants = |(common, each): (Targets, PerNeuron)| {
            assert!(each.is_empty());
            (common.tau_syn_exc_us, common.tau_syn_inh_us)
        };
        assert_eq!(constants(read(from_json(r#"{"tau_syn_exc": 4e-6}"#)).unwrap()), (4.0, 6.0));
        assert_eq!(constants(read(from_json(r#"{"tau_syn_inh": [4e-6]}"#)).unwrap()), (6.0, 4.0));
        let csv = format!("neuron,tau_syn_inh\n{}", rows(|n| format!("{n},4e-6")));
        assert_eq!(constants(read(from_csv(&csv)).unwrap()), (6.0, 4.0));
        assert_eq!(constants(read(from_csv("tau_syn_exc\n4e-6\n")).unwrap()), (4.0, 6.0));
        assert_eq!(complaint(r#"{"tau_syn": 4e-6, "tau_syn_exc": 5e-6}"#), "tau_syn_exc is given twice");
    }

    #[test]
    fn synaptic_time_constants_are_read_in_either_order_of_their_axes() {
        let (exc, inh) = (vec![5e-6; 512], vec![7e-6; 512]);
        let pairs: Vec<[f64; 2]> = vec![[5e-6, 7e-6]; 512];
        for json in [serde_json::json!({ "tau_syn": [exc, inh] }), serde_json::json!({ "tau_syn": pairs })] {
            let (common, each) = read(from_json(&json.to_string())).unwrap();
            assert_eq!((common.tau_syn_exc_us, common.tau_syn_inh_us, each.is_empty()), (5.0, 7.0, true));
        }
        let wrong = serde_json::json!({ "tau_syn": [[5e-6, 7e-6], [5e-6, 7e-6]] }).to_string();
        assert!(complaint(&wrong).contains("tau_syn: 2 values; expected one, or one for each"));
    }

    #[test]
    fn arrays_of_all_numbers_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("targets.npz");
        let write = |format: i64| {
            let mut npz = ndarray_npy::NpzWriter::new(File::create(&path).unwrap());
            npz.add_array("leak", &ndarray::Array1::from_elem(512, 90_u32)).unwrap();
            npz.add_array("reset", &ndarray::Array1::from_elem(1, 70_i8)).unwrap();
            npz.add_array("threshold", &ndarray::arr0(140_u64)).unwrap();
            npz.add_array("tau_mem", &ndarray::arr0(8e-6_f32)).unwrap();
            npz.add_array("tau_syn", &ndarray::Array2::from_shape_fn((2, 512), |(k, _)| [5e-6, 7e-6][k])).unwrap();
            npz.add_array("format", &ndarray::arr0(format)).unwrap();
            npz.finish().unwrap();
            load(&path, Targets::default())
        };
        let (common, _) = write(1).unwrap();
        assert_eq!((common.leak_lsb, common.reset_lsb, common.threshold_lsb), (90.0, 70.0, 140.0));
        assert_eq!((common.tau_syn_exc_us, common.tau_syn_inh_us), (5.0, 7.0));
        assert!((common.tau_mem_us - 8.0).abs() < 1e-5);
        let message = write(2).unwrap_err().to_string();
        assert!(message.contains("targets.npz: format: 2 is not known; this program reads format 1"), "{message}");
    }

    #[test]
    fn what_cannot_be_aimed_at_is_named() {
        assert!(complaint(r#"{"leek": 80}"#).contains("\"leek\" is not a target of calix"));
        assert!(
            complaint(r#"{"leak": [80, 81]}"#).contains("leak: 2 values; expected one, or one for each of the 512")
        );
        assert!(complaint(r#"{"leak": "80"}"#).contains("leak: \"80\" is not a number"));
        let long = serde_json::json!({ "leak": { "a": vec![1; 500] } }).to_string();
        assert!(complaint(&long).ends_with("1... is not a number") && complaint(&long).len() < 90);
        assert_eq!(
            complaint(r#"{"i_synin_gm": 5000}"#),
            "i_synin_gm: 5000 is not allowed; expected a whole number in 1..=1022"
        );
        assert!(complaint("{}").contains("there are no targets"));
        let capacitances: Vec<u16> = (0..512).map(|n| n % 2).collect();
        let uneven = serde_json::json!({ "membrane_capacitance": capacitances }).to_string();
        assert!(complaint(&uneven).contains("membrane_capacitance differs from neuron to neuron"));
    }

    #[test]
    fn values_are_refused_in_the_name_and_unit_of_the_file() {
        assert_eq!(
            complaint(r#"{"tau_mem": 6}"#),
            "tau_mem: 6 s is not allowed; expected 1e-7..=2e-3 s (times are in seconds)"
        );
        let mut leaks = vec![80; 512];
        (leaks[3], leaks[9]) = (300, 301);
        assert_eq!(
            complaint(&serde_json::json!({ "leak": leaks }).to_string()),
            "leak of neuron 3 and 1 more: 300 is not allowed; expected 0..=255 CADC LSB"
        );
        let message = complaint(r#"{"leak": 90, "threshold": 85}"#);
        assert_eq!(message, "threshold: 85 is not above leak = 90: every neuron would fire without input");
    }

    #[test]
    fn formats_of_the_future_foreign_units_and_doubled_keys_are_refused() {
        assert!(
            complaint(r#"{"leak": 80, "format": 2}"#).contains("format: 2 is not known; this program reads format 1")
        );
        assert!(complaint(r#"{"leak": 80, "leak": 90}"#).contains("\"leak\" is given twice at line 1"));
        let units = |units: &str| complaint(&format!(r#"{{"leak": 80, "units": {units}}}"#));
        assert!(units(r#"{"time": "us"}"#).contains("units.time: \"us\" is not supported; expected \"s\""));
        assert!(units(r#"{"potential": "V", "time": "s"}"#).contains("expected \"CADC LSB\""));
        assert!(units(r#"{"tau": "s"}"#).contains("unknown field `tau`"));
        assert!(
            read(from_json(r#"{"leak": 80, "format": 1, "units": {"potential": "CADC LSB", "time": "s"}}"#)).is_ok()
        );
    }

    #[test]
    fn rows_of_a_csv_are_in_order_and_whole() {
        let csv = |text: &str| read(from_csv(text)).unwrap_err();
        assert!(csv("neuron,leak\n0,eighty\n").contains("line 2, column leak: \"eighty\""));
        let table = |row: &dyn Fn(usize) -> usize| format!("neuron,leak\n{}", rows(|n| format!("{},80", row(n))));
        assert!(read(from_csv(&table(&|n| n))).is_ok());
        let expected = "line 6, column neuron: 3; expected 4: neurons are in order, from 0";
        assert_eq!(csv(&table(&|n| if n == 4 { 3 } else { n })), expected);
        assert!(csv(&table(&|n| 511 - n)).contains("line 2, column neuron: 511; expected 0"));
        assert!(csv("# bss2 calix targets {\"format\": 1}\nneuron,leak\n1,80\n").contains("line 3, column neuron: 1"));
        assert!(csv("neuron,leak\n0,80\n").contains("1 rows with numbers of neurons"));
        assert_eq!(csv("leak,reset,leak\n80,80,90\n"), "line 1: the column leak is there twice");
        assert_eq!(csv("leak\n80"), "the file is cut off: its last line does not end");
        let both = "# bss2 calix targets {\"i_synin_gm\": 500}\ni_synin_gm\n600\n";
        assert_eq!(csv(both), "i_synin_gm is given twice");
        assert!(from_csv(unmarked("\u{feff}leak\n80\n")).is_ok());
    }
}
