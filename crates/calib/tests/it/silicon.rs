//! What hardware tests of `calix` and `hxtorch` assert, and what calibration leaves behind.
//!
//! Two chips here; ten in `docs/results/calibration.md`, by the example `ten_chips`.

use bss2_emu::Refractory;
use calib::{CalibError, Calibration, Targets, calibrate, calibrate_with_costs, evaluate};
use probes::statistics::{mean, sd};
use probes::{Bench, leak_over_threshold, weight_scale};

use crate::chip;
use crate::effective_gain::{log_gains, truth};

/// Spreads of 512 neurons have a standard error of 3 %, their ratios of 4.5 %.
#[test]
fn calibrated_chips_pass_the_distribution_test_of_calix() {
    for seed in [1, 11] {
        let mut chip = chip(seed);
        let table = calibrate(&mut chip, &Targets::preset("calix").unwrap(), &mut |_| ()).unwrap();
        let evaluation = evaluate(&mut chip, &table).unwrap();
        for check in evaluation.checks() {
            println!("{seed} {}: {:.3}", check.name, check.value);
            assert!(check.holds(), "chip {seed}: {check:?}");
        }
        assert!((34.0..=66.0).contains(&evaluation.swing_lsb()));
        let raw = evaluation.uncalibrated();
        let seen = |list: &[Option<f64>]| list.iter().flatten().count();
        assert!(
            raw.lists().iter().all(|(name, list)| list.len() == 512 && seen(list) > 500 && raw.list(name).is_some())
        );
        let first = evaluation.quantity("v_leak").unwrap();
        assert_eq!(raw.v_leak[17], Some(first.uncalibrated[17]));
        let codes = table.codes.as_ref().unwrap();
        assert!(codes.neurons.iter().all(|c| c.refractory == Refractory { counter: 32, scale: 3 }));
        // An evaluation leaves the chip as it was calibrated.
        let left = chip.reveal();
        let mut fresh = crate::chip(seed);
        bss2_emu::Device::configure(&mut fresh, &table.setting()).unwrap();
        assert!(fresh.reveal() == left);

        let mut bench = Bench::new(&mut chip, table.setting());
        let settings = weight_scale::Settings { trials: 10, ..weight_scale::Settings::default() };
        let scale = weight_scale::measure(&mut bench, &settings).unwrap().findings()[0];
        assert!(scale.is_inside(), "chip {seed}: {scale:?}");
    }
}

#[test]
fn neurons_that_fire_by_themselves_keep_their_rate() {
    let point = leak_over_threshold::operating_point();
    let targets = Targets {
        leak_lsb: point.leak_lsb,
        reset_lsb: point.reset_lsb,
        threshold_lsb: point.threshold_lsb,
        tau_mem_us: point.tau_mem_us,
        ..Targets::preset("calix").unwrap()
    };
    let mut chip = chip(2);
    let table = calibrate(&mut chip, &targets, &mut |_| ()).unwrap();
    let mut bench = Bench::new(&mut chip, table.setting());
    let outcome = leak_over_threshold::measure(&mut bench, &leak_over_threshold::Settings::default()).unwrap();
    assert!(outcome.findings().iter().all(probes::Finding::is_inside), "{:?}", outcome.findings());
}

/// Recordings of silicon: 6 %, 4 to 8 % fit them. Its standard error on one chip is 3 % of it.
#[test]
fn the_effective_gain_spreads_as_on_silicon_and_costs_are_accounted_for() {
    let mut chip = chip(12);
    let calibrated = calibrate_with_costs(&mut chip, &Targets::default(), &mut |_| ()).unwrap();
    let gains = log_gains(&truth(&chip));
    println!("effective gain {:.4} +- {:.4}", mean(&gains), sd(&gains));
    assert!(gains.len() == 512 && (0.04..0.08).contains(&sd(&gains)), "{}", sd(&gains));
    let (table, costs) = (&calibrated.calibration, &calibrated.costs);
    assert_eq!(costs.iter().map(|c| c.measurements).sum::<u64>(), table.measurements);
    assert_eq!(costs.iter().map(|c| c.trials).sum::<u64>(), table.trials);
    let hardware_us = costs.iter().map(|c| c.hardware_time.as_secs_f64() * 1e6).sum::<f64>();
    assert!((hardware_us - table.hardware_time_us).abs() < 1.0);
    assert!(costs.iter().all(|c| c.measurements > 0));
}

#[test]
fn tables_without_codes_and_of_other_chips_are_not_evaluated() {
    let mut chip = chip(1);
    let targets = Targets::default();
    let direct = Calibration::from_targets(bss2_emu::Device::identity(&chip).clone(), &targets);
    assert!(matches!(evaluate(&mut chip, &direct), Err(CalibError::NoCodes)));
    let other = Calibration::from_targets(bss2_emu::ChipIdentity("other".into()), &targets);
    assert!(matches!(evaluate(&mut chip, &other), Err(CalibError::OtherChip { .. })));
}
