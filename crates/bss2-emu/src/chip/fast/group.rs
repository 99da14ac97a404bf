//! The neurons of a layer that have equally many circuits, in blocks, and the jumps that events make of their currents.

use crate::chip::Chip;
use crate::chip::circuits::Neuron;
use crate::codes::WeightCode;
use crate::engine::fast::tables::Block;
use crate::engine::fast::vector::{LANES, Lanes, Loops, widest};
use crate::engine::wiring::Strengths;

/// Fewer synapses than this are not worth a row.
const FEWEST_IN_A_ROW: usize = 4;

/// Neurons that have up to `K` circuits.
#[derive(Debug, Clone)]
pub struct Group<const K: usize> {
    /// Ascending; sixteen to a block.
    pub neurons: Vec<usize>,
    pub blocks: Vec<Block<K>>,
    pub n_lines: usize,
    /// Jumps of the currents, `[(block * (n_lines + 1) + line) * 2 K + input]`; the last line has no synapses.
    pub jumps: Vec<Lanes>,
    /// Rows that are the first at their place, and those that add to others.
    first: Vec<Row>,
    more: Vec<Row>,
    singles: Vec<Single>,
    /// Places without a row that singles or stuck synapses have, and what no weight changes.
    bare: Vec<u32>,
    stuck: Vec<(u32, Lanes)>,
}

/// Synapses side by side: one for each lane of a block.
#[derive(Debug, Clone)]
struct Row {
    per_code: Lanes,
    place: u32,
    /// Synapse of the first lane.
    synapse: u32,
    hemisphere: u8,
}

/// A synapse and what it does to the jumps.
#[derive(Debug, Clone, Copy)]
struct Single {
    per_code: f32,
    place: u32,
    synapse: u32,
    hemisphere: u8,
    lane: u8,
}

impl<const K: usize> Group<K> {
    /// The neurons of a chip that can be in such blocks.
    pub fn new(neurons: Vec<usize>, chip: &Chip, position_of_line: &[u32], n_lines: usize) -> Self {
        let body = |n: &usize| chip.neurons[*n].as_ref().map(|neuron| &neuron.body);
        let blocks: Vec<Block<K>> = neurons.chunks(LANES).map(|of| Block::new(of.iter().filter_map(body))).collect();
        let none = Lanes::all(0.0);
        let jumps = vec![none; blocks.len() * (n_lines + 1) * 2 * K];
        let mut singles: Vec<Single> = Vec::new();
        let mut stuck: Vec<(u32, Lanes)> = Vec::new();
        for (target, &n) in neurons.iter().enumerate() {
            let Some(Neuron { gains, .. }) = &chip.neurons[n] else { continue };
            for entry in chip.wiring.incoming(n) {
                let position = position_of_line[entry.line as usize] as usize;
                let input = usize::from(entry.input);
                let place = (((target / LANES * (n_lines + 1)) + position) * 2 * K + input) as u32;
                let (h, synapse) = (usize::from(entry.hemisphere), entry.synapse as usize);
                let strength = |code| chip.deviations.synapses.strength(h, synapse, code);
                let (without, with) = (strength(0) * gains[input], strength(1) * gains[input]);
                if without == 0.0 {
                    singles.push(Single {
                        hemisphere: entry.hemisphere,
                        lane: (target % LANES) as u8,
                        synapse: entry.synapse,
                        place,
                        per_code: with as f32,
                    });
                } else {
                    let mut lanes = none;
                    lanes.0[target % LANES] = without as f32;
                    stuck.push((place, lanes));
                }
            }
        }
        let mut group = Self {
            neurons,
            blocks,
            n_lines,
            jumps,
            first: Vec::new(),
            more: Vec::new(),
            singles: Vec::new(),
            bare: Vec::new(),
            stuck,
        };
        group.arrange(singles);
        group
    }

    /// Finds the synapses that lie side by side.
    fn arrange(&mut self, mut singles: Vec<Single>) {
        // In a row, synapses and lanes are numbered alike.
        let row = |s: &Single| (s.place, s.hemisphere, s.synapse.wrapping_sub(u32::from(s.lane)));
        singles.sort_by_key(|s| (row(s), s.lane));
        for of_row in singles.chunk_by(|a, b| row(a) == row(b)) {
            let (place, hemisphere, synapse) = row(&of_row[0]);
            let fits = (synapse as usize).saturating_add(LANES) <= crate::codes::ROWS * crate::codes::COLUMNS;
            if of_row.len() < FEWEST_IN_A_ROW || !fits {
                self.singles.extend(of_row);
                continue;
            }
            let mut per_code = Lanes::all(0.0);
            for single in of_row {
                per_code.0[usize::from(single.lane)] = single.per_code;
            }
            let is_first = self.first.last().is_none_or(|row| row.place != place);
            let rows = if is_first { &mut self.first } else { &mut self.more };
            rows.push(Row { per_code, place, synapse, hemisphere });
        }
        let has_row = |place: &u32| self.first.binary_search_by_key(place, |row| row.place).is_ok();
        self.bare = self.singles.iter().map(|s| s.place).chain(self.stuck.iter().map(|s| s.0)).collect();
        self.bare.sort_unstable();
        self.bare.dedup();
        self.bare.retain(|place| !has_row(place));
    }

    /// Refills the jumps.
    pub fn load(&mut self, synapses: &Strengths<'_>) {
        widest(Load { group: self, codes: [0, 1].map(|h| synapses.arrays.weights(h)) });
    }
}

struct Load<'a, const K: usize> {
    group: &'a mut Group<K>,
    codes: [&'a [WeightCode]; 2],
}

impl<const K: usize> Loops for Load<'_, K> {
    type Output = ();

    #[inline(always)]
    #[allow(clippy::inline_always, reason = "the loops are compiled for the processor")]
    fn run(self) {
        let Self { group, codes } = self;
        let jumps = &mut group.jumps;
        let of_row = |row: &Row| {
            let codes = &codes[usize::from(row.hemisphere)][row.synapse as usize..][..LANES];
            let mut lanes = row.per_code;
            for (lane, code) in lanes.0.iter_mut().zip(codes) {
                *lane *= f32::from(code.get());
            }
            lanes
        };
        for row in &group.first {
            jumps[row.place as usize] = of_row(row);
        }
        for place in &group.bare {
            jumps[*place as usize] = Lanes::all(0.0);
        }
        let mut add = |place: u32, lanes: &Lanes| {
            for (jump, lane) in jumps[place as usize].0.iter_mut().zip(&lanes.0) {
                *jump += lane;
            }
        };
        for row in &group.more {
            add(row.place, &of_row(row));
        }
        for (place, lanes) in &group.stuck {
            add(*place, lanes);
        }
        for Single { per_code, place, synapse, hemisphere, lane } in &group.singles {
            let code = codes[usize::from(*hemisphere)][*synapse as usize].get();
            jumps[*place as usize].0[usize::from(*lane) % LANES] += f32::from(code) * per_code;
        }
    }
}
