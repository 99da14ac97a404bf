//! Against closed forms, quadrature, the exact linear membrane, and plain integration by tiny steps.

use crate::dynamics::{Body, View};
use crate::engine::neuron::Neuron;

use super::*;

/// Time, input and jump.
type Event = (f64, usize, f64);

/// All spikes up to `until`, and the neuron then.
fn run(body: &Body, events: &[Event], until: f64) -> (Vec<f64>, View) {
    let mut neuron = Neuron::new(body, until);
    let mut times = Vec::new();
    for &(time, input, jump) in events.iter().chain(&[(until, 0, 0.0)]) {
        while neuron.due() <= time {
            let due = neuron.due();
            if neuron.proceed() {
                times.push(due);
            }
        }
        neuron.receive(time, [(input, jump)]);
    }
    (times, neuron.view_at(until))
}

fn spikes(neuron: &Nonlinear, events: &[Event], until: f64) -> Vec<f64> {
    run(&Body::Nonlinear(Box::new(*neuron)), events, until).0
}

fn largest_difference(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len(), "{a:?} {b:?}");
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

/// Fourth-order Runge-Kutta by steps of at most `dt`, with the limits applied after each; spikes are bisected.
fn plain(neuron: &Nonlinear, events: &[Event], until: f64, dt: f64) -> (Vec<f64>, [f64; 2]) {
    let m = &neuron.membrane;
    let (mut t, mut y, mut currents, mut times) = (0.0, [m.start, 0.0], [0.0; 2], Vec::new());
    let (mut events, mut held_until) = (events.iter().copied().peekable(), 0.0);
    while t < until {
        while let Some((_, input, jump)) = events.next_if(|event| event.0 <= t) {
            currents[input] += jump;
        }
        let held = t < held_until;
        let stop = [events.peek().map_or(until, |event| event.0), until, if held { held_until } else { until }];
        let stop = stop.into_iter().fold(t + dt, f64::min);
        let f = |y: [f64; 2], s: f64| {
            let rates = neuron.rates(&y, neuron.decayed(currents, s));
            if held { [0.0, rates[1]] } else { rates }
        };
        let after = |h: f64| {
            let along = |d: [f64; 2], s: f64| [y[0] + s * d[0], y[1] + s * d[1]];
            let k1 = f(y, 0.0);
            let k2 = f(along(k1, 0.5 * h), 0.5 * h);
            let k3 = f(along(k2, 0.5 * h), 0.5 * h);
            let k4 = f(along(k3, h), h);
            let end: [f64; 2] = std::array::from_fn(|i| y[i] + h / 6.0 * (k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i]));
            [end[0].clamp(m.lower, m.upper), end[1]]
        };
        let mut h = stop - t;
        if !held && after(h)[0] >= m.threshold {
            let mut below = 0.0;
            for _ in 0..60 {
                let middle = 0.5 * (below + h);
                *(if after(middle)[0] >= m.threshold { &mut h } else { &mut below }) = middle;
            }
            y = [m.reset, after(h)[1] + neuron.adaptation.map_or(0.0, |a| a.b)];
            t += h;
            times.push(t);
            held_until = t + m.refractory_us;
        } else {
            y = after(h);
            t = stop;
        }
        currents = neuron.decayed(currents, h);
    }
    (times, y)
}

/// Naud et al. 2008, in mV and ms with C = 1, driven by a constant current: tonic, adapting, bursting.
fn firing_patterns() -> [Nonlinear; 3] {
    let neuron = |g: f64, v_leak: f64, tau: f64, b: f64, v_reset: f64, current: f64| {
        let (c, tau_mem) = (200.0, 200.0 / g);
        let rest = v_leak + current / c * tau_mem;
        let mut membrane = Membrane::new(tau_mem, 5.0, 5.0);
        (membrane.threshold, membrane.reset, membrane.refractory_us) = (-rest, v_reset - rest, 0.5);
        membrane.start = v_leak - rest;
        let mut neuron = Nonlinear::new(membrane);
        neuron.onset = Some(Onset { slope: 2.0, at: -50.0 - rest });
        neuron.adaptation = Some(Adaptation { tau, a: 2.0 / c, b: b / c, reference: v_leak - rest });
        neuron
    };
    [
        neuron(10.0, -70.0, 30.0, 0.0, -58.0, 500.0),
        neuron(12.0, -70.0, 300.0, 60.0, -58.0, 500.0),
        neuron(10.0, -58.0, 120.0, 100.0, -46.0, 210.0),
    ]
}

mod closed_forms;
mod integration;
