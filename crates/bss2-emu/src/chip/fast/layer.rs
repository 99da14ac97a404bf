//! The neurons of one depth, by the number of their circuits.

use crate::chip::Chip;
use crate::chip::run::Run;
use crate::engine::fast::tables;
use crate::engine::wiring::Strengths;
use crate::events::express::Behind;

use super::NONE;
use super::blocks::{self, PreparedBlock};
use super::group::Group;
use super::way::OnItsWay;

/// The neurons of one depth.
#[derive(Debug, Clone)]
pub struct FastLayer {
    /// By line.
    pub position_of_line: Vec<u32>,
    pub n_lines: u32,
    /// Of this layer and those behind it.
    pub onwards: Behind,
    singles: Group<1>,
    pairs: Group<2>,
    fours: Group<4>,
    eights: Group<8>,
}

/// The blocks of each group in a run.
pub struct PreparedLayer([Vec<PreparedBlock>; 4]);

impl FastLayer {
    /// A layer, if all of its neurons can be in blocks.
    pub fn new(chip: &Chip, neurons: impl Iterator<Item = usize>) -> Option<Self> {
        let wiring = &chip.wiring;
        let mut groups: [Vec<usize>; 4] = Default::default();
        let mut position_of_line = vec![NONE; wiring.lines.len()];
        let mut onwards = Behind::default();
        for n in neurons {
            onwards.outputs |= 1 << wiring.lines.output(n as u32);
            onwards.buses |= wiring.lines.of_neuron(n as u32).fold(0, |all, line| all | 1 << wiring.lines.bus(line));
            let circuits = tables::circuits(&chip.neurons[n].as_ref()?.body)?;
            groups[circuits.next_power_of_two().ilog2() as usize].push(n);
            for entry in wiring.incoming(n) {
                position_of_line[entry.line as usize] = 0;
            }
        }
        let mut n_lines = 0;
        for position in position_of_line.iter_mut().filter(|p| **p != NONE) {
            *position = n_lines;
            n_lines += 1;
        }
        onwards.wanted = position_of_line.iter().map(|position| *position != NONE).collect();
        for group in &mut groups {
            group.sort_unstable();
        }
        let [singles, pairs, fours, eights] = groups;
        let count = n_lines;
        let n_lines = n_lines as usize;
        Some(Self {
            n_lines: count,
            onwards,
            singles: Group::new(singles, chip, &position_of_line, n_lines),
            pairs: Group::new(pairs, chip, &position_of_line, n_lines),
            fours: Group::new(fours, chip, &position_of_line, n_lines),
            eights: Group::new(eights, chip, &position_of_line, n_lines),
            position_of_line,
        })
    }

    /// Tells the layers what those behind them want and send through.
    pub fn tell(layers: &mut [Self]) {
        for k in (1..layers.len()).rev() {
            let (front, back) = layers.split_at_mut(k);
            let (mine, theirs) = (&mut front[k - 1].onwards, &back[0].onwards);
            mine.outputs |= theirs.outputs;
            mine.buses |= theirs.buses;
            for (mine, theirs) in mine.wanted.iter_mut().zip(&theirs.wanted) {
                *mine |= theirs;
            }
        }
    }

    /// Refills the jumps.
    pub fn load(&mut self, synapses: &Strengths<'_>) {
        self.singles.load(synapses);
        self.pairs.load(synapses);
        self.fours.load(synapses);
        self.eights.load(synapses);
    }

    /// The blocks in a run.
    pub fn prepare(&self, run: &Run<'_>) -> PreparedLayer {
        PreparedLayer([
            blocks::prepare(run, &self.singles),
            blocks::prepare(run, &self.pairs),
            blocks::prepare(run, &self.fours),
            blocks::prepare(run, &self.eights),
        ])
    }

    /// Runs all blocks in all trials of a chunk.
    pub fn all_blocks(&self, run: &Run<'_>, prepared: &PreparedLayer, trials: &mut [OnItsWay]) {
        let PreparedLayer([singles, pairs, fours, eights]) = prepared;
        blocks::all_blocks(run, &self.singles, singles, trials);
        blocks::all_blocks(run, &self.pairs, pairs, trials);
        blocks::all_blocks(run, &self.fours, fours, trials);
        blocks::all_blocks(run, &self.eights, eights, trials);
    }
}
