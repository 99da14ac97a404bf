use super::*;
use crate::events::TICK_US;
use crate::parameters::NeuronParameters;
use crate::rng::{Purpose, Stream};

/// Four neurons with their jumps, and a trial.
struct Case {
    neurons: [NeuronParameters; LANES],
    membranes: [Membrane; LANES],
    thresholds: Lanes,
    jumps: Vec<Jumps>,
    arrivals: Vec<Arrival>,
}

const DURATION_US: f64 = 120.0;

fn draw(seed: u32) -> Case {
    let s = &mut Stream::new(2, Purpose::Search, [seed, 0, 0]);
    let spread = [0.0, 0.02, 0.3][seed as usize % 3];
    let refractory_us = [f64::INFINITY, 16.0, 0.5][seed as usize / 3 % 3];
    let (limits, strength) = (s.uniform() < 0.7, 3.0 + 20.0 * s.uniform());
    let neurons = [(); LANES].map(|()| {
        let mut tau = || 6.0 * libm::exp(spread * s.normal());
        let (tau_mem_us, tau_syn_exc_us, tau_syn_inh_us) = (tau(), tau(), tau());
        NeuronParameters { tau_mem_us, tau_syn_exc_us, tau_syn_inh_us, ..NeuronParameters::default() }
    });
    let membranes = neurons.map(|p| {
        let mut membrane = Membrane::new(p.tau_mem_us, p.tau_syn_exc_us, p.tau_syn_inh_us);
        // Some neurons fire by themselves, some never, some hit the upper limit before they can.
        membrane.threshold = [70.0, 70.0, 70.0, 200.0, -5.0, f64::INFINITY][(6.0 * s.uniform()) as usize];
        membrane.reset = -20.0 * s.uniform();
        membrane.refractory_us = refractory_us;
        if limits {
            (membrane.lower, membrane.upper) = (-55.0, 148.0);
        }
        membrane
    });
    let thresholds = membranes.map(|m| m.threshold + s.normal());
    let n_sources = 25;
    let jumps = (0..n_sources)
        .map(|_| {
            let mut jumps = Jumps::default();
            for l in 0..LANES {
                let w = strength * (0.4 + s.normal());
                (jumps.exc[l], jumps.inh[l]) = (w.max(0.0), (-w).max(0.0));
            }
            jumps
        })
        .collect();
    let grid = s.uniform() < 0.7;
    let mut arrivals: Vec<Arrival> = (0..n_sources)
        .map(|source| {
            let time = if s.uniform() < 0.9 { 14.0 } else { 150.0 } * s.uniform();
            let time_us = if grid { libm::rint(time / TICK_US) * TICK_US + 0.47 } else { time };
            // Many at once.
            let time_us = if source % 3 == 0 { time_us } else { libm::rint(time_us) };
            Arrival { time_us, source }
        })
        .collect();
    crate::events::sort(&mut arrivals);
    Case { neurons, membranes, thresholds, jumps, arrivals }
}

/// The reference: one neuron from event to event.
fn one_by_one(membrane: &Membrane, case: &Case, l: usize) -> Vec<f64> {
    let (mut state, mut spikes) = (State::at_rest(0.0), Vec::new());
    for arrival in case.arrivals.iter().filter(|a| a.time_us <= DURATION_US) {
        let jumps = &case.jumps[arrival.source as usize];
        if jumps.exc[l] != 0.0 || jumps.inh[l] != 0.0 {
            membrane.advance(&mut state, arrival.time_us, |time| spikes.push(time));
            state.receive(jumps.exc[l], jumps.inh[l]);
        }
    }
    membrane.advance(&mut state, DURATION_US, |time| spikes.push(time));
    spikes
}

/// Blocks against the reference: variation, noisy thresholds, limits, re-firing, inhibition, simultaneous events, times on and
/// off the grid. No spike may be lost or added; times agree to rounding.
#[test]
fn four_at_a_time_are_the_same_as_one_by_one() {
    let (mut spikes, mut slow) = (0, 0);
    for seed in 0..6000 {
        let case = draw(seed);
        let mut moments = Moments::default();
        moments.set(&case.arrivals, DURATION_US);
        let table = DecayTable::new(&case.neurons).unwrap();
        let mut found: [Vec<f64>; LANES] = Default::default();
        let start = Start { thresholds: &case.thresholds, shift: &[0.0; LANES] };
        Block::new(case.membranes).run(&start, &table, &case.jumps, &moments, DURATION_US, |l, time| {
            found[l].push(time);
            case.thresholds[l]
        });
        for l in 0..LANES {
            let mut membrane = case.membranes[l];
            membrane.threshold = case.thresholds[l];
            let expected = one_by_one(&membrane, &case, l);
            assert_eq!(found[l].len(), expected.len(), "seed {seed}, lane {l}: {:?} not {expected:?}", found[l]);
            for (a, b) in found[l].iter().zip(&expected) {
                // A few crossings are so slow that rounding shows; so do the spikes that follow them.
                let error = (a - b).abs() / b.max(1.0);
                assert!(error < 1e-9, "seed {seed}, lane {l}: {:?} not {expected:?}", found[l]);
                slow += usize::from(error > 1e-12);
            }
            spikes += expected.len();
        }
    }
    assert!(spikes > 30_000 && slow * 1000 < spikes, "{slow} of {spikes}");
}

/// Thresholds that change at every spike, and resting potentials that are shifted for the trial.
#[test]
fn changed_thresholds_and_shifted_rests_hold_for_all() {
    let mut spikes = 0;
    for seed in 0..600 {
        let case = draw(seed);
        let shift = [0.0, -2.5, 4.0, 1.0];
        let next = |l: usize, k: usize| case.thresholds[l] * (1.0 + 0.05 * libm::sin((l + 3 * k) as f64));
        let mut moments = Moments::default();
        moments.set(&case.arrivals, DURATION_US);
        let table = DecayTable::new(&case.neurons).unwrap();
        let mut found: [Vec<f64>; LANES] = Default::default();
        let thresholds = std::array::from_fn(|l| next(l, 0));
        let start = Start { thresholds: &thresholds, shift: &shift };
        Block::new(case.membranes).run(&start, &table, &case.jumps, &moments, DURATION_US, |l, time| {
            found[l].push(time);
            next(l, found[l].len())
        });
        for l in 0..LANES {
            let mut membrane = case.membranes[l].at_rest_shifted_by(shift[l]);
            membrane.threshold = thresholds[l];
            let (mut state, mut expected) = (State::at_rest(0.0), Vec::new());
            let ends = case.arrivals.iter().map(|a| (a.time_us, Some(a))).filter(|(t, _)| *t <= DURATION_US);
            for (time, arrival) in ends.chain([(DURATION_US, None)]) {
                while membrane.advance_to_spike(&mut state, time) {
                    expected.push(state.time_us);
                    membrane.threshold = next(l, expected.len());
                    membrane.force_reset(&mut state);
                }
                if let Some(jumps) = arrival.map(|a| &case.jumps[a.source as usize]) {
                    state.receive(jumps.exc[l], jumps.inh[l]);
                }
            }
            assert_eq!(found[l].len(), expected.len(), "seed {seed}, lane {l}: {:?} not {expected:?}", found[l]);
            let close = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-9 * b.max(1.0);
            assert!(found[l].iter().zip(&expected).all(close), "seed {seed}, lane {l}");
            spikes += expected.len();
        }
    }
    assert!(spikes > 3000, "{spikes}");
}

#[test]
fn unused_places_are_silent() {
    let case = draw(1);
    let mut moments = Moments::default();
    moments.set(&case.arrivals, DURATION_US);
    let table = DecayTable::new(&case.neurons[..1]).unwrap();
    let block = Block::new([Membrane::new(6.0, 6.0, 6.0)]);
    let jumps: Vec<Jumps> = case.jumps.iter().map(|_| Jumps::default()).collect();
    let start = Start { thresholds: &block.membranes.map(|m| m.threshold), shift: &[0.0; LANES] };
    block.run(&start, &table, &jumps, &moments, DURATION_US, |l, t| panic!("lane {l} at {t}"));
}

#[test]
fn simultaneous_events_are_one_moment() {
    let arrivals = [1.0, 1.0, 2.0, 7.0].map(|time_us| Arrival { time_us, source: 3 });
    let mut moments = Moments::default();
    moments.set(&arrivals, 5.0);
    let times: Vec<_> = moments.moments.iter().map(|m| (m.time_us, m.end)).collect();
    assert_eq!(times, [(1.0, 2), (2.0, 3)]);
}
