//! The exact linear membrane, plain integration by tiny steps, a tighter tolerance; who looks and who interferes.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::*;

#[test]
fn conductances_and_saturation_agree_with_tiny_steps() {
    let mut membrane = Membrane::new(8.0, 5.0, 7.0);
    (membrane.threshold, membrane.reset, membrane.refractory_us) = (20.0, -3.0, 2.0);
    let mut neuron = Nonlinear::new(membrane);
    let events = [(1.0, 0, 12.0), (4.0, 1, 6.0), (6.0, 0, 30.0), (15.0, 1, 20.0), (30.0, 0, 40.0), (31.0, 1, 5.0)];
    let both = [Some(Reversal { at: 90.0, from_leak: 90.0 }), Some(Reversal { at: -15.0, from_leak: -15.0 })];
    for (reversal, saturation) in
        [(both, [f64::INFINITY; 2]), ([None; 2], [15.0, 4.0]), ([both[0], None], [25.0, f64::INFINITY])]
    {
        (neuron.reversal, neuron.saturation) = (reversal, saturation);
        let (times, last) = run(&Body::Nonlinear(Box::new(neuron)), &events, 60.0);
        let (expected, y) = plain(&neuron, &events, 60.0, 1e-3);
        assert!(times.len() > 1);
        let worst = largest_difference(&times, &expected);
        println!("conductances: {} spikes, {worst:.1e}", times.len());
        assert!(worst < 1e-8 && (last.potential - y[0]).abs() < 1e-8, "{worst} {last:?} {y:?}");
    }
}

#[test]
fn limits_hold_the_upstroke_until_something_pulls_it_back() {
    let mut membrane = Membrane::new(10.0, 6.0, 6.0);
    (membrane.lower, membrane.upper) = (-12.0, 30.0);
    let mut neuron = Nonlinear::new(membrane);
    neuron.onset = Some(Onset { slope: 3.0, at: 14.0 });
    neuron.adaptation = Some(Adaptation { tau: 40.0, a: 0.8, b: 0.0, reference: 0.0 });
    let events = [(1.0, 0, 10.0), (40.0, 1, 80.0), (60.0, 1, 40.0), (100.0, 0, 60.0), (105.0, 1, 200.0)];
    let body = Body::Nonlinear(Box::new(neuron));
    let mut touched = [false; 2];
    for until in [3.0, 6.0, 12.0, 30.0, 41.0, 43.0, 50.0, 62.0, 75.0, 103.0, 106.0, 107.0, 120.0, 150.0, 200.0] {
        let before: Vec<Event> = events.iter().copied().filter(|e| e.0 < until).collect();
        let (times, last) = run(&body, &before, until);
        let (_, y) = plain(&neuron, &before, until, 1e-4);
        assert!(times.is_empty());
        assert!((last.potential - y[0]).abs() < 2e-2, "at {until}: {last:?} against {y:?}");
        assert!((last.adaptation - y[1]).abs() < 2e-2, "at {until}: {last:?} against {y:?}");
        touched[0] |= last.potential == -12.0;
        touched[1] |= last.potential == 30.0;
    }
    assert_eq!(touched, [true, true]);
}

#[test]
fn a_tighter_tolerance_moves_no_spike_by_a_millionth() {
    for (neuron, n) in firing_patterns().iter().zip([40, 8, 8]) {
        let times = spikes(neuron, &[], 500.0);
        let tight = spikes(&Nonlinear { tolerance: 0.1 * TOLERANCE, ..*neuron }, &[], 500.0);
        let worst = largest_difference(&times, &tight);
        println!("{} spikes, {worst:.1e}", times.len());
        assert!(times.len() > n && worst < 1e-6, "{worst}");
    }
}

#[test]
fn a_neuron_released_early_waits_at_its_limit_and_fires_as_soon_as_it_can() {
    let mut neuron = firing_patterns()[0];
    neuron.membrane.upper = neuron.membrane.threshold + 10.0;
    (neuron.membrane.refractory_us, neuron.membrane.holdoff_us) = (20.0, 20.0);
    let times = spikes(&neuron, &[], 200.0);
    assert!(times.len() > 8);
    assert!(times.windows(2).all(|w| w[1] == w[0] + 20.0), "{times:?}");
    // Less time in free motion than it needs: as if it were released and armed together.
    neuron.membrane.refractory_us = 5.0;
    neuron.membrane.holdoff_us = 2.0;
    let early = spikes(&neuron, &[], 200.0);
    (neuron.membrane.refractory_us, neuron.membrane.holdoff_us) = (3.0, 0.0);
    assert!(largest_difference(&early, &spikes(&neuron, &[], 200.0)) < 1e-9);
}

#[test]
fn what_runs_away_ends_somewhere() {
    let mut membrane = Membrane::new(10.0, 5.0, 5.0);
    (membrane.threshold, membrane.refractory_us) = (20.0, 2.0);
    let mut neuron = Nonlinear::new(membrane);
    // Downwards by an adaptation that supports every deviation.
    neuron.adaptation = Some(Adaptation { tau: 20.0, a: -0.5, b: 0.0, reference: 0.0 });
    let (times, last) = run(&Body::Nonlinear(Box::new(neuron)), &[(1.0, 1, 1.0)], 1e5);
    assert!(times.is_empty() && last.potential == -FARTHEST && last.adaptation.is_finite(), "{last:?}");
    // Upwards, without a threshold.
    neuron.membrane.threshold = f64::INFINITY;
    (neuron.onset, neuron.adaptation) = (Some(Onset { slope: 2.0, at: 10.0 }), None);
    let (_, last) = run(&Body::Nonlinear(Box::new(neuron)), &[(1.0, 0, 30.0)], 1e5);
    assert!(last.potential.is_finite() && last.potential > 1e10, "{last:?}");
}

#[test]
fn nobody_changes_the_course_by_looking() {
    let body = Body::Nonlinear(Box::new(firing_patterns()[1]));
    let (plain, _) = run(&body, &[], 200.0);
    let mut neuron = Neuron::new(&body, 200.0);
    let (mut times, mut calls, mut at) = (Vec::new(), 0, 0.0);
    while neuron.due() <= 200.0 {
        let due = neuron.due();
        let (view, middle) = (neuron.view_at(due), neuron.view_at(0.5 * (at + due)));
        assert!(view.potential.is_finite() && middle.potential.is_finite());
        if neuron.proceed() {
            times.push(due);
        }
        (calls, at) = (calls + 1, due);
    }
    assert_eq!(times, plain);
    println!("{calls} calls, {} spikes", times.len());
    assert!(calls < 3000);
}

#[test]
fn a_change_of_the_threshold_voids_nothing() {
    let [_, adapting, _] = firing_patterns();
    let body = Body::Nonlinear(Box::new(adapting));
    let first = spikes(&adapting, &[], 200.0)[0];
    let mut neuron = Neuron::new(&body, 200.0);
    while neuron.due() < 0.9 * first {
        assert!(!neuron.proceed());
    }
    neuron.set_threshold(0.9 * first, f64::INFINITY);
    neuron.set_threshold(0.9 * first, adapting.membrane.threshold);
    let mut due = neuron.due();
    while !neuron.proceed() {
        due = neuron.due();
    }
    assert_eq!(due, first);
    // At the potential of the moment it fires at once.
    let mut neuron = Neuron::new(&body, 200.0);
    neuron.set_threshold(0.0, adapting.membrane.start);
    assert_eq!(neuron.due(), 0.0);
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(20_261_123), ..ProptestConfig::with_cases(200) })]

    /// With limits, early release and re-firing.
    #[test]
    fn without_terms_it_is_the_exact_membrane(
        taus in (2.0f64..20.0, 2.0f64..20.0, 2.0f64..20.0),
        raw in prop::collection::vec((0.0f64..60.0, -1.0f64..1.5), 1..30),
        threshold in 5.0f64..40.0,
        limits in (-30.0f64..-1.0, 1.0f64..60.0),
        refractory in 0.5f64..8.0,
        held in 0.0f64..1.0,
        reset in -20.0f64..20.0,
    ) {
        let mut membrane = Membrane::new(taus.0, taus.1, taus.2);
        (membrane.threshold, membrane.reset, membrane.refractory_us) = (threshold, reset, refractory);
        (membrane.lower, membrane.upper) = limits;
        membrane.holdoff_us = if held < 0.3 { 0.0 } else { held * refractory };
        let mut events: Vec<Event> =
            raw.iter().map(|&(t, w)| (t, usize::from(w < 0.0), 8.0 * w.abs())).collect();
        events.sort_by(|a, b| a.0.total_cmp(&b.0));
        let neuron = Nonlinear { tolerance: 1e-12, ..Nonlinear::new(membrane) };
        let (exact, last) = run(&Body::Lif(membrane), &events, 70.0);
        let (times, end) = run(&Body::Nonlinear(Box::new(neuron)), &events, 70.0);
        prop_assert_eq!(exact.len(), times.len());
        prop_assert!(exact.iter().zip(&times).all(|(a, b)| (a - b).abs() < 1e-8), "{exact:?} {times:?}");
        prop_assert!((last.potential - end.potential).abs() < 1e-5, "{last:?} {end:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(20_261_123), ..ProptestConfig::with_cases(60) })]

    /// All terms together, under many events.
    #[test]
    fn any_neuron_agrees_with_tiny_steps(
        taus in (3.0f64..20.0, 2.0f64..20.0, 2.0f64..20.0, 5.0f64..80.0),
        raw in prop::collection::vec((0.0f64..50.0, -1.0f64..1.5), 1..20),
        onset in prop::option::of((1.0f64..4.0, 5.0f64..20.0)),
        adaptation in prop::option::of((-0.03f64..0.3, -0.2f64..1.0, -5.0f64..5.0)),
        reversal in (prop::option::of(40.0f64..90.0), prop::option::of(5.0f64..30.0)),
        saturation in (prop::option::of(5.0f64..30.0), prop::option::of(5.0f64..30.0)),
        constant in -1.0f64..3.0,
        refractory in 0.5f64..8.0,
        reset in -10.0f64..4.0,
    ) {
        let mut membrane = Membrane::new(taus.0, taus.1, taus.2);
        let leak = -constant * taus.0;
        membrane.start = leak;
        (membrane.threshold, membrane.reset, membrane.refractory_us) = (leak + 20.0, leak + reset, refractory);
        let mut neuron = Nonlinear::new(membrane);
        if let Some((slope, at)) = onset {
            neuron.onset = Some(Onset { slope, at: leak + at });
            neuron.membrane.threshold = leak + at + 4.0 * slope;
        }
        neuron.adaptation = adaptation.map(|(a, b, at)| Adaptation { tau: taus.3, a, b, reference: leak + at });
        neuron.reversal = [
            reversal.0.map(|above| Reversal { at: leak + above, from_leak: above }),
            reversal.1.map(|below| Reversal { at: leak - below, from_leak: -below }),
        ];
        neuron.saturation = [saturation.0, saturation.1].map(|limit| limit.unwrap_or(f64::INFINITY));
        let mut events: Vec<Event> =
            raw.iter().map(|&(t, w)| (t, usize::from(w < 0.0), 8.0 * w.abs())).collect();
        events.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (times, last) = run(&Body::Nonlinear(Box::new(neuron)), &events, 60.0);
        let (expected, y) = plain(&neuron, &events, 60.0, 2e-3);
        prop_assert_eq!(times.len(), expected.len());
        prop_assert!(largest_difference(&times, &expected) < 1e-5, "{times:?} {expected:?}");
        prop_assert!((last.potential - y[0]).abs() < 1e-3 && (last.adaptation - y[1]).abs() < 1e-3, "{last:?} {y:?}");
    }
}
