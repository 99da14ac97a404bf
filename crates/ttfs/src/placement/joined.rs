//! Networks of logical neurons: two circuits each, one above the other.
//!
//! A neuron takes both circuits of its column, and so the synapses of both hemispheres: 256 signed inputs. Every one of the
//! 256 synapse drivers serves two sources, told apart by their labels: in the columns of the first layer its synapses
//! answer to an input channel, in the columns of a later layer to the neuron of the layer before that sits in the column of the
//! driver's number.
//!
//! ```text
//! driver number d = 0..256:   hemisphere d / 128, bus (d / 32) mod 4, position d mod 32
//! input channels              number d for channel 4 (d mod 32) + (d / 32) mod 4 + 128 (d / 128), label (position + 1) mod 32
//! neuron of column n          number n, label 32 + n mod 32
//! ```
//! The second rule is the chip's own: the event output of column `n` is `n / 32`, which leads to bus `(n / 32) mod 4`; of the two
//! outputs that share a bus the crossbar takes the lower to the top, the upper to the bottom hemisphere. All drivers see all
//! events of their bus (mask 0); 32 labels of inputs and 32 of neurons are what a label of six bits can tell apart.

use bss2_emu::codes::{BUSES, COLUMNS, DRIVERS, DRIVERS_PER_BUS};
use bss2_emu::routing::{EventAddress, InputChannel, Routing, RowMode};
use bss2_emu::{Hemisphere, Label, NeuronId};

use super::{Placement, PlacementError};

/// Signed inputs of a neuron of two circuits.
pub const JOINED_INPUTS: usize = 2 * DRIVERS;

impl Placement {
    /// Places a network whose neurons are two joined circuits each: up to 256 input channels and 256 neurons in any number of
    /// layers, which take the columns from left to right.
    ///
    /// ```
    /// use ttfs::placement::Placement;
    /// let placement = Placement::joined(256, &[246, 10])?;
    /// assert_eq!(placement.circuits_per_neuron(), 2);
    /// assert!(Placement::joined(256, &[247, 10]).is_err());
    /// # Ok::<(), ttfs::placement::PlacementError>(())
    /// ```
    ///
    /// # Errors
    /// [`PlacementError`] says what does not fit and how much would.
    pub fn joined(n_inputs: usize, sizes: &[usize]) -> Result<Self, PlacementError> {
        let n_neurons: usize = sizes.iter().sum();
        if sizes.is_empty() {
            return Err(PlacementError::Layers { found: 0 });
        }
        if n_neurons > COLUMNS {
            return Err(PlacementError::Joined { found: n_neurons, limit: COLUMNS });
        }
        if n_inputs > JOINED_INPUTS {
            return Err(PlacementError::JoinedInputs { found: n_inputs, limit: JOINED_INPUTS });
        }
        let mut routing = Routing::default();
        let mut neurons = Vec::new();
        let mut first_columns = Vec::new();
        let mut next_column = 0;
        for &size in sizes {
            first_columns.push(next_column);
            let columns = next_column..next_column + size;
            next_column += size;
            let mut layer = Vec::with_capacity(size);
            for column in columns {
                let circuits = [NeuronId::at(Hemisphere::Top, column)?, NeuronId::at(Hemisphere::Bottom, column)?];
                routing.logical_neurons.push(circuits.to_vec());
                layer.push(circuits[0]);
            }
            neurons.push(layer);
        }

        let mut drivers = vec![Vec::with_capacity(n_inputs)];
        for channel in 0..n_inputs {
            let hemisphere = Hemisphere::BOTH[channel / DRIVERS];
            let driver = channel % DRIVERS;
            let (bus, position) = (driver % BUSES, driver / BUSES);
            let label = Label::new((position as i64 + 1) % DRIVERS_PER_BUS as i64)?;
            let address = EventAddress { hemisphere, bus, row_select: position as u8, label };
            routing.inputs.push(InputChannel { port: bus as u8, address });
            open(&mut routing, hemisphere, driver, 0..sizes[0], label);
            drivers[0].push((hemisphere, driver));
        }
        for (layer, sources) in neurons[..neurons.len() - 1].iter().enumerate() {
            let first = first_columns[layer + 1];
            let targets = first..first + sizes[layer + 1];
            let mut of_layer = Vec::with_capacity(sources.len());
            for neuron in sources {
                let (output, slot) = (neuron.event_output(), neuron.column() % DRIVERS_PER_BUS);
                let hemisphere = Hemisphere::BOTH[output / BUSES];
                let driver = slot * BUSES + output % BUSES;
                let label = Label::new((DRIVERS_PER_BUS + slot) as i64)?;
                routing.neuron_addresses[neuron.index()] = Some(label.get());
                routing.output_to_hemisphere[output][hemisphere.index()] = true;
                open(&mut routing, hemisphere, driver, targets.clone(), label);
                of_layer.push((hemisphere, driver));
            }
            drivers.push(of_layer);
        }
        Ok(Self {
            neurons,
            routing,
            relays: Vec::new(),
            drivers,
            relay_synapses: Vec::new(),
            circuits_per_neuron: 2,
            slots: None,
        })
    }

    /// Places a network with as few circuits per neuron as it needs: one if it fits so, else two.
    ///
    /// # Errors
    /// [`PlacementError`] of neurons of two circuits if neither fits.
    pub fn fitting(n_inputs: usize, sizes: &[usize]) -> Result<Self, PlacementError> {
        Self::new(n_inputs, sizes).or_else(|_| Self::joined(n_inputs, sizes))
    }
}

/// Makes the two rows of a driver excitatory and inhibitory, lets it see its whole bus, and labels some columns.
fn open(routing: &mut Routing, hemisphere: Hemisphere, driver: usize, columns: std::ops::Range<usize>, label: Label) {
    let h = hemisphere.index();
    routing.driver_masks[h][driver] = 0;
    for (row, mode) in [(2 * driver, RowMode::Excitatory), (2 * driver + 1, RowMode::Inhibitory)] {
        routing.row_modes[h][row] = mode;
        routing.labels[h][row * COLUMNS + columns.start..row * COLUMNS + columns.end].fill(label);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_said_with_its_limit() {
        let message = |n, sizes: &[usize]| Placement::joined(n, sizes).unwrap_err().to_string();
        assert_eq!(message(256, &[250, 10]), "260 neurons do not fit: the chip has 256 of two circuits each");
        assert!(message(784, &[100, 10]).starts_with("784 input channels do not fit"));
        assert!(message(4, &[]).starts_with("0 layers"));
    }

    #[test]
    fn one_circuit_where_it_is_enough() {
        assert_eq!(Placement::fitting(25, &[120, 3]), Placement::new(25, &[120, 3]));
        assert_eq!(Placement::fitting(256, &[246, 10]).unwrap().circuits_per_neuron(), 2);
        assert_eq!(Placement::fitting(25, &[60, 40, 3]).unwrap().circuits_per_neuron(), 2);
    }
}
