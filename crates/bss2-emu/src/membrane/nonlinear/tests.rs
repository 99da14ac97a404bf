//! Against closed forms, quadrature, the exact linear membrane, and plain integration by tiny steps.

use libm::{cosh, log, sinh};
use proptest::prelude::*;

use crate::dynamics::{Body, View};
use crate::engine::neuron::Neuron;

use super::*;

/// Time, input and jump.
type Event = (f64, usize, f64);

/// All spikes up to `until`, and the neuron then.
fn run(body: &Body, events: &[Event], until: f64) -> (Vec<f64>, View) {
    let mut neuron = Neuron::new(body, until);
    let mut times = Vec::new();
    for &(time, input, jump) in events.iter().chain(&[(until, 0, 0.0)]) {
        while neuron.due() <= time {
            let due = neuron.due();
            if neuron.proceed() {
                times.push(due);
            }
        }
        neuron.receive(time, [(input, jump)]);
    }
    (times, neuron.view_at(until))
}

fn spikes(neuron: &Nonlinear, events: &[Event], until: f64) -> Vec<f64> {
    run(&Body::Nonlinear(Box::new(*neuron)), events, until).0
}

fn largest_difference(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len(), "{a:?} {b:?}");
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

/// Fourth-order Runge-Kutta by steps of at most `dt`, with the limits applied after each; spikes are bisected.
fn plain(neuron: &Nonlinear, events: &[Event], until: f64, dt: f64) -> (Vec<f64>, [f64; 2]) {
    let m = &neuron.membrane;
    let (mut t, mut y, mut currents, mut times) = (0.0, [m.start, 0.0], [0.0; 2], Vec::new());
    let (mut events, mut held_until) = (events.iter().copied().peekable(), 0.0);
    while t < until {
        while let Some((_, input, jump)) = events.next_if(|event| event.0 <= t) {
            currents[input] += jump;
        }
        let held = t < held_until;
        let stop = [events.peek().map_or(until, |event| event.0), until, if held { held_until } else { until }];
        let stop = stop.into_iter().fold(t + dt, f64::min);
        let f = |y: [f64; 2], s: f64| {
            let rates = neuron.rates(&y, neuron.decayed(currents, s));
            if held { [0.0, rates[1]] } else { rates }
        };
        let after = |h: f64| {
            let along = |d: [f64; 2], s: f64| [y[0] + s * d[0], y[1] + s * d[1]];
            let k1 = f(y, 0.0);
            let k2 = f(along(k1, 0.5 * h), 0.5 * h);
            let k3 = f(along(k2, 0.5 * h), 0.5 * h);
            let k4 = f(along(k3, h), h);
            let end: [f64; 2] = std::array::from_fn(|i| y[i] + h / 6.0 * (k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i]));
            [end[0].clamp(m.lower, m.upper), end[1]]
        };
        let mut h = stop - t;
        if !held && after(h)[0] >= m.threshold {
            let mut below = 0.0;
            for _ in 0..60 {
                let middle = 0.5 * (below + h);
                *(if after(middle)[0] >= m.threshold { &mut h } else { &mut below }) = middle;
            }
            y = [m.reset, after(h)[1] + neuron.adaptation.map_or(0.0, |a| a.b)];
            t += h;
            times.push(t);
            held_until = t + m.refractory_us;
        } else {
            y = after(h);
            t = stop;
        }
        currents = neuron.decayed(currents, h);
    }
    (times, y)
}

/// Naud et al. 2008, in mV and ms with C = 1, driven by a constant current: tonic, adapting, bursting.
fn firing_patterns() -> [Nonlinear; 3] {
    let neuron = |g: f64, v_leak: f64, tau: f64, b: f64, v_reset: f64, current: f64| {
        let (c, tau_mem) = (200.0, 200.0 / g);
        let rest = v_leak + current / c * tau_mem;
        let mut membrane = Membrane::new(tau_mem, 5.0, 5.0);
        (membrane.threshold, membrane.reset, membrane.refractory_us) = (-rest, v_reset - rest, 0.5);
        membrane.start = v_leak - rest;
        let mut neuron = Nonlinear::new(membrane);
        neuron.onset = Some(Onset { slope: 2.0, at: -50.0 - rest });
        neuron.adaptation = Some(Adaptation { tau, a: 2.0 / c, b: b / c, reference: v_leak - rest });
        neuron
    };
    [
        neuron(10.0, -70.0, 30.0, 0.0, -58.0, 500.0),
        neuron(12.0, -70.0, 300.0, 60.0, -58.0, 500.0),
        neuron(10.0, -58.0, 120.0, 100.0, -46.0, 210.0),
    ]
}

#[test]
fn a_constant_current_fires_at_the_intervals_of_the_closed_form() {
    let mut membrane = Membrane::new(9.0, 5.0, 5.0);
    (membrane.start, membrane.threshold, membrane.reset, membrane.refractory_us) = (-25.0, -5.0, -28.0, 2.0);
    let times = spikes(&Nonlinear::new(membrane), &[], 500.0);
    let (first, interval) = (9.0 * log(25.0 / 5.0), 9.0 * log(28.0 / 5.0) + 2.0);
    let expected: Vec<f64> = (0..100).map(|k| first + f64::from(k) * interval).take_while(|t| *t <= 500.0).collect();
    let worst = largest_difference(&times, &expected);
    println!("constant current: {} spikes, {worst:.1e}", times.len());
    assert!(worst < 1e-8, "{worst}");
}

#[test]
fn linear_adaptation_is_the_matrix_exponential() {
    for (tau, a, b, reference) in [(40.0, 0.02, 0.3, -20.0), (10.0, 0.05, 0.5, -20.0), (30.0, -0.02, -0.1, -5.0)] {
        let mut membrane = Membrane::new(10.0, 5.0, 5.0);
        (membrane.start, membrane.threshold, membrane.reset, membrane.refractory_us) = (-20.0, -9.0, -22.0, 1.5);
        let mut neuron = Nonlinear::new(membrane);
        neuron.adaptation = Some(Adaptation { tau, a, b, reference });
        // y' = A (y - y0), and e^(A t) = e^(s t) (cosh(q t) + sinh(q t) / q (A - s)), with q^2 of either sign.
        let matrix = [[-0.1, -1.0], [a / tau, -1.0 / tau]];
        let determinant = matrix[0][0] * matrix[1][1] - matrix[0][1] * matrix[1][0];
        let fixed = [a * reference / tau / determinant, -0.1 * a * reference / tau / determinant];
        let s = 0.5 * (matrix[0][0] + matrix[1][1]);
        let square = s * s - determinant;
        let q = square.abs().sqrt();
        let exact = |from: [f64; 2], t: f64| {
            let (even, odd) =
                if square > 0.0 { (cosh(q * t), sinh(q * t) / q) } else { (libm::cos(q * t), libm::sin(q * t) / q) };
            let d = [from[0] - fixed[0], from[1] - fixed[1]];
            let along = [matrix[0][0] * d[0] + matrix[0][1] * d[1], matrix[1][0] * d[0] + matrix[1][1] * d[1]];
            let component = |i: usize| fixed[i] + exp(s * t) * (even * d[i] + odd * (along[i] - s * d[i]));
            [component(0), component(1)]
        };
        let (mut from, mut start, mut expected) = ([-20.0, 0.0], 0.0, Vec::new());
        while let Some(k) = (1..100_000).find(|k| exact(from, f64::from(*k) * 0.01)[0] >= -9.0) {
            let (mut below, mut above) = (f64::from(k - 1) * 0.01, f64::from(k) * 0.01);
            for _ in 0..60 {
                let middle = 0.5 * (below + above);
                *(if exact(from, middle)[0] >= -9.0 { &mut above } else { &mut below }) = middle;
            }
            let rest = a * (-22.0 - reference);
            let w = exact(from, above)[1] + b;
            (from, start) = ([-22.0, rest + (w - rest) * exp(-1.5 / tau)], start + above);
            if start > 300.0 {
                break;
            }
            expected.push(start);
            start += 1.5;
        }
        let times = spikes(&neuron, &[], 300.0);
        assert!(!times.is_empty());
        let worst = largest_difference(&times, &expected);
        println!("adaptation {tau} {a} {b}: {} spikes, {worst:.1e}", times.len());
        assert!(worst < 1e-7, "{worst}");
    }
}

#[test]
fn the_upstroke_takes_the_time_of_the_quadrature() {
    // Without adaptation x is a function of itself alone: t = integral of dx / f(x), here by Simpson's rule.
    for (slope, threshold) in [(2.0, 20.0), (0.5, 15.0), (4.0, 400.0)] {
        let mut membrane = Membrane::new(10.0, 5.0, 5.0);
        (membrane.start, membrane.reset, membrane.threshold) = (-30.0, -30.0, threshold);
        membrane.refractory_us = 0.0;
        let mut neuron = Nonlinear::new(membrane);
        neuron.onset = Some(Onset { slope, at: -8.0 });
        let n = 2_000_000;
        // Beyond 40 slopes nothing is left to wait for.
        let h = (threshold.min(-8.0 + 40.0 * slope) + 30.0) / f64::from(n);
        let f = |k: i32| {
            let x = -30.0 + f64::from(k) * h;
            10.0 / (-x + slope * exp((x + 8.0) / slope))
        };
        let interval = h / 3.0 * (0..n / 2).map(|k| f(2 * k) + 4.0 * f(2 * k + 1) + f(2 * k + 2)).sum::<f64>();
        let times = spikes(&neuron, &[], 300.0);
        let expected: Vec<f64> = (1..=times.len()).map(|k| k as f64 * interval).collect();
        let worst = largest_difference(&times, &expected);
        println!("upstroke {slope} {threshold}: {} spikes, {worst:.1e}", times.len());
        assert!(times.len() as f64 > 299.0 / interval - 1.0 && worst < 1e-7, "{worst}");
    }
}

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
    #![proptest_config(ProptestConfig::with_cases(200))]

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
