use approx::assert_relative_eq;
use proptest::prelude::*;

use super::*;
use crate::dynamics::{Dynamics, Outlook};

/// Spikes up to a time of a membrane that receives events `(time, input, jump)`.
fn spikes(joined: &Joined, events: &[(f64, usize, f64)], until: f64) -> Vec<f64> {
    let mut state = joined.at_start();
    let mut times = Vec::new();
    for (time, event) in events.iter().map(|e| (e.0, Some(e))).chain([(until, None)]) {
        while let Outlook::Spike(spike) = joined.look_ahead(&mut state, joined.membrane.threshold, time) {
            joined.coast(&mut state, spike);
            joined.fire(&mut state);
            times.push(spike);
        }
        joined.coast(&mut state, time);
        if let Some((_, input, jump)) = event {
            joined.receive(&mut state, *input, *jump);
        }
    }
    times
}

fn with_levels(mut joined: Joined) -> Joined {
    joined.membrane.threshold = 1.0;
    joined.membrane.reset = -0.1;
    joined.membrane.refractory_us = 2.0;
    joined.membrane.lower = -0.8;
    joined.membrane.upper = 3.0;
    joined
}

fn events() -> impl Strategy<Value = Vec<(f64, usize, f64)>> {
    prop::collection::vec((0.0f64..60.0, 0usize..4, 0.0f64..0.6), 0..40).prop_map(|mut events| {
        events.sort_by(|a, b| a.0.total_cmp(&b.0));
        events
    })
}

proptest! {
    /// Circuits with equal time constants are one circuit that receives all.
    #[test]
    fn equal_circuits_are_one(events in events(), tau_mem in 2.0f64..12.0, exc in 2.0f64..12.0, inh in 2.0f64..12.0) {
        let two = with_levels(Joined::new(tau_mem, &[[exc, inh], [exc, inh]]));
        let one = with_levels(Joined::new(tau_mem, &[[exc, inh]]));
        let mut single = Membrane::new(tau_mem, exc, inh);
        let Membrane { threshold, reset, refractory_us, lower, upper, .. } = two.membrane;
        (single.threshold, single.reset, single.refractory_us) = (threshold, reset, refractory_us);
        (single.lower, single.upper) = (lower, upper);
        let folded: Vec<_> = events.iter().map(|(t, input, jump)| (*t, input % 2, *jump)).collect();
        let mut state = single.start();
        let mut reference = Vec::new();
        for (time, input, jump) in &folded {
            single.advance(&mut state, *time, |t| reference.push(t));
            single.raise(&mut state, *input, *jump);
        }
        single.advance(&mut state, 100.0, |t| reference.push(t));
        for found in [spikes(&two, &events, 100.0), spikes(&one, &folded, 100.0)] {
            prop_assert_eq!(found.len(), reference.len());
            // A grazing crossing is known to the root of the rounding error.
            prop_assert!(found.iter().zip(&reference).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?} {reference:?}");
        }
    }

    /// With four different time constants: no step of a fine grid is above the threshold that the search says is never met
    /// before its first crossing, and there the potential is at the threshold.
    #[test]
    fn no_crossing_is_missed_or_invented(
        currents in prop::collection::vec(0.0f64..1.0, 4), x in -0.5f64..0.9, taus in prop::collection::vec(2.0f64..12.0, 5),
    ) {
        let joined = Joined::new(taus[0], &[[taus[1], taus[2]], [taus[3], taus[4]]]);
        let mut state = joined.start();
        state.state.x = x;
        state.currents.clone_from(&currents);
        let course = joined.course(&state, 1.0);
        let first = course.first_crossing(1.0, 50.0);
        let until = first.unwrap_or(50.0);
        for k in 0..5000 {
            let t = f64::from(k) * until / 5000.0;
            prop_assert!(course.at(t).0 < 1.0 + 1e-12, "above at {t}, found {first:?}");
        }
        if let Some(t) = first {
            prop_assert!((course.at(t).0 - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn all_sign_changes_of_a_sum_are_found(
        sizes in prop::collection::vec(-1.0f64..1.0, 1..7), rates in prop::collection::vec(0.05f64..2.0, 7),
    ) {
        let terms: Vec<Term> = sizes.iter().zip(rates).map(|(&size, rate)| Term { rate, size }).collect();
        let sum = |t: f64| terms.iter().map(|term| term.size * exp(-term.rate * t)).sum::<f64>();
        let found = zeros(terms.clone(), 20.0);
        prop_assert!(found.is_sorted() && found.len() < terms.len().max(1));
        // The sign is the same throughout each piece, except where the sum is lost in rounding.
        let mut ends = vec![0.0];
        ends.extend(&found);
        ends.push(20.0);
        for (piece, w) in ends.windows(2).enumerate() {
            let signs: Vec<f64> = (1..200).map(|k| sum(w[0] + (w[1] - w[0]) * f64::from(k) / 200.0)).collect();
            let clear: Vec<f64> = signs.into_iter().filter(|v| v.abs() > 1e-13).map(f64::signum).collect();
            prop_assert!(clear.windows(2).all(|s| s[0] == s[1]), "piece {piece} of {found:?}");
        }
    }
}

#[test]
fn three_terms_can_change_sign_twice() {
    let terms = vec![Term { rate: 0.1, size: 1.0 }, Term { rate: 0.5, size: -4.0 }, Term { rate: 1.0, size: 3.2 }];
    let sum = |t: f64| terms.iter().map(|term| term.size * exp(-term.rate * t)).sum::<f64>();
    let found = zeros(terms.clone(), 50.0);
    assert_eq!(found.len(), 2, "{found:?}");
    for t in found {
        assert_relative_eq!(sum(t), 0.0, epsilon = 1e-14);
    }
}
