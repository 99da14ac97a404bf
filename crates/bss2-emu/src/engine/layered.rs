//! Feed-forward networks, one depth after the other.
//!
//! The connections of the routing are compiled once into layers: neurons of equal depth, in blocks of four, with the union of
//! their sources and dense tables of synaptic currents, `(n_blocks, n_sources)`. A change of weights only refills these.

use std::collections::BTreeMap;

use crate::codes::{NEURONS, NeuronId};
use crate::device::DeviceError;
use crate::events::Arrival;
use crate::parameters::NeuronParameters;
use crate::routing::{Connection, Routing};
use crate::synapses::SynapseArrays;
use crate::variation::SynapseDeviations;

use super::block::Jumps;
use super::decay::{DecayTable, LANES};

/// Where the events of a synapse come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    Channel(u16),
    Neuron(u16),
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    position: usize,
    target: usize,
    hemisphere: usize,
    synapse: usize,
    inhibitory: bool,
}

/// Neurons of equal depth.
#[derive(Debug, Clone)]
pub struct Layer {
    /// Neuron indices, ascending.
    pub neurons: Vec<usize>,
    /// Position in the tables of each input channel, and of each neuron, that reaches this layer.
    position_of_channel: Vec<Option<u32>>,
    position_of_neuron: Vec<Option<u32>>,
    entries: Vec<Entry>,
    n_sources: usize,
    /// Jumps of the currents, `[block * n_sources + source]`.
    jumps: Vec<Jumps>,
    /// Decay tables by block; empty if a time constant is too short for them.
    decays: Vec<DecayTable>,
}

/// A compiled feed-forward network.
#[derive(Debug, Clone, Default)]
pub struct Network {
    /// By depth.
    pub layers: Vec<Layer>,
    /// Whether a neuron has synapses that some source reaches.
    pub connected: Vec<bool>,
}

impl Network {
    /// Compiles the connections of a routing.
    ///
    /// # Errors
    /// [`DeviceError::Recurrent`] if they contain a loop.
    pub fn compile(routing: &Routing) -> Result<Self, DeviceError> {
        let mut incoming: Vec<Vec<(Source, Connection)>> = vec![Vec::new(); NEURONS];
        for (channel, input) in routing.inputs.iter().enumerate() {
            for connection in routing.connections(input.address) {
                incoming[connection.target()].push((Source::Channel(channel as u16), connection));
            }
        }
        for neuron in NeuronId::all() {
            for address in routing.neuron_events(neuron) {
                for connection in routing.connections(address) {
                    incoming[connection.target()].push((Source::Neuron(neuron.get()), connection));
                }
            }
        }
        let depths = depths(&incoming)?;
        let deepest = depths.iter().flatten().max().copied();
        let layers = (0..deepest.map_or(0, |d| d + 1))
            .map(|depth| Layer::new(depth, &depths, &incoming, routing.inputs.len()))
            .collect();
        Ok(Self { layers, connected: depths.iter().map(Option::is_some).collect() })
    }

    /// Refills the decay tables.
    pub fn set_time_constants(&mut self, neurons: &[NeuronParameters]) {
        for layer in &mut self.layers {
            let table = |block: &[usize]| DecayTable::new(block.iter().map(|n| &neurons[*n]));
            layer.decays = layer.neurons.chunks(LANES).map(table).collect::<Option<_>>().unwrap_or_default();
        }
    }

    /// Refills the tables of synaptic currents.
    pub fn load(&mut self, arrays: &SynapseArrays, synapses: &SynapseDeviations, neurons: &[NeuronParameters]) {
        for layer in &mut self.layers {
            layer.jumps.fill(Jumps::default());
            for entry in &layer.entries {
                let code = arrays.weight(entry.hemisphere, entry.synapse).get();
                let strength = synapses.strength(entry.hemisphere, entry.synapse, code);
                if strength == 0.0 {
                    continue;
                }
                let parameters = &neurons[layer.neurons[entry.target]];
                let jumps = &mut layer.jumps[entry.target / LANES * layer.n_sources + entry.position];
                let lane = entry.target % LANES;
                if entry.inhibitory {
                    jumps.inh[lane] += strength * parameters.gain_inh;
                } else {
                    jumps.exc[lane] += strength * parameters.gain_exc;
                }
            }
        }
    }
}

/// Depth of every neuron that has synapses: 0 if only input channels reach it.
fn depths(incoming: &[Vec<(Source, Connection)>]) -> Result<Vec<Option<usize>>, DeviceError> {
    let sources = |n: usize| {
        incoming[n].iter().filter_map(|(source, _)| match source {
            Source::Neuron(m) => Some(usize::from(*m)),
            Source::Channel(_) => None,
        })
    };
    let mut depth: Vec<Option<usize>> = incoming.iter().map(|list| (!list.is_empty()).then_some(0)).collect();
    // A feed-forward network settles after as many sweeps as it has layers; one with a loop never does.
    for _ in 0..=NEURONS {
        let mut settled = true;
        for n in 0..NEURONS {
            // A neuron without synapses of its own is a source at depth "none", which counts as before depth 0.
            let above = sources(n).map(|m| depth[m].map_or(0, |d| d + 1)).max();
            if let (Some(now), Some(above)) = (depth[n], above)
                && above > now
            {
                depth[n] = Some(above);
                settled = false;
            }
        }
        if settled {
            return Ok(depth);
        }
    }
    let neuron = (0..NEURONS).max_by_key(|n| depth[*n]).unwrap_or(0);
    Err(DeviceError::Recurrent { neuron })
}

impl Layer {
    fn new(depth: usize, depths: &[Option<usize>], incoming: &[Vec<(Source, Connection)>], n_channels: usize) -> Self {
        let neurons: Vec<usize> = (0..NEURONS).filter(|n| depths[*n] == Some(depth)).collect();
        let mut positions: BTreeMap<Source, u32> = BTreeMap::new();
        for &n in &neurons {
            for (source, _) in &incoming[n] {
                positions.entry(*source).or_default();
            }
        }
        for (position, value) in positions.values_mut().enumerate() {
            *value = position as u32;
        }
        let entries = neurons
            .iter()
            .enumerate()
            .flat_map(|(target, &n)| {
                let positions = &positions;
                incoming[n].iter().map(move |(source, connection)| Entry {
                    position: positions[source] as usize,
                    target,
                    hemisphere: connection.hemisphere.index(),
                    synapse: connection.synapse(),
                    inhibitory: connection.inhibitory,
                })
            })
            .collect();
        Self {
            position_of_channel: (0..n_channels).map(|c| positions.get(&Source::Channel(c as u16)).copied()).collect(),
            position_of_neuron: (0..NEURONS).map(|n| positions.get(&Source::Neuron(n as u16)).copied()).collect(),
            entries,
            n_sources: positions.len(),
            jumps: vec![Jumps::default(); positions.len() * neurons.len().div_ceil(LANES)],
            decays: Vec::new(),
            neurons,
        }
    }

    /// The events that reach this layer, sorted; sources become positions in its tables.
    pub fn arrivals(&self, external: &[Arrival], internal: &[Arrival], arrivals: &mut Vec<Arrival>) {
        let place =
            |table: &[Option<u32>], a: &Arrival| table[a.source as usize].map(|source| Arrival { source, ..*a });
        arrivals.clear();
        arrivals.extend(external.iter().filter_map(|a| place(&self.position_of_channel, a)));
        arrivals.extend(internal.iter().filter_map(|a| place(&self.position_of_neuron, a)));
        crate::events::sort(arrivals);
    }

    /// Current jumps of neuron `k` of the layer for an event of a source.
    pub fn jumps(&self, source: u32, k: usize) -> (f64, f64) {
        let jumps = &self.jumps[k / LANES * self.n_sources + source as usize];
        (jumps.exc[k % LANES], jumps.inh[k % LANES])
    }

    /// Decay tables and current jumps of the blocks; `None` if its neurons can only be run one by one.
    pub fn blocks(&self) -> Option<impl Iterator<Item = (&DecayTable, &[Jumps])>> {
        let complete = self.decays.len() == self.neurons.len().div_ceil(LANES);
        complete.then(|| self.decays.iter().zip(self.jumps.chunks(self.n_sources)))
    }
}
