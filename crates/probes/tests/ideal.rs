//! Every experiment on a chip without mismatch and noise gives what the closed form of its neuron says.

use bss2_emu::spec::{Circuits, ParameterSource, Preset};
use bss2_emu::variation::Variation;
use bss2_emu::{Chip, ChipSpec, NeuronSetting};
use probes::code_sweep::{self, Swept};
use probes::{
    Bench, OperatingPoint, ProbeError, dynamic_range, homeostasis, inter_spike_interval, leak_over_threshold, limits,
    membrane_trace, psp_repeatability, rate_curve, statistics, weight_scale,
};

/// An ideal chip with the limits and the re-firing of a real one.
fn chip() -> Chip {
    Chip::draw(&ChipSpec { circuits: Circuits::BSS2, ..ChipSpec::new(Preset::Ideal, 1) })
}

fn directly(point: OperatingPoint) -> NeuronSetting {
    NeuronSetting::Direct(vec![point.parameters(); 512])
}

#[test]
fn membranes_rest_at_their_leak_and_stop_at_their_limits() {
    let mut chip = chip();
    let settings = limits::Settings { trials: 1, ..limits::Settings::default() };
    let outcome = limits::measure(&mut Bench::new(&mut chip, directly(limits::operating_point())), &settings).unwrap();
    assert_eq!((outcome.rest_lsb[0], outcome.upper_lsb[300], outcome.lower_lsb[511]), (80.0, 228.0, 20.0));
}

#[test]
fn the_weight_scale_follows_from_the_gain() {
    let mut chip = chip();
    let settings = weight_scale::Settings { trials: 1, ..weight_scale::Settings::default() };
    let mut bench = Bench::new(&mut chip, directly(weight_scale::operating_point()));
    let outcome = weight_scale::measure(&mut bench, &settings).unwrap();
    // 0.35 LSB per weight; samples every 1.7 us miss the peak by at most 0.4 % and are rounded to whole LSB.
    assert!((outcome.psp_per_weight_lsb[0] - 0.35).abs() < 0.01, "{}", outcome.psp_per_weight_lsb[0]);
    // The samples of several ramps miss the tips by less than 2 LSB.
    assert!((43.0..=45.5).contains(&outcome.swing_lsb[0]), "{}", outcome.swing_lsb[0]);
}

#[test]
fn equal_neurons_need_equal_weights() {
    let mut chip = chip();
    let settings = homeostasis::Settings { periods: 12, start: 24, ..homeostasis::Settings::default() };
    let mut bench = Bench::new(&mut chip, directly(homeostasis::operating_point()));
    let outcome = homeostasis::measure(&mut bench, &settings).unwrap();
    assert_eq!(outcome.weights.len(), 12);
    assert!(outcome.weights.iter().all(|weights| weights.iter().all(|w| *w == weights[0])));
    assert!((22..=27).contains(&outcome.weights[11][0]), "{}", outcome.weights[11][0]);
}

#[test]
fn the_membrane_follows_its_input_to_its_limit() {
    let mut chip = chip();
    let settings = dynamic_range::Settings { duration_us: 200.0, ..dynamic_range::Settings::default() };
    let mut bench = Bench::new(&mut chip, directly(dynamic_range::operating_point()));
    let outcome = dynamic_range::measure(&mut bench, &settings).unwrap();
    let rise = outcome.excitation[9][0] - outcome.excitation[0][0];
    assert!((rise - 288.0 * 0.35 * 2.96).abs() < 1.5, "{rise}");
    let fall = outcome.inhibition[0][0] - outcome.inhibition[9][0];
    assert!((fall - 60.0 * 2.96).abs() < 1.5, "{fall}");
}

#[test]
fn rates_and_intervals_are_those_of_the_formula() {
    let mut chip = chip();
    let settings = leak_over_threshold::Settings { duration_us: 2000.0, trials: 1 };
    let mut bench = Bench::new(&mut chip, directly(leak_over_threshold::operating_point()));
    let outcome = leak_over_threshold::measure(&mut bench, &settings).unwrap();
    // A trial begins at rest, above the threshold: one spike more.
    assert!(outcome.rates_khz.iter().all(|rate| (rate - 100.0).abs() <= 0.5), "{}", outcome.rates_khz[0]);

    let point = inter_spike_interval::operating_point();
    let settings = inter_spike_interval::Settings { repeats: 1, ..inter_spike_interval::Settings::default() };
    let outcome = inter_spike_interval::measure(&mut Bench::new(&mut chip, directly(point)), &settings).unwrap();
    // 64 ns per count and 5 us ln(60 / 40) from reset to threshold; 8 s of rounding in 19 intervals.
    for interval in outcome.intervals {
        let expected = 0.064 * f64::from(interval.counter) + 5.0 * (60.0_f64 / 40.0).ln();
        assert!((interval.mean_us - expected).abs() < 1e-3, "{} for {expected}", interval.mean_us);
    }

    let point = rate_curve::operating_point();
    let settings = rate_curve::Settings { current_codes: vec![0, 200, 300, 700], duration_us: 1000.0 };
    let outcome = rate_curve::measure(&mut Bench::new(&mut chip, directly(point)), &settings).unwrap();
    for (code, rates) in outcome.current_codes.iter().zip(&outcome.rates_khz) {
        let expected = rate_curve::ideal_rate_khz(&point.parameters(), *code);
        assert!((rates[77] - expected).abs() <= 1.0, "{} for {expected} at {code}", rates[77]);
    }
}

#[test]
fn without_noise_every_psp_is_the_same() {
    let mut chip = chip();
    let settings = psp_repeatability::Settings::default();
    let mut bench = Bench::new(&mut chip, directly(psp_repeatability::operating_point()));
    let outcome = psp_repeatability::measure(&mut bench, &settings).unwrap();
    assert_eq!((outcome.half_width(), outcome.rms(), outcome.largest()), (0.0, 0.0, 0.0));
    let peak = outcome.mean_trace_lsb().into_iter().fold(0.0, f64::max);
    assert_eq!(peak, 99.0); // 80 + 0.35 x 55 = 99.25, rounded
}

#[test]
fn a_stimulated_membrane_is_seen_by_the_madc() {
    let mut chip = chip();
    let mut bench = Bench::new(&mut chip, directly(membrane_trace::operating_point()));
    let outcome = membrane_trace::measure(&mut bench, &membrane_trace::Settings::default()).unwrap();
    assert_eq!(outcome.times_us.len(), outcome.samples.len());
    let first = outcome.samples.iter().zip(&outcome.times_us).filter(|(_, t)| **t < 60.0).map(|(v, _)| *v).max();
    // 60 + 2.96 (80 + 62 x 0.35)
    assert_eq!(first, Some(361));
    assert!(outcome.fired_us.iter().all(|t| *t > 160.0) && !outcome.fired_us.is_empty());
}

/// A chip that is set by codes, without mismatch: the sweeps show its transfer functions.
#[test]
fn codes_do_what_their_transfer_says() {
    let spec = ChipSpec { variation: Variation::IDEAL, ..ChipSpec::new(Preset::Bss2, 1) };
    let mut chip = Chip::draw(&ChipSpec { parameters: ParameterSource::Codes, ..spec });
    let mut bench = Bench::new(&mut chip, NeuronSetting::Codes(bss2_emu::CodeTable::default()));
    let mut sweep = |swept, codes: &[u16]| {
        let settings = code_sweep::Settings { codes: codes.to_vec(), ..code_sweep::Settings::of(swept) };
        let outcome = code_sweep::measure(&mut bench, swept, &settings).unwrap();
        outcome.values.iter().map(|v| statistics::mean(v)).collect::<Vec<f64>>()
    };
    let leak = sweep(Swept::Leak, &[600, 700]);
    assert!((leak[1] - leak[0] - 100.0 * 0.79 / 2.96).abs() < 0.2, "{leak:?}");
    let rate = sweep(Swept::LeakBias, &[80, 160]);
    assert!((rate[0] - 1.0 / 12.0).abs() < 0.004 && (rate[1] - 1.0 / 6.0).abs() < 0.008, "{rate:?}");
    let strength = sweep(Swept::Strength, &[400, 800]);
    assert!((strength[1] / strength[0] - 2.0).abs() < 0.15, "{strength:?}");
    let tau = sweep(Swept::SynapticTau, &[60, 120, 240]);
    assert!(tau[0] > tau[1] && tau[1] > tau[2], "{tau:?}");
}

#[test]
fn what_cannot_be_done_is_refused_by_name() {
    let mut chip = chip();
    let mut bench = Bench::new(&mut chip, directly(OperatingPoint::NIGHTLY));
    let error = code_sweep::measure(&mut bench, Swept::Leak, &code_sweep::Settings::of(Swept::Leak)).unwrap_err();
    assert!(matches!(error, ProbeError::NeedsCodes), "{error}");
    let settings = weight_scale::Settings { weights: vec![64], ..weight_scale::Settings::default() };
    let error = weight_scale::measure(&mut bench, &settings).unwrap_err().to_string();
    assert_eq!(error, "weights: 64 is not allowed; expected weights in -63..=63");
    let settings = limits::Settings { duration_us: f64::NAN, ..limits::Settings::default() };
    assert!(limits::measure(&mut bench, &settings).unwrap_err().to_string().starts_with("duration_us: NaN"));
}
