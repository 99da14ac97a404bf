//! Devices whose codes act by other laws than the emulator's: what is found comes from measurement, not from knowing the chip.

use bss2_emu::device::RowWrite;
use bss2_emu::routing::Routing;
use bss2_emu::{
    CapMemCode, Chip, ChipIdentity, Device, DeviceError, Experiment, NeuronCodes, NeuronSetting, Recording,
};
use calib::{PerNeuron, Targets, calibrate, calibrate_each};

use crate::achieved::{median, robust, truth};
use crate::chip_with_exact_cells;

/// What a code does here, as the code of the emulator that would do it.
struct Laws {
    v_leak: fn(f64) -> f64,
    v_reset: fn(f64) -> f64,
    v_threshold: fn(f64) -> f64,
    i_bias_leak: fn(f64) -> f64,
    tau: fn(f64) -> f64,
    gm: fn(f64) -> f64,
    shift: fn(f64) -> f64,
}

/// An exponential, two lines of other slopes, a square, three powers.
const OTHER: Laws = Laws {
    v_leak: |c| 1250.0 * (1.0 - libm::exp(-c / 600.0)),
    v_reset: |c| 300.0 + 0.7 * c,
    v_threshold: |c| 200.0 + 800.0 * (c / 1022.0) * (c / 1022.0),
    i_bias_leak: |c| 1022.0 * libm::pow(c / 1022.0, 0.8),
    tau: |c| 0.35 * libm::pow(c, 1.15),
    gm: |c| libm::sqrt(1022.0 * c),
    shift: |c| 20.0 + 0.9 * c,
};

struct Scripted {
    chip: Chip,
    laws: Laws,
}

impl Scripted {
    fn translated(&self, codes: &NeuronCodes) -> NeuronCodes {
        let by = |law: fn(f64) -> f64, code: CapMemCode| CapMemCode::saturating(law(f64::from(code.get())));
        let laws = &self.laws;
        NeuronCodes {
            v_leak: by(laws.v_leak, codes.v_leak),
            v_reset: by(laws.v_reset, codes.v_reset),
            v_threshold: by(laws.v_threshold, codes.v_threshold),
            i_bias_leak: by(laws.i_bias_leak, codes.i_bias_leak),
            i_bias_synin_exc_tau: by(laws.tau, codes.i_bias_synin_exc_tau),
            i_bias_synin_inh_tau: by(laws.tau, codes.i_bias_synin_inh_tau),
            i_bias_synin_exc_gm: by(laws.gm, codes.i_bias_synin_exc_gm),
            i_bias_synin_inh_gm: by(laws.gm, codes.i_bias_synin_inh_gm),
            i_bias_synin_exc_shift: by(laws.shift, codes.i_bias_synin_exc_shift),
            i_bias_synin_inh_shift: by(laws.shift, codes.i_bias_synin_inh_shift),
            ..*codes
        }
    }
}

impl Device for Scripted {
    fn identity(&self) -> &ChipIdentity {
        self.chip.identity()
    }

    fn configure(&mut self, setting: &NeuronSetting) -> Result<(), DeviceError> {
        let NeuronSetting::Codes(mut table) = setting.clone() else {
            return Err(DeviceError::Unsupported("codes only"));
        };
        table.neurons = table.neurons.iter().map(|codes| self.translated(codes)).collect();
        self.chip.configure(&NeuronSetting::Codes(table))
    }

    fn connect(&mut self, routing: &Routing) -> Result<(), DeviceError> {
        self.chip.connect(routing)
    }

    fn write_weights(&mut self, rows: &[RowWrite]) -> Result<(), DeviceError> {
        self.chip.write_weights(rows)
    }

    fn run(&mut self, experiment: &Experiment) -> Result<Recording, DeviceError> {
        self.chip.run(experiment)
    }
}

/// Codes here are coarser in places (a code of the leak is up to .5 LSB), and curved laws leave a secant of three or four points a
/// little off: bounds about twice what was seen on this chip.
#[test]
fn targets_are_found_whatever_the_codes_do() {
    let mut device = Scripted { chip: chip_with_exact_cells(8), laws: OTHER };
    let targets = Targets::default();
    let table = calibrate(&mut device, &targets, &mut |_| ()).unwrap();
    let truth = truth(&device.chip);
    let check = |name: &str, values: Vec<f64>, target: f64, off: f64, most: f64| {
        let (centre, spread) = robust(&values);
        println!("{name}: {centre} +- {spread}");
        assert!((centre - target).abs() < off && spread < most, "{name}: {centre} +- {spread}");
    };
    let of = |field: fn(&bss2_emu::NeuronParameters) -> f64| truth.iter().map(field).collect::<Vec<f64>>();
    check("leak", of(|p| p.v_leak_lsb), 80.0, 1.1, 0.4);
    check("reset", of(|p| p.v_reset_lsb), 80.0, 1.1, 0.4);
    check("threshold", of(|p| p.v_threshold_lsb), 150.0, 1.2, 0.8);
    check("tau_mem", of(|p| p.tau_mem_us), 6.0, 0.03, 0.06);
    check("tau_syn_exc", of(|p| p.tau_syn_exc_us), 6.0, 0.03, 0.06);
    check("tau_syn_inh", of(|p| p.tau_syn_inh_us), 6.0, 0.03, 0.06);
    check("inhibition over excitation", of(|p| p.gain_inh / p.gain_exc), 1.0, 0.008, 0.035);
    assert!(table.success.iter().filter(|s| **s).count() >= 490);
    let other = calibrate(&mut chip_with_exact_cells(8), &targets, &mut |_| ()).unwrap();
    assert_ne!(other.codes, table.codes);
}

/// The ends of the feasible ranges, and what is not within reach.
#[test]
fn slow_targets_use_the_switches_and_fast_ones_end_at_the_boundary() {
    let slow =
        Targets { tau_mem_us: 60.0, tau_syn_exc_us: 30.0, tau_syn_inh_us: 30.0, ..Targets::preset("calix").unwrap() };
    let mut chip = chip_with_exact_cells(3);
    let table = calibrate(&mut chip, &slow, &mut |_| ()).unwrap();
    let seen = truth(&chip);
    let (centre, spread) = robust(&seen.iter().map(|p| p.tau_mem_us).collect::<Vec<f64>>());
    assert!((centre / 60.0 - 1.0).abs() < 0.01 && spread < 0.6, "{centre} +- {spread}");
    let (centre, spread) = robust(&seen.iter().map(|p| p.tau_syn_exc_us).collect::<Vec<f64>>());
    assert!((centre / 30.0 - 1.0).abs() < 0.01 && spread < 0.6, "{centre} +- {spread}");
    let codes = &table.codes.as_ref().unwrap().neurons;
    assert!(codes.iter().all(|c| c.leak_division && c.extension.synin_exc_high_resistance));

    let fast = Targets { tau_mem_us: 0.5, tau_syn_exc_us: 0.3, tau_syn_inh_us: 2.0, ..Targets::default() };
    let table = calibrate(&mut chip, &fast, &mut |_| ()).unwrap();
    let seen = truth(&chip);
    let (centre, spread) = robust(&seen.iter().map(|p| p.tau_mem_us).collect::<Vec<f64>>());
    assert!((centre / 0.5 - 1.0).abs() < 0.02 && spread < 0.02, "{centre} +- {spread}");
    let reached = median(&seen.iter().map(|p| p.tau_syn_exc_us).collect::<Vec<f64>>());
    assert!((0.4..1.2).contains(&reached), "{reached}");
    // The table says so: no success, and the time constants that the neurons have.
    assert!(table.success.iter().filter(|s| **s).count() < 50);
    let measured = median(&table.measured.iter().map(|p| p.tau_syn_exc_us).collect::<Vec<f64>>());
    assert!((measured / reached - 1.0).abs() < 0.05, "{measured} {reached}");
}

/// Neurons that shall differ: even ones fast with a high threshold, odd ones slow with a low one.
#[test]
fn neurons_can_have_targets_of_their_own() {
    let by_parity = |even: f64, odd: f64| (0..512).map(|n| if n % 2 == 0 { even } else { odd }).collect::<Vec<f64>>();
    let each = PerNeuron {
        leak_lsb: by_parity(80.0, 90.0),
        threshold_lsb: by_parity(150.0, 130.0),
        tau_mem_us: by_parity(6.0, 12.0),
        tau_syn_exc_us: by_parity(5.0, 10.0),
        ..PerNeuron::default()
    };
    let mut chip = chip_with_exact_cells(6);
    let calibrated = calibrate_each(&mut chip, &Targets::default(), &each, &mut |_| ()).unwrap();
    assert!(calibrated.calibration.success.iter().filter(|s| **s).count() >= 496);
    let truth = truth(&chip);
    for (parity, [leak, threshold, mem, exc, inh]) in
        [(0, [80.0, 150.0, 6.0, 5.0, 6.0]), (1, [90.0, 130.0, 12.0, 10.0, 6.0])]
    {
        let of = |field: fn(&bss2_emu::NeuronParameters) -> f64| {
            robust(&truth.iter().skip(parity).step_by(2).map(field).collect::<Vec<f64>>())
        };
        let near = |(centre, spread): (f64, f64), target: f64, off: f64, most: f64| {
            assert!((centre - target).abs() < off && spread < most, "{centre} +- {spread}, expected {target}");
        };
        near(of(|p| p.v_leak_lsb), leak, 1.1, 0.4);
        near(of(|p| p.v_threshold_lsb), threshold, 1.2, 0.8);
        near(of(|p| p.tau_mem_us), mem, 0.01 * mem, 0.01 * mem);
        near(of(|p| p.tau_syn_exc_us), exc, 0.01 * exc, 0.01 * exc);
        near(of(|p| p.tau_syn_inh_us), inh, 0.01 * inh, 0.01 * inh);
        near(of(|p| p.gain_inh / p.gain_exc), 1.0, 0.01, 0.035);
    }
}
