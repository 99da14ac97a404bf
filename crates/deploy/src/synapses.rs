//! The synapse arrays as a laboratory would write them: weights, labels, signs of rows, and what each neuron circuit is.

use bss2_emu::Hemisphere;
use bss2_emu::codes::{COLUMNS, NEURONS, ROWS};
use bss2_emu::routing::RowMode;
use ndarray::{Array1, Array2, Array3};
use ttfs::network::Network;
use ttfs::placement::Placement;
use ttfs::scaling::Scaling;

/// One configuration of the chip.
#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    /// Weight codes 0..=63, `(hemisphere, row, column)`, the upper hemisphere first.
    pub weights: Array3<u8>,
    /// Labels 0..=63, `(hemisphere, row, column)`; 0: the synapse is not used.
    pub labels: Array3<u8>,
    /// Signs of the rows, `(hemisphere, row)`: 1 excitatory, -1 inhibitory, 0 disabled.
    pub signs: Array2<i8>,
    /// Layer of each neuron circuit in `AtomicNeuron` order, from 1; 0: not used.
    pub layer: Array1<i16>,
    /// Number of the neuron in its layer that each circuit belongs to, from 0; -1: none.
    pub index: Array1<i16>,
}

impl Image {
    /// What a placement holds of a network; `layers`: which layers of the network those of the placement are, counted from 0, and
    /// the number of the first neuron in them.
    ///
    /// `weights`: `(n_sources, n_neurons)` for each layer of the placement, as [`Placement::rows`] takes them.
    pub fn new(
        placement: &Placement,
        network: &Network,
        scaling: &Scaling,
        first_layer: usize,
        first_neuron: usize,
    ) -> Self {
        let mut weights = Array3::zeros((2, ROWS, COLUMNS));
        for row in placement.rows(&network.weights, scaling) {
            for (k, weight) in row.weights.iter().enumerate() {
                weights[[row.hemisphere.index(), row.row, row.first_column + k]] = weight.get();
            }
        }
        let routing = &placement.routing;
        let labels = Array3::from_shape_fn((2, ROWS, COLUMNS), |(h, row, column)| {
            routing.labels[h][row * COLUMNS + column].get()
        });
        let signs = Array2::from_shape_fn((2, ROWS), |(h, row)| match routing.row_modes[h][row] {
            RowMode::Excitatory => 1,
            RowMode::Inhibitory => -1,
            RowMode::Disabled => 0,
        });
        let (mut layer, mut index) = (Array1::zeros(NEURONS), Array1::from_elem(NEURONS, -1));
        for (number, neurons) in placement.neurons.iter().enumerate() {
            for (k, neuron) in neurons.iter().enumerate() {
                let joined = routing.logical_neurons.iter().find(|circuits| circuits.contains(neuron));
                for circuit in joined.map_or(std::slice::from_ref(neuron), Vec::as_slice) {
                    layer[circuit.index()] = (first_layer + number) as i16 + 1;
                    index[circuit.index()] = (first_neuron + k) as i16;
                }
            }
        }
        Self { weights, labels, signs, layer, index }
    }

    /// Layer of the neuron that a synapse belongs to, from 1; 0: the synapse is not used.
    pub fn layer_of(&self, hemisphere: Hemisphere, row: usize, column: usize) -> i16 {
        let h = hemisphere.index();
        let used = self.labels[[h, row, column]] != 0 && self.signs[[h, row]] != 0;
        if used { self.layer[h * COLUMNS + column] } else { 0 }
    }

    /// Synapses that are used, and the sum of their weight codes.
    pub fn totals(&self) -> (usize, u64) {
        let used = self.labels.iter().filter(|label| **label != 0).count();
        (used, self.weights.iter().map(|w| u64::from(*w)).sum())
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::Mapping;

    #[test]
    fn a_weight_is_in_the_row_of_its_sign_and_the_column_of_its_neuron() {
        let network = Network::new(vec![array![[1.0, -0.5], [0.0, 2.1]], array![[0.3], [-0.1]]]);
        let placement = Placement::new(2, &[2, 1]).unwrap();
        let scaling = Mapping::default().nominal(1.0, 30.0).unwrap();
        let image = Image::new(&placement, &network, &scaling, 0, 0);
        assert_eq!((image.weights[[0, 0, 0]], image.weights[[0, 1, 0]]), (30, 0));
        assert_eq!((image.weights[[0, 0, 1]], image.weights[[0, 1, 1]]), (0, 15));
        assert_eq!(image.weights[[0, 2, 1]], 63);
        assert_eq!((image.signs[[0, 0]], image.signs[[0, 1]], image.signs[[0, 4]]), (1, -1, 0));
        assert_eq!((image.layer[0], image.index[1], image.layer[256], image.layer[300]), (1, 1, 2, 0));
        assert_eq!(image.layer_of(Hemisphere::Top, 0, 1), 1);
        assert_eq!(image.layer_of(Hemisphere::Top, 0, 2), 0);
        assert_eq!(image.totals(), (12, 30 + 15 + 63 + 9 + 3));
        // Both circuits of a neuron are its own.
        let joined = Placement::joined(130, &[3]).unwrap();
        let network = Network::new(vec![Array2::zeros((130, 3))]);
        let image = Image::new(&joined, &network, &scaling, 1, 10);
        assert_eq!(image.index.iter().filter(|i| **i == 11).count(), 2);
        assert!(image.layer.iter().all(|l| *l == 0 || *l == 2));
    }
}
