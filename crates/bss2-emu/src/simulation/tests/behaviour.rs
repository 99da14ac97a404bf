//! What single neurons and small loops do, against closed forms.

use super::*;

#[test]
fn a_leak_above_the_threshold_fires_by_itself_from_time_zero_on() {
    let mut neuron = population("out", 1, 2.0);
    neuron.v_leak = vec![2.0];
    let times = &only(neuron, &[], &[])[0];
    // From reset 0 to threshold 1 with leak 2: tau ln 2.
    let period = 2.0 + 6.0 * std::f64::consts::LN_2;
    assert_eq!(times.len(), (60.0 / period) as usize + 1);
    for (k, time) in times.iter().enumerate() {
        assert_relative_eq!(*time, k as f64 * period, max_relative = 1e-13, epsilon = 1e-13);
    }
}

#[test]
fn a_reset_above_the_threshold_fires_after_every_refractory_time_up_to_the_very_end() {
    let mut neuron = population("out", 1, 4.0);
    neuron.v_reset = vec![1.5];
    let times = &only(neuron, &[&[0.0]], &[(0, 0, 5.0)])[0];
    assert_eq!(times.len(), 15);
    assert!(times.windows(2).all(|w| (w[1] - w[0] - 4.0).abs() < 1e-12));
    let mut neuron = population("out", 1, 10.0);
    (neuron.v_reset, neuron.v_leak) = (vec![1.5], vec![1.2]);
    assert_eq!(only(neuron, &[], &[])[0], [0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0]);
}

#[test]
fn a_crossing_at_the_end_counts() {
    let mut rising =
        case(&[&[1.0]], vec![population("out", 1, 99.0)], vec![connection("input", "out", 0.0, &[(0, 0, 1.0)])]);
    let time = spikes(&rising)[0][0][0];
    rising.duration = time;
    assert_eq!(spikes(&rising), [[[time]]]);
    rising.duration = time - 1e-9;
    assert!(spikes(&rising)[0][0].is_empty());
    rising.duration = 0.0;
    assert!(spikes(&rising)[0][0].is_empty());
}

#[test]
fn a_neuron_that_rests_at_its_threshold_fires() {
    let mut neuron = population("out", 1, 50.0);
    neuron.v_threshold = vec![0.0];
    neuron.v_reset = vec![-1.0];
    // It returns to its threshold but never reaches it.
    assert_eq!(only(neuron, &[], &[]), [[0.0]]);
}

#[test]
fn events_of_one_time_act_together() {
    // Whatever the way to the neuron, exactly opposite events cancel where the time constants agree.
    let synapses = [connection("input", "out", 1.0, &[(0, 0, 9.0)]), connection("input", "out", 0.5, &[(1, 0, -9.0)])];
    let both = case(&[&[3.0], &[3.5]], vec![population("out", 1, 1.0)], synapses.into());
    assert!(spikes(&both)[0][0].is_empty());
}

#[test]
fn a_spike_that_is_due_comes_before_an_event_of_the_same_time() {
    let mut neuron = population("out", 1, 50.0);
    neuron.v_leak = vec![1.0];
    assert_eq!(only(neuron, &[&[0.0]], &[(0, 0, -9.0)]), [[0.0]]);
}

#[test]
fn a_loop_without_delay_is_the_limit_of_short_delays() {
    let with_delay = |delay: f64| {
        let start = connection("input", "pair", 0.5, &[(0, 0, 1.0), (0, 1, 0.3)]);
        let across = connection("pair", "pair", delay, &[(0, 1, 1.5), (1, 0, 1.5), (0, 0, -0.2)]);
        spikes(&case(&[&[1.0]], vec![population("pair", 2, 8.0)], vec![start, across])).remove(0)
    };
    let (none, short) = (with_delay(0.0), with_delay(1e-10));
    assert!(none.iter().all(|times| times.len() > 2), "{none:?}");
    for (none, short) in none.iter().zip(&short) {
        assert_eq!(none.len(), short.len());
        assert!(none.iter().zip(short).all(|(a, b)| (a - b).abs() < 1e-7), "{none:?} {short:?}");
    }
}

#[test]
fn a_peak_that_grazes_the_threshold_decides_by_the_last_digits() {
    let weight = std::f64::consts::E / 6.0;
    let synapses = [(0, 0, weight * (1.0 - 1e-13)), (0, 1, weight * (1.0 + 1e-13))];
    let times = only(population("out", 2, 50.0), &[&[1.0]], &synapses);
    assert!(times[0].is_empty());
    assert!((times[1][0] - 7.0).abs() < 1e-5);
}

#[test]
fn two_neurons_that_excite_each_other_fire_in_turn() {
    let pair = population("pair", 2, 8.0);
    let start = connection("input", "pair", 0.0, &[(0, 0, 1.0)]);
    let across = connection("pair", "pair", 1.0, &[(0, 1, 1.0), (1, 0, 1.0)]);
    let times = spikes(&case(&[&[1.0]], vec![pair.clone()], vec![start.clone(), across])).remove(0);
    assert!(times[0].len() > 3 && times[1].len() > 3, "{times:?}");
    // Up to the first spike of the other, both do the same, one delay and one rise time later.
    let rise = times[0][0] - 1.0;
    assert_relative_eq!(rise * exp(-rise / 6.0), 1.0, max_relative = 1e-12);
    assert_relative_eq!(times[1][0], times[0][0] + 1.0 + rise, max_relative = 1e-12);
    let alone = spikes(&case(&[&[1.0]], vec![pair], vec![start])).remove(0);
    assert!(alone[0].len() < times[0].len() && alone[1].is_empty());
}

#[test]
fn recurrent_inhibition_silences() {
    let mut pair = population("pair", 2, 2.0);
    pair.v_leak = vec![1.5; 2];
    pair.v_reset = vec![0.0, -0.1];
    let free = spikes(&case(&[], vec![pair.clone()], vec![])).remove(0);
    assert!(free.iter().all(|times| times.len() > 5));
    // The first neuron is ahead and keeps the second one from ever firing again after time zero.
    let inhibition = connection("pair", "pair", 0.5, &[(0, 1, -2.0)]);
    let inhibited = spikes(&case(&[], vec![pair], vec![inhibition])).remove(0);
    assert_eq!(inhibited[0], free[0]);
    assert_eq!(inhibited[1], [0.0]);
}

#[test]
fn a_network_that_runs_away_is_given_up() {
    let mut neuron = population("out", 1, 1e-7);
    neuron.v_reset = vec![2.0];
    let network = case(&[], vec![neuron], vec![]);
    let mut network = Case { duration: 1e3, ..network };
    network.populations[0].v_leak = vec![2.0];
    for engine in [Engine::Event, Engine::Layered] {
        let error = network.check().unwrap().run(engine).unwrap_err().to_string();
        for word in ["\"test\"", "10000000 spikes", "\"out\", neuron 0", "time 0.99"] {
            assert!(error.contains(word), "{error}");
        }
    }
}

/// Hundreds of time constants after the last event the potential and its slope are below the smallest number.
#[test]
fn a_spike_is_found_however_late_the_simulation_ends() {
    let mut case =
        case(&[&[1.0]], vec![population("out", 1, 1e6)], vec![connection("input", "out", 0.0, &[(0, 0, 0.6)])]);
    let early = spikes(&case).remove(0);
    assert_eq!(early[0].len(), 1);
    for duration in [1e3, 1e5, 1e9] {
        case.duration = duration;
        assert_eq!(spikes(&case)[0], early, "{duration}");
    }
}
