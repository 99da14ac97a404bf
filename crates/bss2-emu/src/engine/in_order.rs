//! Feed-forward networks, one population after the other: each neuron over all its events, sorted.

use crate::simulation::{Network, SimulationError, Spikes};

use super::neuron::{Neuron, input};

/// An event at a neuron.
struct Arrival {
    time: f64,
    synapse: usize,
    weight: f64,
}

/// Runs a feed-forward network.
///
/// # Errors
/// [`SimulationError::Recurrent`] if it has a loop, [`SimulationError::TooManySpikes`], [`SimulationError::TooManySteps`].
pub fn run(network: &Network) -> Result<Spikes, SimulationError> {
    let order = network.feed_forward_order()?;
    let end = network.duration();
    let mut recorder = network.recorder();
    let mut arrivals: Vec<Vec<Arrival>> = network.bodies().iter().map(|_| Vec::new()).collect();
    let send = |arrivals: &mut [Vec<Arrival>], source: usize, spike: f64| {
        for bundle in network.bundles_of(source) {
            let time = spike + network.delay(bundle);
            if time <= end {
                for (neuron, synapse, weight) in network.synapses_of(bundle) {
                    arrivals[neuron].push(Arrival { time, synapse, weight });
                }
            }
        }
    };
    for (source, time) in network.inputs() {
        send(&mut arrivals, source, time);
    }
    for population in order {
        for n in network.neurons_of(population) {
            let mut events = std::mem::take(&mut arrivals[n]);
            events.sort_unstable_by(|a, b| a.time.total_cmp(&b.time).then(a.synapse.cmp(&b.synapse)));
            let mut neuron = Neuron::new(&network.bodies()[n], end);
            let mut fire_until = |neuron: &mut Neuron, until: f64| -> Result<(), SimulationError> {
                while neuron.due() <= until {
                    let time = neuron.due();
                    if neuron.proceed() {
                        recorder.record(n, time)?;
                        send(&mut arrivals, network.source_of_neuron(n), time);
                    } else {
                        recorder.record_step(n, time)?;
                    }
                }
                Ok(())
            };
            for together in events.chunk_by(|a, b| a.time == b.time) {
                let time = together[0].time;
                fire_until(&mut neuron, time)?;
                neuron.receive(time, together.iter().map(|a| input(a.weight)));
            }
            fire_until(&mut neuron, end)?;
        }
    }
    Ok(recorder.finish())
}
