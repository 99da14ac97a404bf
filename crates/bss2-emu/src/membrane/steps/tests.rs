use approx::assert_relative_eq;
use libm::exp;
use proptest::prelude::*;

use super::*;

/// Time, excitatory and inhibitory jump.
type Event = (f64, f64, f64);

fn by_advance(membrane: &Membrane, events: &[Event], until: f64) -> (Vec<f64>, State) {
    let (mut state, mut times) = (membrane.at_start(), Vec::new());
    for &(time, exc, inh) in events {
        membrane.advance(&mut state, time, |t| times.push(t));
        state.receive(exc, inh);
    }
    membrane.advance(&mut state, until, |t| times.push(t));
    (times, state)
}

/// The same as an engine does it, which looks ahead, fires and coasts.
fn by_outlook(membrane: &Membrane, events: &[Event], until: f64) -> (Vec<f64>, State) {
    let (mut state, mut times) = (membrane.at_start(), Vec::new());
    let mut run = |state: &mut State, until: f64| {
        while let Outlook::Spike(time) = membrane.look_ahead(state, membrane.threshold, until) {
            membrane.coast(state, time);
            membrane.fire(state);
            times.push(time);
        }
        membrane.coast(state, until);
    };
    for &(time, exc, inh) in events {
        run(&mut state, time);
        membrane.receive(&mut state, 0, exc);
        membrane.receive(&mut state, 1, inh);
    }
    run(&mut state, until);
    (times, state)
}

#[test]
fn a_potential_released_before_the_refractory_time_is_over_moves_but_does_not_fire() {
    let mut membrane = Membrane::new(6.0, 6.0, 6.0);
    membrane.threshold = 10.0;
    membrane.reset = -20.0;
    membrane.refractory_us = 5.0;
    membrane.holdoff_us = 2.0;
    // Held at -20 for 3, then relaxing.
    let mut state = membrane.at_start();
    Dynamics::force_reset(&membrane, &mut state);
    for (time, expected) in [(2.9, -20.0), (3.0, -20.0), (4.0, -20.0 * exp(-1.0 / 6.0)), (9.0, -20.0 * exp(-1.0))] {
        assert_relative_eq!(membrane.view(&state, time).potential, expected, max_relative = 1e-14);
    }
    // A current that lifts the potential above the threshold in the hold-off: it fires as soon as it can.
    membrane.receive(&mut state, 0, 60.0);
    assert_eq!(membrane.look_ahead(&mut state, membrane.threshold, 4.9), Outlook::Quiet(4.9));
    assert!(membrane.view(&state, 4.9).potential > 10.0);
    assert_eq!(membrane.look_ahead(&mut state, membrane.threshold, 100.0), Outlook::Spike(5.0));
    membrane.advance(&mut state, 6.0, |time| assert_eq!(time, 5.0));
    assert_eq!((state.x, state.phase), (-20.0, Phase::Refractory { until_us: 10.0 }));
}

#[test]
fn limits_hold_a_potential_that_cannot_fire_yet() {
    let mut membrane = Membrane::new(6.0, 6.0, 6.0);
    (membrane.lower, membrane.upper, membrane.threshold) = (-5.0, 20.0, 10.0);
    (membrane.refractory_us, membrane.holdoff_us) = (30.0, 30.0);
    let mut state = membrane.at_start();
    Dynamics::force_reset(&membrane, &mut state);
    membrane.receive(&mut state, 0, 60.0);
    let view = |time| membrane.view(&state, time).potential;
    assert_eq!(view(3.0), 20.0);
    // Released when the current is 20 / 6, then free.
    let release = 6.0 * libm::log(60.0 * 6.0 / 20.0);
    assert_eq!(view(release - 1e-9), 20.0);
    let s = 3.0;
    assert_relative_eq!(view(release + s), (20.0 + 20.0 / 6.0 * s) * exp(-s / 6.0), max_relative = 1e-9);
    assert_eq!(membrane.look_ahead(&mut state, 10.0, 100.0), Outlook::Quiet(100.0));
}

#[test]
fn a_neuron_starts_where_it_is_told_to() {
    let mut membrane = Membrane::new(6.0, 6.0, 6.0);
    membrane.start = -9.0;
    assert_relative_eq!(membrane.view(&membrane.at_start(), 6.0).potential, -9.0 * exp(-1.0), max_relative = 1e-14);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// With limits, early release and re-firing.
    #[test]
    fn looking_ahead_finds_the_spikes_of_advancing(
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
        let mut events: Vec<Event> = raw.iter().map(|&(t, w)| (t, (w * 8.0).max(0.0), (-w * 8.0).max(0.0))).collect();
        events.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (advanced, last) = by_advance(&membrane, &events, 70.0);
        let (found, end) = by_outlook(&membrane, &events, 70.0);
        prop_assert_eq!(advanced.len(), found.len());
        prop_assert!(advanced.iter().zip(&found).all(|(a, b)| (a - b).abs() < 1e-6), "{advanced:?} {found:?}");
        prop_assert!((last.x - end.x).abs() < 1e-5, "{} {}", last.x, end.x);
        prop_assert!(found.windows(2).all(|w| w[1] - w[0] >= refractory - 4.0 * f64::EPSILON * w[1]));
    }
}
