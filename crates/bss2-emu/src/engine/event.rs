//! Any network, from event to event.
//!
//! A queue holds two kinds of entries: when every neuron is due next, which is to fire or, where it cannot see its next spike
//! yet, to look further ahead; and the bundles of synapses that a past spike reaches later. The first entry is taken, the neurons that it concerns are moved to its time, and their spikes are
//! predicted anew; predictions that have become void carry an old version and are thrown away when their turn comes. So the
//! cost of a spike grows with the number of its synapses, not with the size of the network.
//!
//! The order is total: time; then spikes before deliveries; then neuron, or bundle and synapse. A delivery changes a current
//! and never makes a neuron fire at the same time, so that loops of connections without delay have a meaning too.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use crate::simulation::{Network, SimulationError, Spikes};

use super::neuron::{Neuron, input};

/// A time in a queue: totally ordered.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Time(pub f64);

impl Eq for Time {}

impl Ord for Time {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Time {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// In the order in which they happen at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Happening {
    Due { neuron: usize, version: u64 },
    Delivery { bundle: usize },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    time: Time,
    happening: Happening,
}

struct Run<'a> {
    network: &'a Network,
    neurons: Vec<Neuron<'a>>,
    versions: Vec<u64>,
    queue: BinaryHeap<Reverse<Entry>>,
    /// Neuron, synapse and weight of what arrives at one time; kept between deliveries.
    arriving: Vec<(usize, usize, f64)>,
}

/// Runs a network.
///
/// # Errors
/// [`SimulationError::TooManySpikes`], [`SimulationError::TooManySteps`].
pub fn run(network: &Network) -> Result<Spikes, SimulationError> {
    let end = network.duration();
    let mut run = Run {
        network,
        neurons: network.bodies().iter().map(|body| Neuron::new(body, end)).collect(),
        versions: vec![0; network.bodies().len()],
        queue: BinaryHeap::new(),
        arriving: Vec::new(),
    };
    for neuron in 0..run.neurons.len() {
        run.predict(neuron);
    }
    for (source, time) in network.inputs() {
        run.send(source, time);
    }
    let mut recorder = network.recorder();
    while let Some(Reverse(Entry { time: Time(time), happening })) = run.queue.pop() {
        match happening {
            Happening::Due { neuron, version } if version == run.versions[neuron] => {
                let fires = run.neurons[neuron].proceed();
                run.predict(neuron);
                if fires {
                    recorder.record(neuron, time)?;
                    run.send(network.source_of_neuron(neuron), time);
                } else {
                    recorder.record_step(neuron, time)?;
                }
            }
            Happening::Due { .. } => (),
            Happening::Delivery { bundle } => run.deliver(time, bundle),
        }
    }
    Ok(recorder.finish())
}

impl Run<'_> {
    /// Queues what a neuron does next and makes its earlier entries void.
    fn predict(&mut self, neuron: usize) {
        self.versions[neuron] += 1;
        let time = self.neurons[neuron].due();
        if time < f64::INFINITY {
            let happening = Happening::Due { neuron, version: self.versions[neuron] };
            self.push(time, happening);
        }
    }

    /// Queues what a spike of a source will reach.
    fn send(&mut self, source: usize, spike: f64) {
        for bundle in self.network.bundles_of(source) {
            let time = spike + self.network.delay(bundle);
            if time <= self.network.duration() {
                self.push(time, Happening::Delivery { bundle });
            }
        }
    }

    fn push(&mut self, time: f64, happening: Happening) {
        self.queue.push(Reverse(Entry { time: Time(time), happening }));
    }

    /// Delivers a bundle together with all others of the same time.
    fn deliver(&mut self, time: f64, first: usize) {
        let mut arriving = std::mem::take(&mut self.arriving);
        arriving.clear();
        let mut next = Some(first);
        while let Some(bundle) = next {
            arriving.extend(self.network.synapses_of(bundle));
            // Spikes of this time came before, so only deliveries are left.
            next = match self.queue.peek() {
                Some(Reverse(Entry { time: Time(t), happening: Happening::Delivery { bundle } })) if *t == time => {
                    Some(*bundle)
                }
                _ => None,
            };
            if next.is_some() {
                self.queue.pop();
            }
        }
        arriving.sort_unstable_by_key(|(neuron, synapse, _)| (*neuron, *synapse));
        for together in arriving.chunk_by(|a, b| a.0 == b.0) {
            let neuron = together[0].0;
            self.neurons[neuron].receive(time, together.iter().map(|(_, _, weight)| input(*weight)));
            self.predict(neuron);
        }
        self.arriving = arriving;
    }
}
