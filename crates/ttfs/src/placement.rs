//! Where a network sits on the chip: neurons, synapse rows with their signs, event addresses.
//!
//! The first layer takes the upper row of neurons, the second the lower. Every source needs, in the columns of its targets,
//! an excitatory and an inhibitory synapse: the two rows of one synapse driver. Input channel `c` enters through event
//! interface `c mod 4`, which leads to bus `c mod 4`, and has the driver at position `c / 4` of that bus to itself. A neuron of
//! the first layer reaches the bus that its event output prescribes; all drivers of that bus see the spike, and the labels
//! of the synapses choose: 32 neurons of an output, 32 drivers of the bus, 32 labels.
//!
//! With axonal delays, hidden neurons reach delay pairs in the lower row instead, and these the outputs (module `delayed`).

mod delayed;

use std::ops::Range;

use bss2_emu::codes::{BUSES, COLUMNS, DRIVERS, DRIVERS_PER_BUS};
use bss2_emu::device::RowWrite;
use bss2_emu::routing::{EventAddress, InputChannel, Routing, RowMode};
use bss2_emu::{CodeOutOfRange, Hemisphere, Label, NeuronId, WeightCode};
use ndarray::Array2;

use crate::network::DelayKind;
use crate::scaling::Scaling;

mod joined;
mod passes;

pub use passes::{Pass, Passes};

/// Signed inputs of a neuron circuit: 256 synapses, two for each sign of an input.
pub const SIGNED_INPUTS: usize = DRIVERS;

/// A network that does not fit on the chip.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlacementError {
    /// More neurons than a row has.
    #[error("{found} neurons in layer {layer} do not fit: a row of the chip has {limit}")]
    Neurons {
        /// Layer, counted from 1.
        layer: usize,
        /// Neurons asked for.
        found: usize,
        /// Neurons that fit.
        limit: usize,
    },
    /// More sources than a neuron circuit has signed inputs.
    #[error(
        "{found} {sources} do not fit: a neuron circuit has {limit} signed inputs (256 synapse rows, two for each input)"
    )]
    Inputs {
        /// What the sources are.
        sources: &'static str,
        /// Sources asked for.
        found: usize,
        /// Sources that fit.
        limit: usize,
    },
    /// More neurons of two circuits than the chip has columns.
    #[error("{found} neurons do not fit: the chip has {limit} of two circuits each")]
    Joined {
        /// Neurons of all layers.
        found: usize,
        /// Neurons that fit.
        limit: usize,
    },
    /// More inputs than a neuron of two circuits can have.
    #[error("{found} input channels do not fit: a neuron of two circuits has {limit} signed inputs")]
    JoinedInputs {
        /// Channels asked for.
        found: usize,
        /// Channels that fit.
        limit: usize,
    },
    /// More layers than the placement knows how to lay out.
    #[error(
        "{found} layers do not fit: with one circuit per neuron, as delays need it, a network has one or two, one for each row of \
         neurons; the ideal substrate takes any number of layers"
    )]
    Layers {
        /// Layers asked for.
        found: usize,
    },
    /// Delays that the chip does not have.
    #[error(
        "{kind} delays are not on the chip: it has axonal delays alone, of inputs by the time at which they are sent and of \
         hidden neurons by delay pairs; the ideal substrate has all kinds"
    )]
    Delays {
        /// What was asked for.
        kind: &'static str,
    },
    /// More hidden neurons than delay pairs beside the outputs.
    #[error(
        "{found} hidden neurons with axonal delays and {outputs} outputs do not fit: the lower row has room for {limit} delay \
         pairs beside the outputs (two circuits each, 31 pairs on each event bus)"
    )]
    DelayPairs {
        /// Hidden neurons.
        found: usize,
        /// Outputs.
        outputs: usize,
        /// Pairs that fit.
        limit: usize,
    },
    /// More sources than the labels of a driver's inputs tell apart, in as many passes as one likes.
    #[error(
        "{found} sources of layer {layer} do not fit, not even in several passes: a neuron has up to {limit} signed inputs, \
         128 for each of 63 labels in either hemisphere"
    )]
    PassInputs {
        /// Layer, counted from 1.
        layer: usize,
        /// Sources asked for.
        found: usize,
        /// Sources that fit.
        limit: usize,
    },
    /// A coordinate outside the chip.
    #[error(transparent)]
    Coordinate(#[from] CodeOutOfRange),
}

/// A network's place on the chip.
#[derive(Debug, Clone, PartialEq)]
pub struct Placement {
    /// Neurons of each layer.
    pub neurons: Vec<Vec<NeuronId>>,
    /// The digital configuration.
    pub routing: Routing,
    /// The circuit of each hidden neuron's delay pair that sends, in the order of `routing.delay_pairs`; empty without delays.
    pub relays: Vec<NeuronId>,
    /// Synapse driver of each source of each layer.
    drivers: Vec<Vec<(Hemisphere, usize)>>,
    /// Row and column of the synapse from each hidden neuron to its delay pair, in the lower half.
    relay_synapses: Vec<(usize, usize)>,
    circuits_per_neuron: usize,
    /// Where the synapses are, for a part of a layer.
    slots: Option<passes::Slots>,
}

impl Placement {
    /// Places a network with `n_inputs` input channels and layers of the given sizes.
    ///
    /// ```
    /// use ttfs::placement::Placement;
    /// assert!(Placement::new(25, &[120, 3]).is_ok());
    /// let error = Placement::new(25, &[600, 3]).unwrap_err();
    /// assert!(error.to_string().starts_with("600 hidden neurons do not fit: a neuron circuit has 128 signed inputs"));
    /// ```
    ///
    /// # Errors
    /// [`PlacementError`] says what does not fit and how much would.
    pub fn new(n_inputs: usize, sizes: &[usize]) -> Result<Self, PlacementError> {
        check(n_inputs, sizes)?;
        let mut routing = Routing::default();
        let mut neurons = Vec::new();
        for (hemisphere, &size) in Hemisphere::BOTH.into_iter().zip(sizes) {
            let row: Result<Vec<_>, _> = (0..size).map(|column| NeuronId::at(hemisphere, column)).collect();
            neurons.push(row?);
        }

        let input_drivers = open_inputs(&mut routing, n_inputs, sizes[0])?;
        let mut drivers: Vec<Vec<_>> = vec![input_drivers.into_iter().map(|d| (Hemisphere::Top, d)).collect()];

        // Neurons of the first layer as sources of the second.
        if let Some(&targets) = sizes.get(1) {
            let mut hidden_drivers = Vec::new();
            for neuron in &neurons[0] {
                let output = neuron.event_output();
                let slot = neuron.column() % DRIVERS_PER_BUS;
                let driver = slot * BUSES + output % BUSES;
                // Label 0 belongs to the synapses that nobody uses.
                let label = Label::new(slot as i64 + 1)?;
                routing.neuron_addresses[neuron.index()] = Some(label.get());
                routing.output_to_hemisphere[output][Hemisphere::Bottom.index()] = true;
                routing.driver_masks[Hemisphere::Bottom.index()][driver] = 0;
                open_driver(&mut routing, Hemisphere::Bottom, driver, 0..targets, label);
                hidden_drivers.push((Hemisphere::Bottom, driver));
            }
            drivers.push(hidden_drivers);
        }
        Ok(Self {
            neurons,
            routing,
            relays: Vec::new(),
            drivers,
            relay_synapses: Vec::new(),
            circuits_per_neuron: 1,
            slots: None,
        })
    }

    /// Places a network with delays into its layers; without, with as few circuits per neuron as it needs.
    ///
    /// # Errors
    /// As [`Self::fitting`]; [`PlacementError::Delays`] for other delays than axonal ones.
    pub fn with_delays(n_inputs: usize, sizes: &[usize], kind: DelayKind) -> Result<Self, PlacementError> {
        match kind {
            DelayKind::None => Self::fitting(n_inputs, sizes),
            DelayKind::Axonal => delayed::place(n_inputs, sizes),
            DelayKind::Dendritic => Err(PlacementError::Delays { kind: "dendritic" }),
            DelayKind::Synaptic => Err(PlacementError::Delays { kind: "synaptic" }),
        }
    }

    /// Circuits that are joined to one neuron of the network: one or two, or more in a pass of several.
    pub fn circuits_per_neuron(&self) -> usize {
        self.circuits_per_neuron
    }

    /// The units of the network at this place, from those of single circuits.
    ///
    /// The membrane of `k` circuits has `k` times the capacitance: an event moves it by one `k`th, so that in units of weight its
    /// threshold is `k` times as high.
    #[must_use]
    pub fn scaling(&self, of_circuits: Scaling) -> Scaling {
        Scaling { threshold: of_circuits.threshold * self.circuits_per_neuron as f64, ..of_circuits }
    }

    /// Hemisphere, row and column of the synapse between a source and a neuron of a layer that carries positive or negative weights;
    /// `None` where there is none, and for neurons of several circuits.
    pub fn synapse(
        &self,
        layer: usize,
        (source, neuron): (usize, usize),
        is_negative: bool,
    ) -> Option<(Hemisphere, usize, usize)> {
        if self.slots.is_some() || self.circuits_per_neuron > 1 {
            return None;
        }
        let &(hemisphere, driver) = self.drivers.get(layer)?.get(source)?;
        let column = self.neurons.get(layer)?.get(neuron)?.column();
        Some((hemisphere, 2 * driver + usize::from(is_negative), column))
    }

    /// The synapse rows that hold these weights, `(n_sources, n_neurons)` per layer.
    pub fn rows(&self, weights: &[Array2<f64>], scaling: &Scaling) -> Vec<RowWrite> {
        let mut rows = Vec::new();
        self.fill_rows(weights, scaling, &mut rows);
        rows
    }

    /// The same into a list that keeps its allocations from one time to the next.
    pub fn fill_rows(&self, weights: &[Array2<f64>], scaling: &Scaling, rows: &mut Vec<RowWrite>) {
        if let (Some(slots), [weights]) = (&self.slots, weights) {
            *rows = slots.rows(weights, scaling);
            return;
        }
        let mut n_rows = 0;
        let mut codes = Vec::new();
        for (layer, (drivers, weights)) in self.drivers.iter().zip(weights).enumerate() {
            let first_column = self.neurons[layer].first().map_or(0, |neuron| neuron.column());
            for (&(hemisphere, driver), source) in drivers.iter().zip(weights.rows()) {
                let dense;
                let source = if let Some(source) = source.as_slice() {
                    source
                } else {
                    dense = source.to_vec();
                    &dense
                };
                scaling.signed_codes(source, &mut codes);
                for (row, sign) in [(2 * driver, 1), (2 * driver + 1, -1)] {
                    let write = next(rows, &mut n_rows, (hemisphere, row, first_column));
                    write.weights.extend(codes.iter().map(|code| WeightCode::positive_part(sign * code)));
                }
            }
        }
        for &(row, first_column) in &self.relay_synapses {
            // Any event starts a pair; the largest weight is the surest.
            next(rows, &mut n_rows, (Hemisphere::Bottom, row, first_column)).weights.push(WeightCode::MAX);
        }
        rows.truncate(n_rows);
    }
}

/// The next row of a list, without weights.
fn next<'a>(
    rows: &'a mut Vec<RowWrite>,
    n_rows: &mut usize,
    (hemisphere, row, first_column): (Hemisphere, usize, usize),
) -> &'a mut RowWrite {
    let place = *n_rows;
    *n_rows += 1;
    if place == rows.len() {
        rows.push(RowWrite { hemisphere, row, first_column, weights: Vec::new() });
    }
    let write = &mut rows[place];
    (write.hemisphere, write.row, write.first_column) = (hemisphere, row, first_column);
    write.weights.clear();
    write
}

fn check(n_inputs: usize, sizes: &[usize]) -> Result<(), PlacementError> {
    if sizes.is_empty() || sizes.len() > 2 {
        return Err(PlacementError::Layers { found: sizes.len() });
    }
    let inputs = |sources, found| {
        if found > SIGNED_INPUTS {
            Err(PlacementError::Inputs { sources, found, limit: SIGNED_INPUTS })
        } else {
            Ok(())
        }
    };
    inputs("input channels", n_inputs)?;
    if sizes.len() == 2 {
        inputs("hidden neurons", sizes[0])?;
    }
    for (layer, &found) in sizes.iter().enumerate() {
        if found > COLUMNS {
            return Err(PlacementError::Neurons { layer: layer + 1, found, limit: COLUMNS });
        }
    }
    Ok(())
}

/// Gives each input channel a driver of the upper half; returns the drivers.
fn open_inputs(routing: &mut Routing, n_inputs: usize, targets: usize) -> Result<Vec<usize>, PlacementError> {
    let label = Label::new(1)?;
    for driver in 0..n_inputs {
        let (bus, position) = (driver % BUSES, driver / BUSES);
        let address = EventAddress { hemisphere: Hemisphere::Top, bus, row_select: position as u8, label };
        routing.inputs.push(InputChannel { port: bus as u8, address });
        open_driver(routing, Hemisphere::Top, driver, 0..targets, label);
    }
    Ok((0..n_inputs).collect())
}

/// Makes the two rows of a driver excitatory and inhibitory and labels their synapses in some columns.
fn open_driver(routing: &mut Routing, hemisphere: Hemisphere, driver: usize, columns: Range<usize>, label: Label) {
    let h = hemisphere.index();
    for (row, mode) in [(2 * driver, RowMode::Excitatory), (2 * driver + 1, RowMode::Inhibitory)] {
        routing.row_modes[h][row] = mode;
        routing.labels[h][row * COLUMNS + columns.start..row * COLUMNS + columns.end].fill(label);
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::scaling::Latency;

    #[test]
    fn what_does_not_fit_is_said_with_its_limit() {
        let message = |n, sizes: &[usize]| Placement::new(n, sizes).unwrap_err().to_string();
        assert_eq!(
            message(25, &[200, 3]),
            "200 hidden neurons do not fit: a neuron circuit has 128 signed inputs (256 synapse rows, two for each input)"
        );
        assert!(message(129, &[10]).starts_with("129 input channels do not fit"));
        assert!(message(25, &[10, 10, 3]).starts_with("3 layers do not fit"));
        assert!(Placement::new(128, &[256]).is_ok());
        assert!(Placement::new(128, &[128, 256]).is_ok());
    }

    #[test]
    fn a_weight_takes_the_row_of_its_sign() {
        let placement = Placement::new(2, &[1]).unwrap();
        let scaling = Scaling {
            us_per_time: 6.0,
            lsb_per_weight: 30.0,
            threshold: 2.6,
            tau_mem: 1.0,
            latency: Latency::default(),
        };
        let weights = Array2::from_shape_vec((2, 1), vec![1.0, -0.5]).unwrap();
        let rows = placement.rows(&[weights], &scaling);
        let written: Vec<_> = rows.iter().map(|r| (r.row, r.weights[0].get())).collect();
        assert_eq!(written, [(0, 30), (1, 0), (2, 0), (3, 15)]);
    }
}
