//! Constant current, exponential onset, adaptation.

use libm::log;

use super::*;

/// A neuron that fires by itself, with all terms.
fn adex() -> Population {
    let mut p = population("out", 1, 2.0);
    (p.tau_mem, p.v_leak, p.v_threshold, p.v_reset) = (vec![16.0], vec![-70.0], vec![0.0], vec![-58.0]);
    (p.i_offset, p.delta_t, p.v_exp) = (Some(vec![2.6]), Some(vec![2.0]), Some(vec![-50.0]));
    (p.tau_adapt, p.a_adapt, p.b_adapt) = (Some(vec![150.0]), Some(vec![0.01]), Some(vec![0.3]));
    p
}

#[test]
fn a_constant_current_is_exact() {
    let mut p = population("out", 1, 2.0);
    (p.v_leak, p.v_reset, p.i_offset) = (vec![-0.5], vec![-1.0], Some(vec![0.4]));
    // It relaxes to -0.5 + 0.4 * 6 from where it starts, and from the reset after every spike.
    let (first, interval) = (6.0 * log(2.4 / 0.9), 6.0 * log(2.9 / 0.9) + 2.0);
    let times = only(p, &[], &[]).remove(0);
    assert_eq!(times.len(), 6);
    for (k, time) in times.iter().enumerate() {
        assert_relative_eq!(*time, first + k as f64 * interval, max_relative = 1e-14);
    }
}

#[test]
fn terms_without_effect_leave_the_exact_path() {
    let input = [(0, 0, 0.4)];
    let plain = only(population("out", 1, 2.0), &[&[1.0, 2.0, 30.0]], &input);
    let mut p = population("out", 1, 2.0);
    p.i_offset = Some(vec![0.0]);
    (p.tau_adapt, p.a_adapt, p.b_adapt) = (Some(vec![30.0]), Some(vec![0.0]), Some(vec![0.0]));
    assert_eq!(only(p, &[&[1.0, 2.0, 30.0]], &input), plain);
}

#[test]
fn a_neuron_that_takes_too_many_steps_is_named() {
    let (case, population) = ("test".to_string(), "out".to_string());
    let text = SimulationError::TooManySteps { case, population, neuron: 3, time: 0.5 }.to_string();
    for word in ["case \"test\"", "population \"out\", neuron 3", "100000000 steps", "time 0.5"] {
        assert!(text.contains(word), "{text}");
    }
}

#[test]
fn an_adapting_neuron_fires_ever_more_slowly() {
    let mut run = case(&[], vec![adex()], vec![]);
    run.duration = 300.0;
    let times = spikes(&run).remove(0).remove(0);
    let intervals: Vec<f64> = times.windows(2).map(|w| w[1] - w[0]).collect();
    assert!(intervals.len() > 5 && intervals.windows(2).all(|w| w[1] > w[0]), "{intervals:?}");
}

#[test]
fn the_engines_agree_to_the_last_bit() {
    let all = |mut p: Population, name: &str| {
        p.name = name.into();
        p
    };
    // Events in the middle of steps, many of them, some at one time.
    let inputs: Vec<f64> = (0..40).map(|k| (f64::from(k) * 7.317).rem_euclid(60.0)).collect();
    let populations = vec![all(adex(), "last"), all(adex(), "first")];
    let connections = vec![
        connection("input", "first", 0.5, &[(0, 0, 1.5), (1, 0, -1.0)]),
        connection("first", "last", 0.0, &[(0, 0, 4.0)]),
        connection("input", "last", 1.5, &[(1, 0, 2.0)]),
    ];
    let run = case(&[&inputs, &inputs[5..20]], populations, connections);
    let found = spikes(&run);
    assert!(found.iter().all(|population| population[0].len() > 2), "{found:?}");
}

#[test]
fn a_recurrent_network_of_bursting_neurons_runs() {
    let mut p = population("net", 2, 0.0);
    for n in 0..2 {
        (p.tau_mem[n], p.v_leak[n], p.v_threshold[n], p.v_reset[n]) = (20.0, -58.0, 0.0, -46.0);
    }
    (p.i_offset, p.delta_t, p.v_exp) = (Some(vec![1.05, 0.0]), Some(vec![2.0; 2]), Some(vec![-50.0; 2]));
    (p.tau_adapt, p.a_adapt, p.b_adapt) = (Some(vec![120.0; 2]), Some(vec![0.01; 2]), Some(vec![0.5; 2]));
    let mut run = case(&[], vec![p], vec![connection("net", "net", 1.0, &[(0, 1, 3.0), (1, 0, -1.0)])]);
    run.duration = 200.0;
    let found = spikes(&run).remove(0);
    assert!(found[0].len() > 2 && !found[1].is_empty() && found[1][0] > found[0][0], "{found:?}");
}
