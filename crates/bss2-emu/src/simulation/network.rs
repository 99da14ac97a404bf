//! The network that a checked case stands for, in the form in which engines read it.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::dynamics::Body;

use super::{Case, MOST_SPIKES, MOST_STEPS, SimulationError, Spikes, neuron};

/// A checked network with its input; made by [`Case::check`].
///
/// Sources of spikes are numbered: input channels first, then the neurons of all populations.
#[derive(Debug, Clone)]
pub struct Network {
    name: String,
    duration: f64,
    n_channels: usize,
    /// Spikes of the input channels that are within the duration.
    inputs: Vec<(usize, f64)>,
    /// By neuron, over all populations; potentials relative to rest.
    bodies: Vec<Body>,
    population_of_neuron: Vec<usize>,
    populations: Vec<(String, Range<usize>)>,
    /// Populations by depth, or one that lies on a loop.
    order: Result<Vec<usize>, usize>,
    /// By source.
    bundles_of: Vec<Range<usize>>,
    bundles: Vec<Bundle>,
    /// Neuron, place in the description, and weight; bundle by bundle.
    synapses: Vec<(u32, u32, f64)>,
}

/// Synapses of one source and one connection.
#[derive(Debug, Clone)]
struct Bundle {
    delay: f64,
    synapses: Range<usize>,
}

/// Collects spikes while an engine runs.
#[derive(Debug)]
pub(crate) struct Recorder<'a> {
    network: &'a Network,
    spikes: Vec<Vec<f64>>,
    count: usize,
    /// By neuron.
    steps: Vec<u64>,
}

impl Network {
    pub(super) fn compile(case: &Case) -> Self {
        let n_channels = case.input_spikes.len();
        let mut first = 0;
        let populations: Vec<(String, Range<usize>)> = case
            .populations
            .iter()
            .map(|p| {
                let neurons = first..first + p.size;
                first = neurons.end;
                (p.name.clone(), neurons)
            })
            .collect();
        let order = depths(case).map(|depths| {
            let mut order: Vec<usize> = (0..depths.len()).collect();
            order.sort_by_key(|p| depths[*p]);
            order
        });
        let index = indices(case);
        let mut outgoing: Vec<Vec<(usize, u32, u32, f64)>> = vec![Vec::new(); n_channels + first];
        let mut place = 0;
        for (c, connection) in case.connections.iter().enumerate() {
            let first_source =
                index.get(connection.from.as_str()).map_or(0, |p: &usize| n_channels + populations[*p].1.start);
            let first_target = populations[index[connection.to.as_str()]].1.start;
            for synapse in &connection.synapses {
                // Only real synapses act.
                if synapse.weight != 0.0 {
                    let target = (first_target + synapse.post) as u32;
                    outgoing[first_source + synapse.pre].push((c, target, place, synapse.weight));
                }
                place += 1;
            }
        }
        let (mut bundles_of, mut bundles, mut synapses) = (Vec::new(), Vec::new(), Vec::new());
        for of_source in &outgoing {
            let before = bundles.len();
            for bundle in of_source.chunk_by(|a, b| a.0 == b.0) {
                let connection = &case.connections[bundle[0].0];
                let begin = synapses.len();
                synapses.extend(bundle.iter().map(|(_, target, place, weight)| (*target, *place, *weight)));
                bundles.push(Bundle { delay: connection.delay, synapses: begin..synapses.len() });
            }
            bundles_of.push(before..bundles.len());
        }
        Self {
            name: case.name.clone(),
            duration: case.duration,
            n_channels,
            inputs: inputs(case),
            bodies: case.populations.iter().flat_map(neuron::bodies).collect(),
            population_of_neuron: populations
                .iter()
                .enumerate()
                .flat_map(|(p, (_, n))| n.clone().map(move |_| p))
                .collect(),
            populations,
            order,
            bundles_of,
            bundles,
            synapses,
        }
    }

    /// Names of the populations, in the order of [`Spikes::populations`].
    pub fn population_names(&self) -> impl Iterator<Item = &str> {
        self.populations.iter().map(|(name, _)| name.as_str())
    }

    pub(crate) fn duration(&self) -> f64 {
        self.duration
    }

    pub(crate) fn bodies(&self) -> &[Body] {
        &self.bodies
    }

    /// Input spikes as sources and times.
    pub(crate) fn inputs(&self) -> impl Iterator<Item = (usize, f64)> {
        self.inputs.iter().copied()
    }

    pub(crate) fn source_of_neuron(&self, neuron: usize) -> usize {
        self.n_channels + neuron
    }

    pub(crate) fn neurons_of(&self, population: usize) -> Range<usize> {
        self.populations[population].1.clone()
    }

    pub(crate) fn bundles_of(&self, source: usize) -> Range<usize> {
        self.bundles_of[source].clone()
    }

    pub(crate) fn delay(&self, bundle: usize) -> f64 {
        self.bundles[bundle].delay
    }

    /// Neuron, place in the description, and weight.
    pub(crate) fn synapses_of(&self, bundle: usize) -> impl Iterator<Item = (usize, usize, f64)> {
        let range = self.bundles[bundle].synapses.clone();
        self.synapses[range].iter().map(|(neuron, place, weight)| (*neuron as usize, *place as usize, *weight))
    }

    /// Populations such that connections only go forward.
    pub(crate) fn feed_forward_order(&self) -> Result<Vec<usize>, SimulationError> {
        self.order.clone().map_err(|population| SimulationError::Recurrent {
            case: self.name.clone(),
            population: self.populations[population].0.clone(),
        })
    }

    /// Names of the case and of the population of a neuron, and its number there.
    fn place_of(&self, neuron: usize) -> (String, String, usize) {
        let (population, neurons) = &self.populations[self.population_of_neuron[neuron]];
        (self.name.clone(), population.clone(), neuron - neurons.start)
    }

    pub(crate) fn recorder(&self) -> Recorder<'_> {
        Recorder {
            network: self,
            spikes: vec![Vec::new(); self.bodies.len()],
            count: 0,
            steps: vec![0; self.bodies.len()],
        }
    }
}

impl Recorder<'_> {
    /// Notes a spike.
    ///
    /// # Errors
    /// [`SimulationError::TooManySpikes`].
    pub fn record(&mut self, neuron: usize, time: f64) -> Result<(), SimulationError> {
        if self.count == MOST_SPIKES {
            let (case, population, neuron) = self.network.place_of(neuron);
            return Err(SimulationError::TooManySpikes { case, population, neuron, time });
        }
        self.count += 1;
        self.spikes[neuron].push(time);
        Ok(())
    }

    /// Notes that a neuron looked further ahead.
    ///
    /// # Errors
    /// [`SimulationError::TooManySteps`].
    pub fn record_step(&mut self, neuron: usize, time: f64) -> Result<(), SimulationError> {
        self.steps[neuron] += 1;
        if self.steps[neuron] > MOST_STEPS {
            let (case, population, neuron) = self.network.place_of(neuron);
            return Err(SimulationError::TooManySteps { case, population, neuron, time });
        }
        Ok(())
    }

    /// The spikes by population.
    pub fn finish(self) -> Spikes {
        let mut spikes = self.spikes.into_iter();
        let populations = self.network.populations.iter();
        Spikes { populations: populations.map(|(_, neurons)| spikes.by_ref().take(neurons.len()).collect()).collect() }
    }
}

/// Depth of every population in the graph of the connections.
///
/// # Errors
/// A population that lies on a loop.
fn depths(case: &Case) -> Result<Vec<usize>, usize> {
    let index = indices(case);
    let mut sources: Vec<Vec<usize>> = vec![Vec::new(); case.populations.len()];
    for connection in case.connections.iter().filter(|c| c.synapses.iter().any(|s| s.weight != 0.0)) {
        if let Some(from) = index.get(connection.from.as_str()) {
            sources[index[connection.to.as_str()]].push(*from);
        }
    }
    let mut depth: Vec<Option<usize>> = vec![None; sources.len()];
    for round in 0..sources.len() {
        let is_ready = |p: &usize| depth[*p].is_none() && sources[*p].iter().all(|s| depth[*s].is_some());
        let ready: Vec<usize> = (0..sources.len()).filter(is_ready).collect();
        for p in ready {
            depth[p] = Some(round);
        }
    }
    let Some(mut left) = depth.iter().position(Option::is_none) else {
        return Ok(depth.into_iter().flatten().collect());
    };
    // Whatever is left has a source that is left: following sources ends on a loop.
    for _ in 0..sources.len() {
        left = sources[left].iter().copied().find(|s| depth[*s].is_none()).unwrap_or(left);
    }
    Err(left)
}

fn indices(case: &Case) -> BTreeMap<&str, usize> {
    case.populations.iter().enumerate().map(|(p, population)| (population.name.as_str(), p)).collect()
}

fn inputs(case: &Case) -> Vec<(usize, f64)> {
    let channels = case.input_spikes.iter().enumerate();
    let spikes = channels.flat_map(|(channel, times)| times.iter().map(move |t| (channel, *t)));
    // Adding zero turns -0 into 0, which times are compared with by their bits.
    spikes.filter(|(_, t)| *t <= case.duration).map(|(channel, t)| (channel, t + 0.0)).collect()
}
