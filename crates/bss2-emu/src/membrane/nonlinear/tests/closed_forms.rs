//! Closed forms and quadrature.

use approx::assert_relative_eq;
use libm::{cos, cosh, log, sin, sinh};

use super::*;

#[test]
fn the_rates_are_those_of_the_equation() {
    // In absolute potentials: leak -70, current 1.5 (so rest -55), onset -50, reversals 0 and -80.
    let (v_leak, tau_mem, current) = (-70.0, 10.0, 1.5);
    let rest = v_leak + current * tau_mem;
    let mut neuron = Nonlinear::new(Membrane::new(tau_mem, 5.0, 4.0));
    neuron.onset = Some(Onset { slope: 2.0, at: -50.0 - rest });
    neuron.adaptation = Some(Adaptation { tau: 30.0, a: 0.2, b: 1.0, reference: -60.0 - rest });
    neuron.reversal = [
        Some(Reversal { at: -rest, from_leak: -v_leak }),
        Some(Reversal { at: -80.0 - rest, from_leak: -80.0 - v_leak }),
    ];
    neuron.saturation = [6.0, f64::INFINITY];
    for (v, w, i_exc, i_inh) in [(-70.0, 0.0, 0.0, 0.0), (-47.0, 0.4, 3.0, 0.0), (-66.0, -0.2, 9.0, 2.0)] {
        let conductance_exc = 6.0 * tanh(i_exc / 6.0) * (0.0 - v) / (0.0 - v_leak);
        let conductance_inh = i_inh * (-80.0 - v) / (-80.0 - v_leak);
        let onset = 2.0 / tau_mem * exp(0.5 * (v + 50.0));
        let dv = -(v - v_leak) / tau_mem + onset - w + current + conductance_exc - conductance_inh;
        let dw = (0.2 * (v + 60.0) - w) / 30.0;
        let [dx, found] = neuron.rates(&[v - rest, w], [i_exc, i_inh]);
        assert_relative_eq!(dx, dv, max_relative = 1e-13);
        assert_relative_eq!(found, dw, max_relative = 1e-13);
    }
    // The onset ends where nothing is left to wait for.
    assert!(neuron.rates(&[1e6, 0.0], [0.0; 2])[0] <= 0.2 * exp(STEEPEST));
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
            let (even, odd) = if square > 0.0 { (cosh(q * t), sinh(q * t) / q) } else { (cos(q * t), sin(q * t) / q) };
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
