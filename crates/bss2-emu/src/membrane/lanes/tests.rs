use approx::assert_relative_eq;

use super::*;
use crate::membrane::{Membrane, Phase, State};

#[test]
fn decays_are_those_of_libm() {
    for k in 0..200_000 {
        let x = 1e-9 + f64::from(k) * 0.003_511;
        let [found] = decay(&[x], &[1.0]);
        let exact = libm::exp(-x);
        // Below 1e-304 it may be zero.
        assert!((found - exact).abs() <= f64::EPSILON * exact + 1e-304, "e^-{x}: {found} and {exact}");
    }
    assert_eq!(decay(&[0.0, 1.0], &[5.0, 1e9]), [1.0, 0.0]);
}

#[test]
fn the_rough_logarithm_is_good_to_1e_7() {
    for k in -4000..4000 {
        let x = libm::exp(f64::from(k) * 0.01);
        assert!((rough_log(x) - libm::log(x)).abs() < 1e-7, "{x}");
    }
}

#[test]
fn membranes_move_as_the_reference_moves_them() {
    let taus = [(6.0, 6.0, 6.0), (6.0, 6.1, 5.9), (15.0, 3.0, 8.0), (6.0, 6.0 + 1e-9, 0.7)];
    let rates = Rates {
        mem: taus.map(|t: (f64, f64, f64)| 1.0 / t.0),
        exc: taus.map(|t| 1.0 / t.1),
        inh: taus.map(|t| 1.0 / t.2),
    };
    let from = Points { x: [10.0, -20.0, 0.0, 35.0], exc: [20.0, 0.0, 3.0, 50.0], inh: [0.0, 7.0, 12.0, 4.0] };
    for span in [0.0, 1e-6, 0.02, 0.7, 12.0, 150.0] {
        let (to, decay_mem) = rates.at(&from, &[span; 4]);
        for (l, (tm, te, ti)) in taus.into_iter().enumerate() {
            let p = from.lane(l);
            let mut state = State { time_us: 0.0, x: p.x[0], i_exc: p.exc[0], i_inh: p.inh[0], phase: Phase::Free };
            Membrane::new(tm, te, ti).advance(&mut state, span, |_| ());
            assert_relative_eq!(to.x[l], state.x, max_relative = 1e-13, epsilon = 1e-20);
            assert_relative_eq!(to.exc[l], state.i_exc, max_relative = 1e-15, epsilon = 1e-20);
            assert_relative_eq!(to.inh[l], state.i_inh, max_relative = 1e-15, epsilon = 1e-20);
            assert_relative_eq!(decay_mem[l], libm::exp(-span / tm), max_relative = 1e-14);
        }
    }
}

#[test]
fn the_guess_is_exact_for_equal_time_constants() {
    let rates = Rates { mem: [1.0 / 6.0], exc: [1.0 / 6.0], inh: [1.0 / 6.0] };
    for (x, exc) in [(0.0, 32.0), (30.0, 30.0), (-40.0, 80.0), (0.0, 100.0)] {
        let from = Points { x: [x], exc: [exc], inh: [0.0] };
        let s = rates.guess(&from, &[70.0]);
        let error = 70.0 - rates.at(&from, &s).0.x[0];
        // The series of the guess ends at the fifth order, its logarithm at 1e-7.
        assert!(error.abs() < 1.0, "{x} {exc}: {error}");
    }
    // Too little current to reach the threshold: the turn, where the slope vanishes.
    let from = Points { x: [10.0], exc: [20.0], inh: [0.0] };
    let turn = rates.guess(&from, &[70.0]);
    assert_relative_eq!(rates.slope(&rates.at(&from, &turn).0)[0], 0.0, epsilon = 1e-12);
    assert_eq!(rates.guess(&Points { x: [50.0], exc: [1.0], inh: [0.0] }, &[70.0]), [0.0]);
}

#[test]
fn steps_lead_to_the_threshold_or_are_not_exact() {
    let rates = Rates { mem: [1.0 / 6.0; 4], exc: [1.0 / 6.1; 4], inh: [1.0 / 5.8; 4] };
    // Rising to the threshold; too far away; falling through it on the way back; never there.
    let from = Points { x: [69.0, 10.0, 70.0, 69.99], exc: [25.0, 40.0, 9.0, 11.0], inh: [3.0, 0.0, 0.0, 0.0] };
    let steps = rates.steps(&from, &[70.0; 4]);
    assert_eq!(steps.exact, [true, false, false, false], "{steps:?}");
    let (to, _) = rates.at(&from, &steps.us);
    assert_relative_eq!(to.x[0], 70.0, max_relative = 1e-15);
}
