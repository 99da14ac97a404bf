//! Feed-forward networks, one depth after the other.
//!
//! The neurons of a depth that are plain (one circuit, linear between events) stand in blocks of four, with the union of their
//! lines and dense tables of synaptic currents, `(n_blocks, n_lines)`. A change of weights only refills these.

use crate::events::Arrival;
use crate::parameters::NeuronParameters;

use super::block::Jumps;
use super::decay::{DecayTable, LANES};
use super::wiring::{Entry, Strengths, Wiring};

/// No place among the lines of a layer.
const NONE: u32 = u32::MAX;

/// Neurons of equal depth.
#[derive(Debug, Clone)]
pub struct Layer {
    /// Plain neurons, ascending.
    pub plain: Vec<usize>,
    /// The others, ascending.
    pub others: Vec<usize>,
    /// Place of each line among those that reach the plain neurons.
    position_of_line: Vec<u32>,
    /// Place of a plain neuron, place of a line, and the synapse between them.
    entries: Vec<(u32, u32, Entry)>,
    n_lines: usize,
    /// Jumps of the currents, `[block * n_lines + position]`.
    jumps: Vec<Jumps>,
    /// Decay tables by block; empty if a time constant is too short for them.
    decays: Vec<DecayTable>,
}

impl Layer {
    /// A layer of plain and other neurons.
    pub fn new(wiring: &Wiring, plain: Vec<usize>, others: Vec<usize>, parameters: &[NeuronParameters]) -> Self {
        let mut position_of_line = vec![NONE; wiring.lines.len()];
        for entry in plain.iter().flat_map(|n| wiring.incoming(*n)) {
            position_of_line[entry.line as usize] = 0;
        }
        let mut n_lines = 0;
        for position in position_of_line.iter_mut().filter(|p| **p != NONE) {
            *position = n_lines;
            n_lines += 1;
        }
        let entries = plain
            .iter()
            .zip(0..)
            .flat_map(|(n, target)| wiring.incoming(*n).iter().map(move |entry| (target, *entry)))
            .map(|(target, entry)| (target, position_of_line[entry.line as usize], entry))
            .collect();
        let table = |block: &[usize]| DecayTable::new(block.iter().map(|n| &parameters[*n]));
        Self {
            position_of_line,
            entries,
            n_lines: n_lines as usize,
            jumps: vec![Jumps::default(); n_lines as usize * plain.len().div_ceil(LANES)],
            decays: plain.chunks(LANES).map(table).collect::<Option<_>>().unwrap_or_default(),
            plain,
            others,
        }
    }

    /// All of its neurons.
    pub fn neurons(&self) -> impl Iterator<Item = usize> {
        self.plain.iter().chain(&self.others).copied()
    }

    /// Refills the tables of synaptic currents.
    pub fn load(&mut self, synapses: &Strengths<'_>, parameters: &[NeuronParameters]) {
        self.jumps.fill(Jumps::default());
        for (target, position, entry) in &self.entries {
            let strength = synapses.of(entry);
            if strength == 0.0 {
                continue;
            }
            let (block, lane) = (*target as usize / LANES, *target as usize % LANES);
            let neuron = &parameters[self.plain[*target as usize]];
            let jumps = &mut self.jumps[block * self.n_lines + *position as usize];
            if entry.input == 0 {
                jumps.exc[lane] += strength * neuron.gain_exc;
            } else {
                jumps.inh[lane] += strength * neuron.gain_inh;
            }
        }
    }

    /// The events that reach the plain neurons of this layer; lines become places in its tables. `all` is sorted, and so are they.
    pub fn arrivals(&self, all: &[Arrival], arrivals: &mut Vec<Arrival>) {
        arrivals.clear();
        arrivals.extend(all.iter().filter_map(|a| {
            let source = self.position_of_line[a.source as usize];
            (source != NONE).then_some(Arrival { source, ..*a })
        }));
    }

    /// Decay tables and current jumps of the blocks; `None` if the neurons can only be run one by one.
    pub fn blocks(&self) -> Option<impl Iterator<Item = (&DecayTable, &[Jumps])>> {
        let complete = self.decays.len() == self.plain.len().div_ceil(LANES);
        // A layer that no line reaches has empty tables.
        let jumps = (0..self.decays.len()).map(|b| &self.jumps[b * self.n_lines..(b + 1) * self.n_lines]);
        complete.then(|| self.decays.iter().zip(jumps))
    }
}
