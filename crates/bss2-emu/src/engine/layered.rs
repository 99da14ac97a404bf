//! Feed-forward networks, one depth after the other.
//!
//! The connections of the routing are compiled once into layers: neurons of equal depth with the union of their sources and
//! dense tables of synaptic currents, `(n_sources, n_neurons)`. A change of weights only refills the tables.

use std::collections::BTreeMap;

use crate::codes::{NEURONS, NeuronId};
use crate::device::DeviceError;
use crate::events::Arrival;
use crate::membrane::{Membrane, State};
use crate::parameters::NeuronParameters;
use crate::routing::{Connection, Routing};
use crate::synapses::SynapseArrays;

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
    /// Jump of the excitatory and inhibitory current, `[source * n_neurons + neuron]`, in LSB/us.
    exc: Vec<f64>,
    inh: Vec<f64>,
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

    /// Refills the tables of synaptic currents.
    pub fn load(&mut self, arrays: &SynapseArrays, factors: &[Vec<f32>; 2], neurons: &[NeuronParameters]) {
        for layer in &mut self.layers {
            layer.exc.fill(0.0);
            layer.inh.fill(0.0);
            let width = layer.neurons.len();
            for entry in &layer.entries {
                let code = arrays.weight(entry.hemisphere, entry.synapse).get();
                if code == 0 {
                    continue;
                }
                let strength = f64::from(code) * f64::from(factors[entry.hemisphere][entry.synapse]);
                let parameters = &neurons[layer.neurons[entry.target]];
                let at = entry.position * width + entry.target;
                if entry.inhibitory {
                    layer.inh[at] += strength * parameters.gain_inh;
                } else {
                    layer.exc[at] += strength * parameters.gain_exc;
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
        let size = positions.len() * neurons.len();
        Self {
            position_of_channel: (0..n_channels).map(|c| positions.get(&Source::Channel(c as u16)).copied()).collect(),
            position_of_neuron: (0..NEURONS).map(|n| positions.get(&Source::Neuron(n as u16)).copied()).collect(),
            entries,
            exc: vec![0.0; size],
            inh: vec![0.0; size],
            neurons,
        }
    }

    /// The events that reach this layer, sorted; sources become positions in its tables.
    pub fn arrivals(&self, external: &[Arrival], internal: &[Arrival]) -> Vec<Arrival> {
        let place =
            |table: &[Option<u32>], a: &Arrival| table[a.source as usize].map(|source| Arrival { source, ..*a });
        let mut arrivals: Vec<Arrival> = external.iter().filter_map(|a| place(&self.position_of_channel, a)).collect();
        arrivals.extend(internal.iter().filter_map(|a| place(&self.position_of_neuron, a)));
        crate::events::sort(&mut arrivals);
        arrivals
    }

    /// Current jumps of neuron `k` of the layer for an event of a source.
    fn jumps(&self, source: u32, k: usize) -> (f64, f64) {
        let at = source as usize * self.neurons.len() + k;
        (self.exc[at], self.inh[at])
    }
}

/// A look at a neuron: by the CADC, as the given row of its samples, or by the MADC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sample {
    Cadc(usize),
    Madc,
}

/// What happens to one neuron in one trial.
pub struct Course<'a> {
    /// Events, sorted by time.
    pub arrivals: &'a [Arrival],
    /// The neuron's layer and its place there; `None` for a neuron without synapses.
    pub place: Option<(&'a Layer, usize)>,
    /// Times of forced resets, sorted.
    pub resets_us: &'a [f64],
    /// End of the trial.
    pub duration_us: f64,
}

impl Course<'_> {
    /// Integrates the neuron. `on_sample` sees the state at each of `samples` (sorted).
    pub fn run(
        &self,
        membrane: &Membrane,
        samples: &[(f64, Sample)],
        mut on_sample: impl FnMut(&State, Sample),
        mut on_spike: impl FnMut(f64),
    ) {
        let mut state = State::at_rest(0.0);
        let mut samples = samples.iter().copied().peekable();
        let mut resets = self.resets_us.iter().copied().peekable();
        let arrivals = if self.place.is_some() { self.arrivals } else { &[] };
        let mut next = 0;
        while next < arrivals.len() || samples.peek().is_some() || resets.peek().is_some() {
            let event = arrivals.get(next).map_or(f64::INFINITY, |a| a.time_us);
            let reset = resets.peek().copied().unwrap_or(f64::INFINITY);
            let sample = samples.peek().map_or(f64::INFINITY, |s| s.0);
            let time = event.min(reset).min(sample);
            if time > self.duration_us {
                break;
            }
            if time == event
                && let Some((layer, k)) = self.place
            {
                let (exc, inh) = layer.jumps(arrivals[next].source, k);
                if exc != 0.0 || inh != 0.0 {
                    membrane.advance(&mut state, time, &mut on_spike);
                    state.receive(exc, inh);
                }
                next += 1;
                continue;
            }
            membrane.advance(&mut state, time, &mut on_spike);
            if time == reset {
                membrane.force_reset(&mut state);
                resets.next();
            } else if let Some((_, sample)) = samples.next() {
                on_sample(&state, sample);
            }
        }
        membrane.advance(&mut state, self.duration_us, &mut on_spike);
    }
}
