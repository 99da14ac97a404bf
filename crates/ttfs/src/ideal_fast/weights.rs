//! Weights in the order in which the loop over spikes needs them.

use bss2_emu::vectors::{LANES, Lanes};

/// Vectors of a wide block: neurons that go through all spikes together.
pub(super) const WIDE: usize = 8;

/// Weights of a layer, block by block, source by source, neuron by neuron, each block with a row of zeros at its end.
#[derive(Debug, Default)]
pub(super) struct Weights {
    pub(super) n_sources: usize,
    pub(super) n_neurons: usize,
    /// Blocks of [`WIDE`] vectors. Neurons behind them are in blocks of one vector.
    n_wide: usize,
    rows: Vec<Lanes>,
}

impl Weights {
    /// Takes weights of `(source, neuron)`; `fill` is given one row after the other.
    pub(super) fn new((n_sources, n_neurons): (usize, usize), mut fill: impl FnMut(usize, &mut [f32])) -> Self {
        let vectors = n_neurons.div_ceil(LANES);
        let n_wide = vectors / WIDE;
        let mut rows = vec![Lanes::all(0.0); vectors * (n_sources + 1)];
        let mut row = vec![0.0; vectors * LANES];
        for source in 0..n_sources {
            fill(source, &mut row[..n_neurons]);
            for (vector, lanes) in row.as_chunks::<LANES>().0.iter().enumerate() {
                rows[place(n_sources, n_wide, source, vector)] = Lanes(*lanes);
            }
        }
        Self { n_sources, n_neurons, n_wide, rows }
    }

    /// Wide blocks: the number of the first vector and the rows.
    pub(super) fn wide(&self) -> impl Iterator<Item = (usize, &[[Lanes; WIDE]])> {
        let blocks = self.rows.chunks_exact(WIDE * (self.n_sources + 1)).take(self.n_wide);
        blocks.enumerate().map(|(number, rows)| (number * WIDE, rows.as_chunks().0))
    }

    /// Blocks of one vector behind them.
    pub(super) fn narrow(&self) -> impl Iterator<Item = (usize, &[[Lanes; 1]])> {
        let blocks = self.rows.chunks_exact(self.n_sources + 1).enumerate().skip(self.n_wide * WIDE);
        blocks.map(|(number, rows)| (number, rows.as_chunks().0))
    }

    /// Vectors of neurons.
    pub(super) fn vectors(&self) -> usize {
        self.n_neurons.div_ceil(LANES)
    }

    /// One weight.
    pub(super) fn of(&self, source: usize, neuron: usize) -> f32 {
        self.rows[place(self.n_sources, self.n_wide, source, neuron / LANES)].0[neuron % LANES]
    }
}

/// Where a vector of weights is.
fn place(n_sources: usize, n_wide: usize, source: usize, vector: usize) -> usize {
    let size = if vector / WIDE < n_wide { WIDE } else { 1 };
    let block = vector - vector % size;
    block * (n_sources + 1) + source * size + vector % size
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_neurons_of_all_blocks_have_their_weights() {
        for n in [1, 16, 17, 32, 33, 64, 90, 100, 120, 246] {
            let weights = Weights::new((5, n), |source, row| {
                for (j, w) in row.iter_mut().enumerate() {
                    *w = (1000 * source + j) as f32;
                }
            });
            assert!((0..5).all(|source| (0..n).all(|j| weights.of(source, j) == (1000 * source + j) as f32)));
            let mut seen = 0;
            for (from, rows) in weights.wide() {
                assert!(rows.len() == 6 && rows[5] == [Lanes::all(0.0); WIDE]);
                assert_eq!((from, rows[3][1].0[2]), (seen, weights.of(3, (seen + 1) * LANES + 2)));
                seen += WIDE;
            }
            for (from, rows) in weights.narrow() {
                assert!(rows.len() == 6 && rows[5] == [Lanes::all(0.0)]);
                assert_eq!((from, rows[3][0].0[0]), (seen, weights.of(3, seen * LANES)));
                seen += 1;
            }
            assert_eq!(seen, weights.vectors());
        }
    }
}
