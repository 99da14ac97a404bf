use approx::assert_relative_eq;
use libm::exp;
use proptest::prelude::*;

use crate::membrane::State;

use super::*;

/// Neurons with time constants 6, leak and reset 0, threshold 1, and this refractory time.
fn population(name: &str, size: usize, t_refractory: f64) -> Population {
    let all = |value: f64| vec![value; size];
    Population {
        name: name.into(),
        size,
        tau_mem: all(6.0),
        tau_syn_exc: all(6.0),
        tau_syn_inh: all(6.0),
        v_leak: all(0.0),
        v_threshold: all(1.0),
        v_reset: all(0.0),
        t_refractory: all(t_refractory),
        ..Population::default()
    }
}

fn connection(from: &str, to: &str, delay: f64, synapses: &[(usize, usize, f64)]) -> Connection {
    let synapses = synapses.iter().map(|&(pre, post, weight)| Synapse { pre, post, weight }).collect();
    Connection { from: from.into(), to: to.into(), delay, synapses }
}

fn case(input_spikes: &[&[f64]], populations: Vec<Population>, connections: Vec<Connection>) -> Case {
    let input_spikes = input_spikes.iter().map(|times| times.to_vec()).collect();
    Case { name: "test".into(), duration: 60.0, input_spikes, populations, connections }
}

/// Spikes of all populations, the same from both engines where the network is feed-forward.
fn spikes(case: &Case) -> Vec<Vec<Vec<f64>>> {
    let network = case.check().unwrap();
    let event = network.run(Engine::Event).unwrap();
    match network.run(Engine::Layered) {
        Ok(layered) => assert_eq!(layered, event),
        Err(error) => assert!(matches!(error, SimulationError::Recurrent { .. })),
    }
    event.populations
}

fn only(population: Population, inputs: &[&[f64]], synapses: &[(usize, usize, f64)]) -> Vec<Vec<f64>> {
    spikes(&case(inputs, vec![population], vec![connection("input", "out", 0.0, synapses)])).remove(0)
}

fn problems(case: &Case) -> String {
    case.check().unwrap_err().to_string()
}

mod bad_descriptions;
mod behaviour;
mod engines;
mod terms;
