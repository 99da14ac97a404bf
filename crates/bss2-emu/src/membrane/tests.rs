use approx::assert_relative_eq;
use proptest::prelude::*;

use super::*;

fn spikes(membrane: &Membrane, events: &[(f64, f64, f64)], until: f64) -> (Vec<f64>, State) {
    let mut state = State::at_rest(0.0);
    let mut out = Vec::new();
    for &(t, exc, inh) in events.iter().filter(|e| e.0 < until) {
        membrane.advance(&mut state, t, |s| out.push(s));
        state.receive(exc, inh);
    }
    membrane.advance(&mut state, until, |s| out.push(s));
    (out, state)
}

/// Fourth-order Runge-Kutta of the same equations with the limits applied after every step.
fn integrate(membrane: &Membrane, events: &[(f64, f64, f64)], until: f64, dt: f64) -> f64 {
    let (mut x, mut e, mut i) = (0.0f64, 0.0f64, 0.0f64);
    let steps = (until / dt).round() as usize;
    let mut next = 0;
    for k in 0..steps {
        let t = k as f64 * dt;
        while next < events.len() && events[next].0 <= t + 1e-12 {
            e += events[next].1;
            i += events[next].2;
            next += 1;
        }
        let f =
            |x: f64, s: f64| e * exp(-membrane.rate_exc * s) - i * exp(-membrane.rate_inh * s) - membrane.rate_mem * x;
        let k1 = f(x, 0.0);
        let k2 = f(x + 0.5 * dt * k1, 0.5 * dt);
        let k3 = f(x + 0.5 * dt * k2, 0.5 * dt);
        let k4 = f(x + dt * k3, dt);
        x = (x + dt / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)).clamp(membrane.lower, membrane.upper);
        e *= exp(-membrane.rate_exc * dt);
        i *= exp(-membrane.rate_inh * dt);
    }
    x
}

#[test]
fn one_event_peaks_at_tau_over_e() {
    assert_relative_eq!(peak_response(6.0, 6.0), 6.0 / std::f64::consts::E, max_relative = 1e-14);
    assert_relative_eq!(peak_response(6.0, 6.0 * (1.0 + 1e-10)), 6.0 / std::f64::consts::E, max_relative = 1e-9);
    // tau_mem = 2 tau_syn: peak at 2 tau_syn ln 2, value tau_syn / 2.
    assert_relative_eq!(peak_response(12.0, 6.0), 3.0, max_relative = 1e-14);
}

#[test]
fn a_single_event_crosses_where_lambert_w_says() {
    // t/tau e^(-t/tau) = theta / (j tau): the lower branch of the product, found here by a plain fixed point.
    let mut membrane = Membrane::new(6.0, 6.0, 6.0);
    membrane.threshold = 70.0;
    let j = 40.0;
    let target = membrane.threshold / (j * 6.0);
    let mut u = target;
    for _ in 0..500 {
        u = target * exp(u);
    }
    let (times, _) = spikes(&membrane, &[(1.0, j, 0.0)], 100.0);
    assert_eq!(times.len(), 1);
    assert_relative_eq!(times[0], 1.0 + 6.0 * u, max_relative = 1e-13);
}

#[test]
fn grazing_from_below_is_silent_and_from_above_fires() {
    let mut membrane = Membrane::new(6.0, 6.0, 6.0);
    let peak = 6.0 / std::f64::consts::E;
    membrane.threshold = peak * (1.0 + 1e-13);
    assert!(spikes(&membrane, &[(0.0, 1.0, 0.0)], 100.0).0.is_empty());
    membrane.threshold = peak * (1.0 - 1e-13);
    let (times, _) = spikes(&membrane, &[(0.0, 1.0, 0.0)], 100.0);
    assert_eq!(times.len(), 1);
    assert!((times[0] - 6.0).abs() < 1e-5, "{}", times[0]);
}

#[test]
fn it_fires_again_after_the_refractory_time() {
    let mut membrane = Membrane::new(6.0, 6.0, 6.0);
    membrane.threshold = 20.0;
    membrane.refractory_us = 2.0;
    let (times, _) = spikes(&membrane, &[(0.0, 60.0, 0.0)], 100.0);
    assert!(times.len() > 2);
    assert!(times.windows(2).all(|w| w[1] - w[0] > 2.0));
    membrane.refractory_us = f64::INFINITY;
    assert_eq!(spikes(&membrane, &[(0.0, 60.0, 0.0)], 100.0).0.len(), 1);
}

#[test]
fn limits_hold_the_potential_until_it_is_pulled_back() {
    let mut membrane = Membrane::new(6.0, 7.0, 5.0);
    membrane.lower = -55.0;
    membrane.upper = 100.0;
    let events = [(0.0, 0.0, 60.0), (8.0, 50.0, 0.0), (12.0, 100.0, 0.0), (40.0, 0.0, 200.0)];
    let mut touched = [false; 2];
    for until in [2.0, 5.0, 9.0, 13.0, 20.0, 39.0, 44.0, 60.0] {
        let exact = spikes(&membrane, &events, until).1.x;
        let reference = integrate(&membrane, &events, until, 1e-4);
        assert!((exact - reference).abs() < 2e-2, "at {until} us: {exact} against {reference}");
        touched[0] |= exact == membrane.lower;
        touched[1] |= exact == membrane.upper;
    }
    assert_eq!(touched, [true, true]);
}

#[test]
fn a_forced_reset_holds_the_potential() {
    let mut membrane = Membrane::new(6.0, 6.0, 6.0);
    membrane.reset = -20.0;
    membrane.refractory_us = 10.0;
    let mut state = State::at_rest(0.0);
    membrane.force_reset(&mut state);
    membrane.advance(&mut state, 9.0, |_| ());
    assert_eq!(state.x, -20.0);
    membrane.advance(&mut state, 16.0, |_| ());
    assert_relative_eq!(state.x, -20.0 * exp(-1.0), max_relative = 1e-12);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// The first spike against a dense scan of the exact potential with bisection.
    #[test]
    fn first_spikes_agree_with_a_dense_scan(
        taus in (2.0f64..20.0, 2.0f64..20.0, 2.0f64..20.0),
        equal in 0u8..3,
        raw in prop::collection::vec((0.0f64..20.0, -1.0f64..1.5), 1..30),
        threshold in 5.0f64..60.0,
    ) {
        let (tm, te, ti) = match equal {
            0 => taus,
            1 => (taus.0, taus.0, taus.0),
            _ => (taus.0, taus.0 * (1.0 + 1e-9), taus.0),
        };
        let mut events: Vec<_> = raw.iter().map(|&(t, w)| (t, (w * 8.0).max(0.0), (-w * 8.0).max(0.0))).collect();
        events.sort_by(|a, b| a.0.total_cmp(&b.0));
        let silent = Membrane::new(tm, te, ti);
        let mut membrane = silent;
        membrane.threshold = threshold;
        let (times, _) = spikes(&membrane, &events, 60.0);
        let value = |t: f64| spikes(&silent, &events.iter().copied().filter(|e| e.0 < t).collect::<Vec<_>>(), t).1.x;
        let dt = 0.02;
        let scan = (1..3000).map(|k| k as f64 * dt).find(|&t| value(t) >= threshold);
        match (times.first(), scan) {
            (Some(&t), Some(s)) => {
                prop_assert!(t <= s + 1e-9, "spike {t} after the scan's {s}");
                prop_assert!((value(t) - threshold).abs() < 1e-9 * threshold.max(1.0), "{} at {t}", value(t));
            }
            (None, Some(s)) => prop_assert!(false, "missed a spike near {s}"),
            // The scan may step over a short excursion: the potential at the reported time decides.
            (Some(&t), None) => prop_assert!((value(t) - threshold).abs() < 1e-9 * threshold.max(1.0)),
            (None, None) => (),
        }
    }
}
