//! The calibration sees a chip through the device trait only, and copes with what comes through it.

use bss2_emu::device::RowWrite;
use bss2_emu::routing::Routing;
use bss2_emu::spec::Preset;
use bss2_emu::{Chip, ChipIdentity, ChipSpec, Device, DeviceError, Experiment, NeuronSetting, Recording};
use calib::{CalibError, Calibration, Targets, calibrate};

use crate::chip;

/// A bench that notes what passes, and spoils recordings on demand.
struct Bench {
    chip: Chip,
    runs: Vec<(u32, u32)>,
    trials: u64,
    spoil: Option<fn(&mut Recording)>,
}

impl Bench {
    fn new(chip: Chip) -> Self {
        Self { chip, runs: Vec::new(), trials: 0, spoil: None }
    }
}

impl Device for Bench {
    fn identity(&self) -> &ChipIdentity {
        self.chip.identity()
    }

    fn configure(&mut self, setting: &NeuronSetting) -> Result<(), DeviceError> {
        self.chip.configure(setting)
    }

    fn connect(&mut self, routing: &Routing) -> Result<(), DeviceError> {
        self.chip.connect(routing)
    }

    fn write_weights(&mut self, rows: &[RowWrite]) -> Result<(), DeviceError> {
        self.chip.write_weights(rows)
    }

    fn run(&mut self, experiment: &Experiment) -> Result<Recording, DeviceError> {
        self.runs.push((experiment.run.session, experiment.run.index));
        self.trials += experiment.trials.len() as u64;
        let mut recording = self.chip.run(experiment)?;
        if let Some(spoil) = self.spoil {
            spoil(&mut recording);
        }
        Ok(recording)
    }
}

#[test]
fn the_same_chip_gives_the_same_bytes_and_every_run_is_counted() {
    let bytes = |table: &Calibration| serde_json::to_vec_pretty(table).unwrap();
    let mut bench = Bench::new(chip(6));
    let first = calibrate(&mut bench, &Targets::default(), &mut |_| ()).unwrap();
    assert_eq!((first.measurements, first.trials), (bench.runs.len() as u64, bench.trials));
    let expected: Vec<(u32, u32)> = (0..bench.runs.len() as u32).map(|index| (0xC_A11B, index)).collect();
    assert_eq!(bench.runs, expected);
    // Nothing of what only the emulated chip knows gets through the bench, and the bare chip gives the same table.
    assert!(bytes(&first) == bytes(&calibrate(&mut chip(6), &Targets::default(), &mut |_| ()).unwrap()));
    // A second calibration starts from a chip that is calibrated already, and must not notice.
    let second = calibrate(&mut bench, &Targets::default(), &mut |_| ()).unwrap();
    assert!(bytes(&first) == bytes(&second));
}

#[test]
fn malformed_recordings_are_refused() {
    type Spoil = fn(&mut Recording);
    let cases: [(Spoil, &str); 4] = [
        (|r| drop(r.trials.pop()), "the device returned 511 trials where 512 were asked for"),
        (|r| r.trials[3].cadc.clear(), "the device returned 0 CADC samples where 32 were asked for"),
        (
            |r| r.trials[3].cadc.iter_mut().for_each(|row| row.truncate(256)),
            "the device returned 256 CADC channels where 512 were asked for",
        ),
        (|r| r.trials[3].madc.truncate(7), "the device returned 7 MADC samples where 352 were asked for"),
    ];
    for (spoil, message) in cases {
        let mut bench = Bench { spoil: Some(spoil), ..Bench::new(chip(1)) };
        let error = calibrate(&mut bench, &Targets::default(), &mut |_| ()).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn a_chip_that_shows_nothing_is_no_signal() {
    let dead = |r: &mut Recording| {
        for trial in &mut r.trials {
            trial.cadc.iter_mut().for_each(|row| row.fill(80));
            trial.madc.fill(300);
        }
    };
    let mut bench = Bench { spoil: Some(dead), ..Bench::new(chip(1)) };
    let error = calibrate(&mut bench, &Targets::default(), &mut |_| ()).unwrap_err();
    assert!(matches!(error, CalibError::NoSignal { step: "CADC offsets", .. }), "{error}");
}

#[test]
fn bad_targets_and_chips_without_codes_are_refused() {
    let targets = Targets { tau_mem_us: 0.0, i_synin_gm: 0, ..Targets::default() };
    let error = calibrate(&mut chip(1), &targets, &mut |_| ()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "targets: tau_mem_us: 0 is not allowed; expected 0.1..=2000 us; i_synin_gm: 0 is not allowed; expected 1..=1022"
    );
    let mut ideal = Chip::draw(&ChipSpec::new(Preset::Ideal, 1));
    let error = calibrate(&mut ideal, &Targets::default(), &mut |_| ()).unwrap_err();
    assert!(matches!(error, CalibError::Device(DeviceError::Unsupported(_))), "{error}");
}

#[test]
fn an_ideal_chip_is_set_directly() {
    let mut ideal = Chip::draw(&ChipSpec::new(Preset::Ideal, 1));
    let table = Calibration::from_targets(ideal.identity().clone(), &Targets::default());
    ideal.configure(&table.setting()).unwrap();
    assert_eq!(ideal.reveal().neurons, table.measured);
    let neuron = table.measured[0];
    assert_eq!((neuron.v_leak_lsb, neuron.v_threshold_lsb, neuron.tau_mem_us), (80.0, 150.0, 6.0));
    assert_eq!(neuron.gain_exc, bss2_emu::parameters::NOMINAL_GAIN);
    assert!((neuron.refractory_us - 16.384).abs() < 1e-9);
    assert_eq!(table.measurements, 0);
}
