//! Networks of neurons with explicit parameters: no chip, no noise, exact spike times.
//!
//! ```text
//! dV/dt = -(V - v_leak) / tau_mem + i_exc - i_inh + i_offset + delta_t / tau_mem e^((V - v_exp) / delta_t) - w
//! dI/dt = -I / tau_syn,      tau_adapt dw/dt = a_adapt (V - v_leak) - w,      w -> w + b_adapt  at a spike
//! an event with weight w:   i_exc -> i_exc + w  if w > 0,    i_inh -> i_inh + |w|  if w < 0
//! ```
//! Every neuron starts at `v_leak` at time zero. It fires as soon as V is free and reaches `v_threshold`; so it fires at once
//! where it rests or was reset at or above it. V is then held at `v_reset` for `t_refractory`, while the synaptic currents
//! and the adaptation w, which starts at zero, go on. Events that reach a neuron at one time act together; a spike that is due
//! at that time comes before them. Times from 0 to `duration` count, both included. `i_offset`, the exponential term and
//! adaptation may be absent; without the latter two the solution is exact, with them it is integrated
//! ([`nonlinear`](crate::membrane::nonlinear)).
//!
//! A [`Case`] is what a person writes; [`Case::check`] makes the [`Network`] of it that can run. Times are in one unit of the
//! user's choice (on the chip: us), potentials in another; weights are in potential per time.
//!
//! ```
//! use bss2_emu::simulation::{Case, Connection, Engine, Population, Synapse};
//!
//! let neuron = Population {
//!     name: "out".into(),
//!     size: 1,
//!     tau_mem: vec![6.0],
//!     tau_syn_exc: vec![6.0],
//!     tau_syn_inh: vec![6.0],
//!     v_leak: vec![0.0],
//!     v_threshold: vec![1.0],
//!     v_reset: vec![0.0],
//!     t_refractory: vec![16.0],
//!     ..Population::default()
//! };
//! let synapse = Synapse { pre: 0, post: 0, weight: 0.6 };
//! let case = Case {
//!     name: "one synapse".into(),
//!     duration: 50.0,
//!     input_spikes: vec![vec![1.0]],
//!     populations: vec![neuron],
//!     connections: vec![Connection { from: "input".into(), to: "out".into(), delay: 0.5, synapses: vec![synapse] }],
//! };
//! let spikes = case.check()?.run(Engine::Event)?;
//! // w t e^(-t/tau) = 1 after the event at 1.5
//! let t = spikes.populations[0][0][0] - 1.5;
//! assert!((0.6 * t * (-t / 6.0).exp() - 1.0).abs() < 1e-12);
//! # Ok::<(), bss2_emu::simulation::SimulationError>(())
//! ```

mod check;
mod network;
mod neuron;

use serde::Deserialize;

use crate::engine::{event, in_order};
use crate::spec::Problem;

pub use network::Network;

/// Name by which connections refer to the input channels.
pub const INPUT: &str = "input";

/// Spikes after which a simulation is given up: a network this active has run away.
pub const MOST_SPIKES: usize = 10_000_000;

/// Steps of integration after which a neuron is given up: its time constants are too short for the duration.
pub const MOST_STEPS: u64 = 100_000_000;

/// Problems that an error message lists; the rest is counted.
const MOST_LISTED: usize = 20;

/// A network with its input, as a person writes it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Name for results and messages.
    pub name: String,
    /// The simulation runs from 0 to this time.
    pub duration: f64,
    /// Spike times of every input channel, in any order.
    pub input_spikes: Vec<Vec<f64>>,
    /// The neurons.
    pub populations: Vec<Population>,
    /// The synapses.
    pub connections: Vec<Connection>,
}

/// Neurons with a common name. Every list has one value per neuron; those of terms that no neuron has may be absent.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Population {
    /// Name for connections, results and messages.
    pub name: String,
    /// Number of neurons.
    pub size: usize,
    /// Membrane time constants.
    pub tau_mem: Vec<f64>,
    /// Time constants of the excitatory currents.
    pub tau_syn_exc: Vec<f64>,
    /// Time constants of the inhibitory currents.
    pub tau_syn_inh: Vec<f64>,
    /// Resting potentials.
    pub v_leak: Vec<f64>,
    /// Firing thresholds.
    pub v_threshold: Vec<f64>,
    /// Potentials during the refractory time.
    pub v_reset: Vec<f64>,
    /// Refractory times.
    pub t_refractory: Vec<f64>,
    /// Constant currents, in potential per time.
    #[serde(default)]
    pub i_offset: Option<Vec<f64>>,
    /// Sharpness of the exponential onset of spikes.
    #[serde(default)]
    pub delta_t: Option<Vec<f64>>,
    /// Potentials of the exponential onset.
    #[serde(default)]
    pub v_exp: Option<Vec<f64>>,
    /// Time constants of the adaptation.
    #[serde(default)]
    pub tau_adapt: Option<Vec<f64>>,
    /// Drive of the adaptation by the membrane, per time.
    #[serde(default)]
    pub a_adapt: Option<Vec<f64>>,
    /// Steps of the adaptation at a spike, in potential per time.
    #[serde(default)]
    pub b_adapt: Option<Vec<f64>>,
}

/// Synapses between two populations, or from the input to a population.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connection {
    /// A population, or [`INPUT`].
    pub from: String,
    /// A population.
    pub to: String,
    /// From a spike to its effect.
    pub delay: f64,
    /// The synapses.
    pub synapses: Vec<Synapse>,
}

/// A synapse; in files `[pre, post, weight]`.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Synapse {
    /// Input channel or neuron that sends.
    pub pre: usize,
    /// Neuron that receives.
    pub post: usize,
    /// Jump of the excitatory current, or, negative, of the inhibitory one.
    pub weight: f64,
}

/// How a network is computed. The spikes are the same to the last bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// From event to event: for every network.
    Event,
    /// One population after the other: for feed-forward networks.
    Layered,
}

/// What the neurons did.
#[derive(Debug, Clone, PartialEq)]
pub struct Spikes {
    /// Ascending spike times by population and neuron.
    pub populations: Vec<Vec<Vec<f64>>>,
}

/// Why a case has no result.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SimulationError {
    /// The description is wrong; the keys name case, population, field and index.
    #[error("{}", list(.0))]
    Problems(Vec<Problem>),
    /// The layered engine cannot run loops.
    #[error(
        "case {case:?}: population {population:?} reaches itself through its connections: the layered engine runs \
         feed-forward networks only; the event engine runs all"
    )]
    Recurrent {
        /// The case.
        case: String,
        /// A population on the loop.
        population: String,
    },
    /// The network has run away.
    #[error(
        "case {case:?}: more than {MOST_SPIKES} spikes; the last one from population {population:?}, neuron {neuron}, at \
         time {time}"
    )]
    TooManySpikes {
        /// The case.
        case: String,
        /// The population that fired last.
        population: String,
        /// Its neuron.
        neuron: usize,
        /// The time that was reached.
        time: f64,
    },
    /// A neuron takes too short steps.
    #[error(
        "case {case:?}: population {population:?}, neuron {neuron} needs more than {MOST_STEPS} steps of integration and has \
         reached time {time}: its time constants are too short for this duration"
    )]
    TooManySteps {
        /// The case.
        case: String,
        /// The population.
        population: String,
        /// Its neuron.
        neuron: usize,
        /// The time that was reached.
        time: f64,
    },
}

fn list(problems: &[Problem]) -> String {
    let mut lines: Vec<String> = problems.iter().take(MOST_LISTED).map(|p| format!("  {p}")).collect();
    if problems.len() > MOST_LISTED {
        lines.push(format!("  and {} more", problems.len() - MOST_LISTED));
    }
    let what = if problems.len() == 1 { "a problem" } else { "problems" };
    format!("the description has {what}:\n{}", lines.join("\n"))
}

impl Case {
    /// Checks everything and compiles the network.
    ///
    /// # Errors
    /// [`SimulationError::Problems`] with all of them: numbers that are not finite or out of range, lists of the wrong length,
    /// names and indices that do not exist or appear twice, terms that are given in part, a zero refractory time where the
    /// reset is not below the threshold, a threshold that is not above the exponential onset, an adaptation that drives the
    /// potential away from the leak.
    pub fn check(&self) -> Result<Network, SimulationError> {
        let problems = check::problems(self);
        if problems.is_empty() { Ok(Network::compile(self)) } else { Err(SimulationError::Problems(problems)) }
    }
}

impl Network {
    /// Computes all spikes.
    ///
    /// # Errors
    /// [`SimulationError::Recurrent`] if the engine is [`Engine::Layered`] and populations form a loop;
    /// [`SimulationError::TooManySpikes`] after [`MOST_SPIKES`], [`SimulationError::TooManySteps`] after [`MOST_STEPS`].
    pub fn run(&self, engine: Engine) -> Result<Spikes, SimulationError> {
        match engine {
            Engine::Event => event::run(self),
            Engine::Layered => in_order::run(self),
        }
    }
}

#[cfg(test)]
mod tests;
