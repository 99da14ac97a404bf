//! Both engines, and the plain integration of one neuron, on randomly drawn networks.

use super::*;

/// Numbers in 0..1 from which a network is built.
#[derive(Debug, Clone)]
struct Dice(Vec<f64>, usize);

impl Dice {
    fn roll(&mut self, low: f64, high: f64) -> f64 {
        self.1 += 1;
        low + (high - low) * self.0[(self.1 - 1) % self.0.len()]
    }

    fn pick(&mut self, from: &[f64]) -> f64 {
        from[(self.roll(0.0, from.len() as f64) as usize).min(from.len() - 1)]
    }

    /// Time constants are equal, nearly equal, or different; some neurons fire by themselves.
    fn population(&mut self, name: &str, size: usize) -> Population {
        let mut p = population(name, size, 0.0);
        for n in 0..size {
            p.tau_mem[n] = self.roll(3.0, 15.0);
            p.tau_syn_exc[n] = if self.roll(0.0, 1.0) < 0.4 { p.tau_mem[n] } else { self.roll(2.0, 12.0) };
            p.tau_syn_inh[n] = p.tau_syn_exc[n] * self.pick(&[1.0, 1.0 + 1e-9, 0.7, 1.5]);
            p.v_leak[n] = self.pick(&[0.0, 0.0, 0.0, 0.3, 1.2]);
            p.v_reset[n] = self.pick(&[0.0, -0.2, 0.5]);
            p.t_refractory[n] = self.pick(&[0.0, 0.5, 2.0, 7.0]);
        }
        p
    }

    fn synapses(&mut self, n_pre: usize, n_post: usize) -> Vec<(usize, usize, f64)> {
        let all = (0..n_pre).flat_map(|pre| (0..n_post).map(move |post| (pre, post)));
        all.map(|(pre, post)| (pre, post, self.roll(-0.3, 0.5))).filter(|s| s.2 > -0.2).collect()
    }
}

/// Inputs on a coarse grid, so that some coincide; three layers and a shortcut.
fn feed_forward(dice: &mut Dice) -> Case {
    let inputs: Vec<Vec<f64>> =
        (0..6).map(|_| (0..5).map(|_| (dice.roll(0.0, 60.0) * 2.0).round() / 2.0).collect()).collect();
    // The order in the description is not the order of depth.
    let populations = vec![dice.population("last", 3), dice.population("first", 6), dice.population("middle", 4)];
    let mut connect = |from: &str, to: &str, n_from, n_to| {
        let delay = dice.pick(&[0.0, 0.01, 0.5, 1.0]);
        connection(from, to, delay, &dice.synapses(n_from, n_to))
    };
    let connections = vec![
        connect("middle", "last", 4, 3),
        connect("input", "first", 6, 6),
        connect("first", "middle", 6, 4),
        connect("first", "last", 6, 3),
        connect("input", "last", 6, 3),
    ];
    let inputs: Vec<&[f64]> = inputs.iter().map(Vec::as_slice).collect();
    case(&inputs, populations, connections)
}

/// Neuron `n` of the first layer by [`Membrane::advance`] alone.
fn integrated(case: &Case, n: usize) -> Vec<f64> {
    let membrane = neuron::membrane(&case.populations[1], n);
    let connection = &case.connections[1];
    let synapses = connection.synapses.iter().filter(|s| s.post == n);
    let mut events: Vec<(f64, f64)> = synapses
        .flat_map(|s| case.input_spikes[s.pre].iter().map(|t| (t + connection.delay, s.weight)))
        .filter(|(t, _)| *t <= case.duration)
        .collect();
    events.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut state, mut times) = (State::at_rest(0.0), Vec::new());
    for (time, weight) in events {
        membrane.advance(&mut state, time, |t| times.push(t));
        state.receive(weight.max(0.0), (-weight).max(0.0));
    }
    membrane.advance(&mut state, case.duration, |t| times.push(t));
    times
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn they_agree_to_the_last_bit_and_with_plain_integration(
        numbers in prop::collection::vec(0.0f64..1.0, 400..500),
    ) {
        let case = feed_forward(&mut Dice(numbers, 0));
        let network = case.check().unwrap();
        let event = network.run(Engine::Event).unwrap();
        prop_assert_eq!(&event, &network.run(Engine::Layered).unwrap());
        for (n, times) in event.populations[1].iter().enumerate() {
            let reference = integrated(&case, n);
            prop_assert_eq!(times.len(), reference.len());
            // A grazing crossing is known to the root of the rounding error.
            prop_assert!(times.iter().zip(&reference).all(|(a, b)| (a - b).abs() < 1e-6), "{times:?} {reference:?}");
        }
    }
}

#[test]
fn the_drawn_networks_are_busy() {
    let numbers = (0..450).map(|k| (f64::from(k) * 0.618_033_988_749_895).fract()).collect();
    let spikes = spikes(&feed_forward(&mut Dice(numbers, 0)));
    assert!(spikes.iter().flatten().filter(|times| times.len() > 1).count() > 6, "{spikes:?}");
}
