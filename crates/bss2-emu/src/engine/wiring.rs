//! Which events drive which neurons: the connections of a routing, compiled once, and the currents that they cause, refilled
//! when weights or neurons change.

use crate::codes::{BUSES, EVENT_OUTPUTS, NEURONS};
use crate::device::DeviceError;
use crate::events::Lines;
use crate::routing::Routing;
use crate::synapses::SynapseArrays;
use crate::variation::SynapseDeviations;

/// Effect of a line on a neuron.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Jump {
    /// The line.
    pub line: u32,
    /// Input of the neuron: twice the position of the circuit among those of the neuron, and one more for inhibition.
    pub input: u16,
    /// Jump of the current, not negative, in LSB/us.
    pub size: f64,
}

/// A synapse that events of a line reach.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    pub line: u32,
    pub input: u16,
    pub hemisphere: u8,
    pub synapse: u32,
}

/// The connections of a routing.
#[derive(Debug, Clone)]
pub struct Wiring {
    pub lines: Lines,
    /// Circuits of each neuron, itself first; none for a circuit that is joined to another.
    circuits: Vec<Vec<usize>>,
    /// By neuron, sorted by line and input.
    incoming: Vec<Vec<Entry>>,
    /// Neurons whose spikes reach each neuron.
    senders: Vec<Vec<usize>>,
}

impl Wiring {
    /// Compiles a checked routing.
    pub fn compile(routing: &Routing) -> Self {
        let mut circuits: Vec<Vec<usize>> = (0..NEURONS).map(|n| vec![n]).collect();
        let pairs = routing.delay_pairs.iter().map(|pair| vec![pair.neuron, pair.partner()]);
        for joined in routing.logical_neurons.iter().cloned().chain(pairs) {
            for circuit in &joined {
                circuits[circuit.index()].clear();
            }
            if let Some(first) = joined.first() {
                circuits[first.index()] = joined.iter().map(|c| c.index()).collect();
            }
        }
        // Neuron and position that each circuit belongs to.
        let mut owner = vec![(0, 0); NEURONS];
        for (neuron, circuits) in circuits.iter().enumerate() {
            for (position, circuit) in circuits.iter().enumerate() {
                owner[*circuit] = (neuron, position);
            }
        }
        let lines = Lines::new(routing);
        let mut incoming = vec![Vec::new(); NEURONS];
        for (line, address) in lines.addresses(routing) {
            for connection in routing.connections(address) {
                let (neuron, position) = owner[connection.target()];
                incoming[neuron].push(Entry {
                    line,
                    input: 2 * position as u16 + u16::from(connection.inhibitory),
                    hemisphere: connection.hemisphere.index() as u8,
                    synapse: connection.synapse() as u32,
                });
            }
        }
        for entries in &mut incoming {
            entries.sort_by_key(|e| (e.line, e.input));
        }
        let senders = incoming
            .iter()
            .map(|entries: &Vec<Entry>| {
                let mut senders: Vec<usize> = entries.iter().filter_map(|e| lines.sender(e.line)).collect();
                senders.dedup();
                senders
            })
            .collect();
        Self { lines, circuits, incoming, senders }
    }

    /// Circuits of a neuron, itself first; none for a circuit that is joined to another.
    pub fn circuits(&self, neuron: usize) -> &[usize] {
        &self.circuits[neuron]
    }

    /// Synapses of a neuron, sorted by line and input.
    pub fn incoming(&self, neuron: usize) -> &[Entry] {
        &self.incoming[neuron]
    }

    /// Effects of all lines on a neuron, sorted by line and input; `gains` are currents per unit of weight, by input.
    pub fn jumps(&self, neuron: usize, synapses: &Strengths<'_>, gains: &[f64]) -> Vec<Jump> {
        let mut jumps: Vec<Jump> = Vec::new();
        for entry in &self.incoming[neuron] {
            let strength = synapses.of(entry);
            if strength == 0.0 {
                continue;
            }
            let size = strength * gains[usize::from(entry.input)];
            match jumps.last_mut() {
                Some(last) if (last.line, last.input) == (entry.line, entry.input) => last.size += size,
                _ => jumps.push(Jump { line: entry.line, input: entry.input, size }),
            }
        }
        jumps
    }

    /// The layers of a feed-forward network: which neurons can run together, after those whose events reach them.
    ///
    /// Every neuron that `takes_part` gets a stage. Where interfaces pass one event per tick (`serialised`), neurons that share one
    /// have stages in the order of their ranks: then what a later stage sends never delays an earlier one, and letting events
    /// through stage by stage is what the interfaces do.
    ///
    /// # Errors
    /// [`DeviceError::Recurrent`] if the connections contain a loop; [`DeviceError::Unsupported`] if the ranks stand against them.
    pub fn stages(
        &self,
        takes_part: impl Fn(usize) -> bool,
        serialised: bool,
    ) -> Result<Vec<Option<usize>>, DeviceError> {
        let mut stages: Vec<Option<usize>> = (0..NEURONS).map(|n| takes_part(n).then_some(0)).collect();
        let loop_at = self.settle(&mut stages, &[]);
        if let Some(neuron) = loop_at {
            return Err(DeviceError::Recurrent { neuron });
        }
        if serialised && self.settle(&mut stages, &self.interfaces()).is_some() {
            return Err(DeviceError::Unsupported(
                "the layered engine is not exact here: a neuron shares an event output or a bus with one of a later layer \
                 that has a lower number and so goes first",
            ));
        }
        Ok(stages)
    }

    /// Neurons that share an event output or a bus, in the order of their ranks.
    fn interfaces(&self) -> Vec<Vec<usize>> {
        let mut outputs = vec![Vec::new(); EVENT_OUTPUTS];
        let mut buses = vec![Vec::new(); 2 * BUSES];
        for n in 0..NEURONS {
            outputs[usize::from(self.lines.output(n as u32))].push(n);
            for line in self.lines.of_neuron(n as u32) {
                buses[usize::from(self.lines.bus(line))].push(n);
            }
        }
        outputs.into_iter().chain(buses).collect()
    }

    /// Raises stages until every neuron is behind its sources and, of one interface, not before those of lower rank; a neuron
    /// on a loop if that never ends.
    fn settle(&self, stages: &mut [Option<usize>], interfaces: &[Vec<usize>]) -> Option<usize> {
        // As many sweeps as there are stages.
        for _ in 0..=NEURONS {
            let before = stages.to_vec();
            for n in 0..NEURONS {
                let behind = self.senders[n].iter().filter_map(|m| stages[*m]).max().map(|stage| stage + 1);
                stages[n] = stages[n].map(|stage| stage.max(behind.unwrap_or(0)));
            }
            for members in interfaces {
                let mut highest = 0;
                for n in members {
                    if let Some(stage) = &mut stages[*n] {
                        highest = highest.max(*stage);
                        *stage = highest;
                    }
                }
            }
            if before == stages {
                return None;
            }
        }
        (0..NEURONS).max_by_key(|n| stages[*n])
    }
}

/// What events meet at the synapses: the weights as written and the synapses' own factors.
#[derive(Debug, Clone, Copy)]
pub struct Strengths<'a> {
    /// The weights.
    pub arrays: &'a SynapseArrays,
    /// What differs from synapse to synapse.
    pub deviations: &'a SynapseDeviations,
}

impl Strengths<'_> {
    /// Effective weight in units of weight codes.
    pub fn of(&self, entry: &Entry) -> f64 {
        let (hemisphere, synapse) = (usize::from(entry.hemisphere), entry.synapse as usize);
        self.deviations.strength(hemisphere, synapse, self.arrays.weight(hemisphere, synapse).get())
    }
}
