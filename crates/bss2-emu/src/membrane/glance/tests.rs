use super::*;
use crate::membrane::{Phase, State};
use crate::rng::{Purpose, Stream};

/// A membrane and a state somewhere on its way, of the kind that training produces and of kinds that it does not.
fn draw(s: &mut Stream) -> (Membrane, Points<1>) {
    let tau = |s: &mut Stream| 6.0 * libm::exp(0.4 * s.normal());
    let tau_mem = tau(s);
    let alike = s.uniform() < 0.5;
    let tau_exc = if alike { tau_mem * (1.0 + 0.02 * s.normal()) } else { tau(s) };
    let tau_inh = if alike { tau_mem * (1.0 + 0.02 * s.normal()) } else { tau(s) };
    let mut membrane = Membrane::new(tau_mem, tau_exc, tau_inh);
    membrane.threshold = 70.0 + 5.0 * s.normal();
    if s.uniform() < 0.8 {
        (membrane.lower, membrane.upper) = (-55.0, if s.uniform() < 0.8 { 150.0 } else { 60.0 });
    }
    let x = -50.0 + 115.0 * s.uniform();
    (membrane, Points { x: [x], exc: [60.0 * s.uniform()], inh: [if alike { 20.0 } else { 60.0 } * s.uniform()] })
}

fn state(p: Points<1>) -> State {
    State { time_us: 0.0, x: p.x[0], i_exc: p.exc[0], i_inh: p.inh[0], phase: Phase::Free }
}

/// What the search says of an interval.
fn search(membrane: &Membrane, from: Points<1>, span: f64) -> (Option<f64>, Phase) {
    let held = Membrane { refractory_us: f64::INFINITY, ..*membrane };
    let (mut state, mut spike) = (state(from), None);
    held.advance(&mut state, span, |s| spike = Some(s));
    (spike, state.phase)
}

/// Compares and counts: calm, spike, unclear.
fn check(glance: Glance, membrane: &Membrane, from: Points<1>, span: f64, count: &mut [usize; 3]) {
    match glance {
        Glance::Calm => {
            let (spike, phase) = search(membrane, from, span);
            assert!(spike.is_none() && phase == Phase::Free, "{membrane:?} {from:?} {span}: {spike:?}, {phase:?}");
            count[0] += 1;
        }
        Glance::Spike(s) => {
            let found = search(membrane, from, span).0;
            let expected = found.unwrap_or_else(|| panic!("{membrane:?} {from:?} {span}: no spike, not {s}"));
            // The times agree as well as a slow crossing allows: in terms of the potential, to 1e-12 LSB.
            let slope = membrane.rates().slope(&membrane.rates().at(&from, &[s]).0)[0];
            let error = (s - expected).abs();
            assert!(error <= 1e-13 * s + 1e-12 / slope, "{membrane:?} {from:?} {span}: {s} not {expected}, {slope}");
            count[1] += 1;
        }
        Glance::Unclear => count[2] += 1,
    }
}

#[test]
fn a_glance_says_what_the_search_says() {
    let mut s = Stream::new(1, Purpose::Search, [1, 0, 0]);
    let mut count = [0; 3];
    for _ in 0..40_000 {
        let (membrane, from) = draw(&mut s);
        let span = 3.0 * s.uniform() * s.uniform();
        let (to, decay_mem) = membrane.rates().at(&from, &[span]);
        check(membrane.glance(from, to, span, decay_mem[0]), &membrane, from, span, &mut count);
    }
    // Little is left to the search, odd as half of the membranes are.
    assert!(count[0] > 35_000 && count[1] > 1_000 && count[2] < 2_000, "{count:?}");
}

#[test]
fn a_glance_ahead_says_what_the_search_says() {
    let mut s = Stream::new(1, Purpose::Search, [2, 0, 0]);
    let mut count = [0; 3];
    for _ in 0..20_000 {
        let (membrane, from) = draw(&mut s);
        let span = 180.0 * s.uniform();
        let (rates, threshold) = (membrane.rates(), [membrane.threshold]);
        let near_us = [rates.guess(&from, &threshold)[0].min(span)];
        let (near, decay_mem) = rates.at(&from, &near_us);
        let step = rates.steps(&near, &threshold);
        let crossing_us = step.exact[0].then_some(near_us[0] + step.us[0]);
        let outlook = Outlook { near_us: near_us[0], near, decay_mem: decay_mem[0], crossing_us };
        check(membrane.glance_ahead(from, span, &outlook), &membrane, from, span, &mut count);
    }
    assert!(count[0] > 5_000 && count[1] > 3_000, "{count:?}");
}

#[test]
fn calm_after_a_reset_is_calm() {
    let mut s = Stream::new(1, Purpose::Search, [3, 0, 0]);
    let mut calm = 0;
    for _ in 0..5_000 {
        let (mut membrane, now) = draw(&mut s);
        membrane.reset = 10.0 * s.normal();
        let held_us = 20.0 * s.uniform();
        if membrane.stays_calm(now, held_us) {
            let mut state = State { phase: Phase::Refractory { until_us: held_us }, x: membrane.reset, ..state(now) };
            membrane.advance(&mut state, 200.0, |time| panic!("{membrane:?} {now:?} {held_us}: {time}"));
            assert_eq!(state.phase, Phase::Free);
            calm += 1;
        }
    }
    assert!(calm > 1_000, "{calm}");
}

#[test]
fn close_calls_are_left_to_the_search() {
    let mut membrane = Membrane::new(6.0, 6.0, 6.0);
    let from = Points { x: [0.0], exc: [30.0], inh: [0.0] };
    let (to, decay_mem) = membrane.rates().at(&from, &[9.0]);
    let peak = 30.0 * 6.0 / std::f64::consts::E;
    for (excess, expected) in [(1e-10, Glance::Unclear), (-1e-10, Glance::Unclear), (40.0, Glance::Calm)] {
        membrane.threshold = peak + excess;
        assert_eq!(membrane.glance(from, to, 9.0, decay_mem[0]), expected, "{excess}");
    }
}
